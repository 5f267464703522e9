//! Keys that logins get: made, superseded, replaced, rotated.

use std::time::Duration;

use gatepost::oauth::{
    claim::Claim,
    grant::{Approval, DeviceKey, Grant, Issue, NotAdmitted, RevokedBecause, Rotation, Standing, State, Terms},
    refusal::ErrorCode::{AccessDenied, InvalidGrant, InvalidScope},
    scope::Scopes,
    secret::{RootId, Salt},
    step::{Step, TakesBack},
    token::Kind,
};
use jiff::Timestamp;

use super::{
    CODE_LIFE, FALLEN, START, TERMS, TICK, UPHELD, assert_refused, at, before,
    deliver::{login, yes},
    denied, live, pending, proof, revoked, with,
};
use crate::{
    rules::logins::{DAY, KEY_LIFE, TENANT, asked},
    support::records::{grant_id, scopes},
};

/// The key's id; the login's is 1.
const KEY: u64 = 7;
const KEYS: Terms = Terms { access: KEY_LIFE, refresh: None, ..TERMS };

fn approved() -> Grant {
    login(with(State::Approved { approval: yes(), redeem_by: START + CODE_LIFE, tries: 0 }))
}

fn salt() -> Salt {
    Salt::from_random([8; 32])
}

/// Delivered at 100.
fn key() -> Grant {
    Grant::key_of(&approved(), yes(), grant_id(KEY), salt(), &KEYS, at(100)).unwrap()
}

/// The same key in another state.
fn key_in(state: State) -> Grant {
    Grant { state, ..key() }
}

fn issues(key: &Grant) -> &[Issue] {
    match &key.state {
        State::Live { issues, .. } => issues,
        other => panic!("not live: {other:?}"),
    }
}

fn admit(key: &Grant, number: u32, now: Timestamp) -> Result<u32, NotAdmitted> {
    key.admit(proof(Kind::Access, number), None, UPHELD, now).map(|(_, issue)| issue.number)
}

/// Asserts that of all the secrets that a key ever had the last alone opens something, and the others
/// are known as taken back.
#[track_caller]
fn assert_only_opens(key: &Grant, newest: u32, now: Timestamp) {
    for number in 1..newest {
        assert_eq!(admit(key, number, now), Err(NotAdmitted::Revoked), "{number} of {newest}");
    }
    assert_eq!(admit(key, newest, now), Ok(newest));
    assert_eq!(admit(key, newest + 1, now), Err(NotAdmitted::Unknown));
}

/// A later login of the same device, for less.
fn another_login() -> (Grant, Approval) {
    let approval = Approval { scopes: Scopes::parse("chat").unwrap(), at: at(5000), user_generation: 3, ..yes() };
    let mut grant = login(with(State::Approved { approval: approval.clone(), redeem_by: at(6000), tries: 0 }));
    grant.requester.app = Claim::cleaned("VS Code 2");
    grant.channel = gatepost::oauth::grant::Channel::Delivered(gatepost::oauth::grant::Login {
        preset: "observer".to_owned(),
        ..asked(Some("laptop"))
    });
    grant.audience = ["https://b.example".to_owned()].into_iter().collect();
    (grant, approval)
}

fn replaced(key: &Grant, now: Timestamp) -> Step<Issue> {
    let (login, approval) = another_login();
    key.replaced(&login, &approval, &KEYS, now)
}

fn rotate(key: &Grant, rotation: Rotation<'_>, now: Timestamp) -> Step<Issue> {
    rotate_as(key, rotation, UPHELD, now)
}

fn rotate_as(key: &Grant, rotation: Rotation<'_>, standing: Standing, now: Timestamp) -> Step<Issue> {
    key.rotate(rotation, standing, &KEYS, now)
}

fn to(scopes: &Scopes) -> Rotation<'_> {
    Rotation { scopes: Some(scopes), ..Rotation::default() }
}

fn lasting(life: Duration) -> Rotation<'static> {
    Rotation { life: Some(life), ..Rotation::default() }
}

#[test]
fn the_key_of_a_login_is_a_grant_of_its_own_that_lives_by_the_terms() {
    let expires = at(100) + KEY_LIFE;
    let root = RootId::parse("k2").unwrap();
    let made = Grant::key_of(&approved(), yes(), grant_id(KEY), salt(), &Terms { root, ..KEYS }, at(100)).unwrap();
    let issue = Issue {
        number: 1,
        root,
        scopes: scopes(),
        audience: approved().audience,
        key: None,
        revoked: false,
        issued: at(100),
        access_until: expires,
        refresh_until: None,
        lasting: None,
    };
    let expected = Grant {
        id: grant_id(KEY),
        salt: salt(),
        root,
        created: at(100),
        key: Some(DeviceKey { tenant: TENANT.to_owned(), expires }),
        state: State::Live { approval: yes(), issues: vec![issue] },
        ..approved()
    };
    assert_eq!(made, expected);
    assert_only_opens(&made, 1, at(100));
    assert_only_opens(&made, 1, before(expires));
    assert_eq!(admit(&made, 1, expires), Err(NotAdmitted::Expired));
    assert_eq!((made.ends(), made.keep_until()), (expires, expires + DAY));
}

#[test]
fn what_the_user_narrowed_or_widened_in_between_is_in_the_yes_and_so_in_the_key() {
    let approval = Approval { scopes: Scopes::parse("chat").unwrap(), ..yes() };
    let made = Grant::key_of(&approved(), approval.clone(), grant_id(KEY), salt(), &KEYS, at(100)).unwrap();
    assert_eq!((&made.requested, made.approval()), (&approval.scopes, Some(&approval)));
    assert_eq!(issues(&made)[0].scopes, approval.scopes);
}

#[test]
fn a_key_that_is_superseded_opens_nothing_and_is_no_other() {
    let step = key().supersede();
    assert_eq!((&step.outcome, step.takes_back), (&Ok(()), Some(TakesBack::Through(grant_id(KEY), 1))));
    let over = step.next.unwrap();
    assert_eq!(admit(&over, 1, at(101)), Err(NotAdmitted::Revoked));
    let revoked = issues(&key()).iter().map(|issue| Issue { revoked: true, ..issue.clone() }).collect();
    assert_eq!(over, key_in(State::Live { approval: yes(), issues: revoked }));
    assert_eq!(over.keep_until(), key().keep_until(), "its device finds it again");
    assert!(!over.is_usable(at(101)));
}

#[test]
fn superseding_again_writes_nothing_and_takes_back_again() {
    let over = key().supersede().next.unwrap();
    let again = over.supersede();
    assert_eq!((again.outcome, again.next, again.takes_back), (Ok(()), None, Some(TakesBack::Through(grant_id(KEY), 1))));
    let third = replaced(&replaced(&key(), at(5000)).next.unwrap(), at(5001)).next.unwrap();
    assert_eq!(third.supersede().takes_back, Some(TakesBack::Through(grant_id(KEY), 3)));
}

#[test]
fn what_is_not_live_is_neither_superseded_nor_replaced_nor_rotated() {
    for state in [pending().state, approved().state, denied().state, revoked(true).state, State::Void { until: at(1) }] {
        let key = key_in(state);
        assert_refused(&key.supersede(), InvalidGrant, &key.state);
        assert_refused(&replaced(&key, at(5000)), InvalidGrant, &key.state);
        assert_refused(&rotate(&key, Rotation::default(), at(5000)), InvalidGrant, &key.state);
        assert_eq!(key.newest_secret(), None);
    }
}

#[test]
fn a_key_that_is_replaced_is_the_same_key_with_what_was_said_yes_to_this_time() {
    let (login, approval) = another_login();
    for before in [key(), key().supersede().next.unwrap()] {
        let step = replaced(&before, at(5000));
        let issue = step.outcome.clone().unwrap();
        let expires = at(5000) + KEY_LIFE;
        assert_eq!((issue.number, &issue.scopes, issue.access_until, issue.revoked), (2, &approval.scopes, expires, false));
        let after = step.next.unwrap();
        let expected = Grant {
            id: grant_id(KEY),
            salt: salt(),
            created: at(100),
            root: key().root,
            key: Some(DeviceKey { tenant: TENANT.to_owned(), expires }),
            requested: approval.scopes.clone(),
            state: State::Live { approval: approval.clone(), issues: vec![Issue { audience: login.audience.clone(), ..issue }] },
            ..login.clone()
        };
        assert_eq!(after, expected);
        assert_only_opens(&after, 2, at(5000));
        assert_eq!(after.ends(), expires);
    }
}

#[test]
fn a_key_that_has_expired_or_fell_with_its_user_lives_again_after_the_next_login() {
    let expired = at(100) + KEY_LIFE + DAY / 2;
    let again = replaced(&key(), expired).next.unwrap();
    assert_only_opens(&again, 2, expired);
    assert_eq!(again.ends(), expired + KEY_LIFE);

    let (login, approval) = another_login();
    let later = Approval { user_generation: 4, ..approval };
    let again = key().replaced(&login, &later, &KEYS, at(5000)).next.unwrap();
    let standing = Standing { user: Some(4), client: Some(4) };
    let admit = |number, standing| again.admit(proof(Kind::Access, number), None, standing, at(5000)).map(|(_, issue)| issue.number);
    assert_eq!((admit(1, standing), admit(2, standing)), (Err(NotAdmitted::Revoked), Ok(2)));
    assert_eq!(admit(2, UPHELD), Err(NotAdmitted::Revoked));
}

#[test]
fn of_any_number_of_secrets_one_opens_and_all_others_are_known_as_taken_back() {
    let mut key = key();
    for number in 2..=20 {
        let now = at(5000 + u64::from(number));
        let step = if number % 2 == 0 { replaced(&key, now) } else { rotate(&key, Rotation::default(), now) };
        key = step.next.unwrap();
        assert_eq!(key.newest_secret(), Some(number));
        assert_only_opens(&key, number, now);
    }
    assert_eq!(issues(&key).len(), 1, "what is over is not kept");
    // Also when its own time would have been over long since.
    let newest = key.ends();
    for number in 1..20 {
        assert_eq!(admit(&key, number, newest), Err(NotAdmitted::Revoked));
    }
    assert_eq!(admit(&key, 20, newest), Err(NotAdmitted::Expired));
}

#[test]
fn a_rotation_gives_another_secret_and_leaves_all_else() {
    let root = RootId::parse("k2").unwrap();
    let now = at(5000) + 7 * TICK;
    let step = key().rotate(Rotation::default(), UPHELD, &Terms { root, ..KEYS }, now);
    assert_eq!(step.takes_back, Some(TakesBack::Through(grant_id(KEY), 1)));
    let second = Issue { number: 2, root, issued: now, ..issues(&key())[0].clone() };
    assert_eq!(step.outcome, Ok(second.clone()));
    let rotated = step.next.unwrap();
    assert_eq!(rotated, key_in(State::Live { approval: yes(), issues: vec![second] }));
    assert_only_opens(&rotated, 2, now);
}

#[test]
fn a_rotation_may_narrow_for_good_and_never_widen() {
    let narrow = Scopes::parse("chat").unwrap();
    let step = rotate(&key(), to(&narrow), at(200));
    assert_eq!(step.outcome.as_ref().unwrap().scopes, narrow);
    let narrowed = step.next.unwrap();
    assert_eq!((&narrowed.requested, &narrowed.approval().unwrap().scopes), (&narrow, &narrow));
    assert_eq!(rotate(&narrowed, Rotation::default(), at(300)).outcome.unwrap().scopes, narrow);
    assert_refused(&rotate(&narrowed, to(&scopes()), at(300)), InvalidScope, "what it had once");
    for wider in ["chat admin", "admin", "chat models:read models:write", "Chat"] {
        let wider = Scopes::parse(wider).unwrap();
        assert_refused(&rotate(&key(), to(&wider), at(200)), InvalidScope, &wider);
    }
    assert!(rotate(&key(), to(&scopes()), at(200)).outcome.is_ok(), "the same is not wider");
}

#[test]
fn a_rotation_may_shorten_and_never_lengthen() {
    let (now, end) = (at(200), at(100) + KEY_LIFE);
    let left = end.duration_since(now).unsigned_abs();
    for life in [TICK, DAY, left - TICK, left] {
        let step = rotate(&key(), lasting(life), now);
        assert_eq!(step.outcome.as_ref().unwrap().access_until, now + life);
        let shorter = step.next.unwrap();
        assert_eq!((shorter.key.as_ref().unwrap().expires, shorter.ends()), (now + life, now + life));
        assert_eq!(admit(&shorter, 2, now + life), Err(NotAdmitted::Expired));
        assert_eq!(admit(&shorter, 1, now + life), Err(NotAdmitted::Revoked));
        assert_refused(&rotate(&shorter, lasting(life + TICK), now), AccessDenied, "what it had once");
    }
    for life in [left + TICK, KEY_LIFE, Duration::MAX] {
        assert_refused(&rotate(&key(), lasting(life), now), AccessDenied, life);
    }
}

#[test]
fn a_rotation_may_rename() {
    let name = Claim::cleaned("Build server");
    let step = rotate(&key(), Rotation { name: name.as_ref(), ..Rotation::default() }, at(200));
    let mut renamed = step.next.unwrap();
    assert_eq!(renamed.requester.app, name);
    assert_eq!(rotate(&renamed, Rotation::default(), at(300)).next.unwrap().requester.app, name);
    renamed.requester.app = key().requester.app;
    assert_eq!(renamed.requester, key().requester);
}

#[test]
fn a_key_that_opens_nothing_is_not_rotated() {
    for (why, standing) in FALLEN {
        assert_refused(&rotate_as(&key(), Rotation::default(), standing, at(200)), InvalidGrant, why);
    }
    let end = at(100) + KEY_LIFE;
    assert!(rotate(&key(), Rotation::default(), before(end)).outcome.is_ok());
    for now in [end, end + DAY] {
        assert_refused(&rotate(&key(), Rotation::default(), now), InvalidGrant, now);
        assert_refused(&rotate(&key(), lasting(DAY), now), InvalidGrant, now);
    }
    assert_refused(&rotate(&key().supersede().next.unwrap(), Rotation::default(), at(200)), InvalidGrant, "superseded");
    let taken = key().revoke_access(proof(Kind::Access, 1), at(150)).next.unwrap();
    assert_refused(&rotate(&taken, Rotation::default(), at(200)), InvalidGrant, "taken back");
}

#[test]
fn what_is_no_key_is_not_rotated() {
    assert_refused(&rotate(&live(), Rotation::default(), at(200)), InvalidGrant, "another grant");
    assert_refused(&rotate(&login(live()), Rotation::default(), at(200)), InvalidGrant, "a login");
}

#[test]
fn a_key_is_taken_back_whole_and_for_good() {
    let step = key().revoke(RevokedBecause::Logout, at(200));
    assert_eq!(step.takes_back, Some(TakesBack::Grant(grant_id(KEY))));
    let ended = step.next.unwrap();
    assert_eq!(ended, key_in(State::Revoked { at: at(200), why: RevokedBecause::Logout, redeemed: true }));
    assert_eq!((ended.keep_until(), &ended.requested), (at(200) + 30 * DAY, &scopes()));
    assert_eq!(admit(&ended, 1, at(200)), Err(NotAdmitted::Revoked));
}

#[test]
fn after_the_last_number_there_is_no_other() {
    let last = Issue { number: u32::MAX, ..issues(&key())[0].clone() };
    let key = key_in(State::Live { approval: yes(), issues: vec![last] });
    assert_eq!(replaced(&key, at(5000)).next, None);
    assert_eq!(rotate(&key, Rotation::default(), at(5000)).next, None);
}
