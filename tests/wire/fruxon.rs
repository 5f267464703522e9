//! Fruxon's contract: the golden files, and what needs two requests at a time or a clock that stands
//! still.

use std::{sync::Arc, time::Duration};

use gatepost::{clock::Manual, engine::Decision, oauth::user::UserName, store::Store};
use serde_json::{Value, json};
use tokio::{task::JoinHandle, time::timeout};

use super::golden::golden;
use crate::support::{
    gateway::{Gateway, USER},
    http::{self, Reply, bearing, get, post_json},
    records::START,
    watched::Watched,
};

golden! {
    "fruxon":
    a_denied_login_says_so,
    a_device_is_let_in,
    a_key_is_for_one_tenant,
    a_key_is_rotated,
    a_key_looks_after_itself_alone,
    a_login_again_from_the_same_device_replaces_the_key,
    a_login_is_remembered_for_a_day,
    a_program_decides_for_its_user,
    a_store_that_is_away_is_no_answer_of_the_protocol,
    five_logins_a_minute_for_an_address,
    lives_and_presets_are_the_operators,
    mounted_elsewhere,
    nobody_approves_more_than_he_holds,
    polls_may_come_as_fast_as_a_client_likes,
    what_a_client_says_of_itself,
    what_is_no_code_of_ours,
    what_was_taken_back_is_listed_for_30_days,
    who_may_decide,
    with_the_dialect_off_none_of_its_paths_exist,
}

const BEGIN: &str = "/v1/deviceAuthorizations";
pub(super) const TOKENS: &str = "/v1/tenants/default/tokens";

/// One preset's scopes, and as many logins as a test likes.
pub(super) const CONFIG: &str = r#"
public_url = "http://127.0.0.1:8080"
listen = "127.0.0.1:0"
threads = 2
drain = "2s"
[limits]
start = false
poll_for_key = false
[scopes]
inference = "Use the models."
[users]
default_scopes = ["inference"]
[dialects.fruxon]
hold = "0s"
"#;

/// A gateway, and programs that log in to it.
pub(super) struct House {
    pub(super) gateway: Gateway,
}

impl House {
    pub(super) async fn over(config: &str, store: Arc<dyn Store>, time: Manual) -> Self {
        Self { gateway: Gateway::over(config, store, time).await }
    }

    pub(super) async fn start(config: &str) -> Self {
        Self { gateway: Gateway::with(config).await }
    }

    /// A login that nobody has decided about: the codes for the device and the user.
    pub(super) async fn begin(&self, device: &str) -> (String, String) {
        let asked = json!({"preset": "operator", "clientType": "CLI", "deviceId": device});
        let (status, codes) = self.gateway.post_json(BEGIN, &asked).await;
        assert_eq!(status, 200, "{codes}");
        (text(&codes, "deviceCode"), text(&codes, "userCode"))
    }

    /// A login that Ada has said yes to: the device code.
    pub(super) async fn approved(&self, device: &str) -> String {
        let (device_code, user_code) = self.begin(device).await;
        self.decide(&user_code, Decision::Approve).await;
        device_code
    }

    pub(super) async fn decide(&self, user_code: &str, decision: Decision) {
        assert!(self.gateway.decide_login(user_code, USER, None, decision).await.is_some());
    }

    pub(super) async fn poll(&self, device_code: &str) -> Reply {
        self.gateway.send(get(&format!("{BEGIN}/{device_code}"))).await
    }

    /// The key that a login gets.
    pub(super) async fn key(&self, device: &str) -> String {
        key(&self.poll(&self.approved(device).await).await)
    }

    /// What a key is answered that looks at itself: the status, and its id or the word for why not.
    pub(super) async fn current(&self, key: &str) -> (u16, String) {
        let reply = self.gateway.send(bearing(get(&format!("{TOKENS}/current")), key)).await;
        let json = reply.json();
        (reply.status.as_u16(), text(&json, if reply.status == 200 { "id" } else { "code" }))
    }

    /// The answer of a key's rotation.
    pub(super) async fn rotate(&self, key: &str, id: &str) -> Reply {
        self.gateway.send(bearing(post_json(&format!("{TOKENS}/{id}:rotate"), &json!({})), key)).await
    }
}

pub(super) fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}")).to_owned()
}

/// The key that a poll was answered.
pub(super) fn key(reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "{}", reply.text());
    text(&reply.json(), "apiKey")
}

/// The status of a poll's answer, and the word for why it is over.
pub(super) fn outcome(reply: &Reply) -> (u16, String) {
    let word = if reply.status == 410 { text(&reply.json(), "code") } else { String::new() };
    (reply.status.as_u16(), word)
}

/// A gateway whose polls wait.
struct Patient {
    house: House,
    store: Arc<Watched>,
}

impl Patient {
    async fn start() -> Self {
        let time = Manual::starting_at(START);
        let store = Arc::new(Watched::new(time.clock()));
        let config = CONFIG.replace("hold = \"0s\"", "");
        Self { house: House::over(&config, Arc::clone(&store) as _, time).await, store }
    }

    /// A poll that will not miss what happens from now on.
    async fn held_poll(&self, device_code: &str) -> JoinHandle<Reply> {
        let before = self.store.counts().loads;
        let poll = tokio::spawn(http::send(self.house.gateway.address, get(&format!("{BEGIN}/{device_code}"))));
        // It has its place before it looks for the login.
        self.store.until(|counts| counts.loads == before + 1).await;
        poll
    }
}

/// The answer of a poll that is released by what the test did before.
async fn released(poll: JoinHandle<Reply>) -> Reply {
    timeout(Duration::from_secs(60), poll).await.expect("nothing released the poll").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_is_answered_in_the_moment_it_comes() {
    let patient = Patient::start().await;
    for (decision, expected) in [(Decision::Approve, (200, "")), (Decision::Deny, (410, "access_denied"))] {
        let (device_code, user_code) = patient.house.begin("d").await;
        let poll = patient.held_poll(&device_code).await;
        patient.house.decide(&user_code, decision).await;
        assert_eq!(outcome(&released(poll).await), (expected.0, expected.1.to_owned()));
    }
    patient.house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_waits_no_longer_than_half_the_interval() {
    let patient = Patient::start().await;
    let (device_code, _) = patient.house.begin("d").await;
    let mut poll = patient.held_poll(&device_code).await;
    patient.house.gateway.time.advance(Duration::from_millis(999));
    assert!(timeout(Duration::from_millis(50), &mut poll).await.is_err(), "it does not wait");
    patient.house.gateway.time.advance(Duration::from_millis(1));
    assert_eq!(outcome(&released(poll).await), (202, String::new()));
    patient.house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_poll_releases_the_one_before() {
    let patient = Patient::start().await;
    let (device_code, user_code) = patient.house.begin("d").await;
    let first = patient.held_poll(&device_code).await;
    let second = patient.held_poll(&device_code).await;
    assert_eq!(outcome(&released(first).await), (202, String::new()));
    patient.house.decide(&user_code, Decision::Approve).await;
    assert_eq!(outcome(&released(second).await), (200, String::new()));
    patient.house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hung_up_does_not_use_up_the_answer() {
    let patient = Patient::start().await;
    for _ in 0..8 {
        let (device_code, user_code) = patient.house.begin("d").await;
        let gone = patient.held_poll(&device_code).await;
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());
        let poll = patient.held_poll(&device_code).await;
        patient.house.decide(&user_code, Decision::Approve).await;
        assert_eq!(outcome(&released(poll).await), (200, String::new()));
    }
    patient.house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_and_keys_have_the_form_that_clients_expect() {
    let house = House::start(CONFIG).await;
    let (device_code, user_code) = house.begin("d").await;
    assert!(user_code.len() == 8 && user_code.chars().all(|letter| "BCDFGHJKLMNPQRSTVWXZ".contains(letter)), "{user_code}");
    // It stands in a path as it is.
    assert!(
        device_code.starts_with("fx_dc_")
            && device_code.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    );
    house.decide(&user_code.to_lowercase().chars().map(|letter| format!("{letter}-")).collect::<String>(), Decision::Approve).await;
    let key = key(&house.poll(&device_code).await);
    let reply = house.gateway.send(bearing(get(&format!("{TOKENS}/current")), &key)).await.json();
    let (id, prefix) = (text(&reply, "id"), text(&reply, "keyPrefix"));
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    // People find a key by how it begins.
    assert!(key.starts_with(&prefix) && prefix.len() < key.len() / 2, "{prefix}");
    let guid = [&id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]].join("-").to_uppercase();
    assert_eq!(house.rotate(&key, &guid).await.status, 200);
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_were_taken_back_with_all_that_their_user_gave_are_not_listed() {
    let config = CONFIG
        .replace("inference\"]", "inference\", \"tokens:write\"]")
        .replace("[users]", "\"tokens:write\" = \"Look after keys.\"\n[users]");
    let presets = "[dialects.fruxon.presets]\noperator = [\"inference\", \"tokens:write\"]\n";
    let house = House::start(&format!("{config}{presets}")).await;
    let listed = async |key: &str| house.gateway.send(bearing(get(TOKENS), key)).await.json().as_array().map(Vec::len);
    let first = house.key("a").await;
    assert_eq!(listed(&house.key("b").await).await, Some(2));
    house.gateway.engine.revoke_user(&UserName::parse(USER).unwrap()).await.unwrap();
    assert_eq!(house.current(&first).await.0, 401);
    let next = house.key("a").await;
    assert_eq!(listed(&next).await, Some(1));
    house.gateway.end().await;
}
