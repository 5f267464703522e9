//! A poll may wait for the store as long as it may wait for the decision.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinHandle;

use super::BUSY;
use crate::{
    proxy::raw::soon,
    support::{
        gateway::CONFIG,
        http::{self, Reply, post_json},
        person::Person,
        replicas::Replicas,
    },
};

const HOLD: Duration = Duration::from_millis(2500);
const TIMEOUT: Duration = Duration::from_millis(500);

async fn replicas() -> Option<Replicas> {
    Replicas::with_timeout(1, &CONFIG.replace("hold = \"0s\"", "hold = \"2500ms\""), TIMEOUT).await
}

/// The codes of a device.
async fn codes(replicas: &Replicas) -> (String, String) {
    let (status, codes) = replicas.gateways[0].post_json("/api/v1/auth/device", &json!({"device": {}})).await;
    assert_eq!(status, 200, "{codes}");
    let text = |name: &str| codes[name].as_str().unwrap().to_owned();
    (text("device_code"), text("user_code"))
}

fn poll(replicas: &Replicas, device_code: &str) -> JoinHandle<Reply> {
    let poll = post_json("/api/v1/auth/device/token", &json!({"device_code": device_code}));
    tokio::spawn(http::send(replicas.gateways[0].address, poll))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_in_an_outage_is_told_so_when_its_hold_ends() {
    let Some(replicas) = replicas().await else { return };
    let (device_code, user_code) = codes(&replicas).await;
    Person::signed_in(&replicas.gateways[0]).await.approve(&user_code).await;
    replicas.proxies[0].black_hole();
    let _running = replicas.let_time_run();
    let began = Instant::now();
    let reply = soon(poll(&replicas, &device_code)).await.unwrap();
    assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (503, "1"), "{}", reply.text());
    assert_eq!(reply.json()["error"], "temporarily_unavailable");
    // The test's clock is not faster than the machine's.
    assert!(began.elapsed() >= HOLD && began.elapsed() < HOLD + TIMEOUT + BUSY, "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_that_outlasts_an_outage_is_answered_with_what_was_decided() {
    let Some(replicas) = replicas().await else { return };
    let (device_code, user_code) = codes(&replicas).await;
    Person::signed_in(&replicas.gateways[0]).await.approve(&user_code).await;
    replicas.proxies[0].refuse().await;
    replicas.proxies[0].reset_all();
    // The clock stands still, so that the hold lasts.
    let poll = poll(&replicas, &device_code);
    tokio::time::sleep(TIMEOUT).await;
    replicas.proxies[0].pass();
    let _running = replicas.let_time_run();
    let reply = soon(poll).await.unwrap();
    assert_eq!((reply.status.as_u16(), &reply.json()["token_type"]), (200, &"Bearer".into()), "{}", reply.text());
}
