//! Many callers who want the same thing at once.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use gatepost::engine::Error;

use super::{CROWD, Site, all, on_many_threads, on_one_thread, seeds};
use crate::support::{
    faulty::Weather,
    house::{Given, Login, USER},
    records::user_id,
};

/// All polls at once, and what those got who got something.
async fn polled(site: &Arc<Site>, login: &Login) -> (BTreeSet<Given>, usize) {
    let answers = all(CROWD, |_| {
        let (site, code) = (Arc::clone(site), login.device_code.clone());
        async move { site.poll(&code).await }
    })
    .await;
    gathered(answers)
}

async fn refreshed(site: &Arc<Site>, token: &str) -> (BTreeSet<Given>, usize) {
    let answers = all(CROWD, |_| {
        let (site, token) = (Arc::clone(site), token.to_owned());
        async move { site.refresh(&token).await }
    })
    .await;
    gathered(answers)
}

/// The different answers, and how often the store was away; there is no other.
fn gathered(answers: Vec<Result<Given, Error>>) -> (BTreeSet<Given>, usize) {
    let (mut given, mut away) = (BTreeSet::new(), 0);
    for answer in answers {
        match answer {
            Ok(tokens) => drop(given.insert(tokens)),
            Err(Error::Unavailable(_)) => away += 1,
            Err(error) => panic!("{error:?}"),
        }
    }
    (given, away)
}

async fn crowd_polls(weather: Weather, seed: u64) {
    let (site, login) = Site::prepared(weather, seed, Site::approved).await;
    let (mut given, away) = polled(&site, &login).await;
    assert!(weather.after > 0 || (away, given.len()) == (0, 1), "seed {seed}: {away} away, {given:?}");
    site.faulty.set(Weather::FAIR);
    given.insert(site.poll(&login.device_code).await.unwrap());
    assert_eq!(given.len(), 1, "seed {seed}: {given:#?}");
    assert_eq!(site.issues(login.grant).await, (1, 1));
    site.show(&given.first().unwrap().access).await.unwrap();
    site.history.check();
}

#[test]
fn sixty_four_polls_at_once_get_one_answer() {
    on_many_threads(async {
        for seed in seeds(10) {
            crowd_polls(Weather::CROWDED, seed).await;
        }
    });
    for seed in seeds(20) {
        on_one_thread(crowd_polls(Weather::CROWDED, seed));
    }
}

#[test]
fn sixty_four_polls_at_once_get_one_answer_also_in_a_storm() {
    on_many_threads(async {
        for seed in seeds(10) {
            crowd_polls(Weather::STORMY, seed).await;
        }
    });
    for seed in seeds(20) {
        on_one_thread(crowd_polls(Weather::STORMY, seed));
    }
}

async fn crowd_refreshes(weather: Weather, seed: u64) {
    let (site, (login, first)) = Site::prepared(weather, seed, Site::let_in).await;
    let (mut given, away) = refreshed(&site, &first.refresh).await;
    assert!(weather.after > 0 || (away, given.len()) == (0, 1), "seed {seed}: {away} away, {given:?}");
    site.faulty.set(Weather::FAIR);
    given.insert(site.refresh(&first.refresh).await.unwrap());
    assert_eq!(given.len(), 1, "seed {seed}: {given:#?}");
    assert_eq!(site.issues(login.grant).await, (2, 2));
    // Nobody is signed out: the old access token, the new one and the new refresh token all work.
    let second = given.first().unwrap();
    site.show(&first.access).await.unwrap();
    site.show(&second.access).await.unwrap();
    site.refresh(&second.refresh).await.unwrap();
    site.history.check();
}

#[test]
fn sixty_four_refreshes_of_one_token_have_one_successor_and_sign_nobody_out() {
    on_many_threads(async {
        for seed in seeds(10) {
            crowd_refreshes(Weather::CROWDED, seed).await;
        }
    });
    for seed in seeds(20) {
        on_one_thread(crowd_refreshes(Weather::CROWDED, seed));
    }
}

#[test]
fn sixty_four_refreshes_of_one_token_have_one_successor_also_in_a_storm() {
    on_many_threads(async {
        for seed in seeds(10) {
            crowd_refreshes(Weather::STORMY, seed).await;
        }
    });
    for seed in seeds(20) {
        on_one_thread(crowd_refreshes(Weather::STORMY, seed));
    }
}

/// Four copies of one client, which come again with the same token until each has its answer.
async fn tries_again(seed: u64) {
    let (site, (login, mut newest)) = Site::prepared(Weather::STORMY, seed, Site::let_in).await;
    for round in 2..=12 {
        let answers = all(4, |_| {
            let (site, token) = (Arc::clone(&site), newest.refresh.clone());
            async move {
                loop {
                    match site.refresh(&token).await {
                        Err(Error::Unavailable(_)) => {}
                        answer => return answer,
                    }
                }
            }
        })
        .await;
        let (given, _) = gathered(answers);
        assert_eq!(given.len(), 1, "seed {seed}, round {round}: {given:#?}");
        newest = given.into_iter().next().unwrap();
        assert_eq!(site.issues(login.grant).await, (round.min(8), u32::try_from(round).unwrap()));
    }
    site.history.check();
}

#[test]
fn a_client_that_tries_again_is_never_signed_out() {
    for seed in seeds(40) {
        on_one_thread(tries_again(seed));
    }
}

/// Sixty-three wrong guesses and a right one, by one user from one address.
async fn guessed_by_many(seed: u64) {
    let (site, login) = Site::prepared(Weather::CROWDED, seed, Site::asked).await;
    let wrong = Arc::new(AtomicUsize::new(0));
    all(CROWD, |number| {
        let (site, wrong) = (Arc::clone(&site), Arc::clone(&wrong));
        let typed = if number + 1 == CROWD { login.user_code.clone() } else { "BBBB-BBBB".to_owned() };
        async move {
            match site.house.engine.find_by_user_code(&typed, user_id(USER), [192, 0, 2, 1].into()).await {
                Ok(_) => assert!(wrong.load(Ordering::SeqCst) < 10, "seed {seed}: found after ten wrong guesses"),
                Err(Error::Refused(_)) => drop(wrong.fetch_add(1, Ordering::SeqCst)),
                Err(Error::Limited(_)) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
    })
    .await;
    assert_eq!(wrong.load(Ordering::SeqCst), 10, "seed {seed}: so many guesses were answered");
}

#[test]
fn guesses_made_at_once_are_no_more_than_guesses_made_one_by_one() {
    for seed in seeds(20) {
        on_one_thread(guessed_by_many(seed));
    }
}
