//! What all replicas count together: the store's counter, asked so that nobody waits for it long.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{Limiter, Who};
use crate::{
    clock::Clock,
    store::{
        Counter, Unavailable,
        counter::{Counted, Tally},
    },
};

/// So long an answer is waited for.
const PATIENCE: Duration = Duration::from_millis(50);
/// After there was none, so long nobody asks: those who come would wait in vain, one behind the other.
const PAUSE: Duration = Duration::from_secs(1);
/// The operator is told at most so often.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// The counter that replicas share.
pub(super) struct Shared {
    counter: Arc<dyn Counter>,
    /// It is asked again from then on, in milliseconds.
    resumes: AtomicU64,
    told: Limiter,
    clock: Clock,
}

impl Shared {
    pub(super) fn new(counter: Arc<dyn Counter>, clock: Clock) -> Self {
        let told = Limiter::new(NonZeroU32::MIN, TELL_EVERY, clock.clone());
        Self { counter, resumes: AtomicU64::new(0), told, clock }
    }

    /// Whether it is not asked now.
    pub(super) fn pauses(&self) -> bool {
        self.milliseconds() < self.resumes.load(Ordering::Relaxed)
    }

    /// Counts at all replicas. `None` where there is no answer in time: then each decides for itself.
    pub(super) async fn count(&self, tallies: Vec<Tally>) -> Option<Vec<Counted>> {
        if self.pauses() {
            return None;
        }
        let answer = tokio::select! {
            biased;
            answer = self.counter.count(tallies) => answer,
            () = self.clock.sleep(PATIENCE) => Err(Unavailable::because("no answer in time")),
        };
        answer.map_err(|unavailable| self.pause(&unavailable)).ok()
    }

    fn pause(&self, unavailable: &Unavailable) {
        self.resumes.store(self.milliseconds().saturating_add(PAUSE.as_millis() as u64), Ordering::Relaxed);
        if self.told.take(Who::All).is_ok() {
            tracing::warn!(%unavailable, "limits that replicas share cannot be counted; each replica's own count decides alone");
        }
    }

    fn milliseconds(&self) -> u64 {
        u64::try_from(self.clock.boot_now().as_millis()).unwrap_or(u64::MAX)
    }
}
