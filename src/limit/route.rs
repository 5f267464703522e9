//! What one caller may send on a route. A request never waits for other replicas: each replica decides
//! by its own count and by what was known when it last settled with the others ([`Limits::settle`]).
//!
//! Whoever sends to several replicas at once gets through what each of them lets through between two
//! settlings, a tenth of a second and a round trip: at most `requests` at each. All of it counts, and
//! none of them lets him through until it has been paid off, so that in the long run he gets what the
//! limit says. While the store does not answer, each replica's own count decides alone; what it lets
//! through meanwhile is told later, but for what was being told when no answer came: that may count
//! or not.

use std::{collections::HashMap, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use dashmap::DashMap;

use super::{Limited, Limiter, Limits, Who, shared::Shared};
use crate::{
    clock::{BootTime, Clock},
    config::{RouteLimit, limits::Rate},
    store::counter::{Counted, Step, Tally},
};

/// How often replicas settle.
pub const SETTLE_EVERY: Duration = Duration::from_millis(100);
/// So many callers are settled in one call: a millisecond or two of the store's time.
const MOST_AT_ONCE: usize = 200;

/// The limit of one route.
pub struct RouteLimiter {
    local: Limiter,
    shared: Option<Unsettled>,
}

/// What this replica has to tell the others, and what it knows from them.
struct Unsettled {
    /// Tells the route from all others, on every replica alike.
    route: String,
    rate: Rate,
    /// How many requests each caller got through since the last settling.
    through: DashMap<Who, u32>,
    /// Who has used up what he may send to all replicas, and until when.
    over: ArcSwap<HashMap<Who, BootTime>>,
    clock: Clock,
}

impl RouteLimiter {
    /// The limit of the route of this name.
    pub fn new(route: String, limit: RouteLimit, clock: Clock) -> Self {
        let rate = Rate { times: limit.requests, per: limit.per };
        let shared =
            limit.shared.then(|| Unsettled { route, rate, through: DashMap::new(), over: ArcSwap::default(), clock: clock.clone() });
        Self { local: Limiter::new(rate.times, rate.per, clock), shared }
    }

    /// Whether it has anything to settle with other replicas.
    pub const fn is_shared(&self) -> bool {
        self.shared.is_some()
    }

    /// Counts one more request.
    ///
    /// # Errors
    /// [`Limited`] where that is one too many.
    pub fn take(&self, who: Who) -> Result<(), Limited> {
        let (place, taken) = self.local.take_at(who);
        let Some(shared) = &self.shared else { return taken };
        match (taken.err(), shared.left(&place).map(Limited::after)) {
            (None, None) => {
                let mut through = shared.through.entry(place).or_default();
                *through = through.saturating_add(1);
                Ok(())
            }
            (here, everywhere) => here.max(everywhere).map_or(Ok(()), Err),
        }
    }

    /// How many callers are to be settled.
    #[cfg(test)]
    pub(super) fn unsettled(&self) -> usize {
        self.shared.as_ref().map_or(0, |shared| shared.through.len())
    }

    /// Forgets those who have been quiet for long enough. To be called now and then.
    pub fn sweep(&self) {
        self.local.sweep();
    }
}

impl Unsettled {
    /// For how long somebody is refused everywhere.
    fn left(&self, who: &Who) -> Option<Duration> {
        let until = self.over.load().get(who).copied();
        until.and_then(|until| until.checked_sub(self.clock.boot_now())).filter(|left| !left.is_zero())
    }

    /// What came through since the last time.
    fn drain(&self) -> Vec<(Who, u32)> {
        let mut drained = Vec::new();
        self.through.retain(|who, through| {
            drained.push((*who, *through));
            false
        });
        drained
    }

    async fn settle(&self, shared: &Shared, name: impl Fn(Who) -> [u8; 16]) {
        let mut over = Vec::new();
        for chunk in self.drain().chunks(MOST_AT_ONCE) {
            let tallies = chunk.iter().map(|(who, through)| Tally { name: name(*who), rate: self.rate, step: Step::Settle(*through) });
            // Whether it was counted is not known, and nobody is to be counted twice.
            let Some(counted) = shared.count(tallies.collect()).await else { break };
            let now = self.clock.boot_now();
            over.extend(chunk.iter().zip(counted).filter_map(|((who, _), counted)| match counted {
                Counted::Admitted => None,
                Counted::After(left) => Some((*who, now + left)),
            }));
        }
        self.hand_back(over);
    }

    fn hand_back(&self, over: Vec<(Who, BootTime)>) {
        let now = self.clock.boot_now();
        let known = self.over.load();
        if !over.is_empty() || known.values().any(|until| *until <= now) {
            let still = known.iter().filter(|(_, until)| **until > now).map(|(who, until)| (*who, *until));
            self.over.store(Arc::new(still.chain(over).collect()));
        }
    }
}

impl Limits {
    /// Tells the other replicas what came through here on these routes since the last time, and learns
    /// who has used up his share. To be called every [`SETTLE_EVERY`].
    pub async fn settle(&self, limiters: impl Iterator<Item = &RouteLimiter>) {
        for unsettled in limiters.filter_map(|limiter| limiter.shared.as_ref()) {
            match &self.shared {
                None => drop(unsettled.drain()),
                // It is told all at once when the counter is asked again.
                Some(shared) if shared.pauses() => {}
                Some(shared) => unsettled.settle(shared, |who| self.tally(&unsettled.route, unsettled.rate, who)).await,
            }
        }
    }
}
