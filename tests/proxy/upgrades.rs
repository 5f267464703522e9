//! Connections that become another protocol's.

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{
    accept_async, client_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use super::{
    raw::{Head, RawUpstream, Wire, soon},
    stand::{Stand, config},
};

/// A gateway before a server that the test serves itself.
pub(super) struct Bench {
    pub(super) stand: Stand,
    pub(super) upstream: RawUpstream,
}

/// What asks for the upgrade, besides the credential.
pub(super) const HANDSHAKE: &str =
    "connection: keep-alive, Upgrade\r\nupgrade: WebSocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// RFC 6455 section 1.3.
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// An upstream's answer that agrees, with some of its own that is not the caller's.
pub(super) fn switching() -> String {
    let own = "date: x\r\nkeep-alive: 5\r\nset-cookie: gatepost_session=s\r\ncontent-length: 0\r\n";
    format!("HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: {ACCEPT}\r\n{own}\r\n")
}

/// A request with these fields besides.
pub(super) fn asking(token: &str, more: &str) -> String {
    format!("GET /v1/live?model=m HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n{more}\r\n")
}

impl Bench {
    pub(super) async fn new() -> Self {
        Self::with("upgrade = [\"websocket\"]", "").await
    }

    /// With more on its route and in its file.
    pub(super) async fn with(route: &str, more: &str) -> Self {
        let upstream = RawUpstream::start().await;
        let route = format!("prefix = \"/v1\"\nscopes = [\"inference\"]\n{route}\n{more}");
        let stand = Stand::with(&config(&format!("url = \"http://{}\"", upstream.address), &route)).await;
        Self { stand, upstream }
    }

    /// A caller who has sent this, the connection on which the server was asked, and how.
    pub(super) async fn asked(&self, request: impl AsRef<[u8]>) -> (Wire, Wire, Head) {
        let mut caller = Wire::to(self.stand.gateway.address).await;
        caller.send(request).await;
        let (wire, head) = self.upstream.asked().await;
        (caller, wire, head)
    }

    /// Both ends of a tunnel.
    pub(super) async fn tunnel(&self, token: &str) -> (Wire, Wire) {
        let (mut caller, mut wire, _head) = self.asked(asking(token, HANDSHAKE)).await;
        wire.send(switching()).await;
        assert_eq!(caller.head().await.status(), 101);
        (caller, wire)
    }
}

/// Bytes go both ways, whatever they are.
pub(super) async fn stands(caller: &mut Wire, wire: &mut Wire) {
    const BYTES: &[u8] = b"\x00\xff\r\n\r\nGET";
    caller.send(BYTES).await;
    assert_eq!(wire.bytes(BYTES.len()).await, BYTES);
    wire.send(BYTES).await;
    assert_eq!(caller.bytes(BYTES.len()).await, BYTES);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_that_the_route_has_is_asked_for_and_agreed_to_and_then_bytes_go_both_ways() {
    let bench = Bench::new().await;
    let token = bench.stand.token().await;
    let (mut caller, mut wire, asked) = bench.asked(asking(&token.access, HANDSHAKE)).await;
    assert_eq!(asked.first, "GET /v1/live?model=m HTTP/1.1");
    // The one that the route has, and nothing besides.
    assert_eq!((asked.field("connection"), asked.field("upgrade")), ("upgrade", "websocket"));
    assert_eq!((asked.field("sec-websocket-key"), asked.field("sec-websocket-version")), ("dGhlIHNhbXBsZSBub25jZQ==", "13"));
    assert_eq!((asked.all("authorization").len(), asked.field("x-gatepost-user")), (0, "ada"));
    wire.send(switching()).await;
    let answer = caller.head().await;
    assert_eq!((answer.status(), answer.field("sec-websocket-accept")), (101, ACCEPT));
    assert_eq!((answer.field("connection"), answer.field("upgrade")), ("upgrade", "websocket"));
    assert_eq!(answer.names(), ["connection", "date", "sec-websocket-accept", "upgrade", "x-request-id"]);
    stands(&mut caller, &mut wire).await;
    stands(&mut caller, &mut wire).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_behind_a_head_in_one_piece_with_it_is_the_other_protocols() {
    let bench = Bench::new().await;
    let token = bench.stand.token().await.access;
    let (mut caller, mut wire, _head) = bench.asked(asking(&token, HANDSHAKE) + "early").await;
    assert!(wire.is_quiet(), "nothing goes upstream before it has agreed");
    wire.send(switching() + "soon").await;
    assert_eq!(caller.head().await.status(), 101);
    assert_eq!((wire.bytes(5).await, caller.bytes(4).await), (b"early".to_vec(), b"soon".to_vec()));
    stands(&mut caller, &mut wire).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_library_on_either_side_notices_no_gateway() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("url = \"http://{}\"", listener.local_addr().unwrap());
    let stand = Stand::with(&config(&url, "prefix = \"/v1\"\nscopes = [\"inference\"]\nupgrade = [\"websocket\"]")).await;
    let server = tokio::spawn(async move {
        let mut socket = accept_async(listener.accept().await.unwrap().0).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() || message.is_binary() {
                socket.send(message).await.unwrap();
            }
        }
    });
    let mut request = format!("ws://{}/v1/live", stand.gateway.address).into_client_request().unwrap();
    let bearer = format!("Bearer {}", stand.token().await.access);
    request.headers_mut().insert("authorization", bearer.parse().unwrap());
    let (mut socket, answer) = client_async(request, TcpStream::connect(stand.gateway.address).await.unwrap()).await.unwrap();
    assert_eq!(answer.status(), 101);
    // More than all buffers on the way hold.
    for message in [Message::text("hello"), Message::binary(vec![7; 4 << 20]), Message::text("")] {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(soon(socket.next()).await.unwrap().unwrap(), message);
    }
    socket.send(Message::Ping("p".into())).await.unwrap();
    assert_eq!(soon(socket.next()).await.unwrap().unwrap(), Message::Pong("p".into()));
    socket.close(None).await.unwrap();
    assert!(matches!(soon(socket.next()).await, Some(Ok(Message::Close(_)))));
    assert!(soon(socket.next()).await.is_none(), "the closing handshake ends it without an error");
    soon(server).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_right_to_the_route_gets_no_upgrade_either() {
    let bench = Bench::new().await;
    bench.stand.gateway.add_user("bob", "images").await;
    let wrong = bench.stand.token_of("bob", "app").await.access;
    for (credential, status) in [
        (String::new(), 401),
        ("authorization: Bearer junk\r\n".to_owned(), 401),
        (format!("authorization: Bearer {wrong}\r\n"), 403),
        (format!("authorization: Bearer {wrong}\r\nx-api-key: {wrong}\r\n"), 400),
    ] {
        let mut caller = Wire::to(bench.stand.gateway.address).await;
        caller.send(format!("GET /v1/live HTTP/1.1\r\nhost: a\r\n{credential}{HANDSHAKE}\r\n")).await;
        assert_eq!(caller.head().await.status(), status, "{credential}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_for_an_upgrade_has_no_body() {
    let bench = Bench::new().await;
    let token = bench.stand.token().await.access;
    for body in ["content-length: 2\r\n\r\nhi", "transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"] {
        let mut caller = Wire::to(bench.stand.gateway.address).await;
        caller.send(asking(&token, HANDSHAKE).trim_end().to_owned() + "\r\n" + body).await;
        let head = caller.head().await;
        let error: serde_json::Value = serde_json::from_slice(&caller.body(&head).await).unwrap();
        let message = "A request for an upgrade cannot have a body.";
        assert_eq!((head.status(), &error["error"]["message"]), (400, &message.into()));
    }
    // One of no length is none.
    let (mut caller, mut wire, head) = bench.asked(asking(&token, &format!("{HANDSHAKE}content-length: 0\r\n"))).await;
    assert_eq!((head.field("upgrade"), head.all("content-length").len()), ("websocket", 0));
    wire.send(switching()).await;
    assert_eq!(caller.head().await.status(), 101);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_asks_for_no_upgrade_of_the_routes_is_one_like_every_other() {
    let bench = Bench::new().await;
    let token = bench.stand.token().await.access;
    let asking = |line: &str, fields: &str| format!("{line}\r\nhost: a\r\nauthorization: Bearer {token}\r\n{fields}\r\n");
    for request in [
        asking("POST /v1/x HTTP/1.1", HANDSHAKE),
        asking("GET /v1/x HTTP/1.0", HANDSHAKE),
        asking("GET /v1/x HTTP/1.1", "upgrade: websocket\r\n"),
        asking("GET /v1/x HTTP/1.1", "connection: upgrade\r\n"),
        asking("GET /v1/x HTTP/1.1", "connection: upgrade\r\nupgrade: h2c, websocket/1\r\n"),
        asking("GET /v1/x HTTP/1.1", "connection: upgrades\r\nupgrade: websocket\r\n"),
    ] {
        let (mut caller, mut wire, head) = bench.asked(&request).await;
        assert_eq!((head.all("connection"), head.all("upgrade")), (vec![], vec![]), "{request}");
        // Whoever agrees to what nobody asked him for makes no sense.
        wire.send(switching()).await;
        assert_eq!(caller.head().await.status(), 502, "{request}");
        wire.closed().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_without_the_key_knows_no_upgrade() {
    let bench = Bench::with("", "").await;
    let token = bench.stand.token().await.access;
    let (mut caller, mut wire, head) = bench.asked(asking(&token, HANDSHAKE)).await;
    assert_eq!((head.all("connection"), head.all("upgrade")), (vec![], vec![]));
    wire.send(switching()).await;
    assert_eq!(caller.head().await.status(), 502);
    wire.closed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_agrees_to_another_protocol_makes_no_sense() {
    let bench = Bench::new().await;
    let token = bench.stand.token().await.access;
    for upgrade in ["upgrade: h2c\r\n", "upgrade: websockets\r\n", ""] {
        let (mut caller, mut wire, _head) = bench.asked(asking(&token, HANDSHAKE)).await;
        wire.send(format!("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n{upgrade}\r\n")).await;
        assert_eq!(caller.head().await.status(), 502, "{upgrade}");
        wire.closed().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_other_answer_is_an_ordinary_one_and_the_connections_serve_on() {
    let bench = Bench::new().await;
    let token = bench.stand.token().await.access;
    let (mut caller, mut wire, _head) = bench.asked(asking(&token, HANDSHAKE)).await;
    for (answer, status) in [
        ("200 OK\r\nupgrade: websocket\r\nconnection: upgrade", 200),
        ("426 Upgrade Required\r\nsec-websocket-version: 12", 426),
        ("403 Forbidden", 403),
    ] {
        wire.send(format!("HTTP/1.1 {answer}\r\ncontent-length: 2\r\n\r\nno")).await;
        let head = caller.head().await;
        assert_eq!((head.status(), head.all("upgrade"), caller.body(&head).await), (status, vec![], b"no".to_vec()));
        caller.send(asking(&token, HANDSHAKE)).await;
        wire.head().await;
    }
    wire.send(switching()).await;
    assert_eq!(caller.head().await.status(), 101);
    stands(&mut caller, &mut wire).await;
}
