//! Every operation of every verb fails once, before and after it was done: the answer is that
//! nobody can say, and trying again gives what would have been answered.

use gatepost::{
    engine::{Decision, Error},
    oauth::{refusal::ErrorCode, token::Kind},
    verify::Denied,
};

use super::{Site, on_one_thread, seeds};
use crate::support::{
    faulty::{Fault, Weather},
    house::{Given, House, INTERVAL, Login, USER, word},
    records::{user, user_id},
};

/// Has the operations of a verb fail one after the other, until there is none left to fail.
/// `verb` is called on a house of its own each time, and says whether the store was away; what
/// must be true afterwards `settled` asserts, with the store in order again.
pub(super) async fn one_by_one<P>(
    name: &str,
    prepare: impl AsyncFn(&House) -> P,
    verb: impl AsyncFn(&House, &P) -> Result<(), Error>,
    settled: impl AsyncFn(&House, &P, Option<Fault>),
) {
    for fault in [Fault::Before, Fault::After] {
        let mut failures = 0;
        for skipped in 0.. {
            let (site, prepared) = Site::prepared(Weather::FAIR, 0, async |site: &Site| prepare(&site.house).await).await;
            site.faulty.plan(skipped, fault);
            let answer = verb(&site.house, &prepared).await;
            let failed = site.faulty.failed() > 0;
            let told_so = matches!(answer, Err(Error::Unavailable(_)));
            assert_eq!(told_so, failed, "{name}, operation {skipped} failing {fault:?}: {answer:?}");
            site.faulty.unplan();
            settled(&site.house, &prepared, failed.then_some(fault)).await;
            if !failed {
                break;
            }
            failures += 1;
        }
        assert!(failures > 0, "{name} did nothing that could fail");
    }
}

async fn asked(house: &House) -> Login {
    house.start().await.unwrap()
}

async fn approved(house: &House) -> Login {
    let login = asked(house).await;
    house.approve(login.grant).await.unwrap();
    login
}

async fn lives(house: &House, tokens: &Given) -> bool {
    house.show(&tokens.access).await.is_ok()
}

#[test]
fn a_start_that_failed_leaves_room_for_the_next() {
    on_one_thread(one_by_one(
        "start",
        async |_| (),
        async |house, ()| house.start().await.map(|_| ()),
        async |house, (), _| drop(house.let_in().await),
    ));
}

#[test]
fn a_code_that_could_not_be_looked_up_is_no_wrong_guess() {
    let find = async |house: &House, login: &Login| {
        let found = house.engine.find_by_user_code(&login.user_code, user_id(USER), [192, 0, 2, 1].into()).await?;
        assert_eq!(found.id, login.grant);
        Ok(())
    };
    on_one_thread(one_by_one("find_by_user_code", asked, find, async |house, login, _| find(house, login).await.unwrap()));
}

/// A decision that failed stands, or can be made again; there is no third.
async fn decision_settles(house: &House, login: &Login, fault: Option<Fault>, decision: Decision) {
    let again = house.decide(login.grant, decision).await;
    if fault == Some(Fault::Before) {
        again.unwrap();
    } else if again.is_err() {
        assert_eq!(word(&again), ErrorCode::InvalidGrant);
    }
    let answer = house.poll(&login.device_code).await;
    match decision {
        Decision::Approve => assert!(lives(house, &answer.unwrap()).await),
        Decision::Deny => assert_eq!(word(&answer), ErrorCode::AccessDenied),
    }
}

#[test]
fn a_decision_that_failed_stands_or_can_be_made_again() {
    for decision in [Decision::Approve, Decision::Deny] {
        on_one_thread(one_by_one(
            "decide",
            asked,
            async |house, login| house.decide(login.grant, decision).await.map(|_| ()),
            async |house, login, fault| decision_settles(house, login, fault, decision).await,
        ));
    }
}

#[test]
fn a_poll_that_failed_loses_no_tokens() {
    on_one_thread(one_by_one(
        "poll of an approved code",
        approved,
        async |house, login| house.poll(&login.device_code).await.map(|_| ()),
        async |house, login, _| {
            let tokens = house.poll(&login.device_code).await.unwrap();
            assert!(lives(house, &tokens).await);
            assert_eq!(house.poll(&login.device_code).await.unwrap(), tokens);
        },
    ));
}

#[test]
fn a_poll_that_failed_loses_no_decision() {
    let pending = async |house: &House, login: &Login| match house.poll(&login.device_code).await {
        Err(Error::Refused(refusal)) if refusal.code == ErrorCode::AuthorizationPending => Ok(()),
        other => Err(other.expect_err("nobody has approved")),
    };
    let settled = async |house: &House, login: &Login, _| {
        house.pass(INTERVAL);
        pending(house, login).await.unwrap();
        house.approve(login.grant).await.unwrap();
        house.poll(&login.device_code).await.unwrap();
    };
    on_one_thread(one_by_one("poll of a pending code", asked, pending, settled));
}

#[test]
fn a_refresh_that_failed_signs_nobody_out() {
    on_one_thread(one_by_one(
        "refresh",
        async |house| house.let_in().await.1,
        async |house, first| house.refresh(&first.refresh).await.map(|_| ()),
        async |house, first, _| {
            let second = house.refresh(&first.refresh).await.unwrap();
            assert!(lives(house, first).await && lives(house, &second).await);
            assert_eq!(house.refresh(&first.refresh).await.unwrap(), second);
            house.refresh(&second.refresh).await.unwrap();
        },
    ));
}

#[test]
fn a_replay_that_failed_is_a_replay_the_next_time() {
    let replayed = async |house: &House| {
        let (_, first) = house.let_in().await;
        let second = house.refresh(&first.refresh).await.unwrap();
        house.pass(INTERVAL * 2);
        let (_, stream) = house.show(&second.access).await.unwrap();
        (first, second, stream)
    };
    on_one_thread(one_by_one(
        "replay",
        replayed,
        async |house, (first, ..)| match house.refresh(&first.refresh).await {
            Err(Error::Refused(refusal)) if refusal.code == ErrorCode::InvalidGrant => Ok(()),
            other => Err(other.expect_err("a replay")),
        },
        async |house, (first, second, stream), _| {
            assert_eq!(word(&house.refresh(&first.refresh).await), ErrorCode::InvalidGrant);
            assert!(matches!(house.show(&second.access).await, Err(Denied::Revoked(_))));
            assert_eq!(word(&house.refresh(&second.refresh).await), ErrorCode::InvalidGrant);
            assert!(stream.cut().is_cancelled(), "an answer is still under way");
        },
    ));
}

/// A grant under which an answer is under way.
async fn open(house: &House) -> (Login, Given, gatepost::verify::OpenStream) {
    let (login, given) = house.let_in().await;
    let (_, stream) = house.show(&given.access).await.unwrap();
    (login, given, stream)
}

#[test]
fn a_revocation_that_failed_takes_everything_back_the_next_time() {
    on_one_thread(one_by_one(
        "revoke",
        open,
        async |house, (login, ..)| house.revoke(login.grant).await,
        async |house, (login, given, stream), _| {
            house.revoke(login.grant).await.unwrap();
            assert!(matches!(house.show(&given.access).await, Err(Denied::Revoked(_))));
            assert!(stream.cut().is_cancelled(), "an answer is still under way");
        },
    ));
}

#[test]
fn a_logout_that_failed_takes_everything_back_the_next_time() {
    for kind in [Kind::Access, Kind::Refresh] {
        let token = |given: &Given| if kind == Kind::Access { given.access.clone() } else { given.refresh.clone() };
        on_one_thread(one_by_one(
            "logout",
            open,
            async |house, (_, given, _)| house.logout(kind, &token(given)).await.map(|_| ()),
            async |house, (login, given, stream), _| {
                assert_eq!(house.logout(kind, &token(given)).await.unwrap().grant, Some(login.grant));
                assert!(matches!(house.show(&given.access).await, Err(Denied::Revoked(_))));
                assert!(stream.cut().is_cancelled(), "an answer is still under way");
            },
        ));
    }
}

#[test]
fn a_token_that_could_not_be_looked_up_is_good_the_next_time() {
    on_one_thread(one_by_one(
        "verify",
        async |house| house.let_in().await.1,
        async |house, given| match house.show(&given.access).await {
            Ok(_) => Ok(()),
            Err(Denied::Unavailable(unavailable)) => Err(Error::Unavailable(unavailable)),
            Err(denied) => panic!("{denied:?}"),
        },
        async |house, given, _| assert!(lives(house, given).await),
    ));
}

#[test]
fn a_list_of_applications_is_whole_or_not_there() {
    let listed = async |house: &House, login: &Login| {
        let applications = house.engine.applications(&user(USER)).await?;
        assert_eq!(applications.iter().map(|application| application.grant.id).collect::<Vec<_>>(), [login.grant]);
        Ok(())
    };
    on_one_thread(one_by_one("applications", approved, listed, async |house, login, _| listed(house, login).await.unwrap()));
}

#[test]
fn while_the_store_is_away_nobody_is_told_anything_else() {
    for seed in seeds(1) {
        on_one_thread(async {
            let open = async |site: &Site| (open(&site.house).await, site.house.let_in().await.1);
            let (site, ((login, given, _), unseen)) = Site::prepared(Weather::DARK, seed, open).await;
            let (house, unavailable) =
                (&site.house, |answer: Result<(), Error>| assert!(matches!(answer, Err(Error::Unavailable(_))), "{answer:?}"));
            unavailable(house.start().await.map(|_| ()));
            unavailable(house.poll(&login.device_code).await.map(|_| ()));
            unavailable(house.refresh(&given.refresh).await.map(|_| ()));
            unavailable(house.decide(login.grant, Decision::Deny).await.map(|_| ()));
            unavailable(house.revoke(login.grant).await);
            unavailable(house.logout(Kind::Refresh, &given.refresh).await.map(|_| ()));
            unavailable(house.engine.find_by_user_code(&login.user_code, user_id(USER), [192, 0, 2, 1].into()).await.map(|_| ()));
            assert!(matches!(house.show(&unseen.access).await, Err(Denied::Unavailable(_))));
            assert!(house.show(&given.access).await.is_ok(), "nobody but this process could have taken it back");
            site.faulty.set(Weather::FAIR);
            assert!(lives(house, &given).await);
        });
    }
}
