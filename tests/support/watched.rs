//! A store that counts what is written, and that a test can take away.

use std::sync::atomic::{AtomicBool, Ordering};

use gatepost::{
    clock::Clock,
    store::{
        Answer, Change, CommitError, Cursor, Key, List, Loaded, Notices, Page, Position, ReadError, Record, Soft, SoftKey, Store, Swept,
        Unavailable, Whole, memory::Memory,
    },
};
use jiff::Timestamp;
use tokio::sync::watch;

/// What the store was asked for so far.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Counts {
    /// Commits, and savings of a pace. Last uses are saved by themselves, some time.
    pub(crate) writes: u64,
    /// Records that were looked up.
    pub(crate) loads: u64,
    /// Polls of a pending code, which are the ones whose pace is noted.
    pub(crate) polls: u64,
    /// Questions while it was away.
    pub(crate) refused: u64,
}

pub(crate) struct Watched {
    inner: Memory,
    away: AtomicBool,
    counts: watch::Sender<Counts>,
    barrier: watch::Sender<Barrier>,
}

/// What keeps a commit from being made.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
enum Barrier {
    #[default]
    None,
    /// The commit after so many others will wait.
    After(u32),
    /// It waits.
    Closed,
}

impl Watched {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            inner: Memory::new(clock),
            away: AtomicBool::new(false),
            counts: watch::Sender::default(),
            barrier: watch::Sender::default(),
        }
    }

    /// Has the commit after `skipped` others wait until [`Watched::let_through`].
    pub(crate) fn stop_commit(&self, skipped: u32) {
        self.barrier.send_replace(Barrier::After(skipped));
    }

    /// Waits until that commit waits.
    pub(crate) async fn commit_waits(&self) {
        self.barrier.subscribe().wait_for(|barrier| *barrier == Barrier::Closed).await.unwrap();
    }

    pub(crate) fn let_through(&self) {
        self.barrier.send_replace(Barrier::None);
    }

    /// Waits, where it is this commit's turn to wait.
    async fn pass(&self) {
        let mut stops = false;
        self.barrier.send_if_modified(|barrier| {
            let next = match *barrier {
                Barrier::After(0) => Barrier::Closed,
                Barrier::After(skipped) => Barrier::After(skipped - 1),
                Barrier::None | Barrier::Closed => return false,
            };
            stops = next == Barrier::Closed;
            *barrier = next;
            true
        });
        if stops {
            self.barrier.subscribe().wait_for(|barrier| *barrier == Barrier::None).await.unwrap();
        }
    }

    /// From now on it cannot answer, or can again.
    pub(crate) fn be_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    pub(crate) fn counts(&self) -> Counts {
        *self.counts.borrow()
    }

    /// Waits until the counts are such.
    pub(crate) async fn until(&self, such: impl FnMut(&Counts) -> bool) {
        self.counts.subscribe().wait_for(such).await.unwrap();
    }

    fn here(&self) -> Result<(), Unavailable> {
        if !self.away.load(Ordering::SeqCst) {
            return Ok(());
        }
        self.counts.send_modify(|counts| counts.refused += 1);
        Err(Unavailable::because("the test took it away"))
    }
}

impl Store for Watched {
    fn load<'a>(&'a self, key: &'a Key) -> Answer<'a, Option<Loaded<Record>>> {
        Box::pin(async move {
            self.here()?;
            let loaded = self.inner.load(key).await;
            self.counts.send_modify(|counts| counts.loads += 1);
            loaded
        })
    }

    fn load_whole<'a>(&'a self, key: &'a Key, watch: Option<&'a Key>, applied: Option<Position>) -> Answer<'a, Option<Whole>, ReadError> {
        Box::pin(async move {
            self.here()?;
            let whole = self.inner.load_whole(key, watch, applied).await;
            self.counts.send_modify(|counts| counts.loads += 1);
            whole
        })
    }

    fn commit(&self, changes: Vec<Change>) -> Answer<'_, (), CommitError> {
        Box::pin(async move {
            self.here()?;
            self.pass().await;
            // What was taken back before is said again, and nothing is written.
            let writes = changes.iter().any(|change| !matches!(change, Change::Compare { .. } | Change::TakeBackAgain(_)));
            self.inner.commit(changes).await?;
            self.counts.send_modify(|counts| counts.writes += u64::from(writes));
            Ok(())
        })
    }

    fn members(&self, list: List) -> Answer<'_, Vec<[u8; 16]>> {
        Box::pin(async move {
            self.here()?;
            self.inner.members(list).await
        })
    }

    fn soft_load(&self, key: SoftKey) -> Answer<'_, Option<Soft>> {
        Box::pin(async move {
            self.here()?;
            self.inner.soft_load(key).await
        })
    }

    fn soft_save(&self, pieces: Vec<(SoftKey, Soft, Timestamp)>) -> Answer<'_, ()> {
        Box::pin(async move {
            self.here()?;
            let paces = pieces.iter().filter(|(key, _, _)| matches!(key, SoftKey::Pace(_))).count() as u64;
            self.inner.soft_save(pieces).await?;
            self.counts.send_modify(|counts| {
                counts.writes += paces;
                counts.polls += paces;
            });
            Ok(())
        })
    }

    fn sweep(&self) -> Answer<'_, Swept> {
        self.inner.sweep()
    }

    fn notices(&self) -> Notices {
        self.inner.notices()
    }

    /// All of it on one page, and once more on another.
    fn dump(&self, from: Option<Cursor>) -> Answer<'_, Page> {
        Box::pin(async move {
            self.here()?;
            let next = from.is_none().then(|| Cursor(b"again".to_vec()));
            Ok(Page { next, ..self.inner.dump(None).await? })
        })
    }
}
