//! One row's counter.

use std::{
    hash::{BuildHasher, RandomState},
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use dashmap::DashMap;
use governor::{
    Quota, RateLimiter,
    clock::Reference,
    middleware::{NoOpMiddleware, StateInformationMiddleware},
};
use tokio::sync::{Mutex, MutexGuard};

use super::{Limited, Who, places::Places};
use crate::clock::{BootTime, Clock};

/// So many strangers have a counter of their own, in each row: some 20 MB in the worst case.
const MOST_STRANGERS: usize = 100_000;
/// A row that is full is swept at most so often.
const SWEEP_PAUSE: Duration = Duration::from_secs(1);
/// So many guesses of one row may run at a time.
const STRIPES: usize = 64;

/// Counts calls of one kind, each caller's by themselves.
///
/// What strangers can make up (addresses, names) has a bounded number of counters: while there is no
/// room, those who come new share coarser ones. Users, grants and browsers in which somebody signed
/// in are as many as there are records of them.
pub struct Limiter {
    counter: RateLimiter<Who, Places, Ticks, StateInformationMiddleware>,
    places: Places,
    /// About how many places strangers have.
    strangers: AtomicUsize,
    most: usize,
    /// When it was last swept for want of room, in milliseconds.
    swept: AtomicU64,
    /// Who has nothing left, and until when: governor cannot be asked without counting.
    exhausted: DashMap<Who, BootTime>,
    /// Held while a guess is compared. Which keys share one is nobody's to choose.
    stripes: [Mutex<()>; STRIPES],
    hasher: RandomState,
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

impl Limiter {
    /// At most `times` at once, and `times` in `per` from then on.
    pub fn new(times: NonZeroU32, per: Duration, clock: Clock) -> Self {
        Self::with_room(MOST_STRANGERS, times, per, clock)
    }

    pub(super) fn with_room(most: usize, times: NonZeroU32, per: Duration, clock: Clock) -> Self {
        let every = (per / times.get()).max(Duration::from_nanos(1));
        // `every` is above zero, so there is a quota.
        let quota = Quota::with_period(every).unwrap_or(Quota::per_second(times)).allow_burst(times);
        let places = Places(Arc::default());
        let counter: RateLimiter<_, _, _, NoOpMiddleware<Duration>> = RateLimiter::new(quota, places.clone(), Ticks(clock.clone()));
        Self {
            counter: counter.with_middleware(),
            places,
            strangers: AtomicUsize::new(0),
            most,
            swept: AtomicU64::new(0),
            exhausted: DashMap::new(),
            stripes: std::array::from_fn(|_| Mutex::new(())),
            hasher: RandomState::new(),
            clock,
        }
    }

    /// Counts one more.
    ///
    /// # Errors
    /// [`Limited`] where that is one too many; it is not counted then.
    pub fn take(&self, who: Who) -> Result<(), Limited> {
        self.take_at(who).1
    }

    /// The same, and where he is counted.
    pub(super) fn take_at(&self, who: Who) -> (Who, Result<(), Limited>) {
        let now = self.clock.boot_now();
        let (place, is_new) = self.place(who);
        if is_new {
            self.strangers.fetch_add(1, Ordering::Relaxed);
        }
        let taken = match self.counter.check_key(&place) {
            Ok(state) => {
                if state.remaining_burst_capacity() == 0 {
                    self.exhausted.insert(place, now + state.quota().replenish_interval());
                }
                Ok(())
            }
            Err(not_until) => {
                self.exhausted.insert(place, not_until.earliest_possible());
                Err(Limited::after(not_until.earliest_possible().duration_since(now).into()))
            }
        };
        (place, taken)
    }

    /// Refuses somebody for so long, by the word of those who count elsewhere.
    pub(super) fn refuse(&self, who: Who, left: Duration) {
        let (place, is_new) = self.place(who);
        // A stranger who has no place here takes none by being refused: there is no end of strangers.
        if !is_new || self.exhausted.len() < self.most {
            self.exhausted.insert(place, self.clock.boot_now() + left);
        }
    }

    /// Whether one more would be counted.
    ///
    /// # Errors
    /// [`Limited`] where it would be one too many.
    pub fn look(&self, who: Who) -> Result<(), Limited> {
        let (place, _) = self.place(who);
        let left = self.exhausted.get(&place).and_then(|until| until.checked_sub(self.clock.boot_now()));
        left.filter(|left| !left.is_zero()).map_or(Ok(()), |left| Err(Limited::after(left)))
    }

    /// Waits until nobody else compares a guess of any of these.
    pub(super) async fn alone(&self, whos: &[Who]) -> Vec<MutexGuard<'_, ()>> {
        let stripe = |who: &Who| usize::try_from(self.hasher.hash_one(self.place(*who).0) % STRIPES as u64).unwrap_or(0);
        let mut stripes: Vec<usize> = whos.iter().map(stripe).collect();
        // Always in the same order, and none twice: two guesses never wait for each other.
        stripes.sort_unstable();
        stripes.dedup();
        let mut held = Vec::with_capacity(stripes.len());
        for stripe in stripes {
            held.push(self.stripes[stripe].lock().await);
        }
        held
    }

    /// Where somebody is counted, and whether the place is a stranger's and new: by himself while
    /// there is room, and else together with his neighbours. Nobody is let through uncounted, and
    /// those who have a place keep it.
    fn place(&self, who: Who) -> (Who, bool) {
        if !who.is_stranger() {
            return (who, false);
        }
        let mut place = who;
        let mut room = self.most;
        loop {
            if self.places.0.contains_key(&place) {
                return (place, false);
            }
            if self.strangers.load(Ordering::Relaxed) >= self.most {
                self.sweep_if_due();
            }
            if self.strangers.load(Ordering::Relaxed) < room {
                return (place, true);
            }
            match place.coarser() {
                Some(coarser) => place = coarser,
                None => return (place, true),
            }
            // Some is kept for each coarser kind.
            room += self.most / 8;
        }
    }

    fn sweep_if_due(&self) {
        let now = u64::try_from(self.clock.boot_now().as_millis()).unwrap_or(u64::MAX);
        let last = self.swept.load(Ordering::Relaxed);
        let is_due = last == 0 || now.saturating_sub(last) >= SWEEP_PAUSE.as_millis() as u64;
        if is_due && self.swept.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.sweep();
        }
    }

    /// Forgets those who have been quiet for long enough.
    pub fn sweep(&self) {
        let now = self.clock.boot_now();
        self.exhausted.retain(|_, until| *until > now);
        self.exhausted.shrink_to_fit();
        self.counter.retain_recent();
        self.counter.shrink_to_fit();
        let strangers = self.places.0.iter().filter(|place| place.key().is_stranger()).count();
        self.strangers.store(strangers, Ordering::Relaxed);
    }

    /// How many are counted by themselves.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.places.0.len()
    }
}
