//! How apps are let in: what they, and the person in the browser, do one after the other.

use http::{Method, Request};
use serde_json::{Value, json};

use super::house::{House, PASSWORD, SERVICE};
use crate::support::{
    authorize,
    http::{Reply, bearing, get, post_form, post_json, request},
    person::{hidden, last_hidden, typed_code},
};

pub(super) type Sent = Request<http_body_util::Full<bytes::Bytes>>;

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// What an app holds once it was let in.
pub(super) struct Tokens {
    pub(super) access: String,
    pub(super) refresh: String,
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}")).to_owned()
}

pub(super) fn with(mut request: Sent, fields: &[(&'static str, &str)]) -> Sent {
    for (name, value) in fields {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    request
}

pub(super) fn basic(id: &str, secret: &str) -> String {
    let encoded: Vec<String> = [id, secret].iter().map(|part| form_urlencoded::byte_serialize(part.as_bytes()).collect()).collect();
    format!("Basic {}", data_encoding::BASE64.encode(encoded.join(":").as_bytes()))
}

fn tokens(house: &mut House, reply: &Reply, name: [&'static str; 2]) -> Tokens {
    assert_eq!(reply.status, 200, "{}", reply.text());
    let tokens = Tokens { access: text(&reply.json(), "access_token"), refresh: text(&reply.json(), "refresh_token") };
    house.evidence.secret(name[0], &tokens.access);
    house.evidence.secret(name[1], &tokens.refresh);
    tokens
}

/// The browser signs in where the device's link led it: once with a wrong password.
async fn sign_in(house: &mut House, link: &str) {
    let sent_on = house.browse(get(link)).await;
    assert_eq!(sent_on.status, 303);
    let sign_in = sent_on.header("location").to_owned();
    let mut page = house.browse(get(&sign_in)).await;
    for (password, status) in [("not-the-password-of-grace", 401), (PASSWORD, 303)] {
        let form = hidden(&page, "form");
        house.evidence.secret("form's token", &form);
        let user_code = hidden(&page, "user_code");
        let fields = [("form", form.as_str()), ("to", "device"), ("user_code", &user_code), ("name", "grace"), ("password", password)];
        page = house.browse(post_form("/sign-in", &fields)).await;
        assert_eq!(page.status, status, "{}", page.text());
    }
    house.evidence.secret("wrong password", "not-the-password-of-grace");
    let device = page.header("location").to_owned();
    assert_eq!(house.browse(get(&device)).await.status, 200);
}

/// The browser enters a code and decides.
async fn decide(house: &mut House, user_code: &str, decision: &str) {
    let page = house.browse(get("/device")).await;
    let form = last_hidden(&page, "form");
    let wrong = house.browse(post_form("/device", &[("form", &form), ("user_code", "ZZZZ-ZZZX")])).await;
    assert_eq!(wrong.status, 400);
    let forged = house.browse(post_form("/device", &[("form", "00"), ("user_code", user_code)])).await;
    assert_eq!(forged.status, 403);
    let page = house.browse(post_form("/device", &[("form", &form), ("user_code", user_code)])).await;
    let (form, grant) = (last_hidden(&page, "form"), hidden(&page, "grant"));
    house.evidence.secret("form's token", &form);
    let decided = house.browse(post_form("/device/decision", &[("form", &form), ("grant", &grant), ("decision", decision)])).await;
    assert_eq!(decided.status, 200, "{}", decided.text());
}

/// Bootspring by the RFC, with a client that has a secret: ask, poll, deny once, approve, fetch,
/// refresh.
pub(super) async fn bootspring(house: &mut House) -> Tokens {
    let service = basic("service", SERVICE);
    let wrong = with(post_form("/auth/device/code", &[]), &[("authorization", &basic("service", "not the clients secret"))]);
    assert_eq!(house.call(wrong).await.status, 401);
    house.evidence.secret("wrong client's secret", "not the clients secret");
    for decision in ["deny", "approve"] {
        let asked = house.call(with(post_form("/auth/device/code", &[]), &[("authorization", &service)])).await.json();
        let (device_code, user_code) = (text(&asked, "device_code"), text(&asked, "user_code"));
        house.evidence.secret("device code", &device_code);
        house.evidence.secret("user code", &user_code);
        let fields = [("grant_type", DEVICE_CODE), ("client_id", "service"), ("client_secret", SERVICE), ("device_code", &device_code)];
        assert_eq!(house.call(post_form("/auth/device/token", &fields)).await.json()["error"], "authorization_pending");
        if decision == "deny" {
            sign_in(house, &format!("/device?user_code={user_code}")).await;
        }
        decide(house, &user_code, decision).await;
        let answer = house.call(post_form("/auth/device/token", &fields)).await;
        if decision == "deny" {
            assert_eq!(answer.json()["error"], "access_denied");
            continue;
        }
        let first = tokens(house, &answer, ["access token", "refresh token"]);
        let again = [("grant_type", "refresh_token"), ("refresh_token", &first.refresh)];
        let refreshed = house.call(with(post_form("/auth/device/token", &again), &[("authorization", &service)])).await;
        return tokens(house, &refreshed, ["access token", "refresh token"]);
    }
    unreachable!("the second is approved")
}

/// Bootspring as its command line speaks it: ask, fetch, who am I, refresh.
pub(super) async fn command_line(house: &mut House) -> Tokens {
    let asked = house.call(post_json("/api/v1/auth/device", &json!({"device": {"hostname": "laptop", "platform": "linux"}}))).await.json();
    let (device_code, user_code) = (text(&asked, "device_code"), text(&asked, "user_code"));
    house.evidence.secret("command line's device code", &device_code);
    house.evidence.secret("command line's user code", &user_code);
    decide(house, &user_code, "approve").await;
    let fetched = house.call(post_json("/api/v1/auth/device/token", &json!({"device_code": device_code}))).await;
    let first = tokens(house, &fetched, ["command line's first token", "command line's first token"]);
    assert_eq!(house.call(bearing(get("/api/v1/auth/me"), &first.access)).await.status, 200);
    let refreshed = house.call(post_json("/api/v1/auth/refresh", &json!({"refreshToken": first.refresh}))).await;
    tokens(house, &refreshed, ["command line's next token", "command line's next token"])
}

/// SereChat: ask, approve, read the code, type a wrong one and the right one; and once a no.
pub(super) async fn serechat(house: &mut House) -> String {
    let mut access = String::new();
    for decision in ["deny", "approve"] {
        let asked = house.call(post_json("/api/auth/app/request", &json!({"app_name": "My app"}))).await.json();
        let request_id = text(&asked, "request_id");
        house.evidence.secret("request id", &request_id);
        let page = house.browse(get(&format!("/authorize-app?request_id={request_id}"))).await;
        let form = last_hidden(&page, "form");
        for (form, status) in [("00", 403), (&form, if decision == "deny" { 200 } else { 303 })] {
            let fields = [("form", form), ("request_id", &request_id), ("decision", decision)];
            let answer = house.browse(post_form("/authorize-app", &fields)).await;
            assert_eq!(answer.status, status, "{}", answer.text());
        }
        let exchange = |code: &str| post_json("/api/auth/app/exchange", &json!({"request_id": request_id, "code": code}));
        if decision == "deny" {
            assert_eq!(house.call(exchange("123456")).await.status, 410);
            continue;
        }
        let page = house.browse(get(&format!("/authorize-app?request_id={request_id}"))).await;
        let code = typed_code(&page).unwrap();
        house.evidence.secret("typed code", &code);
        // Another number than the right one.
        let wrong = format!("{:06}", (code.parse::<u32>().unwrap() + 314_159) % 1_000_000);
        house.evidence.secret("wrong typed code", &wrong);
        assert_eq!(house.call(exchange(&wrong)).await.json()["error"], "invalid_code");
        let given = house.call(exchange(&code)).await;
        assert_eq!(given.status, 200, "{}", given.text());
        access = text(&given.json(), "access_token");
        house.evidence.secret("app's token", &access);
    }
    access
}

/// A token that the person makes for a script.
pub(super) async fn personal(house: &mut House) -> String {
    let page = house.browse(get("/account")).await.text();
    let form = page.split("action=\"/account/tokens\"").nth(1).unwrap().split("name=\"form\" value=\"").nth(1).unwrap();
    let form = form.split('"').next().unwrap();
    house.evidence.secret("form's token", form);
    let create =
        [("form", form), ("name", "script"), ("scope.inference", "on"), ("scope.clients", "on"), ("scope.approve", "on"), ("days", "7")];
    let page = house.browse(post_form("/account/tokens", &create)).await.text();
    let token = format!("gpp_{}", page.split("gpp_").nth(1).unwrap().split('<').next().unwrap());
    house.evidence.secret("personal token", &token);
    token
}

/// Serika's API for clients, with a personal token: makes one, whose secret is then shown with
/// codes that are none.
pub(super) async fn serika(house: &mut House, personal: &str) {
    const BASE: &str = "/api/openai/v1/oauth";
    let create = json!({"name": "A site", "redirectUris": ["https://site.example/cb"], "scopes": ["inference"]});
    let made = house.call(bearing(post_json(&format!("{BASE}/clients"), &create), personal)).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let (id, secret) = (text(&made.json(), "clientId"), text(&made.json(), "clientSecret"));
    house.evidence.secret("made client's secret", &secret);
    house.evidence.secret("code that is none", "sk_co_code-that-is-none");
    let wrong = format!("{secret}x");
    let fields = [("grant_type", "authorization_code"), ("code", "sk_co_code-that-is-none"), ("code_verifier", "verifier-that-is-none")];
    for shown in [&secret, &wrong] {
        let in_body = [&fields[..], &[("client_id", &id), ("client_secret", shown)]].concat();
        assert_eq!(house.call(post_form(&format!("{BASE}/token"), &in_body)).await.status, 400);
        let basic = basic(&id, shown);
        let status = house.call(with(post_form(&format!("{BASE}/token"), &fields), &[("authorization", &basic)])).await.status;
        assert_eq!(status, if *shown == secret { 400 } else { 401 });
    }
    let listed = house.call(bearing(get(&format!("{BASE}/clients")), personal)).await;
    assert_eq!(listed.json()[0]["clientId"], id);
}

/// Fruxon: begin, poll, deny once, approve with a personal token, fetch the key, rotate it, log in again,
/// and take it back.
pub(super) async fn fruxon(house: &mut House, personal: &str) {
    const BEGIN: &str = "/v1/deviceAuthorizations";
    const TOKENS: &str = "/v1/tenants/default/tokens";
    let mut before: Option<String> = None;
    for decision in ["deny", "approve", "approve"] {
        let asked = json!({"preset": "operator", "deviceId": "d-1", "clientName": "A program"});
        let asked = house.call(post_json(BEGIN, &asked)).await.json();
        let (device_code, user_code) = (text(&asked, "deviceCode"), text(&asked, "userCode"));
        house.evidence.secret("program's device code", &device_code);
        house.evidence.secret("program's user code", &user_code);
        let poll = || get(&format!("{BEGIN}/{device_code}"));
        assert_eq!(house.call(poll()).await.status, 202);
        assert_eq!(house.call(bearing(get(&format!("{BEGIN}/{user_code}:lookup")), personal)).await.status, 200);
        let decided =
            post_json(&format!("/v1/tenants/default/deviceAuthorizations/{user_code}:{decision}"), &json!({"preset": "operator"}));
        assert_eq!(house.call(bearing(decided, personal)).await.status, 200);
        let polled = house.call(poll()).await;
        assert_eq!(house.call(poll()).await.status, 410);
        if decision == "deny" {
            assert_eq!(polled.status, 410);
            continue;
        }
        let mut key = text(&polled.json(), "apiKey");
        house.evidence.secret("key", &key);
        assert_eq!(house.call(bearing(get("/v1/echo"), &key)).await.status, 200);
        let id = text(&house.call(bearing(get(&format!("{TOKENS}/current")), &key)).await.json(), "id");
        let rotated = house.call(bearing(post_json(&format!("{TOKENS}/{id}:rotate"), &json!({})), &key)).await;
        key = text(&rotated.json(), "token");
        house.evidence.secret("rotated key", &key);
        if before.replace(key.clone()).is_some() {
            assert_eq!(house.call(bearing(get(TOKENS), &key)).await.status, 200);
            let delete = bearing(request(http::Method::DELETE, &format!("{TOKENS}/{id}"), "", ""), &key);
            assert_eq!(house.call(delete).await.status, 204);
        }
    }
    if let Some(key) = before {
        for path in ["/v1/echo".to_owned(), format!("{BEGIN}/{key}"), format!("{BEGIN}/{key}:lookup"), format!("/v1/tenants/{key}/tokens")]
        {
            assert!(house.call(bearing(get(&path), &key)).await.status.is_client_error(), "{path}");
        }
    }
}

/// Makes an app on the pages; answers its id and its secret.
async fn made(house: &mut House, dialect: &str) -> (String, String) {
    let page = house.browse(get(&format!("/apps/new?dialect={dialect}"))).await;
    let form = last_hidden(&page, "form");
    let create = [
        ("form", form.as_str()),
        ("dialect", dialect),
        ("name", "My app"),
        ("redirect_uris", "http://127.0.0.1/cb"),
        ("scope.inference", "on"),
    ];
    let page = house.browse(post_form("/apps/new", &create)).await.text();
    let secret = shown(&page, "secret");
    house.evidence.secret("app's secret", &secret);
    (shown(&page, "client-id"), secret)
}

/// What stands in the element of this id.
fn shown(page: &str, id: &str) -> String {
    let element = page.split(&format!("id=\"{id}\" tabindex")).nth(1).unwrap_or_else(|| panic!("no {id} in {page}"));
    element.split('>').nth(1).unwrap().split('<').next().unwrap().to_owned()
}

/// An app of the person's own: made, given another secret, and let in by way of the browser.
pub(super) async fn own_app(house: &mut House) {
    let (client, _) = made(house, "serika").await;
    house.browse(get("/apps")).await;
    house.browse(get(&format!("/apps/app?dialect=serika&client={client}"))).await;
    let ask = house.browse(get(&format!("/apps/reset-secret?dialect=serika&client={client}"))).await;
    let reset = [("form", &last_hidden(&ask, "form")[..]), ("dialect", "serika"), ("client", &client)];
    let page = house.browse(post_form("/apps/reset-secret", &reset)).await.text();
    house.evidence.secret("app's next secret", &shown(&page, "secret"));

    // A URL that every log would keep, were it kept there.
    let_in(house, &authorize::address(&client, "http://127.0.0.1/cb", &[("state", "state")])).await;
}

/// The person lets in whoever sent the browser to this address; answers the code.
async fn let_in(house: &mut House, address: &str) -> String {
    let page = house.browse(get(address)).await;
    let (form, grant, asked) = (last_hidden(&page, "form"), hidden(&page, "grant"), hidden(&page, "asked"));
    house.evidence.secret("form's token", &form);
    for form in ["00", &form] {
        let fields = [("form", form), ("grant", &grant), ("asked", &asked), ("decision", "approve")];
        let answer = house.browse(post_form(address, &fields)).await;
        if let Some(code) = authorize::parameter(answer.header("location"), "code") {
            house.evidence.secret("authorization code", &code);
            return code;
        }
    }
    panic!("there is no code");
}

/// Serble, where everything stands in the query: a code, a refresh token and the app's secret, each of
/// them right and wrong, and shown again.
pub(super) async fn serble(house: &mut House) {
    const TOKEN: &str = "/api/v1/oauth/token";
    let (client, secret) = made(house, "serble").await;
    let question = format!("response_type=token&client_id={client}&scope=inference&state=s&redirect_uri=http%3A%2F%2F127.0.0.1%2Fcb");
    house.browse(get(&format!("/api/v1/oauth/auth?{question}"))).await;
    let code = let_in(house, &format!("/oauth/authorize?{question}")).await;
    let wrong = format!("{secret}x");
    let query = |shown: &str, secret: &str| format!("{shown}&client_id={client}&client_secret={secret}&grant_type=authorization_code");
    let asked = |endpoint: &str, query: &str| request(Method::POST, &format!("{TOKEN}/{endpoint}?{query}"), "application/json", "");
    let refused = house.call(asked("refresh", &query(&format!("code={code}"), &wrong))).await;
    assert_eq!(refused.text(), "Invalid client_secret");
    let given = house.call(asked("refresh", &query(&format!("code={code}"), &secret))).await;
    assert_eq!(given.status, 200, "{}", given.text());
    let (access, refresh) = (text(&given.json(), "access_token"), text(&given.json(), "refresh_token"));
    house.evidence.secret("Serble's access token", &access);
    house.evidence.secret("Serble's refresh token", &refresh);
    let refreshing = query(&format!("refresh_token={refresh}"), &secret);
    assert_eq!(house.call(asked("access", &refreshing)).await.status, 200);
    for bad in [
        asked("refresh", &query(&format!("code={code}"), &secret)),
        asked("refresh", &query(&format!("code={refresh}"), &secret)),
        asked("access", &query(&format!("refresh_token={access}"), &secret)),
        asked("access", &format!("{refreshing}&{secret}={secret}&{secret}={code}")),
        asked("access", &format!("{refreshing}&x=%ff")),
        asked("nowhere", &refreshing),
        request(Method::POST, &format!("{TOKEN}/access?{refreshing}"), "application/json", refresh.clone()),
        get(&format!("{TOKEN}/access?{refreshing}")),
        get(&format!("/api/v1/app/{secret}/public")),
        with(get("/v1/echo"), &[("serbleauth", &format!("User {access}"))]),
        with(get("/v1/echo"), &[("serbleauth", &format!("App {refresh}"))]),
        with(bearing(get("/v1/echo"), &access), &[("serbleauth", &format!("App {access}"))]),
    ] {
        let reply = house.call(bad).await;
        assert!(reply.status.is_client_error(), "{}", reply.status);
    }
    for path in ["/v1/echo", "/api/v1/account"] {
        assert_eq!(house.call(with(get(path), &[("serbleauth", &format!("App {access}"))])).await.status, 200, "{path}");
    }
}
