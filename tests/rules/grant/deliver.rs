//! Deliver: a device asks for its key, and gets it once.

use gatepost::oauth::{
    grant::{Approval, Channel, Grant, RevokedBecause, Standing, State},
    refusal::ErrorCode::{AccessDenied, AuthorizationPending, Consumed, ExpiredToken, InvalidGrant},
    step::Step,
    token::Kind,
};
use jiff::Timestamp;

use super::{
    CODE_LIFE, FALLEN, START, STRANGERS, UPHELD, Who, approval, as_caller, assert_refused, at, before, denied, issue, live_with, next,
    pending, proof, revoked, with,
};
use crate::rules::logins::{DAY, TENANT, asked};

/// The same grant, as the login of a device.
pub(super) fn login(grant: Grant) -> Grant {
    Grant { channel: Channel::Delivered(asked(Some("laptop"))), ..grant }
}

pub(super) fn yes() -> Approval {
    Approval { tenant: Some(TENANT.to_owned()), ..approval() }
}

/// Asked for at 0, approved at 60, good before 900.
fn approved() -> Grant {
    login(with(State::Approved { approval: yes(), redeem_by: START + CODE_LIFE, tries: 0 }))
}

/// Delivered at 100.
fn over() -> Grant {
    login(with(State::Void { until: at(100) }))
}

fn every_state() -> Vec<(&'static str, Grant)> {
    vec![
        ("pending", login(pending())),
        ("approved", approved()),
        ("delivered", over()),
        ("live", login(live_with(vec![issue(1, at(100))]))),
        ("denied", login(denied())),
        ("revoked", login(revoked(false))),
    ]
}

fn deliver_as(grant: &Grant, who: Who, standing: Standing, now: Timestamp) -> Step<Approval> {
    as_caller(who, |caller| grant.deliver(proof(Kind::DeviceCode, 0), caller, standing, now))
}

fn deliver(grant: &Grant, now: Timestamp) -> Step<Approval> {
    deliver_as(grant, Who::TheClient, UPHELD, now)
}

#[test]
fn a_yes_to_a_login_is_good_as_long_as_the_login() {
    let step = login(pending()).approve(yes(), at(60));
    assert_eq!(next(&login(pending()), &step), approved());
}

#[test]
fn an_approved_login_is_delivered_until_the_last_moment_and_is_over_with_it() {
    for now in [at(60), at(100), before(START + CODE_LIFE)] {
        let step = deliver(&approved(), now);
        assert_eq!((&step.outcome, step.takes_back), (&Ok(yes()), None));
        assert_eq!(next(&approved(), &step).state, State::Void { until: now });
    }
    for now in [START + CODE_LIFE, at(901), at(100_000)] {
        assert_refused(&deliver(&approved(), now), ExpiredToken, now);
    }
}

#[test]
fn what_was_delivered_is_never_delivered_again_whoever_is_left() {
    for now in [at(100), at(101), at(899), at(901), at(80_000)] {
        for standing in FALLEN.map(|(_, standing)| standing).into_iter().chain([UPHELD]) {
            assert_refused(&deliver_as(&over(), Who::TheClient, standing, now), Consumed, now);
        }
    }
    assert_eq!(Consumed.as_str(), InvalidGrant.as_str());
}

#[test]
fn a_login_that_is_over_is_remembered_for_a_day_from_then_on() {
    assert_eq!(over().keep_until(), at(100) + DAY);
    assert_eq!(login(denied()).keep_until(), at(60) + DAY);
    assert_eq!(login(pending()).keep_until(), START + CODE_LIFE + DAY);
    assert!(!over().is_usable(at(100)) && !over().is_pending(at(100)) && !over().is_open(at(100)));
}

#[test]
fn a_pending_login_is_pending_until_its_time_is_over_unless_the_client_is_gone() {
    let nobody = Standing { user: None, client: Some(4) };
    for now in [START, at(60), before(START + CODE_LIFE)] {
        assert_refused(&deliver_as(&login(pending()), Who::TheClient, nobody, now), AuthorizationPending, now);
        let gone = Standing { user: None, client: None };
        assert_refused(&deliver_as(&login(pending()), Who::TheClient, gone, now), AccessDenied, now);
    }
    for now in [START + CODE_LIFE, at(100_000)] {
        assert_refused(&deliver_as(&login(pending()), Who::TheClient, nobody, now), ExpiredToken, now);
    }
}

#[test]
fn a_yes_that_was_taken_back_and_a_no_are_told_as_a_no() {
    for (why, standing) in FALLEN {
        assert_refused(&deliver_as(&approved(), Who::TheClient, standing, at(100)), AccessDenied, why);
    }
    for grant in [login(denied()), login(revoked(false)), login(revoked(true))] {
        for now in [at(201), at(100_000)] {
            assert_refused(&deliver(&grant, now), AccessDenied, &grant.state);
        }
    }
}

#[test]
fn other_clients_and_dialects_know_of_no_login() {
    for (name, grant) in every_state() {
        for who in STRANGERS {
            for now in [at(100), at(1000)] {
                assert_refused(&deliver_as(&grant, who, UPHELD, now), InvalidGrant, (name, who));
            }
        }
    }
}

#[test]
fn what_is_no_login_is_not_delivered() {
    for (name, grant) in every_state() {
        for channel in [Channel::Polled, Channel::Typed { life: CODE_LIFE }] {
            let other = Grant { channel, ..grant.clone() };
            assert_refused(&deliver(&other, at(100)), InvalidGrant, name);
        }
    }
}

#[test]
fn delivering_never_leads_anywhere_but_to_the_end_of_an_approved_login() {
    for (name, grant) in every_state() {
        for standing in FALLEN.map(|(_, standing)| standing).into_iter().chain([UPHELD]) {
            for now in [at(100), at(1000)] {
                let step = deliver_as(&grant, Who::TheClient, standing, now);
                let delivers = name == "approved" && standing == UPHELD && now == at(100);
                assert_eq!((step.next.is_some(), step.outcome.is_ok()), (delivers, delivers), "{name} {standing:?} {now}");
                assert_eq!(step.takes_back, None, "{name}");
            }
        }
    }
}

#[test]
fn an_approved_login_that_is_taken_back_is_denied() {
    let step = approved().revoke(RevokedBecause::User, at(100));
    let ended = next(&approved(), &step);
    assert_eq!(ended.state, State::Revoked { at: at(100), why: RevokedBecause::User, redeemed: false });
    assert_refused(&deliver(&ended, at(101)), AccessDenied, "taken back");
    // It is ended as it was read, and not whatever it has become: it may have become a key.
    assert_eq!((step.outcome, step.takes_back), (Ok(()), None));
    let step = over().revoke(RevokedBecause::User, at(100));
    assert_eq!((step.outcome, step.next), (Ok(()), None));
}
