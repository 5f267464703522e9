//! How often a device may poll.

use std::time::Duration;

use gatepost::{
    engine::{Decision, Error},
    limit::Limited,
    oauth::refusal::ErrorCode::{self, AccessDenied, AuthorizationPending, ExpiredToken, InvalidGrant, SlowDown},
};

use crate::support::house::{House, INTERVAL, Login, word};

/// Wait so many seconds from now on.
const fn slow_down(seconds: u64) -> ErrorCode {
    SlowDown { interval: Duration::from_secs(seconds) }
}

/// Polls after each of these seconds, and answers the words.
async fn polls(house: &House, login: &Login, gaps: &[u64]) -> Vec<ErrorCode> {
    let mut words = Vec::new();
    for gap in gaps {
        house.pass(Duration::from_secs(*gap));
        words.push(word(&house.poll(&login.device_code).await));
    }
    words
}

#[tokio::test]
async fn the_first_poll_is_free_and_the_interval_is_enough() {
    let house = House::new().await;
    let login = house.start().await.unwrap();
    assert_eq!(polls(&house, &login, &[0, 5, 5, 60]).await, [AuthorizationPending; 4]);
}

#[tokio::test]
async fn each_poll_that_comes_too_early_adds_five_seconds() {
    let house = House::new().await;
    let login = house.start().await.unwrap();
    let words = polls(&house, &login, &[0, 4, 9, 14, 20, 20]).await;
    assert_eq!(words, [AuthorizationPending, slow_down(10), slow_down(15), slow_down(20), AuthorizationPending, AuthorizationPending]);
}

#[tokio::test]
async fn the_interval_grows_to_thirty_seconds_and_no_further() {
    let house = House::new().await;
    let login = house.start().await.unwrap();
    polls(&house, &login, &[0, 1, 1, 1, 1, 1, 1, 1, 1]).await;
    assert_eq!(polls(&house, &login, &[29, 30]).await, [slow_down(30), AuthorizationPending]);
}

#[tokio::test]
async fn each_code_has_a_pace_of_its_own() {
    let house = House::new().await;
    let (one, other) = (house.start().await.unwrap(), house.start().await.unwrap());
    assert_eq!(polls(&house, &one, &[0, 1]).await, [AuthorizationPending, slow_down(10)]);
    assert_eq!(polls(&house, &other, &[0, 5]).await, [AuthorizationPending; 2]);
}

#[tokio::test]
async fn whatever_is_decided_is_said_however_early_the_poll_comes() {
    let house = House::new().await;
    let (yes, no, late) = (house.start().await.unwrap(), house.start().await.unwrap(), house.start().await.unwrap());
    for login in [&yes, &no, &late] {
        assert_eq!(polls(&house, login, &[0, 0, 0]).await, [AuthorizationPending, slow_down(10), slow_down(15)]);
    }
    house.approve(yes.grant).await.unwrap();
    house.decide(no.grant, Decision::Deny).await.unwrap();
    let given = house.poll(&yes.device_code).await.unwrap();
    assert_eq!(house.poll(&yes.device_code).await.unwrap(), given);
    assert_eq!(polls(&house, &no, &[0, 0, 0]).await, [AccessDenied; 3]);
    // Used, and expired.
    assert_eq!(polls(&house, &yes, &[10, 0, 0]).await, [InvalidGrant; 3]);
    assert_eq!(polls(&house, &late, &[900, 0, 0]).await, [ExpiredToken; 3]);
}

#[tokio::test]
async fn a_poll_that_comes_too_early_is_not_held() {
    let house = House::new().await;
    let login = house.start().await.unwrap();
    assert_eq!(polls(&house, &login, &[0]).await, [AuthorizationPending]);
    let answer = crate::support::house::run(std::pin::pin!(house.held_poll(&login.device_code, INTERVAL / 2)));
    assert_eq!(word(&answer.expect("held")), slow_down(10));
}

/// Uses up the polls of a minute, all in one moment.
async fn use_up(house: &House, login: &Login) {
    for _ in 0..20 {
        assert!(matches!(word(&house.poll(&login.device_code).await), AuthorizationPending | SlowDown { .. }));
    }
}

fn limited<T: std::fmt::Debug>(answer: Result<T, Error>) -> Limited {
    match answer {
        Err(Error::Limited(limited)) => limited,
        other => panic!("not limited: {other:?}"),
    }
}

#[tokio::test]
async fn a_pending_code_is_polled_twenty_times_a_minute_and_no_more() {
    let house = House::new().await;
    let (login, other) = (house.start().await.unwrap(), house.start().await.unwrap());
    use_up(&house, &login).await;
    assert_eq!(limited(house.poll(&login.device_code).await), Limited { retry_after: 3 });
    // Other codes are not concerned.
    use_up(&house, &other).await;
    house.pass(Duration::from_secs(3));
    assert_eq!(word(&house.poll(&login.device_code).await), slow_down(30));
    limited(house.poll(&login.device_code).await);
    house.pass(Duration::from_secs(60));
    use_up(&house, &login).await;
    limited(house.poll(&login.device_code).await);
}

#[tokio::test]
async fn a_code_that_was_polled_too_often_is_answered_once_it_is_decided() {
    let house = House::new().await;
    let (yes, no, late) = (house.start().await.unwrap(), house.start().await.unwrap(), house.start().await.unwrap());
    for login in [&yes, &no, &late] {
        use_up(&house, login).await;
        limited(house.poll(&login.device_code).await);
    }
    house.approve(yes.grant).await.unwrap();
    house.decide(no.grant, Decision::Deny).await.unwrap();
    let given = house.poll(&yes.device_code).await.unwrap();
    for _ in 0..30 {
        assert_eq!(house.poll(&yes.device_code).await.unwrap(), given);
        assert_eq!(word(&house.poll(&no.device_code).await), AccessDenied);
    }
    house.pass(Duration::from_secs(900));
    for _ in 0..30 {
        assert_eq!(word(&house.poll(&yes.device_code).await), InvalidGrant);
        assert_eq!(word(&house.poll(&late.device_code).await), ExpiredToken);
    }
}
