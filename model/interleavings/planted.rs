//! That the scheduler finds what is wrong: a few lines that do what the cache does, and the mistakes that one could make in them.

use loom::sync::RwLock;
use loom::sync::atomic::{AtomicU64, Ordering};

use crate::runs::{a_look, fills};
use crate::world::{Cache, Outcome};

#[derive(Clone, Copy, PartialEq)]
enum Mistake {
    None,
    RemovesBeforeTurn,
    ComparesBeforeLock,
    NeverCompares,
}

struct Few {
    mistake: Mistake,
    turn: AtomicU64,
    entry: RwLock<Option<u32>>,
}

impl Few {
    fn with(mistake: Mistake) -> Self {
        Self { mistake, turn: AtomicU64::new(0), entry: RwLock::new(None) }
    }
}

impl Cache for Few {
    type Turn = u64;

    fn turn(&self) -> u64 {
        self.turn.load(Ordering::SeqCst)
    }

    fn get(&self) -> Option<u32> {
        *self.entry.read().unwrap()
    }

    fn fill(&self, read_at: u64, record: u32) -> bool {
        if self.mistake == Mistake::ComparesBeforeLock && self.turn() != read_at {
            return false;
        }
        let mut entry = self.entry.write().unwrap();
        if matches!(self.mistake, Mistake::None | Mistake::RemovesBeforeTurn) && self.turn() != read_at {
            return false;
        }
        *entry = Some(record);
        true
    }

    fn take_out(&self) {
        if self.mistake == Mistake::RemovesBeforeTurn {
            *self.entry.write().unwrap() = None;
            self.turn.fetch_add(1, Ordering::SeqCst);
        } else {
            self.turn.fetch_add(1, Ordering::SeqCst);
            *self.entry.write().unwrap() = None;
        }
    }
}

fn is_found(cache: fn() -> Few) -> bool {
    [fills(0, 1, cache), fills(1, 0, cache), a_look(cache)].iter().flatten().any(Outcome::is_wrong)
}

#[test]
fn nothing_is_found_where_there_is_no_mistake() {
    assert!(!is_found(|| Few::with(Mistake::None)));
}

#[test]
fn a_removal_before_the_turn_is_raised_is_found() {
    assert!(is_found(|| Few::with(Mistake::RemovesBeforeTurn)));
}

#[test]
fn a_turn_that_is_compared_before_the_lock_is_taken_is_found() {
    assert!(is_found(|| Few::with(Mistake::ComparesBeforeLock)));
}

#[test]
fn a_fill_that_compares_nothing_is_found() {
    assert!(is_found(|| Few::with(Mistake::NeverCompares)));
}
