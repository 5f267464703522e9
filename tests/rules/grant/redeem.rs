//! Redeem: a device shows its code.

use gatepost::oauth::{
    grant::{Issue, Standing, State, Terms},
    refusal::ErrorCode::{AccessDenied, AuthorizationPending, ExpiredToken, InvalidGrant},
    secret::RootId,
    token::Kind,
};

use super::{
    CODE_LIFE, FALLEN, START, STRANGERS, TICK, UPHELD, Who, approval, approved, as_caller, assert_refused, at, before, denied, every_state,
    issue, live, live_with, next, pending, proof, redeem, refresh, refreshed_twice, revoked,
};

/// Who is asked about while nobody has approved: there is no user yet.
const UNDECIDED: Standing = Standing { user: None, client: Some(4) };

#[test]
fn a_pending_grant_is_pending_until_its_time_is_over() {
    for now in [START, at(60), before(START + CODE_LIFE)] {
        assert_refused(&redeem(&pending(), Who::TheClient, UNDECIDED, now), AuthorizationPending, now);
    }
    for now in [START + CODE_LIFE, at(901), at(100_000)] {
        assert_refused(&redeem(&pending(), Who::TheClient, UNDECIDED, now), ExpiredToken, now);
    }
}

#[test]
fn an_approved_grant_becomes_live_with_issue_number_one() {
    let step = redeem(&approved(), Who::TheClient, UPHELD, at(100));
    assert_eq!((&step.outcome, step.takes_back), (&Ok(issue(1, at(100))), None));
    assert_eq!(next(&approved(), &step), live());
}

#[test]
fn what_is_issued_lives_by_the_terms() {
    let root = RootId::parse("k2").unwrap();
    let terms = Terms { access: 7 * TICK, refresh: None, root, key: None, lasting: None };
    let step = as_caller(Who::TheClient, |caller| approved().redeem(proof(Kind::DeviceCode, 0), caller, UPHELD, &terms, at(100)));
    let (access_until, refresh_until) = (at(100) + 7 * TICK, None);
    assert_eq!(step.outcome, Ok(Issue { root, access_until, refresh_until, ..issue(1, at(100)) }));
}

#[test]
fn an_approved_grant_can_be_redeemed_until_the_last_moment() {
    assert!(redeem(&approved(), Who::TheClient, UPHELD, before(START + CODE_LIFE)).outcome.is_ok());
    for now in [START + CODE_LIFE, at(901), at(100_000)] {
        assert_refused(&redeem(&approved(), Who::TheClient, UPHELD, now), ExpiredToken, now);
    }
}

#[test]
fn an_approval_is_worth_nothing_once_user_or_client_took_it_back() {
    for (why, standing) in FALLEN {
        assert_refused(&redeem(&approved(), Who::TheClient, standing, at(100)), AccessDenied, why);
    }
}

#[test]
fn a_pending_grant_of_a_client_that_is_gone_is_denied() {
    let nobody = Standing { user: None, client: None };
    assert_refused(&redeem(&pending(), Who::TheClient, nobody, at(60)), AccessDenied, "in time");
    assert_refused(&redeem(&pending(), Who::TheClient, nobody, at(900)), ExpiredToken, "too late");
}

#[test]
fn a_no_stays_a_no_however_late_it_is_asked_for() {
    for now in [at(60), at(899), at(900), at(100_000)] {
        assert_refused(&redeem(&denied(), Who::TheClient, UPHELD, now), AccessDenied, now);
        assert_refused(&redeem(&denied(), Who::TheClient, UNDECIDED, now), AccessDenied, now);
    }
}

#[test]
fn what_was_revoked_is_denied_if_it_was_never_redeemed_and_used_if_it_was() {
    for now in [at(200), at(205), at(1000)] {
        assert_refused(&redeem(&revoked(false), Who::TheClient, UPHELD, now), AccessDenied, now);
        assert_refused(&redeem(&revoked(true), Who::TheClient, UPHELD, now), InvalidGrant, now);
    }
}

#[test]
fn a_lost_answer_is_given_again_for_ten_seconds() {
    for now in [at(100), at(105), before(at(110))] {
        let step = redeem(&live(), Who::TheClient, UPHELD, now);
        assert_eq!(step.outcome, Ok(issue(1, at(100))), "{now}");
        assert!(step.next.is_none() && step.takes_back.is_none(), "a repeated answer changes nothing: {step:?}");
    }
}

#[test]
fn a_code_that_comes_again_later_is_used_and_ends_nothing() {
    for now in [at(110), at(110) + TICK, at(899), at(900), at(100_000)] {
        assert_refused(&redeem(&live(), Who::TheClient, UPHELD, now), InvalidGrant, now);
    }
}

#[test]
fn a_code_is_used_once_its_tokens_were_used_for_a_refresh() {
    let refreshed = refresh(&live(), 1, at(101)).next.unwrap();
    assert_refused(&redeem(&refreshed, Who::TheClient, UPHELD, at(102)), InvalidGrant, "just refreshed");
    assert_refused(&redeem(&refreshed_twice(), Who::TheClient, UPHELD, at(701)), InvalidGrant, "refreshed twice");
    // Also when the first issue has left the list and another one is alone on it.
    assert_refused(&redeem(&live_with(vec![issue(2, at(101))]), Who::TheClient, UPHELD, at(102)), InvalidGrant, "number two alone");
}

#[test]
fn a_lost_answer_is_not_given_again_to_those_whose_access_was_taken_back() {
    for (why, standing) in FALLEN {
        assert_refused(&redeem(&live(), Who::TheClient, standing, at(101)), InvalidGrant, why);
    }
}

#[test]
fn to_other_clients_and_dialects_the_code_is_unknown_in_every_state() {
    for (name, grant) in every_state() {
        for who in STRANGERS {
            for now in [at(101), at(900)] {
                let step = redeem(&grant, who, UPHELD, now);
                assert_refused(&step, InvalidGrant, (name, who));
            }
        }
    }
}

#[test]
fn redeeming_never_leads_anywhere_but_from_approved_to_live() {
    for (name, grant) in every_state() {
        let step = redeem(&grant, Who::TheClient, UPHELD, at(100));
        let live = State::Live { approval: approval(), issues: vec![issue(1, at(100))] };
        assert_eq!(step.next.map(|next| next.state), (name == "approved").then_some(live), "{name}");
    }
}
