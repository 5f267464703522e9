//! What came by HTTP/2 goes on as HTTP/1.1, and comes back as HTTP/2.

use bytes::Bytes;
use gatepost::message::{Body, body};
use http::{HeaderMap, Method, Request, Response, Version};
use http_body_util::BodyExt;
use hyper::{body::Incoming, client::conn::http2::SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use super::{
    Edge,
    frames::{
        self, ACK, CANCEL, Caller, DATA, END_STREAM, GOAWAY, HEADERS, NO_ERROR, PING, PROTOCOL_ERROR, RST_STREAM, get, request, with_method,
    },
};
use crate::proxy::raw::soon;

/// A connection of a library that speaks HTTP/2 by prior knowledge.
async fn client(edge: &Edge) -> SendRequest<Body> {
    let socket = TcpStream::connect(edge.stand.gateway.address).await.unwrap();
    let (client, connection) =
        hyper::client::conn::http2::handshake::<_, _, Body>(TokioExecutor::new(), TokioIo::new(socket)).await.unwrap();
    tokio::spawn(connection);
    client
}

fn asking(method: Method, path: &str, body: Body) -> Request<Body> {
    Request::builder().method(method).uri(format!("http://gate.example:8080{path}")).body(body).unwrap()
}

async fn text(answer: Response<Incoming>) -> Bytes {
    soon(answer.into_body().collect()).await.unwrap().to_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_arrives_as_one_of_http_1() {
    let edge = Edge::with("").await;
    let token = edge.stand.token().await.access;
    let mut client = client(&edge).await;
    let mut asked = asking(Method::GET, "/v1/models?limit=2", body::empty());
    for (name, value) in [("authorization", &*format!("Bearer {token}")), ("te", "trailers"), ("x-kept", "1"), ("x-forwarded-for", "evil")]
    {
        asked.headers_mut().append(name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap());
    }
    let answer = tokio::spawn(async move { client.send_request(asked).await });
    let (mut upstream, head) = edge.upstream.asked().await;
    assert_eq!(head.first, "GET /v1/models?limit=2 HTTP/1.1");
    assert_eq!((head.field("host"), head.field("x-forwarded-host")), (&*edge.upstream.address.to_string(), "gate.example:8080"));
    assert_eq!((head.field("x-kept"), head.field("x-gatepost-user"), head.field("x-forwarded-for")), ("1", "ada", "127.0.0.1"));
    for gone in ["te", "connection", "authorization", "transfer-encoding"] {
        assert_eq!(head.all(gone), [""; 0], "{head:?}");
    }
    let fields = "connection: keep-alive, x-mine\r\nkeep-alive: timeout=5\r\nx-mine: 1\r\nx-theirs: 2\r\nproxy-connection: close\r\n";
    upstream.send(format!("HTTP/1.1 200 OK\r\n{fields}transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")).await;
    let answer = soon(answer).await.unwrap().unwrap();
    assert_eq!((answer.version(), answer.status().as_u16()), (Version::HTTP_2, 200));
    assert_eq!(answer.headers()["x-theirs"], "2");
    assert!(answer.headers()["x-request-id"].to_str().unwrap().starts_with("req_"));
    for gone in ["connection", "keep-alive", "x-mine", "proxy-connection", "transfer-encoding"] {
        assert!(!answer.headers().contains_key(gone), "{answer:?}");
    }
    assert_eq!(text(answer).await, "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_that_were_split_arrive_as_one() {
    let edge = Edge::with("").await;
    let mut caller = Caller::to(edge.stand.gateway.address).await;
    let cookies = [("cookie", "a=1"), ("cookie", "gatepost_session=s"), ("cookie", "b=2; c=3")];
    caller.send(&request(1, END_STREAM, &[get("/open/x"), cookies.to_vec()].concat())).await;
    let (_upstream, head) = edge.upstream.asked().await;
    assert_eq!(head.all("cookie"), ["a=1; b=2; c=3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_may_stand_in_for_the_authority_and_beside_it() {
    let edge = Edge::with("").await;
    let pseudo = [(":method", "GET"), (":scheme", "https"), (":path", "/open/x")];
    for fields in [vec![("host", "a.example")], vec![(":authority", "a.example"), ("host", "A.example")]] {
        let mut caller = Caller::to(edge.stand.gateway.address).await;
        let (pseudo_more, rest): (Vec<_>, Vec<_>) = fields.into_iter().partition(|(name, _)| name.starts_with(':'));
        caller.send(&request(1, END_STREAM, &[pseudo.to_vec(), pseudo_more, rest].concat())).await;
        let (_upstream, head) = edge.upstream.asked().await;
        assert_eq!(head.field("x-forwarded-host"), "a.example");
    }
}

/// A body whose length nobody is told.
async fn in_pieces(pieces: [&'static str; 2]) -> Body {
    let (sender, body) = body::channel(2);
    for piece in pieces {
        sender.send(Bytes::from_static(piece.as_bytes())).await.unwrap();
    }
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_with_a_length_arrives_with_it_and_one_without_in_chunks() {
    let edge = Edge::with("").await;
    for (body, length, coding) in [(body::full("hello"), "5", ""), (in_pieces(["hel", "lo"]).await, "", "chunked")] {
        let mut client = client(&edge).await;
        let answer = tokio::spawn(async move { client.send_request(asking(Method::POST, "/open/x", body)).await });
        let (mut upstream, head) = edge.upstream.asked().await;
        assert_eq!((head.field("content-length"), head.field("transfer-encoding")), (length, coding));
        assert_eq!(upstream.body(&head).await, b"hello");
        upstream.send("HTTP/1.1 204 No Content\r\n\r\n").await;
        assert_eq!(soon(answer).await.unwrap().unwrap().status(), 204);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_not_as_long_as_it_says_is_not_made_whole() {
    let edge = Edge::with("").await;
    for sent in ["123", "123456789"] {
        let mut caller = Caller::to(edge.stand.gateway.address).await;
        caller.send(&request(1, 0, &[with_method("POST", "/open/x"), vec![("content-length", "5")]].concat())).await;
        let (mut upstream, _head) = edge.upstream.asked().await;
        caller.send(&frames::frame(DATA, END_STREAM, 1, sent.as_bytes())).await;
        assert_eq!(caller.answer(1).await, Some(Err(PROTOCOL_ERROR)));
        assert!(upstream.rest().await.len() < 5);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn trailers_end_here_on_their_way_in_and_out() {
    let edge = Edge::with("").await;
    let mut client = client(&edge).await;
    let trailers: HeaderMap = [("x-gatepost-user", "root"), ("x-check", "1")]
        .map(|(name, value)| (name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap()))
        .into_iter()
        .collect();
    let body = in_pieces(["a", "b"]).await.with_trailers(async move { Some(Ok(trailers)) }).boxed_unsync();
    let answer = tokio::spawn(async move { client.send_request(asking(Method::POST, "/open/x", body)).await });
    let (mut upstream, _head) = edge.upstream.asked().await;
    let body = b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n";
    assert_eq!(upstream.bytes(body.len()).await, body);
    let trailers = "x-sum: 7\r\nset-cookie: gatepost_session=x\r\nkeep-alive: 5\r\n";
    upstream.send(format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n{trailers}\r\n")).await;
    let answer = soon(soon(answer).await.unwrap().unwrap().into_body().collect()).await.unwrap();
    assert_eq!(answer.trailers(), None);
    assert_eq!(answer.to_bytes(), "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_is_answered_with_a_length_and_without_a_body() {
    let edge = Edge::with("").await;
    let mut caller = Caller::to(edge.stand.gateway.address).await;
    // The gateway's own answer, its own refusal, and an upstream's answer.
    for (stream, path, status) in [(1, "/health", 200), (3, "/nothing", 404), (5, "/open/x", 200)] {
        caller.send(&request(stream, END_STREAM, &with_method("HEAD", path))).await;
        if status == 200 && path != "/health" {
            edge.upstream.asked().await.0.send("HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n").await;
        }
        let head = caller.frame(HEADERS, stream).await;
        assert_eq!((head.status(), head.flags & END_STREAM), (status, END_STREAM), "{path}");
    }
    let mut client = client(&edge).await;
    let whole = client.send_request(asking(Method::GET, "/health", body::empty())).await.unwrap();
    let head = client.send_request(asking(Method::HEAD, "/health", body::empty())).await.unwrap();
    assert_eq!(head.headers()["content-length"], whole.headers()["content-length"]);
    assert_eq!(text(head).await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_requests_share_a_connection_and_each_event_arrives_before_the_next_is_sent() {
    let edge = Edge::with("").await;
    let mut caller = Caller::to(edge.stand.gateway.address).await;
    let mut upstreams = Vec::new();
    for stream in [1, 3, 5] {
        caller.send(&request(stream, END_STREAM, &get(&format!("/open/{stream}")))).await;
        let (mut upstream, head) = edge.upstream.asked().await;
        assert_eq!(head.first, format!("GET /open/{stream} HTTP/1.1"));
        upstream.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
        assert_eq!(caller.answer(stream).await, Some(Ok(200)));
        upstreams.push((stream, upstream));
    }
    for event in ["one", "two"] {
        for (stream, upstream) in &mut upstreams {
            upstream.send_chunk(event).await;
            assert_eq!(caller.frame(DATA, *stream).await.payload, event.as_bytes());
        }
    }
    // One that is cancelled leaves the others alone.
    let (gone, mut upstream) = upstreams.remove(1);
    caller.send(&frames::frame(RST_STREAM, 0, gone, &CANCEL.to_be_bytes())).await;
    upstream.closed().await;
    for (stream, upstream) in &mut upstreams {
        upstream.send("0\r\n\r\n").await;
        assert_eq!(caller.frame(DATA, *stream).await.flags, END_STREAM);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_refused_is_told_to_stop() {
    let edge = Edge::with("").await;
    let mut caller = Caller::to(edge.stand.gateway.address).await;
    caller.send(&request(1, 0, &with_method("POST", "/v1/x"))).await;
    assert_eq!(caller.answer(1).await, Some(Ok(401)));
    assert_eq!(caller.frame(RST_STREAM, 1).await.code(), NO_ERROR);
    caller.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_gateway_is_announced_and_open_streams_go_on() {
    let edge = Edge::with("").await;
    let mut caller = Caller::to(edge.stand.gateway.address).await;
    caller.send(&request(1, END_STREAM, &get("/open/x"))).await;
    let (mut upstream, _head) = edge.upstream.asked().await;
    upstream.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
    assert_eq!(caller.answer(1).await, Some(Ok(200)));
    let ending = tokio::spawn(edge.stand.gateway.end());
    let goodbye = caller.frame(GOAWAY, 0).await;
    assert_eq!(goodbye.code(), NO_ERROR);
    // The gateway asks whether that was heard (RFC 9113 section 6.8).
    let ping = caller.frame(PING, 0).await;
    caller.send(&frames::frame(PING, ACK, 0, &ping.payload)).await;
    upstream.send_chunk("still here").await;
    assert_eq!(caller.frame(DATA, 1).await.payload, b"still here");
    upstream.send("0\r\n\r\n").await;
    assert_eq!(caller.frame(DATA, 1).await.flags, END_STREAM);
    assert_eq!(caller.end().await, Some(NO_ERROR));
    soon(ending).await.unwrap();
}
