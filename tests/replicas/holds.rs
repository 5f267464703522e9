//! A poll that is held at one replica hears of what was decided at another.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinHandle;

use super::REPLICAS;
use crate::{
    proxy::raw::soon,
    support::{
        gateway::CONFIG,
        http::{self, Reply, post_json},
        person::Person,
        redis::until,
        replicas::Replicas,
    },
};

const HOLD: Duration = Duration::from_millis(2500);
/// Longer than a busy machine takes.
const SOON: Duration = Duration::from_secs(10);

async fn replicas() -> Option<Replicas> {
    Replicas::start(REPLICAS, &CONFIG.replace("hold = \"0s\"", "hold = \"2500ms\"")).await
}

/// The codes that a device gets at the first replica, and its poll that waits at the second.
async fn held(replicas: &Replicas) -> (String, JoinHandle<Reply>) {
    let (status, codes) = replicas.gateways[0].post_json("/api/v1/auth/device", &json!({"device": {}})).await;
    assert_eq!(status, 200, "{codes}");
    let poll = post_json("/api/v1/auth/device/token", &json!({"device_code": codes["device_code"]}));
    let poll = tokio::spawn(http::send(replicas.gateways[1].address, poll));
    // In the moment before it waits.
    until("the poll's pace is noted", || !replicas.keys(":p:").is_empty());
    (codes["user_code"].as_str().unwrap().to_owned(), poll)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_at_one_replica_releases_the_poll_at_another_at_once() {
    let Some(replicas) = replicas().await else { return };
    for decision in ["approve", "deny"] {
        let (user_code, poll) = held(&replicas).await;
        let person = Person::signed_in(&replicas.gateways[2]).await;
        assert_eq!(person.decide(&user_code, decision).await.status, 200);
        let decided = Instant::now();
        // The clock stands still: the hold has no end.
        let reply = soon(poll).await.unwrap();
        println!("{decision}: answered {:?} after the page was", decided.elapsed());
        let expected = if decision == "approve" { (200, "token_type", "Bearer") } else { (400, "error", "access_denied") };
        assert_eq!((reply.status.as_u16(), &reply.json()[expected.1]), (expected.0, &expected.2.into()));
        assert!(decided.elapsed() < SOON);
        let paces = replicas.keys(":p:");
        for pace in &paces {
            replicas.redis.command::<u32>(&["DEL", pace]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_whose_notice_is_lost_is_answered_with_what_was_decided_when_its_hold_ends() {
    let Some(replicas) = replicas().await else { return };
    let (user_code, poll) = held(&replicas).await;
    replicas.deafen(1).await;
    // It hears that it may have missed something, and has looked.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let person = Person::signed_in(&replicas.gateways[0]).await;
    person.approve(&user_code).await;
    replicas.time.advance(HOLD - Duration::from_millis(1));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!poll.is_finished(), "it is not to have heard of it");
    replicas.time.advance(Duration::from_millis(1));
    let reply = soon(poll).await.unwrap();
    assert_eq!((reply.status.as_u16(), reply.json()["user"]["email"].as_str()), (200, Some("ada@example.org")), "{reply:?}");
}
