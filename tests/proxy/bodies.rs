//! Bodies on their way in, whatever their framing, and what a broken framing is answered.

use bytes::Bytes;
use gatepost::message::body;
use http::{Method, Response};
use http_body_util::BodyExt;

use super::{
    raw::{Head, RawUpstream, Wire, soon},
    stand::Stand,
};
use crate::support::{
    http::{bearing, request},
    upstream::Upstream,
};

/// Bytes in no pattern that a chunk's border could fall on twice.
pub(super) fn noise(length: usize) -> Bytes {
    (0..length as u64).map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect::<Vec<u8>>().into()
}

/// A body whose length nobody is told.
fn in_pieces(bytes: Bytes, size: usize) -> body::Body {
    let (sender, body) = body::channel(1);
    tokio::spawn(async move {
        for piece in bytes.chunks(size) {
            sender.send(Bytes::copy_from_slice(piece)).await.unwrap();
        }
    });
    body
}

/// A caller, a token, and a server that the test serves itself.
async fn bench() -> (Stand, RawUpstream, Wire, String) {
    let upstream = RawUpstream::start().await;
    let stand = Stand::before(upstream.address).await;
    let token = stand.token().await.access;
    let caller = Wire::to(stand.gateway.address).await;
    (stand, upstream, caller, format!("POST /v1/x HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_with_a_length_arrives_with_it() {
    let (_stand, upstream, mut caller, head) = bench().await;
    caller.send(format!("{head}content-length: 9\r\ncontent-type: application/json\r\n\r\n{{\"a\":\"b\"}}")).await;
    let (mut wire, head) = upstream.asked().await;
    assert_eq!((head.field("content-length"), head.all("transfer-encoding").len()), ("9", 0));
    assert_eq!(head.field("content-type"), "application/json");
    assert_eq!(wire.body(&head).await, b"{\"a\":\"b\"}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunked_body_arrives_chunk_by_chunk() {
    let (_stand, upstream, mut caller, head) = bench().await;
    caller.send(format!("{head}transfer-encoding: chunked\r\n\r\n")).await;
    caller.send_chunk("one").await;
    let (mut wire, head) = upstream.asked().await;
    assert_eq!((head.field("transfer-encoding"), head.all("content-length").len()), ("chunked", 0));
    // Each is sent when the one before has arrived.
    assert_eq!(wire.chunk().await.as_deref(), Some("one"));
    caller.send_chunk("two").await;
    assert_eq!(wire.chunk().await.as_deref(), Some("two"));
    caller.send("0\r\n\r\n").await;
    assert_eq!(wire.chunk().await.as_deref(), Some(""));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_body_arrives_as_none() {
    let (_stand, upstream, mut caller, head) = bench().await;
    caller.send(format!("{head}\r\n")).await;
    let (mut wire, head) = upstream.asked().await;
    assert!(head.all("transfer-encoding").is_empty() && matches!(head.field("content-length"), "" | "0"), "{head:?}");
    wire.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(caller.head().await.status(), 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn chunking_wins_over_a_length_and_the_length_does_not_travel() {
    for fields in ["content-length: 3\r\ntransfer-encoding: chunked\r\n", "transfer-encoding: chunked\r\ncontent-length: 3\r\n"] {
        let (_stand, upstream, mut caller, head) = bench().await;
        caller.send(format!("{head}{fields}\r\n5\r\nhello\r\n0\r\n\r\n")).await;
        let (mut wire, head) = upstream.asked().await;
        assert_eq!((head.field("transfer-encoding"), head.all("content-length").len()), ("chunked", 0));
        assert_eq!(wire.body(&head).await, b"hello");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trailer_cannot_say_what_a_header_may_not() {
    let (_stand, upstream, mut caller, head) = bench().await;
    let trailer = "x-gatepost-user: root\r\nauthorization: Bearer x\r\nx-api-key: x\r\n";
    let names = "x-gatepost-user, authorization, x-api-key";
    caller.send(format!("{head}te: trailers\r\ntrailer: {names}\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n{trailer}\r\n")).await;
    let (mut wire, _head) = upstream.asked().await;
    assert_eq!(wire.bytes(12).await, b"2\r\nhi\r\n0\r\n\r\n");
    wire.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(caller.head().await.status(), 200);
    assert!(wire.is_quiet());
}

/// What a request that is framed in two ways is answered.
async fn answer_to(fields_and_body: &str) -> (Head, RawUpstream) {
    let (_stand, upstream, mut caller, head) = bench().await;
    caller.send(format!("{head}{fields_and_body}")).await;
    (caller.head().await, upstream)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_two_servers_could_frame_in_two_ways_is_refused() {
    for bad in [
        "content-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
        "content-length: -1\r\n\r\n",
        "content-length: 3 \x0b\r\n\r\nabc",
        "transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "transfer-encoding: gzip\r\n\r\n0\r\n\r\n",
        "transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "transfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        let (answer, _upstream) = answer_to(bad).await;
        assert_eq!(answer.status(), 400, "{bad:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callers_broken_chunk_is_the_callers_fault() {
    let (_stand, upstream, mut caller, head) = bench().await;
    caller.send(format!("{head}transfer-encoding: chunked\r\n\r\n")).await;
    caller.send_chunk("good").await;
    let (mut wire, _head) = upstream.asked().await;
    assert_eq!(wire.chunk().await.as_deref(), Some("good"));
    caller.send("zz\r\nbad\r\n").await;
    let answer = caller.head().await;
    let body: serde_json::Value = serde_json::from_slice(&caller.body(&answer).await).unwrap();
    assert_eq!((answer.status(), body["error"]["code"].as_str()), (400, Some("invalid_request")), "{body}");
    // And the upstream does not take the piece for the whole.
    wire.closed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_mebibytes_go_each_way_unchanged() {
    let upstream = Upstream::answering(|seen| async move { Response::new(body::full(seen.body)) }).await;
    let stand = Stand::before(upstream.address).await;
    let token = stand.token().await.access;
    let body = noise(8 << 20);
    let asked = bearing(request(Method::POST, "/v1/files", "application/octet-stream", body.clone()), &token);
    let reply = soon(stand.gateway.send(asked)).await;
    assert_eq!((reply.status.as_u16(), reply.body.len()), (200, body.len()));
    assert!(reply.body == body && upstream.seen()[0].body == body);
    assert_eq!(upstream.seen()[0].headers["content-length"], body.len().to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_mebibytes_go_each_way_unchanged_in_chunks() {
    let upstream = Upstream::answering(|seen| async move { Response::new(in_pieces(seen.body, 100_000)) }).await;
    let stand = Stand::before(upstream.address).await;
    let token = stand.token().await.access;
    let body = noise(8 << 20);
    let mut asked = bearing(request(Method::POST, "/v1/files", "", ""), &token).map(|_empty| in_pieces(body.clone(), 70_000));
    asked.headers_mut().insert("host", "a".parse().unwrap());
    let socket = tokio::net::TcpStream::connect(stand.gateway.address).await.unwrap();
    let (mut caller, connection) = hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(socket)).await.unwrap();
    tokio::spawn(connection);
    let answer = soon(caller.send_request(asked)).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers().contains_key("content-length")), (200, false));
    let back = soon(answer.into_body().collect()).await.unwrap().to_bytes();
    assert!(back == body && upstream.seen()[0].body == body);
    assert!(!upstream.seen()[0].headers.contains_key("content-length"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_is_refused_in_the_middle_of_his_body_hears_why() {
    let upstream = Upstream::start().await;
    let stand = Stand::before(upstream.address).await;
    let body = noise(4 << 20);
    for _ in 0..5 {
        let reply = soon(stand.gateway.send(bearing(request(Method::POST, "/v1/files", "", body.clone()), "junk"))).await;
        assert_eq!(reply.json()["error"]["code"], "invalid_token");
    }
    assert!(upstream.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_asks_first_is_told_to_go_on_only_if_he_gets_through() {
    let (stand, upstream, mut caller, head) = bench().await;
    caller.send(format!("{head}expect: 100-continue\r\ncontent-length: 4\r\n\r\n")).await;
    assert_eq!(caller.head().await.first, "HTTP/1.1 100 Continue");
    caller.send("body").await;
    let (mut wire, head) = upstream.asked().await;
    assert_eq!((head.all("expect").len(), wire.body(&head).await), (0, b"body".to_vec()));

    let mut stranger = Wire::to(stand.gateway.address).await;
    stranger.send("POST /v1/x HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n").await;
    assert_eq!(stranger.head().await.status(), 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_refused_leaves_the_connection_in_order() {
    let (_stand, upstream, mut caller, head) = bench().await;
    caller.send("POST /v1/x HTTP/1.1\r\nhost: a\r\ncontent-length: 200000\r\n\r\n").await;
    let refused = caller.head().await;
    assert_eq!(refused.status(), 401);
    caller.body(&refused).await;
    caller.send("x".repeat(200_000)).await;
    caller.send(format!("{head}content-length: 2\r\n\r\nhi")).await;
    let (mut wire, head) = upstream.asked().await;
    assert_eq!(wire.body(&head).await, b"hi");
}
