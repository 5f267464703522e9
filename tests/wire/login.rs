//! The whole way: a device asks, a person approves, the token opens, and taking it back shuts.

use serde_json::json;

use crate::support::{
    gateway::{Gateway, forwarding},
    http::{bearing, get, post_json},
    person::Person,
    upstream::Upstream,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_person_lets_a_device_in_and_takes_it_back() {
    let upstream = Upstream::start().await;
    let gateway = Gateway::with(&forwarding(upstream.address)).await;
    let person = Person::signed_in(&gateway).await;
    let chat = || post_json("/v1/chat/completions", &json!({"messages": []}));

    let (status, login) = gateway.post_form("/auth/device/code", &[("client_id", "app")]).await;
    assert_eq!(status, 200, "{login}");
    let poll = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("client_id", "app"),
        ("device_code", login["device_code"].as_str().unwrap()),
    ];
    let (status, pending) = gateway.post_form("/auth/device/token", &poll).await;
    assert_eq!((status, pending["error"].as_str()), (400, Some("authorization_pending")));

    person.approve(login["user_code"].as_str().unwrap()).await;
    let (status, tokens) = gateway.post_form("/auth/device/token", &poll).await;
    assert_eq!(status, 200, "{tokens}");
    let token = tokens["access_token"].as_str().unwrap();

    assert_eq!(gateway.send(chat()).await.status, 401);
    assert_eq!(gateway.send(bearing(chat(), token)).await.status, 200);
    let seen = upstream.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].method, "POST");
    assert_eq!(seen[0].headers["x-gatepost-user"], "ada");
    assert!(!seen[0].headers.contains_key("authorization"));

    assert_eq!(person.revoke_first().await.status, 303);
    let shut = gateway.send(bearing(chat(), token)).await;
    assert_eq!((shut.status.as_u16(), shut.json()["error"]["code"].as_str()), (401, Some("token_revoked")));
    assert_eq!(upstream.seen().len(), 1);
    assert!(!person.get("/applications").await.text().contains("<article"));
    assert_eq!(gateway.send(get("/health")).await.status, 200);
    gateway.end().await;
}
