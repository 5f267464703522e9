//! The counter that forgets everything with the process: the plainest reading of the contract.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::{Counted, Counter, Step, Tally};
use crate::{clock::Clock, store::Answer};

/// A counter in memory.
pub struct MemoryCounter {
    clock: Clock,
    /// Each tally's theoretical arrival time, in microseconds times its rate's `times`: there is no
    /// rest to lose.
    arrivals: Mutex<HashMap<[u8; 16], u128>>,
}

impl MemoryCounter {
    /// One in which nothing was counted yet.
    pub fn new(clock: Clock) -> Self {
        Self { clock, arrivals: Mutex::default() }
    }
}

impl Counter for MemoryCounter {
    fn count(&self, tallies: Vec<Tally>) -> Answer<'_, Vec<Counted>> {
        Box::pin(async move {
            let now = self.clock.boot_now().as_micros();
            // What is written is whole before it takes the other's place.
            let mut arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
            let mut next = arrivals.clone();
            let counted: Vec<(Step, Counted)> = tallies.iter().map(|tally| (tally.step, step(&mut next, tally, now))).collect();
            if !counted.iter().any(|(step, counted)| *step == Step::Take && *counted != Counted::Admitted) {
                *arrivals = next;
            }
            Ok(counted.into_iter().map(|(_, counted)| counted).collect())
        })
    }
}

fn step(arrivals: &mut HashMap<[u8; 16], u128>, tally: &Tally, now: u128) -> Counted {
    let (times, per) = (u128::from(tally.rate.times.get()), tally.rate.per.as_micros());
    let now = now * times;
    let before = arrivals.get(&tally.name).copied().filter(|arrival| *arrival > now).unwrap_or(now);
    // One costs `per / times` microseconds, which is `per` of these parts.
    let after = match tally.step {
        Step::Take => before + per,
        Step::Settle(many) => before + per * u128::from(many),
        Step::GiveBack => before.saturating_sub(per).max(now),
    };
    let next = if tally.step == Step::Take { after } else { after + per };
    let wait = next.saturating_sub(now + per * times).div_ceil(times);
    if tally.step != Step::Take || wait == 0 {
        arrivals.insert(tally.name, after);
    }
    match u64::try_from(wait).unwrap_or(u64::MAX) {
        0 => Counted::Admitted,
        micros => Counted::After(Duration::from_micros(micros)),
    }
}
