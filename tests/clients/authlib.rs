//! Authlib for Python: the device grant of Bootspring.

use std::time::Duration;

use serde_json::json;

use super::{approve, gateway, script::Script, secret};
use crate::support::upstream::Upstream;

const DEVICE: &str = include_str!("authlib_device.py");

#[tokio::test(flavor = "multi_thread")]
async fn authlib_fetches_a_token_with_its_secret_and_renews_it_by_itself() {
    let upstream = Upstream::start().await;
    let gateway = gateway(upstream.address).await;
    let (url, secret) = (format!("http://{}", gateway.address), secret());
    let environment = [("GATEWAY", url.as_str()), ("CLIENT_ID", "service"), ("CLIENT_SECRET", &secret)];
    let Some(mut script) = Script::python(DEVICE, &environment) else { return };
    let codes = script.says().await;
    assert_eq!(script.says().await, json!({"polled": "authorization_pending"}));
    approve(&gateway, &codes["user_code"]).await;
    gateway.time.advance(Duration::from_secs(1));
    script.tell(&json!("approved"));
    assert_eq!(script.says().await, json!({"scope": "inference", "answered": [200, 200], "renewed": [true]}));
    script.ended().await;
    assert_eq!(upstream.seen().len(), 2);
    gateway.end().await;
}
