//! Renew: an app shows a refresh token that lasts.

use std::time::Duration;

use gatepost::oauth::{
    grant::{Channel, Grant, Issue, Lasting, MAX_LIVE_ISSUES, Redemption, Redirect, RevokedBecause, Standing, State, Terms, Wanted},
    refusal::ErrorCode::{InvalidGrant, TakenBack, UserGone},
    secret::RootId,
    signing::KeyId,
    step::{Step, TakesBack},
    token::Kind,
};
use jiff::Timestamp;

use super::{
    ACCESS_LIFE, FALLEN, STRANGERS, TERMS, UPHELD, Who, approved, as_caller, assert_refused, at, before, denied, grant_id, issue, key,
    live, live_with, next, pending, proof, revoked, with,
};
use crate::rules::logins::TEN_YEARS;

/// Signs access tokens.
const SIGNS: u64 = 1;
/// Signed the refresh token.
const SIGNED: u64 = 9;

fn terms() -> Terms {
    Terms { refresh: Some(TEN_YEARS), key: Some(key(SIGNS)), lasting: Some(key(SIGNED)), ..TERMS }
}

/// An access token of the grant that was redeemed at 100, and whose refresh token is that of issue 1.
fn signed(number: u32, issued: Timestamp) -> Issue {
    let lasting = Some(Lasting { number: 1, key: key(SIGNED) });
    Issue { key: Some(key(SIGNS)), refresh_until: Some(at(100) + TEN_YEARS), lasting, ..issue(number, issued) }
}

/// Redeemed at 100; half of the access token's life is over at 550.
fn first() -> Grant {
    live_with(vec![signed(1, at(100))])
}

fn renew(grant: &Grant, now: Timestamp) -> Step<Issue> {
    renew_with(grant, 1, key(SIGNED), Who::TheClient, UPHELD, now)
}

fn renew_with(grant: &Grant, number: u32, by: KeyId, who: Who, standing: Standing, now: Timestamp) -> Step<Issue> {
    as_caller(who, |caller| grant.renew(proof(Kind::Refresh, number), by, caller, standing, &terms(), now))
}

fn issues(grant: &Grant) -> &[Issue] {
    match &grant.state {
        State::Live { issues, .. } => issues,
        other => panic!("not live: {other:?}"),
    }
}

#[test]
fn a_redemption_makes_the_refresh_token_together_with_the_first_access_token() {
    let redirect = Redirect { uri: String::new(), named: false, challenge: None, life: Duration::from_secs(300) };
    let grant = Grant { channel: Channel::Redirect(redirect), ..approved() };
    let shown = Redemption { redirect_uri: None, verifier: None, wanted: Wanted::default() };
    let step = as_caller(Who::TheClient, |caller| grant.redeem_code(proof(Kind::Code, 0), caller, &shown, UPHELD, &terms(), at(100)));
    assert_eq!(issues(&next(&grant, &step)), issues(&first()));
}

#[test]
fn the_same_token_is_given_while_more_than_half_of_its_life_is_left() {
    for now in [at(100), at(109), at(300), before(at(100) + ACCESS_LIFE / 2)] {
        let step = renew(&first(), now);
        assert_eq!(step.outcome, Ok(signed(1, at(100))), "{now}");
        assert!(step.next.is_none() && step.takes_back.is_none(), "{step:?}");
    }
}

#[test]
fn from_half_of_its_life_on_the_next_one_is_given_and_the_old_one_lives_on() {
    for now in [at(100) + ACCESS_LIFE / 2, at(999)] {
        let step = renew(&first(), now);
        assert_eq!((&step.outcome, step.takes_back), (&Ok(signed(2, now)), None), "the refresh token's time is not counted anew");
        assert_eq!(issues(&next(&first(), &step)), [signed(1, at(100)), signed(2, now)]);
    }
    // When it has ended, the next one is alone, years later too.
    for now in [at(1000), at(100_000_000)] {
        assert_eq!(issues(&next(&first(), &renew(&first(), now))), [signed(2, now)]);
    }
}

#[test]
fn a_refresh_token_that_lasts_works_until_its_last_moment_whatever_was_issued_in_between() {
    let end = at(100) + TEN_YEARS;
    for grant in [first(), live_with(vec![signed(1000, before(end) - ACCESS_LIFE)])] {
        assert!(renew(&grant, before(end)).outcome.is_ok());
        for now in [end, end + TEN_YEARS] {
            assert_refused(&renew(&grant, now), InvalidGrant, now);
        }
    }
}

#[test]
fn the_refresh_token_is_the_same_after_any_number_of_access_tokens_and_at_most_eight_of_these_live() {
    let mut grant = first();
    for number in 2..=40 {
        // Each is taken back at once, so that they do not end by themselves.
        let newest = proof(Kind::Access, number - 1);
        grant = grant.revoke_access(newest, at(100 + u64::from(number))).next.unwrap();
        let now = at(100 + u64::from(number));
        grant = next(&grant, &renew(&grant, now));
        assert_eq!(issues(&grant).last(), Some(&signed(number, now)));
        assert_eq!(issues(&grant).len(), MAX_LIVE_ISSUES.min(number as usize));
        assert_refused(&renew_with(&grant, number, key(SIGNED), Who::TheClient, UPHELD, now), InvalidGrant, "an access token's number");
    }
}

#[test]
fn an_access_token_that_was_taken_back_is_followed_by_the_next_one_at_once() {
    let taken = first().revoke_access(proof(Kind::Access, 1), at(101)).next.unwrap();
    assert_eq!(renew(&taken, at(102)).outcome, Ok(signed(2, at(102))));
}

#[test]
fn a_token_of_another_root_or_key_is_followed_by_one_of_those_that_make_tokens_now() {
    let renew = |terms: &Terms| {
        as_caller(Who::TheClient, |caller| first().renew(proof(Kind::Refresh, 1), key(SIGNED), caller, UPHELD, terms, at(101)).outcome)
    };
    let root = RootId::parse("k2").unwrap();
    assert_eq!(renew(&Terms { root, ..terms() }), Ok(Issue { root, ..signed(2, at(101)) }));
    // The refresh token that the app has is still the one that the old key signed.
    let other = Terms { key: Some(key(2)), lasting: Some(key(2)), ..terms() };
    assert_eq!(renew(&other), Ok(Issue { key: Some(key(2)), ..signed(2, at(101)) }));
    // Whatever the operator has made of the dialect's lives since.
    let short = Terms { refresh: None, lasting: None, access: ACCESS_LIFE * 2, ..terms() };
    assert_eq!(renew(&short), Ok(Issue { access_until: at(101) + ACCESS_LIFE * 2, ..signed(2, at(101)) }));
}

#[test]
fn only_the_token_that_was_given_out_renews() {
    let second = live_with(vec![signed(1, at(100)), signed(2, at(600))]);
    for grant in [first(), second] {
        for number in [0, 2, 3, u32::MAX] {
            let step = renew_with(&grant, number, key(SIGNED), Who::TheClient, UPHELD, at(700));
            assert_refused(&step, InvalidGrant, number);
        }
        for by in [key(SIGNS), key(8)] {
            assert_refused(&renew_with(&grant, 1, by, Who::TheClient, UPHELD, at(700)), InvalidGrant, by);
        }
    }
}

#[test]
fn where_refresh_tokens_rotate_none_lasts() {
    for number in [0, 1, 2] {
        assert_refused(&renew_with(&live(), number, key(SIGNED), Who::TheClient, UPHELD, at(101)), InvalidGrant, number);
    }
}

#[test]
fn only_a_live_grant_is_renewed() {
    for grant in [pending(), approved(), denied(), with(State::Void { until: at(500) })] {
        assert_refused(&renew(&grant, at(205)), InvalidGrant, &grant.state);
    }
    for redeemed in [true, false] {
        let step = renew(&revoked(redeemed), at(205));
        assert_eq!(step.outcome.map_err(|refusal| refusal.code), Err(TakenBack));
        assert_eq!((step.next, step.takes_back), (None, Some(TakesBack::Grant(grant_id(1)))), "what still runs ends");
    }
    assert_eq!(TakenBack.as_str(), InvalidGrant.as_str());
}

#[test]
fn other_clients_and_dialects_are_refused_and_learn_nothing() {
    for grant in [first(), live(), pending(), approved(), denied(), revoked(true), revoked(false)] {
        for who in STRANGERS {
            for now in [at(101), at(700)] {
                assert_refused(&renew_with(&grant, 1, key(SIGNED), who, UPHELD, now), InvalidGrant, (who, &grant.state));
            }
        }
    }
}

#[test]
fn nothing_is_renewed_for_those_whose_access_was_taken_back_and_they_are_told_why() {
    for (why, standing) in FALLEN {
        let code = if standing.user.is_none() { UserGone } else { TakenBack };
        for now in [at(101), at(700), at(100_000)] {
            assert_refused(&renew_with(&first(), 1, key(SIGNED), Who::TheClient, standing, now), code, why);
            // Who has no good token is not told.
            assert_refused(&renew_with(&first(), 2, key(SIGNED), Who::TheClient, standing, now), InvalidGrant, why);
            assert_refused(&renew_with(&first(), 1, key(8), Who::TheClient, standing, now), InvalidGrant, why);
        }
        let end = at(100) + TEN_YEARS;
        assert_refused(&renew_with(&first(), 1, key(SIGNED), Who::TheClient, standing, end), InvalidGrant, why);
    }
}

#[test]
fn after_the_last_number_there_is_no_other() {
    let last = live_with(vec![signed(u32::MAX, at(100))]);
    assert_eq!(renew(&last, at(101)).outcome, Ok(signed(u32::MAX, at(100))));
    assert_refused(&renew(&last, at(700)), InvalidGrant, "no number is left");
}

#[test]
fn a_code_that_comes_again_after_a_renewal_ends_the_grant_at_once_and_the_refresh_token_with_it() {
    let redirect = Redirect { uri: String::new(), named: false, challenge: None, life: Duration::from_secs(300) };
    let redirected = |issues| Grant { channel: Channel::Redirect(redirect.clone()), ..live_with(issues) };
    // The second is so early because the first was taken back.
    let renewed = redirected(vec![Issue { revoked: true, ..signed(1, at(100)) }, signed(2, at(102))]);
    let shown = Redemption { redirect_uri: None, verifier: None, wanted: Wanted::default() };
    let code = |grant: &Grant, now| {
        as_caller(Who::TheClient, |caller| grant.redeem_code(proof(Kind::Code, 0), caller, &shown, UPHELD, &terms(), now))
    };
    let step = code(&renewed, at(103));
    assert_eq!(step.takes_back, Some(TakesBack::Grant(grant_id(1))));
    let ended = next(&renewed, &step);
    assert_eq!(ended.state, State::Revoked { at: at(103), why: RevokedBecause::Replay, redeemed: true });
    assert_eq!(renew(&ended, at(104)).outcome.map_err(|refusal| refusal.code), Err(TakenBack));
    // That the same token was given again is no use of it.
    assert_refused(&code(&redirected(vec![signed(1, at(100))]), at(103)), InvalidGrant, "in haste");
}

#[test]
fn a_grant_is_remembered_as_long_as_its_refresh_token_lasts() {
    let end = at(100) + TEN_YEARS;
    let renewed = next(&first(), &renew(&first(), at(700)));
    for grant in [first(), renewed] {
        assert!(grant.is_usable(before(end)) && !grant.is_usable(end));
        assert!(grant.ends() == end && grant.keep_until() > end);
    }
}
