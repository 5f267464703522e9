//! The roots and the signing keys of a realm are one set, whoever made them.

use std::collections::BTreeSet;

use gatepost::{app::Interior, clock::Manual, store::Store};
use serde_json::Value;

use super::{House, REPLICAS, ada, good};
use crate::{
    proxy::{raw::soon, stand::issue_as},
    support::{
        crowd::at_once,
        fault::FaultProxy,
        gateway::{CONFIG, ROOT, plan},
        http::get,
        records::START,
        redis::{Server, realm},
        replicas::store,
    },
};

async fn published(house: &House, replica: usize) -> BTreeSet<String> {
    let jwks: Value = good(house.gateway(replica), get("/.well-known/jwks.json")).await.json();
    jwks["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_new_key_signs_at_one_replica_opens_at_all_at_once_and_they_publish_it() {
    use gatepost::{
        engine::Style,
        oauth::signing::{Algorithm, TokenFormat},
    };
    let Some(house) = House::start().await else { return };
    let style = Style {
        dialect: "bootspring",
        access: "bs_at_",
        access_life: std::time::Duration::from_secs(900),
        format: TokenFormat::Jwt(Algorithm::EdDsa),
        refresh: Some(gatepost::engine::RefreshStyle::Rotating { prefix: "bs_rt_", life: std::time::Duration::from_secs(3600) }),
    };
    let mut known = published(&house, 0).await;
    for round in 0..5 {
        let rotating = round % REPLICAS;
        house.gateway(rotating).admin("key", "rotate", &[("alg", "EdDSA")]).await;
        let gateway = house.gateway(rotating);
        let client = gateway.engine.client("bootspring", &gatepost::oauth::id::ClientId::new("bootspring-cli")).await.unwrap().unwrap();
        let jwt = issue_as(&style, &gateway.engine, &ada(gateway).await, &client).await.access;
        assert_eq!(house.statuses(&jwt).await, [200; REPLICAS], "round {round}");
        let now = published(&house, rotating).await;
        assert_eq!(now.difference(&known).count(), 1);
        for replica in 0..REPLICAS {
            soon(async {
                while published(&house, replica).await != now {
                    tokio::task::yield_now().await;
                }
            })
            .await;
        }
        known = now;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_start_at_the_same_moment_on_an_empty_realm_agree_on_roots_and_keys() {
    let Some(redis) = Server::start(&[]) else { return };
    for _ in 0..3 {
        let (realm, time) = (realm(redis.place()), Manual::starting_at(START));
        // Each is as far from Redis as the others, and so reads before any has written.
        let proxies: Vec<FaultProxy> = (0..REPLICAS).map(|_| FaultProxy::before(redis.address())).collect();
        let stores = at_once(proxies.iter().map(|proxy| store(&realm, proxy.address(), &time))).await;
        proxies.iter().for_each(|proxy| proxy.delay(std::time::Duration::from_millis(20)));
        let started = at_once(stores.iter().map(|store| {
            let (store, clock) = (std::sync::Arc::<dyn Store>::clone(store), time.clock());
            tokio::spawn(Interior::over(plan(CONFIG, ROOT), store, clock))
        }))
        .await;
        let interiors: Vec<Interior> = started.into_iter().map(|started| started.unwrap().unwrap()).collect();
        let kept = stores[0].signing_keys().await.unwrap().unwrap().record;
        for interior in &interiors {
            let published = String::from_utf8(interior.engine().jwks().to_vec()).unwrap();
            assert_eq!(interior.engine().keys().await.unwrap(), kept);
            assert!(kept.iter().all(|key| published.contains(&key.id.to_string())), "{published}");
            assert_eq!(published.matches("\"kid\"").count(), kept.iter().count(), "{published}");
        }
        assert_eq!(stores[0].roots().await.unwrap().unwrap().record.0.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_with_another_root_is_refused() {
    let Some(redis) = Server::start(&[]) else { return };
    let (realm, time) = (realm(redis.place()), Manual::starting_at(START));
    let first = store(&realm, redis.address(), &time).await;
    Interior::over(plan(CONFIG, ROOT), first, time.clock()).await.unwrap();
    let second = store(&realm, redis.address(), &time).await;
    let refused = Interior::over(plan(CONFIG, &"x".repeat(32)), second, time.clock()).await.err().unwrap().to_string();
    assert!(refused.starts_with("the store was used with another root secret than the one configured as"), "{refused}");
    assert!(!refused.contains("xxxx") && !refused.contains("rrrr"), "{refused}");
}
