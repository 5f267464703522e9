//! The store in one file, for a gateway that runs alone.
//!
//! ```text
//! load, members ──────────────► a read transaction, on the spot ──────────────┐
//! commit ───────► queue ──────► writer thread, one transaction for a batch ───┤ gatepost.redb
//! soft_save ────► map ─sweep──► queue, without waiting for the disk ──────────┘
//! ```
//!
//! redb allows one writer and blocks, so one thread writes and the async side only queues. Reads
//! stay where they are called: a page that is in memory takes microseconds, which is less than
//! handing the question to another thread and the answer back. A cold page is one read of the
//! disk; the whole file of most gateways fits into the cache.

mod batch;
mod file;
mod queue;
mod soft;
mod tables;
#[cfg(test)]
mod tests;
mod writer;

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
};

use jiff::Timestamp;
use redb::Database;
use tokio::sync::oneshot;

use self::{
    batch::{Commit, Outcome, SWEEP_STEP, Work},
    file::Place,
    queue::{Answered, Queue, closed},
    soft::SoftState,
    writer::{Opener, Slot},
};
use super::{
    Answer, Change, CommitError, Cursor, Entry, Key, List, Loaded, Notices, Page, Position, ReadError, Record, Soft, SoftKey, Store, Swept,
    Unavailable, Whole, local::Local,
};
use crate::clock::Clock;

pub use file::{FILE_FORMAT, FILE_NAME, OpenError};

/// How many entries of the file one page of a dump is made of at most.
const PAGE: usize = 512;

/// A store in the file `gatepost.redb`. One process at a time has it open.
pub struct Embedded {
    clock: Clock,
    slot: Arc<Slot>,
    queue: Queue,
    soft: SoftState,
    local: Arc<Local>,
    thread: Mutex<Option<JoinHandle<Result<(), Unavailable>>>>,
}

impl Embedded {
    /// Opens the store in `dir`, and makes both where there is none. Reads the whole file once:
    /// after a crash redb takes back what was not answered, and damage is found now or never.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(dir: &Path, clock: Clock) -> Result<Self, OpenError> {
        let place = Place::prepare(dir)?;
        let mut db = place.open()?;
        place.compact(&mut db)?;
        Self::start(db, Box::new(move || place.open()), clock).map_err(|error| OpenError::Io { path: dir.to_owned(), error })
    }

    fn start(db: Database, open_again: Opener, clock: Clock) -> std::io::Result<Self> {
        let slot = Slot::holding(db);
        let local = Arc::<Local>::default();
        let (queue, thread) = writer::start(Arc::clone(&slot), open_again, Arc::clone(&local), clock.clone())?;
        Ok(Self { clock, slot, queue, soft: SoftState::default(), local, thread: Mutex::new(Some(thread)) })
    }

    /// Finishes the commits that are queued, keeps the soft state that is worth it, and closes
    /// the file. Blocks until that is done. From then on every answer is [`Unavailable`]; closing
    /// again does nothing. Dropping the store does the same and logs what goes wrong.
    ///
    /// # Errors
    /// [`Unavailable`] where soft state may be lost. No answered commit ever is.
    pub fn close(&self) -> Result<(), Unavailable> {
        let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() else { return Ok(()) };
        let kept = self.push_soft_state();
        self.queue.close();
        let closed = thread.join().map_err(|_panic| Unavailable::because("the writer thread panicked"))?;
        kept.and(closed)
    }

    fn push_soft_state(&self) -> Result<(), Unavailable> {
        for pieces in self.soft.worth_keeping().chunks(SWEEP_STEP) {
            self.queue.push(Work::Commit(Commit::of_soft_state(pieces)?))?;
        }
        Ok(())
    }

    /// Has all that is worth keeping of the soft state written to the file.
    async fn keep_soft_state(&self) -> Result<(), Unavailable> {
        for pieces in self.soft.worth_keeping().chunks(SWEEP_STEP) {
            answered(self.queue.push(Work::Commit(Commit::of_soft_state(pieces)?))).await?;
            self.soft.forget(pieces);
        }
        Ok(())
    }

    /// Reads, on the spot.
    fn read<T>(&self, work: impl FnOnce(&Database) -> Result<T, redb::Error>) -> Result<T, Unavailable> {
        self.slot.with(work).inspect_err(|_| self.queue.look())
    }
}

impl Store for Embedded {
    fn load<'a>(&'a self, key: &'a Key) -> Answer<'a, Option<Loaded<Record>>> {
        Box::pin(async move {
            let now = tables::nanoseconds(self.clock.now());
            let found = self.read(|db| tables::read(db, &key.encode(), now))?;
            found.as_ref().map(loaded).transpose()
        })
    }

    fn load_whole<'a>(&'a self, key: &'a Key, watch: Option<&'a Key>, _applied: Option<Position>) -> Answer<'a, Option<Whole>, ReadError> {
        Box::pin(async move {
            let now = tables::nanoseconds(self.clock.now());
            let snapshot = self.read(tables::snapshot)?;
            let read = |key: &Key| tables::entry(&snapshot, &key.encode(), now).map_err(Unavailable::because);
            let load = |key: &Key| read(key)?.as_ref().map(loaded).transpose();
            let Some(loaded) = load(key)? else { return Ok(None) };
            let rests_on = loaded.record.rests_on().iter().map(load).collect::<Result<_, _>>()?;
            let watched = watch.map(read).transpose()?.flatten().map(|entry| entry.version);
            Ok(Some(Whole { loaded, rests_on, watched }))
        })
    }

    /// The commit is queued by the call itself. Dropping the answer, awaited or not, does not
    /// take it back.
    fn commit(&self, changes: Vec<Change>) -> Answer<'_, (), CommitError> {
        let queued = Commit::of(changes).and_then(|commit| self.queue.push(Work::Commit(commit)));
        Box::pin(async move {
            match answered(queued).await? {
                Outcome::Written | Outcome::Swept(_) => Ok(()),
                Outcome::Conflict => Err(CommitError::Conflict),
            }
        })
    }

    fn members(&self, list: List) -> Answer<'_, Vec<[u8; 16]>> {
        Box::pin(async move {
            let now = tables::nanoseconds(self.clock.now());
            self.read(|db| tables::read_members(db, list, now))
        })
    }

    fn soft_load(&self, key: SoftKey) -> Answer<'_, Option<Soft>> {
        Box::pin(async move {
            let now = self.clock.now();
            if let Some((soft, until)) = self.soft.get(key) {
                return Ok((now < until).then_some(soft));
            }
            if !key.is_worth_keeping() {
                return Ok(None);
            }
            let found = self.read(|db| tables::read(db, &key.encode(), tables::nanoseconds(now)))?;
            Ok(found.and_then(|entry| Soft::decode(&entry.bytes)))
        })
    }

    fn soft_save(&self, pieces: Vec<(SoftKey, Soft, Timestamp)>) -> Answer<'_, ()> {
        Box::pin(async move {
            self.soft.save(pieces);
            Ok(())
        })
    }

    /// One step after the other, each behind the commits that queued meanwhile.
    fn sweep(&self) -> Answer<'_, Swept> {
        Box::pin(async move {
            let mut removed = self.soft.sweep(self.clock.now());
            self.keep_soft_state().await?;
            while let Outcome::Swept(step @ 1..) = answered(self.queue.push(Work::Sweep)).await? {
                removed += step;
            }
            Ok(Swept { removed })
        })
    }

    fn notices(&self) -> Notices {
        self.local.notices()
    }

    /// The cursor is the name of the last entry of the page before.
    fn dump(&self, from: Option<Cursor>) -> Answer<'_, Page> {
        Box::pin(async move {
            if from.is_none() {
                self.keep_soft_state().await?;
            }
            let (now, from) = (tables::nanoseconds(self.clock.now()), from.as_ref().map(|Cursor(name)| name.as_slice()));
            let rows = self.read(|db| tables::read_behind(db, from, PAGE, now))?;
            let mut entries = Vec::with_capacity(rows.live.len());
            for (name, until, bytes) in rows.live {
                entries.extend(Entry::decode(&name, &bytes, until.map(tables::timestamp).transpose()?)?);
            }
            Ok(Page { entries, next: rows.last.map(Cursor) })
        })
    }
}

fn loaded(entry: &tables::Entry) -> Result<Loaded<Record>, Unavailable> {
    Ok(Loaded { version: entry.version, record: Record::decode(&entry.bytes)? })
}

impl Drop for Embedded {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::error!(%error, "the store was not closed cleanly");
        }
    }
}

impl std::fmt::Debug for Embedded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Embedded").finish_non_exhaustive()
    }
}

async fn answered(queued: Result<oneshot::Receiver<Answered>, Unavailable>) -> Answered {
    // No answer at all comes from a thread that ended before it got so far.
    queued?.await.map_err(|_no_answer| closed())?
}
