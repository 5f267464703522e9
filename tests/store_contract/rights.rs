//! The rights that `docs/redis.md` gives to the gateway are enough for all that it does.

use std::{num::NonZeroU32, time::Duration};

use gatepost::{
    config::{
        limits::Rate,
        store::{Login, Redis},
    },
    store::counter::{Counted, Step, Tally},
};

use super::everything;
use crate::support::{
    redis::{PASSWORD, Server, realm},
    stores::Stand,
};

/// What the manual has an operator write behind `ACL SETUSER`.
fn rule() -> Vec<String> {
    let manual = include_str!("../../docs/redis.md");
    let (_, rule) = manual.split_once("```text\nuser gatepost on").expect("the manual shows a user");
    let (rule, _) = rule.split_once("```").unwrap();
    let words = rule.split_whitespace().map(|word| word.replace("PASSWORD", PASSWORD));
    ["gatepost", "on"].map(str::to_owned).into_iter().chain(words).collect()
}

fn let_in(server: &Server, rule: &[String]) {
    let words: Vec<&str> = ["ACL", "SETUSER"].into_iter().chain(rule.iter().map(String::as_str)).collect();
    server.command::<()>(&words);
}

fn logged_in(redis: Redis) -> Redis {
    Redis { login: Some(Login { user: Some("gatepost".to_owned()), password: PASSWORD.into() }), ..redis }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_user_of_the_manual_may_do_all_that_the_store_does() {
    let Some(server) = Server::start(&[]) else { return };
    // Each test has a realm of its own; what is said of the commands is the manual's.
    let rule: Vec<String> = rule().into_iter().map(|word| word.replace("{default}", "{*}")).collect();
    let_in(&server, &rule);
    for (name, test) in everything() {
        println!("{name}");
        test(&Stand::over(logged_in(realm(server.place()))).await).await;
    }
    let on = Stand::over(logged_in(realm(server.place()))).await;
    let rate = Rate { times: NonZeroU32::MIN, per: Duration::from_secs(60) };
    let counted = on.store.counter().unwrap().count(vec![Tally { name: [1; 16], rate, step: Step::Take }]).await.unwrap();
    assert_eq!(counted, [Counted::Admitted]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_user_of_the_manual_may_touch_the_keys_of_its_realm_and_no_others() {
    let Some(server) = Server::start(&[]) else { return };
    let_in(&server, &rule());
    let redis = |realm_name: &str| logged_in(Redis { realm: realm_name.to_owned(), ..realm(server.place()) });
    let on = Stand::over(redis("default")).await;
    on.store.commit(vec![crate::support::records::put_user(1, 1, gatepost::store::Expect::Absent)]).await.unwrap();
    let refused = gatepost::store::open(&gatepost::config::Store::Redis(Box::new(redis("other"))), on.clock.clock()).await;
    assert!(refused.err().unwrap().to_string().contains("permissions"));
}
