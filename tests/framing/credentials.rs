//! Who is let in with what, and that no credential of his travels.

use super::bench::{Case, all_of, passes, post, refused};

/// A POST with these lines and no other credential.
fn with(fields: &str) -> String {
    format!("POST /v1/x HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
}

fn in_(name: &str, sent: String) -> Case {
    passes(name, sent, "POST /v1/x", &[], "")
}

#[tokio::test(flavor = "multi_thread")]
async fn one_good_credential_lets_in() {
    let mut cases = Vec::new();
    for line in [
        "Authorization: Bearer {T}",
        "authorization: Bearer {T}",
        "AUTHORIZATION: Bearer {T}",
        "aUTHORIZATION: bEaReR {T}",
        "Authorization: bearer {T}",
        "Authorization: BEARER {T}",
        "Authorization:Bearer {T}",
        "Authorization: \t Bearer {T}",
        "Authorization: Bearer {T} \t",
        "Authorization: Bearer  {T}",
        "Authorization: Bearer      {T}",
    ] {
        cases.push(in_(line, with(&format!("{line}\r\n"))));
    }
    cases.push(in_("a cookie beside it", with("Authorization: Bearer {T}\r\nCookie: gatepost_session=x\r\n")));
    cases.push(in_("another spelling beside it", with("Authorization: Bearer {T}\r\nX.Api.Key: x\r\nProxy~Authorization: x\r\n")));
    for query in ["access_token=x", "api_key=x&key=y", "token=Bearer%20x"] {
        let sent = with("Authorization: Bearer {T}\r\n").replace("/v1/x", &format!("/v1/x?{query}"));
        cases.push(passes(&format!("{query} in the query"), sent, &format!("POST /v1/x?{query}"), &[], ""));
    }
    all_of("", cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_credentials_are_refused() {
    let mut cases = Vec::new();
    for lines in [
        "Authorization: Bearer {T}\r\nAuthorization: Bearer {T}\r\n",
        "Authorization: Bearer {T}\r\nAuthorization: Bearer x\r\n",
        "Authorization: Bearer x\r\nAuthorization: Bearer {T}\r\n",
        "Authorization: Bearer {T}\r\nauthorization: Bearer {T}\r\n",
        "AUTHORIZATION: Bearer {T}\r\naUthorization: Basic YTpi\r\n",
        "Authorization: Basic YTpi\r\nAuthorization: Bearer {T}\r\n",
        "Authorization:\r\nAuthorization: Bearer {T}\r\n",
        "Authorization: Bearer {T}\r\nAuthorization:\r\n",
        "Authorization: Bearer {T}\r\nX-A: 1\r\nAuthorization: Bearer x\r\n",
        "Authorization: Bearer {T}, Bearer {T}\r\n",
        "Authorization: Bearer {T},Bearer x\r\n",
        "Authorization: Bearer {T},\tBearer x\r\n",
        "Authorization: Bearer {T}\t,\tBearer x\r\n",
        "Authorization: Bearer x, Bearer {T}\r\n",
        "Authorization: Bearer {T},\r\n",
        "Authorization: Bearer ,{T}\r\n",
        "Authorization: Bearer {T}, realm=\"a\"\r\n",
        "Authorization: Basic YTpi, Bearer {T}\r\n",
    ] {
        cases.push(refused(&format!("{lines:?}"), with(lines)));
    }
    for other in ["X-API-Key: x", "Api-Key: {T}", "X-Goog-Api-Key: x", "Proxy-Authorization: Basic YTpi"] {
        let lines = format!("SerbleAuth: App {{T}}\r\n{other}\r\n");
        cases.push(refused(&lines, with(&lines)));
    }
    for field in [
        "SerbleAuth: App x",
        "serbleauth: User {T}",
        "X-API-Key: x",
        "x-api-key: {T}",
        "Api-Key: x",
        "API-KEY: {T}",
        "X-Goog-Api-Key: x",
        "Proxy-Authorization: Basic YTpi",
    ] {
        cases.push(refused(&format!("{field} after"), with(&format!("Authorization: Bearer {{T}}\r\n{field}\r\n"))));
        cases.push(refused(&format!("{field} before"), with(&format!("{field}\r\nAuthorization: Bearer {{T}}\r\n"))));
    }
    for field in ["X-Auth-Token: {T}", "Referer: http://a/?x={T}&y", "Cookie: a=1; b={T}", "X.Api.Key: {T}"] {
        cases.push(refused(&format!("{field} beside it"), with(&format!("Authorization: Bearer {{T}}\r\n{field}\r\n"))));
    }
    for target in ["/v1/x?access_token={T}", "/v1/x?a=1&key={T}&b", "/v1/{T}/x"] {
        cases.push(refused(target, with("Authorization: Bearer {T}\r\n").replace("/v1/x", target)));
    }
    for name in ["Authorization_", "_Authorization", "X_API_Key", "api_key", "Proxy_Authorization", "x-goog_api-key", "HTTP_AUTHORIZATION"]
    {
        cases.push(refused(name, with(&format!("Authorization: Bearer {{T}}\r\n{name}: x\r\n"))));
    }
    // What the gateway answers itself has the same rule.
    for (path, lines) in [
        ("/api/v1/auth/logout", "Authorization: Bearer {T}\r\nAuthorization: Bearer {T}\r\n"),
        ("/api/v1/auth/logout", "Authorization: Bearer {T}\r\nX-API-Key: x\r\n"),
        ("/auth/device/code", "Authorization: Basic YTpi\r\nProxy-Authorization: Basic YTpi\r\n"),
    ] {
        let sent = format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 19\r\n{lines}\r\n{{\"client_id\":\"app\"}}"
        );
        cases.push(refused(&format!("{path} with {lines:?}"), sent));
    }
    // With one or none it is another matter.
    for (path, line) in [("/api/v1/auth/logout", "Authorization: Bearer x\r\n"), ("/auth/device/code", "")] {
        let sent = format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 19\r\n{line}\r\n{{\"client_id\":\"app\"}}"
        );
        cases.push(refused(&format!("{path} with {line:?}"), sent).with(200));
    }
    let me = "GET /api/v1/auth/me HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {T}\r\n\r\n";
    cases.push(refused("/api/v1/auth/me with one credential", me).with(200));
    for fields in ["Authorization: Bearer {T}\r\nAuthorization: Bearer {T}\r\n", "Authorization: Bearer {T}\r\nApi-Key: x\r\n"] {
        cases
            .push(refused(&format!("/api/v1/auth/me with {fields:?}"), format!("GET /api/v1/auth/me HTTP/1.1\r\nHost: a\r\n{fields}\r\n")));
    }
    all_of("", cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_good_credential_lets_nobody_in() {
    let mut cases = Vec::new();
    for lines in [
        "",
        "Authorization:\r\n",
        "Authorization: \t\r\n",
        "Authorization: Bearer\r\n",
        "Authorization: Bearer \r\n",
        "Authorization: Bearer\t{T}\r\n",
        "Authorization: Bearer \t{T}\r\n",
        "Authorization: Bearer{T}\r\n",
        "Authorization: Bearer:{T}\r\n",
        "Authorization: Bearer={T}\r\n",
        "Authorization: Bearer {T} {T}\r\n",
        "Authorization: Bearer {T} x\r\n",
        "Authorization: Bearer x {T}\r\n",
        "Authorization: Bearer {T} Bearer {T}\r\n",
        "Authorization: Bearer x\tBearer {T}\r\n",
        "Authorization: Bearer {T}\tx\r\n",
        "Authorization: Bearer Bearer {T}\r\n",
        "Authorization: \"Bearer {T}\"\r\n",
        "Authorization: Bearer \"{T}\"\r\n",
        "Authorization: Bearer '{T}'\r\n",
        "Authorization: Bearer <{T}>\r\n",
        "Authorization: Bearer {T};\r\n",
        "Authorization: Bearer {T}=\r\n",
        "Authorization: Bearer ={T}\r\n",
        "Authorization: Bearer {T}\u{e9}\r\n",
        "Authorization: Bearer \u{a0}{T}\r\n",
        "Authorization: Bearer\u{a0}{T}\r\n",
        "Authorization: B\u{e9}arer {T}\r\n",
        "Authorization: Bearer %20{T}\r\n",
        "Authorization: Bearer token={T}\r\n",
        "Authorization: {T}\r\n",
        "Authorization: Token {T}\r\n",
        "Authorization: Basic {T}\r\n",
        "Authorization: Digest {T}\r\n",
        "Authorization: DPoP {T}\r\n",
        "Authorization: App {T}\r\n",
        "Authorization: Negotiate, Bearer {T}\r\n",
        "X-API-Key: {T}\r\n",
        "Api-Key: {T}\r\n",
        "X-Goog-Api-Key: {T}\r\n",
        "SerbleAuth: App {T}\r\n",
        "SerbleAuth: {T}\r\n",
        "SerbleAuth: Bearer {T}\r\n",
        "serbleauth: app {T}\r\n",
        "SerbleAuth: App {T}\r\nSerbleAuth: App {T}\r\n",
        "SerbleAuth: App {T}, App {T}\r\n",
        "SerbleAuth:\r\n",
        "Serble-Auth: App {T}\r\n",
        "Proxy-Authorization: Bearer {T}\r\n",
        "X-API-Key: {T}\r\nApi-Key: {T}\r\n",
        "Cookie: gatepost_session={T}\r\n",
        "Cookie: Authorization=Bearer {T}\r\n",
        "X-Authorization: Bearer {T}\r\n",
        "X-Forwarded-Access-Token: {T}\r\n",
        "Authorization.: Bearer {T}\r\n",
        "X-Original-Authorization: Bearer {T}\r\n",
        "WWW-Authenticate: Bearer {T}\r\n",
        "Connection: Authorization\r\n",
    ] {
        cases.push(refused(&format!("{lines:?}"), with(lines)).with(401));
    }
    for query in ["access_token={T}", "token={T}", "api_key={T}", "Authorization=Bearer%20{T}", "bearer={T}"] {
        cases.push(refused(&format!("the query {query}"), with("").replace("/v1/x", &format!("/v1/x?{query}"))).with(401));
    }
    let body = "Transfer-Encoding: chunked\r\nTrailer: Authorization\r\n\r\n2\r\nhi\r\n0\r\nAuthorization: Bearer {T}\r\n";
    cases.push(refused("a trailer", with(body)).with(401));
    cases.push(
        refused("a form", post("", "").replace("Authorization: Bearer {T}\r\n", "Content-Length: 14\r\n") + "access_token=x").with(401),
    );
    for line in [
        "Authorization : Bearer {T}",
        "Authorization\t: Bearer {T}",
        " Authorization: Bearer {T}",
        "Authorization: Bearer {T}\0",
        "Authorization: Bearer\0{T}",
        "Authorization: Bearer\r\n {T}",
        "Authorization:\r\n\tBearer {T}",
        "Authorization: Bearer {T}\r\n Bearer x",
        "Authorization: Bearer\r{T}",
        "Authorization: Bearer \u{b}{T}",
        "Authorization: Bearer \u{7f}{T}",
        "Authorization Bearer {T}",
        "Authorization;: Bearer {T}",
        "\"Authorization\": Bearer {T}",
        "Authorizat\u{ed}on: Bearer {T}",
    ] {
        cases.push(refused(&format!("the line {line:?}"), with(&format!("{line}\r\n"))).closing());
    }
    all_of("", cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_route_reads_no_credential_and_passes_none_on() {
    let open = |fields: &str| format!("POST /open/x HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    let cases = [
        "",
        "Authorization: Bearer {T}\r\n",
        "Authorization: Bearer x\r\nAuthorization: Bearer {T}\r\n",
        "X-API-Key: {T}\r\n",
        "Authorization: Bearer {T}\r\nX-API-Key: x\r\n",
        "X.Api.Key: {T}\r\nApi!Key: {T}\r\nAuthorization: {T}\r\n",
        "SerbleAuth: App {T}\r\nProxy-Authorization: Bearer {T}\r\nX-Goog-Api-Key: {T}\r\n",
        "Cookie: gatepost_session={T}\r\n",
        "Cookie: __Host-gatepost_session={T}; gatepost_visit={T}\r\n",
    ]
    .map(|fields| passes(&format!("{fields:?}"), open(fields), "POST /open/x", &[], ""));
    all_of("", cases.into()).await;
}
