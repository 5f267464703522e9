//! Who calls, as the gateway sees it behind proxies.

use std::net::IpAddr;

use super::{
    raw::{RawUpstream, Wire},
    stand::Stand,
};
use crate::support::{gateway::CONFIG, http::post_json, person::Person};

/// Behind a proxy at 127.0.0.2, before this upstream.
async fn behind_a_proxy(upstream: &RawUpstream) -> Stand {
    let listed = CONFIG.replace("threads = 1", "threads = 1\ntrusted_proxies = [\"127.0.0.2\"]");
    let routes = format!("[upstreams.model]\nurl = \"http://{}\"\n[[routes]]\nprefix = \"/v1\"\nauth = \"none\"\n", upstream.address);
    Stand::with(&format!("{listed}\n{routes}")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_upstream_is_told_whom_a_listed_proxy_calls_for_and_nothing_that_others_say() {
    let upstream = RawUpstream::start().await;
    let stand = behind_a_proxy(&upstream).await;
    let spoofed = "x-forwarded-for: 198.51.100.9, 192.0.2.1\r\nforwarded: for=192.0.2.1\r\n";
    for (socket, fields, expected) in [
        ([127, 0, 0, 2], spoofed, "192.0.2.1"),
        ([127, 0, 0, 2], "x-forwarded-for: 2001:db8::1\r\n", "2001:db8::1"),
        ([127, 0, 0, 2], "x-forwarded-for: unknown\r\n", "127.0.0.2"),
        ([127, 0, 0, 2], "", "127.0.0.2"),
        ([127, 0, 0, 1], spoofed, "127.0.0.1"),
    ] {
        let mut caller = Wire::between(IpAddr::from(socket), stand.gateway.address).await;
        caller.send(format!("GET /v1/x HTTP/1.1\r\nhost: a\r\n{fields}x-forwarded-proto: gopher\r\n\r\n")).await;
        let (_wire, head) = upstream.asked().await;
        assert_eq!((head.field("x-forwarded-for"), head.field("x-forwarded-proto")), (expected, "http"), "{fields}");
        assert!(head.all("forwarded").is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_behind_one_proxy_are_counted_apart_and_people_are_told_their_address() {
    let upstream = RawUpstream::start().await;
    let stand = behind_a_proxy(&upstream).await;
    let ask = async |socket: [u8; 4], said: &str| {
        let body = r#"{"device":{"hostname":"laptop"}}"#;
        let mut caller = Wire::between(IpAddr::from(socket), stand.gateway.address).await;
        let (length, fields) = (body.len(), format!("content-type: application/json\r\nx-forwarded-for: {said}"));
        caller.send(format!("POST /api/v1/auth/device HTTP/1.1\r\nhost: a\r\n{fields}\r\ncontent-length: {length}\r\n\r\n{body}")).await;
        let head = caller.head().await;
        (head.status(), String::from_utf8(caller.body(&head).await).unwrap())
    };
    for number in 0..5 {
        assert_eq!(ask([127, 0, 0, 2], "192.0.2.1").await.0, 200, "{number}");
    }
    assert_eq!(ask([127, 0, 0, 2], "203.0.113.77, 192.0.2.1").await.0, 429, "what he says of himself makes no other of him");
    let (status, codes) = ask([127, 0, 0, 2], "192.0.2.2").await;
    assert_eq!(status, 200);
    let codes: serde_json::Value = serde_json::from_str(&codes).unwrap();
    let page = Person::signed_in(&stand.gateway).await.enter(codes["user_code"].as_str().unwrap()).await;
    assert!(page.text().contains("192.0.2.2"), "{}", page.text());
    // Nobody else is asked.
    for (number, status) in [200, 200, 200, 200, 200, 429].into_iter().enumerate() {
        assert_eq!(ask([127, 0, 0, 3], &format!("192.0.2.{}", 10 + number)).await.0, status);
    }
    let request = post_json("/api/v1/auth/device", &serde_json::json!({"device": {}}));
    assert_eq!(stand.gateway.send(request).await.status, 200);
}
