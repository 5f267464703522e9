//! What an operator does to the keys that sign JWTs.

use data_encoding::BASE64URL_NOPAD;
use gatepost::oauth::signing::{Algorithm, TokenFormat};
use serde_json::{Value, json};

use super::taking_back::{is_cut, refresh, streaming, use_of};
use crate::{
    proxy::{
        process::{installation::Installation, login::log_in},
        raw::RawUpstream,
    },
    support::{gateway::CONFIG, upstream::Upstream},
};

const PASSWORD: &str = "a better password";

/// The key that signed a JWT (RFC 7515 section 4.1.4).
fn signer(jwt: &str) -> Value {
    let head = BASE64URL_NOPAD.decode(jwt.split('.').next().unwrap().as_bytes()).unwrap();
    serde_json::from_slice::<Value>(&head).unwrap()["kid"].clone()
}

impl Installation {
    /// The keys of an algorithm: name and state.
    async fn keys(&self, alg: &str) -> Vec<(Value, Value)> {
        let list = self.told(&["key", "list"]).await;
        list.as_array().unwrap().iter().filter(|key| key["alg"] == alg).map(|key| (key["kid"].clone(), key["state"].clone())).collect()
    }

    /// With the user grace and a client whose access tokens are JWTs, while nothing runs.
    async fn with_a_jwt_client(upstream: std::net::SocketAddr) -> (Self, String) {
        let installation = Self::before(upstream);
        let client = installation.client(true, Some(TokenFormat::Jwt(Algorithm::EdDsa))).await;
        installation.told_of(&["user", "add", "grace", "--password-stdin"], PASSWORD).await;
        (installation, client.to_string())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_key_signs_what_is_new_and_what_the_old_one_signed_opens_what_it_opened() {
    let upstream = Upstream::start().await;
    let (installation, client) = Installation::with_a_jwt_client(upstream.address).await;
    let (child, address) = installation.serve().await;
    let before = log_in(address, "grace", PASSWORD, &client).await.access;
    assert_eq!(installation.keys("EdDSA").await, [(signer(&before), json!("signing"))]);

    let rotated = installation.told(&["key", "rotate", "EdDSA"]).await;
    assert_eq!((&rotated["alg"], &rotated["state"], &rotated["published_until"]), (&json!("EdDSA"), &json!("signing"), &Value::Null));
    let after = log_in(address, "grace", PASSWORD, &client).await.access;
    assert_eq!(signer(&after), rotated["kid"]);
    for token in [&before, &after] {
        assert_eq!(use_of(address, token).await.0, 200);
    }

    let retired = installation.told(&["key", "retire", rotated["kid"].as_str().unwrap()]).await;
    assert_eq!(retired["state"], "retired");
    let time = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    // For a day: as long as any access token lives.
    assert!(time(&retired["published_until"]).duration_since(time(&retired["created"])).as_secs() >= 24 * 3600);
    assert_eq!(use_of(address, &after).await.0, 200);
    let states: Vec<Value> = installation.keys("EdDSA").await.into_iter().map(|(_, state)| state).collect();
    assert_eq!(states, ["retired", "retired", "signing"]);
    assert_eq!(installation.keys("ES256").await.len(), 1);
    child.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_revoked_key_signed_opens_anything_and_its_streams_are_cut() {
    let upstream = RawUpstream::start().await;
    let (installation, client) = Installation::with_a_jwt_client(upstream.address).await;
    let (child, address) = installation.serve().await;
    let login = log_in(address, "grace", PASSWORD, &client).await;
    let opaque = log_in(address, "grace", PASSWORD, "app").await;
    let stream = streaming(address, &upstream, &login.access).await;
    let mut others = streaming(address, &upstream, &opaque.access).await;
    let kid = signer(&login.access);
    // Doing it again is no mistake.
    for _ in 0..2 {
        assert_eq!(installation.told(&["key", "revoke", kid.as_str().unwrap()]).await["state"], "revoked");
    }
    is_cut(stream).await;
    assert_eq!(use_of(address, &login.access).await, (401, "invalid_token".into()));
    others.1.send_chunk("data: 2\n\n").await;
    assert_eq!(others.0.chunk().await.as_deref(), Some("data: 2\n\n"));
    // What the user granted stands: the next token is signed by the next key.
    assert_eq!(refresh(address, &client, &login).await, (200, Value::Null));
    let again = log_in(address, "grace", PASSWORD, &client).await;
    assert_ne!(signer(&again.access), kid);
    streaming(address, &upstream, &again.access).await;
    child.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_to_keys_while_the_gateway_is_down_holds_when_it_runs() {
    let upstream = Upstream::start().await;
    let (installation, client) = Installation::with_a_jwt_client(upstream.address).await;
    let (child, address) = installation.serve().await;
    let [first, second] = [log_in(address, "grace", PASSWORD, &client).await.access, {
        installation.told(&["key", "rotate", "EdDSA"]).await;
        log_in(address, "grace", PASSWORD, &client).await.access
    }];
    child.end().await;
    let (first_kid, second_kid) = (signer(&first), signer(&second));
    installation.told(&["key", "revoke", first_kid.as_str().unwrap()]).await;
    installation.told(&["key", "retire", second_kid.as_str().unwrap()]).await;
    let down = installation.keys("EdDSA").await;
    assert_eq!(down[..2], [(first_kid, json!("revoked")), (second_kid, json!("retired"))]);
    let (child, address) = installation.serve().await;
    assert_eq!(installation.keys("EdDSA").await, down);
    assert_eq!(use_of(address, &first).await, (401, "invalid_token".into()));
    assert_eq!(use_of(address, &second).await.0, 200);
    assert_eq!(signer(&log_in(address, "grace", PASSWORD, &client).await.access), down[2].0);
    child.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_told_what_has_become_of_a_key() {
    let installation = Installation::with(CONFIG);
    let rotated = installation.done(&["admin", "key", "rotate", "ES256"], "").await;
    assert!(rotated.stdout.starts_with("Key ") && rotated.stdout.ends_with(" signs with ES256 from now on.\n"), "{rotated:?}");
    let list = installation.done(&["admin", "key", "list"], "").await.stdout;
    assert!(list.starts_with("KID ") && list.contains("PUBLISHED UNTIL") && list.contains("  ES256  retired  "), "{list}");
}
