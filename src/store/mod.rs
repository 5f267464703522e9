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
pub mod embedded;
pub mod memory;
mod reading;
pub mod record;

use std::{future::Future, pin::Pin};

use jiff::Timestamp;

use crate::oauth::{
    client::ClientKey,
    id::{GrantId, SessionId, UserId},
    pace::Pace,
    user::UserName,
};
pub use clients::{Clients, Found};
pub use record::{Kept, Open, Owned, Record, Roots, Session};

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

/// Tells one state of a record from the next. Two states under one key never have the same
/// version, not even if the record was deleted in between.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Version(pub u64);

/// The name of a record.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Key {
    /// A [`Grant`](crate::oauth::grant::Grant).
    Grant(GrantId),
    /// A [`User`](crate::oauth::user::User).
    User(UserId),
    /// A [`Session`].
    Session(SessionId),
    /// Points to the grant that a user code stands for; the HMAC of the code.
    UserCode([u8; 16]),
    /// Points to the grant that a request's id stands for; the HMAC of the id.
    Ask([u8; 16]),
    /// Points to the user of that name.
    UserName(UserName),
    /// A [`Client`](crate::oauth::client::Client), or what is kept of one that the configuration declares: [`Kept`].
    Client(ClientKey),
    /// The clients that a user has made: [`Owned`].
    Owned(UserId),
    /// Points to the grant under which a client has tokens of its own; the hash of what they are for.
    Machine([u8; 16]),
    /// Points to the key that the logins of a device get; the hash of whose, where and which device.
    Device([u8; 16]),
    /// What a user said yes to and no app has come for: [`Open`].
    Open(UserId),
    /// The check values of the root secrets: [`Roots`].
    Roots,
    /// What signs JWTs: [`SigningKeys`](crate::oauth::signing::SigningKeys).
    SigningKeys,
}

/// A list of records, by their 16 bytes, in no order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum List {
    /// The grants that a user approved: [`GrantId`].
    GrantsOf(UserId),
    /// The grants that a client has or had: [`GrantId`].
    GrantsOfClient(ClientKey),
    /// All users: [`UserId`].
    Users,
    /// All clients that the configuration does not declare: [`ClientKey`].
    Clients,
    /// Those that registered themselves: [`ClientKey`].
    Registered,
}

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
        /// Off the list from then on; `Timestamp::MAX` for what stays.
        until: Timestamp,
    },
}

/// A record as it was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Loaded<R> {
    /// What a commit may expect.
    pub version: Version,
    /// The record.
    pub record: R,
}

/// The name of a piece of soft state.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum SoftKey {
    /// How fast the device of this grant polls.
    Pace(GrantId),
    /// When this grant last admitted a request.
    LastUsed(GrantId),
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

    /// Removes what has expired. To be called now and then.
    ///
    /// # Errors
    /// [`Unavailable`].
    fn sweep(&self) -> Answer<'_, Swept>;
}
