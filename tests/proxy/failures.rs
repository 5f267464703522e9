//! What a caller is told when the server behind the gateway fails, and what the server sees.

use std::net::SocketAddr;

use serde_json::Value;
use socket2::{Domain, Socket, Type};

use super::{
    raw::{Head, RawUpstream, Wire},
    stand::{Stand, config},
};

/// A caller on one connection, and a token.
struct Bench {
    stand: Stand,
    caller: Wire,
    token: String,
}

impl Bench {
    /// Before an upstream with these settings; the route says no as RFC 9457 does if `route` says
    /// so.
    async fn new(upstream: &str, route: &str) -> Self {
        let stand = Stand::with(&config(upstream, &format!("prefix = \"/v1\"\nscopes = [\"inference\"]\n{route}"))).await;
        let token = stand.token().await.access;
        let caller = Wire::to(stand.gateway.address).await;
        Self { stand, caller, token }
    }

    async fn ask(&mut self) {
        let token = &self.token;
        self.caller.send(format!("POST /v1/x HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\ncontent-length: 2\r\n\r\nhi")).await;
    }

    /// The whole answer.
    async fn answer(&mut self) -> (Head, Value) {
        let head = self.caller.head().await;
        let body = serde_json::from_slice(&self.caller.body(&head).await).unwrap();
        (head, body)
    }

    /// The answer is a refusal in OpenAI's shape with this status and code.
    async fn is_told(&mut self, status: u16, code: &str) {
        let (head, body) = self.answer().await;
        assert_eq!((head.status(), body["error"]["code"].as_str()), (status, Some(code)), "{body}");
        assert_eq!((head.field("content-type"), head.field("cache-control")), ("application/json", "no-store"));
        assert_eq!((&body["error"]["type"], &body["error"]["param"]), (&Value::from("api_error"), &Value::Null));
        assert_eq!(body["error"]["request_id"], head.field("x-request-id"));
        assert!(head.all("www-authenticate").is_empty());
        // What lies behind it is for the operator's log alone.
        let words = body["error"]["message"].as_str().unwrap();
        assert!(words.is_ascii() && !words.contains("127.0.0.1") && !words.contains("os error"), "{words}");
    }
}

fn plain(address: SocketAddr) -> String {
    format!("url = \"http://{address}\"")
}

/// A socket that has an address and takes no connections.
fn unheard() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_refuses_connections_is_a_bad_gateway() {
    let (_bound, address) = unheard();
    let mut bench = Bench::new(&plain(address), "").await;
    bench.ask().await;
    bench.is_told(502, "upstream_unavailable").await;
    // The caller's connection is none the worse for it.
    bench.ask().await;
    bench.is_told(502, "upstream_unavailable").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_without_an_address_is_a_bad_gateway() {
    let mut bench = Bench::new("url = \"http://nowhere.invalid:1\"", "").await;
    bench.ask().await;
    bench.is_told(502, "upstream_unavailable").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_hangs_up_before_it_answers_is_a_bad_gateway() {
    let upstream = RawUpstream::start().await;
    let mut bench = Bench::new(&plain(upstream.address), "").await;
    bench.ask().await;
    drop(upstream.accept().await);
    bench.is_told(502, "upstream_unavailable").await;

    bench.ask().await;
    drop(upstream.asked().await);
    bench.is_told(502, "upstream_unavailable").await;

    bench.ask().await;
    upstream.asked().await.0.reset();
    bench.is_told(502, "upstream_unavailable").await;

    bench.ask().await;
    let (mut wire, _head) = upstream.asked().await;
    wire.send("HTTP/1.1 200 OK\r\ncontent-le").await;
    drop(wire);
    bench.is_told(502, "upstream_unavailable").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_answer_is_a_bad_gateway_and_ends_the_connection() {
    let upstream = RawUpstream::start().await;
    let mut bench = Bench::new(&plain(upstream.address), "").await;
    for nonsense in [
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 twohundred OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nbad name: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: two\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok!",
        "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999\r\n\r\n",
        // The codings below would be lost on the way, and what comes after would mean nothing.
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        // Nobody asked for another protocol.
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    ] {
        bench.ask().await;
        let (mut wire, head) = upstream.asked().await;
        wire.body(&head).await;
        wire.send(nonsense).await;
        bench.is_told(502, "upstream_unavailable").await;
        wire.closed().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_takes_too_long_is_a_gateway_timeout() {
    // A queue for one connection, which is taken: the kernel answers no further ones.
    let (socket, address) = unheard();
    socket.listen(0).unwrap();
    let mut taken = Vec::new();
    while let Ok(one) = std::net::TcpStream::connect_timeout(&address, std::time::Duration::from_secs(1)) {
        taken.push(one);
        assert!(taken.len() < 16, "this kernel's queues have no end");
    }
    let mut bench = Bench::new(&format!("{}\nconnect_timeout = \"50ms\"", plain(address)), "").await;
    bench.ask().await;
    bench.is_told(504, "upstream_timeout").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tls_handshake_that_is_never_answered_is_a_gateway_timeout_and_the_connection_ends() {
    let upstream = RawUpstream::start().await;
    let mut bench = Bench::new(&format!("url = \"https://{}\"\nconnect_timeout = \"1s\"", upstream.address), "").await;
    bench.ask().await;
    let mut wire = upstream.accept().await;
    bench.is_told(504, "upstream_timeout").await;
    // Nothing of the request, only the first words of a handshake.
    assert_eq!(wire.rest().await[0], 22);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_takes_too_long_is_a_gateway_timeout_and_its_work_is_called_off() {
    let upstream = RawUpstream::start().await;
    let mut bench = Bench::new(&format!("{}\nresponse_timeout = \"500ms\"", plain(upstream.address)), "").await;
    bench.ask().await;
    let (mut wire, head) = upstream.asked().await;
    wire.body(&head).await;
    bench.is_told(504, "upstream_timeout").await;
    wire.closed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstreams_failure_is_told_in_the_routes_shape() {
    let (_bound, address) = unheard();
    let mut bench = Bench::new(&plain(address), "errors = \"problem\"").await;
    bench.ask().await;
    let (head, problem) = bench.answer().await;
    assert_eq!((head.status(), head.field("content-type")), (502, "application/problem+json"));
    assert_eq!((&problem["code"], &problem["status"]), (&"upstream_unavailable".into(), &502.into()));
    assert_eq!(problem["instance"], head.field("x-request-id"));
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_store_is_away_nobody_is_told_that_his_token_is_bad() {
    let upstream = RawUpstream::start().await;
    for (errors, code_at) in [("openai", "/error/code"), ("problem", "/code")] {
        let mut bench = Bench::new(&plain(upstream.address), &format!("errors = \"{errors}\"")).await;
        bench.stand.take_store_away();
        bench.ask().await;
        let (head, body) = bench.answer().await;
        assert_eq!((head.status(), head.field("retry-after")), (503, "1"), "{body}");
        assert_eq!(body.pointer(code_at).unwrap(), "store_unavailable");
        assert!(head.all("www-authenticate").is_empty() && head.field("x-request-id").starts_with("req_"));
        assert!(!body.to_string().contains("taken away"), "{body}");

        bench.stand.bring_store_back();
        bench.ask().await;
        let (mut wire, _head) = upstream.asked().await;
        wire.send("HTTP/1.1 204 No Content\r\n\r\n").await;
        assert_eq!(bench.caller.head().await.status(), 204);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_token_is_known_without_the_store_and_health_asks_nobody() {
    let upstream = RawUpstream::start().await;
    let mut bench = Bench::new(&plain(upstream.address), "").await;
    bench.stand.take_store_away();
    bench.token = "bs_at_forged".to_owned();
    bench.ask().await;
    let (head, body) = bench.answer().await;
    assert_eq!((head.status(), &body["error"]["code"]), (401, &"invalid_token".into()));
    bench.caller.send("GET /health HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(bench.answer().await.0.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_names_its_request_and_the_upstream_is_told_the_same_name() {
    let upstream = RawUpstream::start().await;
    let mut bench = Bench::new(&plain(upstream.address), "").await;
    let mut names = Vec::new();
    for line in ["GET /health", "GET /nothing", "GET /v1/x", "GET //", "POST /health", "GET /device", "POST /auth/device/code"] {
        bench.caller.send(format!("{line} HTTP/1.1\r\nhost: a\r\nx-request-id: mine\r\ncontent-length: 0\r\n\r\n")).await;
        let head = bench.caller.head().await;
        bench.caller.body(&head).await;
        names.push(head.field("x-request-id").to_owned());
    }
    bench.ask().await;
    let (mut wire, head) = upstream.asked().await;
    names.push(head.field("x-request-id").to_owned());
    wire.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(bench.caller.head().await.field("x-request-id"), names.last().unwrap());
    assert!(names.iter().all(|name| name.len() == 20 && name.starts_with("req_")), "{names:?}");
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 8);
}
