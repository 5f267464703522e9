//! Replicas in processes of their own, which are killed, and which stand still.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use gatepost::verify::LEASE;
use rustix::process::Signal;

use super::{REPLICAS, formats::log_in, history};
use crate::{
    proxy::raw::{Wire, soon},
    support::{
        gateway::forwarding,
        http::{bearing, get, post_json, send},
        redis::Server,
        replicas::Replica,
        upstream::Upstream,
    },
    wire::together::credentials::text,
};

struct House {
    replicas: Vec<Replica>,
    upstream: Upstream,
    _redis: Server,
}

impl House {
    async fn start() -> Option<Self> {
        let redis = Server::start(&[])?;
        let upstream = Upstream::start().await;
        let config = forwarding(upstream.address).replace("prefix = \"/v1\"", "prefix = \"/models\"");
        let mut replicas = Vec::new();
        for _ in 0..REPLICAS {
            replicas.push(Replica::start(&config, redis.address()).await);
        }
        replicas[0].add_user();
        Some(Self { replicas, upstream, _redis: redis })
    }

    fn addresses(&self) -> Vec<SocketAddr> {
        self.replicas.iter().map(|replica| replica.address).collect()
    }

    /// The token of a device that asked at one replica, for a person at another.
    async fn access(&self) -> String {
        text(&log_in(self.replicas[0].address, self.replicas[1].address).await, "access_token")
    }

    async fn log_out(&self, replica: usize, access: &str) {
        let out = bearing(post_json("/api/v1/auth/logout", &serde_json::json!({})), access);
        let reply = soon(send(self.replicas[replica].address, out)).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_holds_at_all_replicas_and_for_commands_too() {
    let Some(house) = House::start().await else { return };
    let access = house.access().await;
    let out = house.log_out(2, &access);
    history::check("a logout", &house.addresses(), &house.upstream, &access, out).await;

    let access = house.access().await;
    let grants = house.replicas[1].admin(&["grant", "list", "--user", "ada"]);
    let live = grants.as_array().unwrap().iter().find(|grant| grant["state"] == "live").unwrap();
    let id = live["id"].as_str().unwrap().to_owned();
    let replica = &house.replicas[1];
    let revoke = async {
        tokio::task::block_in_place(|| drop(replica.admin(&["grant", "revoke", &id])));
    };
    history::check("a command", &house.addresses(), &house.upstream, &access, revoke).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_is_killed_keeps_nobody_from_revoking() {
    let Some(house) = House::start().await else { return };
    let access = house.access().await;
    assert_eq!(send(house.replicas[2].address, bearing(get("/models/x"), &access)).await.status, 200);
    house.replicas[2].tell(Signal::KILL);
    let others = &house.addresses()[..2];
    history::check("a logout after a death", others, &house.upstream, &access, house.log_out(0, &access)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stands_still_is_waited_out_once_and_who_ended_in_order_is_not() {
    let Some(mut house) = House::start().await else { return };
    let revoke = async |first: &mut House| {
        let access = first.access().await;
        let grants = first.replicas[0].admin(&["grant", "list", "--user", "ada"]);
        let live = grants.as_array().unwrap().iter().find(|grant| grant["state"] == "live").unwrap();
        let began = Instant::now();
        let receipt = first.replicas[0].admin(&["grant", "revoke", live["id"].as_str().unwrap()])["receipt"].clone();
        let took = began.elapsed();
        println!("{took:?}: {receipt}");
        for address in &first.addresses()[..2] {
            assert_eq!(send(*address, bearing(get("/models/x"), &access)).await.status, 401);
        }
        let count = |name: &str| receipt[name].as_array().unwrap().len();
        (count("acknowledged"), count("waited_out"), took)
    };
    let (acknowledged, waited_out, _) = revoke(&mut house).await;
    assert_eq!((acknowledged, waited_out), (3, 0));
    house.replicas[2].tell(Signal::STOP);
    let (acknowledged, waited_out, took) = revoke(&mut house).await;
    assert_eq!((acknowledged, waited_out), (2, 1));
    // By the clock of the one that waited, and then what a busy machine takes.
    assert!((LEASE..LEASE + Duration::from_secs(4)).contains(&took), "{took:?}");
    let (acknowledged, waited_out, _) = revoke(&mut house).await;
    assert_eq!((acknowledged, waited_out), (2, 0), "it is a member no more");
    house.replicas[2].tell(Signal::CONT);
    let began = Instant::now();
    while revoke(&mut house).await.0 < 3 {
        assert!(began.elapsed() < Duration::from_secs(60), "it does not come back");
    }
    house.replicas[2].end();
    let (acknowledged, waited_out, _) = revoke(&mut house).await;
    assert_eq!((acknowledged, waited_out), (2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_stood_still_admits_nothing_that_was_revoked_meanwhile() {
    const CALLS: usize = 20;
    let Some(house) = House::start().await else { return };
    let access = house.access().await;
    let stopped = &house.replicas[2];
    let asking = format!("GET /models/x HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {access}\r\n\r\n");
    // Half on connections that it has served before.
    let mut wires = Vec::new();
    for n in 0..CALLS {
        let mut wire = Wire::to(stopped.address).await;
        if n % 2 == 0 {
            wire.send(&asking).await;
            let head = wire.head().await;
            assert_eq!(head.status(), 200);
            wire.body(&head).await;
        }
        wires.push(wire);
    }
    stopped.tell(Signal::STOP);
    let came = house.upstream.seen().len();
    let out = house.log_out(0, &access);
    history::check("a logout while one stands still", &house.addresses()[..2], &house.upstream, &access, out).await;
    let by_others = house.upstream.seen().len();
    assert!(by_others > came);
    for wire in &mut wires {
        wire.send(&asking).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    stopped.tell(Signal::CONT);
    for wire in &mut wires {
        assert_eq!(wire.head().await.status(), 401);
    }
    assert_eq!(house.upstream.seen().len(), by_others);
}
