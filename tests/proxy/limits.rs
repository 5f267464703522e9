//! How much one caller may send on a route.

use std::{sync::Arc, time::Duration};

use gatepost::{
    clock::Manual,
    store::{Store, counter::MemoryCounter, memory::Memory},
};
use http::StatusCode;

use super::{
    raw::Wire,
    stand::{Stand, config},
};
use crate::support::{
    gateway::Gateway,
    http::{Reply, bearing, get},
    records::START,
    upstream::Upstream,
};

async fn limited_to(requests: u32, upstream: &Upstream, more: &str) -> Stand {
    let route = format!("prefix = \"/v1\"\nlimit = {{ requests = {requests}, per = \"1m\" }}\n{more}");
    Stand::with(&config(&format!("url = \"http://{}\"", upstream.address), &route)).await
}

async fn ask(stand: &Stand, token: &str) -> Reply {
    stand.gateway.send(bearing(get("/v1/x"), token)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_user_too_often_is_told_when_to_come_again_and_others_are_not_held_up() {
    let upstream = Upstream::start().await;
    let stand = limited_to(2, &upstream, "scopes = [\"inference\"]").await;
    stand.gateway.add_user("bob", "inference").await;
    // Two tokens of one user's share; another app makes no difference.
    let (one, other) = (stand.token().await.access, stand.token_of("ada", "bootspring-cli").await.access);
    let bob = stand.token_of("bob", "app").await.access;
    assert_eq!(ask(&stand, &one).await.status, 200);
    assert_eq!(ask(&stand, &other).await.status, 200);
    let seen = upstream.seen().len();
    for token in [&one, &other] {
        let reply = ask(&stand, token).await;
        assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (429, "30"));
        let error = &reply.json()["error"];
        assert_eq!((&error["code"], &error["type"]), (&"rate_limited".into(), &"rate_limit_error".into()));
        assert_eq!(error["request_id"], reply.header("x-request-id"));
    }
    assert_eq!(upstream.seen().len(), seen);
    assert_eq!(ask(&stand, &bob).await.status, 200);

    stand.gateway.time.advance(Duration::from_secs(29));
    assert_eq!(ask(&stand, &one).await.header("retry-after"), "1");
    stand.gateway.time.advance(Duration::from_secs(1));
    assert_eq!(ask(&stand, &one).await.status, 200);
    assert_eq!(ask(&stand, &one).await.status, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_for_its_token_uses_up_nobodys_share() {
    let upstream = Upstream::start().await;
    let stand = limited_to(1, &upstream, "scopes = [\"images\"]\nerrors = \"problem\"").await;
    let (narrow, wide) = (stand.token_of("ada", "bootspring-cli").await.access, stand.token().await.access);
    for _ in 0..3 {
        assert_eq!(ask(&stand, "junk").await.status, 401);
        assert_eq!(ask(&stand, &narrow).await.status, 403);
    }
    assert_eq!(ask(&stand, &wide).await.status, 200);
    let reply = ask(&stand, &wide).await;
    assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (429, "60"));
    assert_eq!((reply.header("content-type"), &reply.json()["code"]), ("application/problem+json", &"rate_limited".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn on_an_open_route_addresses_are_counted() {
    let upstream = Upstream::start().await;
    let stand = limited_to(1, &upstream, "auth = \"none\"").await;
    for (from, status) in [([127, 0, 0, 1], 200), ([127, 0, 0, 1], 429), ([127, 0, 0, 2], 200), ([127, 0, 0, 2], 429)] {
        let mut caller = Wire::between(from.into(), stand.gateway.address).await;
        // What the caller says of its address counts for nothing.
        caller.send("GET /v1/x HTTP/1.1\r\nhost: a\r\nx-forwarded-for: 10.0.0.9\r\n\r\n").await;
        assert_eq!(caller.head().await.status(), status, "{from:?}");
    }
    let seen: Vec<_> = upstream.seen().iter().map(|seen| seen.headers["x-forwarded-for"].clone()).collect();
    assert_eq!(seen, ["127.0.0.1", "127.0.0.2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_routes_together_have_a_limit_for_each_user_in_the_shape_of_each_route() {
    let upstream = Upstream::start().await;
    let routes = "scopes = [\"inference\"]\n[[routes]]\npath = \"/other\"\nscopes = []\nerrors = \"problem\"\n\
        [[routes]]\npath = \"/open\"\nauth = \"none\"\n[limits]\nforward = { times = 2, per = \"1m\" }";
    let stand = Stand::with(&config(&format!("url = \"http://{}\"", upstream.address), &format!("prefix = \"/v1\"\n{routes}"))).await;
    stand.gateway.add_user("bob", "inference").await;
    let (ada, bob) = (stand.token().await.access, stand.token_of("bob", "app").await.access);
    let ask = async |path: &str, token: &str| stand.gateway.send(bearing(get(path), token)).await;
    assert_eq!((ask("/v1/x", &ada).await.status, ask("/other", &ada).await.status), (StatusCode::OK, StatusCode::OK));
    let reply = ask("/v1/x", &ada).await;
    assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (429, "30"));
    assert_eq!(reply.json()["error"]["code"], "rate_limited");
    let reply = ask("/other", &ada).await;
    assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (429, "30"));
    assert_eq!((reply.header("content-type"), &reply.json()["code"]), ("application/problem+json", &"rate_limited".into()));
    assert_eq!(ask("/other", &bob).await.status, 200);
    // Without a user by address; and what the gateway answers itself is not forwarded.
    for status in [200, 200, 429] {
        assert_eq!(stand.gateway.send(get("/open")).await.status, status);
    }
    assert_eq!(ask("/api/v1/auth/me", &ada).await.status, 200);
    assert_eq!(upstream.seen().len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_through_one_replica_counts_at_the_others_where_the_limit_is_shared() {
    let upstream = Upstream::start().await;
    let time = Manual::starting_at(START);
    let counter = Arc::new(MemoryCounter::new(time.clock()));
    let store: Arc<dyn Store> = Arc::new(Memory::new(time.clock()).counting(counter));
    let route = "prefix = \"/v1\"\nauth = \"none\"\nlimit = { requests = 4, per = \"1m\", shared = true }";
    let config = config(&format!("url = \"http://{}\"", upstream.address), route);
    let one = Gateway::over(&config, Arc::clone(&store), time.clone()).await;
    let other = Gateway::over(&config, store, time.clone()).await;
    for _ in 0..4 {
        assert_eq!(one.send(get("/v1/x")).await.status, 200);
    }
    let reply = one.send(get("/v1/x")).await;
    assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (429, "15"));
    // It settles once more before it ends.
    one.end().await;
    assert_eq!(other.send(get("/v1/x")).await.status, 200, "it decides at once, by what it knows");
    let mut replies = Vec::new();
    while replies.last().is_none_or(|reply: &Reply| reply.status == 200 || reply.header("retry-after") == "15") && replies.len() < 500 {
        time.advance(Duration::from_millis(10));
        replies.push(other.send(get("/v1/x")).await);
    }
    let reply = replies.last().unwrap();
    assert_eq!(reply.status, 429);
    // Of its own it has let through four at the most, which are paid off after those of the first one.
    let seconds: u64 = reply.header("retry-after").parse().unwrap();
    assert!((16..=75).contains(&seconds), "{seconds}");
    assert!(upstream.seen().len() <= 8);
}
