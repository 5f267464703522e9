//! A poll that came in time waits for the decision.

use std::{pin::pin, sync::Arc, time::Duration};

use gatepost::{
    clock::Manual,
    engine::{Decision, Error},
    oauth::refusal::ErrorCode,
    store::memory::Memory,
};
use tokio_util::sync::CancellationToken;

use crate::support::{
    faulty::{Faulty, Weather},
    house::{CLIENT, House, INTERVAL, STRANGER, USER, put_user, run, word},
    records::{START, user},
};

const HOLD: Duration = Duration::from_millis(2500);
const TICK: Duration = Duration::from_nanos(1);

#[tokio::test]
async fn a_held_poll_is_answered_in_the_moment_of_the_approval() {
    let house = House::new().await;
    let login = house.start().await.unwrap();
    let mut poll = pin!(house.held_poll(&login.device_code, HOLD));
    assert!(run(poll.as_mut()).is_none(), "answered before anybody decided");
    house.pass(Duration::from_secs(1));
    assert!(run(poll.as_mut()).is_none(), "answered before anybody decided");
    house.approve(login.grant).await.unwrap();
    let given = run(poll).expect("still waiting after the approval").unwrap();
    house.show(&given.access).await.unwrap();
    assert_eq!(house.poll(&login.device_code).await.unwrap(), given);
}

#[tokio::test]
async fn a_held_poll_is_answered_in_the_moment_of_the_denial() {
    let house = House::new().await;
    let login = house.start().await.unwrap();
    let mut poll = pin!(house.held_poll(&login.device_code, HOLD));
    assert!(run(poll.as_mut()).is_none());
    house.decide(login.grant, Decision::Deny).await.unwrap();
    assert_eq!(word(&run(poll).expect("still waiting after the denial")), ErrorCode::AccessDenied);
}

#[tokio::test]
async fn a_hold_ends_at_its_time_and_not_before() {
    let house = House::new().await;
    let login = house.start().await.unwrap();
    let mut poll = pin!(house.held_poll(&login.device_code, HOLD));
    assert!(run(poll.as_mut()).is_none());
    house.pass(HOLD - TICK);
    assert!(run(poll.as_mut()).is_none(), "answered too soon");
    house.pass(TICK);
    assert_eq!(word(&run(poll).expect("held for too long")), ErrorCode::AuthorizationPending);
}

#[tokio::test]
async fn a_poll_that_is_not_held_is_answered_at_once() {
    let house = House::new().await;
    let login = house.start().await.unwrap();
    let answer = run(pin!(house.poll(&login.device_code))).expect("held");
    assert_eq!(word(&answer), ErrorCode::AuthorizationPending);
}

#[tokio::test]
async fn a_second_poll_of_the_same_code_sends_the_first_away() {
    let house = House::new().await;
    let login = house.start().await.unwrap();
    let mut first = pin!(house.held_poll(&login.device_code, 3 * INTERVAL));
    assert!(run(first.as_mut()).is_none());
    house.pass(INTERVAL);
    let mut second = pin!(house.held_poll(&login.device_code, HOLD));
    assert!(run(second.as_mut()).is_none());
    assert_eq!(word(&run(first).expect("still waiting beside the second")), ErrorCode::AuthorizationPending);
    // And the second is no worse off for it.
    assert!(run(second.as_mut()).is_none());
    house.approve(login.grant).await.unwrap();
    run(second).expect("still waiting after the approval").unwrap();
}

#[tokio::test]
async fn polls_of_different_codes_do_not_disturb_each_other() {
    let house = House::new().await;
    let (one, other) = (house.start().await.unwrap(), house.start().await.unwrap());
    let mut first = pin!(house.held_poll(&one.device_code, HOLD));
    let mut second = pin!(house.held_poll(&other.device_code, HOLD));
    assert!(run(first.as_mut()).is_none() && run(second.as_mut()).is_none());
    house.approve(other.grant).await.unwrap();
    assert!(run(first.as_mut()).is_none(), "answered for another code");
    run(second).expect("still waiting after the approval").unwrap();
    house.approve(one.grant).await.unwrap();
    run(first).expect("still waiting after the approval").unwrap();
}

#[tokio::test]
async fn a_device_that_hung_up_is_not_waited_for() {
    let house = House::new().await;
    let login = house.start().await.unwrap();
    let gone = CancellationToken::new();
    let mut poll = pin!(house.poll_as(CLIENT, &login.device_code, HOLD, &gone));
    assert!(run(poll.as_mut()).is_none());
    gone.cancel();
    assert_eq!(word(&run(poll).expect("waits for nobody")), ErrorCode::AuthorizationPending);
    // It took nothing along: whoever comes next gets the tokens.
    house.approve(login.grant).await.unwrap();
    house.poll(&login.device_code).await.unwrap();
}

#[tokio::test]
async fn what_is_decided_is_not_held() {
    let house = House::new().await;
    let denied = house.start().await.unwrap();
    house.decide(denied.grant, Decision::Deny).await.unwrap();
    let (login, given) = house.let_in().await;
    house.revoke(login.grant).await.unwrap();
    let expired = house.start().await.unwrap();
    house.pass(Duration::from_secs(900));
    for (code, expected) in [
        (&denied.device_code, ErrorCode::AccessDenied),
        (&login.device_code, ErrorCode::InvalidGrant),
        (&expired.device_code, ErrorCode::ExpiredToken),
        (&given.access, ErrorCode::InvalidGrant),
        (&"dc_nonsense".to_owned(), ErrorCode::InvalidGrant),
    ] {
        assert_eq!(word(&run(pin!(house.held_poll(code, HOLD))).expect("held")), expected, "{code}");
    }
}

#[tokio::test]
async fn another_client_is_not_held_and_waits_for_nothing() {
    let house = House::new().await;
    let login = house.start().await.unwrap();
    let gone = CancellationToken::new();
    let answer = run(pin!(house.poll_as(STRANGER, &login.device_code, HOLD, &gone))).expect("held");
    assert_eq!(word(&answer), ErrorCode::InvalidGrant);
    house.approve(login.grant).await.unwrap();
    assert_eq!(word(&house.poll_as(STRANGER, &login.device_code, HOLD, &gone).await), ErrorCode::InvalidGrant);
    house.poll(&login.device_code).await.unwrap();
}

#[tokio::test]
async fn a_code_that_runs_out_during_the_hold_has_expired_by_its_end() {
    let house = House::new().await;
    let login = house.start().await.unwrap();
    house.pass(Duration::from_secs(899));
    let mut poll = pin!(house.held_poll(&login.device_code, HOLD));
    assert!(run(poll.as_mut()).is_none());
    house.pass(HOLD);
    assert_eq!(word(&run(poll).expect("held for too long")), ErrorCode::ExpiredToken);
}

/// A house over a store that may go away.
async fn unsteady() -> (House, Arc<Faulty>) {
    let time = Manual::starting_at(START);
    let memory = Arc::new(Memory::new(time.clock()));
    put_user(memory.as_ref(), &user(USER)).await;
    let faulty = Faulty::over(memory, Weather::FAIR, 0);
    (House::over(Arc::clone(&faulty) as _, time), faulty)
}

#[tokio::test]
async fn a_poll_waits_for_a_store_that_is_away_as_long_as_it_may_be_held() {
    let (house, store) = unsteady().await;
    let login = house.start().await.unwrap();
    store.set(Weather::DARK);
    let mut poll = pin!(house.held_poll(&login.device_code, HOLD));
    for _ in 0..24 {
        assert!(run(poll.as_mut()).is_none(), "gave up too soon");
        house.pass(Duration::from_millis(100));
    }
    assert!(run(poll.as_mut()).is_none(), "gave up too soon");
    house.pass(Duration::from_millis(100));
    let answer = run(poll).expect("held for too long");
    assert!(matches!(answer, Err(Error::Unavailable(_))), "{answer:?}");
}

#[tokio::test]
async fn a_store_that_comes_back_in_time_answers_the_poll_that_waited() {
    let (house, store) = unsteady().await;
    let login = house.start().await.unwrap();
    house.approve(login.grant).await.unwrap();
    store.set(Weather::DARK);
    let mut poll = pin!(house.held_poll(&login.device_code, HOLD));
    assert!(run(poll.as_mut()).is_none());
    house.pass(Duration::from_secs(1));
    assert!(run(poll.as_mut()).is_none());
    store.set(Weather::FAIR);
    house.pass(Duration::from_millis(100));
    run(poll).expect("still waiting for a store that is back").unwrap();
}

#[tokio::test]
async fn a_store_that_comes_back_in_time_leaves_the_rest_of_the_hold_for_the_decision() {
    let (house, store) = unsteady().await;
    let login = house.start().await.unwrap();
    store.set(Weather::DARK);
    let mut poll = pin!(house.held_poll(&login.device_code, HOLD));
    assert!(run(poll.as_mut()).is_none());
    store.set(Weather::FAIR);
    house.pass(Duration::from_millis(100));
    assert!(run(poll.as_mut()).is_none(), "pending, and not held");
    house.approve(login.grant).await.unwrap();
    run(poll).expect("still waiting after the approval").unwrap();
}

#[tokio::test]
async fn a_poll_that_is_not_held_does_not_wait_for_the_store() {
    let (house, store) = unsteady().await;
    let login = house.start().await.unwrap();
    store.set(Weather::DARK);
    let answer = run(pin!(house.poll(&login.device_code))).expect("held");
    assert!(matches!(answer, Err(Error::Unavailable(_))), "{answer:?}");
}
