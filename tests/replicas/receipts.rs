//! What an operator is told once something is taken back: who has heard of it.

use rustix::process::Signal;
use tokio::task::block_in_place;

use super::{REPLICAS, formats::log_in};
use crate::{
    support::{gateway::forwarding, redis::Server, replicas::Replica, upstream::Upstream},
    wire::together::credentials::text,
};

struct House {
    replicas: Vec<Replica>,
    _upstream: Upstream,
    _redis: Server,
}

impl House {
    /// Whose route has these lines besides.
    async fn start(more: &str) -> Option<Self> {
        let redis = Server::start(&[])?;
        let upstream = Upstream::start().await;
        let config = format!("{}{more}", forwarding(upstream.address));
        let mut replicas = Vec::new();
        for _ in 0..REPLICAS {
            replicas.push(Replica::start(&config, redis.address()).await);
        }
        block_in_place(|| replicas[0].add_user());
        Some(Self { replicas, _upstream: upstream, _redis: redis })
    }

    /// A new login's grant.
    async fn grant(&self) -> String {
        log_in(self.replicas[0].address, self.replicas[1].address).await;
        let grants = block_in_place(|| self.replicas[0].admin(&["grant", "list"]));
        let live = grants.as_array().unwrap().iter().find(|grant| grant["state"] == "live").unwrap();
        text(live, "id")
    }

    /// The two lines that its end says.
    async fn revoked(&self) -> (String, String) {
        let grant = self.grant().await;
        let said = block_in_place(|| self.replicas[0].says(&["grant", "revoke", &grant]));
        let (first, second) = said.trim_end().split_once('\n').unwrap_or_else(|| panic!("{said}"));
        assert_eq!(first, format!("Grant {grant} is revoked. It opens nothing now."));
        (first.to_owned(), second.to_owned())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_replicas_know_it_or_were_waited_out() {
    let Some(house) = House::start("").await else { return };
    let (_, told) = house.revoked().await;
    assert!(told.starts_with("All 3 replicas know it (") && told.ends_with("s)."), "{told}");

    let grant = house.grant().await;
    let told = block_in_place(|| house.replicas[1].admin(&["grant", "revoke", &grant]));
    let receipt = &told["receipt"];
    assert_eq!(receipt["acknowledged"].as_array().map(Vec::len), Some(REPLICAS), "{told}");
    assert!(receipt["sequence"].as_u64() > Some(1) && receipt["waited_out"] == serde_json::json!([]), "{told}");

    house.replicas[2].tell(Signal::STOP);
    let (_, told) = house.revoked().await;
    assert!(told.starts_with("2 replicas know it; 1 did not answer and holds no lease any more (2."), "{told}");
    // From then on nobody waits for it.
    let (_, told) = house.revoked().await;
    assert!(told.starts_with("All 2 replicas know it ("), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_told_until_when_one_may_serve_it_by_the_operators_choice() {
    let Some(house) = House::start("serve_known = \"60s\"\n").await else { return };
    let (_, told) = house.revoked().await;
    assert!(told.starts_with("All 3 replicas know it ("), "{told}");
    house.replicas[2].tell(Signal::STOP);
    let (_, told) = house.revoked().await;
    let until = told.strip_prefix("2 replicas know it; 1 did not answer and may serve it until ");
    let until = until.and_then(|rest| rest.strip_suffix(" (serve_known).")).unwrap_or_else(|| panic!("{told}"));
    let left = until.parse::<jiff::Timestamp>().unwrap().duration_since(jiff::Timestamp::now());
    assert!((30..=60).contains(&left.as_secs()), "{told}: {left:?}");
}
