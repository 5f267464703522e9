//! The page where a code is entered.

use std::time::Duration;

use super::House;
use crate::support::{
    gateway::{CONFIG, PASSWORD},
    http::get,
    pages::check_guarded,
    person::{Person, hidden},
};

const UNKNOWN: &str = "This code does not work.";

#[tokio::test(flavor = "multi_thread")]
async fn a_link_fills_the_code_in_and_approves_nothing() {
    let house = House::start().await;
    let codes = house.ask().await;
    let before = house.writes();
    let link = format!("/device?user_code={}", codes.user_code);

    // Somebody who is not signed in comes back to the filled-in page.
    let stranger = Person::at(&house.gateway);
    let first = stranger.get(&link).await;
    assert_eq!(
        (first.status.as_u16(), first.header("location")),
        (303, format!("/sign-in?to=device&user_code={}", codes.user_code).as_str())
    );
    let page = stranger.get(first.header("location")).await;
    assert_eq!((hidden(&page, "to"), hidden(&page, "user_code")), ("device".to_owned(), codes.user_code.clone()));
    assert_eq!(house.writes(), before);
    let fields =
        [("form", &hidden(&page, "form")[..]), ("to", "device"), ("user_code", &codes.user_code), ("name", "ada"), ("password", PASSWORD)];
    let back = stranger.post("/sign-in", &fields).await;
    assert_eq!((back.status.as_u16(), back.header("location")), (303, link.as_str()));

    let signed_in = house.writes();
    for spelling in [codes.user_code.clone(), codes.user_code.to_lowercase(), codes.user_code.replace('-', "%20")] {
        let page = stranger.get(&format!("/device?user_code={spelling}&decision=approve&approve=1")).await;
        assert_eq!(page.status, 200);
        assert!(page.text().contains(&format!("name=\"user_code\" value=\"{}\"", codes.user_code)), "{}", page.text());
        assert!(!page.text().contains("value=\"approve\""), "{}", page.text());
    }
    assert_eq!(stranger.get("/device/decision?decision=approve").await.header("location"), "/device");
    assert_eq!(house.writes(), signed_in);
    assert_eq!(house.poll(&codes).await.unwrap_err(), "authorization_pending");
    // Confirming it takes two presses: one on the code, one on the consent page.
    let consent = stranger.enter(&codes.user_code).await;
    assert!(consent.text().contains("value=\"approve\""));
    assert_eq!(house.poll(&codes).await.unwrap_err(), "slow_down");
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_in_a_link_that_is_none_is_left_out() {
    let house = House::start().await;
    let ada = Person::signed_in(&house.gateway).await;
    for garbage in ["\"><script>alert(1)</script>", "BCDF-GHJ", "AEIO-UAEI", "BCDF-GHJKL", "//evil.example"] {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("user_code", garbage).finish();
        let page = ada.get(&format!("/device?{query}")).await;
        check_guarded(&page, garbage);
        assert!(page.status == 200 && page.text().contains("name=\"user_code\" value=\"\""), "{garbage}: {}", page.text());
        let sent = house.gateway.send(get(&format!("/device?{query}"))).await;
        assert_eq!(sent.header("location"), "/sign-in?to=device", "{garbage}");
    }
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_may_be_typed_in_any_case_with_dashes_and_spaces_anywhere() {
    let house = House::start().await;
    let ada = Person::signed_in(&house.gateway).await;
    let codes = house.ask().await;
    let plain = codes.user_code.replace('-', "");
    for typed in [codes.user_code.to_lowercase(), plain.clone(), format!(" {}- -{} ", &plain[..3], &plain[3..])] {
        let page = ada.enter(&typed).await;
        assert_eq!(page.status, 200, "{typed}: {}", page.text());
    }
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_expired_and_decided_codes_look_the_same() {
    let house = House::start().await;
    let ada = Person::signed_in(&house.gateway).await;
    let expired = house.ask().await;
    house.gateway.time.advance(Duration::from_secs(900));
    let (denied, approved, redeemed) = (house.ask().await, house.ask().await, house.ask().await);
    assert_eq!(ada.decide(&denied.user_code, "deny").await.status, 200);
    ada.approve(&approved.user_code).await;
    ada.approve(&redeemed.user_code).await;
    assert!(house.poll(&redeemed).await.is_ok());
    let unknown = ada.enter("BCDF-GHJK").await;
    assert_eq!(unknown.status, 400);
    assert!(unknown.text().contains(UNKNOWN), "{}", unknown.text());
    for code in [&expired.user_code, &denied.user_code, &approved.user_code, &redeemed.user_code, "hello"] {
        let page = ada.enter(code).await;
        assert_eq!(page.status, 400, "{code}");
        assert_eq!(page.text().replace(code, "BCDF-GHJK"), unknown.text(), "{code}");
        check_guarded(&page, code);
    }
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_ten_unknown_codes_the_right_one_has_to_wait_too() {
    let house = House::start().await;
    house.gateway.add_user("bob", "inference").await;
    let codes = house.ask().await;
    let ada = Person::signed_in(&house.gateway).await;
    for guess in 0..10 {
        assert_eq!(ada.enter("BCDF-GHJK").await.status, 400, "{guess}");
        assert_eq!(ada.get("/device").await.status, 200, "looking costs nothing");
    }
    // Another user at the same address waits too.
    let bob = Person::at(&house.gateway);
    bob.sign_in("bob", PASSWORD).await;
    for person in [&ada, &bob] {
        let reply = person.enter(&codes.user_code).await;
        assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (429, "60"), "{}", reply.text());
        check_guarded(&reply, "too many codes");
    }
    assert_eq!(house.poll(&codes).await.unwrap_err(), "authorization_pending");
    house.gateway.time.advance(Duration::from_secs(60));
    ada.approve(&codes.user_code).await;
    assert!(house.poll(&codes).await.is_ok());
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_codes_of_a_device_are_for_the_address_of_the_configuration() {
    let house = House::with(&CONFIG.replace("http://127.0.0.1:8080", "https://ai.example.com")).await;
    let mut request = crate::support::http::post_form("/auth/device/code", &[("client_id", "app")]);
    for (name, value) in
        [("host", "evil.example"), ("x-forwarded-host", "evil.example"), ("x-forwarded-proto", "http"), ("forwarded", "host=evil.example")]
    {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let codes = house.gateway.send(request).await.json();
    assert_eq!(codes["verification_uri"], "https://ai.example.com/device");
    let complete = format!("https://ai.example.com/device?user_code={}", codes["user_code"].as_str().unwrap());
    assert_eq!(codes["verification_uri_complete"], complete.as_str());
    house.gateway.end().await;
}
