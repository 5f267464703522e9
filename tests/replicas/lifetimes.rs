//! What lies in Redis ends by itself, but for what stays for good; and it is all of the realm's own.

use std::collections::{BTreeMap, BTreeSet};

use super::House;
use crate::{
    support::{
        gateway::{Gateway, USER},
        person::Person,
        redis::{Server, realm},
        replicas::store,
    },
    wire::together::credentials::{self, Kind},
};

/// By their letters (`record.rs`): users and their names; what is kept of clients, and whose they are; the lists
/// of users, of clients and of those that registered themselves; the roots; what signs JWTs; the feed, of which
/// the newest entry stays; the members, and what numbers their renewals.
const STAY: [&str; 12] = ["u:", "n:", "k:", "w:", "U:", "K:", "R:", "r:", "j:", "feed", "replicas", "renewals"];

/// Whatever does not begin so, with its value.
fn others(redis: &Server, tag: &str) -> BTreeMap<String, Vec<u8>> {
    let mut keys: Vec<String> = redis.command(&["KEYS", "*"]);
    keys.retain(|key| !key.starts_with(tag));
    keys.into_iter().map(|key| (key.clone(), redis.command(&["DUMP", &key]))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_key_ends_by_itself_but_for_those_that_stay_for_good() {
    let Some(house) = House::start().await else { return };
    let (replicas, redis) = (&house.replicas, &house.replicas.redis);
    let got = credentials::one_of_each(house.gateway(0)).await;
    house.gateway(1).personal_token(USER, "inference").await;
    Person::signed_in(house.gateway(1)).await.revoke_first().await;
    house.gateway(2).admin("client", "disable", &[("id", "both"), ("dialect", "standard")]).await;
    let calls = got.iter().filter(|credential| credential.kind == Kind::Access);
    for credential in calls {
        house.statuses(&credential.text).await;
    }
    // Last uses are saved every five seconds.
    replicas.time.advance(std::time::Duration::from_secs(5));
    crate::support::redis::until("last uses are saved", || !replicas.keys(":l:").is_empty());
    let tag = format!("{}{{{}}}:", replicas.realm.prefix, replicas.realm.realm);
    let keys: Vec<String> = redis.command(&["KEYS", "*"]);
    let (mut stay, mut end) = (BTreeSet::new(), BTreeSet::new());
    for key in &keys {
        let name = key.strip_prefix(&tag).unwrap_or_else(|| panic!("{key} is not the realm's"));
        let kind = if name.contains(':') { &name[..2] } else { name };
        match redis.command::<i64>(&["PTTL", key]) {
            -1 => stay.insert(kind.to_owned()),
            left => {
                // Ten years, which Serble's refresh tokens live, a month for which is remembered that they are over,
                // and an hour.
                assert!((1..=(3653 + 31) * 86_400_000).contains(&left), "{key}: {left}");
                end.insert(kind.to_owned())
            }
        };
    }
    assert!(stay.iter().all(|kind| STAY.contains(&kind.as_str())), "{stay:?}");
    assert!(end.iter().all(|kind| !STAY.contains(&kind.as_str())), "{end:?}");
    for kind in ["g:", "s:", "G:", "C:", "l:", "d:"] {
        assert!(end.contains(kind), "no {kind} in {end:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_realm_is_not_touched_by_what_happens_in_another() {
    let Some(house) = House::start().await else { return };
    let (replicas, redis) = (&house.replicas, &house.replicas.redis);
    // With the same roots, so that only the realm tells them apart.
    let other = store(&realm(redis.place()), redis.address(), &replicas.time).await;
    let config = credentials::config(&house.upstream.address.to_string());
    let other = Gateway::over(&config, other, replicas.time.clone()).await;
    let theirs = super::token(&other).await.access;
    let _: () = redis.command(&["SET", "somebody-elses", "value"]);
    let tag = format!("{}{{{}}}:", replicas.realm.prefix, replicas.realm.realm);
    let before = others(redis, &tag);
    assert!(before.len() > 5);

    let ours = house.token().await;
    assert_eq!(house.statuses(&ours.access).await, [200; super::REPLICAS]);
    assert_eq!(house.statuses(&theirs).await, [401; super::REPLICAS]);
    house.gateway(1).admin("user", "revoke", &[("name", USER)]).await;
    house.gateway(1).admin("key", "rotate", &[("alg", "ES256")]).await;
    end_of_a_client(&house).await;
    assert!(others(redis, &tag) == before, "another realm was written to");
    let reply = other.send(crate::support::http::bearing(crate::support::http::get("/models/x"), &theirs)).await;
    assert_eq!(reply.status, 200);
    other.end().await;
}

/// Logins in every dialect, and a client that is taken back.
async fn end_of_a_client(house: &House) {
    house.gateway(2).admin("user", "enable", &[("name", USER)]).await;
    credentials::one_of_each(house.gateway(2)).await;
    house.gateway(0).admin("client", "revoke", &[("id", "both"), ("dialect", "standard")]).await;
}
