//! Revoke: somebody takes it back.

use gatepost::oauth::{
    grant::{RevokedBecause, State},
    step::TakesBack,
};

use super::{approved, at, denied, grant_id, live, next, pending, refreshed_twice, revoked};

#[test]
fn what_was_approved_is_over_from_the_moment_it_is_revoked() {
    for why in [RevokedBecause::User, RevokedBecause::Logout, RevokedBecause::Replay, RevokedBecause::Operator] {
        for (grant, redeemed) in [(approved(), false), (live(), true), (refreshed_twice(), true)] {
            let step = grant.revoke(why, at(800));
            assert_eq!((&step.outcome, step.takes_back), (&Ok(()), Some(TakesBack::Grant(grant_id(1)))));
            assert_eq!(next(&grant, &step).state, State::Revoked { at: at(800), why, redeemed });
        }
    }
}

#[test]
fn what_has_expired_can_be_revoked_all_the_same() {
    for (grant, redeemed) in [(approved(), false), (live(), true)] {
        let now = at(1_000_000_000);
        let step = grant.revoke(RevokedBecause::User, now);
        assert_eq!(next(&grant, &step).state, State::Revoked { at: now, why: RevokedBecause::User, redeemed });
    }
}

#[test]
fn what_nobody_approved_can_no_longer_be_approved() {
    let step = pending().revoke(RevokedBecause::Logout, at(60));
    assert_eq!((&step.outcome, step.takes_back), (&Ok(()), None));
    assert_eq!(next(&pending(), &step).state, State::Denied { at: at(60) });
}

#[test]
fn revoked_is_final_and_keeps_its_first_reason() {
    for redeemed in [true, false] {
        let step = revoked(redeemed).revoke(RevokedBecause::Logout, at(300));
        assert_eq!((&step.outcome, &step.next), (&Ok(()), &None));
    }
    let step = denied().revoke(RevokedBecause::User, at(300));
    assert_eq!((&step.outcome, &step.next, step.takes_back), (&Ok(()), &None, None));
}

#[test]
fn whoever_revokes_what_is_revoked_already_finds_it_taken_back() {
    // The first may have gone down between writing it and ending what ran under it.
    let step = revoked(true).revoke(RevokedBecause::User, at(300));
    assert_eq!(step.takes_back, Some(TakesBack::Grant(grant_id(1))));
}
