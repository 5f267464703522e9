//! Replicas over a primary that has a replica of its own: what is answered both have, and whoever is left with the
//! wrong one lets nobody in.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use gatepost::{
    clock::Manual,
    config::{
        self,
        store::{Promise, Redis},
    },
    engine::Error,
    verify::LEASE,
};

use super::{formats::log_in, token};
use crate::{
    proxy::stand::Token,
    support::{
        fault::FaultProxy,
        gateway::{Gateway, forwarding},
        http::{bearing, get, post_json, send},
        records::START,
        redis::{Server, realm, until},
        replicas::{Replica, gateway},
        upstream::Upstream,
    },
    wire::together::credentials::text,
};

/// A primary and its replica, and what is between them.
struct Pair {
    primary: Server,
    between: FaultProxy,
    second: Server,
}

impl Pair {
    fn start() -> Option<Self> {
        let primary = Server::start(&[])?;
        let between = FaultProxy::before(primary.address());
        let second = Self::following(between.address())?;
        Some(Self { primary, between, second })
    }

    /// Another replica of whoever is at this address.
    fn following(address: SocketAddr) -> Option<Server> {
        let server = Server::start(&[&format!("replicaof 127.0.0.1 {}", address.port())])?;
        until("it follows", || server.command::<String>(&["INFO", "replication"]).contains("master_link_status:up"));
        Some(server)
    }

    fn realm(&self, wait_replicas: u32, promise: Promise) -> Redis {
        // Half of the time-out is how long a replica has.
        Redis { wait_replicas, promise, timeout: Duration::from_secs(2), ..realm(self.primary.place()) }
    }

    /// Nothing reaches the second any more.
    fn part(&self) {
        self.between.black_hole();
    }

    /// The second becomes a primary.
    fn promote(&self) {
        let _: String = self.second.command(&["REPLICAOF", "NO", "ONE"]);
    }
}

/// Two gateways over a pair, each with a way there of its own, and an upstream.
struct House {
    pair: Pair,
    ways: Vec<FaultProxy>,
    gateways: Vec<Gateway>,
    time: Manual,
    upstream: Upstream,
}

impl House {
    async fn start() -> Option<Self> {
        let pair = Pair::start()?;
        let (upstream, time) = (Upstream::start().await, Manual::starting_at(START));
        let (config, realm) = (forwarding(upstream.address), pair.realm(1, Promise::Durable));
        let ways: Vec<FaultProxy> = (0..2).map(|_| FaultProxy::before(pair.primary.address())).collect();
        let mut gateways = Vec::new();
        for way in &ways {
            gateways.push(gateway(&config, &realm, way.address(), &time, gateways.is_empty()).await);
        }
        Some(Self { pair, ways, gateways, time, upstream })
    }

    async fn status(&self, replica: usize, token: &str) -> u16 {
        self.gateways[replica].send(bearing(get("/v1/x"), token)).await.status.as_u16()
    }

    async fn back(&self, replica: usize, token: &str) -> u16 {
        let began = Instant::now();
        loop {
            match self.status(replica, token).await {
                503 => tokio::time::sleep(Duration::from_millis(20)).await,
                status => return status,
            }
            assert!(began.elapsed() < Duration::from_secs(60), "replica {replica} does not come back");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_replica_of_redis_confirms_nothing_no_gateway_starts_but_by_a_weaker_promise() {
    let Some(pair) = Pair::start() else { return };
    let clock = Manual::starting_at(START).clock();
    let open = async |realm| gatepost::store::open(&config::Store::Redis(Box::new(realm)), clock.clone()).await;
    let refused = open(pair.realm(0, Promise::Durable)).await.err().unwrap().to_string();
    assert!(refused.contains("`wait_replicas = 1`") && refused.contains("`promise = \"available\"`"), "{refused}");
    for (wait_replicas, promise) in [(0, Promise::Available), (1, Promise::Durable), (2, Promise::Durable)] {
        assert!(open(pair.realm(wait_replicas, promise)).await.is_ok(), "{wait_replicas} {promise:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_replica_of_redis_stands_still_nobody_is_let_in_and_nothing_is_taken_back() {
    let Some(house) = House::start().await else { return };
    let (Token { grant, access: taken, .. }, other) = (token(&house.gateways[0]).await, token(&house.gateways[0]).await.access);
    for replica in 0..2 {
        assert_eq!((house.status(replica, &taken).await, house.status(replica, &other).await), (200, 200));
    }
    house.pair.second.stop();
    house.time.advance(LEASE);
    let came = house.upstream.seen().len();
    for replica in 0..2 {
        assert_eq!((house.status(replica, &taken).await, house.status(replica, &other).await), (503, 503));
    }
    assert_eq!(house.upstream.seen().len(), came);
    let revoke = async || house.gateways[0].engine.revoke_grant(grant).await;
    for _ in 0..2 {
        assert!(matches!(revoke().await, Err(Error::Unavailable(_))));
    }
    house.pair.second.go_on();
    for replica in 0..2 {
        assert_eq!(house.back(replica, &other).await, 200);
    }
    let began = Instant::now();
    while let Err(error) = revoke().await {
        assert!(began.elapsed() < Duration::from_secs(60), "{error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for replica in 0..2 {
        assert_eq!((house.status(replica, &taken).await, house.status(replica, &other).await), (401, 200));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_that_its_replica_does_not_get_is_not_answered() {
    let Some(house) = House::start().await else { return };
    let grant = token(&house.gateways[0]).await.grant;
    house.pair.second.stop();
    // There is a lease still. The second time there is nothing new to write, and still nobody confirms.
    for _ in 0..2 {
        assert!(matches!(house.gateways[0].engine.revoke_grant(grant).await, Err(Error::Unavailable(_))));
    }
    house.pair.second.go_on();
}

#[tokio::test(flavor = "multi_thread")]
async fn wait_says_too_much_on_a_connection_that_wrote_nothing() {
    let Some(pair) = Pair::start() else { return };
    let (mut writes, mut idle) = (pair.primary.connect(), pair.primary.connect());
    let wait = |connection: &mut ::redis::Connection| ::redis::cmd("WAIT").arg(1).arg(200).query::<u32>(connection).unwrap();
    ::redis::cmd("PING").exec(&mut idle).unwrap();
    pair.second.stop();
    ::redis::cmd("SET").arg("a").arg("b").exec(&mut writes).unwrap();
    assert_eq!((wait(&mut writes), wait(&mut idle)), (0, 1), "this is why it is asked where it was written");
    pair.second.go_on();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_left_with_the_old_primary_lets_nobody_in() {
    let Some(house) = House::start().await else { return };
    let Token { grant, access, .. } = token(&house.gateways[0]).await;
    for replica in 0..2 {
        assert_eq!(house.status(replica, &access).await, 200);
    }
    house.pair.part();
    house.pair.promote();
    let Some(_third) = Pair::following(house.pair.second.address()) else { return };
    house.ways[1].lead_to(house.pair.second.address());
    house.ways[1].reset_all();
    house.time.advance(LEASE);
    assert_eq!(house.back(1, &access).await, 200, "what is new has a replica that confirms");
    assert_eq!(house.status(0, &access).await, 503);
    let running = tokio::spawn({
        let time = house.time.clone();
        async move {
            loop {
                tokio::time::sleep(Duration::from_millis(20)).await;
                time.advance(Duration::from_millis(20));
            }
        }
    });
    let (_, receipt) = house.gateways[1].engine.revoke_grant(grant).await.unwrap();
    running.abort();
    let receipt = receipt.unwrap();
    assert_eq!((receipt.acknowledged.len(), receipt.waited_out.len()), (1, 1), "{receipt:?}");
    let came = house.upstream.seen().len();
    assert_eq!((house.status(1, &access).await, house.status(0, &access).await), (401, 503));
    assert_eq!(house.upstream.seen().len(), came);
    // It is led to the right one, and knows.
    house.ways[0].lead_to(house.pair.second.address());
    house.ways[0].reset_all();
    assert_eq!(house.back(0, &access).await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_fail_over_has_lost_of_revocations_is_put_back() {
    let Some(pair) = Pair::start() else { return };
    let upstream = Upstream::start().await;
    let config = forwarding(upstream.address);
    let way = FaultProxy::before(pair.primary.address());
    let mut replica = Replica::start_with(&config, way.address(), "promise = \"available\"").await;
    replica.add_user();
    let access = text(&log_in(replica.address, replica.address).await, "access_token");
    let address = replica.address;
    let status = async || send(address, bearing(get("/v1/x"), &access)).await.status.as_u16();
    assert_eq!(status().await, 200);
    assert_eq!(replica.admin(&["grant", "list", "--user", "ada"])[0]["state"], "live");
    let keys: Vec<String> = pair.primary.command(&["KEYS", "*:g:*"]);
    let grants = |server: &Server| keys.iter().map(|key| server.command(&["GET", key])).collect::<Vec<Vec<u8>>>();
    until("the second has the grant", || grants(&pair.second) == grants(&pair.primary));
    pair.part();
    let out = bearing(post_json("/api/v1/auth/logout", &serde_json::json!({})), &access);
    assert_eq!(send(address, out).await.status, 200);
    assert_eq!(status().await, 401);

    pair.promote();
    way.lead_to(pair.second.address());
    pair.primary.kill();
    let line = replica.logs("another history").await;
    assert!(line.contains("\"ERROR\""), "{line}");
    replica.logs("it was taken back, and is again").await;
    assert_eq!((status().await, replica.admin(&["grant", "list", "--user", "ada"])), (401, serde_json::json!([])));
}
