//! Taking a grant back ends what runs under it, wherever that has got to.

use std::time::Duration;

use gatepost::oauth::{id::ClientId, user::UserName};

use super::{
    raw::Wire,
    streaming::{Bench, asking},
};

/// A gateway with two users, each with a token.
async fn bench() -> (Bench, super::stand::Token, String) {
    let bench = Bench::new("").await;
    bench.stand.gateway.add_user("bob", "inference").await;
    let token = bench.stand.token().await;
    let of_bob = bench.stand.token_of("bob", "app").await.access;
    (bench, token, of_bob)
}

/// The caller is told so in the route's words.
async fn is_told(caller: &mut Wire) {
    let head = caller.head().await;
    let body: serde_json::Value = serde_json::from_slice(&caller.body(&head).await).unwrap();
    assert_eq!((head.status(), &body["error"]["code"]), (401, &"token_revoked".into()));
    assert!(head.field("www-authenticate").ends_with("error=\"invalid_token\""), "{head:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_stream_ends_with_its_call_and_others_go_on() {
    let (bench, token, of_bob) = bench().await;
    let mut mine = Vec::new();
    for _ in 0..3 {
        mine.push(bench.streaming(&token.access).await);
    }
    let (mut bob, mut bobs) = bench.streaming(&of_bob).await;
    bench.stand.revoke(&token).await;
    for (mut caller, mut wire) in mine {
        caller.last_event().await;
        wire.closed().await;
    }
    assert_eq!(bench.stand.gateway.engine.gauges().streams_cut, 3);
    bobs.send_chunk("data: 2\n\n").await;
    assert_eq!(bob.chunk().await.as_deref(), Some("data: 2\n\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_grant_of_the_same_user_goes_on() {
    let (bench, token, _) = bench().await;
    let other = bench.stand.token().await.access;
    let (mut caller, mut wire) = bench.streaming(&other).await;
    bench.stand.revoke(&token).await;
    wire.send_chunk("data: 2\n\n").await;
    assert_eq!(caller.chunk().await.as_deref(), Some("data: 2\n\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_not_answered_yet_is_called_off_and_its_caller_is_told() {
    let (bench, token, _) = bench().await;
    let (mut caller, mut wire) = bench.asked(&token.access).await;
    bench.stand.revoke(&token).await;
    wire.closed().await;
    is_told(&mut caller).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_body_is_still_being_sent_is_called_off() {
    let (bench, token, _) = bench().await;
    let mut caller = Wire::to(bench.stand.gateway.address).await;
    let head = format!("POST /v1/x HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\n", token.access);
    caller.send(format!("{head}content-length: 8\r\n\r\nhalf")).await;
    let (mut wire, _head) = bench.upstream.asked().await;
    assert_eq!(wire.bytes(4).await, b"half");
    bench.stand.revoke(&token).await;
    wire.closed().await;
    is_told(&mut caller).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_does_not_read_cannot_keep_his_call_alive() {
    let (bench, token, _) = bench().await;
    let (mut caller, mut wire) = bench.asked(&token.access).await;
    wire.send("HTTP/1.1 200 OK\r\n\r\n").await;
    assert_eq!(caller.head().await.status(), 200);
    wire.flood().await;
    bench.stand.revoke(&token).await;
    wire.closed().await;
    // Once he reads, he gets what was on its way, and no clean end.
    assert!(!caller.rest().await.ends_with(b"0\r\n\r\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_served_the_grant_serves_others_after_it() {
    let (bench, token, of_bob) = bench().await;
    let (mut caller, mut wire) = bench.asked(&token.access).await;
    wire.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(caller.head().await.status(), 204);
    caller.send(asking(&of_bob)).await;
    wire.head().await;
    bench.stand.revoke(&token).await;
    wire.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(caller.head().await.status(), 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_found_by_its_user_and_its_client_when_the_record_of_its_grant_is_gone() {
    for by_client in [true, false] {
        let (bench, token, of_bob) = bench().await;
        let (mut caller, mut wire) = bench.streaming(&token.access).await;
        let (mut bob, mut bobs) = bench.streaming(&of_bob).await;
        bench.stand.gateway.time.advance(Duration::from_secs(366 * 24 * 3600));
        bench.stand.store.sweep().await.unwrap();
        assert!(bench.stand.store.grant(token.grant).await.unwrap().is_none());
        let engine = &bench.stand.gateway.engine;
        if by_client {
            let app = ClientId::new("app");
            engine.change_client("bootspring", &app, None, |client| client.generation += 1).await.unwrap().unwrap();
            bob.last_event().await;
            bobs.closed().await;
        } else {
            engine.disable_user(&UserName::parse("ada").unwrap()).await.unwrap().unwrap();
            bobs.send_chunk("data: 2\n\n").await;
            assert_eq!(bob.chunk().await.as_deref(), Some("data: 2\n\n"));
        }
        caller.last_event().await;
        wire.closed().await;
    }
}
