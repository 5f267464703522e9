//! Redeem: an app brings the code that its user typed.

use std::time::Duration;

use gatepost::oauth::{
    grant::{Channel, Grant, Issue, MAX_TRIES, Standing, State},
    refusal::{
        ErrorCode,
        ErrorCode::{AccessDenied, AuthorizationPending, InvalidGrant, WrongCode},
    },
    step::Step,
    typed::TypedCode,
};
use jiff::Timestamp;

use super::{
    CODE_LIFE, FALLEN, START, STRANGERS, TERMS, UPHELD, Who, approval, as_caller, assert_refused, at, before, issue, live, next, pending,
    revoked,
};
use crate::support::house::keyring;

const LIFE: Duration = Duration::from_secs(300);

/// As the sample, but its code is typed.
fn typed(grant: Grant) -> Grant {
    Grant { channel: Channel::Typed { life: LIFE }, ..grant }
}

/// Approved at 60, with so many wrong tries.
fn approved(tries: u8) -> Grant {
    typed(Grant { state: State::Approved { approval: approval(), redeem_by: at(60) + LIFE, tries }, ..pending() })
}

fn void() -> Grant {
    typed(Grant { state: State::Void { until: at(60) + LIFE }, ..pending() })
}

fn exchange(grant: &Grant, right: bool, who: Who, standing: Standing, now: Timestamp) -> Step<Issue> {
    let code = right.then(|| TypedCode::of(&keyring(), grant).unwrap().prove(&keyring(), grant).unwrap());
    as_caller(who, |caller| grant.exchange(code, caller, standing, &TERMS, now))
}

fn try_code(grant: &Grant, right: bool, now: Timestamp) -> Step<Issue> {
    exchange(grant, right, Who::TheClient, UPHELD, now)
}

fn word(step: &Step<Issue>) -> Option<ErrorCode> {
    step.outcome.as_ref().err().map(|refusal| refusal.code)
}

#[test]
fn a_code_is_good_for_its_life_counted_from_the_approval() {
    for now in [at(60), before(START + CODE_LIFE)] {
        let step = typed(pending()).approve(approval(), now);
        let State::Approved { redeem_by, tries: 0, .. } = next(&typed(pending()), &step).state else { panic!("{step:?}") };
        assert_eq!(redeem_by, now + LIFE);
    }
}

#[test]
fn before_the_approval_no_code_is_right_and_no_try_is_used() {
    let undecided = Standing { user: None, client: Some(4) };
    for right in [true, false] {
        let step = exchange(&typed(pending()), right, Who::TheClient, undecided, at(60));
        assert_refused(&step, AuthorizationPending, right);
        let late = exchange(&typed(pending()), right, Who::TheClient, undecided, START + CODE_LIFE);
        assert_refused(&late, InvalidGrant, right);
    }
}

#[test]
fn the_right_code_makes_the_first_issue_however_many_were_wrong_before() {
    for tries in 0..MAX_TRIES {
        let step = try_code(&approved(tries), true, at(100));
        assert_eq!((&step.outcome, step.takes_back), (&Ok(issue(1, at(100))), None));
        assert_eq!(next(&approved(tries), &step), typed(live()));
    }
}

#[test]
fn a_code_is_refused_after_five_wrong_tries() {
    let mut grant = approved(0);
    for left in (0..MAX_TRIES).rev() {
        let step = try_code(&grant, false, at(100));
        assert_eq!(word(&step), Some(WrongCode { left }));
        grant = next(&grant, &step);
    }
    assert_eq!(grant, void());
    for right in [true, false] {
        assert_refused(&try_code(&grant, right, before(at(60) + LIFE)), AccessDenied, right);
        assert_refused(&try_code(&grant, right, at(60) + LIFE), InvalidGrant, right);
    }
}

#[test]
fn a_code_is_answered_once() {
    for right in [true, false] {
        for now in [at(100), at(105), at(100_000)] {
            assert_refused(&try_code(&typed(live()), right, now), InvalidGrant, now);
        }
        assert_refused(&try_code(&typed(revoked(true)), right, at(300)), InvalidGrant, right);
    }
}

#[test]
fn a_code_whose_time_is_over_is_unknown_and_uses_no_try() {
    for right in [true, false] {
        assert_refused(&try_code(&approved(0), right, at(60) + LIFE), InvalidGrant, right);
    }
}

#[test]
fn an_approval_that_fell_or_was_denied_is_over_for_every_code() {
    for right in [true, false] {
        for (why, standing) in FALLEN {
            assert_refused(&exchange(&approved(0), right, Who::TheClient, standing, at(100)), AccessDenied, why);
        }
        let denied = typed(Grant { state: State::Denied { at: at(60) }, ..pending() });
        assert_refused(&try_code(&denied, right, at(100)), AccessDenied, "denied");
        assert_refused(&try_code(&typed(revoked(false)), right, at(300)), AccessDenied, "revoked");
    }
}

#[test]
fn to_another_client_or_dialect_the_request_is_unknown() {
    for who in STRANGERS {
        for grant in [typed(pending()), approved(0), void(), typed(live())] {
            assert_refused(&exchange(&grant, true, who, UPHELD, at(100)), InvalidGrant, (who, &grant.state));
        }
    }
}

#[test]
fn the_code_of_another_grant_is_wrong() {
    let other = Grant { salt: gatepost::oauth::secret::Salt::from_random([8; 32]), ..approved(0) };
    let code = TypedCode::of(&keyring(), &other).unwrap();
    assert_ne!(code, TypedCode::of(&keyring(), &approved(0)).unwrap());
    assert!(code.prove(&keyring(), &approved(0)).is_none());
    assert!(code.prove(&keyring(), &other).is_some());
}
