//! An answer that is on its way ends with its grant, at whichever replica either is.

use std::time::{Duration, Instant};

use super::{REPLICAS, Way, in_every_way, token};
use crate::{
    proxy::raw::{RawUpstream, Wire, soon},
    support::{
        gateway::{Gateway, forwarding},
        replicas::Replicas,
    },
};

in_every_way!(a_stream_ends_at_every_replica_as_soon_as_its_grant_is_revoked_at_one);

/// How often a replica looks for what was taken back, at the latest.
const LOOK: Duration = Duration::from_millis(400);
/// Longer than anything here takes on a busy machine.
const MOMENT: Duration = Duration::from_millis(300);

/// Replicas before a server that the test serves itself.
struct Bench {
    replicas: Replicas,
    upstream: RawUpstream,
}

impl Bench {
    async fn start() -> Option<Self> {
        Self::going(Way::Cached).await
    }

    async fn going(way: Way) -> Option<Self> {
        let upstream = RawUpstream::start().await;
        Some(Self { replicas: way.replicas(&forwarding(upstream.address)).await?, upstream })
    }

    /// One of the replicas, and the same for the same number.
    fn gateway(&self, replica: usize) -> &Gateway {
        &self.replicas.gateways[replica % self.replicas.gateways.len()]
    }

    /// A caller of that replica on whose stream something has arrived, and the connection that it comes from.
    async fn streaming(&self, replica: usize, token: &str) -> (Wire, Wire) {
        let mut caller = Wire::to(self.gateway(replica).address).await;
        caller.send(format!("GET /v1/x HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n\r\n")).await;
        let (mut wire, _) = self.upstream.asked().await;
        wire.send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n").await;
        wire.send_chunk("data: 1\n\n").await;
        assert_eq!(caller.head().await.status(), 200);
        assert_eq!(caller.chunk().await.as_deref(), Some("data: 1\n\n"));
        (caller, wire)
    }

    async fn revoke(&self, replica: usize, grant: &str) -> Instant {
        self.gateway(replica).admin("grant", "revoke", &[("id", grant)]).await;
        Instant::now()
    }
}

async fn a_stream_ends_at_every_replica_as_soon_as_its_grant_is_revoked_at_one(way: Way) {
    let Some(bench) = Bench::going(way).await else { return };
    let (taken, other) = (token(bench.gateway(0)).await, token(bench.gateway(1)).await);
    let mut streams = Vec::new();
    for replica in 0..REPLICAS {
        streams.push(bench.streaming(replica, &taken.access).await);
    }
    let (mut kept, mut kepts) = bench.streaming(1, &other.access).await;
    let returned = bench.revoke(0, &taken.grant.to_string()).await;
    // The clock stands still: only the notice can have done it.
    for (mut caller, mut wire) in streams {
        caller.last_event().await;
        wire.closed().await;
    }
    println!("all streams ended {:?} after the revocation was answered", returned.elapsed());
    kepts.send_chunk("data: 2\n\n").await;
    assert_eq!(kept.chunk().await.as_deref(), Some("data: 2\n\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_at_the_next_look_where_the_notice_is_lost() {
    let Some(bench) = Bench::start().await else { return };
    let token = token(&bench.replicas.gateways[0]).await;
    let (mut caller, mut wire) = bench.streaming(1, &token.access).await;
    bench.replicas.deafen(1).await;
    // It hears that it may have missed something, and has looked.
    tokio::time::sleep(MOMENT).await;
    let grant = token.grant.to_string();
    let look = async {
        tokio::time::sleep(MOMENT).await;
        wire.send_chunk("data: 2\n\n").await;
        assert_eq!(soon(caller.chunk()).await.as_deref(), Some("data: 2\n\n"), "it is not to have heard of it");
        bench.replicas.time.advance(LOOK);
        soon(caller.last_event()).await;
        wire.closed().await;
    };
    tokio::join!(bench.revoke(0, &grant), look);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_at_a_replica_that_was_cut_off_ends_once_it_is_back() {
    let Some(bench) = Bench::start().await else { return };
    let token = token(&bench.replicas.gateways[0]).await;
    let (mut caller, mut wire) = bench.streaming(1, &token.access).await;
    bench.replicas.proxies[1].hold_answers();
    let _running = bench.replicas.let_time_run();
    bench.revoke(0, &token.grant.to_string()).await;
    wire.send_chunk("data: 2\n\n").await;
    assert_eq!(soon(caller.chunk()).await.as_deref(), Some("data: 2\n\n"));
    bench.replicas.proxies[1].release_answers();
    soon(caller.last_event()).await;
    wire.closed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_streams_end_where_the_feed_has_a_gap() {
    let Some(bench) = Bench::start().await else { return };
    let (first, second) = (token(&bench.replicas.gateways[0]).await, token(&bench.replicas.gateways[0]).await);
    bench.revoke(0, &first.grant.to_string()).await;
    let (mut caller, mut wire) = bench.streaming(1, &second.access).await;
    let [feed] = bench.replicas.keys(":feed").try_into().unwrap();
    // What was applied is known to nobody any more.
    let _: u32 = bench.replicas.redis.command(&["DEL", &feed]);
    let _: String = bench.replicas.redis.command(&["XADD", &feed, "7-0", "id", "another history!", "entry", "x", "time", "0"]);
    let _running = bench.replicas.let_time_run();
    // Why, nobody can say.
    assert_eq!(soon(caller.chunk()).await, None);
    wire.closed().await;
}
