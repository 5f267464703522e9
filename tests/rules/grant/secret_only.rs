//! Redeem a code, where there is no challenge and the client has proved itself by its secret.

use std::time::Duration;

use gatepost::oauth::{
    grant::{Channel, Grant, Issue, Redemption, Redirect, RevokedBecause, Standing, State, Wanted},
    pkce::Challenge,
    refusal::ErrorCode::{InvalidGrant, TakenBack, UserGone},
    step::{Step, TakesBack},
    token::Kind,
};
use jiff::Timestamp;

use super::{
    FALLEN, STRANGERS, TERMS, UPHELD, Who, approval, as_caller, assert_refused, at, before, denied, grant_id, issue, live_with, next,
    pending, proof, revoked, with,
};
use crate::support::redirect::{CHALLENGE, VERIFIER};

const ADDRESS: &str = "https://app.example.com/cb";

fn redirected(grant: Grant, challenge: Option<&str>) -> Grant {
    let challenge = challenge.map(|text| Challenge::parse(text).unwrap());
    Grant {
        channel: Channel::Redirect(Redirect { uri: ADDRESS.to_owned(), named: false, challenge, life: Duration::from_secs(60) }),
        ..grant
    }
}

/// A yes, said at 60, good before 120.
fn approved() -> Grant {
    redirected(with(State::Approved { approval: approval(), redeem_by: at(120), tries: 0 }), None)
}

/// Redeemed at 100.
fn live() -> Grant {
    redirected(live_with(vec![issue(1, at(100))]), None)
}

fn redeem_as(grant: &Grant, who: Who, verifier: Option<&str>, standing: Standing, now: Timestamp) -> Step<Issue> {
    let shown = Redemption { redirect_uri: None, verifier, wanted: Wanted::default() };
    as_caller(who, |caller| grant.redeem_code(proof(Kind::Code, 0), caller, &shown, standing, &TERMS, now))
}

fn redeem(grant: &Grant, verifier: Option<&str>, now: Timestamp) -> Step<Issue> {
    redeem_as(grant, Who::TheClient, verifier, UPHELD, now)
}

#[test]
fn the_code_alone_becomes_issue_number_one_until_the_last_moment() {
    for now in [at(60), at(100), before(at(120))] {
        let step = redeem(&approved(), None, now);
        assert_eq!((&step.outcome, step.takes_back), (&Ok(issue(1, now)), None));
    }
    for now in [at(120), at(100_000)] {
        assert_refused(&redeem(&approved(), None, now), InvalidGrant, now);
    }
}

#[test]
fn a_verifier_where_there_was_no_challenge_ends_the_code_and_so_does_none_where_there_was_one() {
    let challenged = redirected(approved(), Some(CHALLENGE));
    for (grant, verifier) in [(approved(), Some(VERIFIER)), (approved(), Some("")), (challenged, None)] {
        let step = redeem(&grant, verifier, at(100));
        assert_eq!(step.outcome.as_ref().map_err(|refusal| refusal.code), Err(InvalidGrant), "{verifier:?}");
        let over = next(&grant, &step);
        assert_eq!((&over.state, step.takes_back), (&State::Void { until: at(120) }, None), "{verifier:?}");
        for verifier in [None, Some(VERIFIER)] {
            assert_refused(&redeem(&over, verifier, at(101)), InvalidGrant, verifier);
        }
    }
}

#[test]
fn a_code_that_comes_again_is_refused_in_haste_and_ends_the_grant_later() {
    for now in [at(100), before(at(110))] {
        assert_refused(&redeem(&live(), None, now), InvalidGrant, now);
    }
    for now in [at(110), at(5000)] {
        // With a verifier it proves nothing.
        assert_refused(&redeem(&live(), Some(VERIFIER), now), InvalidGrant, now);
        for standing in FALLEN.map(|(_, standing)| standing).into_iter().chain([UPHELD]) {
            let step = redeem_as(&live(), Who::TheClient, None, standing, now);
            assert_eq!(step.outcome.as_ref().map_err(|refusal| refusal.code), Err(InvalidGrant));
            assert_eq!(step.takes_back, Some(TakesBack::Grant(grant_id(1))));
            assert_eq!(next(&live(), &step).state, State::Revoked { at: now, why: RevokedBecause::Replay, redeemed: true });
        }
    }
}

#[test]
fn who_is_refused_a_good_code_is_told_whether_the_user_is_gone_or_the_access_was_taken_back() {
    for (why, standing) in FALLEN {
        let code = if standing.user.is_none() { UserGone } else { TakenBack };
        assert_refused(&redeem_as(&approved(), Who::TheClient, None, standing, at(100)), code, why);
        // Once its time is over nobody is told.
        assert_refused(&redeem_as(&approved(), Who::TheClient, None, standing, at(120)), InvalidGrant, why);
        for who in STRANGERS {
            assert_refused(&redeem_as(&approved(), who, None, standing, at(100)), InvalidGrant, (why, who));
        }
    }
    for (redeemed, code) in [(false, TakenBack), (true, InvalidGrant)] {
        let step = redeem(&redirected(revoked(redeemed), None), None, at(300));
        assert_eq!(step.outcome.map_err(|refusal| refusal.code), Err(code));
        assert_eq!((step.next, step.takes_back), (None, Some(TakesBack::Grant(grant_id(1)))));
    }
    for grant in [redirected(pending(), None), redirected(denied(), None)] {
        assert_refused(&redeem(&grant, None, at(100)), InvalidGrant, &grant.state);
    }
}
