//! How long a grant is of use, and how long it is remembered.

use std::time::Duration;

use gatepost::oauth::grant::{Grant, Issue, State, after};
use jiff::Timestamp;

use super::{REFRESH_LIFE, approved, at, before, denied, every_state, issue, live, live_with, pending, refresh, refreshed_twice, revoked};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Asserts that a grant is usable before `end` and not from then on.
#[track_caller]
fn assert_usable_until(grant: &Grant, end: Timestamp) {
    assert!(grant.is_usable(before(end)), "{grant:?}");
    assert!(!grant.is_usable(end), "{grant:?}");
}

#[test]
fn an_approved_grant_is_usable_until_its_code_ends() {
    assert_usable_until(&approved(), at(900));
}

#[test]
fn a_live_grant_is_usable_until_its_last_token_ends() {
    assert_usable_until(&live(), at(100) + REFRESH_LIFE);
    assert_usable_until(&refreshed_twice(), at(700) + REFRESH_LIFE);
    let access_only = live_with(vec![Issue { refresh_until: None, ..issue(1, at(100)) }]);
    assert_usable_until(&access_only, at(1000));
    let short_refresh = live_with(vec![Issue { refresh_until: Some(at(200)), ..issue(1, at(100)) }]);
    assert_usable_until(&short_refresh, at(1000));
}

#[test]
fn a_refresh_token_that_was_used_keeps_nothing_usable() {
    // The operator shortened the refresh life between the two.
    let newest = Issue { refresh_until: Some(at(600)), ..issue(2, at(500)) };
    assert_usable_until(&live_with(vec![issue(1, at(100)), newest]), at(1400));
}

#[test]
fn what_is_not_approved_is_not_usable() {
    for (name, grant) in every_state() {
        assert_eq!(grant.is_usable(at(205)), ["approved", "live"].contains(&name), "{name}");
    }
}

#[test]
fn what_ended_undecided_unredeemed_or_denied_is_remembered_for_a_day() {
    assert_eq!(pending().keep_until(), at(900) + DAY);
    assert_eq!(approved().keep_until(), at(900) + DAY);
    assert_eq!(denied().keep_until(), at(60) + DAY);
}

#[test]
fn a_live_grant_is_remembered_for_a_day_after_its_last_token() {
    assert_eq!(live().keep_until(), at(100) + REFRESH_LIFE + DAY);
    assert_eq!(refreshed_twice().keep_until(), at(700) + REFRESH_LIFE + DAY);
    let access_only = live_with(vec![Issue { refresh_until: None, ..issue(1, at(100)) }]);
    assert_eq!(access_only.keep_until(), at(1000) + DAY);
}

#[test]
fn a_revoked_grant_is_remembered_for_thirty_days_and_no_longer() {
    assert_eq!(revoked(true).keep_until(), at(200) + 30 * DAY);
    assert_eq!(revoked(false).keep_until(), at(200) + 30 * DAY);
}

#[test]
fn a_grant_is_remembered_as_long_as_it_is_of_use_whatever_happens_to_it() {
    let mut grant = live();
    for number in 2..=12 {
        grant = refresh(&grant, number - 1, at(100 + 400 * u64::from(number))).next.unwrap();
        assert!(!grant.is_usable(grant.keep_until()), "{grant:?}");
    }
}

#[test]
fn times_at_the_end_of_time_stay_there() {
    assert_eq!(after(Timestamp::MAX, Duration::MAX), Timestamp::MAX);
    assert_eq!(Grant { state: State::Denied { at: Timestamp::MAX }, ..pending() }.keep_until(), Timestamp::MAX);
}
