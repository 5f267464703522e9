//! How much a gateway with Redis takes, and how fast it is: three replicas, a Redis set up as docs/redis.md says, and
//! everybody who asks them, all on this machine.
//!
//! ```text
//! cargo build --release && cargo run --release --example load
//! ```
//!
//! Linux with `redis-server`. The first replica is the one that is measured.

mod devices;
mod figures;
mod forward;
mod grants;
// examples/revocation uses all of them, too, and more of these two.
#[allow(dead_code)]
mod http;
#[allow(dead_code)]
mod machine;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use ::http::StatusCode;
use clap::Parser;
use gatepost::{
    app::{Interior, Plan},
    clock::Clock,
    store,
};
use secrecy::SecretString;
use serde_json::json;
use tokio::time::{Instant, sleep};

use self::{
    devices::Devices,
    figures::{Span, Taken, Times, memory, say},
    forward::{CALLERS, forward},
    grants::shown,
    http::Connection,
    machine::{Machine, Setup},
};

/// What there is to say in the end.
type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

const REPLICAS: usize = 3;

/// After so long all devices have come, and the first ones again.
const ALL_CAME: Duration = Duration::from_secs(8);
/// From one poll of a device to its next: it is held, and then the device waits.
const ROUND: Duration = Duration::from_millis(7500);

/// Measures a gateway with Redis.
#[derive(Parser)]
struct Options {
    /// How many live grants.
    #[arg(long, default_value_t = 100_000)]
    grants: usize,
    /// How many devices log in at a time, each polling on a connection of its own.
    #[arg(long, default_value_t = 10_000)]
    logins: usize,
    /// To how many of them somebody says yes, and how many grants are revoked.
    #[arg(long, default_value_t = 1_000)]
    approvals: usize,
    /// How long it is idle, and how long requests are forwarded, in seconds.
    #[arg(long, default_value_t = 4)]
    seconds: u64,
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let options = Options::parse();
    let upstream = http::upstream().await?;
    let machine = Machine::start(&Setup { replicas: REPLICAS, ..Setup::default() }, upstream)?;
    let (first, second) = (machine.replicas[0].address, machine.replicas[1].address);
    let measured = Duration::from_secs(options.seconds);

    sleep(Duration::from_secs(1)).await;
    memory("started", &machine)?;
    let span = Span::begin(&machine)?;
    sleep(measured).await;
    span.end(&format!("{REPLICAS} replicas, idle"), &machine)?;

    let plan = Plan::load(&machine.config())?;
    let store = store::open(&plan.config.store, Clock::system()).await?;
    let interior = Interior::over(plan, Arc::clone(&store), Clock::system()).await?;
    let engine = interior.engine();
    let (users, tokens) = grants::make(options.grants, engine, store.as_ref()).await?;
    let tokens: Arc<[SecretString]> = tokens.into();
    memory(&format!("{} grants", tokens.len()), &machine)?;

    let span = Span::begin(&machine)?;
    let times = forward(first, "/v1/models", &tokens, measured).await?;
    let Taken { gateway, redis, .. } = span.end(&format!("{CALLERS} callers"), &machine)?;
    #[allow(clippy::cast_precision_loss)]
    let requests = times.len() as f64;
    say("requests", &format!("{:.0}/s, {}", requests / measured.as_secs_f64(), times.said()))?;
    say("processor for one", &format!("gateway {:.0} us, Redis {:.0} us", gateway / requests * 1e6, redis / requests * 1e6))?;
    memory("afterwards", &machine)?;

    let mut devices = Devices::start(options.logins, first, engine).await?;
    memory(&format!("{} codes", options.logins), &machine)?;
    devices.connect(first).await?;
    memory("each with a connection", &machine)?;
    devices.poll();
    sleep(ALL_CAME).await;
    memory(&format!("{} polls held", devices.held()), &machine)?;
    let span = Span::begin(&machine)?;
    sleep(ROUND).await;
    span.end("all devices poll", &machine)?;
    let (decided, released) = devices.approve(options.approvals, engine, &users).await?;
    say("a yes elsewhere, until it is answered", &decided.said())?;
    say("until the held poll has its tokens", &released.said())?;
    say("polls that were refused", &devices.refused())?;
    drop(devices);

    let times = revoke(second, first, &tokens[..options.approvals.min(tokens.len())]).await?;
    say("revoked, at another replica", &times.said())?;
    memory("in the end", &machine)
}

/// Revokes grants at one replica, and sees that the other one refuses them at once. Answers how long each took.
async fn revoke(at: SocketAddr, other: SocketAddr, tokens: &[SecretString]) -> Outcome<Times> {
    let (mut here, mut there, mut times) = (Connection::open(at).await?, Connection::open(other).await?, Times::default());
    for token in tokens {
        let began = Instant::now();
        let (status, answer) = here.post("/api/v1/auth/logout", Some(shown(token)), &json!({})).await?;
        times.add(began.elapsed());
        let after = there.get("/v1/models", shown(token)).await?;
        if (status, after) != (StatusCode::OK, StatusCode::UNAUTHORIZED) {
            return Err(format!("revoked ({status}, {answer}), and still answered {after}").into());
        }
    }
    Ok(times)
}
