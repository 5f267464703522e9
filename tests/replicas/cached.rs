//! What replicas do that go by what they know: they ask nobody while they have a lease, and let nobody in once it is
//! over.

use std::time::{Duration, Instant};

use gatepost::verify::LEASE;

use super::{REPLICAS, Way, ada, in_every_way, token};
use crate::{
    proxy::stand::{Token, issue},
    support::{
        gateway::{Gateway, forwarding},
        http::{Reply, bearing, get},
        redis::Monitor,
        replicas::Replicas,
        upstream::Upstream,
    },
};

/// Replicas whose route `/v1` serves what was known for a minute, and whose route `/strictly` does not.
struct House {
    replicas: Replicas,
    upstream: Upstream,
}

const SERVED: Duration = Duration::from_secs(60);

impl House {
    async fn start(way: Way) -> Option<Self> {
        let upstream = Upstream::start().await;
        let routes = "serve_known = \"60s\"\n[[routes]]\nprefix = \"/strictly\"\nupstream = \"model\"\nscopes = [\"inference\"]\n";
        let config = format!("{}{routes}", forwarding(upstream.address));
        Some(Self { replicas: way.replicas(&config).await?, upstream })
    }

    fn gateway(&self, replica: usize) -> &Gateway {
        &self.replicas.gateways[replica]
    }

    async fn reply(&self, replica: usize, at: &str, token: &str) -> Reply {
        self.gateway(replica).send(bearing(get(at), token)).await
    }

    /// What a route answers that serves nobody without a lease.
    async fn status(&self, replica: usize, token: &str) -> u16 {
        self.reply(replica, "/strictly/x", token).await.status.as_u16()
    }

    async fn cut_off(&self, replica: usize) {
        self.replicas.proxies[replica].refuse().await;
        self.replicas.proxies[replica].reset_all();
    }

    /// Waits until it is no more 503 that this token gets.
    async fn back(&self, replica: usize, token: &str) -> u16 {
        let began = Instant::now();
        loop {
            let status = self.status(replica, token).await;
            if status != 503 {
                return status;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "replica {replica} does not come back");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_asked_of_redis_for_a_grant_that_is_known() {
    let Some(house) = House::start(Way::Cached).await else { return };
    let token = token(house.gateway(0)).await.access;
    for replica in 0..REPLICAS {
        assert_eq!(house.status(replica, &token).await, 200);
    }
    let monitor = Monitor::of(&house.replicas.redis);
    for call in 0..60 {
        assert_eq!(house.status(call % REPLICAS, &token).await, 200);
    }
    let told = monitor.since(&house.replicas.redis);
    assert!(told.is_empty(), "{told:?}");
}

in_every_way!(@ cached, Cached, true; an_idle_replica_asks_little_of_redis);
in_every_way!(@ strict, Strict, true; an_idle_replica_asks_little_of_redis);

async fn an_idle_replica_asks_little_of_redis(way: Way) {
    const LOOK: Duration = Duration::from_millis(400);
    const LOOKS: u32 = 10;
    let Some(house) = House::start(way).await else { return };
    let monitor = Monitor::of(&house.replicas.redis);
    for _ in 0..LOOKS {
        house.replicas.time.advance(LOOK);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let commands = monitor.since(&house.replicas.redis).into_iter().filter(|told| told.by.is_some()).count();
    let per_second = commands as f64 / REPLICAS as f64 / (LOOKS * LOOK).as_secs_f64();
    println!("{way:?}: {per_second:.1} commands a second come from an idle replica");
    assert!(per_second > 0.5 && per_second < 5.0, "{per_second}");
}

in_every_way!(@ cut_off_cached, Cached, true; a_replica_that_is_cut_off_lets_nobody_in_once_its_lease_is_over);
in_every_way!(@ cut_off_strict, Strict, true; a_replica_that_is_cut_off_lets_nobody_in_once_its_lease_is_over);

async fn a_replica_that_is_cut_off_lets_nobody_in_once_its_lease_is_over(way: Way) {
    let Some(house) = House::start(way).await else { return };
    let (known, stranger) = (token(house.gateway(0)).await.access, token(house.gateway(0)).await.access);
    assert_eq!(house.status(1, &known).await, 200);
    house.cut_off(1).await;
    house.replicas.time.advance(Duration::from_millis(1979));
    assert_eq!(house.status(1, &known).await, if way == Way::Strict { 503 } else { 200 });
    house.replicas.time.advance(Duration::from_millis(1));
    let came = house.upstream.seen().len();
    for token in [&known, &stranger] {
        let reply = house.reply(1, "/strictly/x", token).await;
        assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (503, "1"), "{}", reply.text());
    }
    assert_eq!(house.upstream.seen().len(), came);
    assert_eq!(house.back(0, &known).await, 200, "the others go on");
    house.replicas.proxies[1].pass();
    for token in [&known, &stranger] {
        assert_eq!(house.back(1, token).await, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_serves_what_was_known_serves_that_alone_and_not_for_ever() {
    let Some(house) = House::start(Way::Cached).await else { return };
    let Token { access: known, refresh, grant, .. } = token(house.gateway(0)).await;
    let stranger = token(house.gateway(0)).await.access;
    assert_eq!(house.status(1, &known).await, 200);
    let fields = [("grant_type", "refresh_token"), ("client_id", "bootspring-cli"), ("refresh_token", refresh.as_str())];
    let (status, other) = house.gateway(0).post_form("/auth/device/token", &fields).await;
    assert_eq!(status, 200, "{other}");
    let other = other["access_token"].as_str().unwrap();
    house.cut_off(1).await;
    house.replicas.time.advance(LEASE);
    let served = async |token: &str| house.reply(1, "/v1/x", token).await.status.as_u16();
    assert_eq!((served(&known).await, house.status(1, &known).await), (200, 503));
    assert_eq!((served(other).await, served(&stranger).await), (503, 503));

    let running = house.replicas.let_time_run();
    let receipt = house.gateway(0).admin("grant", "revoke", &[("id", &grant.to_string())]).await["receipt"].clone();
    drop(running);
    println!("{receipt}");
    assert_eq!(receipt["waited_out"].as_array().unwrap().len(), 1);
    let until: jiff::Timestamp = receipt["may_serve_until"].as_str().unwrap().parse().unwrap();
    assert_eq!(served(&known).await, 200, "its operator wants it so");
    let clock = house.replicas.time.clock();
    house.replicas.time.advance(until.duration_since(clock.now()).try_into().unwrap());
    assert_eq!(served(&known).await, 503);
    house.replicas.proxies[1].pass();
    assert_eq!(house.back(1, &known).await, 401);
    assert_eq!(served(&known).await, 401);
    assert!(until.duration_since(clock.now()) <= jiff::SignedDuration::ZERO && SERVED > LEASE);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_redis_has_lost_everything_nothing_that_was_given_before_opens_anything() {
    let Some(house) = House::start(Way::Cached).await else { return };
    let (known, stranger) = (token(house.gateway(0)).await.access, token(house.gateway(0)).await.access);
    for replica in 0..REPLICAS {
        assert_eq!(house.status(replica, &known).await, 200);
    }
    let _running = house.replicas.let_time_run();
    house.replicas.redis.restart_empty();
    let began = Instant::now();
    for replica in 0..REPLICAS {
        // As long as it has a lease, it cannot know.
        let mut status = house.status(replica, &known).await;
        while status != 401 {
            assert!(matches!(status, 200 | 503), "{status}");
            assert!(status == 503 || began.elapsed() < Duration::from_secs(30), "it is let in still");
            assert!(began.elapsed() < Duration::from_secs(60), "replica {replica} does not come back");
            tokio::time::sleep(Duration::from_millis(20)).await;
            status = house.status(replica, &known).await;
        }
        assert_eq!(house.back(replica, &stranger).await, 401);
        assert_eq!(house.status(replica, &known).await, 401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_that_is_said_again_writes_something_for_its_replicas_to_confirm() {
    let Some(house) = House::start(Way::Cached).await else { return };
    let gateway = house.gateway(0);
    let grant = issue(&gateway.engine, &ada(gateway).await, "bootspring-cli").await.grant;
    gateway.engine.revoke_grant(grant).await.unwrap();
    // No renewal comes in between: nobody is told, and the clock stands still.
    let monitor = Monitor::of(&house.replicas.redis);
    gateway.engine.revoke_grant(grant).await.unwrap();
    let told = monitor.since(&house.replicas.redis);
    let writes: Vec<String> = told
        .iter()
        .filter(|told| told.by.is_none())
        .map(|told| String::from_utf8_lossy(&told.words).into_owned())
        .filter(|words| !["\"GET", "\"XR", "\"HGET", "\"EXISTS", "\"ZR"].iter().any(|read| words.starts_with(read)))
        .collect();
    assert!(matches!(writes.as_slice(), [count] if count.starts_with("\"INCR\"") && count.contains(":renewals")), "{writes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_ends_in_order_is_not_waited_for() {
    let Some(mut house) = House::start(Way::Cached).await else { return };
    let Token { access, grant, .. } = token(house.gateway(0)).await;
    assert_eq!(house.status(2, &access).await, 200);
    house.replicas.gateways.remove(2).end().await;
    // The clock stands still: whoever had to be waited for would be waited for without end.
    let receipt = house.gateway(0).admin("grant", "revoke", &[("id", &grant.to_string())]).await["receipt"].clone();
    assert_eq!((receipt["acknowledged"].as_array().unwrap().len(), receipt["waited_out"].as_array().unwrap().len()), (2, 0));
}
