//! `openid-client` for Node: the device grant of Bootspring, and of the standard.

use std::time::Duration;

use serde_json::json;

use super::{Standard, approve, gateway, script::Script, secret};
use crate::support::{gateway::Gateway, person::Person, upstream::Upstream};

const DEVICE: &str = include_str!("openid_device.mjs");

/// Starts the script.
fn device(gateway: &Gateway, client: &[(&str, &str)]) -> Option<Script> {
    let url = format!("http://{}", gateway.address);
    Script::node(DEVICE, &[&[("GATEWAY", url.as_str())], client].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn openid_client_polls_until_the_yes_and_refreshes() {
    let upstream = Upstream::start().await;
    let gateway = gateway(upstream.address).await;
    let Some(mut script) = device(&gateway, &[("CLIENT_ID", "app")]) else { return };
    let codes = script.says().await;
    assert_eq!(script.says().await, json!({"polled": 400}));
    approve(&gateway, &codes["user_code"]).await;
    gateway.time.advance(Duration::from_secs(1));
    script.tell(&json!("approved"));
    assert_eq!(script.says().await, json!({"polled": 200}));
    script.tell(&json!("go on"));
    assert_eq!(script.says().await, json!({"scope": "inference", "expires_in": 900, "renewed": true, "answered": [200, 200]}));
    script.ended().await;
    assert_eq!(upstream.seen().len(), 2);
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn openid_client_discovers_where_devices_ask_and_its_token_opens_one_resource() {
    let upstream = Upstream::start().await;
    let standard = Standard::before(upstream.address).await;
    let (gateway, resource) = (&standard.gateway, format!("{}/v1", standard.issuer));
    let Some(mut script) = device(gateway, &[("DISCOVER", "yes"), ("CLIENT_ID", "app"), ("RESOURCE", &resource)]) else { return };
    let codes = script.says().await;
    assert_eq!(script.says().await, json!({"polled": 400}));
    approve(gateway, &codes["user_code"]).await;
    gateway.time.advance(Duration::from_secs(1));
    script.tell(&json!("approved"));
    assert_eq!(script.says().await, json!({"polled": 200}));
    script.tell(&json!("go on"));
    assert_eq!(script.says().await, json!({"scope": "inference", "expires_in": 3600, "renewed": true, "answered": [200, 401]}));
    script.ended().await;
    assert_eq!(upstream.seen().len(), 1);
    standard.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn openid_client_with_a_secret_is_told_of_the_no() {
    let gateway = gateway(Upstream::start().await.address).await;
    let Some(mut script) = device(&gateway, &[("CLIENT_ID", "service"), ("CLIENT_SECRET", &secret())]) else { return };
    let codes = script.says().await;
    let person = Person::signed_in(&gateway).await;
    assert_eq!(person.decide(codes["user_code"].as_str().unwrap(), "deny").await.status, 200);
    assert_eq!(script.says().await, json!({"polled": 400}));
    script.tell(&json!("go on"));
    assert_eq!(script.says().await, json!({"refused": "access_denied"}));
    script.ended().await;
    gateway.end().await;
}
