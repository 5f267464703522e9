//! What a caller reads of an answer that is framed in two ways, or says more than it should.

use crate::proxy::{
    raw::{RawUpstream, Wire},
    stand::Stand,
};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// What is answered: all bytes of it, without the fields whose values the gateway makes up. The
/// server hangs up if the answer ends with its connection.
async fn answered(stand: &Stand, upstream: &RawUpstream, token: &str, method: &str, answer: &[u8]) -> (String, bool) {
    let mut caller = Wire::to(stand.gateway.address).await;
    caller.send(format!("{method} /v1/x HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n")).await;
    let (mut wire, _head) = upstream.asked().await;
    wire.send(answer).await;
    wire.end().await;
    let bytes = caller.rest().await;
    let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return (text, false) };
    let is_made_up = |line: &&str| ["date: ", "x-request-id: ", "connection: close"].iter().any(|name| line.starts_with(name));
    let lines: Vec<&str> = head.split("\r\n").filter(|line| !is_made_up(line)).collect();
    let is_whole = match lines.contains(&"transfer-encoding: chunked") {
        true => body.ends_with("0\r\n\r\n"),
        false => true,
    };
    (format!("{}|{body}", lines.join("|")), is_whole)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_has_one_end_and_says_nothing_of_the_upstreams_connection() {
    let upstream = RawUpstream::start().await;
    let stand = Stand::before(upstream.address).await;
    let token = stand.token().await.access;
    let mut wrong = Vec::new();
    let plain = "HTTP/1.1 200 OK|content-length: 2|ok";
    let chunked = "HTTP/1.1 200 OK|transfer-encoding: chunked|2\r\nok\r\n0\r\n\r\n";
    let with = |fields: &str| format!("HTTP/1.1 200 OK\r\n{fields}content-length: 2\r\n\r\nok");
    let chunks = |fields: &str| format!("HTTP/1.1 200 OK\r\n{fields}\r\n2\r\nok\r\n0\r\n\r\n");
    for (method, answer, expected) in [
        ("GET", with(""), plain),
        ("GET", with("content-length: 2\r\n"), "HTTP/1.1 200 OK|content-length: 2|ok"),
        ("GET", with("connection: x-a\r\nx-a: 1\r\n"), plain),
        ("GET", with("connection: x-a\r\nconnection: keep-alive, X-B\r\nx-a: 1\r\nx-b: 2\r\n"), plain),
        ("GET", with("connection: content-length\r\n"), plain),
        ("GET", with("connection: x-request-id, date\r\n"), plain),
        ("GET", with("proxy-authenticate: Basic\r\nproxy-authentication-info: x\r\nproxy-connection: close\r\nproxy-anything: x\r\n"), plain),
        ("GET", with("trailer: x-a\r\nte: trailers\r\nkeep-alive: timeout=5\r\nhttp2-settings: x\r\n"), plain),
        ("GET", with("upgrade: h2c\r\nconnection: upgrade\r\n"), plain),
        ("GET", chunks("transfer-encoding: chunked\r\n"), chunked),
        ("GET", chunks("transfer-encoding: CHUNKED\r\n"), chunked),
        ("GET", chunks("transfer-encoding: chunked\r\ncontent-length: 50\r\n"), chunked),
        ("GET", chunks("content-length: 1\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n"), chunked),
        ("GET", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;a=b\r\nok\r\n0\r\nx-gatepost-user: root\r\nset-cookie: gatepost_session=s\r\n\r\n".into(), chunked),
        ("GET", "HTTP/1.1 200 OK\r\n\r\nok".into(), chunked),
        ("GET", "HTTP/1.0 200 OK\r\n\r\nok".into(), chunked),
        ("GET", "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok".into(), plain),
        ("HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok".into(), "HTTP/1.1 200 OK|content-length: 2|"),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\n\r\nevil".into(), "HTTP/1.1 204 No Content|"),
        ("GET", "HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n".into(), "HTTP/1.1 204 No Content|"),
        ("GET", "HTTP/1.1 304 Not Modified\r\ncontent-length: 4\r\n\r\nevil".into(), "HTTP/1.1 304 Not Modified|"),
        ("GET", format!("HTTP/1.1 103 Early Hints\r\ncontent-length: 5\r\nset-cookie: gatepost_session=s\r\n\r\n{OK}"), plain),
        ("GET", format!("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 199 Odd\r\n\r\n{OK}"), plain),
        ("GET", with("x-a!#$: 1\r\nx_b: 2\r\nx-c: \u{e9}\r\n"), "HTTP/1.1 200 OK|x-a!#$: 1|x_b: 2|x-c: \u{e9}|content-length: 2|ok"),
        // Nobody can say where these end, or what they are.
        ("GET", with("content-length: 3\r\n"), "502"),
        ("GET", "HTTP/1.1 200 OK\r\ncontent-length: 2, 3\r\n\r\nok".into(), "502"),
        ("GET", "HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\nok".into(), "502"),
        ("GET", "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\nok".into(), "502"),
        ("GET", "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\nok".into(), "502"),
        ("GET", chunks("transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n"), "502"),
        ("GET", chunks("transfer-encoding: chunked, chunked\r\n"), "502"),
        ("GET", chunks("transfer-encoding: gzip, chunked\r\n"), "502"),
        ("GET", chunks("transfer-encoding: gzip\r\n"), "502"),
        ("GET", chunks("transfer-encoding: identity\r\n"), "502"),
        ("GET", "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n".into(), "502"),
        ("GET", "HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n".into(), "502"),
        ("GET", with("x a: 1\r\n"), "502"),
        ("GET", with("x-a : 1\r\n"), "502"),
        ("GET", with(": 1\r\n"), "502"),
        ("GET", with("x-a\r\n"), "502"),
        ("GET", with("x-a: \u{0}\r\n"), "502"),
        ("GET", with("x-a: 1\r\n fold\r\n"), "502"),
        ("GET", "HTTP/2 200 OK\r\n\r\n".into(), "502"),
        ("GET", "200 OK\r\n\r\n".into(), "502"),
        ("GET", "HTTP/1.1 2000 OK\r\n\r\n".into(), "502"),
        ("GET", "HTTP/1.1 99 Odd\r\n\r\n".into(), "502"),
        ("GET", "SSH-2.0-OpenSSH\r\n".into(), "502"),
        ("GET", String::new(), "502"),
        // These end before their end, and the caller's do too.
        ("GET", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\nzz\r\n".into(), "broken"),
        ("GET", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n".into(), "broken"),
    ] {
        let bytes: Vec<u8> = answer.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
        let (got, is_whole) = answered(&stand, &upstream, &token, method, &bytes).await;
        let is_right = match expected {
            "502" => got.starts_with("HTTP/1.1 502 "),
            "broken" => !is_whole,
            expected => sorted(&got) == sorted(expected) && is_whole,
        };
        if !is_right {
            wrong.push(format!("{answer:?}: {got:?}, not {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The order of fields says nothing.
fn sorted(answer: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = answer.split('|').collect();
    parts.sort_unstable();
    parts
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_behind_an_answer_is_never_the_next_ones() {
    let upstream = RawUpstream::start().await;
    let stand = Stand::before(upstream.address).await;
    let token = stand.token().await.access;
    let evil = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil";
    for answer in [
        format!("HTTP/1.1 204 No Content\r\n\r\n{evil}"),
        format!("HTTP/1.1 304 Not Modified\r\ncontent-length: 50\r\n\r\n{evil}"),
        format!("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n{evil}"),
        format!("{OK}{evil}"),
        format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{evil}"),
    ] {
        let mut caller = Wire::to(stand.gateway.address).await;
        let request = format!("GET /v1/x HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n\r\n");
        caller.send(&request).await;
        let (mut wire, _head) = upstream.asked().await;
        wire.send(&answer).await;
        let head = caller.head().await;
        if head.status() == 200 {
            assert!(!String::from_utf8(caller.body(&head).await).unwrap().contains("evil"), "{answer:?}");
        }
        caller.send(&request).await;
        // On a connection of its own: the first one said more than it was asked.
        let (mut second, _head) = upstream.asked().await;
        second.send(OK).await;
        let head = caller.head().await;
        assert_eq!((head.status(), caller.body(&head).await), (200, b"ok".to_vec()), "{answer:?}");
        drop((wire, second));
    }
}
