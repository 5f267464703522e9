//! How a request that says two things is refused.

use serde_json::Value;

use super::bench::Bench;
use crate::proxy::raw::Wire;

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_has_the_shape_of_the_route_that_would_have_taken_the_request() {
    let bench = Bench::new("").await;
    for (target, fields, content_type, code) in [
        ("/v1/x", "Host: a\r\nX_A: 1\r\n", "application/json", "/error/code"),
        ("/v1/x", "", "application/json", "/error/code"),
        ("/open/x", "Host: a\r\nX_A: 1\r\n", "application/problem+json", "/code"),
        ("/open/x", "Host: a\r\nHost: a\r\n", "application/problem+json", "/code"),
        ("/open/x?\u{e9}", "Host: a\r\n", "application/problem+json", "/code"),
        ("/open/../x", "Host: a\r\n", "application/problem+json", "/code"),
        ("/nowhere", "Host: a\r\nX_A: 1\r\n", "application/json", "/error/code"),
        ("*", "Host: a\r\n", "application/json", "/error/code"),
    ] {
        let mut caller = Wire::to(bench.stand.gateway.address).await;
        caller.send(format!("GET {target} HTTP/1.1\r\n{fields}\r\n")).await;
        let head = caller.head().await;
        let body: Value = serde_json::from_slice(&caller.body(&head).await).unwrap();
        assert_eq!((head.status(), head.field("content-type")), (400, content_type), "{target} {fields:?}: {body}");
        assert_eq!(body.pointer(code), Some(&Value::from("invalid_request")), "{target} {fields:?}: {body}");
        assert_eq!(head.field("cache-control"), "no-store");
        assert!(head.field("x-request-id").starts_with("req_"), "{head:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_refusals_have_their_own_words() {
    let bench = Bench::new("").await;
    for (target, fields, status, code) in [
        (format!("/v1/{}", "x".repeat(9000)), "", 414, "uri_too_long"),
        ("/v1/x".to_owned(), "Expect: 200-ok\r\n", 417, "expectation_failed"),
    ] {
        let mut caller = Wire::to(bench.stand.gateway.address).await;
        caller.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n")).await;
        let head = caller.head().await;
        let body: Value = serde_json::from_slice(&caller.body(&head).await).unwrap();
        assert_eq!((head.status(), body["error"]["code"].as_str()), (status, Some(code)));
    }
}
