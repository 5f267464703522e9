//! For how long this replica may go by what it knows (docs/revocation.md).
//!
//! Time is `CLOCK_BOOTTIME`, read anew for every request: it goes on while the process is stopped and the
//! machine sleeps. Whoever takes something back elsewhere waits until no lease can be left, by such a clock of
//! his own.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::{sync::Notify, time::timeout};

use crate::clock::{BootTime, Clock};

/// How long a lease is, from the moment in which the renewal was sent.
pub const LEASE: Duration = Duration::from_secs(2);
/// So alike two clocks run: in a hundred parts of time they are apart by no more than one.
const HUNDREDTH: u32 = 100;
/// A request waits so long at most for a lease to be renewed.
pub(super) const RENEWED_WITHIN: Duration = Duration::from_millis(200);

/// What is left of a lease that is granted by a renewal which was sent then.
pub(super) fn granted(sent: BootTime) -> BootTime {
    sent + LEASE - LEASE / HUNDREDTH
}

/// When no lease is left of those that were granted before that moment.
pub(super) fn outwaited(since: BootTime) -> BootTime {
    since + longest(LEASE)
}

/// What is at most as long by another clock as `span` is by this one.
pub(super) fn longest(span: Duration) -> Duration {
    span + span / HUNDREDTH
}

/// The lease of this replica.
#[derive(Default)]
pub(super) struct Lease {
    /// In nanoseconds.
    end: AtomicU64,
    wanted: Notify,
    extended: Notify,
}

impl Lease {
    /// One that needs no renewal: nobody else uses the store.
    pub(super) fn forever() -> Self {
        Self { end: AtomicU64::new(u64::MAX), ..Self::default() }
    }

    /// When it ends.
    pub(super) fn end(&self) -> BootTime {
        Duration::from_nanos(self.end.load(Ordering::SeqCst))
    }

    /// Whether it holds.
    pub(super) fn holds(&self, now: BootTime) -> bool {
        now < self.end()
    }

    /// It ends then, or later if it did already.
    pub(super) fn extend(&self, end: BootTime) {
        self.end.fetch_max(u64::try_from(end.as_nanos()).unwrap_or(u64::MAX), Ordering::SeqCst);
        self.extended.notify_waiters();
    }

    /// Completes once somebody wants it renewed.
    pub(super) async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// Has it renewed, and says whether it holds within `patience`. That is the network's time.
    pub(super) async fn renewed(&self, clock: &Clock, patience: Duration) -> bool {
        let holds = async {
            loop {
                let extended = self.extended.notified();
                if self.holds(clock.boot_now()) {
                    return;
                }
                self.wanted.notify_one();
                extended.await;
            }
        };
        timeout(patience, holds).await.is_ok()
    }

    /// Has it renewed, and says whether that came about within `patience`, however long it holds already.
    pub(super) async fn renewed_again(&self, patience: Duration) -> bool {
        let extended = self.extended.notified();
        self.wanted.notify_one();
        timeout(patience, extended).await.is_ok()
    }
}
