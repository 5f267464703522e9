//! What ends a connection that has become another protocol's.

use std::time::Duration;

use tokio::time::sleep;

use super::{
    raw::{Wire, soon},
    upgrades::{Bench, HANDSHAKE, asking, stands, switching},
};

const UPGRADE: &str = "upgrade = [\"websocket\"]";

#[tokio::test(flavor = "multi_thread")]
async fn taking_access_back_cuts_its_tunnels_on_both_sides_and_no_others() {
    let bench = Bench::new().await;
    bench.stand.gateway.add_user("bob", "inference").await;
    let (token, of_bob) = (bench.stand.token().await, bench.stand.token_of("bob", "app").await.access);
    let mut mine = Vec::new();
    for _ in 0..3 {
        mine.push(bench.tunnel(&token.access).await);
    }
    let (mut bob, mut bobs) = bench.tunnel(&of_bob).await;
    let began = std::time::Instant::now();
    bench.stand.revoke(&token).await;
    for (caller, wire) in &mut mine {
        // Not a word more, not even a close frame.
        caller.closed().await;
        wire.closed().await;
    }
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    stands(&mut bob, &mut bobs).await;
    let mut again = Wire::to(bench.stand.gateway.address).await;
    again.send(asking(&token.access, HANDSHAKE)).await;
    assert_eq!(again.head().await.status(), 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_takes_nothing_cannot_keep_a_tunnel_whose_access_is_taken_back() {
    for caller_floods in [true, false] {
        let bench = Bench::new().await;
        let token = bench.stand.token().await;
        let (mut caller, mut wire) = bench.tunnel(&token.access).await;
        if caller_floods {
            caller.flood().await;
        } else {
            wire.flood().await;
        }
        bench.stand.revoke(&token).await;
        if caller_floods {
            caller.closed().await;
            wire.rest().await;
        } else {
            wire.closed().await;
            caller.rest().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_that_is_not_agreed_to_yet_is_called_off_when_its_access_is_taken_back() {
    let bench = Bench::new().await;
    let token = bench.stand.token().await;
    let (mut caller, mut wire, _head) = bench.asked(asking(&token.access, HANDSHAKE)).await;
    bench.stand.revoke(&token).await;
    wire.closed().await;
    assert_eq!(caller.head().await.status(), 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_token_is_needed_none_can_be_taken_back() {
    let bench = Bench::with(UPGRADE, "[[routes]]\nprefix = \"/open\"\nauth = \"none\"\nupgrade = [\"websocket\"]").await;
    let token = bench.stand.token().await;
    let request = format!("GET /open/x HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\n{HANDSHAKE}\r\n", token.access);
    let (mut caller, mut wire, _head) = bench.asked(request).await;
    wire.send(switching()).await;
    assert_eq!(caller.head().await.status(), 101);
    bench.stand.revoke(&token).await;
    stands(&mut caller, &mut wire).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_leaves_the_other_side_is_told() {
    let bench = Bench::new().await;
    let token = bench.stand.token().await.access;
    for reset in [true, false] {
        let (caller, mut wire) = bench.tunnel(&token).await;
        if reset {
            caller.reset();
        } else {
            drop(caller);
        }
        wire.closed().await;
        let (mut caller, wire) = bench.tunnel(&token).await;
        if reset {
            wire.reset();
        } else {
            drop(wire);
        }
        caller.closed().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_before_an_end_arrives_before_it_and_the_other_side_may_say_its_last() {
    let bench = Bench::new().await;
    let token = bench.stand.token().await.access;
    let (mut caller, mut wire) = bench.tunnel(&token).await;
    caller.send("last").await;
    caller.end().await;
    assert_eq!(wire.rest().await, b"last");
    wire.send("as well").await;
    drop(wire);
    assert_eq!(caller.rest().await, b"as well");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_leaves_before_the_upstream_agrees_ends_the_call() {
    let bench = Bench::new().await;
    let token = bench.stand.token().await.access;
    let (caller, mut wire, _head) = bench.asked(asking(&token, HANDSHAKE)).await;
    drop(caller);
    wire.closed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tunnel_on_which_nothing_goes_either_way_is_closed() {
    let bench = Bench::with(UPGRADE, "[connections]\nidle_timeout = \"400ms\"\nhead_timeout = \"100ms\"\nmax_age = \"100ms\"").await;
    let token = bench.stand.token().await.access;
    let (mut caller, mut wire) = bench.tunnel(&token).await;
    // One direction is enough to keep it, and neither its age nor a head that never comes ends it.
    let began = std::time::Instant::now();
    while began.elapsed() < Duration::from_millis(1200) {
        wire.send("x").await;
        assert_eq!(caller.bytes(1).await, b"x");
        sleep(Duration::from_millis(20)).await;
    }
    caller.closed().await;
    wire.closed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_takes_nothing_loses_the_tunnel_however_much_he_sends() {
    let bench = Bench::with(UPGRADE, "[connections]\nsend_timeout = \"200ms\"").await;
    let token = bench.stand.token().await.access;
    let (mut caller, mut wire) = bench.tunnel(&token).await;
    let floods = tokio::spawn(async move { wire.send_until_closed().await });
    while caller.try_send("x").await {
        sleep(Duration::from_millis(10)).await;
    }
    soon(floods).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tunnel_keeps_the_place_of_its_connection() {
    let bench = Bench::with(UPGRADE, "[connections]\nmax = 2").await;
    let token = bench.stand.token().await.access;
    let (mut one, _wire) = bench.tunnel(&token).await;
    let (two, mut wire) = bench.tunnel(&token).await;
    Wire::to(bench.stand.gateway.address).await.closed().await;
    drop(two);
    wire.closed().await;
    drop(wire);
    // There is room again, once the gateway has noticed.
    soon(async {
        loop {
            let mut caller = Wire::to(bench.stand.gateway.address).await;
            if caller.try_send("GET /health HTTP/1.1\r\nhost: a\r\n\r\n").await && caller.try_head().await.is_some() {
                break;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(one.is_quiet());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tunnel_goes_on_while_the_gateway_drains_and_ends_with_it() {
    let bench = Bench::new().await;
    let token = bench.stand.token().await.access;
    let (mut caller, mut wire) = bench.tunnel(&token).await;
    // One more, to which the upstream agrees when the end has begun.
    let (mut late, mut lates, _head) = bench.asked(asking(&token, HANDSHAKE)).await;
    let mut idle = Wire::to(bench.stand.gateway.address).await;
    idle.send("GET /health HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let head = idle.head().await;
    idle.body(&head).await;
    let end = tokio::spawn(bench.stand.gateway.end());
    // A connection without a request is closed when the end begins.
    idle.closed().await;
    lates.send(switching()).await;
    let head = late.head().await;
    // hyper adds that it will take no further request.
    assert_eq!((head.status(), head.field("connection")), (101, "upgrade, close"));
    for (caller, wire) in [(&mut caller, &mut wire), (&mut late, &mut lates)] {
        stands(caller, wire).await;
    }
    assert!(!end.is_finished());
    for (mut caller, mut wire) in [(caller, wire), (late, lates)] {
        caller.closed().await;
        wire.closed().await;
    }
    soon(end).await.unwrap();
}
