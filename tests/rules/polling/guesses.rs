//! Guessing at user codes (RFC 8628 section 5.1).

use std::{net::IpAddr, time::Duration};

use gatepost::{
    engine::{Decision, Error},
    limit::Limited,
    oauth::{
        grant::Grant,
        id::UserId,
        refusal::{ErrorCode, Refusal},
    },
};

use crate::support::{
    house::{House, Login},
    records::user_id,
};

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
const ELSEWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));
/// Once in 25,600,000,000 runs this is the right one.
const WRONG: &str = "BBBB-BBBB";

async fn enter(house: &House, typed: &str, user: UserId, from: IpAddr) -> Result<Grant, Error> {
    house.engine.find_by_user_code(typed, user, from).await
}

fn refusal(answer: Result<Grant, Error>) -> Refusal {
    match answer {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

fn assert_limited(answer: &Result<Grant, Error>, retry_after: u64) {
    assert!(matches!(answer, Err(Error::Limited(limited)) if *limited == Limited { retry_after }), "{answer:?}");
}

/// Ten wrong guesses.
async fn use_up(house: &House, user: UserId, from: IpAddr) {
    for _ in 0..10 {
        assert_eq!(refusal(enter(house, WRONG, user, from).await).code, ErrorCode::InvalidGrant);
    }
}

#[tokio::test]
async fn a_code_is_found_however_it_is_typed_and_as_often_as_one_likes() {
    let house = House::new().await;
    let login = house.start().await.unwrap();
    let letters = login.user_code.replace('-', "");
    for typed in [login.user_code.clone(), letters.to_lowercase(), format!(" {} {} ", &letters[..3], &letters[3..])] {
        for _ in 0..8 {
            assert_eq!(enter(&house, &typed, user_id(1), HERE).await.unwrap().id, login.grant);
        }
    }
}

#[tokio::test]
async fn after_ten_wrong_codes_the_right_one_is_refused_too() {
    let house = House::new().await;
    let login = house.start().await.unwrap();
    use_up(&house, user_id(1), HERE).await;
    assert_limited(&enter(&house, WRONG, user_id(1), HERE).await, 60);
    assert_limited(&enter(&house, &login.user_code, user_id(1), HERE).await, 60);
}

#[tokio::test]
async fn wrong_codes_are_counted_by_user_and_by_address() {
    let house = House::new().await;
    let login = house.start().await.unwrap();
    use_up(&house, user_id(1), HERE).await;
    assert_limited(&enter(&house, &login.user_code, user_id(1), ELSEWHERE).await, 60);
    assert_limited(&enter(&house, &login.user_code, user_id(2), HERE).await, 60);
    assert_eq!(enter(&house, &login.user_code, user_id(2), ELSEWHERE).await.unwrap().id, login.grant);
    use_up(&house, user_id(2), ELSEWHERE).await;
}

#[tokio::test]
async fn guesses_come_back_one_a_minute() {
    let house = House::new().await;
    let login = house.start().await.unwrap();
    use_up(&house, user_id(1), HERE).await;
    house.pass(Duration::from_secs(59));
    assert_limited(&enter(&house, &login.user_code, user_id(1), HERE).await, 1);
    house.pass(Duration::from_secs(1));
    enter(&house, &login.user_code, user_id(1), HERE).await.unwrap();
    refusal(enter(&house, WRONG, user_id(1), HERE).await);
    assert_limited(&enter(&house, &login.user_code, user_id(1), HERE).await, 60);
    house.pass(Duration::from_secs(600));
    use_up(&house, user_id(1), HERE).await;
}

#[tokio::test]
async fn what_cannot_be_a_code_is_a_wrong_guess_like_any_other() {
    let house = House::new().await;
    let login = house.start().await.unwrap();
    for typed in ["", "-", "AEIO-UAEI", "BBBB-BBB", "BBBB-BBBBB", "12345678", "ЖЖЖЖ-ЖЖЖЖ", "\0", "' or 1=1", &"B".repeat(100_000)] {
        assert_eq!(refusal(enter(&house, typed, user_id(1), HERE).await).code, ErrorCode::InvalidGrant);
    }
    assert_limited(&enter(&house, &login.user_code, user_id(1), HERE).await, 60);
}

/// A login of each kind that cannot be decided.
async fn undecidable(house: &House) -> [Login; 4] {
    let expired = house.start().await.unwrap();
    house.pass(Duration::from_secs(900));
    let (approved, denied) = (house.start().await.unwrap(), house.start().await.unwrap());
    house.approve(approved.grant).await.unwrap();
    house.decide(denied.grant, Decision::Deny).await.unwrap();
    let (redeemed, _) = house.let_in().await;
    [expired, approved, denied, redeemed]
}

#[tokio::test]
async fn unknown_expired_and_decided_codes_look_the_same() {
    let house = House::new().await;
    let unknown = refusal(enter(&house, WRONG, user_id(1), HERE).await);
    for login in undecidable(&house).await {
        assert_eq!(refusal(enter(&house, &login.user_code, user_id(2), ELSEWHERE).await), unknown);
        // And to those who know the grant's name.
        assert_eq!(refusal(house.approve(login.grant).await), unknown);
        assert_eq!(refusal(house.decide(login.grant, Decision::Deny).await), unknown);
    }
}

#[tokio::test]
async fn expired_and_decided_codes_count_as_wrong_guesses() {
    for kind in 0..4 {
        let house = House::new().await;
        let logins = undecidable(&house).await;
        for _ in 0..10 {
            refusal(enter(&house, &logins[kind].user_code, user_id(1), HERE).await);
        }
        assert_limited(&enter(&house, WRONG, user_id(1), HERE).await, 60);
    }
}
