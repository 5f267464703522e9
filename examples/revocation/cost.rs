//! What it costs to know: of replicas that are idle, and for each request.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use secrecy::SecretString;
use tokio::time::sleep;

use crate::{
    Outcome,
    figures::{Span, Times, within},
    forward::{CALLERS, forward},
    machine::Machine,
    say,
    stand::{HEALTHY, STRICT, Stand},
};

/// So many tokens callers have in turn.
const TOKENS: usize = 1000;
/// Until each was shown once.
const WARM: Duration = Duration::from_secs(1);

/// Prints what idle replicas take, and then each way to check.
pub(crate) async fn measure(upstream: SocketAddr, rounds: usize, seconds: u64) -> Outcome<()> {
    let measured = Duration::from_secs(seconds);
    let mut cached = Stand::start(&HEALTHY, upstream, TOKENS).await?;
    sleep(WARM).await;
    idle(&cached.machine, rounds, 2 * measured).await?;

    say(&format!(
        "\n| {CALLERS} callers | requests a second | p50 | p99 | gateway's processor for one | Redis's |\n|---|---|---|---|---|---|"
    ))?;
    let tokens = cached.tokens();
    let (mut open, mut known) = (Costs::default(), Costs::default());
    for _ in 0..rounds {
        open.add(&cached.machine, "/open/models", &tokens, measured).await?;
        known.add(&cached.machine, "/v1/models", &tokens, measured).await?;
    }
    drop(cached);
    open.say("`auth = \"none\"`")?;
    known.say("`mode = \"cached\"`")?;

    let mut strict = Stand::start(&STRICT, upstream, TOKENS).await?;
    let tokens = strict.tokens();
    let mut read = Costs::default();
    for _ in 0..rounds {
        read.add(&strict.machine, "/v1/models", &tokens, measured).await?;
    }
    read.say("`mode = \"strict\"`")
}

/// Nobody asks.
async fn idle(machine: &Machine, rounds: usize, measured: Duration) -> Outcome<()> {
    let [mut scripts, mut commands, mut redis, mut gateway] = [const { Vec::new() }; 4];
    for _ in 0..rounds {
        let (before, span) = (machine.redis.scripts()?, Span::begin(machine)?);
        sleep(measured).await;
        let (taken, after) = (span.taken(machine)?, machine.redis.scripts()?);
        #[allow(clippy::cast_precision_loss)]
        let share = taken.seconds * machine.replicas.len() as f64;
        #[allow(clippy::cast_precision_loss)]
        scripts.push((after - before) as f64 / share);
        commands.push(taken.commands / share);
        redis.push(taken.redis / share * 100.0);
        gateway.push(taken.gateway / taken.seconds * 100.0);
    }
    let [scripts, commands] = [scripts, commands].map(|figures| range(&figures, 1));
    let [redis, gateway] = [redis, gateway].map(|figures| range(&figures, 2));
    say(&format!(
        "| an idle replica | |\n|---|---|\n| scripts it sends Redis | {scripts}/s |\n| commands, as Redis counts them | {commands}/s |\n\
         | processor of Redis for it | {redis} % of a core |\n| its own processor | {gateway} % of a core |"
    ))
}

/// Of each round.
#[derive(Default)]
struct Costs {
    a_second: Vec<f64>,
    half: Vec<f64>,
    nearly_all: Vec<f64>,
    gateway: Vec<f64>,
    redis: Vec<f64>,
}

impl Costs {
    async fn add(&mut self, machine: &Machine, path: &'static str, tokens: &Arc<[SecretString]>, measured: Duration) -> Outcome<()> {
        let at = machine.replicas[0].address;
        let _: Times = forward(at, path, tokens, WARM).await?;
        let span = Span::begin(machine)?;
        let times = forward(at, path, tokens, measured).await?.sorted();
        let taken = span.taken(machine)?;
        #[allow(clippy::cast_precision_loss)]
        let requests = times.len() as f64;
        self.a_second.push(requests / taken.seconds);
        self.half.push(within(&times, 50));
        self.nearly_all.push(within(&times, 99));
        self.gateway.push(taken.gateway / requests * 1e6);
        self.redis.push(taken.redis / requests * 1e6);
        Ok(())
    }

    fn say(&self, what: &str) -> Outcome<()> {
        let Self { a_second, half, nearly_all, gateway, redis } = self;
        let (half, nearly_all) = (range(half, 1), range(nearly_all, 1));
        let [a_second, gateway, redis] = [a_second, gateway, redis].map(|figures| range(figures, 0));
        say(&format!("| {what} | {a_second} | {half} ms | {nearly_all} ms | {gateway} µs | {redis} µs |"))
    }
}

/// From the least to the most.
fn range(figures: &[f64], decimals: usize) -> String {
    let (least, most) = (figures.iter().copied().fold(f64::MAX, f64::min), figures.iter().copied().fold(0.0, f64::max));
    let [least, most] = [least, most].map(|figure| format!("{figure:.decimals$}"));
    if least == most { least } else { format!("{least} to {most}") }
}
