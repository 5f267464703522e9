//! What is secret stays where it belongs: not in the log at its most talkative, not upstream, not in
//! an answer to anybody else, not in an address, not in the store.

mod calls;
mod evidence;
mod house;
mod logins;
mod process;
mod search;
mod shared;

use serde_json::json;

use self::{evidence::Table, house::House};
use crate::support::{
    http::{Reply, bearing, get, post_form, post_json},
    person::hidden,
};

/// Where each secret may be seen. What an app is given stands in the one answer that gives it.
const PLACES: &Table = &[
    ("root secret", &[]),
    ("password", &[]),
    ("wrong password", &[]),
    ("client's secret", &[]),
    ("wrong client's secret", &[]),
    ("upstream's key", &["what came upstream", "what the upstream says back"]),
    ("other upstream's key", &["what came upstream"]),
    ("expired credential", &[]),
    ("device code", &["the body of POST /auth/device/code"]),
    // It is in the address that the device shows (RFC 8628 section 3.3.1), and so goes through the
    // pages until it is confirmed.
    (
        "user code",
        &[
            "the body of POST /auth/device/code",
            "the location of GET /device",
            "the body of GET /sign-in",
            "the body of POST /sign-in",
            "the location of POST /sign-in",
            "the body of GET /device",
            "the body of POST /device",
        ],
    ),
    ("access token", &["the body of POST /auth/device/token"]),
    ("refresh token", &["the body of POST /auth/device/token"]),
    ("command line's device code", &["the body of POST /api/v1/auth/device"]),
    ("command line's user code", &["the body of POST /api/v1/auth/device", "the body of POST /device"]),
    ("command line's first token", &["the body of POST /api/v1/auth/device/token"]),
    ("command line's next token", &["the body of POST /api/v1/auth/refresh"]),
    (
        "request id",
        &[
            "the body of POST /api/auth/app/request",
            "the body of GET /authorize-app",
            "the body of POST /authorize-app",
            "the location of POST /authorize-app",
        ],
    ),
    ("typed code", &["the body of GET /authorize-app"]),
    ("wrong typed code", &[]),
    ("personal token", &["the body of POST /account/tokens"]),
    ("made client's secret", &["the body of POST /api/openai/v1/oauth/clients"]),
    ("program's device code", &["the body of POST /v1/deviceAuthorizations"]),
    // Whoever decides is told again what he asked about.
    ("program's user code", &["the body of POST /v1/deviceAuthorizations", "the body of GET /v1/deviceAuthorizations/*:lookup"]),
    ("key", &["the body of GET /v1/deviceAuthorizations/*"]),
    ("rotated key", &["the body of POST /v1/tenants/default/tokens/*:rotate"]),
    ("code that is none", &[]),
    ("app's secret", &["the body of POST /apps/new"]),
    ("app's next secret", &["the body of POST /apps/reset-secret"]),
    ("authorization code", &["the location of POST /api/openai/v1/oauth/authorize", "the location of POST /oauth/authorize"]),
    ("Serble's access token", &["the body of POST /api/v1/oauth/token/refresh", "the body of POST /api/v1/oauth/token/access"]),
    ("Serble's refresh token", &["the body of POST /api/v1/oauth/token/refresh", "the body of POST /api/v1/oauth/token/access"]),
    ("app's token", &["the body of POST /api/auth/app/exchange"]),
    ("cookie of who signed in", &["the cookie of POST /sign-in"]),
    ("visit", &["the cookie of GET /sign-in"]),
    (
        "form's token",
        &[
            "the body of GET /sign-in",
            "the body of POST /sign-in",
            "the body of POST /device",
            "the body of GET /account",
            "the body of GET /api/openai/v1/oauth/authorize",
            "the body of GET /oauth/authorize",
        ],
    ),
    // What a caller says to the upstream, the upstream may say back: so it may its own key.
    ("caller's query", &["what came upstream", "what the upstream says back"]),
    ("caller's body", &["what came upstream", "what the upstream says back"]),
    ("caller's api key", &[]),
    ("odd credential", &[]),
    ("secret in the environment", &[]),
];

/// What apps and people do in a day: all logins, good calls and bad ones, and the end of them.
async fn day(house: &mut House) -> logins::Tokens {
    let service = logins::bootspring(house).await;
    let command_line = logins::command_line(house).await;
    let app = logins::serechat(house).await;
    calls::forwarded(house, &service).await;
    calls::malformed(house, &command_line).await;
    let personal = logins::personal(house).await;
    logins::serika(house, &personal).await;
    logins::own_app(house).await;
    logins::fruxon(house, &personal).await;
    logins::serble(house).await;
    for token in [&app, &personal] {
        assert_eq!(house.call(bearing(get("/v1/echo"), token)).await.status, 200);
    }
    // The command line logs out; the service is taken back by the person.
    let logout = post_json("/api/v1/auth/logout", &json!({"refreshToken": command_line.refresh}));
    calls::cut(house, &command_line, logout).await;
    revoke_all(house).await;
    assert_eq!(house.call(bearing(get("/v1/echo"), &service.access)).await.status, 401);
    let form = hidden(&house.browse(get("/applications")).await, "form");
    assert_eq!(house.browse(post_form("/sign-out", &[("form", &form)])).await.status, 303);
    service
}

#[tokio::test(flavor = "multi_thread")]
async fn every_secret_is_only_where_it_belongs() {
    let mut house = House::start("").await;
    let service = day(&mut house).await;
    calls::store_away(&mut house, &service).await;
    broken_configurations(&mut house);
    let evidence = house.end();

    let log = String::from_utf8(evidence.at("the log").to_vec()).unwrap();
    assert!(log.contains("\"level\":\"TRACE\""), "it was not at its most talkative");
    assert!(log.matches("\"target\":\"gatepost::request\"").count() > 60, "{log}");
    assert!(evidence.at("the store").windows(10).any(|part| part == b"bootspring"), "the file is the one that grants lie in");
    let wrong = evidence.wrong(PLACES);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Takes back whatever the person let in.
async fn revoke_all(house: &mut House) {
    loop {
        let page = house.browse(get("/applications")).await;
        let text = page.text();
        let Some(at) = text.find("<article") else { return };
        let card = Reply { body: text[at..].to_owned().into(), ..page };
        let fields = [("form", hidden(&card, "form")), ("grant", hidden(&card, "grant"))];
        let revoked =
            house.browse(post_form("/applications/revoke", &fields.each_ref().map(|(name, value)| (*name, value.as_str())))).await;
        assert!(revoked.status.is_success() || revoked.status == 303, "{}", revoked.text());
    }
}

/// Configurations with secrets that cannot be used.
fn broken_configurations(house: &mut House) {
    let environment = [("SHORT", "short-root-in-env"), ("LINES", "first-line-in-env\nsecond-line-in-env"), ("NUL", "control-in-env\u{1}x")];
    for value in ["short-root-in-env", "first-line-in-env", "second-line-in-env", "control-in-env", "written-in-the-file-itself"] {
        house.evidence.secret("secret in the environment", value);
    }
    let broken = r#"
public_url = "http://127.0.0.1:8080"
root = "written-in-the-file-itself"
[keys]
root = "env:SHORT"
[upstreams.a]
url = "http://user:written-in-the-file-itself@127.0.0.1:1"
api_key = "env:LINES"
[upstreams.b]
url = "http://127.0.0.1:1"
credential = { header = "x-api-key", value = "env:NUL" }
[upstreams.c]
url = "http://127.0.0.1:1"
api_key = "written-in-the-file-itself"
[[routes]]
prefix = "/v1"
scopes = []
[log]
level = "trace"
"#;
    for command in [&["check", "broken.toml"][..], &["serve", "--config", "broken.toml"]] {
        let output = house.command(command, &environment, &[("broken.toml", broken)]);
        assert!(output.contains("api_key") && output.contains("keys.root"), "{output}");
    }
}
