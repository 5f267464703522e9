//! One row's counter.

use std::{hash::Hash, num::NonZeroU32, time::Duration};

use dashmap::DashMap;
use governor::{
    Quota, RateLimiter,
    clock::Reference,
    middleware::{NoOpMiddleware, StateInformationMiddleware},
    state::keyed::DashMapStateStore,
};

use super::Limited;
use crate::clock::{BootTime, Clock};

/// Counts calls of one kind, each caller's by themselves.
pub struct Limiter<K: Hash + Eq + Clone> {
    counter: RateLimiter<K, DashMapStateStore<K>, Ticks, StateInformationMiddleware>,
    /// Who has nothing left, and until when: governor cannot be asked without counting.
    exhausted: DashMap<K, BootTime>,
    clock: Clock,
}

/// Our clock, as governor reads it.
#[derive(Clone)]
struct Ticks(Clock);

impl governor::clock::Clock for Ticks {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.boot_now()
    }
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    /// At most `times` at once, and `times` in `per` from then on.
    pub fn new(times: NonZeroU32, per: Duration, clock: Clock) -> Self {
        let every = (per / times.get()).max(Duration::from_nanos(1));
        // `every` is above zero, so there is a quota.
        let quota = Quota::with_period(every).unwrap_or(Quota::per_second(times)).allow_burst(times);
        let counter: RateLimiter<_, _, _, NoOpMiddleware<Duration>> = RateLimiter::new(quota, DashMap::default(), Ticks(clock.clone()));
        Self { counter: counter.with_middleware(), exhausted: DashMap::new(), clock }
    }

    /// Counts one more.
    ///
    /// # Errors
    /// [`Limited`] where that is one too many; it is not counted then.
    pub fn take(&self, key: K) -> Result<(), Limited> {
        let now = self.clock.boot_now();
        match self.counter.check_key(&key) {
            Ok(state) => {
                if state.remaining_burst_capacity() == 0 {
                    self.exhausted.insert(key, now + state.quota().replenish_interval());
                }
                Ok(())
            }
            Err(not_until) => {
                self.exhausted.insert(key, not_until.earliest_possible());
                Err(limited(not_until.earliest_possible().duration_since(now).into()))
            }
        }
    }

    /// Whether one more would be counted.
    ///
    /// # Errors
    /// [`Limited`] where it would be one too many.
    pub fn look(&self, key: &K) -> Result<(), Limited> {
        let left = self.exhausted.get(key).and_then(|until| until.checked_sub(self.clock.boot_now()));
        left.filter(|left| !left.is_zero()).map_or(Ok(()), |left| Err(limited(left)))
    }

    /// Forgets those who have been quiet for long enough.
    pub fn sweep(&self) {
        let now = self.clock.boot_now();
        self.exhausted.retain(|_, until| *until > now);
        self.counter.retain_recent();
        self.counter.shrink_to_fit();
    }
}

fn limited(left: Duration) -> Limited {
    Limited { retry_after: left.as_secs() + u64::from(left.subsec_nanos() > 0) }
}
