//! Where a replica stands, for those who look after it (docs/revocation.md, R6).

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use super::{Round, Verifier};
use crate::{config::store::Mode, store::Unavailable};

/// What happened since the start.
#[derive(Default)]
pub(super) struct Counts {
    serves: AtomicBool,
    histories_lost: AtomicU64,
    renewals_failed: AtomicU64,
    waiting: AtomicU64,
}

impl Counts {
    /// Counts a round of renewal.
    pub(super) fn note(&self, round: &Result<Round, Unavailable>) {
        match round {
            Ok(Round::Leased | Round::More) => {}
            Ok(Round::OtherHistory(_)) => _ = self.histories_lost.fetch_add(1, Relaxed),
            Ok(Round::Unconfirmed) | Err(Unavailable { .. }) => _ = self.renewals_failed.fetch_add(1, Relaxed),
        }
    }

    /// Somebody waits until all replicas know, for as long as he keeps this.
    pub(super) fn wait(self: &Arc<Self>) -> Waiting {
        self.waiting.fetch_add(1, Relaxed);
        Waiting(Arc::clone(self))
    }
}

/// Somebody waits until all replicas know.
pub(super) struct Waiting(Arc<Counts>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Relaxed);
    }
}

/// Where a replica stands now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gauges {
    /// What it is called among the others.
    pub name: String,
    /// Whether it answers requests: a command that works on the store does not.
    pub serves: bool,
    /// What it asks for each request; `None` where nobody else uses the store.
    pub mode: Option<Mode>,
    /// How long its lease holds, zero where it is over; `None` where it needs none.
    pub lease: Option<Duration>,
    /// The last entry of the feed that it has applied, by its sequence.
    pub applied: u64,
    /// How many grants it knows.
    pub known_grants: usize,
    /// How many answers are on their way that need a token.
    pub open_streams: usize,
    /// How many were cut off since the start.
    pub streams_cut: u64,
    /// How often since the start the store had another history than before.
    pub histories_lost: u64,
    /// How many rounds of renewal gave no lease since the start: they failed, or too few confirmed them.
    pub renewals_failed: u64,
    /// How many revocations wait until all replicas know.
    pub waiting: u64,
}

impl Verifier {
    /// From now on this process answers requests.
    pub fn begin_to_serve(&self) {
        self.counts.serves.store(true, Relaxed);
    }

    /// Where it stands now. Looks at all open streams.
    pub fn gauges(&self) -> Gauges {
        let is_alone = self.replicas.is_none();
        Gauges {
            name: self.name.clone(),
            serves: self.counts.serves.load(Relaxed),
            mode: self.membership.get().map(|membership| membership.mode),
            lease: (!is_alone).then(|| self.lease.end().saturating_sub(self.clock.boot_now())),
            applied: if is_alone { self.taken_here.load(Relaxed) } else { self.applied().sequence },
            known_grants: self.known.len(),
            open_streams: self.streams.count(),
            streams_cut: self.streams.cut_count(),
            histories_lost: self.counts.histories_lost.load(Relaxed),
            renewals_failed: self.counts.renewals_failed.load(Relaxed),
            waiting: self.counts.waiting.load(Relaxed),
        }
    }
}
