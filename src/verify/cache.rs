//! What was read and may be used again, until something of it is taken back.
//!
//! Nothing here depends on the rest of the house, so that the very code can be run under a scheduler
//! that tries every interleaving (`model/interleavings`).
//!
//! What keeps a read that was overtaken out: whoever takes something back raises the *turn* first and
//! removes then; whoever fills compares the turn under the lock that removal takes. Either the filler sees
//! the turn raised, or the removal comes after him and finds what he put in.

use std::{
    hash::{BuildHasherDefault, Hash, Hasher},
    sync::{Arc, PoisonError},
};

use indexmap::IndexMap;

use super::sync::{
    RwLock,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

/// A map of bounded size that many threads read. When it is full, what was not read for long makes room.
pub(crate) struct Cache<K, V> {
    turn: AtomicU64,
    shards: Box<[RwLock<Shard<K, V>>]>,
    /// How many entries one shard has room for.
    room: usize,
}

/// Counts what was taken back. A reading is as of a turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Turn(u64);

struct Shard<K, V> {
    entries: IndexMap<K, Slot<V>, BuildHasherDefault<Straight>>,
    /// Where it is looked next for one to make room (CLOCK).
    hand: usize,
}

struct Slot<V> {
    value: Arc<V>,
    /// Whether it was read since the hand passed it.
    read: AtomicBool,
}

/// Takes what is hashed for its own hash: keys are random, and none is of a caller's choice.
#[derive(Default)]
pub(crate) struct Straight(u64);

impl Hasher for Straight {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_ne_bytes(*first);
        }
    }
}

impl<K: Copy + Eq + Hash, V> Cache<K, V> {
    /// With room for so many entries, in so many shards, which are locked one by one.
    pub(crate) fn new(room: usize, shards: usize) -> Self {
        let shard = || RwLock::new(Shard { entries: IndexMap::default(), hand: 0 });
        Self { turn: AtomicU64::new(0), shards: (0..shards.max(1)).map(|_| shard()).collect(), room: room.div_ceil(shards.max(1)) }
    }

    /// To be asked before something is read that is to be filled in.
    pub(crate) fn turn(&self) -> Turn {
        Turn(self.turn.load(Ordering::SeqCst))
    }

    /// What is there under this key.
    pub(crate) fn get(&self, key: &K) -> Option<Arc<V>> {
        let shard = self.shard(key).read().unwrap_or_else(PoisonError::into_inner);
        let slot = shard.entries.get(key)?;
        if !slot.read.load(Ordering::Relaxed) {
            slot.read.store(true, Ordering::Relaxed);
        }
        Some(Arc::clone(&slot.value))
    }

    /// Puts in what was read, unless something was taken back since that turn. Says whether it is there.
    pub(crate) fn fill(&self, read_at: Turn, key: K, value: Arc<V>) -> bool {
        let mut shard = self.shard(&key).write().unwrap_or_else(PoisonError::into_inner);
        if self.turn() != read_at {
            return false;
        }
        if shard.entries.len() >= self.room && !shard.entries.contains_key(&key) {
            shard.make_room();
        }
        shard.entries.insert(key, Slot { value, read: AtomicBool::new(false) });
        true
    }

    /// Takes out what is under this key. Nobody finds it from then on, nor anything that was read before.
    pub(crate) fn remove(&self, key: &K) {
        self.raise_turn();
        self.shard(key).write().unwrap_or_else(PoisonError::into_inner).entries.swap_remove(key);
    }

    /// The same for all of whom this says so.
    pub(crate) fn remove_where(&self, is_meant: impl Fn(&V) -> bool) {
        self.raise_turn();
        for shard in &self.shards {
            shard.write().unwrap_or_else(PoisonError::into_inner).entries.retain(|_, slot| !is_meant(&slot.value));
        }
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().unwrap_or_else(PoisonError::into_inner).entries.len()).sum()
    }

    /// Before anything is removed: who fills looks at it under the lock that removal takes next.
    fn raise_turn(&self) {
        self.turn.fetch_add(1, Ordering::SeqCst);
    }

    fn shard(&self, key: &K) -> &RwLock<Shard<K, V>> {
        let mut hasher = Straight::default();
        key.hash(&mut hasher);
        // Other bits than those that the map uses.
        let at = (hasher.finish() >> 32) as usize % self.shards.len();
        &self.shards[at]
    }
}

impl<K: Copy + Eq + Hash, V> Shard<K, V> {
    /// Removes the first that was not read since the hand came by.
    fn make_room(&mut self) {
        // Twice around: the first time everybody may have been read.
        for _ in 0..2 * self.entries.len() {
            self.hand = if self.hand < self.entries.len() { self.hand } else { 0 };
            match self.entries.get_index(self.hand) {
                Some((_, slot)) if slot.read.load(Ordering::Relaxed) => {
                    slot.read.store(false, Ordering::Relaxed);
                    self.hand += 1;
                }
                Some(_) => {
                    self.entries.swap_remove_index(self.hand);
                    return;
                }
                None => return,
            }
        }
    }
}
