//! Of many who bring the same thing to three replicas at once, one is given something; or all are given the
//! same, where the rules say so.

use std::collections::BTreeSet;

use gatepost::engine::Decision;
use http::Request;
use http_body_util::Full;
use serde_json::json;

use super::{House, REPLICAS, good};
use crate::{
    support::{
        crowd::at_once,
        gateway::USER,
        http::{Reply, get, post_form, post_json},
        person::Person,
        redirect::{CHALLENGE, VERIFIER, code},
    },
    wire::together::credentials::text,
};

const CROWD: usize = 64;
const CALLBACK: &str = "https://app.example.com/cb";

impl House {
    /// Sends the same from many, to all replicas in turn.
    async fn crowd(&self, request: impl Fn() -> Request<Full<bytes::Bytes>>) -> Crowd {
        let replies = at_once((0..CROWD).map(|n| self.gateway(n % REPLICAS).send(request()))).await;
        let (given, refused): (Vec<Reply>, Vec<Reply>) = replies.into_iter().partition(|reply| reply.status == 200);
        Crowd { given, refused }
    }

    /// The code that a browser brings to an app of the standard's.
    async fn code(&self) -> String {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("response_type", "code"),
                ("client_id", "both"),
                ("redirect_uri", CALLBACK),
                ("code_challenge", CHALLENGE),
                ("code_challenge_method", "S256"),
            ])
            .finish();
        code(self.gateway(0), &format!("/oauth/authorize?{query}")).await
    }
}

/// What many were answered.
struct Crowd {
    given: Vec<Reply>,
    refused: Vec<Reply>,
}

impl Crowd {
    /// What the one was given who won; the others heard this.
    fn winner(self, status: u16, word: &str) -> Reply {
        let [winner] = self.given.try_into().unwrap_or_else(|given: Vec<_>| panic!("{} won", given.len()));
        let word = format!("\"{word}\"");
        let other = self.refused.iter().find(|reply| reply.status != status || !reply.text().contains(&word));
        assert!(other.is_none(), "{other:?}");
        winner
    }

    /// What all were given.
    fn same(self) -> Reply {
        assert!(self.refused.is_empty(), "{:?}", self.refused[0]);
        assert_eq!(self.given.iter().map(Reply::text).collect::<BTreeSet<_>>().len(), 1);
        self.given.into_iter().next().unwrap()
    }
}

fn redeeming(code: &str) -> Request<Full<bytes::Bytes>> {
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", "both"),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
        ("code", code),
    ];
    post_form("/oauth/token", &fields)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_all_who_bring_an_authorization_code_has_tokens() {
    let Some(house) = House::start().await else { return };
    let code = house.code().await;
    let tokens = house.crowd(|| redeeming(&code)).await.winner(400, "invalid_grant").json();
    assert_eq!(house.statuses(&text(&tokens, "access_token")).await, [200; REPLICAS]);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_who_bring_a_device_code_or_a_refresh_token_at_once_have_the_same_tokens() {
    let Some(house) = House::start().await else { return };
    let codes = good(house.gateway(0), post_form("/auth/device/code", &[("client_id", "bootspring-cli")])).await.json();
    Person::signed_in(house.gateway(1)).await.approve(&text(&codes, "user_code")).await;
    let device_code = text(&codes, "device_code");
    let poll = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("client_id", "bootspring-cli"),
        ("device_code", device_code.as_str()),
    ];
    let first = house.crowd(|| post_form("/auth/device/token", &poll)).await.same().json();
    let refresh_token = text(&first, "refresh_token");
    let refresh = [("grant_type", "refresh_token"), ("client_id", "bootspring-cli"), ("refresh_token", refresh_token.as_str())];
    let next = house.crowd(|| post_form("/auth/device/token", &refresh)).await.same().json();
    assert_ne!(text(&next, "access_token"), text(&first, "access_token"));
    assert_eq!(house.statuses(&text(&next, "access_token")).await, [200; REPLICAS]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_all_who_bring_a_typed_code_has_a_token() {
    let Some(house) = House::start().await else { return };
    let asked = good(house.gateway(0), post_json("/api/auth/app/request", &json!({"app_name": "A chat"}))).await.json();
    let request_id = text(&asked, "request_id");
    let code = Person::signed_in(house.gateway(1)).await.authorize(&request_id).await;
    let exchange = json!({"request_id": request_id, "code": code});
    let given = house.crowd(|| post_json("/api/auth/app/exchange", &exchange)).await;
    let words: BTreeSet<String> = given.refused.iter().map(|reply| format!("{} {}", reply.status.as_u16(), reply.text())).collect();
    assert!(words.iter().all(|word| !word.starts_with('5')), "{words:?}");
    let [winner] = given.given.try_into().unwrap_or_else(|given: Vec<_>| panic!("{} won", given.len()));
    assert_eq!(house.statuses(&text(&winner.json(), "access_token")).await, [200; REPLICAS]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_all_polls_of_a_device_is_given_its_key() {
    let Some(house) = House::start().await else { return };
    // Once where the device has no key, then where it has one.
    for _ in 0..2 {
        let begin = json!({"preset": "operator", "clientType": "CLI", "deviceId": "a-device"});
        let codes = good(house.gateway(0), post_json("/v1/deviceAuthorizations", &begin)).await.json();
        assert!(house.gateway(1).decide_login(&text(&codes, "userCode"), USER, Some("acme"), Decision::Approve).await.is_some());
        let poll = format!("/v1/deviceAuthorizations/{}", text(&codes, "deviceCode"));
        let key = house.crowd(|| get(&poll)).await.winner(410, "consumed");
        assert_eq!(house.statuses(&text(&key.json(), "apiKey")).await, [200; REPLICAS]);
    }
}
