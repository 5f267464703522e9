//! Connected applications where every dialect is on: each is listed and taken back by itself, in a real
//! browser.

use std::time::Duration;

use serde_json::{Value, json};

use super::looks::Studio;
use crate::{
    proxy::raw::{RawUpstream, Wire, soon},
    support::{
        browser::{Browser, Scripts},
        gateway::{Gateway, PASSWORD, USER},
        http::{bearing, get, post_form, post_json, request},
        upstream::Upstream,
    },
    wire::together::credentials::{Credential, Kind, config, one_of_each},
};

const SSE: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// An app of each dialect: what people call it, and what its card tells besides.
const APPS: [(&str, &str, &[&str]); 6] = [
    ("bootspring", "Bootspring CLI", &["Use the models."]),
    ("serika", "A web app", &["Use the models.", "See your name.", "app.example.com"]),
    ("standard", "An agent", &["Use the models.", "app.example.com"]),
    ("serble", "Photo desk", &["Use the models.", "See your name and e-mail address.", "See and end what other apps may do."]),
    ("serechat", "A chat", &["Use the models."]),
    ("fruxon", "A program", &["Use the models.", "Acme"]),
];

/// What is forwarded to a server that the test serves itself.
fn streaming(to: &RawUpstream) -> String {
    format!(
        "[upstreams.streams]\nurl = \"http://{}\"\n[[routes]]\nprefix = \"/streams\"\nupstream = \"streams\"\nscopes = [\"inference\"]\n",
        to.address
    )
}

/// A caller on whose stream the first event has arrived, and the server's end of it.
async fn stream(gateway: &Gateway, upstream: &RawUpstream, token: &str) -> (Wire, Wire) {
    let mut caller = Wire::to(gateway.address).await;
    caller.send(format!("GET /streams/x HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n\r\n")).await;
    let (mut wire, _) = upstream.asked().await;
    wire.send(SSE).await;
    assert_eq!(caller.head().await.status(), 200);
    (caller, wire)
}

/// What an access token opens: the status, and the word for why not.
async fn opens(gateway: &Gateway, token: &str) -> (u16, Value) {
    let reply = gateway.send(bearing(get("/models/x"), token)).await;
    let word = if reply.status == 200 { Value::Null } else { reply.json()["error"]["code"].clone() };
    (reply.status.as_u16(), word)
}

/// What a refresh token is answered: the status, and what is said.
async fn refreshes(gateway: &Gateway, credential: &Credential) -> (u16, String) {
    let (client, token) = (credential.client, credential.text.as_str());
    let form = |path| post_form(path, &[("grant_type", "refresh_token"), ("client_id", client), ("refresh_token", token)]);
    let reply = match credential.dialect {
        "bootspring" => gateway.send(post_json("/api/v1/auth/refresh", &json!({"refreshToken": token}))).await,
        "serika" => gateway.send(form("/api/openai/v1/oauth/token")).await,
        "standard" => gateway.send(form("/oauth/token")).await,
        "serble" => {
            let query = format!("refresh_token={token}&client_id=photos&client_secret=photos-secret_1&grant_type=authorization_code");
            gateway.send(request(http::Method::POST, &format!("/api/v1/oauth/token/access?{query}"), "", "")).await
        }
        other => panic!("{other} has no refresh tokens"),
    };
    (reply.status.as_u16(), reply.text())
}

/// How a dialect says that a refresh token was taken back.
fn word(dialect: &str) -> (u16, &'static str) {
    match dialect {
        "bootspring" => (401, "\"unauthorized\""),
        "serble" => (400, "App is not authorized"),
        _ => (400, "\"invalid_grant\""),
    }
}

/// The card of this app.
fn card(app: &str) -> String {
    format!("//article[.//h2//bdi[normalize-space()=\"{app}\"]]")
}

async fn walk(scripts: Scripts) {
    let Some(browser) = Browser::start(scripts).await else { return };
    let (upstream, streams) = (Upstream::start().await, RawUpstream::start().await);
    let config = config(&upstream.address.to_string());
    // Of two servers each route says which.
    let named = config.replace("[[routes]]\n", "[[routes]]\nupstream = \"model\"\n");
    let gateway = Gateway::with(&format!("{named}\n{}", streaming(&streams))).await;
    let credentials = one_of_each(&gateway).await;
    let find = |dialect: &str, kind: Kind| credentials.iter().find(|one| (one.dialect, one.kind) == (dialect, kind));
    gateway.time.advance(Duration::from_secs(300));

    browser.open(&format!("http://{}/applications", gateway.address)).await;
    browser.sign_in(USER, PASSWORD).await;
    browser.page("Connected applications").await;
    for (_, app, told) in APPS {
        let shown = browser.text(&card(app)).await;
        for words in told.iter().chain(&["Connected\n5 minutes ago", "Revoke"]) {
            assert!(shown.contains(words), "no {words} in {shown}");
        }
    }
    assert_eq!(browser.text("//main[count(.//article) = 6]//h1").await, "Connected applications");

    let mut open = Vec::new();
    for (dialect, _, _) in APPS {
        open.push((dialect, stream(&gateway, &streams, &find(dialect, Kind::Access).unwrap().text).await));
    }
    for (at, (dialect, app, _)) in APPS.into_iter().enumerate() {
        browser.press_within(&card(app), "Revoke").await;
        let left = APPS.len() - 1 - at;
        browser.text(&format!("//main[count(.//article) = {left}]//h1[.='Connected applications']")).await;

        // This one is dead, and its stream is cut.
        assert_eq!(opens(&gateway, &find(dialect, Kind::Access).unwrap().text).await, (401, json!("token_revoked")), "{dialect}");
        if let Some(refresh) = find(dialect, Kind::Refresh) {
            let (status, said) = refreshes(&gateway, refresh).await;
            let (expected, word) = word(dialect);
            assert!(status == expected && said.contains(word), "{dialect}: {status} {said}");
        }
        let (_, (mut caller, mut wire)) = open.remove(0);
        caller.last_event().await;
        soon(wire.closed()).await;

        // The others live.
        for (other, (caller, wire)) in &mut open {
            assert_eq!(opens(&gateway, &find(other, Kind::Access).unwrap().text).await.0, 200, "{other} after {dialect}");
            let event = format!("data: after {dialect}\n\n");
            wire.send_chunk(&event).await;
            assert_eq!(caller.chunk().await, Some(event), "{other} after {dialect}");
        }
    }
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_takes_back_what_each_dialect_gave_and_no_other() {
    walk(Scripts::On).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_whose_browser_runs_no_scripts_takes_each_back_too() {
    walk(Scripts::Off).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_all_six_is_legible() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let mut studio = Studio::start(browser).await;
    studio.gateway.end().await;
    let upstream = Upstream::start().await;
    studio.gateway = Gateway::with(&config(&upstream.address.to_string())).await;
    let credentials = one_of_each(&studio.gateway).await;
    studio.gateway.time.advance(Duration::from_secs(300));
    for credential in credentials.iter().filter(|one| one.kind == Kind::Access && one.dialect != "serechat") {
        assert_eq!(opens(&studio.gateway, &credential.text).await.0, 200);
    }
    studio.open("/applications").await;
    studio.browser.sign_in(USER, PASSWORD).await;
    studio.look("applications-of-all-dialects", "Connected applications").await;
    studio.browser.press("Deutsch").await;
    studio.look("german-applications-of-all-dialects", "Verbundene Apps").await;
    studio.gateway.end().await;
}
