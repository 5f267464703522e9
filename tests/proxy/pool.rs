//! Connections to the upstream, from one request to the next.

use std::time::Duration;

use super::{
    raw::{RawUpstream, Wire},
    stand::{Stand, config},
};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A caller, and a server that the test serves itself. The route is open: none of this is about
/// tokens.
async fn bench(more: &str) -> (Stand, RawUpstream, Wire) {
    let upstream = RawUpstream::start().await;
    let settings = format!("url = \"http://{}\"\n{more}", upstream.address);
    let stand = Stand::with(&config(&settings, "prefix = \"/v1\"\nauth = \"none\"")).await;
    let caller = Wire::to(stand.gateway.address).await;
    (stand, upstream, caller)
}

async fn ask(caller: &mut Wire, method: &str) {
    caller.send(format!("{method} /v1/x HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n")).await;
}

async fn is_ok(caller: &mut Wire) {
    let head = caller.head().await;
    assert_eq!((head.status(), caller.body(&head).await), (200, b"ok".to_vec()));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_whole_answer_the_connection_is_used_again() {
    let (_stand, upstream, mut caller) = bench("").await;
    ask(&mut caller, "GET").await;
    let (mut wire, _head) = upstream.asked().await;
    for (method, answer) in [
        ("GET", OK),
        ("POST", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        ("HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n"),
        ("DELETE", "HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n"),
        ("GET", "HTTP/1.1 304 Not Modified\r\n\r\n"),
    ] {
        // Asked once before the loop, and then each time for the next round.
        wire.send(answer).await;
        let head = caller.head().await;
        if method != "HEAD" {
            caller.body(&head).await;
        }
        let next = if method == "POST" { "HEAD" } else { "GET" };
        ask(&mut caller, next).await;
        wire.head().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_share_connections_and_those_at_work_are_left_alone() {
    let (stand, upstream, mut one) = bench("").await;
    let mut two = Wire::to(stand.gateway.address).await;
    ask(&mut one, "GET").await;
    let (mut first, _head) = upstream.asked().await;
    ask(&mut two, "GET").await;
    let (mut second, _head) = upstream.asked().await;
    first.send(OK).await;
    is_ok(&mut one).await;
    let mut three = Wire::to(stand.gateway.address).await;
    ask(&mut three, "GET").await;
    first.head().await;
    second.send(OK).await;
    is_ok(&mut two).await;
    first.send(OK).await;
    is_ok(&mut three).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_half_an_answer_the_connection_is_not_used_again() {
    let (stand, upstream, mut caller) = bench("").await;
    ask(&mut caller, "GET").await;
    let (mut wire, _head) = upstream.asked().await;
    wire.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await;
    caller.head().await;
    assert_eq!(caller.bytes(4).await, b"half");
    drop(caller);
    wire.closed().await;
    let mut caller = Wire::to(stand.gateway.address).await;
    ask(&mut caller, "GET").await;
    let (mut wire, _head) = upstream.asked().await;
    wire.send(OK).await;
    is_ok(&mut caller).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_answer_that_did_not_wait_for_the_request_the_connection_is_not_used_again() {
    let (_stand, upstream, mut caller) = bench("").await;
    let second = "GET /v1/smuggled HTTP/1.1\r\nhost: a\r\n\r\n";
    caller.send(format!("POST /v1/x HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n", second.len())).await;
    let (mut wire, _head) = upstream.asked().await;
    // A server that has forgotten the body would take it for the next request.
    wire.send(OK).await;
    is_ok(&mut caller).await;
    wire.closed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_wants_the_connection_closed_gets_a_new_one() {
    let (_stand, upstream, mut caller) = bench("").await;
    for answer in ["HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok", "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok"]
    {
        ask(&mut caller, "GET").await;
        let (mut wire, _head) = upstream.asked().await;
        wire.send(answer).await;
        is_ok(&mut caller).await;
        wire.closed().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_upstream_says_unasked_is_nobodys_answer() {
    let (_stand, upstream, mut caller) = bench("").await;
    for late in [false, true] {
        ask(&mut caller, "GET").await;
        let (mut wire, _head) = upstream.asked().await;
        let unasked = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil";
        if late {
            wire.send(OK).await;
            is_ok(&mut caller).await;
            wire.send(unasked).await;
        } else {
            wire.send(format!("{OK}{unasked}")).await;
            is_ok(&mut caller).await;
        }
        wire.closed().await;
        ask(&mut caller, "GET").await;
        let (mut wire, _head) = upstream.asked().await;
        wire.send(OK).await;
        is_ok(&mut caller).await;
        wire.end().await;
        wire.closed().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_the_upstream_closed_is_replaced_and_the_caller_does_not_notice() {
    let (_stand, upstream, mut caller) = bench("").await;
    for method in ["GET", "POST", "GET"] {
        ask(&mut caller, method).await;
        let (mut wire, _head) = upstream.asked().await;
        wire.send(OK).await;
        is_ok(&mut caller).await;
        // The gateway hangs up in turn: it has noticed.
        wire.end().await;
        wire.closed().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_closed_under_a_request_is_a_bad_gateway_at_worst_and_nothing_is_sent_twice() {
    let (_stand, upstream, mut caller) = bench("").await;
    for n in 0..100 {
        ask(&mut caller, "POST").await;
        let asked = tokio::select! {
            asked = upstream.asked() => Some(asked.0),
            head = caller.head() => {
                // It was on its way when the news came; nobody can tell whether it was read.
                assert_eq!(head.status(), 502);
                caller.body(&head).await;
                None
            }
        };
        let Some(mut wire) = asked else { continue };
        wire.send(OK).await;
        is_ok(&mut caller).await;
        // Closed before the next request is sent, and at times not noticed before it is there.
        if n % 3 == 0 { wire.reset() } else { drop(wire) }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_is_closed_when_its_time_is_over_and_not_before() {
    let (stand, upstream, mut caller) = bench("idle_timeout = \"10s\"").await;
    ask(&mut caller, "GET").await;
    let (mut wire, _head) = upstream.asked().await;
    wire.send(OK).await;
    is_ok(&mut caller).await;
    stand.gateway.time.advance(Duration::from_millis(9_900));
    ask(&mut caller, "GET").await;
    wire.head().await;
    wire.send(OK).await;
    is_ok(&mut caller).await;
    // The time counts from the last use. Nobody has to ask for anything.
    stand.gateway.time.advance(Duration::from_secs(10));
    wire.closed().await;
    ask(&mut caller, "GET").await;
    upstream.asked().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_at_work_is_not_idle() {
    let (stand, upstream, mut caller) = bench("idle_timeout = \"1s\"").await;
    ask(&mut caller, "GET").await;
    let (mut wire, _head) = upstream.asked().await;
    stand.gateway.time.advance(Duration::from_secs(60));
    wire.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no").await;
    caller.head().await;
    stand.gateway.time.advance(Duration::from_secs(60));
    wire.send("k").await;
    assert_eq!(caller.bytes(2).await, b"ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn at_most_sixty_four_idle_connections_are_kept() {
    let (stand, upstream, _caller) = bench("").await;
    let mut pairs = Vec::new();
    for _ in 0..66 {
        let mut caller = Wire::to(stand.gateway.address).await;
        ask(&mut caller, "GET").await;
        pairs.push((caller, upstream.asked().await.0));
    }
    for (caller, wire) in &mut pairs {
        wire.send(OK).await;
        is_ok(caller).await;
    }
    stand.gateway.time.advance(Duration::from_secs(1));
    // Those that have been idle for longest go.
    for (_, wire) in &mut pairs[..2] {
        wire.closed().await;
    }
    assert!(pairs[2..].iter_mut().all(|(_, wire)| wire.is_quiet()));
}
