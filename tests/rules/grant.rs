//! Every state of a grant × every rule, by example.

mod admit;
mod current;
mod decide;
mod deliver;
mod exchange;
mod keys;
mod redeem;
mod redeem_code;
mod refresh;
mod renew;
mod revoke;
mod revoke_access;
mod secret_only;
mod times;

use std::time::Duration;

use gatepost::oauth::{
    grant::{Approval, Caller, Grant, Issue, RevokedBecause, Standing, State, Terms, Wanted},
    id::ClientId,
    refusal::ErrorCode,
    scope::Scopes,
    secret::{RootId, Salt},
    signing::KeyId,
    step::Step,
    token::{Kind, Presented, Proof, mint},
};
use jiff::{Timestamp, ToSpan};
use secrecy::ExposeSecret;

use crate::support::{
    house::{ACCESS_LIFE, CLIENT, CODE_LIFE, DIALECT, REFRESH_LIFE, STRANGER, keyring},
    records::{START, grant_id, pending_grant, scopes, user_id},
};

/// The generations under which the samples were approved, and those who uphold them.
const UPHELD: Standing = Standing { user: Some(3), client: Some(4) };
const TERMS: Terms = Terms { access: ACCESS_LIFE, refresh: Some(REFRESH_LIFE), root: RootId::DEFAULT, key: None, lasting: None };
/// The shortest time there is.
const TICK: Duration = Duration::from_nanos(1);

/// So many seconds after the samples were asked for.
fn at(seconds: u64) -> Timestamp {
    START + Duration::from_secs(seconds)
}

/// Just before.
fn before(time: Timestamp) -> Timestamp {
    time - 1.nanosecond()
}

fn with(state: State) -> Grant {
    Grant { state, ..pending_grant(1) }
}

/// Asked for at 0, to be decided and redeemed before 900.
fn pending() -> Grant {
    with(State::Pending { expires: START + CODE_LIFE })
}

/// A yes, said at 60.
fn approval() -> Approval {
    Approval { user: Some(user_id(1)), user_generation: 3, client_generation: 4, scopes: scopes(), at: at(60), session: None, tenant: None }
}

fn approved() -> Grant {
    with(State::Approved { approval: approval(), redeem_by: START + CODE_LIFE, tries: 0 })
}

/// One pair of tokens, made at that time.
fn issue(number: u32, issued: Timestamp) -> Issue {
    Issue {
        number,
        root: RootId::DEFAULT,
        scopes: scopes(),
        audience: pending_grant(1).audience,
        key: None,
        revoked: false,
        issued,
        access_until: issued + ACCESS_LIFE,
        refresh_until: Some(issued + REFRESH_LIFE),
        lasting: None,
    }
}

fn live_with(issues: Vec<Issue>) -> Grant {
    with(State::Live { approval: approval(), issues })
}

/// Redeemed at 100.
fn live() -> Grant {
    live_with(vec![issue(1, at(100))])
}

/// Redeemed at 100, refreshed at 500 and at 700.
fn refreshed_twice() -> Grant {
    live_with(vec![issue(1, at(100)), issue(2, at(500)), issue(3, at(700))])
}

fn denied() -> Grant {
    with(State::Denied { at: at(60) })
}

fn revoked(redeemed: bool) -> Grant {
    with(State::Revoked { at: at(200), why: RevokedBecause::User, redeemed })
}

/// One in each state, with its name.
fn every_state() -> [(&'static str, Grant); 6] {
    [
        ("pending", pending()),
        ("approved", approved()),
        ("live", live()),
        ("denied", denied()),
        ("revoked before it was redeemed", revoked(false)),
        ("revoked after it was redeemed", revoked(true)),
    ]
}

/// What shows that a caller holds issue `number` of the samples.
fn proof(kind: Kind, number: u32) -> Proof {
    let (ring, salt) = (keyring(), Salt::from_random([7; 32]));
    let text = mint(&ring, RootId::DEFAULT, "x_", kind, grant_id(1).as_bytes(), number, &salt).unwrap();
    Presented::read(&ring, kind, text.expose_secret()).unwrap().prove(&ring, &salt).unwrap()
}

/// The name of a signing key; the same number makes the same name.
fn key(n: u64) -> KeyId {
    serde_json::from_value(format!("{n:032x}").into()).unwrap()
}

/// Hands the rule those who may ask: the client that did, another one, and the same in another
/// dialect.
fn as_caller<T>(who: Who, rule: impl FnOnce(Caller<'_>) -> T) -> T {
    let (dialect, client) = match who {
        Who::TheClient => (DIALECT, ClientId::new(CLIENT)),
        Who::AnotherClient => (DIALECT, ClientId::new(STRANGER)),
        Who::AnotherDialect => ("fruxon", ClientId::new(CLIENT)),
    };
    rule(Caller { dialect, client: &client })
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Who {
    TheClient,
    AnotherClient,
    AnotherDialect,
}

const STRANGERS: [Who; 2] = [Who::AnotherClient, Who::AnotherDialect];

/// Those who no longer uphold the samples' approval, with the reason.
const FALLEN: [(&str, Standing); 4] = [
    ("everything of the user was taken back", Standing { user: Some(4), client: Some(4) }),
    ("everything of the client was taken back", Standing { user: Some(3), client: Some(5) }),
    ("the user is gone or disabled", Standing { user: None, client: Some(4) }),
    ("the client is gone or disabled", Standing { user: Some(3), client: None }),
];

fn redeem(grant: &Grant, who: Who, standing: Standing, now: Timestamp) -> Step<Issue> {
    as_caller(who, |caller| grant.redeem(proof(Kind::DeviceCode, 0), caller, standing, &TERMS, now))
}

fn refresh(grant: &Grant, number: u32, now: Timestamp) -> Step<Issue> {
    refresh_as(grant, Who::TheClient, UPHELD, number, None, now)
}

fn refresh_as(grant: &Grant, who: Who, standing: Standing, number: u32, wanted: Option<&Scopes>, now: Timestamp) -> Step<Issue> {
    as_caller(who, |caller| {
        grant.refresh(proof(Kind::Refresh, number), caller, Wanted { scopes: wanted, audience: None }, standing, &TERMS, now)
    })
}

/// Asserts that a rule said no in that word, wrote nothing and took nothing back.
#[track_caller]
fn assert_refused<O: std::fmt::Debug>(step: &Step<O>, code: ErrorCode, case: impl std::fmt::Debug) {
    assert_eq!(step.outcome.as_ref().map_err(|refusal| refusal.code).err(), Some(code), "{case:?}: {step:?}");
    assert!(step.next.is_none() && step.takes_back.is_none(), "{case:?} changed something: {step:?}");
}

/// The grant that a rule left, which differs from the one before in its state only.
#[track_caller]
fn next<O: std::fmt::Debug>(before: &Grant, step: &Step<O>) -> Grant {
    let next = step.next.clone().unwrap_or_else(|| panic!("nothing changed: {step:?}"));
    assert_eq!(Grant { state: before.state.clone(), ..next.clone() }, *before, "more than the state changed");
    next
}
