//! What is measured, and how it is written down.

use std::{
    io::{self, Write},
    time::{Duration, Instant},
};

use crate::{Outcome, machine::Machine};

/// How long something took, many times.
#[derive(Default)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    pub(crate) fn join(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// "median, 99 of 100 within".
    pub(crate) fn said(mut self) -> String {
        self.0.sort_unstable();
        let within = |hundredths: usize| {
            let time = self.0.get((self.0.len() * hundredths / 100).min(self.0.len().saturating_sub(1))).copied().unwrap_or_default();
            time.as_secs_f64() * 1000.0
        };
        format!("median {:.2} ms, p99 {:.2} ms of {}", within(50), within(99), self.0.len())
    }
}

/// A line of the report, as soon as it is known.
pub(crate) fn say(what: &str, figure: &str) -> Outcome<()> {
    Ok(writeln!(io::stdout(), "{what:<42}{figure}")?)
}

/// Says what the first replica and Redis hold in memory.
pub(crate) fn memory(what: &str, machine: &Machine) -> Outcome<()> {
    let mebibytes = |bytes: u64| bytes >> 20;
    let (gateway, redis) = (machine.replicas[0].process.resident()?, machine.redis.info("used_memory")?);
    say(what, &format!("gateway {} MiB, Redis {} MiB", mebibytes(gateway), mebibytes(redis)))
}

/// From here on: processor and commands.
pub(crate) struct Span {
    began: Instant,
    gateway: f64,
    redis: f64,
    commands: u64,
}

impl Span {
    pub(crate) fn begin(machine: &Machine) -> Outcome<Self> {
        Ok(Self {
            began: Instant::now(),
            gateway: machine.replicas[0].process.processor()?,
            redis: machine.redis.process.processor()?,
            commands: machine.redis.info("total_commands_processed")?,
        })
    }

    /// Says what the first replica and Redis took since; answers the processor's time of both, in seconds.
    pub(crate) fn end(self, what: &str, machine: &Machine) -> Outcome<(f64, f64)> {
        let now = Self::begin(machine)?;
        let seconds = now.began.duration_since(self.began).as_secs_f64();
        let (gateway, redis) = ((now.gateway - self.gateway) / seconds, (now.redis - self.redis) / seconds);
        // Those of scripts count, too; INFO is ours.
        #[allow(clippy::cast_precision_loss)]
        let commands = (now.commands - self.commands).saturating_sub(1) as f64 / seconds;
        say(what, &format!("processor: gateway {gateway:.3}, Redis {redis:.3}; {commands:.0} commands/s of Redis"))?;
        Ok((now.gateway - self.gateway, now.redis - self.redis))
    }
}
