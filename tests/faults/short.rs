//! The short form: a few faults that stand for all, and each once with `GATEPOST_TEST_ALL=1`.

use std::path::Path;

use rand::{SeedableRng, rngs::StdRng};

use super::{
    fault::Fault,
    report::Report,
    run::Run,
    setup::{Mode, Setup},
    topology::Topology,
};
use crate::support::skipped;

/// Has these happen one after the other, each as short as it may be.
async fn survives(topology: Topology, faults: &[Fault]) {
    let setup = Setup {
        binary: Path::new(env!("CARGO_BIN_EXE_gatepost")).to_owned(),
        topology,
        mode: Mode::Cached,
        wait_replicas: None,
        promise: None,
        is_brief: true,
    };
    let Some(run) = Run::start(&setup).await.unwrap() else { return };
    let (mut report, mut bad, mut random) = (Report::default(), Vec::new(), StdRng::seed_from_u64(1));
    for fault in faults {
        let round = run.round(*fault, &mut random).await;
        report.add(&round);
        println!("{round}");
        if !round.is_good() {
            bad.push(round.to_string());
        }
    }
    println!("{report}");
    assert!(bad.is_empty(), "{}", bad.join("\n"));
    assert!(report.revokes() > 0, "nothing was taken back");
}

/// Every fault that there is there.
async fn survives_all(topology: Topology) {
    if std::env::var_os("GATEPOST_TEST_ALL").is_none() {
        return skipped("each fault once, on each topology of Redis: ./test --all");
    }
    survives(topology, &Fault::of(topology)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_revoked_is_admitted_whatever_befalls_one_gateway_or_redis() {
    survives(Topology::Alone, &[Fault::GatewayStops, Fault::BlackHole, Fault::Deaf, Fault::RedisDies]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_fault_is_survived_with_redis_alone() {
    survives_all(Topology::Alone).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_fault_is_survived_with_sentinels() {
    survives_all(Topology::Sentinel).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_fault_is_survived_with_a_cluster() {
    survives_all(Topology::Cluster).await;
}
