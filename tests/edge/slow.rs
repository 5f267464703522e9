//! Callers who take their time.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::Edge;
use crate::proxy::raw::Wire;

const OPEN: &str = "GET /open/x HTTP/1.1\r\nhost: a\r\n\r\n";
const UPLOAD: &str = "POST /open/x HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n";

async fn caller(edge: &Edge) -> Wire {
    Wire::to(edge.stand.gateway.address).await
}

/// Sends a byte every now and then until the connection has ended.
async fn trickle(mut wire: Wire) -> Vec<u8> {
    while wire.is_quiet() {
        wire.try_send("x").await;
        sleep(Duration::from_millis(10)).await;
    }
    wire.rest().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_says_nothing_is_ended() {
    let edge = Edge::with("head_timeout = '100ms'").await;
    caller(&edge).await.closed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_does_not_come_to_an_end_is_not_waited_for() {
    let edge = Edge::with("head_timeout = '100ms'").await;
    let mut wire = caller(&edge).await;
    wire.send("PRI * HTTP").await;
    wire.closed().await;
    for begun in ["P", "GET /v1/x HTTP/1.1\r\nhost: a\r\nx-long: "] {
        let mut wire = caller(&edge).await;
        wire.send(begun).await;
        assert!(trickle(wire).await.is_empty(), "{begun}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_head_of_a_later_request_has_the_same_time() {
    let edge = Edge::with("head_timeout = '100ms'\nidle_timeout = '1h'").await;
    let mut wire = caller(&edge).await;
    wire.send("GET /health HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let head = wire.head().await;
    wire.body(&head).await;
    wire.send("GET /health HTTP/1.1\r\nx-long: ").await;
    assert!(trickle(wire).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn between_two_requests_a_connection_may_wait_longer_than_for_a_head() {
    let edge = Edge::with("head_timeout = '50ms'\nidle_timeout = '400ms'").await;
    let mut wire = caller(&edge).await;
    wire.send("GET /health HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let head = wire.head().await;
    wire.body(&head).await;
    let answered = Instant::now();
    wire.closed().await;
    // A look that was due when the request was there is not counted.
    assert!(answered.elapsed() > Duration::from_millis(300), "{:?}", answered.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_may_take_longer_than_any_pause_of_the_caller() {
    let edge = Edge::with("head_timeout = '50ms'\nidle_timeout = '50ms'\nbody_timeout = '50ms'\nsend_timeout = '50ms'").await;
    let mut wire = caller(&edge).await;
    wire.send(OPEN).await;
    let (mut upstream, _head) = edge.upstream.asked().await;
    sleep(Duration::from_millis(300)).await;
    upstream.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
    assert_eq!(wire.head().await.status(), 200);
    sleep(Duration::from_millis(300)).await;
    upstream.send_chunk("late").await;
    assert_eq!(wire.chunk().await.as_deref(), Some("late"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stops_is_answered_408_and_the_connection_ended() {
    let edge = Edge::with("body_timeout = '100ms'").await;
    let mut wire = caller(&edge).await;
    wire.send(format!("{UPLOAD}half of it")).await;
    let (mut upstream, _head) = edge.upstream.asked().await;
    let head = wire.head().await;
    assert_eq!((head.status(), head.field("connection")), (408, "close"));
    let body: serde_json::Value = serde_json::from_slice(&wire.body(&head).await).unwrap();
    assert_eq!(body["error"]["code"], "request_timeout");
    wire.closed().await;
    // And the server does not take the half for the whole.
    assert_eq!(upstream.rest().await, b"half of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stops_takes_an_answer_that_has_begun_with_it() {
    let edge = Edge::with("body_timeout = '100ms'").await;
    let mut wire = caller(&edge).await;
    wire.send(format!("{UPLOAD}half of it")).await;
    let (mut upstream, _head) = edge.upstream.asked().await;
    upstream.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
    assert_eq!(wire.head().await.status(), 200);
    assert_eq!(wire.chunk().await, None);
    assert_eq!(upstream.rest().await, b"half of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_for_the_gateway_itself_has_no_more_time() {
    let edge = Edge::with("body_timeout = '100ms'").await;
    let mut wire = caller(&edge).await;
    wire.send("POST /auth/device/code HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{").await;
    assert_eq!(wire.head().await.status(), 408);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_a_byte_now_and_then_is_no_faster_than_one_that_stops() {
    let edge = Edge::with("body_timeout = '200ms'\nbody_rate = 1000").await;
    let mut wire = caller(&edge).await;
    wire.send(UPLOAD).await;
    let answer = trickle(wire).await;
    assert!(answer.starts_with(b"HTTP/1.1 408 "), "{:?}", String::from_utf8_lossy(&answer));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_any_byte_will_do_a_body_may_trickle() {
    let edge = Edge::with("body_timeout = '200ms'\nbody_rate = 0").await;
    let mut wire = caller(&edge).await;
    wire.send("POST /open/x HTTP/1.1\r\nhost: a\r\ncontent-length: 50\r\n\r\n").await;
    for _ in 0..50 {
        wire.send("x").await;
        sleep(Duration::from_millis(10)).await;
    }
    let (mut upstream, head) = edge.upstream.asked().await;
    assert_eq!(upstream.body(&head).await.len(), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_is_not_blamed_for_a_server_that_takes_no_body() {
    let edge = Edge::with("body_timeout = '50ms'\nsend_timeout = '50ms'").await;
    let mut wire = caller(&edge).await;
    wire.send("POST /open/x HTTP/1.1\r\nhost: a\r\ncontent-length: 100000000\r\n\r\n").await;
    let (mut upstream, _head) = edge.upstream.asked().await;
    // Until nothing more goes: the server does not read. Then for a while nothing happens.
    wire.flood().await;
    sleep(Duration::from_millis(300)).await;
    upstream.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    assert_eq!(wire.head().await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_nothing_of_an_answer_is_cut_and_the_server_told() {
    let edge = Edge::with("send_timeout = '100ms'").await;
    let mut wire = caller(&edge).await;
    wire.send(OPEN).await;
    let (mut upstream, _head) = edge.upstream.asked().await;
    upstream.send("HTTP/1.1 200 OK\r\n\r\n").await;
    // Nobody would ever end this: it goes on until the other side breaks off.
    upstream.send_until_closed().await;
    drop(wire);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_an_answer_slowly_is_not_cut() {
    let edge = Edge::with("send_timeout = '300ms'").await;
    let mut wire = caller(&edge).await;
    wire.send(OPEN).await;
    let (mut upstream, _head) = edge.upstream.asked().await;
    const LENGTH: usize = 16 << 20;
    upstream.send(format!("HTTP/1.1 200 OK\r\ncontent-length: {LENGTH}\r\n\r\n")).await;
    let sending = tokio::spawn(async move { upstream.send(vec![b'x'; LENGTH]).await });
    let head = wire.head().await;
    assert_eq!(head.status(), 200);
    for _ in 0..16 {
        assert_eq!(wire.bytes(LENGTH / 16).await.len(), LENGTH / 16);
        sleep(Duration::from_millis(50)).await;
    }
    sending.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_connection_ends_after_its_request_and_a_stream_is_not_cut() {
    let edge = Edge::with("max_age = '100ms'").await;
    let mut wire = caller(&edge).await;
    wire.send(OPEN).await;
    let (mut upstream, _head) = edge.upstream.asked().await;
    upstream.send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n").await;
    assert_eq!(wire.head().await.status(), 200);
    sleep(Duration::from_millis(400)).await;
    upstream.send_chunk("data: old\n\n").await;
    assert_eq!(wire.chunk().await.as_deref(), Some("data: old\n\n"));
    upstream.send("0\r\n\r\n").await;
    assert_eq!(wire.chunk().await.as_deref(), Some(""));
    wire.closed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_connection_without_a_request_ends_at_once() {
    let edge = Edge::with("max_age = '200ms'").await;
    let mut wire = caller(&edge).await;
    wire.send("GET /health HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let head = wire.head().await;
    wire.body(&head).await;
    wire.closed().await;
}

/// Whether a connection from this address is served.
async fn is_served(wire: &mut Wire) -> bool {
    wire.try_send("GET /health HTTP/1.1\r\nhost: a\r\n\r\n").await;
    match wire.try_head().await {
        Some(head) => {
            wire.body(&head).await;
            true
        }
        None => false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_may_have_so_many_connections_and_others_theirs() {
    let edge = Edge::with("max_per_peer = 2").await;
    let address = edge.stand.gateway.address;
    let (mut first, mut second) = (Wire::to(address).await, Wire::to(address).await);
    assert!(is_served(&mut first).await && is_served(&mut second).await);
    Wire::to(address).await.closed().await;
    assert!(is_served(&mut Wire::between([127, 0, 0, 2].into(), address).await).await);
    // Those who are there stay, and room comes free.
    assert!(is_served(&mut second).await);
    drop(first);
    while !is_served(&mut Wire::to(address).await).await {}
}

#[tokio::test(flavor = "multi_thread")]
async fn all_together_may_have_so_many_connections() {
    let edge = Edge::with("max = 2").await;
    let address = edge.stand.gateway.address;
    let (mut first, mut second) = (Wire::to(address).await, Wire::between([127, 0, 0, 2].into(), address).await);
    assert!(is_served(&mut first).await && is_served(&mut second).await);
    Wire::between([127, 0, 0, 3].into(), address).await.closed().await;
    drop(second);
    while !is_served(&mut Wire::to(address).await).await {}
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_uploads_are_read_so_far_and_no_further() {
    let edge = Edge::with("").await;
    let mut wire = caller(&edge).await;
    // Nobody reads it but for the sake of the answer, which the caller gets.
    let length = 100 << 20;
    wire.send(format!("POST /v1/x HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n")).await;
    assert_eq!(wire.head().await.status(), 401);
    let mut sent = 0;
    let piece = vec![b'x'; 1 << 20];
    while wire.try_send(&piece).await {
        sent += piece.len();
        assert!(sent < length);
    }
}
