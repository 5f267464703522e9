//! Polls that wait for the decision. The clock stands still unless a test moves it, so a poll that
//! is answered was answered by what the test did.

use std::{sync::Arc, time::Duration};

use gatepost::clock::Manual;
use serde_json::json;
use tokio::{task::JoinHandle, time::timeout};

use crate::support::{
    gateway::{CONFIG, Gateway},
    http::{self, Reply},
    person::Person,
    records::START,
    watched::Watched,
};

/// A gateway whose polls wait, and its store.
struct House {
    gateway: Gateway,
    store: Arc<Watched>,
}

impl House {
    async fn start() -> Self {
        let time = Manual::starting_at(START);
        let store = Arc::new(Watched::new(time.clock()));
        let config = CONFIG.replace("hold = \"0s\"", "hold = \"2500ms\"");
        Self { gateway: Gateway::over(&config, Arc::clone(&store) as _, time).await, store }
    }

    /// The codes for a device and its user.
    async fn ask(&self) -> (String, String) {
        let (status, codes) = self.gateway.post_json("/api/v1/auth/device", &json!({"device": {}})).await;
        assert_eq!(status, 200, "{codes}");
        let text = |name: &str| codes[name].as_str().unwrap().to_owned();
        (text("device_code"), text("user_code"))
    }

    /// A poll that is under way.
    fn poll(&self, device_code: &str) -> JoinHandle<Reply> {
        let request = http::post_json("/api/v1/auth/device/token", &json!({"device_code": device_code}));
        tokio::spawn(http::send(self.gateway.address, request))
    }

    /// A poll that waits.
    async fn held_poll(&self, device_code: &str) -> JoinHandle<Reply> {
        let before = self.store.counts().polls;
        let poll = self.poll(device_code);
        // Its pace is noted in the moment before it begins to wait.
        self.store.until(|counts| counts.polls > before).await;
        poll
    }
}

/// The answer of a poll that asks an absent store again and again. When it begins to wait for its
/// next try nobody outside knows, so time passes until it has answered.
async fn answer_in_time(house: &House, mut poll: JoinHandle<Reply>) -> Reply {
    for _ in 0..3000 {
        match timeout(Duration::from_millis(20), &mut poll).await {
            Ok(reply) => return reply.unwrap(),
            Err(_not_yet) => house.gateway.time.advance(Duration::from_millis(100)),
        }
    }
    panic!("the poll asks for ever");
}

/// The answer of a poll that is released by what the test did before.
async fn released(poll: JoinHandle<Reply>) -> Reply {
    timeout(Duration::from_secs(60), poll).await.expect("nothing released the poll").unwrap()
}

fn outcome(reply: &Reply) -> (u16, String) {
    let json = reply.json();
    (reply.status.as_u16(), json["error"].as_str().or(json["token_type"].as_str()).unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_answered_in_the_moment_it_comes() {
    let house = House::start().await;
    let (device_code, user_code) = house.ask().await;
    let poll = house.held_poll(&device_code).await;
    Person::signed_in(&house.gateway).await.approve(&user_code).await;
    assert_eq!(outcome(&released(poll).await), (200, "Bearer".to_owned()));
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_is_answered_in_the_moment_it_comes() {
    let house = House::start().await;
    let (device_code, user_code) = house.ask().await;
    let poll = house.held_poll(&device_code).await;
    let reply = Person::signed_in(&house.gateway).await.decide(&user_code, "deny").await;
    assert_eq!(reply.status, 200);
    assert_eq!(outcome(&released(poll).await), (400, "access_denied".to_owned()));
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_waits_no_longer_than_the_hold() {
    let house = House::start().await;
    let (device_code, _) = house.ask().await;
    let poll = house.held_poll(&device_code).await;
    house.gateway.time.advance(Duration::from_millis(2500));
    assert_eq!(outcome(&released(poll).await), (400, "authorization_pending".to_owned()));
    // The gap runs from arrival to arrival: half of it has passed in waiting.
    house.gateway.time.advance(Duration::from_millis(2500));
    let poll = house.held_poll(&device_code).await;
    house.gateway.time.advance(Duration::from_millis(2500));
    assert_eq!(outcome(&released(poll).await), (400, "authorization_pending".to_owned()));
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_that_comes_too_early_is_not_held_and_releases_the_one_before() {
    let house = House::start().await;
    let (device_code, _) = house.ask().await;
    let first = house.held_poll(&device_code).await;
    assert_eq!(outcome(&released(house.poll(&device_code)).await), (400, "slow_down".to_owned()));
    assert_eq!(outcome(&released(first).await), (400, "authorization_pending".to_owned()));
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_hung_up_does_not_keep_the_next_poll_from_its_answer() {
    let house = House::start().await;
    let (device_code, user_code) = house.ask().await;
    let gone = house.held_poll(&device_code).await;
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    house.gateway.time.advance(Duration::from_secs(5));
    let poll = house.held_poll(&device_code).await;
    Person::signed_in(&house.gateway).await.approve(&user_code).await;
    assert_eq!(outcome(&released(poll).await), (200, "Bearer".to_owned()));
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_waits_for_a_store_that_comes_back() {
    let house = House::start().await;
    let (device_code, user_code) = house.ask().await;
    Person::signed_in(&house.gateway).await.approve(&user_code).await;
    house.store.be_away(true);
    let poll = house.poll(&device_code);
    house.store.until(|counts| counts.refused > 0).await;
    house.store.be_away(false);
    assert_eq!(outcome(&answer_in_time(&house, poll).await), (200, "Bearer".to_owned()));
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_gives_up_on_a_store_that_stays_away_and_never_says_pending() {
    let house = House::start().await;
    let (device_code, _) = house.ask().await;
    house.store.be_away(true);
    let poll = house.poll(&device_code);
    let reply = answer_in_time(&house, poll).await;
    assert_eq!(outcome(&reply), (503, "temporarily_unavailable".to_owned()));
    assert_eq!(reply.header("retry-after"), "1");
    house.gateway.end().await;
}
