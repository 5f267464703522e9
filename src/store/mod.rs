//! The contract that every store keeps, and the names under which things lie in it.
//!
//! *Records* change by [`Store::commit`] only: it compares every version, then writes all or
//! nothing, and what it has answered survives a crash. *Soft state* (pace, last use) may be lost
//! and never waits for a disk. A store that cannot answer says [`Unavailable`], which is never
//! taken for an answer of the protocol.
//!
//! Deadlines are compared with the clock that the store was given, never with a clock of the
//! backend's: a record whose time is over is absent from that moment on, whenever it is swept away.

pub mod clients;
pub mod counter;
mod dump;
pub mod embedded;
pub mod feed;
mod key;
mod local;
pub mod memory;
mod reading;
pub mod record;
pub mod redis;
pub mod replicas;

use std::{future::Future, pin::Pin, sync::Arc};

use jiff::Timestamp;

use crate::{
    clock::Clock,
    config,
    oauth::{pace::Pace, step::TakesBack},
};
pub use clients::{Clients, Found};
pub use counter::Counter;
pub use dump::{Cursor, Entry, Page};
pub use feed::{FeedEntry, Notice, Notices, Position};
pub use key::{Key, List, SoftKey};
pub use reading::FullGrant;
pub use record::{Kept, Open, Owned, Record, Roots, Session};
pub use replicas::{FeedNow, Member, News, Renewal, Replicas, Sent};

/// What a store answers, some time.
pub type Answer<'a, T, E = Unavailable> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

/// The store cannot answer now. Says nothing about what was asked; a commit that ends so may or
/// may not have happened.
#[derive(Debug, thiserror::Error)]
#[error("the store is unavailable: {reason}")]
pub struct Unavailable {
    /// For the operator's log.
    pub reason: String,
}

impl Unavailable {
    /// Because of this.
    pub fn because(reason: impl std::fmt::Display) -> Self {
        Self { reason: reason.to_string() }
    }
}

/// Why a commit wrote nothing, or may not have.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// A version was another one than expected: somebody was faster. Nothing was written.
    #[error("somebody else changed it first")]
    Conflict,
    /// It is not known whether anything was written.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why a read that names an entry of the feed has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The feed has no such entry: the server that answered has another history, or an older one.
    #[error("the store has another history than this replica")]
    OtherHistory,
    /// Nobody can say.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Tells one state of a record from the next. Two states under one key never have the same
/// version, not even if the record was deleted in between.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Version(pub u64);

/// A condition on what is stored under a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expect {
    /// Nothing, or only what has expired.
    Absent,
    /// This state.
    Version(Version),
    /// Whatever there is.
    Any,
}

/// One part of a commit. A commit names each key once.
#[derive(Clone, PartialEq, Debug)]
pub enum Change {
    /// Writes a record.
    Put {
        /// Where.
        key: Key,
        /// If.
        expect: Expect,
        /// What.
        record: Record,
        /// Absent from then on; `None` for records that stay.
        until: Option<Timestamp>,
    },
    /// Only compares: the commit rests on this record's being as it was read.
    Compare {
        /// Where.
        key: Key,
        /// If.
        expect: Expect,
    },
    /// Removes a record.
    Delete {
        /// Where.
        key: Key,
        /// If.
        expect: Expect,
    },
    /// Puts an id on a list, or says anew how long it stays there.
    Link {
        /// The list.
        list: List,
        /// The id's bytes.
        member: [u8; 16],
        /// Off the list from then on, to the microsecond; `Timestamp::MAX` for what stays.
        until: Timestamp,
    },
    /// Something is taken back. Where several use the store, an entry in the feed.
    TakeBack(TakesBack),
    /// It was taken back before, which the rest of the commit compares. Enters nothing: the entry stands, or stood,
    /// in the feed.
    TakeBackAgain(TakesBack),
    /// Tells all who use the store. A hint: it may be lost.
    Tell(Notice),
}

/// A record as it was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Loaded<R> {
    /// What a commit may expect.
    pub version: Version,
    /// The record.
    pub record: R,
}

/// A record, and what decides together with it.
#[derive(Clone, PartialEq, Debug)]
pub struct Whole {
    /// The record.
    pub loaded: Loaded<Record>,
    /// What lies under the keys that [`Record::rests_on`] names, in their order.
    pub rests_on: Vec<Option<Loaded<Record>>>,
    /// The version of what lies under the key that was watched besides.
    pub watched: Option<Version>,
}

/// A piece of soft state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Soft {
    /// Under [`SoftKey::Pace`].
    Pace(Pace),
    /// Under [`SoftKey::LastUsed`].
    LastUsed(Timestamp),
}

/// What a sweep did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Swept {
    /// Expired records, list entries and pieces of soft state that are gone now.
    pub removed: u64,
}

/// Where records lie. One suite of tests (`tests/store_contract.rs`) runs on every
/// implementation.
pub trait Store: Send + Sync + 'static {
    /// The record under a key, unless it has expired. Reads what the last answered commit wrote.
    ///
    /// # Errors
    /// [`Unavailable`], also where the record cannot be read: an unknown format is never guessed at.
    fn load<'a>(&'a self, key: &'a Key) -> Answer<'a, Option<Loaded<Record>>>;

    /// The same together with all that it rests on, and which version another key has: everything as
    /// of one moment, in one read. Where `applied` is named, only as long as the feed has that entry.
    ///
    /// # Errors
    /// [`ReadError`].
    fn load_whole<'a>(&'a self, key: &'a Key, watch: Option<&'a Key>, applied: Option<Position>) -> Answer<'a, Option<Whole>, ReadError>;

    /// Compares every version, then writes all or nothing. Once it has answered `Ok`, a crash
    /// loses nothing of it.
    ///
    /// # Errors
    /// [`CommitError`].
    fn commit(&self, changes: Vec<Change>) -> Answer<'_, (), CommitError>;

    /// What is on a list and has not expired there.
    ///
    /// # Errors
    /// [`Unavailable`].
    fn members(&self, list: List) -> Answer<'_, Vec<[u8; 16]>>;

    /// A piece of soft state, unless it has expired or was lost.
    ///
    /// # Errors
    /// [`Unavailable`].
    fn soft_load(&self, key: SoftKey) -> Answer<'_, Option<Soft>>;

    /// Writes soft state, each piece with its own end. The last writer wins.
    ///
    /// # Errors
    /// [`Unavailable`].
    fn soft_save(&self, pieces: Vec<(SoftKey, Soft, Timestamp)>) -> Answer<'_, ()>;

    /// Removes what has expired, where the backend does not do so by itself. To be called now and then.
    ///
    /// # Errors
    /// [`Unavailable`].
    fn sweep(&self) -> Answer<'_, Swept>;

    /// The notices from now on.
    fn notices(&self) -> Notices;

    /// The others who use the store; `None` where one process has it to itself.
    fn replicas(&self) -> Option<Arc<dyn Replicas>> {
        None
    }

    /// What counts for all who use the store; `None` where one process has it to itself.
    fn counter(&self) -> Option<Arc<dyn Counter>> {
        None
    }

    /// All that lies there and has not expired, page by page, the first `from` nowhere: records, the
    /// members of lists, and soft state that is worth keeping. What changes meanwhile may be missing,
    /// and what is there may come again on a later page.
    ///
    /// # Errors
    /// [`Unavailable`], also for a record that cannot be read.
    fn dump(&self, from: Option<Cursor>) -> Answer<'_, Page>;
}

/// Why a store does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The embedded one.
    #[error(transparent)]
    Embedded(#[from] embedded::OpenError),
    /// Redis.
    #[error(transparent)]
    Redis(#[from] redis::OpenError),
}

/// Opens the store that the configuration names.
///
/// # Errors
/// [`OpenError`].
pub async fn open(config: &config::Store, clock: Clock) -> Result<Arc<dyn Store>, OpenError> {
    Ok(match config {
        config::Store::Embedded(folder) => Arc::new(embedded::Embedded::open(folder, clock)?),
        config::Store::Redis(config) => Arc::new(redis::Redis::open(config, clock).await?),
    })
}
