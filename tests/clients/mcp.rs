//! The TypeScript SDK of MCP, which knows the address of a server and nothing else.

use std::time::Duration;

use gatepost::message::{Body, body};
use http::{Response, StatusCode, header};
use serde_json::{Value, json};

use super::{code::Scene, script::Script};
use crate::support::upstream::{Seen, Upstream};

const SCRIPT: &str = include_str!("mcp.mjs");

/// An MCP server with one tool, as small as the protocol allows: it keeps no session and streams nothing.
fn answer(seen: &Seen) -> Response<Body> {
    let empty = |status| Response::builder().status(status).body(body::full("")).unwrap();
    if seen.method != "POST" {
        return empty(StatusCode::METHOD_NOT_ALLOWED);
    }
    let asked: Value = serde_json::from_slice(&seen.body).unwrap();
    let result = match asked["method"].as_str().unwrap() {
        "initialize" => json!({
            "protocolVersion": asked["params"]["protocolVersion"], "capabilities": {"tools": {}},
            "serverInfo": {"name": "door", "version": "1.0.0"},
        }),
        "tools/call" => json!({"content": [{"type": "text", "text": "Who is there?"}]}),
        _ => return empty(StatusCode::ACCEPTED),
    };
    let answer = json!({"jsonrpc": "2.0", "id": asked["id"], "result": result}).to_string();
    Response::builder().header(header::CONTENT_TYPE, "application/json").body(body::full(answer)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_mcp_client_registers_has_its_user_asked_and_refreshes_by_itself() {
    let upstream = Upstream::answering(|seen| async move { answer(&seen) }).await;
    let Some(scene) = Scene::set(upstream).await else { return };
    let server = format!("{}/mcp", scene.standard.issuer);
    let Some(mut script) = Script::node(SCRIPT, &[("SERVER", &server)]) else { return };
    scene.decide(&script.says().await["open"], "Assistant", "Approve").await;
    assert_eq!(script.says().await, json!({"said": "Who is there?", "scope": "tools", "renewed": false}));

    // Its access token is over; the person is asked nothing.
    scene.standard.gateway.time.advance(Duration::from_secs(2 * 3600));
    script.tell(&json!("again"));
    assert_eq!(script.says().await, json!({"said": "Who is there?", "scope": "tools", "renewed": true}));
    script.ended().await;
    let seen = scene.upstream.seen();
    assert!(seen.iter().all(|seen| !seen.headers.contains_key(header::AUTHORIZATION)), "{seen:?}");
    scene.standard.gateway.end().await;
}
