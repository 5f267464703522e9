//! Current: a client asks for itself, again and again.

use gatepost::oauth::{
    grant::{Approval, Grant, Issue, MAX_LIVE_ISSUES, Standing, State, Terms},
    refusal::ErrorCode::InvalidGrant,
    secret::RootId,
    step::Step,
};
use jiff::Timestamp;

use super::{ACCESS_LIFE, TERMS, approval, assert_refused, at, before, every_state, issue, key, next, pending, with};

/// Nobody but the client has said yes.
const ITS_OWN: Standing = Standing { user: None, client: Some(4) };
const OWN_TERMS: Terms = Terms { refresh: None, ..TERMS };

fn own(number: u32, issued: Timestamp) -> Issue {
    Issue { refresh_until: None, ..issue(number, issued) }
}

fn own_with(issues: Vec<Issue>) -> Grant {
    with(State::Live { approval: Approval { user: None, user_generation: 0, ..approval() }, issues })
}

/// Made at 100; half of its life is over at 550.
fn first() -> Grant {
    own_with(vec![own(1, at(100))])
}

fn current(grant: &Grant, now: Timestamp) -> Step<Issue> {
    grant.current(ITS_OWN, &OWN_TERMS, now)
}

#[test]
fn a_client_has_its_token_from_birth() {
    let State::Live { approval, .. } = first().state else { panic!("not live") };
    let born = State::born_live(approval, pending().audience, &OWN_TERMS, at(100));
    assert_eq!(with(born), first());
}

#[test]
fn the_same_token_is_given_while_more_than_half_of_its_life_is_left() {
    for now in [at(100), at(300), before(at(100) + ACCESS_LIFE / 2)] {
        let step = current(&first(), now);
        assert_eq!(step.outcome, Ok(own(1, at(100))), "{now}");
        assert!(step.next.is_none() && step.takes_back.is_none(), "{step:?}");
    }
}

#[test]
fn from_half_of_its_life_on_the_next_one_is_given_and_the_old_one_lives_on() {
    for now in [at(100) + ACCESS_LIFE / 2, at(999)] {
        let step = current(&first(), now);
        assert_eq!((&step.outcome, step.takes_back), (&Ok(own(2, now)), None));
        assert_eq!(next(&first(), &step), own_with(vec![own(1, at(100)), own(2, now)]));
    }
    // When it has ended, it is alone.
    assert_eq!(current(&first(), at(1000)).next, Some(own_with(vec![own(2, at(1000))])));
}

#[test]
fn a_token_that_was_taken_back_is_followed_by_the_next_one_at_once() {
    let taken = own_with(vec![Issue { revoked: true, ..own(1, at(100)) }]);
    assert_eq!(current(&taken, at(101)).outcome, Ok(own(2, at(101))));
}

#[test]
fn a_token_of_another_root_or_key_is_followed_by_one_of_those_that_make_tokens_now() {
    let root = RootId::parse("k2").unwrap();
    let terms = Terms { root, ..OWN_TERMS };
    assert_eq!(first().current(ITS_OWN, &terms, at(101)).outcome, Ok(Issue { root, ..own(2, at(101)) }));
    let terms = Terms { key: Some(key(1)), ..OWN_TERMS };
    assert_eq!(first().current(ITS_OWN, &terms, at(101)).outcome, Ok(Issue { key: Some(key(1)), ..own(2, at(101)) }));
    let signed = own_with(vec![Issue { key: Some(key(1)), ..own(1, at(100)) }]);
    assert_eq!(signed.current(ITS_OWN, &terms, at(101)).outcome, Ok(Issue { key: Some(key(1)), ..own(1, at(100)) }));
    let terms = Terms { key: Some(key(2)), ..OWN_TERMS };
    assert_eq!(signed.current(ITS_OWN, &terms, at(101)).outcome, Ok(Issue { key: Some(key(2)), ..own(2, at(101)) }));
}

#[test]
fn a_client_whose_access_was_taken_back_has_none() {
    for standing in [Standing { user: None, client: Some(5) }, Standing { user: None, client: None }] {
        for now in [at(101), at(700)] {
            assert_refused(&first().current(standing, &OWN_TERMS, now), InvalidGrant, standing);
        }
    }
}

#[test]
fn what_is_not_live_has_no_token() {
    for (name, grant) in every_state().into_iter().filter(|(name, _)| *name != "live") {
        assert_refused(&current(&grant, at(101)), InvalidGrant, name);
    }
}

#[test]
fn the_ninth_live_token_ends_the_oldest() {
    let mut grant = first();
    for number in 2..=20 {
        // Each is taken back, so that there is always a next one.
        let State::Live { approval, issues } = &grant.state else { panic!("not live") };
        let revoked = issues.iter().map(|issue| Issue { revoked: true, ..issue.clone() }).collect();
        let taken = with(State::Live { approval: approval.clone(), issues: revoked });
        grant = current(&taken, at(100 + u64::from(number))).next.unwrap();
        let State::Live { issues, .. } = &grant.state else { panic!("not live") };
        assert_eq!(issues.len(), MAX_LIVE_ISSUES.min(number as usize));
        assert_eq!(issues.last().map(|issue| issue.number), Some(number));
    }
}
