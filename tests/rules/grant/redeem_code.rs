//! Redeem: an app brings the code that a browser took to it.

use std::time::Duration;

use gatepost::oauth::{
    audience::Audience,
    grant::{Channel, Grant, Issue, Redemption, Redirect, RevokedBecause, Standing, State, Terms, Wanted},
    pkce::Challenge,
    refusal::ErrorCode::{InvalidGrant, InvalidScope, InvalidTarget, TakenBack, UserGone},
    scope::Scopes,
    secret::RootId,
    step::{Step, TakesBack},
    token::Kind,
};
use jiff::Timestamp;

use super::{
    FALLEN, STRANGERS, TERMS, TICK, UPHELD, Who, approval, as_caller, assert_refused, at, before, denied, grant_id, issue, live_with, next,
    pending, proof, refreshed_twice, revoked,
};
use crate::support::redirect::{CHALLENGE, VERIFIER};

const LIFE: Duration = Duration::from_secs(60);
const ADDRESS: &str = "https://app.example.com/cb";
const WRONG: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// The same grant, whose code a browser takes there; `named`: the request named the address.
fn redirected_as(grant: Grant, named: bool) -> Grant {
    let challenge = Challenge::parse(CHALLENGE).unwrap();
    Grant { channel: Channel::Redirect(Redirect { uri: ADDRESS.to_owned(), named, challenge: Some(challenge), life: LIFE }), ..grant }
}

fn redirected(grant: Grant) -> Grant {
    redirected_as(grant, true)
}

/// A yes, said at 60, good before 120.
fn approved() -> Grant {
    redirected(Grant { state: State::Approved { approval: approval(), redeem_by: at(60) + LIFE, tries: 0 }, ..pending() })
}

fn void() -> Grant {
    redirected(Grant { state: State::Void { until: at(60) + LIFE }, ..pending() })
}

/// Redeemed at 100.
fn live() -> Grant {
    redirected(live_with(vec![issue(1, at(100))]))
}

fn every_state() -> Vec<(&'static str, Grant)> {
    vec![
        ("pending", redirected(pending())),
        ("approved", approved()),
        ("void", void()),
        ("live", live()),
        ("refreshed", redirected(refreshed_twice())),
        ("denied", redirected(denied())),
        ("revoked before it was redeemed", redirected(revoked(false))),
        ("revoked after it was redeemed", redirected(revoked(true))),
    ]
}

fn shown() -> Redemption<'static> {
    Redemption { redirect_uri: Some(ADDRESS), verifier: Some(VERIFIER), wanted: Wanted::default() }
}

fn with_verifier(verifier: &str) -> Redemption<'_> {
    Redemption { verifier: Some(verifier), ..shown() }
}

fn redeem_as(grant: &Grant, who: Who, shown: &Redemption<'_>, standing: Standing, now: Timestamp) -> Step<Issue> {
    as_caller(who, |caller| grant.redeem_code(proof(Kind::Code, 0), caller, shown, standing, &TERMS, now))
}

fn redeem(grant: &Grant, shown: &Redemption<'_>, now: Timestamp) -> Step<Issue> {
    redeem_as(grant, Who::TheClient, shown, UPHELD, now)
}

/// Asserts that the code was taken for a replay: refused, and the end of the grant.
#[track_caller]
fn assert_ends(grant: &Grant, step: &Step<Issue>, now: Timestamp) {
    assert_eq!(step.outcome.as_ref().map_err(|refusal| refusal.code), Err(InvalidGrant));
    assert_eq!(step.takes_back, Some(TakesBack::Grant(grant.id)));
    assert_eq!(next(grant, step).state, State::Revoked { at: now, why: RevokedBecause::Replay, redeemed: true });
}

#[test]
fn an_approval_is_good_for_the_life_of_a_code_counted_from_the_yes() {
    let step = redirected(pending()).approve(approval(), at(60));
    assert_eq!(next(&redirected(pending()), &step), approved());
}

#[test]
fn the_code_becomes_issue_number_one_until_the_last_moment() {
    for now in [at(60), at(100), before(at(120))] {
        let step = redeem(&approved(), &shown(), now);
        assert_eq!((&step.outcome, step.takes_back), (&Ok(issue(1, now)), None));
        assert_eq!(next(&approved(), &step), redirected(live_with(vec![issue(1, now)])));
    }
    for now in [at(120), at(121), at(100_000)] {
        assert_refused(&redeem(&approved(), &shown(), now), InvalidGrant, now);
        assert_refused(&redeem(&approved(), &with_verifier(WRONG), now), InvalidGrant, now);
    }
}

#[test]
fn what_is_issued_lives_by_the_terms() {
    let root = RootId::parse("k2").unwrap();
    let terms = Terms { access: 7 * TICK, refresh: None, root, key: None, lasting: None };
    let step = as_caller(Who::TheClient, |caller| approved().redeem_code(proof(Kind::Code, 0), caller, &shown(), UPHELD, &terms, at(100)));
    assert_eq!(step.outcome, Ok(Issue { root, access_until: at(100) + 7 * TICK, refresh_until: None, ..issue(1, at(100)) }));
}

#[test]
fn the_address_that_was_named_is_named_again_and_a_wrong_one_ends_nothing() {
    for (named, uri, is_good) in [
        (true, Some(ADDRESS), true),
        (true, None, false),
        (true, Some("https://app.example.com/cb/"), false),
        (true, Some("https://app.example.com"), false),
        (true, Some(""), false),
        (false, None, true),
        (false, Some(ADDRESS), true),
        (false, Some("https://app.example.com/other"), false),
    ] {
        let grant = redirected_as(approved(), named);
        // The address is looked at first: a wrong verifier besides ends nothing either.
        for verifier in [VERIFIER, WRONG] {
            let step = redeem(&grant, &Redemption { redirect_uri: uri, ..with_verifier(verifier) }, at(100));
            match (is_good, verifier == VERIFIER) {
                (true, true) => assert_eq!(step.outcome, Ok(issue(1, at(100))), "{named} {uri:?}"),
                (true, false) => assert!(step.outcome.is_err() && step.next.is_some(), "{named} {uri:?}"),
                (false, _) => assert_refused(&step, InvalidGrant, (named, uri)),
            }
        }
    }
}

#[test]
fn a_wrong_verifier_ends_the_code_for_good() {
    for wrong in ["", WRONG, CHALLENGE, &VERIFIER[..42], &VERIFIER.to_uppercase()] {
        let step = redeem(&approved(), &with_verifier(wrong), at(100));
        assert_eq!(step.outcome.as_ref().map_err(|refusal| refusal.code), Err(InvalidGrant), "{wrong}");
        assert_eq!((next(&approved(), &step), step.takes_back), (void(), None), "{wrong}");
    }
    for now in [at(100), before(at(120)), at(120)] {
        assert_refused(&redeem(&void(), &shown(), now), InvalidGrant, now);
    }
}

#[test]
fn other_clients_and_dialects_are_refused_and_change_nothing() {
    for (name, grant) in every_state() {
        for who in STRANGERS {
            for verifier in [VERIFIER, WRONG] {
                for now in [at(101), at(720)] {
                    assert_refused(&redeem_as(&grant, who, &with_verifier(verifier), UPHELD, now), InvalidGrant, (name, who, now));
                }
            }
        }
    }
}

#[test]
fn a_code_of_another_way_is_none() {
    for grant in [pending(), super::approved(), super::live(), denied(), revoked(true)] {
        assert_refused(&redeem(&grant, &shown(), at(100)), InvalidGrant, &grant.state);
        let typed = Grant { channel: Channel::Typed { life: LIFE }, ..grant };
        assert_refused(&redeem(&typed, &shown(), at(100)), InvalidGrant, &typed.state);
    }
}

#[test]
fn an_approval_is_worth_nothing_once_user_or_client_took_it_back() {
    for (why, standing) in FALLEN {
        for verifier in [VERIFIER, WRONG] {
            let code = if standing.user.is_none() { UserGone } else { TakenBack };
            assert_eq!(code.as_str(), InvalidGrant.as_str(), "to clients it is all one");
            assert_refused(&redeem_as(&approved(), Who::TheClient, &with_verifier(verifier), standing, at(100)), code, why);
        }
    }
}

#[test]
fn a_code_that_comes_again_in_haste_is_refused_and_ends_nothing() {
    for now in [at(100), at(105), before(at(110))] {
        assert_refused(&redeem(&live(), &shown(), now), InvalidGrant, now);
    }
}

#[test]
fn a_code_that_comes_again_later_ends_the_grant() {
    for now in [at(110), at(120), at(5000)] {
        assert_ends(&live(), &redeem(&live(), &shown(), now), now);
    }
    // Also when its issue has left the list.
    let late = redirected(live_with(vec![issue(12, at(9000))]));
    assert_ends(&late, &redeem(&late, &shown(), at(9001)), at(9001));
}

#[test]
fn a_code_that_comes_again_after_its_tokens_were_used_ends_the_grant_at_once() {
    let refreshed = redirected(live_with(vec![issue(1, at(100)), issue(2, at(101))]));
    assert_ends(&refreshed, &redeem(&refreshed, &shown(), at(102)), at(102));
}

#[test]
fn a_code_that_comes_again_with_a_wrong_verifier_proves_nothing() {
    for now in [at(105), at(110), at(5000)] {
        assert_refused(&redeem(&live(), &with_verifier(WRONG), now), InvalidGrant, now);
    }
}

#[test]
fn a_replay_that_comes_again_finds_everything_taken_back() {
    for redeemed in [true, false] {
        let step = redeem(&redirected(revoked(redeemed)), &shown(), at(300));
        let code = if redeemed { InvalidGrant } else { TakenBack };
        assert_eq!(step.outcome.as_ref().map_err(|refusal| refusal.code), Err(code));
        assert_eq!((&step.next, step.takes_back), (&None, Some(TakesBack::Grant(grant_id(1)))));
    }
}

#[test]
fn the_first_token_may_be_for_less_than_was_granted_and_never_for_more() {
    let part: Audience = ["https://a.example/v1/x".to_owned()].into_iter().collect();
    let elsewhere: Audience = ["https://a.example".to_owned()].into_iter().collect();
    let (less, more) = (Scopes::parse("chat").unwrap(), Scopes::parse("chat admin").unwrap());
    let wanting = |scopes, audience| redeem(&approved(), &Redemption { wanted: Wanted { scopes, audience }, ..shown() }, at(100));
    let step = wanting(Some(&less), Some(&part));
    let given = step.outcome.as_ref().unwrap();
    assert_eq!((given.number, &given.scopes, &given.audience), (1, &less, &part));
    assert_eq!(next(&approved(), &step).approval(), Some(&approval()), "what was granted stays granted");
    assert_refused(&wanting(Some(&more), None), InvalidScope, "more scopes");
    assert_refused(&wanting(None, Some(&elsewhere)), InvalidTarget, "more resources");
}

#[test]
fn redeeming_never_leads_anywhere_but_to_live_to_void_and_to_an_end() {
    for (name, grant) in every_state() {
        for (verifier, now) in [(VERIFIER, at(101)), (WRONG, at(101)), (VERIFIER, at(720)), (WRONG, at(720))] {
            let state = redeem(&grant, &with_verifier(verifier), now).next.map(|next| next.state);
            let expected = match (name, verifier == VERIFIER, now == at(101)) {
                ("approved", true, true) => matches!(&state, Some(State::Live { issues, .. }) if issues.len() == 1),
                ("approved", false, true) => matches!(state, Some(State::Void { .. })),
                ("live", true, false) | ("refreshed", true, _) => matches!(state, Some(State::Revoked { .. })),
                _ => state.is_none(),
            };
            assert!(expected, "{name} {verifier} {now}: {state:?}");
        }
    }
}
