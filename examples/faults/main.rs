//! Three gateways before a real Redis, clients that never stop, and one fault after the other: is anything admitted
//! that was revoked?
//!
//! ```text
//! cargo run --release --example faults -- --minutes 60 --topology sentinel
//! ```
//!
//! Linux with `redis-server` and `redis-cli`. It prints a line for each fault and a table in the end, and fails if a
//! call was admitted that was sent after its grant was taken back. A seed tells the faults, their order, whom they befall
//! and how long they last; what the clients do in the meantime is left to chance. The suite itself, which the tests use
//! in a short form, is `tests/faults`.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

#[allow(dead_code, unreachable_pub)]
#[path = "../../tests/faults/mod.rs"]
mod faults;
#[allow(dead_code, unused_imports)]
mod support;

use std::{
    env, io,
    path::PathBuf,
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use clap::Parser;
use rand::{SeedableRng, rngs::StdRng, seq::SliceRandom};

use self::faults::{
    fault::Fault,
    report::Report,
    run::Run,
    setup::{Mode, Setup},
    topology::Topology,
};

/// Looks for calls that are admitted after a revocation, through faults.
#[derive(Parser)]
struct Options {
    /// For how long, in minutes. What has begun comes to its end.
    #[arg(long, default_value_t = 1.0)]
    minutes: f64,
    /// What the sequence of faults comes from; another one each time if absent.
    #[arg(long)]
    seed: Option<u64>,
    /// How Redis is set up: alone, sentinel or cluster.
    #[arg(long, default_value = "alone")]
    topology: Topology,
    /// Only this fault; may be there several times. All that the topology has if absent.
    #[arg(long)]
    fault: Vec<Fault>,
    /// How gateways read: cached or strict.
    #[arg(long, default_value = "cached")]
    mode: Mode,
    /// How many replicas must confirm; all that there are if absent.
    #[arg(long)]
    wait_replicas: Option<usize>,
    /// What is promised where fewer do: `store.promise`.
    #[arg(long)]
    promise: Option<String>,
}

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build();
    match runtime.and_then(|runtime| runtime.block_on(run(Options::parse()))) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all was well.
async fn run(options: Options) -> io::Result<bool> {
    let Options { minutes, seed, topology, fault, mode, wait_replicas, promise } = options;
    let seed = seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let mut faults = if fault.is_empty() { Fault::of(topology) } else { fault };
    if let Some(fault) = faults.iter().find(|fault| !fault.is_of(topology)) {
        return Err(io::Error::other(format!("{} cannot happen there: --topology {}", fault.name(), topology.name())));
    }
    println!("--topology {} --seed {seed}", topology.name());
    let setup = Setup { binary: gatepost()?, topology, mode, wait_replicas, promise, is_brief: false };
    let Some(run) = Run::start(&setup).await? else { return Ok(false) };
    let (began, mut random) = (Instant::now(), StdRng::seed_from_u64(seed));
    let (mut report, mut is_good) = (Report::default(), true);
    let length = Duration::from_secs_f64(minutes * 60.0);
    while began.elapsed() < length {
        faults.shuffle(&mut random);
        for fault in &faults {
            if began.elapsed() >= length {
                break;
            }
            let round = run.round(*fault, &mut random).await;
            println!("{:5} s  {round}", began.elapsed().as_secs());
            is_good &= round.is_good();
            report.add(&round);
        }
    }
    println!("\n--topology {} --seed {seed}\n{report}", topology.name());
    Ok(is_good && report.revokes() > 0)
}

/// The gateway, built as this was.
fn gatepost() -> io::Result<PathBuf> {
    let this = env::current_exe()?;
    let folder = this.parent().and_then(|examples| examples.parent()).ok_or_else(|| io::Error::other("no target folder"))?;
    let mut build = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // With the example the dependencies get the same features as for itself, and none is built twice.
    build.args(["build", "--locked", "--quiet", "--bin", "gatepost", "--example", "faults"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    if folder.ends_with("release") {
        build.arg("--release");
    }
    if !build.status()?.success() {
        return Err(io::Error::other("the gateway cannot be built"));
    }
    Ok(folder.join("gatepost"))
}
