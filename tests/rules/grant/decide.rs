//! Approve and deny.

use gatepost::oauth::{
    grant::{Grant, State},
    refusal::ErrorCode,
    step::Step,
};
use jiff::Timestamp;

use super::{CODE_LIFE, START, approval, approved, assert_refused, at, before, denied, every_state, live, next, pending, revoked};

fn approve(grant: &Grant, now: Timestamp) -> Step<()> {
    grant.approve(approval(), now)
}

#[test]
fn a_yes_makes_a_pending_grant_an_approved_one() {
    let step = approve(&pending(), at(60));
    assert_eq!((&step.outcome, step.takes_back), (&Ok(()), None));
    let approved = next(&pending(), &step);
    assert_eq!(approved.state, State::Approved { approval: approval(), redeem_by: START + CODE_LIFE, tries: 0 });
    assert_eq!(approved.approval(), Some(&approval()));
    assert!(!approved.is_pending(at(60)));
}

#[test]
fn a_no_makes_a_pending_grant_a_denied_one() {
    let step = pending().deny(at(60));
    assert_eq!((&step.outcome, step.takes_back), (&Ok(()), None));
    let denied = next(&pending(), &step);
    assert_eq!(denied.state, State::Denied { at: at(60) });
    assert_eq!(denied.approval(), None);
    assert!(!denied.is_pending(at(60)));
}

#[test]
fn the_first_decision_stands() {
    for (name, grant) in every_state().into_iter().filter(|(name, _)| *name != "pending") {
        assert_refused(&approve(&grant, at(300)), ErrorCode::InvalidGrant, name);
        assert_refused(&grant.deny(at(300)), ErrorCode::InvalidGrant, name);
    }
}

#[test]
fn a_decision_counts_until_the_last_moment() {
    let last = before(START + CODE_LIFE);
    assert!(pending().is_pending(last));
    assert_eq!(approve(&pending(), last).outcome, Ok(()));
    assert_eq!(pending().deny(last).outcome, Ok(()));
}

#[test]
fn a_decision_after_the_time_is_over_is_none() {
    for now in [START + CODE_LIFE, at(901), at(100_000), Timestamp::MAX] {
        assert!(!pending().is_pending(now));
        assert_refused(&approve(&pending(), now), ErrorCode::InvalidGrant, now);
        assert_refused(&pending().deny(now), ErrorCode::InvalidGrant, now);
    }
}

#[test]
fn unknown_expired_and_decided_are_refused_with_one_sentence() {
    let refusals = [
        approve(&pending(), at(900)),
        approve(&approved(), at(70)),
        approve(&live(), at(200)),
        denied().deny(at(70)),
        revoked(true).deny(at(300)),
        revoked(false).deny(at(300)),
    ]
    .map(|step| step.outcome.unwrap_err());
    assert!(refusals.iter().all(|refusal| *refusal == refusals[0]), "{refusals:?}");
}

#[test]
fn only_what_was_approved_and_not_taken_back_has_an_approval() {
    for (name, grant) in every_state() {
        assert_eq!(grant.approval().is_some(), ["approved", "live"].contains(&name), "{name}");
    }
}
