//! The whole contract where Redis is more than one server. Each test has a realm of its own, so in a Cluster
//! they lie on all masters.

use std::time::Duration;

use gatepost::config::store::{Redis, Servers};

use super::everything;
use crate::support::{
    redis::{Cluster, Sentinels, realm},
    stores::Stand,
};

async fn keeps_the_whole_contract(place: impl Fn() -> Servers) {
    for (name, test) in everything() {
        println!("{name}");
        // Half of it is how long a replica has, whose disk may be busy.
        test(&Stand::over(Redis { timeout: Duration::from_secs(60), ..realm(place()) }).await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_primary_behind_sentinels_keeps_the_whole_contract() {
    if let Some(sentinels) = Sentinels::start() {
        keeps_the_whole_contract(|| sentinels.place()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cluster_keeps_the_whole_contract() {
    if let Some(cluster) = Cluster::start() {
        keeps_the_whole_contract(|| cluster.place()).await;
    }
}
