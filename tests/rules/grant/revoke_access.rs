//! Revoke: an app gives back one access token.

use gatepost::oauth::{
    grant::{Grant, Issue, NotAdmitted, State},
    step::{Step, TakesBack},
    token::Kind,
};
use jiff::Timestamp;

use super::{
    UPHELD, approval, approved, at, before, denied, grant_id, issue, live, live_with, next, pending, proof, refresh, refreshed_twice,
    revoked,
};

fn revoke(grant: &Grant, number: u32, now: Timestamp) -> Step<()> {
    grant.revoke_access(proof(Kind::Access, number), now)
}

/// Asserts that nothing is written, though those who use this may have to be told.
#[track_caller]
fn assert_unchanged(step: &Step<()>, takes_back: Option<TakesBack>) {
    assert_eq!((&step.outcome, &step.next, step.takes_back), (&Ok(()), &None, takes_back));
}

#[test]
fn one_token_is_taken_back_and_the_others_stay() {
    for number in 1..=3 {
        let step = revoke(&refreshed_twice(), number, at(705));
        assert_eq!((&step.outcome, step.takes_back), (&Ok(()), Some(TakesBack::Issue(grant_id(1), number))));
        let grant = next(&refreshed_twice(), &step);
        for other in 1..=3 {
            let expected = if other == number { Err(NotAdmitted::Revoked) } else { Ok(other) };
            assert_eq!(grant.admit(proof(Kind::Access, other), None, UPHELD, at(705)).map(|(_, issue)| issue.number), expected);
        }
    }
}

#[test]
fn the_refresh_token_that_came_with_it_is_as_good_as_before() {
    let grant = revoke(&live(), 1, at(200)).next.unwrap();
    assert_eq!(refresh(&grant, 1, at(500)).outcome, Ok(issue(2, at(500))));
    // Also for a lost answer.
    let refreshed = refresh(&grant, 1, at(500)).next.unwrap();
    let taken = revoke(&refreshed, 2, at(501)).next.unwrap();
    assert!(refresh(&taken, 1, at(505)).outcome.is_ok());
}

#[test]
fn whoever_takes_back_what_is_taken_back_already_finds_it_so() {
    let taken = live_with(vec![Issue { revoked: true, ..issue(1, at(100)) }]);
    assert_unchanged(&revoke(&taken, 1, at(200)), Some(TakesBack::Issue(grant_id(1), 1)));
}

#[test]
fn what_has_expired_needs_not_be_taken_back() {
    assert!(revoke(&live(), 1, before(at(1000))).next.is_some());
    for now in [at(1000), at(100_000)] {
        assert_unchanged(&revoke(&live(), 1, now), Some(TakesBack::Issue(grant_id(1), 1)));
    }
}

#[test]
fn a_token_that_is_not_on_the_list_changes_nothing() {
    for number in [0, 2, u32::MAX] {
        assert_unchanged(&revoke(&live(), number, at(200)), None);
    }
    assert_unchanged(&revoke(&live_with(vec![issue(12, at(9000))]), 3, at(9001)), None);
}

#[test]
fn what_is_not_live_has_no_token_to_take_back() {
    for grant in [pending(), approved(), denied(), revoked(true), revoked(false)] {
        assert_unchanged(&revoke(&grant, 1, at(205)), None);
    }
}

#[test]
fn what_was_granted_stays_granted() {
    let grant = next(&live(), &revoke(&live(), 1, at(200)));
    let State::Live { approval: stays, .. } = &grant.state else { panic!("not live") };
    assert_eq!(*stays, approval());
}
