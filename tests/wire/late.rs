//! Who takes his time over a body is let do what he may when it is there, not what he might have done
//! when he began.

use super::fruxon::{CONFIG, House, TOKENS, text};
use crate::{
    proxy::raw::Wire,
    support::person::{Person, hidden},
};

/// A request whose head has been let in, and whose body is still to be sent.
async fn begun(house: &House, path: &str, credential: &str, (kind, body): (&str, &str)) -> Wire {
    let mut wire = Wire::to(house.gateway.address).await;
    let length = body.len();
    let fields = format!("{credential}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nexpect: 100-continue");
    wire.send(format!("POST {path} HTTP/1.1\r\nhost: a\r\n{fields}\r\n\r\n")).await;
    // The body is asked for once the head has been looked at.
    assert_eq!(wire.head().await.status(), 100);
    wire
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_replaced_while_its_rotation_is_sent_rotates_nothing() {
    const BODY: &str = r#"{"name": "mine now"}"#;
    let house = House::start(CONFIG).await;
    let stolen = house.key("d").await;
    let (_, id) = house.current(&stolen).await;
    let credential = format!("authorization: Bearer {stolen}");
    let mut thief = begun(&house, &format!("{TOKENS}/{id}:rotate"), &credential, ("application/json", BODY)).await;
    let own = text(&house.rotate(&stolen, &id).await.json(), "token");
    thief.send(BODY).await;
    assert_eq!(thief.head().await.status(), 401);
    assert_eq!(house.current(&own).await, (200, id));
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_is_signed_out_while_its_form_is_sent_makes_no_token() {
    let house = House::start(CONFIG).await;
    let ada = Person::signed_in(&house.gateway).await;
    let page = ada.get("/account").await.text();
    let (_, after) = page.split_once("action=\"/account/tokens\"").unwrap();
    let token = after.split_once("name=\"form\" value=\"").unwrap().1.split('"').next().unwrap();
    let body = format!("form={token}&name=A+script&scope.inference=on&days=7");
    let cookies = ["gatepost_visit", "gatepost_session"].map(|name| format!("{name}={}", ada.cookie(name))).join("; ");
    let form = ("application/x-www-form-urlencoded", body.as_str());
    let mut late = begun(&house, "/account/tokens", &format!("cookie: {cookies}"), form).await;
    assert_eq!(ada.post("/sign-out", &[("form", &hidden(&ada.get("/account").await, "form"))]).await.status, 303);
    late.send(&body).await;
    assert_eq!(late.head().await.status(), 303);
    house.gateway.end().await;
}
