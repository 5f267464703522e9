//! The one thread that writes. While it waits for the disk, commits queue up, and all that have
//! queued go into the next transaction together: one fsync for many (group commit).
//!
//! redb refuses all further work after an I/O error until it is opened again. So does this
//! thread, until it has opened it again: from the error to then the store is unavailable.

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        mpsc::{Receiver, RecvTimeoutError, TryRecvError},
    },
    thread::JoinHandle,
    time::Duration,
};

use redb::Database;

use super::{
    batch::transact,
    file::OpenError,
    queue::{Job, Message, Queue, closed},
    tables::nanoseconds,
};
use crate::{
    clock::{BootTime, Clock},
    store::{Unavailable, local::Local},
};

/// So many jobs go into one transaction at most.
const LARGEST_BATCH: usize = 256;
/// The pause between two attempts to open a database that will not open.
pub(super) const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// The open database, or why there is none. Only the writer thread replaces it.
pub(super) struct Slot(RwLock<Result<Database, String>>);

impl Slot {
    pub(super) fn holding(db: Database) -> Arc<Self> {
        Arc::new(Self(RwLock::new(Ok(db))))
    }

    /// Works with the database.
    ///
    /// # Errors
    /// [`Unavailable`] where there is none, or it failed.
    pub(super) fn with<T>(&self, work: impl FnOnce(&Database) -> Result<T, redb::Error>) -> Result<T, Unavailable> {
        match &*self.0.read().unwrap_or_else(PoisonError::into_inner) {
            Ok(db) => work(db).map_err(Unavailable::because),
            Err(reason) => Err(Unavailable::because(reason)),
        }
    }

    /// Waits until nobody works with what was there.
    fn replace(&self, next: Result<Database, String>) -> Result<Database, String> {
        std::mem::replace(&mut *self.0.write().unwrap_or_else(PoisonError::into_inner), next)
    }
}

/// Opens the database, as often as it takes.
pub(super) type Opener = Box<dyn Fn() -> Result<Database, OpenError> + Send>;

/// Starts the thread.
///
/// # Errors
/// The operating system's, which has no thread to give.
pub(super) fn start(
    slot: Arc<Slot>,
    open: Opener,
    local: Arc<Local>,
    clock: Clock,
) -> std::io::Result<(Queue, JoinHandle<Result<(), Unavailable>>)> {
    let (queue, inbox) = Queue::new();
    let writer = Writer { slot, open, local, clock, inbox, retry_at: None, closing: false };
    let thread = std::thread::Builder::new().name("store-writer".to_owned()).spawn(|| writer.run())?;
    Ok((queue, thread))
}

struct Writer {
    slot: Arc<Slot>,
    open: Opener,
    local: Arc<Local>,
    clock: Clock,
    inbox: Receiver<Message>,
    /// Set while there is no open database.
    retry_at: Option<BootTime>,
    closing: bool,
}

impl Writer {
    fn run(mut self) -> Result<(), Unavailable> {
        while !self.closing {
            let batch = self.next_batch();
            if self.retry_at.is_some_and(|at| at <= self.clock.boot_now()) {
                self.open_again();
            }
            self.serve(batch);
        }
        match self.slot.replace(Err(closed().reason)) {
            // This makes durable what was written without waiting for the disk.
            Ok(db) => db.close().map_err(Unavailable::because),
            Err(reason) => Err(Unavailable { reason }),
        }
    }

    /// Waits for a job, then takes what else is there.
    fn next_batch(&mut self) -> Vec<Job> {
        let mut batch = Vec::new();
        // The pause is one of the thread's, not of the clock's: it is only a reason to look.
        let first = match self.retry_at {
            None => self.inbox.recv().map_err(RecvTimeoutError::from),
            Some(_) => self.inbox.recv_timeout(RETRY_PAUSE),
        };
        match first {
            Ok(message) => self.take(message, &mut batch),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => self.closing = true,
        }
        while !self.closing && batch.len() < LARGEST_BATCH {
            match self.inbox.try_recv() {
                Ok(message) => self.take(message, &mut batch),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        batch
    }

    fn take(&mut self, message: Message, batch: &mut Vec<Job>) {
        match message {
            Message::Do(job) => batch.push(job),
            Message::Look => self.look(),
            Message::Close => self.closing = true,
        }
    }

    fn serve(&mut self, batch: Vec<Job>) {
        if batch.is_empty() {
            return;
        }
        let now = nanoseconds(self.clock.now());
        match self.slot.with(|db| transact(db, batch.iter().map(|job| &job.work), now)) {
            Ok(outcomes) => {
                for (job, outcome) in batch.into_iter().zip(outcomes) {
                    job.done(outcome, &self.local);
                }
            }
            Err(Unavailable { reason }) => {
                // Taken away before anybody hears of it.
                let failed = self.slot.replace(Err(reason.clone()));
                for job in batch {
                    job.answer(Err(Unavailable::because(&reason)));
                }
                self.recover(failed, &reason);
            }
        }
    }

    /// See [`Queue::look`]. Done before the jobs that were gathered with it: of those none need
    /// fail.
    fn look(&mut self) {
        if let Err(Unavailable { reason }) = self.slot.with(|db| Ok(db.begin_write()?.abort()?)) {
            let failed = self.slot.replace(Err(reason.clone()));
            self.recover(failed, &reason);
        }
    }

    fn recover(&mut self, failed: Result<Database, String>, reason: &str) {
        // Where none was open, the next attempt comes when the pause is over.
        if let Ok(db) = failed {
            tracing::error!(reason, "the store failed; opening it again");
            // Dropped first: it holds the lock on the file.
            drop(db);
            self.open_again();
        }
    }

    fn open_again(&mut self) {
        match (self.open)() {
            Ok(db) => {
                tracing::info!("the store is open again");
                self.retry_at = None;
                drop(self.slot.replace(Ok(db)));
            }
            Err(error) => {
                tracing::error!(%error, "the store does not open; trying again");
                self.retry_at = Some(self.clock.boot_now() + RETRY_PAUSE);
                drop(self.slot.replace(Err(error.to_string())));
            }
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // However the thread ends: a store that cannot write any more does not read on either,
        // or a gateway would go on admitting what nobody can revoke.
        drop(self.slot.replace(Err(closed().reason)));
    }
}
