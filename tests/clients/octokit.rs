//! Octokit, the SDK of GitHub: the device flow of the example dialect in `tests/wire/github.rs`.

use std::time::Duration;

use serde_json::json;

use super::{approve, script::Script};
use crate::support::{
    gateway::{Gateway, forwarding},
    person::Person,
    upstream::Upstream,
};

const DEVICE: &str = include_str!("octokit_device.mjs");

const GITHUB: &str = r#"
[dialects.github]
interval = "1s"
[[dialects.github.clients]]
id = "app"
name = "An app"
scopes = ["inference", "images"]
[[dialects.github.clients]]
id = "web"
name = "An app without devices"
scopes = ["inference", "images"]
device_flow = false
"#;

/// A gateway that speaks as GitHub does, before an upstream.
async fn gateway(upstream: &Upstream) -> Gateway {
    Gateway::with(&format!("{}{GITHUB}", forwarding(upstream.address))).await
}

fn device(gateway: &Gateway, client: &str) -> Option<Script> {
    let url = format!("http://{}", gateway.address);
    Script::node(DEVICE, &[("GATEWAY", &url), ("CLIENT_ID", client)])
}

#[tokio::test(flavor = "multi_thread")]
async fn octokit_polls_until_the_yes_calls_and_is_shut_out_once_it_is_taken_back() {
    let upstream = Upstream::start().await;
    let gateway = gateway(&upstream).await;
    let Some(mut script) = device(&gateway, "app") else { return };
    let codes = script.says().await;
    assert_eq!((&codes["verification_uri"], &codes["interval"]), (&json!("http://127.0.0.1:8080/device"), &json!(1)));
    assert_eq!(script.says().await, json!({"polled": [200, "authorization_pending"]}));
    approve(&gateway, &codes["user_code"]).await;
    gateway.time.advance(Duration::from_secs(1));
    script.tell(&json!("approved"));
    assert_eq!(script.says().await, json!({"polled": [200, null]}));
    script.tell(&json!("go on"));
    // It looks for spaces between scopes, where GitHub writes commas.
    let seen = json!({
        "tokenType": "oauth", "scopes": ["images,inference"], "login": "ada", "may": "images, inference", "answered": 200
    });
    assert_eq!(script.says().await, seen);

    let person = Person::signed_in(&gateway).await;
    assert_eq!(person.revoke_first().await.status, 303);
    script.tell(&json!("taken back"));
    let answered = script.says().await;
    let words = "The access was taken back. - https://docs.github.com/rest";
    assert_eq!((&answered[0], &answered[1][0]), (&json!([401, words]), &json!(401)));
    script.ended().await;
    let seen = upstream.seen();
    assert!(seen.len() == 1 && !seen[0].headers.contains_key("authorization"), "{seen:?}");
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn octokit_is_told_of_the_no() {
    let gateway = gateway(&Upstream::start().await).await;
    let Some(mut script) = device(&gateway, "app") else { return };
    let codes = script.says().await;
    let person = Person::signed_in(&gateway).await;
    assert_eq!(person.decide(codes["user_code"].as_str().unwrap(), "deny").await.status, 200);
    assert_eq!(script.says().await, json!({"polled": [200, "authorization_pending"]}));
    script.tell(&json!("denied"));
    assert_eq!(script.says().await, json!({"polled": [200, "access_denied"]}));
    script.tell(&json!("go on"));
    // Out of HTTP 200 with an error in it, it makes a 400 of its own.
    let refused = script.says().await;
    assert_eq!((&refused["refused"], &refused["status"]), (&json!("access_denied"), &json!(400)));
    assert!(refused["message"].as_str().unwrap().contains("(access_denied, https://docs.github.com/"), "{refused}");
    script.ended().await;
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn octokit_hears_that_the_app_has_no_device_flow() {
    let gateway = gateway(&Upstream::start().await).await;
    let Some(mut script) = device(&gateway, "web") else { return };
    let refused = script.says().await;
    assert_eq!((&refused["refused"], &refused["status"]), (&json!("device_flow_disabled"), &json!(400)));
    script.ended().await;
    gateway.end().await;
}
