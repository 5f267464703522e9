//! What callers do with tokens and without: good calls and bad ones, requests that cannot be read,
//! answers that are cut, a store that is away.

use http::Method;
use serde_json::json;

use super::{
    house::{House, PASSWORD},
    logins::{Sent, Tokens, basic, with},
};
use crate::{
    proxy::raw::Wire,
    support::{
        http::{bearing, get, post_form, post_json, request},
        person::hidden,
    },
};

/// Calls that are forwarded, and those that are not.
pub(super) async fn forwarded(house: &mut House, token: &Tokens) {
    let cookies = format!("{}; theme=cookie-of-the-upstreams-own", house.cookies());
    let told = [("cookie", cookies.as_str()), ("referer", "http://a.example/?code=referrer-of-a-caller")];
    for (name, value) in [
        ("caller's query", "hidden-in-the-query"),
        ("caller's body", "said-in-the-body"),
        ("caller's body", "cookie-of-the-upstreams-own"),
        ("caller's body", "referrer-of-a-caller"),
        ("caller's api key", "api-key-of-a-caller-01"),
        ("odd credential", "odd-credential-of-a-caller"),
        ("odd credential", &basic("grace", "odd-password-of-a-caller")[6..]),
        ("odd credential", "odd-password-of-a-caller"),
    ] {
        house.evidence.secret(name, value);
    }
    for path in ["/v1/echo?key=hidden-in-the-query", "/v1/breaks-down", "/open/echo", "/away/x?key=hidden-in-the-query", "/no-tls/x"] {
        house.call(with(bearing(request(Method::POST, path, "text/plain", "said-in-the-body"), &token.access), &told)).await;
    }
    let key = [("x-api-key", "api-key-of-a-caller-01")];
    for keyed in [bearing(get("/v1/echo"), &token.access), get("/v1/echo"), get("/open/echo")] {
        house.call(with(keyed, &key)).await;
    }
    let odd = [
        "Digest username=\"grace\", response=\"odd-credential-of-a-caller\"".to_owned(),
        "Token odd-credential-of-a-caller".to_owned(),
        "odd-credential-of-a-caller".to_owned(),
        "Bearer odd-credential-of-a-caller".to_owned(),
        "Bearer a, Bearer odd-credential-of-a-caller".to_owned(),
        basic("grace", "odd-password-of-a-caller"),
    ];
    for path in ["/v1/echo", "/open/echo", "/api/v1/auth/me", "/auth/device/code"] {
        for credential in &odd {
            let method = if path.starts_with("/auth") { Method::POST } else { Method::GET };
            house.call(with(request(method, path, "", ""), &[("authorization", credential)])).await;
        }
    }
    let (most, last) = token.access.split_at(token.access.len() - 1);
    let tampered = format!("{most}{}", if last == "x" { "y" } else { "x" });
    let expired = (house.expired.access.clone(), house.expired.refresh.clone(), house.expired.device_code.clone());
    for bad in [&tampered, &token.refresh, &expired.0, &expired.1, &expired.2] {
        assert_eq!(house.call(bearing(get("/v1/echo"), bad)).await.status, 401);
    }
    let twice = with(bearing(get("/v1/echo"), &token.access), &[("authorization", &format!("Bearer {}", token.refresh))]);
    assert!(house.call(twice).await.status.is_client_error());
    for path in [format!("/v1/{}/..", token.access), format!("/nowhere/{}", token.access), "/v1/%2e%2e/x".to_owned()] {
        house.call(bearing(get(&path), &token.access)).await;
    }
}

/// An answer that the upstream breaks off, and one that is cut when its grant is taken back.
pub(super) async fn cut(house: &mut House, token: &Tokens, revoke: Sent) {
    let address = house.server.as_ref().unwrap().address;
    let asking = format!("GET /raw/x HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\n\r\n", token.access);
    let mut revoke = Some(revoke);
    for taken_back in [false, true] {
        let mut caller = Wire::to(address).await;
        caller.send(&asking).await;
        let (mut wire, head) = house.raw.asked().await;
        house.came(&head);
        wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
        wire.send_chunk("four").await;
        caller.head().await;
        assert_eq!(caller.chunk().await.as_deref(), Some("four"));
        match revoke.take_if(|_| taken_back) {
            None => drop(wire),
            Some(revoke) => {
                assert_eq!(house.call(revoke).await.status, 200);
                wire.closed().await;
            }
        }
        let rest = caller.rest().await;
        house.evidence.saw("the answers' heads", rest);
    }
    assert_eq!(house.call(bearing(get("/raw/x"), &token.access)).await.status, 401);
}

/// Requests that cannot be read.
pub(super) async fn malformed(house: &mut House, token: &Tokens) {
    let Tokens { access, refresh } = token;
    let cut_off = |path: &str| request(Method::POST, path, "application/json", format!("{{\"refresh_token\": \"{refresh}"));
    for mistaken in [
        cut_off("/auth/device/token"),
        cut_off("/api/v1/auth/refresh"),
        cut_off("/api/auth/app/exchange"),
        cut_off("/sign-in"),
        request(Method::POST, "/auth/device/token", "text/plain", refresh.clone()),
        request(Method::POST, "/auth/device/token", "application/x-www-form-urlencoded", format!("{refresh}=1&{refresh}=2")),
        post_form("/auth/device/token", &[("grant_type", refresh), ("client_id", access)]),
        post_form(
            "/auth/device/token",
            &[("grant_type", "refresh_token"), ("client_id", "bootspring-cli"), ("scope", refresh), ("refresh_token", access)],
        ),
        post_json("/auth/device/token", &json!({"grant_type": "refresh_token", "client_id": [refresh], "refresh_token": {"a": access}})),
        post_json("/api/auth/app/exchange", &json!({"request_id": refresh, "code": "999999"})),
        post_json("/api/auth/app/exchange", &json!({"request_id": refresh, "code": access})),
        post_json("/api/auth/app/request", &json!({"app_name": format!("\u{202e}{refresh}")})),
        post_form("/sign-in", &[("form", refresh), ("name", access), ("password", PASSWORD)]),
        request(Method::POST, "/api/v1/auth/refresh", "application/json", format!("\"{}\"", refresh.repeat(1000))),
        get(&format!("/device?user_code={refresh}")),
        get(&format!("/authorize-app?request_id={refresh}")),
    ] {
        let status = house.call(mistaken).await.status;
        assert!(status.is_client_error() || status == 303, "{status}");
    }
    let address = house.server.as_ref().unwrap().address;
    for head in [
        format!("GET /v1/x HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {access}\r\nbad header {refresh}\0: x\r\n\r\n"),
        format!("GET /v1/{access} {refresh} HTTP/1.1\r\n\r\n"),
        format!("{access} /v1/x HTTP/9.9\r\nhost: {refresh}\r\n\r\n"),
        format!("GET /v1/x HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {access}\r\nx: {}\r\n\r\n", refresh.repeat(10_000)),
        format!("POST /v1/x HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {access}\r\ntransfer-encoding: chunked\r\n\r\n{refresh}\r\n"),
    ] {
        let mut wire = Wire::to(address).await;
        wire.send(head).await;
        wire.end().await;
        let rest = wire.rest().await;
        house.evidence.saw("the answers' heads", rest);
    }
}

/// The disk is full: the same again, as far as it goes.
pub(super) async fn store_away(house: &mut House, token: &Tokens) {
    house.server.as_ref().unwrap().fill_disk();
    let page = house.browse(get("/sign-in")).await;
    let form = if page.status == 200 { hidden(&page, "form") } else { "00".to_owned() };
    let mut refused = 0;
    for asked in [
        post_form("/auth/device/code", &[("client_id", "bootspring-cli")]),
        post_json("/api/v1/auth/refresh", &json!({"refreshToken": token.refresh})),
        post_json("/api/auth/app/request", &json!({"app_name": "My app"})),
        post_form("/sign-in", &[("form", &form), ("name", "grace"), ("password", PASSWORD)]),
        bearing(post_json("/api/v1/auth/logout", &json!({"refreshToken": token.refresh})), &token.access),
        bearing(get("/v1/echo"), &token.access),
        get("/applications"),
    ] {
        refused += u8::from(house.browse(asked).await.status == 503);
    }
    assert!(refused >= 3, "the store was there");
}
