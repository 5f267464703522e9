//! A caller who leaves takes his request with him: the server behind the gateway is told by the
//! end of its connection, whatever it was doing.

use super::{
    raw::Wire,
    streaming::{Bench, asking},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_leaves_in_the_middle_of_a_stream_ends_it() {
    let bench = Bench::new("").await;
    let token = bench.stand.token().await.access;
    let (caller, mut wire) = bench.streaming(&token).await;
    let (mut other, mut others) = bench.streaming(&token).await;
    // The server says nothing more, so that nothing but the caller's leaving can be noticed.
    drop(caller);
    wire.closed().await;

    others.send_chunk("data: 2\n\n").await;
    assert_eq!(other.chunk().await.as_deref(), Some("data: 2\n\n"));
    other.reset();
    others.closed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_leaves_a_flood_ends_it() {
    let bench = Bench::new("").await;
    let (caller, mut wire) = bench.asked(&bench.stand.token().await.access).await;
    wire.send("HTTP/1.1 200 OK\r\n\r\n").await;
    wire.flood().await;
    // Neither does the caller read nor the gateway, whose hands are full.
    drop(caller);
    wire.closed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_leaves_before_the_answer_calls_it_off() {
    let bench = Bench::new("").await;
    let (caller, mut wire) = bench.asked(&bench.stand.token().await.access).await;
    drop(caller);
    wire.closed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_leaves_after_his_whole_body_calls_the_answer_off() {
    let bench = Bench::new("response_timeout = \"1h\"").await;
    let token = bench.stand.token().await.access;
    for framed in ["content-length: 4\r\n\r\nbody", "transfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"] {
        let mut caller = Wire::to(bench.stand.gateway.address).await;
        caller.send(format!("POST /v1/x HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n{framed}")).await;
        let (mut wire, head) = bench.upstream.asked().await;
        assert_eq!(wire.body(&head).await, b"body");
        drop(caller);
        wire.closed().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_leaves_in_the_middle_of_his_body_leaves_it_unfinished() {
    let bench = Bench::new("").await;
    let token = bench.stand.token().await.access;
    for (framed, arrives) in
        [("content-length: 8\r\n\r\nhalf", &b"half"[..]), ("transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n", b"4\r\nhalf\r\n")]
    {
        let mut caller = Wire::to(bench.stand.gateway.address).await;
        caller.send(format!("POST /v1/x HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n{framed}")).await;
        let (mut wire, _head) = bench.upstream.asked().await;
        assert_eq!(wire.bytes(arrives.len()).await, arrives);
        drop(caller);
        // In particular there is no last chunk.
        wire.closed().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_leaves_uses_up_no_connection_of_others() {
    let bench = Bench::new("").await;
    let token = bench.stand.token().await.access;
    let (caller, mut wire) = bench.asked(&token).await;
    drop(caller);
    wire.closed().await;
    // An answer to the one who left would be in the way of the next: there is a new connection.
    let (mut caller, mut wire) = bench.asked(&token).await;
    wire.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    let head = caller.head().await;
    assert_eq!(caller.body(&head).await, b"ok");
    caller.send(asking(&token)).await;
    wire.head().await;
}
