//! HTTP/2 requests that are none, or would be another one in HTTP/1.1: reset or answered 400, and
//! never passed on.

use super::{
    Edge,
    frames::{Caller, END_STREAM, PROTOCOL_ERROR, get, request, with_method},
};
use crate::proxy::raw::Wire;

const BAD_REQUEST: Option<u16> = Some(400);
/// No answer: the stream is reset, or with what spoils the table of fields (RFC 7541) all of the
/// connection.
const RESET: Option<u16> = None;

type Fields<'a> = Vec<(&'a str, &'a str)>;

/// A GET in which the pseudo-header field of that name is this, or is left out.
fn but<'a>(name: &str, value: Option<&'a str>) -> Fields<'a> {
    get("/open/x")
        .into_iter()
        .filter_map(|(known, usual)| if known == name { value.map(|value| (known, value)) } else { Some((known, usual)) })
        .collect()
}

fn more<'a>(fields: &[(&'a str, &'a str)]) -> Fields<'a> {
    [get("/open/x"), fields.to_vec()].concat()
}

/// How each is answered. Nothing of it goes upstream.
async fn are_answered(cases: Vec<(Fields<'_>, Option<u16>)>) {
    let edge = Edge::with("").await;
    let mut caller = Caller::to(edge.stand.gateway.address).await;
    let mut stream = 1;
    for (fields, expected) in cases {
        caller.send(&request(stream, END_STREAM, &fields)).await;
        let answer = caller.answer(stream).await;
        assert_eq!(answer.and_then(Result::ok), expected, "{fields:?}");
        match answer {
            Some(Err(code)) => assert_eq!(code, PROTOCOL_ERROR, "{fields:?}"),
            Some(Ok(_)) => {}
            None => {
                caller = Caller::to(edge.stand.gateway.address).await;
                stream = 1;
                continue;
            }
        }
        stream += 2;
    }
    // The first that the server hears of is this.
    let mut last = Wire::to(edge.stand.gateway.address).await;
    last.send("GET /open/last HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(edge.upstream.asked().await.1.first, "GET /open/last HTTP/1.1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_needs_a_host_and_one_alone() {
    are_answered(vec![
        (but(":authority", None), BAD_REQUEST),
        (but(":authority", Some("")), RESET),
        (but(":authority", Some("user@gate.example")), BAD_REQUEST),
        (but(":authority", Some("user:secret@gate.example")), BAD_REQUEST),
        (but(":authority", Some("gate.example/path")), RESET),
        (but(":authority", Some("two hosts")), RESET),
        (more(&[("host", "other.example")]), BAD_REQUEST),
        (more(&[("host", "gate.example"), ("host", "gate.example")]), BAD_REQUEST),
        (more(&[("host", "")]), BAD_REQUEST),
        ([but(":authority", None), vec![("host", "")]].concat(), BAD_REQUEST),
        ([but(":authority", None), vec![("host", "user@gate.example")]].concat(), BAD_REQUEST),
        ([but(":authority", None), vec![("host", "a"), ("host", "b")]].concat(), BAD_REQUEST),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_needs_a_path_that_is_one() {
    are_answered(vec![
        (but(":path", None), RESET),
        (but(":path", Some("")), RESET),
        (but(":path", Some("*")), BAD_REQUEST),
        (but(":path", Some("open/x")), RESET),
        (but(":path", Some("http://evil.example/open/x")), RESET),
        (but(":path", Some("//evil.example/open/x")), BAD_REQUEST),
        (but(":path", Some("/open/../open/x")), BAD_REQUEST),
        (but(":path", Some("/open/x HTTP/1.1\r\nx-evil: 1")), RESET),
        ([vec![(":method", "OPTIONS"), (":scheme", "http"), (":authority", "gate.example")], vec![(":path", "*")]].concat(), BAD_REQUEST),
        (
            [with_method("GET", "/open/x"), vec![]]
                .concat()
                .into_iter()
                .filter(|(name, _)| *name == ":method" || *name == ":scheme")
                .collect(),
            BAD_REQUEST,
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_needs_a_method_and_a_scheme() {
    are_answered(vec![
        (but(":method", None), RESET),
        (but(":method", Some("GET /open/x HTTP/1.1\r\nx:")), RESET),
        (but(":scheme", None), RESET),
        (but(":scheme", Some("ftp")), BAD_REQUEST),
        (but(":scheme", Some("")), BAD_REQUEST),
        (but(":scheme", Some("http\r\nx-evil: 1")), RESET),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_to_elsewhere_are_not_made() {
    are_answered(vec![
        (vec![(":method", "CONNECT"), (":authority", "evil.example:443")], BAD_REQUEST),
        (with_method("CONNECT", "/open/x"), RESET),
        // Extended CONNECT was not offered (RFC 8441 section 3).
        ([with_method("CONNECT", "/open/x"), vec![(":protocol", "websocket")]].concat(), RESET),
        ([get("/open/x"), vec![(":protocol", "websocket")]].concat(), RESET),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pseudo_header_fields_come_once_and_first() {
    are_answered(vec![
        (more(&[(":path", "/open/y")]), RESET),
        (more(&[(":authority", "gate.example")]), RESET),
        (more(&[(":status", "200")]), RESET),
        ([vec![("x-first", "1")], get("/open/x")].concat(), RESET),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_of_a_connection_and_names_of_no_field_are_refused() {
    are_answered(vec![
        (more(&[("connection", "close")]), RESET),
        (more(&[("transfer-encoding", "chunked")]), RESET),
        (more(&[("upgrade", "h2c")]), RESET),
        (more(&[("keep-alive", "timeout=5")]), RESET),
        (more(&[("proxy-connection", "keep-alive")]), RESET),
        (more(&[("te", "gzip")]), RESET),
        (more(&[("X-Upper", "1")]), RESET),
        (more(&[("x evil", "1")]), RESET),
        (more(&[("x-evil\r\nx-more", "1")]), RESET),
        (more(&[("x-evil", "1\r\nx-more: 1")]), RESET),
        (more(&[("x-evil", "1\0")]), RESET),
        (more(&[("x-\"evil", "1")]), BAD_REQUEST),
        (more(&[("x-evil", " 1")]), BAD_REQUEST),
        (more(&[("x-evil", "1\t")]), BAD_REQUEST),
        (more(&[("content-length", "1"), ("content-length", "2")]), RESET),
        // The same number, for all but those who read an octal one.
        (more(&[("content-length", "0"), ("content-length", "00")]), BAD_REQUEST),
        (more(&[("content-length", "0"), ("content-length", "0")]), BAD_REQUEST),
        (more(&[("content-length", "-1")]), RESET),
        (more(&[("content-length", "5")]), RESET),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_has_as_many_fields_as_in_http_1() {
    let names: Vec<String> = (0..101).map(|n| format!("x-{n}")).collect();
    let fields: Fields<'_> = names.iter().map(|name| (name.as_str(), "1")).collect();
    are_answered(vec![(more(&fields), Some(431))]).await;
    let edge = Edge::with("").await;
    let mut caller = Caller::to(edge.stand.gateway.address).await;
    caller.send(&request(1, END_STREAM, &more(&fields[..100]))).await;
    let (_upstream, head) = edge.upstream.asked().await;
    assert_eq!(head.all("x-99"), ["1"]);
    // Pieces of a cookie are one field.
    let mut caller = Caller::to(edge.stand.gateway.address).await;
    caller.send(&request(1, END_STREAM, &more(&[("cookie", "a=1"); 150]))).await;
    let (_upstream, head) = edge.upstream.asked().await;
    assert_eq!(head.field("cookie").split("; ").count(), 150);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_upgraded_to_http_2() {
    let edge = Edge::with("").await;
    let mut caller = Wire::to(edge.stand.gateway.address).await;
    let offer = "connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n";
    caller.send(format!("GET /health HTTP/1.1\r\nhost: a\r\n{offer}\r\n")).await;
    assert_eq!(caller.head().await.first, "HTTP/1.1 200 OK");
}
