//! Callers who want different things at once.

use std::{collections::BTreeSet, sync::Arc};

use gatepost::{
    engine::{Decision, Error},
    oauth::{
        grant::{RevokedBecause, State},
        refusal::ErrorCode,
        token::Kind,
    },
    verify::Denied,
};
use tokio::task::JoinSet;

use super::{CROWD, Site, all, on_many_threads, on_one_thread, seeds};
use crate::support::{
    faulty::Weather,
    house::{Given, INTERVAL, word},
};

/// Refreshes as fast as it goes, until it is over; answers all that was given.
async fn refresh_loop(site: Arc<Site>, mut newest: Given) -> Vec<Given> {
    let mut given = vec![newest.clone()];
    loop {
        match site.refresh(&newest.refresh).await {
            Ok(next) => {
                newest = next;
                given.push(newest.clone());
            }
            Err(Error::Unavailable(_)) => {}
            Err(Error::Refused(refusal)) => {
                assert_eq!(refusal.code, ErrorCode::InvalidGrant);
                return given;
            }
            Err(error) => panic!("{error:?}"),
        }
        tokio::task::yield_now().await;
    }
}

async fn revoked_during_refreshes(weather: Weather, seed: u64) {
    let (site, (login, first)) = Site::prepared(weather, seed, Site::let_in).await;
    let stream = site.open(&first.access).await;
    let looping = tokio::spawn(refresh_loop(Arc::clone(&site), first));
    // Let it get going.
    while site.issues(login.grant).await.1 < 5 {
        tokio::task::yield_now().await;
    }
    // The user presses again as long as it is said that it did not work.
    while site.revoke(login.grant).await.is_err() {}
    assert!(stream.cut().is_cancelled(), "seed {seed}: an answer is still under way");
    site.faulty.set(Weather::CROWDED);
    let given = looping.await.unwrap();
    for tokens in given.into_iter().chain(site.history.given()) {
        assert!(matches!(site.show(&tokens.access).await, Err(Denied::Revoked(_))), "seed {seed}");
        assert_eq!(word(&site.refresh(&tokens.refresh).await), ErrorCode::InvalidGrant, "seed {seed}");
    }
    let State::Revoked { why, redeemed, .. } = site.grant(login.grant).await.state else { panic!("seed {seed}: not revoked") };
    assert_eq!((why, redeemed), (RevokedBecause::User, true));
    site.history.check();
}

#[test]
fn a_loop_of_refreshes_does_not_keep_a_revocation_from_coming_through() {
    on_many_threads(async {
        for seed in seeds(10) {
            revoked_during_refreshes(Weather::CROWDED, seed).await;
            revoked_during_refreshes(Weather::STORMY, seed).await;
        }
    });
    for seed in seeds(20) {
        on_one_thread(revoked_during_refreshes(Weather::CROWDED, seed));
        on_one_thread(revoked_during_refreshes(Weather::STORMY, seed));
    }
}

/// Asserts that whoever is told that it is over finds every answer under it ended.
async fn revoked_by_many(seed: u64) {
    let (site, (login, given)) = Site::prepared(Weather::STORMY, seed, Site::let_in).await;
    let stream = Arc::new(site.open(&given.access).await);
    all(8, |number| {
        let (site, given, grant, stream) = (Arc::clone(&site), given.clone(), login.grant, Arc::clone(&stream));
        async move {
            let over = match number % 3 {
                0 => site.revoke(grant).await,
                1 => site.logout(Kind::Access, &given.access).await,
                _ => site.logout(Kind::Refresh, &given.refresh).await,
            };
            assert!(over.is_err() || stream.cut().is_cancelled(), "seed {seed}: told that it is over, and it is not");
        }
    })
    .await;
    site.history.check();
}

#[test]
fn whoever_is_told_that_it_is_over_finds_it_over() {
    for seed in seeds(100) {
        on_one_thread(revoked_by_many(seed));
    }
}

async fn decided_by_many(weather: Weather, seed: u64) {
    let (site, login) = Site::prepared(weather, seed, Site::asked).await;
    let grant = login.grant;
    let decisions = all(CROWD, |number| {
        let site = Arc::clone(&site);
        let decision = if number % 2 == 0 { Decision::Approve } else { Decision::Deny };
        async move { (decision, site.decide(grant, decision).await) }
    })
    .await;
    let mut winners = Vec::new();
    for (decision, answer) in &decisions {
        match answer {
            Ok(()) => winners.push(*decision),
            Err(Error::Unavailable(_)) if weather.after > 0 => {}
            refused => assert_eq!(word(refused), ErrorCode::InvalidGrant, "seed {seed}"),
        }
    }
    assert!(winners.len() == 1 || (weather.after > 0 && winners.is_empty()), "seed {seed}: {decisions:?}");
    site.faulty.set(Weather::FAIR);
    let is_approved = site.grant(grant).await.approval().is_some();
    if let [winner] = winners[..] {
        assert_eq!(is_approved, winner == Decision::Approve, "seed {seed}: the winner was told so, and is not");
    }
    assert_eq!(site.poll(&login.device_code).await.is_ok(), is_approved);
    site.history.check();
}

#[test]
fn of_yes_and_no_at_once_exactly_one_wins_and_the_others_are_told() {
    on_many_threads(async {
        for seed in seeds(10) {
            decided_by_many(Weather::CROWDED, seed).await;
        }
    });
    for seed in seeds(20) {
        on_one_thread(decided_by_many(Weather::CROWDED, seed));
        on_one_thread(decided_by_many(Weather::STORMY, seed));
    }
}

async fn decided_while_held(seed: u64) {
    let (site, login) = Site::prepared(Weather::CROWDED, seed, Site::asked).await;
    let mut polls = JoinSet::new();
    for _ in 0..8 {
        let (site, code) = (Arc::clone(&site), login.device_code.clone());
        // The clock stands still: a poll that missed the decision waits for ever.
        polls.spawn(async move { site.house.held_poll(&code, INTERVAL / 2).await });
    }
    let yields = seed % 16;
    for _ in 0..yields {
        tokio::task::yield_now().await;
    }
    site.decide(login.grant, Decision::Approve).await.unwrap();
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    let mut given = BTreeSet::new();
    while let Some(answer) = polls.try_join_next() {
        match answer.unwrap() {
            Ok(tokens) => drop(given.insert(tokens)),
            refused => assert!(matches!(word(&refused), ErrorCode::AuthorizationPending | ErrorCode::SlowDown { .. })),
        }
    }
    assert!(polls.is_empty(), "seed {seed}: {} polls missed the decision", polls.len());
    assert!(given.len() <= 1, "seed {seed}: {given:?}");
    polls.shutdown().await;
}

#[test]
fn no_decision_falls_between_the_reading_and_the_waiting_of_a_held_poll() {
    for seed in seeds(200) {
        on_one_thread(decided_while_held(seed));
    }
}
