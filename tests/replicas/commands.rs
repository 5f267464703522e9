//! What a call costs Redis.

use std::collections::BTreeMap;

use super::{House, REPLICAS, Way};
use crate::{
    support::{
        gateway::USER,
        http::{bearing, get},
        redis::Monitor,
    },
    wire::together::credentials::{self, Kind},
};

#[tokio::test(flavor = "multi_thread")]
async fn where_each_call_is_asked_for_it_is_one_command() {
    const CALLS: usize = 20;
    let Some(house) = House::going(Way::Strict).await else { return };
    let mut tokens = vec![("personal".to_owned(), house.gateway(0).personal_token(USER, "inference").await)];
    for credential in credentials::one_of_each(house.gateway(0)).await {
        if credential.kind == Kind::Access {
            tokens.push((credential.dialect.to_owned(), credential.text));
        }
    }
    let redis = &house.replicas.redis;
    for (name, token) in tokens {
        // Each replica makes itself known to Redis once.
        assert_eq!(house.statuses(&token).await, [200; REPLICAS]);
        let monitor = Monitor::of(redis);
        monitor.since(redis);
        for _ in 0..CALLS {
            assert_eq!(house.statuses(&token).await, [200; REPLICAS]);
        }
        let mut commands = BTreeMap::<String, usize>::new();
        for told in monitor.since(redis).iter().filter(|told| told.by.is_some()) {
            let word = told.words.split(|byte| *byte == b' ').next().unwrap();
            *commands.entry(String::from_utf8_lossy(word).into_owned()).or_default() += 1;
        }
        assert_eq!(commands, BTreeMap::from([("\"EVALSHA\"".to_owned(), CALLS * REPLICAS)]), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_made_here_costs_nothing() {
    let Some(house) = House::start().await else { return };
    let access = house.token().await.access;
    let other = if access.ends_with('a') { "b" } else { "a" };
    let forged = format!("{}{other}", &access[..access.len() - 1]);
    let monitor = Monitor::of(&house.replicas.redis);
    monitor.since(&house.replicas.redis);
    for _ in 0..10 {
        assert_eq!(house.statuses(&forged).await, [401; REPLICAS]);
    }
    assert_eq!(house.gateway(0).send(get("/models/x")).await.status, 401);
    assert_eq!(house.gateway(0).send(bearing(get("/models/x"), "nothing")).await.status, 401);
    let told = monitor.since(&house.replicas.redis);
    assert!(told.is_empty(), "{told:?}");
}
