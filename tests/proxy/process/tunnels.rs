//! Connections that become another protocol's, before a running `gatepost`.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{
    accept_async, client_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use super::installation::Installation;
use crate::{
    proxy::{
        raw::{RawUpstream, Wire, soon},
        tls::Certificate,
        upgrades::{HANDSHAKE, asking, switching},
    },
    support::{
        gateway::forwarding,
        http::{post_json, send},
    },
};

const UPGRADE: &str = "upgrade = [\"websocket\"]";

#[tokio::test(flavor = "multi_thread")]
async fn the_line_of_a_tunnel_is_written_at_its_end_and_says_how_it_ended() {
    let upstream = RawUpstream::start().await;
    let installation = Installation::with(&format!("{}\n{UPGRADE}\n[connections]\nidle_timeout = \"500ms\"", forwarding(upstream.address)));
    let token = installation.token().await;
    let (mut child, address) = installation.serve().await;
    let how_all = ["completed", "caller_left", "upstream_broke_off", "idle", "taken_back"];
    for how in how_all {
        let mut caller = Wire::to(address).await;
        caller.send(asking(&token.access, HANDSHAKE)).await;
        let (mut wire, head) = upstream.asked().await;
        wire.send(switching()).await;
        assert_eq!(caller.head().await.status(), 101);
        caller.send("three").await;
        assert_eq!(wire.bytes(5).await, b"three");
        wire.send("two").await;
        assert_eq!(caller.bytes(3).await, b"two");
        match how {
            "completed" => drop((caller, wire)),
            "caller_left" => {
                caller.reset();
                wire.closed().await;
            }
            "upstream_broke_off" => {
                wire.reset();
                caller.closed().await;
            }
            "idle" => caller.closed().await,
            _ => {
                let logout = post_json("/api/v1/auth/logout", &json!({"refreshToken": token.refresh}));
                assert_eq!(send(address, logout).await.status, 200);
                wire.closed().await;
            }
        }
        let line = child.logs(head.field("x-request-id")).await;
        assert_eq!((&line["outcome"], &line["status"]), (&how.into(), &101.into()));
        assert_eq!((&line["bytes_in"], &line["bytes_out"], &line["grant"]), (&5.into(), &3.into(), &token.grant.to_string().into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_line_of_a_tunnel_that_outlasts_the_gateway_says_so() {
    let upstream = RawUpstream::start().await;
    let text = format!("{}\n{UPGRADE}", forwarding(upstream.address).replace("drain = \"2s\"", "drain = \"50ms\""));
    let installation = Installation::with(&text);
    let token = installation.token().await;
    let (child, address) = installation.serve().await;
    let mut caller = Wire::to(address).await;
    caller.send(asking(&token.access, HANDSHAKE)).await;
    let (mut wire, head) = upstream.asked().await;
    wire.send(switching()).await;
    assert_eq!(caller.head().await.status(), 101);
    let ended = child.end().await;
    caller.closed().await;
    wire.closed().await;
    let line = ended.stderr.lines().find(|line| line.contains(head.field("x-request-id"))).unwrap();
    assert_eq!(serde_json::from_str::<Value>(line).unwrap()["outcome"], "gateway_ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_goes_to_an_upstream_behind_tls_as_well() {
    let certificate = Certificate::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let plain = format!("http://{}", listener.local_addr().unwrap());
    let secure = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let text = forwarding(listener.local_addr().unwrap()).replace(&plain, &secure);
    let installation = Installation::with(&format!("{text}\n{UPGRADE}"));
    let token = installation.token().await;
    let trusted = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(trusted.path(), certificate.pem()).unwrap();
    let (_child, address) = installation.serve_with(&[("SSL_CERT_FILE", trusted.path().to_str().unwrap())]).await;
    let acceptor = certificate.acceptor();
    let server = tokio::spawn(async move {
        let tls = acceptor.accept(listener.accept().await.unwrap().0).await.unwrap();
        let mut socket = accept_async(tls).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            if !message.is_close() {
                socket.send(message).await.unwrap();
            }
        }
    });
    let mut request = format!("ws://{address}/v1/live").into_client_request().unwrap();
    request.headers_mut().insert("authorization", format!("Bearer {}", token.access).parse().unwrap());
    let (mut socket, _answer) = client_async(request, TcpStream::connect(address).await.unwrap()).await.unwrap();
    for message in [Message::text("hello"), Message::binary(vec![7; 1 << 20])] {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(soon(socket.next()).await.unwrap().unwrap(), message);
    }
    socket.close(None).await.unwrap();
    while soon(socket.next()).await.is_some_and(|message| message.is_ok()) {}
    soon(server).await.unwrap();
}
