//! How long revocations take, with three replicas and a Redis set up as docs/redis.md says, and what it costs that
//! nobody asks Redis. It prints the tables in docs/revocation.md, and fails where anything is let in that was revoked.
//!
//! ```text
//! cargo build --release && cargo run --release --example revocation -- --plot docs/revocation.svg
//! ```
//!
//! Linux with `redis-server`. `--instructions` needs `valgrind`, and both built with `--features rustix/use-libc-auxv`:
//! valgrind hides where the kernel's clock is, and rustix finds it all the same, otherwise.

mod cost;
#[allow(dead_code)]
#[path = "../load/figures.rs"]
mod figures;
#[path = "../load/forward.rs"]
mod forward;
#[path = "../load/grants.rs"]
mod grants;
#[allow(dead_code)]
#[path = "../load/http.rs"]
mod http;
mod instructions;
#[path = "../load/machine.rs"]
mod machine;
mod plot;
mod revoke;
mod stand;
mod streams;

use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
};

use clap::Parser;

use self::{
    figures::{Times, within},
    plot::Curve,
    revoke::Crew,
    stand::{CONFIRMED, HEALTHY, Stand},
};

/// What there is to say in the end.
type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Measures revocation.
#[derive(Parser)]
struct Options {
    /// How many revocations, where all are healthy.
    #[arg(long, default_value_t = 500)]
    revocations: usize,
    /// How often a replica is stopped.
    #[arg(long, default_value_t = 10)]
    stops: usize,
    /// How often open streams are revoked.
    #[arg(long, default_value_t = 10)]
    streams: usize,
    /// How often each cost is measured, and each for how many seconds.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How long requests are forwarded in each round, and twice as long it is idle, in seconds.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Counts the instructions of the check, too, which takes a minute or two.
    #[arg(long)]
    instructions: bool,
    /// Where to write a picture of how long revocations take, as SVG.
    #[arg(long)]
    plot: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let options = Options::parse();
    let upstream = streams::upstream().await?;

    say("| | p50 | p99 | longest | times |\n|---|---|---|---|---|")?;
    let mut stand = Stand::start(&HEALTHY, upstream, options.revocations + options.streams + 2 * options.stops * revoke::AT_A_STOP).await?;
    let mut crew = Crew::at(&stand).await?;
    let healthy = crew.revoke_all(&mut stand, options.revocations).await?;
    row("`revoke`, three healthy replicas", &healthy)?;
    let stopped = crew.revoke_at_stops(&mut stand, options.stops).await?;
    row("one replica is stopped: the first", &stopped.first)?;
    row("those behind it, while it is stopped", &stopped.behind)?;
    row("from its going on until it serves", &stopped.back)?;
    let ends = streams::revoke_all(&mut stand, options.streams).await?;
    let open = 3 * streams::AT_A_REPLICA;
    row(&format!("{open} open streams, from sending the revocation to the end of each"), &ends.since_sent)?;
    row("the same from its answer; 0 is before it", &ends.since_answered)?;
    drop(stand);

    let mut stand = Stand::start(&CONFIRMED, upstream, options.revocations).await?;
    let mut confirming = Crew::at(&stand).await?;
    let confirmed = confirming.revoke_all(&mut stand, options.revocations).await?;
    row("`revoke`, `wait_replicas = 1`", &confirmed)?;
    drop(stand);
    let refused = crew.refused + confirming.refused;
    say(&format!("\nOther replicas were asked {refused} times as soon as a revocation was answered, and let nobody in.\n"))?;

    if let Some(path) = &options.plot {
        let curves = [
            Curve { name: "healthy", times: healthy.sorted() },
            Curve { name: "wait_replicas = 1", times: confirmed.sorted() },
            Curve { name: "one stopped, first", times: stopped.first.sorted() },
        ];
        fs::write(path, plot::drawn(&curves))?;
    }
    cost::measure(upstream, options.rounds, options.seconds).await?;
    if options.instructions {
        instructions::measure(upstream).await?;
    }
    Ok(())
}

/// A line of the report, as soon as it is known.
fn say(line: &str) -> Outcome<()> {
    Ok(writeln!(io::stdout(), "{line}")?)
}

fn row(what: &str, times: &Times) -> Outcome<()> {
    let sorted = times.sorted();
    let [half, nearly_all, all] = [50, 99, 100].map(|hundredths| within(&sorted, hundredths));
    say(&format!("| {what} | {half:.1} ms | {nearly_all:.1} ms | {all:.1} ms | {} |", sorted.len()))
}
