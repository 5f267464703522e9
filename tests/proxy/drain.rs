//! The orderly end: no new connections, and those that are open have their time.

use std::time::Duration;

use tokio::{net::TcpStream, task::JoinHandle};

use super::{
    raw::{RawUpstream, Wire, soon},
    stand::{Stand, Token},
    streaming::asking,
};
use crate::support::gateway::{CONFIG, forwarding};

/// A gateway that has this long for its end.
async fn bench(drain: &str) -> (Stand, RawUpstream, Token) {
    let upstream = RawUpstream::start().await;
    let config = forwarding(upstream.address).replace("drain = \"2s\"", &format!("drain = \"{drain}\""));
    assert!(CONFIG.contains("drain = \"2s\""));
    let stand = Stand::with(&config).await;
    let token = stand.token().await;
    (stand, upstream, token)
}

/// A caller with an open stream, and the connection that it comes on.
async fn streaming(stand: &Stand, upstream: &RawUpstream, token: &Token) -> (Wire, Wire) {
    let mut caller = Wire::to(stand.gateway.address).await;
    caller.send(asking(&token.access)).await;
    let (mut wire, _head) = upstream.asked().await;
    wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
    assert_eq!(caller.head().await.status(), 200);
    (caller, wire)
}

/// Begins the end and comes back when nobody listens any more.
async fn begin_to_end(stand: Stand) -> JoinHandle<()> {
    let address = stand.gateway.address;
    let mut idle = Wire::to(address).await;
    idle.send("GET /health HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let head = idle.head().await;
    idle.body(&head).await;
    let end = tokio::spawn(stand.gateway.end());
    // A connection without a request is closed once the listener is gone or about to go.
    idle.closed().await;
    soon(async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    end
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_stream_goes_on_to_its_end_while_new_connections_are_refused() {
    let (stand, upstream, token) = bench("1h").await;
    let (mut caller, mut wire) = streaming(&stand, &upstream, &token).await;
    let end = begin_to_end(stand).await;
    wire.send_chunk("still").await;
    assert_eq!(caller.chunk().await.as_deref(), Some("still"));
    assert!(!end.is_finished());
    wire.send("0\r\n\r\n").await;
    assert_eq!(caller.chunk().await.as_deref(), Some(""));
    // Then the connection is not kept for another request, and the gateway has ended.
    caller.closed().await;
    soon(end).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_waits_for_its_answer_gets_it_and_is_told_that_the_connection_ends() {
    let (stand, upstream, token) = bench("1h").await;
    let mut caller = Wire::to(stand.gateway.address).await;
    caller.send(asking(&token.access)).await;
    let (mut wire, _head) = upstream.asked().await;
    let end = begin_to_end(stand).await;
    wire.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    let head = caller.head().await;
    assert_eq!((head.status(), head.field("connection"), caller.body(&head).await), (200, "close", b"ok".to_vec()));
    caller.closed().await;
    soon(end).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_does_not_end_in_time_is_cut_and_its_call_too() {
    let (stand, upstream, token) = bench("50ms").await;
    let (mut caller, mut wire) = streaming(&stand, &upstream, &token).await;
    soon(stand.gateway.end()).await;
    assert_eq!(caller.chunk().await, None);
    wire.closed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_grace_the_end_is_there_at_once() {
    let (stand, upstream, token) = bench("0s").await;
    let (mut caller, mut wire) = streaming(&stand, &upstream, &token).await;
    soon(stand.gateway.end()).await;
    assert_eq!(caller.chunk().await, None);
    wire.closed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_say_nothing_do_not_hold_up_the_end() {
    let (stand, _upstream, _token) = bench("1h").await;
    let mut silent = Wire::to(stand.gateway.address).await;
    // It was accepted: the one that came after it is answered.
    let mut last = Wire::to(stand.gateway.address).await;
    last.send("GET /health HTTP/1.1\r\nhost: a\r\n\r\n").await;
    last.head().await;
    soon(stand.gateway.end()).await;
    silent.closed().await;
    last.rest().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_only_in_memory_is_saved_at_the_end() {
    let (stand, upstream, token) = bench("1h").await;
    let mut caller = Wire::to(stand.gateway.address).await;
    caller.send(asking(&token.access)).await;
    let (mut wire, _head) = upstream.asked().await;
    wire.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(caller.head().await.status(), 204);
    let (store, now) = (std::sync::Arc::clone(&stand.store), stand.gateway.time.clock().now());
    let key = gatepost::store::SoftKey::LastUsed(token.grant);
    assert!(store.soft_load(key).await.unwrap().is_none());
    soon(stand.gateway.end()).await;
    assert_eq!(store.soft_load(key).await.unwrap(), Some(gatepost::store::Soft::LastUsed(now)));
}

#[tokio::test(flavor = "multi_thread")]
async fn last_uses_are_saved_every_five_seconds() {
    let (stand, upstream, token) = bench("1h").await;
    let mut caller = Wire::to(stand.gateway.address).await;
    caller.send(asking(&token.access)).await;
    let (mut wire, _head) = upstream.asked().await;
    wire.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(caller.head().await.status(), 204);
    let used = stand.gateway.time.clock().now();
    let key = gatepost::store::SoftKey::LastUsed(token.grant);
    soon(async {
        while stand.store.soft_load(key).await.unwrap() != Some(gatepost::store::Soft::LastUsed(used)) {
            // Again and again: the first five seconds may be over before the saver counts them.
            stand.gateway.time.advance(Duration::from_secs(5));
            tokio::task::yield_now().await;
        }
    })
    .await;
}
