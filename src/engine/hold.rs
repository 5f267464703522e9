//! Polls that wait for a decision instead of coming back for it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use dashmap::{DashMap, mapref::entry::Entry};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, oneshot};

use crate::oauth::id::GrantId;

/// So many polls wait at a time; past that they are answered at once.
const MAX_HELD: usize = 10_000;
/// So many polls ask the store at a time. When all who wait look again at once, whoever calls an API finds
/// the store free.
const MAX_LOOKING: usize = 64;

/// The waiting polls, one a grant.
pub(super) struct Holds {
    waiting: Arc<DashMap<GrantId, Waiter>>,
    places: Arc<Semaphore>,
    looking: Semaphore,
    tickets: AtomicU64,
}

struct Waiter {
    ticket: u64,
    wake: oneshot::Sender<()>,
}

/// A poll's place. It is given up when dropped.
pub(super) struct Hold {
    waiting: Arc<DashMap<GrantId, Waiter>>,
    grant: GrantId,
    ticket: u64,
    woken: oneshot::Receiver<()>,
    _place: OwnedSemaphorePermit,
}

impl Default for Holds {
    fn default() -> Self {
        Self {
            waiting: Arc::default(),
            places: Arc::new(Semaphore::new(MAX_HELD)),
            looking: Semaphore::new(MAX_LOOKING),
            tickets: AtomicU64::new(0),
        }
    }
}

impl Holds {
    /// Takes a place, and sends away whoever waited for the same grant. To be done before the
    /// state is read, so that no decision falls between reading and waiting. `None` where all
    /// places are taken.
    pub(super) fn enter(&self, grant: GrantId) -> Option<Hold> {
        // No place free is no error: the poll is answered at once.
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let ticket = self.tickets.fetch_add(1, Ordering::Relaxed);
        let (wake, woken) = oneshot::channel();
        // Dropping the one who waited before tells that one to go.
        self.waiting.insert(grant, Waiter { ticket, wake });
        Some(Hold { waiting: Arc::clone(&self.waiting), grant, ticket, woken, _place: place })
    }

    /// Waits for a turn to ask the store.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // Nobody closes it.
        self.looking.acquire().await.ok()
    }

    /// Something happened to the grant: whoever waits for it looks again.
    pub(super) fn release(&self, grant: GrantId) {
        if let Some((_, waiter)) = self.waiting.remove(&grant) {
            // Whoever waited may have gone, and then nobody needs to know.
            let _ = waiter.wake.send(());
        }
    }

    /// Something may have happened to any of them.
    pub(super) fn release_all(&self) {
        let waiting: Vec<GrantId> = self.waiting.iter().map(|waiter| *waiter.key()).collect();
        waiting.into_iter().for_each(|grant| self.release(grant));
    }
}

impl Hold {
    /// Waits until something happened to the grant: `true`; or until another poll took the
    /// place: `false`.
    pub(super) async fn happened(&mut self) -> bool {
        (&mut self.woken).await.is_ok()
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Entry::Occupied(entry) = self.waiting.entry(self.grant)
            && entry.get().ticket == self.ticket
        {
            entry.remove();
        }
    }
}
