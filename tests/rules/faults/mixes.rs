//! Everything at once, in every order that a seed makes, while the store fails.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use data_encoding::BASE32_NOPAD;
use gatepost::{
    engine::Decision,
    oauth::{
        grant::{RETRY_WINDOW, RevokedBecause, State},
        refusal::ErrorCode,
        token::Kind,
    },
    verify::Denied,
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::task::JoinSet;

use super::{Site, on_many_threads, on_one_thread, seeds};
use crate::{
    rules::history::{Ask, Call, Told},
    support::{
        faulty::Weather,
        house::{Given, Login, word},
    },
};

const CALLERS: u64 = 8;
const CALLS: usize = 24;

/// What is rare in a mix and what is not.
#[derive(Clone, Copy, Debug)]
struct Mix {
    weather: Weather,
    /// Of a hundred calls so many want to end it: revoke, log out.
    ends: u32,
    /// Of a hundred calls so many decide no.
    denials: u32,
    /// Of a hundred calls so many come after a second or more.
    late: u32,
}

const PEACE: Mix = Mix { weather: Weather::STORMY, ends: 0, denials: 0, late: 0 };
const QUARREL: Mix = Mix { weather: Weather::STORMY, ends: 2, denials: 5, late: 3 };
const WAR: Mix = Mix { weather: Weather::STORMY, ends: 10, denials: 20, late: 10 };

/// One caller's calls.
async fn calls(site: Arc<Site>, login: Login, mix: Mix, seed: u64) {
    let mut dice = StdRng::seed_from_u64(seed);
    for _ in 0..CALLS {
        let roll = dice.random_range(0..100);
        let known = site.history.given();
        // Mostly the newest, since that is what a client has.
        let back = if dice.random_ratio(1, 8) { dice.random_range(0..3) } else { 0 };
        let chosen = known.len().checked_sub(1 + back).map(|at| known[at].clone());
        // Whatever the answer is, the history has it.
        match (roll, chosen) {
            (0..15, _) => drop(site.poll(&login.device_code).await),
            (15..30, _) => {
                let decision = if dice.random_range(0..100) < mix.denials { Decision::Deny } else { Decision::Approve };
                drop(site.decide(login.grant, decision).await);
            }
            (30..60, Some(given)) => drop(site.refresh(&given.refresh).await),
            (60..90, Some(given)) => drop(site.show(&given.access).await),
            (_, chosen) if roll >= 100 - mix.ends => match chosen.filter(|_| dice.random()) {
                Some(given) => drop(site.logout(Kind::Access, &given.access).await),
                None => drop(site.revoke(login.grant).await),
            },
            _ => tokio::task::yield_now().await,
        }
        if dice.random_range(0..100) < mix.late {
            site.house.pass(Duration::from_secs(dice.random_range(1..8)));
        }
    }
}

async fn mixed(mix: Mix, seed: u64) {
    let (site, login) = Site::prepared(mix.weather, seed, Site::asked).await;
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        callers.spawn(calls(Arc::clone(&site), login.clone(), mix, seed * CALLERS + caller));
    }
    callers.join_all().await;
    site.faulty.set(Weather::FAIR);
    let outcome = format!("seed {seed}, {mix:?}");
    assert!(site.faulty.failed() > 0, "{outcome}: the store never failed");
    everything_ends_well(&site, &login, &outcome).await;
    site.history.check();
}

/// Looks at how it ended, with the store in order: what was answered is still true, and what is
/// over is over for a reason that is in the history.
async fn everything_ends_well(site: &Site, login: &Login, outcome: &str) {
    let calls = site.history.calls();
    let won = |decision| calls.iter().any(|call| call.ask == Ask::Decide(decision) && call.told == Told::Yes);
    let given: BTreeMap<u32, Given> = site.history.given().into_iter().map(|given| (number(&given.refresh), given)).collect();
    match site.grant(login.grant).await.state {
        State::Pending { .. } => assert!(!won(Decision::Approve) && !won(Decision::Deny) && given.is_empty(), "{outcome}"),
        State::Denied { .. } => {
            assert!(!won(Decision::Approve) && given.is_empty(), "{outcome}");
            assert_eq!(word(&site.poll(&login.device_code).await), ErrorCode::AccessDenied, "{outcome}");
        }
        State::Approved { .. } => {
            assert!(!won(Decision::Deny) && given.is_empty(), "{outcome}");
            site.poll(&login.device_code).await.unwrap();
        }
        State::Void { .. } => panic!("{outcome}: no code was typed"),
        State::Live { issues, .. } => {
            assert!(!won(Decision::Deny), "{outcome}");
            let newest = issues.last().unwrap();
            for (number, tokens) in &given {
                match site.show(&tokens.access).await {
                    Ok(_) => assert!(number + 8 > newest.number, "{outcome}: the ninth is open"),
                    Err(Denied::Expired(_)) => assert!(number + 8 <= newest.number, "{outcome}: one of eight is shut"),
                    Err(denied) => panic!("{outcome}: {denied:?}"),
                }
            }
            // Whoever has the newest that anybody was told can go on, if he comes soon enough.
            let told = given.last_key_value().map(|(number, given)| (*number, given));
            let soon = site.house.time.clock().now() < newest.issued + RETRY_WINDOW;
            match told.filter(|(number, _)| *number == newest.number || soon) {
                Some((_, tokens)) => drop(site.refresh(&tokens.refresh).await.unwrap()),
                None => assert!(told.is_none_or(|(number, _)| number + 1 == newest.number), "{outcome}: {told:?}"),
            }
        }
        State::Revoked { why, .. } => {
            let ended = |call: &Call| match (why, &call.ask) {
                (RevokedBecause::User, ask) => *ask == Ask::Revoke,
                (RevokedBecause::Logout, ask) => matches!(ask, Ask::Logout(..)),
                (RevokedBecause::Replay, Ask::Refresh(token)) => !given.is_empty() && number(token) <= *given.keys().last().unwrap(),
                (RevokedBecause::Replay | RevokedBecause::Operator, _) => false,
            };
            assert!(calls.iter().any(ended), "{outcome}: {why:?}, and nobody asked for it");
            for tokens in given.values() {
                assert!(matches!(site.show(&tokens.access).await, Err(Denied::Revoked(_))), "{outcome}");
                assert_eq!(word(&site.refresh(&tokens.refresh).await), ErrorCode::InvalidGrant, "{outcome}");
            }
            assert!(site.poll(&login.device_code).await.is_err(), "{outcome}");
        }
    }
}

/// The issue's number, as it stands in a token.
fn number(token: &str) -> u32 {
    let (_, body) = token.split_once('_').unwrap();
    let bytes = BASE32_NOPAD.decode(body.to_ascii_uppercase().as_bytes()).unwrap();
    u32::from_be_bytes(bytes[18..22].try_into().unwrap())
}

#[test]
fn a_mix_of_everything_keeps_every_promise_on_one_thread() {
    for seed in seeds(60) {
        for mix in [PEACE, QUARREL, WAR] {
            on_one_thread(mixed(mix, seed));
        }
    }
}

#[test]
fn a_mix_of_everything_keeps_every_promise_on_many_threads() {
    on_many_threads(async {
        for seed in seeds(20) {
            for mix in [PEACE, QUARREL, WAR] {
                mixed(mix, seed).await;
            }
        }
    });
}
