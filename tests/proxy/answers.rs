//! What comes back of an answer.

use super::{
    bodies::noise,
    raw::{Head, RawUpstream, Wire, soon},
    stand::Stand,
};

/// A caller on one connection, and a server that the test serves itself.
struct Bench {
    _stand: Stand,
    upstream: RawUpstream,
    caller: Wire,
    token: String,
}

impl Bench {
    async fn new() -> Self {
        let upstream = RawUpstream::start().await;
        let stand = Stand::before(upstream.address).await;
        let token = stand.token().await.access;
        let caller = Wire::to(stand.gateway.address).await;
        Self { _stand: stand, upstream, caller, token }
    }

    /// What is answered when the server answers this and hangs up.
    async fn answered(&mut self, method: &str, answer: impl AsRef<[u8]>) -> Head {
        let token = &self.token;
        self.caller.send(format!("{method} /v1/x HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n\r\n")).await;
        let (mut wire, _head) = self.upstream.asked().await;
        wire.send(answer).await;
        drop(wire);
        let head = self.caller.head().await;
        assert!(head.field("x-request-id").starts_with("req_"), "{head:?}");
        head
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn status_fields_and_body_come_back_as_they_were_sent() {
    let mut bench = Bench::new().await;
    for (line, body) in [
        ("200 OK", "{\"a\": 1}"),
        ("201 Created", ""),
        ("302 Found", "x"),
        ("400 Bad Request", "{\"error\":{\"message\":\"no\"}}"),
        ("401 Unauthorized", "theirs"),
        ("404 Not Found", "theirs"),
        ("418 I'm a teapot", "short and stout"),
        ("429 Too Many Requests", "slow"),
        ("500 Internal Server Error", "<html>"),
        ("503 Service Unavailable", ""),
        ("599 Whatever", "odd"),
    ] {
        let fields = "content-type: text/x-odd; charset=\"é\"\r\nx-twice: 1\r\nx-twice: 2\r\nlocation: http://elsewhere/\r\nretry-after: 7\r\n\
            www-authenticate: Basic\r\nserver: theirs\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\nx-request-id: theirs\r\n";
        let head = bench.answered("GET", format!("HTTP/1.1 {line}\r\n{fields}content-length: {}\r\n\r\n{body}", body.len())).await;
        assert_eq!(head.status().to_string(), line[..3]);
        assert_eq!((head.all("x-twice"), head.field("content-type")), (vec!["1", "2"], "text/x-odd; charset=\"é\""));
        assert_eq!((head.field("location"), head.field("retry-after")), ("http://elsewhere/", "7"));
        assert_eq!((head.field("www-authenticate"), head.field("server")), ("Basic", "theirs"));
        assert_eq!(head.field("date"), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(head.field("content-length"), body.len().to_string());
        assert_eq!(bench.caller.body(&head).await, body.as_bytes());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_to_the_upstreams_connection_ends_at_the_gateway() {
    let mut bench = Bench::new().await;
    let fields = "connection: close, X-Mine, content-length\r\nx-mine: 1\r\nkeep-alive: timeout=5\r\nproxy-authenticate: Basic\r\n\
        proxy-connection: close\r\nupgrade: h2c\r\ntrailer: x-t\r\nx-kept: 2\r\ncontent-length: 2\r\n";
    let head = bench.answered("GET", format!("HTTP/1.1 200 OK\r\n{fields}\r\nok")).await;
    for gone in ["connection", "x-mine", "keep-alive", "proxy-authenticate", "proxy-connection", "upgrade", "trailer"] {
        assert_eq!(head.all(gone), [""; 0], "{head:?}");
    }
    assert_eq!((head.field("x-kept"), bench.caller.body(&head).await), ("2", b"ok".to_vec()));
    // The caller's connection goes on although the upstream's ended.
    assert_eq!(bench.answered("GET", "HTTP/1.1 204 No Content\r\n\r\n").await.status(), 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_cannot_set_the_gateways_cookies() {
    let mut bench = Bench::new().await;
    let fields = "set-cookie: theirs=1; Path=/\r\nset-cookie: gatepost_session=s; Path=/\r\nset-cookie: __Host-gatepost_visit=v\r\n\
        set-cookie:  gatepost_session =s\r\nset-cookie: =gatepost_session=s\r\nset-cookie: b=gatepost_session\r\nset-cookie: gatepost_new\r\n";
    let head = bench.answered("GET", format!("HTTP/1.1 200 OK\r\n{fields}content-length: 0\r\n\r\n")).await;
    assert_eq!(head.all("set-cookie"), ["theirs=1; Path=/", "b=gatepost_session"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_head_has_the_length_and_no_body() {
    let mut bench = Bench::new().await;
    let head = bench.answered("HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 1234\r\ncontent-type: a/b\r\n\r\n").await;
    assert_eq!((head.status(), head.field("content-length"), head.field("content-type")), (200, "1234", "a/b"));
    // No body follows, so the next answer is the next thing on the connection.
    let head = bench.answered("HEAD", "HTTP/1.1 404 Not Found\r\ntransfer-encoding: chunked\r\n\r\n").await;
    assert_eq!(head.status(), 404);
    let head = bench.answered("GET", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    assert_eq!(bench.caller.body(&head).await, b"ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_have_no_body_have_none() {
    let mut bench = Bench::new().await;
    let head = bench.answered("GET", "HTTP/1.1 204 No Content\r\nx-a: 1\r\n\r\n").await;
    assert_eq!((head.status(), head.field("x-a"), head.all("transfer-encoding").len()), (204, "1", 0));
    let head = bench.answered("GET", "HTTP/1.1 304 Not Modified\r\netag: \"e\"\r\ncontent-length: 99\r\n\r\n").await;
    assert_eq!((head.status(), head.field("etag"), head.all("transfer-encoding").len()), (304, "\"e\"", 0));
    let head = bench.answered("GET", "HTTP/1.1 205 Reset Content\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!((head.status(), head.field("content-length")), (205, "0"));
    let head = bench.answered("GET", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    assert_eq!(bench.caller.body(&head).await, b"ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_before_the_answer_is_not_taken_for_it() {
    let mut bench = Bench::new().await;
    let early = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";
    let head = bench.answered("GET", format!("{early}HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")).await;
    assert_eq!((head.status(), bench.caller.body(&head).await), (200, b"ok".to_vec()));
}

#[tokio::test(flavor = "multi_thread")]
async fn chunking_wins_over_a_length_and_the_length_does_not_come_back() {
    let mut bench = Bench::new().await;
    for fields in ["content-length: 3\r\ntransfer-encoding: chunked\r\n", "transfer-encoding: chunked\r\ncontent-length: 3\r\n"] {
        let head = bench.answered("GET", format!("HTTP/1.1 200 OK\r\n{fields}\r\n5\r\nhello\r\n0\r\n\r\n")).await;
        assert_eq!((head.field("transfer-encoding"), head.all("content-length").len()), ("chunked", 0));
        assert_eq!(bench.caller.body(&head).await, b"hello");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_speaks_the_old_version_is_passed_on_in_ours() {
    let mut bench = Bench::new().await;
    // Such a body ends with its connection; the caller is told its end in so many words.
    let head = bench.answered("GET", "HTTP/1.0 200 OK\r\nserver: old\r\n\r\nsome text").await;
    assert_eq!((head.first.as_str(), head.field("transfer-encoding")), ("HTTP/1.1 200 OK", "chunked"));
    assert_eq!(bench.caller.body(&head).await, b"some text");
    let head = bench.answered("GET", "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    assert_eq!((head.first.as_str(), bench.caller.body(&head).await), ("HTTP/1.1 200 OK", b"ok".to_vec()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_speaks_the_old_version_is_answered() {
    let bench = Bench::new().await;
    let mut caller = bench.caller;
    caller.send(format!("GET /v1/x HTTP/1.0\r\nhost: a\r\nauthorization: Bearer {}\r\n\r\n", bench.token)).await;
    let (mut wire, head) = bench.upstream.asked().await;
    assert_eq!((head.first.as_str(), head.field("x-forwarded-host")), ("GET /v1/x HTTP/1.1", "a"));
    assert_eq!(head.field("host"), bench.upstream.address.to_string());
    wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n").await;
    let head = caller.head().await;
    assert_eq!((head.status(), head.all("transfer-encoding").len()), (200, 0));
    assert_eq!(caller.rest().await, b"hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_sent_at_once_on_one_connection_are_answered_in_turn() {
    let mut bench = Bench::new().await;
    let request = |n| format!("GET /v1/{n} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\n\r\n", bench.token);
    bench.caller.send(format!("{}{}GET /v1/3 HTTP/1.1\r\nhost: a\r\n\r\n", request(1), request(2))).await;
    let (mut wire, first) = bench.upstream.asked().await;
    assert!(first.first.contains("/v1/1") && wire.is_quiet());
    wire.send("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n1").await;
    assert!(wire.head().await.first.contains("/v1/2"));
    wire.send("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n2").await;
    for body in [b"1", b"2"] {
        let head = bench.caller.head().await;
        assert_eq!(bench.caller.body(&head).await, body);
    }
    // A token is not the connection's: the third request came without.
    assert_eq!(bench.caller.head().await.status(), 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_mebibytes_come_back_unchanged_whatever_their_framing() {
    let mut bench = Bench::new().await;
    let body = noise(8 << 20);
    for chunked in [false, true] {
        let token = &bench.token;
        bench.caller.send(format!("GET /v1/x HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n\r\n")).await;
        let (mut wire, _head) = bench.upstream.asked().await;
        let sent = body.clone();
        let sending = tokio::spawn(async move {
            if chunked {
                wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
                for piece in sent.chunks(123_457) {
                    wire.send(format!("{:x}\r\n", piece.len())).await;
                    wire.send(piece).await;
                    wire.send("\r\n").await;
                }
                wire.send("0\r\n\r\n").await;
            } else {
                wire.send(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", sent.len())).await;
                wire.send(sent).await;
            }
        });
        let head = bench.caller.head().await;
        let received = bench.caller.body(&head).await;
        assert!(received == body, "{} bytes of {}", received.len(), body.len());
        soon(sending).await.unwrap();
    }
}
