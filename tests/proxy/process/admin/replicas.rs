//! What an operator sees of a gateway that has a folder for itself, and of what it took back.

use std::path::Path;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

use super::taking_back::{is_cut, streaming, with_grace};
use crate::{
    proxy::{
        process::{installation::Installation, login::log_in},
        raw::{RawUpstream, soon},
    },
    support::{gateway::CONFIG, upstream::Upstream},
};

async fn asked(socket: &Path, method: &str) -> String {
    let mut stream = UnixStream::connect(socket).await.unwrap();
    stream.write_all(format!("{method} /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_alone_says_what_is_true_of_it() {
    let upstream = Upstream::start().await;
    let (installation, child, address) = with_grace(upstream.address).await;
    log_in(address, "grace", "a better password", "app").await;
    let id = installation.told(&["grant", "list"]).await[0]["id"].as_str().unwrap().to_owned();
    let revoked = installation.done(&["admin", "grant", "revoke", &id], "").await;
    assert_eq!((revoked.code, revoked.stdout.lines().nth(1)), (Some(0), Some("The one replica knows it (0 ms).")), "{revoked:?}");

    let shown = installation.told(&["replica", "show"]).await;
    assert_eq!((&shown["mode"], &shown["lease"], &shown["lease_ms"]), (&"alone".into(), &"none is needed".into(), &Value::Null));
    assert_eq!(shown["applied"], 1, "{shown}");
    let listed = installation.told(&["replica", "list"]).await;
    assert_eq!(listed, json!([{"name": shown["name"], "this": true, "applied": 1, "behind": 0, "serve_known": null}]));

    let socket = installation.data().join("admin.sock");
    let metrics = asked(&socket, "GET").await;
    assert!(metrics.starts_with("HTTP/1.1 200 ") && metrics.contains("content-type: text/plain; version=0.0.4"), "{metrics}");
    assert!(metrics.contains("\ngatepost_known_grants 0\n") && !metrics.contains("lease_seconds"), "{metrics}");
    let refused = asked(&socket, "POST").await;
    assert!(refused.starts_with("HTTP/1.1 405 ") && refused.contains("allow: GET\r\n"), "{refused}");
    child.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_counted_while_they_are_open_and_when_they_are_cut() {
    let upstream = RawUpstream::start().await;
    let (installation, child, address) = with_grace(upstream.address).await;
    let login = log_in(address, "grace", "a better password", "app").await;
    let stream = streaming(address, &upstream, &login.access).await;
    let shown = installation.told(&["replica", "show"]).await;
    assert_eq!((&shown["open_streams"], &shown["streams_cut"]), (&1.into(), &0.into()), "{shown}");
    let id = installation.told(&["grant", "list"]).await[0]["id"].as_str().unwrap().to_owned();
    installation.told(&["grant", "revoke", &id]).await;
    is_cut(stream).await;
    assert_eq!(installation.told(&["replica", "show"]).await["streams_cut"], 1);
    child.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_gateway_runs_there_is_none_to_show() {
    let installation = Installation::with(CONFIG);
    assert_eq!(installation.told(&["replica", "list"]).await, json!([]));
    let (code, exit, message) = installation.refused(&["replica", "show"], "").await;
    assert_eq!((code.as_str(), exit), ("not_found", 67), "{message}");
    let list = installation.done(&["admin", "replica", "list"], "").await;
    assert_eq!(list.stdout, "No gateway runs.\n");
}
