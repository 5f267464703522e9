//! A store with one record, a cache, and what the gateway does with both.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use loom::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// The record, before something was taken back and after.
pub(crate) const OLD: u32 = 1;
pub(crate) const NEW: u32 = 2;

/// A cache, of which only the record's key matters.
pub(crate) trait Cache: Send + Sync + 'static {
    type Turn: Copy + Send;
    fn turn(&self) -> Self::Turn;
    fn get(&self) -> Option<u32>;
    fn fill(&self, read_at: Self::Turn, record: u32) -> bool;
    fn take_out(&self);
}

pub(crate) struct World<C> {
    store: AtomicU32,
    cache: C,
    has_returned: AtomicBool,
}

/// A request that has read the store.
#[derive(Clone, Copy)]
pub(crate) struct Load<T> {
    turn: T,
    record: u32,
}

impl<C: Cache> World<C> {
    pub(crate) fn new(cache: C) -> loom::sync::Arc<Self> {
        loom::sync::Arc::new(Self { store: AtomicU32::new(OLD), cache, has_returned: AtomicBool::new(false) })
    }

    pub(crate) fn load(&self) -> Load<C::Turn> {
        let turn = self.cache.turn();
        Load { turn, record: self.store.load(Ordering::Acquire) }
    }

    /// Says whether the cache took it.
    pub(crate) fn fill(&self, load: Load<C::Turn>) -> bool {
        self.cache.fill(load.turn, load.record)
    }

    pub(crate) fn revoke(&self) {
        self.store.store(NEW, Ordering::Release);
        self.cache.take_out();
        self.has_returned.store(true, Ordering::Release);
    }

    pub(crate) fn look(&self) -> Look {
        let is_late = self.has_returned.load(Ordering::Acquire);
        Look { is_late, seen: self.cache.get() }
    }
}

/// What a request found in the cache.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Look {
    /// It came after the revocation had returned.
    pub(crate) is_late: bool,
    pub(crate) seen: Option<u32>,
}

/// What came of a run: which fills the cache took, and what was looked up.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Outcome {
    pub(crate) filled: Vec<bool>,
    pub(crate) looks: Vec<Look>,
}

impl Outcome {
    pub(crate) fn is_wrong(&self) -> bool {
        self.looks.contains(&Look { is_late: true, seen: Some(OLD) })
    }

    /// Nobody finds anything in the end.
    pub(crate) fn is_empty(&self) -> bool {
        self.looks.last().is_some_and(|look| look.seen.is_none())
    }
}

/// The outcomes of all interleavings.
pub(crate) fn all(run: impl Fn() -> Outcome + Send + Sync + 'static) -> BTreeSet<Outcome> {
    let outcomes = Arc::new(Mutex::new(BTreeSet::new()));
    let found = Arc::clone(&outcomes);
    loom::model(move || {
        let outcome = run();
        found.lock().unwrap().insert(outcome);
    });
    outcomes.lock().unwrap().clone()
}
