//! Answers that come bit by bit, and those that break off.

use super::{
    raw::{Head, RawUpstream, Wire},
    stand::{Stand, config},
};

pub(super) const SSE: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// A gateway before a server that the test serves itself.
pub(super) struct Bench {
    pub(super) stand: Stand,
    pub(super) upstream: RawUpstream,
}

impl Bench {
    /// With these settings of the upstream besides.
    pub(super) async fn new(more: &str) -> Self {
        Self::with(more, "").await
    }

    /// With these conditions of the route besides.
    pub(super) async fn on_route(more: &str) -> Self {
        Self::with("", more).await
    }

    async fn with(upstreams: &str, routes: &str) -> Self {
        let upstream = RawUpstream::start().await;
        let settings = format!("url = \"http://{}\"\n{upstreams}", upstream.address);
        let stand = Stand::with(&config(&settings, &format!("prefix = \"/v1\"\nscopes = [\"inference\"]\n{routes}"))).await;
        Self { stand, upstream }
    }

    /// A caller who has asked, and the connection on which the server was asked.
    pub(super) async fn asked(&self, token: &str) -> (Wire, Wire) {
        let mut caller = Wire::to(self.stand.gateway.address).await;
        caller.send(asking(token)).await;
        (caller, self.upstream.asked().await.0)
    }

    /// A caller on whose stream the first event has arrived.
    pub(super) async fn streaming(&self, token: &str) -> (Wire, Wire) {
        let (mut caller, mut wire) = self.asked(token).await;
        wire.send(SSE).await;
        assert_eq!(caller.head().await.status(), 200);
        wire.send_chunk("data: 1\n\n").await;
        assert_eq!(caller.chunk().await.as_deref(), Some("data: 1\n\n"));
        (caller, wire)
    }
}

pub(super) fn asking(token: &str) -> String {
    format!("GET /v1/x HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_arrives_before_the_next_is_sent() {
    let bench = Bench::new("").await;
    let token = bench.stand.token().await.access;
    let (mut caller, mut wire) = bench.asked(&token).await;
    wire.send(SSE).await;
    // The head does not wait for the first event.
    let head = caller.head().await;
    assert_eq!((head.field("content-type"), head.field("transfer-encoding")), ("text/event-stream", "chunked"));
    for n in 0..50 {
        let event = format!("data: {{\"n\": {n}}}\n\n");
        wire.send_chunk(&event).await;
        assert_eq!(caller.chunk().await, Some(event));
    }
    wire.send("0\r\n\r\n").await;
    assert_eq!(caller.chunk().await.as_deref(), Some(""));
    // It was a clean end: the same connections take the next request.
    caller.send(asking(&token)).await;
    wire.head().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_known_length_comes_bit_by_bit_too() {
    let bench = Bench::new("").await;
    let (mut caller, mut wire) = bench.asked(&bench.stand.token().await.access).await;
    wire.send("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n").await;
    assert_eq!(caller.head().await.field("content-length"), "6");
    for piece in ["ab", "cd", "ef"] {
        wire.send(piece).await;
        assert_eq!(caller.bytes(2).await, piece.as_bytes());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_ends_with_its_connection_comes_bit_by_bit_and_has_an_end() {
    let bench = Bench::new("").await;
    let (mut caller, mut wire) = bench.asked(&bench.stand.token().await.access).await;
    wire.send("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await;
    assert_eq!(caller.head().await.field("transfer-encoding"), "chunked");
    for piece in ["ab", "cd"] {
        wire.send(piece).await;
        assert_eq!(caller.chunk().await.as_deref(), Some(piece));
    }
    drop(wire);
    assert_eq!(caller.chunk().await.as_deref(), Some(""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_may_take_longer_than_a_first_byte() {
    let bench = Bench::new("response_timeout = \"100ms\"").await;
    let token = bench.stand.token().await.access;
    let (mut caller, mut wire) = bench.asked(&token).await;
    // On a slow machine the time may have been up before this was sent.
    wire.send(SSE).await;
    if caller.head().await.status() == 504 {
        return;
    }
    // A request that began later runs into the time-out; so for the stream, too, that time is over.
    let (mut late, _silent) = bench.asked(&token).await;
    assert_eq!(late.head().await.status(), 504);
    wire.send_chunk("data: still here\n\n").await;
    assert_eq!(caller.chunk().await.as_deref(), Some("data: still here\n\n"));
    // Nor is there any other clock: a year later it goes on.
    bench.stand.gateway.time.advance(std::time::Duration::from_secs(366 * 24 * 3600));
    wire.send_chunk("data: and here\n\n").await;
    assert_eq!(caller.chunk().await.as_deref(), Some("data: and here\n\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_goes_on_while_the_store_is_away() {
    let bench = Bench::new("").await;
    let (mut caller, mut wire) = bench.streaming(&bench.stand.token().await.access).await;
    bench.stand.take_store_away();
    wire.send_chunk("data: 2\n\n").await;
    assert_eq!(caller.chunk().await.as_deref(), Some("data: 2\n\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_breaks_off_has_no_end_for_the_caller_either() {
    let bench = Bench::new("").await;
    let token = bench.stand.token().await.access;

    let (mut caller, wire) = bench.streaming(&token).await;
    drop(wire);
    assert_eq!(caller.chunk().await, None);

    let (mut caller, wire) = bench.streaming(&token).await;
    wire.reset();
    assert_eq!(caller.chunk().await, None);

    let (mut caller, mut wire) = bench.streaming(&token).await;
    wire.send("ff\r\nonly half of it").await;
    drop(wire);
    let rest = String::from_utf8(caller.rest().await).unwrap();
    assert!(rest.contains("only half of it") && !rest.ends_with("0\r\n\r\n"), "{rest:?}");

    let (mut caller, mut wire) = bench.streaming(&token).await;
    wire.send("no size\r\n").await;
    assert_eq!(caller.chunk().await, None);
    wire.closed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off_is_not_made_whole() {
    let bench = Bench::new("").await;
    let token = bench.stand.token().await.access;
    let (mut caller, mut wire) = bench.asked(&token).await;
    wire.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await;
    drop(wire);
    assert_eq!(caller.head().await.field("content-length"), "10");
    assert_eq!(caller.rest().await, b"half");

    // One that ends with its connection, and whose connection does not end in order.
    let (mut caller, mut wire) = bench.asked(&token).await;
    wire.send("HTTP/1.1 200 OK\r\n\r\nhalf").await;
    assert_eq!(caller.head().await.status(), 200);
    assert_eq!(caller.chunk().await.as_deref(), Some("half"));
    wire.reset();
    assert_eq!(caller.chunk().await, None);
}

/// A caller who has sent half of a body, and the connection on which it arrived.
async fn half_sent(bench: &Bench) -> (Wire, Wire) {
    let mut caller = Wire::to(bench.stand.gateway.address).await;
    let token = bench.stand.token().await.access;
    let head = format!("POST /v1/x HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n");
    caller.send(format!("{head}content-length: 8\r\n\r\nhalf")).await;
    let (mut wire, _head): (Wire, Head) = bench.upstream.asked().await;
    assert_eq!(wire.bytes(4).await, b"half");
    (caller, wire)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_does_not_wait_for_the_end_of_the_request() {
    let bench = Bench::new("").await;
    let (mut caller, mut wire) = half_sent(&bench).await;
    wire.send(SSE).await;
    assert_eq!(caller.head().await.status(), 200);
    wire.send_chunk("data: so far\n\n").await;
    assert_eq!(caller.chunk().await.as_deref(), Some("data: so far\n\n"));
    caller.send("done").await;
    assert_eq!(wire.bytes(4).await, b"done");
    wire.send("0\r\n\r\n").await;
    assert_eq!(caller.chunk().await.as_deref(), Some(""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_a_body_reaches_a_caller_who_is_still_sending() {
    let bench = Bench::new("").await;
    let (mut caller, mut wire) = half_sent(&bench).await;
    wire.send("HTTP/1.1 413 Content Too Large\r\nconnection: close\r\ncontent-length: 3\r\n\r\nbig").await;
    drop(wire);
    let head = caller.head().await;
    assert_eq!((head.status(), caller.body(&head).await), (413, b"big".to_vec()));
}
