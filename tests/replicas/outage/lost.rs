//! A commit whose answer is lost may have happened: who asks again is well served.

use std::time::Duration;

use http::Request;
use http_body_util::Full;
use serde_json::Value;

use super::{BROKEN, House};
use crate::{
    replicas::{Way, good},
    support::{
        http::{bearing, get, post_form},
        person::Person,
    },
    wire::together::credentials::text,
};

impl House {
    /// Sends it while answers break off, each time a bit later, until one was carried out whose answer was lost;
    /// and then again.
    async fn asks_again(&self, access: &str, request: impl Fn() -> Request<Full<bytes::Bytes>>) -> Value {
        let proxy = &self.replicas.proxies[BROKEN];
        let before = self.grants();
        let length = |letters: &str| {
            let lengths = self.replicas.keys(letters).into_iter().map(|key| self.replicas.redis.command(&["STRLEN", &key]));
            lengths.max().unwrap_or(0_usize)
        };
        // After the grant and its user were read, and before all of the commit's answer.
        let read = length(":g:") + length(":u:");
        // Less than the answer to a commit has.
        for bytes in (read - 100..read + 400).step_by(25) {
            proxy.cut_after(bytes);
            let reply = self.gateway(BROKEN).send(request()).await;
            proxy.pass();
            self.recovered(BROKEN, access).await;
            let is_done = self.grants() != before;
            assert_eq!(reply.status, 503, "{bytes} bytes, and it is done: {is_done}");
            if is_done {
                println!("of {read} bytes of records and what is around them {bytes} came through");
                return good(self.gateway(BROKEN), request()).await.json();
            }
        }
        panic!("no commit was carried out");
    }

    /// What is written about all grants.
    fn grants(&self) -> Vec<Vec<u8>> {
        self.replicas.keys(":g:").iter().map(|key| self.replicas.redis.command(&["GET", key])).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lost_the_answer_to_a_poll_or_a_refresh_asks_again_and_has_it() {
    // So that it recovers only once it can ask.
    let Some(house) = House::impatiently_going(Way::Strict).await else { return };
    let access = house.token().await.access;
    let codes = good(house.gateway(0), post_form("/auth/device/code", &[("client_id", "bootspring-cli")])).await.json();
    Person::signed_in(house.gateway(0)).await.approve(&text(&codes, "user_code")).await;
    let device_code = text(&codes, "device_code");
    let poll = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("client_id", "bootspring-cli"),
        ("device_code", device_code.as_str()),
    ];
    let first = house.asks_again(&access, || post_form("/auth/device/token", &poll)).await;
    let refresh_token = text(&first, "refresh_token");
    let refresh = [("grant_type", "refresh_token"), ("client_id", "bootspring-cli"), ("refresh_token", refresh_token.as_str())];
    let next = house.asks_again(&access, || post_form("/auth/device/token", &refresh)).await;
    let next_access = text(&next, "access_token");
    assert_eq!(house.gateway(0).send(bearing(get("/models/x"), &next_access)).await.status, 200);
    // Within the time in which the same answer is given again.
    house.replicas.time.advance(Duration::from_secs(9));
    assert_eq!(good(house.gateway(0), post_form("/auth/device/token", &refresh)).await.json()["access_token"], next_access);
}
