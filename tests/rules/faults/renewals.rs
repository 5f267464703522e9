//! Refresh tokens that last: many at once, and over a store that fails.

use std::{collections::BTreeSet, sync::Arc};

use gatepost::{engine::Error, oauth::refusal::ErrorCode};

use super::{CROWD, Site, all, on_many_threads, on_one_thread, one_by_one::one_by_one, seeds};
use crate::{
    rules::logins::{HOUR, Jwts, authorized, is_revoked, opens, redeem, refused, renew},
    support::{
        faulty::Weather,
        house::{House, USER},
        records::user,
    },
};

async fn code(house: &House) -> String {
    house.engine.maintain_keys().await.unwrap();
    authorized(house, &user(USER)).await.1
}

async fn let_in(house: &House) -> (Jwts, String) {
    let code = code(house).await;
    let given = redeem(house, &code, None).await.unwrap();
    let refresh = given.refresh.clone().unwrap();
    (given, refresh)
}

#[test]
fn a_redemption_that_failed_mints_at_most_once() {
    on_one_thread(one_by_one(
        "redeem a code",
        code,
        async |house, code| redeem(house, code, None).await.map(|_| ()),
        async |house, code, fault| {
            let again = redeem(house, code, None).await;
            // It fails after the commit too, when the answer is put together.
            let was_made = refused(&again).is_some();
            assert!(fault.is_some() || was_made, "{again:?}");
            if let Ok(given) = again {
                assert!(opens(house, &given.access).await);
            }
            assert_eq!(refused(&redeem(house, code, None).await), Some(ErrorCode::InvalidGrant));
        },
    ));
}

#[test]
fn a_renewal_that_failed_loses_nothing() {
    on_one_thread(one_by_one(
        "renew",
        async |house| {
            let given = let_in(house).await;
            house.pass(HOUR / 2);
            given
        },
        async |house, (_, refresh)| renew(house, refresh).await.map(|_| ()),
        async |house, (first, refresh), _| {
            let next = renew(house, refresh).await.unwrap();
            assert_ne!(next.access, first.access);
            assert!(opens(house, &first.access).await && opens(house, &next.access).await);
            assert_eq!(renew(house, refresh).await.unwrap().access, next.access);
        },
    ));
}

async fn crowd(weather: Weather, seed: u64) {
    let (site, (first, refresh)) = Site::prepared(weather, seed, async |site: &Site| {
        let given = let_in(&site.house).await;
        site.house.pass(HOUR / 2);
        given
    })
    .await;
    let answers = all(CROWD, |_| {
        let (site, refresh) = (Arc::clone(&site), refresh.clone());
        async move { renew(&site.house, &refresh).await }
    })
    .await;
    site.faulty.set(Weather::FAIR);
    let mut access = BTreeSet::from([renew(&site.house, &refresh).await.unwrap().access]);
    for answer in answers {
        match answer {
            Ok(given) => drop(access.insert(given.access)),
            Err(Error::Unavailable(_)) if weather.after > 0 => {}
            Err(error) => panic!("seed {seed}: {error:?}"),
        }
    }
    assert_eq!(access.len(), 1, "seed {seed}: {access:?}");
    assert!(!access.contains(&first.access) && opens(&site.house, access.first().unwrap()).await, "seed {seed}");
}

#[test]
fn sixty_four_renewals_at_once_get_one_answer_also_in_a_storm() {
    on_many_threads(async {
        for seed in seeds(3) {
            crowd(Weather::CROWDED, seed).await;
            crowd(Weather::STORMY, seed).await;
        }
    });
    for seed in seeds(6) {
        on_one_thread(crowd(Weather::CROWDED, seed));
        on_one_thread(crowd(Weather::STORMY, seed));
    }
}

/// The code comes again while its app renews: whatever was given in between is over.
async fn replayed_during_renewals(seed: u64) {
    let (site, (code, refresh)) = Site::prepared(Weather::CROWDED, seed, async |site: &Site| {
        let code = code(&site.house).await;
        let refresh = redeem(&site.house, &code, None).await.unwrap().refresh.unwrap();
        site.house.pass(HOUR);
        (code, refresh)
    })
    .await;
    let answers = all(8, |at| {
        let (site, code, refresh) = (Arc::clone(&site), code.clone(), refresh.clone());
        async move { (at, if at == 4 { redeem(&site.house, &code, None).await } else { renew(&site.house, &refresh).await }) }
    })
    .await;
    for (at, answer) in answers {
        match answer {
            Ok(given) => assert!(at != 4 && is_revoked(&site.house.show(&given.access).await), "seed {seed}, {at}"),
            answer => {
                let code = if at == 4 { ErrorCode::InvalidGrant } else { ErrorCode::TakenBack };
                assert_eq!(refused(&answer), Some(code), "seed {seed}, {at}");
            }
        }
    }
    assert_eq!(refused(&renew(&site.house, &refresh).await), Some(ErrorCode::TakenBack), "seed {seed}");
}

#[test]
fn a_replay_during_renewals_ends_all_of_them() {
    for seed in seeds(40) {
        on_one_thread(replayed_during_renewals(seed));
    }
}
