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

    /// In milliseconds, the shortest first.
    pub(crate) fn sorted(&self) -> Vec<f64> {
        let mut sorted: Vec<f64> = self.0.iter().map(|time| time.as_secs_f64() * 1000.0).collect();
        sorted.sort_by(f64::total_cmp);
        sorted
    }

    /// "median, 99 of 100 within".
    pub(crate) fn said(&self) -> String {
        let sorted = self.sorted();
        format!("median {:.2} ms, p99 {:.2} ms of {}", within(&sorted, 50), within(&sorted, 99), sorted.len())
    }
}

/// What so many of a hundred are within.
pub(crate) fn within(sorted: &[f64], hundredths: usize) -> f64 {
    sorted.get((sorted.len() * hundredths / 100).min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
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

/// What a span took.
pub(crate) struct Taken {
    /// Seconds.
    pub(crate) seconds: f64,
    /// The processor's time of the first replica, in seconds.
    pub(crate) gateway: f64,
    /// The same of Redis.
    pub(crate) redis: f64,
    /// Commands of Redis; those of scripts count, too.
    pub(crate) commands: f64,
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

    pub(crate) fn taken(self, machine: &Machine) -> Outcome<Taken> {
        let now = Self::begin(machine)?;
        // INFO is ours.
        #[allow(clippy::cast_precision_loss)]
        let commands = (now.commands - self.commands).saturating_sub(1) as f64;
        let seconds = now.began.duration_since(self.began).as_secs_f64();
        Ok(Taken { seconds, gateway: now.gateway - self.gateway, redis: now.redis - self.redis, commands })
    }

    /// Says what the first replica and Redis took since; answers it, too.
    pub(crate) fn end(self, what: &str, machine: &Machine) -> Outcome<Taken> {
        let taken = self.taken(machine)?;
        let [gateway, redis, commands] = [taken.gateway, taken.redis, taken.commands].map(|all| all / taken.seconds);
        say(what, &format!("processor: gateway {gateway:.3}, Redis {redis:.3}; {commands:.0} commands/s of Redis"))?;
        Ok(taken)
    }
}
