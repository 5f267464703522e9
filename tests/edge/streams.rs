//! Each stream of an HTTP/2 connection by itself: who may, and how long it takes.

use std::time::Duration;

use tokio::time::sleep;

use super::{
    Edge,
    frames::{self, CANCEL, Caller, DATA, END_STREAM, GOAWAY, HEADERS, NO_ERROR, RST_STREAM, WINDOW_UPDATE, get, request, with_method},
};

const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

fn asking(stream: u32, token: &str) -> Vec<u8> {
    request(stream, END_STREAM, &[get("/v1/x"), vec![("authorization", &format!("Bearer {token}"))]].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_stream_shows_its_own_token() {
    let edge = Edge::with("").await;
    let (first, second) = (edge.stand.token().await, edge.stand.token().await);
    let mut caller = Caller::to(edge.stand.gateway.address).await;
    // Good, none, good of another, bad: before any of them is answered.
    let all = [
        asking(1, &first.access),
        request(3, END_STREAM, &get("/v1/x")),
        asking(5, &second.access),
        asking(7, "bs_at_junk"),
        request(9, END_STREAM, &get("/open/x")),
    ];
    caller.send(&all.concat()).await;
    let mut upstreams = Vec::new();
    for _ in 0..3 {
        let (mut upstream, head) = edge.upstream.asked().await;
        upstream.send(CHUNKED).await;
        upstreams.push((head.field("x-gatepost-grant").to_owned(), upstream));
    }
    let mut answers = Vec::new();
    while answers.len() < 5 {
        let frame = caller.next().await.unwrap();
        if frame.kind == HEADERS {
            answers.push((frame.stream, frame.status()));
        }
    }
    answers.sort_unstable();
    assert_eq!(answers, [(1, 200), (3, 401), (5, 200), (7, 401), (9, 200)]);
    let mut known: Vec<&str> = upstreams.iter().map(|(grant, _)| grant.as_str()).collect();
    known.sort_unstable();
    let mut expected = [String::new(), first.grant.to_string(), second.grant.to_string()];
    expected.sort_unstable();
    assert_eq!(known, expected);

    // What is taken back ends its own stream, on both sides, and no other.
    edge.stand.revoke(&first).await;
    assert_ne!(caller.frame(RST_STREAM, 1).await.code(), NO_ERROR);
    for (grant, upstream) in &mut upstreams {
        if *grant == first.grant.to_string() {
            upstream.closed().await;
        } else {
            upstream.send_chunk("still here").await;
            let stream = if grant.is_empty() { 9 } else { 5 };
            assert_eq!(caller.frame(DATA, stream).await.payload, b"still here");
        }
    }
    caller.send(&asking(11, &first.access)).await;
    assert_eq!(caller.answer(11).await, Some(Ok(401)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_stream_that_is_taken_back_ends_with_an_event_and_not_with_a_reset() {
    // One stream has a window, the other has none yet.
    for window in [65_535, 0] {
        let edge = Edge::with("").await;
        let token = edge.stand.token().await;
        let mut caller = Caller::with(edge.stand.gateway.address, &[(4, window)]).await;
        caller.send(&asking(1, &token.access)).await;
        let (mut upstream, _head) = edge.upstream.asked().await;
        upstream.send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n").await;
        assert_eq!(caller.answer(1).await, Some(Ok(200)));
        edge.stand.revoke(&token).await;
        // The call does not wait for the window.
        upstream.closed().await;
        caller.send(&frames::frame(WINDOW_UPDATE, 0, 1, &1000_u32.to_be_bytes())).await;
        let last = caller.frame(DATA, 1).await;
        assert_eq!(last.flags, END_STREAM);
        assert!(last.payload.starts_with(b"data: {") && last.payload.ends_with(b"}\n\n"), "{last:?}");
        // The connection goes on.
        caller.send(&asking(3, &token.access)).await;
        assert_eq!(caller.answer(3).await, Some(Ok(401)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stops_ends_its_own_stream() {
    let edge = Edge::with("body_timeout = '200ms'").await;
    let mut caller = Caller::to(edge.stand.gateway.address).await;
    caller.send(&request(1, END_STREAM, &get("/open/other"))).await;
    let (mut other, _head) = edge.upstream.asked().await;
    other.send(CHUNKED).await;
    assert_eq!(caller.answer(1).await, Some(Ok(200)));
    caller.send(&request(3, 0, &with_method("POST", "/open/x"))).await;
    caller.send(&frames::frame(DATA, 0, 3, b"half")).await;
    assert_eq!(caller.answer(3).await, Some(Ok(408)));
    other.send_chunk("still here").await;
    assert_eq!(caller.frame(DATA, 1).await.payload, b"still here");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_grants_no_window_loses_that_stream_and_no_other() {
    let edge = Edge::with("send_timeout = '200ms'").await;
    // No window for any stream, but for those that are given some.
    let mut caller = Caller::with(edge.stand.gateway.address, &[(4, 0)]).await;
    for stream in [1, 3] {
        caller.send(&request(stream, END_STREAM, &get("/open/x"))).await;
        let (mut upstream, _head) = edge.upstream.asked().await;
        upstream.send(CHUNKED).await;
        assert_eq!(caller.answer(stream).await, Some(Ok(200)));
        if stream == 1 {
            // It is not asked for more than fits between, and then told that nobody wants it.
            tokio::spawn(async move { while upstream.try_send(format!("10000\r\n{}\r\n", "x".repeat(0x10000))).await {} });
            assert_eq!(caller.frame(RST_STREAM, 1).await.code(), CANCEL);
        } else {
            caller.send(&frames::frame(WINDOW_UPDATE, 0, 3, &100_u32.to_be_bytes())).await;
            upstream.send_chunk("fits").await;
            assert_eq!(caller.frame(DATA, 3).await.payload, b"fits");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_without_a_stream_is_idle_whatever_else_is_said_on_it() {
    let edge = Edge::with("head_timeout = '100ms'\nidle_timeout = '200ms'").await;
    let mut caller = Caller::to(edge.stand.gateway.address).await;
    caller.send(&request(1, END_STREAM, &get("/health"))).await;
    assert_eq!(caller.answer(1).await, Some(Ok(200)));
    loop {
        caller.try_send(&frames::frame(frames::PING, 0, 0, b"12345678")).await;
        match caller.next().await {
            Some(frame) if frame.kind == GOAWAY => break assert_eq!(frame.code(), NO_ERROR),
            Some(_) => sleep(Duration::from_millis(10)).await,
            None => panic!("no GOAWAY"),
        }
    }
    // It does not say that it has heard that: then there is an end to waiting, too.
    caller.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_connection_takes_no_further_stream_and_ends_with_its_last() {
    let edge = Edge::with("max_age = '100ms'").await;
    let mut caller = Caller::to(edge.stand.gateway.address).await;
    caller.send(&request(1, END_STREAM, &get("/open/x"))).await;
    let (mut upstream, _head) = edge.upstream.asked().await;
    upstream.send(CHUNKED).await;
    assert_eq!(caller.answer(1).await, Some(Ok(200)));
    caller.frame(GOAWAY, 0).await;
    let ping = caller.frame(frames::PING, 0).await;
    caller.send(&frames::frame(frames::PING, frames::ACK, 0, &ping.payload)).await;
    caller.frame(GOAWAY, 0).await;
    upstream.send_chunk("still here").await;
    assert_eq!(caller.frame(DATA, 1).await.payload, b"still here");
    upstream.send("0\r\n\r\n").await;
    assert_eq!(caller.frame(DATA, 1).await.flags, END_STREAM);
    caller.end().await;
}
