//! What another build wrote is never guessed at, and never written over.

use redis::FromRedisValue;
use serde_json::{Value, json};

use crate::{
    support::{
        gateway::{PASSWORD, USER, forwarding},
        http::{Reply, bearing, get, post_form, post_json, send},
        person::Person,
        redis::Server,
        replicas::Replica,
        upstream::Upstream,
    },
    wire::together::credentials::text,
};

/// Layout, version and deadline of a value; the number of names follows.
const HEAD: usize = 29;

/// A gateway in a process of its own, and one login there.
struct House {
    replica: Replica,
    redis: Server,
    upstream: Upstream,
    tokens: Value,
}

impl House {
    async fn start() -> Option<Self> {
        let redis = Server::start(&[])?;
        let upstream = Upstream::start().await;
        // Who goes by what he knows does not look at it.
        let replica = Replica::start_with(&forwarding(upstream.address), redis.address(), "mode = \"strict\"").await;
        replica.add_user();
        let tokens = log_in(replica.address, replica.address).await;
        Some(Self { replica, redis, upstream, tokens })
    }

    fn key<T: FromRedisValue>(&self, command: &[&str]) -> T {
        self.redis.command(command)
    }

    async fn call(&self) -> Reply {
        send(self.replica.address, bearing(get("/v1/x"), &text(&self.tokens, "access_token"))).await
    }

    /// All that can be done with the login, but for the call.
    async fn others(&self) -> [Reply; 3] {
        let (access, refresh) = (text(&self.tokens, "access_token"), text(&self.tokens, "refresh_token"));
        let fields = [("grant_type", "refresh_token"), ("client_id", "bootspring-cli"), ("refresh_token", refresh.as_str())];
        [
            send(self.replica.address, post_form("/auth/device/token", &fields)).await,
            send(self.replica.address, bearing(get("/api/v1/auth/me"), &access)).await,
            send(self.replica.address, post_json("/api/v1/auth/logout", &json!({"refreshToken": refresh}))).await,
        ]
    }
}

/// A device asks at one gateway, and a person signs in and approves at another: the tokens.
pub(super) async fn log_in(device: std::net::SocketAddr, browser: std::net::SocketAddr) -> Value {
    let asked = send(device, post_json("/api/v1/auth/device", &json!({"device": {}}))).await;
    assert_eq!(asked.status, 200, "{}", asked.text());
    let person = Person::at_address(browser);
    assert_eq!(person.sign_in(USER, PASSWORD).await.status, 303);
    person.approve(&text(&asked.json(), "user_code")).await;
    let poll = json!({"device_code": asked.json()["device_code"]});
    let tokens = send(device, post_json("/api/v1/auth/device/token", &poll)).await;
    assert_eq!(tokens.status, 200, "{}", tokens.text());
    tokens.json()
}

/// Where the record begins: after the names of what it rests on.
fn record_at(value: &[u8]) -> usize {
    (0..value[HEAD]).fold(HEAD + 1, |at, _| at + 1 + usize::from(value[at]))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_of_another_layout_or_format_is_an_outage_that_is_named_in_the_log() {
    let Some(mut house) = House::start().await else { return };
    for letters in [":g:", ":u:"] {
        let keys: Vec<String> = house.key(&["KEYS", &format!("*{letters}*")]);
        let [key] = keys.as_slice() else { panic!("{keys:?}") };
        let whole: Vec<u8> = house.key(&["GET", key]);
        let places = [
            (0, "layout 9, and this version of Gatepost knows layout 1"),
            (record_at(&whole), "format 9, and this version of Gatepost knows format 1"),
        ];
        for (at, words) in places {
            // Nine is a tab.
            let _: usize = house.key(&["SETRANGE", key, &at.to_string(), "\t"]);
            let foreign: Vec<u8> = house.key(&["GET", key]);
            let came = house.upstream.seen().len();
            let reply = house.call().await;
            assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (503, "1"), "{key} {at}: {}", reply.text());
            let line = house.replica.logs(reply.header("x-request-id")).await;
            assert!(line.contains(words), "{line}");
            for reply in house.others().await {
                assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (503, "1"), "{key} {at}: {}", reply.text());
            }
            assert_eq!(house.upstream.seen().len(), came);
            let after: Vec<u8> = house.key(&["GET", key]);
            assert!(after == foreign, "{key} {at}: it was written over");
            let _: usize = house.key(&["SETRANGE", key, &at.to_string(), "\u{1}"]);
            let restored: Vec<u8> = house.key(&["GET", key]);
            assert!(restored == whole);
            assert_eq!(house.call().await.status, 200);
        }
    }
    assert!(house.others().await.iter().all(|reply| reply.status == 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operators_command_does_not_write_over_what_it_cannot_read() {
    let Some(house) = House::start().await else { return };
    for letters in [":g:", ":u:", ":j:", ":r:"] {
        let keys: Vec<String> = house.key(&["KEYS", &format!("*{letters}*")]);
        let [key] = keys.as_slice() else { panic!("{keys:?}") };
        let _: usize = house.key(&["SETRANGE", key, "0", "\t"]);
    }
    let id = house.key::<Vec<String>>(&["KEYS", "*:g:*"])[0].rsplit(':').next().unwrap().to_owned();
    let before: Vec<Vec<u8>> = values(&house);
    for arguments in [&["user", "disable", USER][..], &["user", "revoke", USER], &["grant", "revoke", &id], &["key", "rotate", "EdDSA"]] {
        let (said, code) = house.replica.refused(arguments);
        assert!(code != 0 && said.contains("layout 9"), "{arguments:?}: {said}");
    }
    assert!(values(&house) == before, "something was written over");
}

/// What stands under the keys of records that were there from the beginning.
fn values(house: &House) -> Vec<Vec<u8>> {
    let of = |letters: &str| house.key::<Vec<String>>(&["KEYS", &format!("*{letters}*")]);
    [":g:", ":u:", ":j:", ":r:"].into_iter().flat_map(of).map(|key| house.key(&["GET", &key])).collect()
}
