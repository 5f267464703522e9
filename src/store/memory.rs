//! The store that forgets everything with the process: for tests of what stands on a store, and
//! the plainest reading of the contract. The other stores are compared with it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;

use super::{
    Answer, Change, CommitError, Counter, Cursor, Entry, Expect, Key, List, Loaded, Notices, Page, Position, ReadError, Record, Soft,
    SoftKey, Store, Swept, Unavailable, Version, Whole,
    local::{Local, Tells},
};
use crate::clock::Clock;

/// A store in memory.
pub struct Memory {
    clock: Clock,
    state: Mutex<State>,
    local: Local,
    counter: Option<Arc<dyn Counter>>,
}

#[derive(Default)]
struct State {
    /// The version given last, so that none is given twice.
    version: u64,
    records: HashMap<Key, Stored>,
    links: HashMap<(List, [u8; 16]), Timestamp>,
    soft: HashMap<SoftKey, (Soft, Timestamp)>,
}

/// Records are kept as bytes, so that one which does not survive being written down fails here
/// too.
struct Stored {
    version: Version,
    bytes: Vec<u8>,
    until: Option<Timestamp>,
}

impl Memory {
    /// An empty store.
    pub fn new(clock: Clock) -> Self {
        Self { clock, state: Mutex::default(), local: Local::default(), counter: None }
    }

    /// As if several processes used it, who count here.
    #[must_use]
    pub fn counting(self, counter: Arc<dyn Counter>) -> Self {
        Self { counter: Some(counter), ..self }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in this file panics between two writes, so what a poisoned lock holds is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn get(&self, key: &Key, now: Timestamp) -> Option<&Stored> {
        self.records.get(key).filter(|stored| stored.until.is_none_or(|until| now < until))
    }

    fn load(&self, key: &Key, now: Timestamp) -> Result<Option<Loaded<Record>>, Unavailable> {
        let Some(stored) = self.get(key, now) else { return Ok(None) };
        Ok(Some(Loaded { version: stored.version, record: Record::decode(&stored.bytes)? }))
    }

    fn meets(&self, change: &Change, now: Timestamp) -> bool {
        let (key, expect) = match change {
            Change::Put { key, expect, .. } | Change::Compare { key, expect } | Change::Delete { key, expect } => (key, expect),
            Change::Link { .. } | Change::TakeBack(_) | Change::TakeBackAgain(_) | Change::Tell(_) => return true,
        };
        match expect {
            Expect::Absent => self.get(key, now).is_none(),
            Expect::Version(version) => self.get(key, now).is_some_and(|stored| stored.version == *version),
            Expect::Any => true,
        }
    }

    fn commit(&mut self, changes: Vec<Change>, now: Timestamp) -> Result<(), CommitError> {
        // Everything that can fail comes before the first write.
        if !changes.iter().all(|change| self.meets(change, now)) {
            return Err(CommitError::Conflict);
        }
        let bytes = changes.iter().map(written).collect::<Result<Vec<_>, _>>()?;
        self.version += 1;
        let version = Version(self.version);
        for (change, bytes) in changes.into_iter().zip(bytes) {
            match change {
                Change::Put { key, until, .. } => {
                    self.records.insert(key, Stored { version, bytes, until });
                }
                Change::Compare { .. } | Change::TakeBack(_) | Change::TakeBackAgain(_) | Change::Tell(_) => {}
                Change::Delete { key, .. } => {
                    self.records.remove(&key);
                }
                Change::Link { list, member, until } => {
                    self.links.insert((list, member), until);
                }
            }
        }
        Ok(())
    }

    fn entries(&self, now: Timestamp) -> Result<Vec<Entry>, Unavailable> {
        let live = self.records.iter().filter(|(_, stored)| stored.until.is_none_or(|until| now < until));
        let records = live.map(|(key, stored)| {
            let record = Record::decode(&stored.bytes)?;
            Ok(Entry::Record { key: key.clone(), record, until: stored.until })
        });
        let links = self.links.iter().filter(|(_, until)| now < **until);
        let members = links.map(|((list, member), until)| Entry::Member { list: *list, member: *member, until: *until });
        let soft = self.soft.iter().filter(|(key, (_, until))| key.is_worth_keeping() && now < *until);
        let soft = soft.map(|(key, (soft, until))| Entry::Soft { key: *key, soft: *soft, until: *until });
        records.chain(members.chain(soft).map(Ok)).collect()
    }

    fn sweep(&mut self, now: Timestamp) -> Swept {
        let before = self.len();
        self.records.retain(|_, stored| stored.until.is_none_or(|until| now < until));
        self.links.retain(|_, until| now < *until);
        self.soft.retain(|_, (_, until)| now < *until);
        Swept { removed: (before - self.len()) as u64 }
    }

    fn len(&self) -> usize {
        self.records.len() + self.links.len() + self.soft.len()
    }
}

/// The bytes of the record that a change writes, if it writes one.
fn written(change: &Change) -> Result<Vec<u8>, Unavailable> {
    match change {
        Change::Put { record, .. } => record.encode(),
        Change::Compare { .. }
        | Change::Delete { .. }
        | Change::Link { .. }
        | Change::TakeBack(_)
        | Change::TakeBackAgain(_)
        | Change::Tell(_) => Ok(Vec::new()),
    }
}

impl Store for Memory {
    fn load<'a>(&'a self, key: &'a Key) -> Answer<'a, Option<Loaded<Record>>> {
        Box::pin(async move { self.state().load(key, self.clock.now()) })
    }

    fn load_whole<'a>(&'a self, key: &'a Key, watch: Option<&'a Key>, _applied: Option<Position>) -> Answer<'a, Option<Whole>, ReadError> {
        Box::pin(async move {
            let (state, now) = (self.state(), self.clock.now());
            let Some(loaded) = state.load(key, now)? else { return Ok(None) };
            let rests_on = loaded.record.rests_on().iter().map(|key| state.load(key, now)).collect::<Result<_, _>>()?;
            let watched = watch.and_then(|key| state.get(key, now)).map(|stored| stored.version);
            Ok(Some(Whole { loaded, rests_on, watched }))
        })
    }

    fn commit(&self, changes: Vec<Change>) -> Answer<'_, (), CommitError> {
        Box::pin(async move {
            let tells = Tells::of(&changes);
            self.state().commit(changes, self.clock.now())?;
            self.local.tell(tells);
            Ok(())
        })
    }

    fn members(&self, list: List) -> Answer<'_, Vec<[u8; 16]>> {
        Box::pin(async move {
            let now = self.clock.now();
            let state = self.state();
            let members = state.links.iter().filter(|((of, _), until)| *of == list && now < **until);
            Ok(members.map(|((_, member), _)| *member).collect())
        })
    }

    fn soft_load(&self, key: SoftKey) -> Answer<'_, Option<Soft>> {
        Box::pin(async move {
            let now = self.clock.now();
            Ok(self.state().soft.get(&key).filter(|(_, until)| now < *until).map(|(soft, _)| *soft))
        })
    }

    fn soft_save(&self, pieces: Vec<(SoftKey, Soft, Timestamp)>) -> Answer<'_, ()> {
        Box::pin(async move {
            self.state().soft.extend(pieces.into_iter().map(|(key, soft, until)| (key, (soft, until))));
            Ok(())
        })
    }

    fn sweep(&self) -> Answer<'_, Swept> {
        Box::pin(async move { Ok(self.state().sweep(self.clock.now())) })
    }

    fn notices(&self) -> Notices {
        self.local.notices()
    }

    fn counter(&self) -> Option<Arc<dyn Counter>> {
        self.counter.clone()
    }

    /// One page.
    fn dump(&self, _: Option<Cursor>) -> Answer<'_, Page> {
        Box::pin(async move { Ok(Page { entries: self.state().entries(self.clock.now())?, next: None }) })
    }
}

/// Silent about what it holds: there are secrets among it.
impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}
