//! From a token to the subject for whom it speaks, on the way of every protected request.
//!
//! ```text
//! token ──MAC──► lease ──► known here? ──yes──► secret, number, time ──► subject
//!                               │ no
//!                               └──► the store, once ──► secret, number, time ──► subject, and known from then on
//! ```
//!
//! A forged token ends at its MAC. What was read is known until something of it is taken back, which every
//! replica applies before whoever took it back is answered: docs/revocation.md says how.

mod barrier;
mod cache;
mod follow;
mod gauges;
mod judge;
mod known;
mod last_use;
mod lease;
mod recognise;
pub mod signing;
pub mod streams;
#[cfg(test)]
mod tests;
mod token;

/// What the cache locks with: another scheduler brings its own.
mod sync {
    pub(super) use std::sync::{RwLock, atomic};
}

use std::{
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use tokio::sync::Semaphore;

use crate::{
    clock::{BootTime, Clock},
    config::store::Mode,
    oauth::{id::GrantId, secret::Keyring, step::TakesBack, subject::Subject},
    store::{Clients, Position, Replicas, Store, Unavailable},
};
pub use barrier::{Receipt, Taken};
use cache::Cache;
use follow::Lately;
pub use follow::Round;
use gauges::Counts;
pub use gauges::Gauges;
use known::Known;
use last_use::LastUses;
pub use lease::LEASE;
use lease::Lease;
pub use signing::SigningSnapshot;
pub use streams::{OpenStream, OpenStreams, Owner};
pub use token::{AccessToken, Signed};

/// So many grants are known at most.
const MOST_KNOWN: usize = 65_536;
const SHARDS: usize = 64;
/// So many reads of grants that are not known are under way at most, in each of these lanes.
const LANES: usize = 64;
const READS_IN_A_LANE: usize = 4;

/// Why a token opens nothing.
#[derive(Debug)]
pub enum Denied {
    /// It is none of ours.
    Unknown,
    /// Its time is over.
    Expired(GrantId),
    /// It was taken back.
    Revoked(GrantId),
    /// Nobody can say now.
    Unavailable(Unavailable),
}

/// Which issue of its grant an access token is, and its time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Issued {
    /// The issue's number.
    pub number: u32,
    /// When it was made.
    pub at: Timestamp,
    /// When it ends.
    pub until: Timestamp,
}

/// Checks tokens.
pub struct Verifier {
    store: Arc<dyn Store>,
    keyring: Arc<Keyring>,
    clients: Arc<Clients>,
    clock: Clock,
    signing: SigningSnapshot,
    streams: OpenStreams,
    uses: LastUses,
    /// The others who use the store.
    replicas: Option<Arc<dyn Replicas>>,
    /// Set once this process keeps a lease and hears what others take back.
    membership: OnceLock<Membership>,
    /// Whether the last renewal failed.
    is_cut_off: AtomicBool,
    /// When the server was looked for anew, in milliseconds.
    looked_elsewhere: AtomicU64,
    name: String,
    /// How often something was taken back here, where nobody else could.
    taken_here: AtomicU64,
    counts: Arc<Counts>,
    lease: Lease,
    place: Mutex<Place>,
    lately: Mutex<Lately>,
    known: Cache<GrantId, Known>,
    /// JWTs whose signature was good, by their SHA-256.
    signed: Cache<[u8; 32], Signed>,
    lanes: Box<[Semaphore]>,
}

/// How a replica keeps to what the others take back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Membership {
    /// Whether it goes by what it knows.
    pub mode: Mode,
    /// How long a request waits for a lease to be renewed.
    pub patience: Duration,
}

/// How far the feed is applied here.
#[derive(Default)]
struct Place {
    applied: Position,
    acknowledged: Position,
    begun_anew: Option<BootTime>,
}

impl Verifier {
    /// Reads from this store, with these keys, what this issuer issued.
    pub fn new(store: Arc<dyn Store>, keyring: Arc<Keyring>, clients: Arc<Clients>, issuer: String, clock: Clock) -> Self {
        let signing = SigningSnapshot::new(Arc::clone(&keyring), issuer);
        let replicas = store.replicas();
        let name = replicas.as_ref().map_or_else(|| HEXLOWER.encode(&rand::random::<[u8; 8]>()), |replicas| replicas.name().to_owned());
        let lease = if replicas.is_some() { Lease::default() } else { Lease::forever() };
        Self {
            store,
            keyring,
            clients,
            clock,
            signing,
            streams: OpenStreams::default(),
            uses: LastUses::default(),
            replicas,
            membership: OnceLock::new(),
            is_cut_off: AtomicBool::new(false),
            looked_elsewhere: AtomicU64::new(0),
            name,
            taken_here: AtomicU64::new(0),
            counts: Arc::default(),
            lease,
            place: Mutex::default(),
            lately: Mutex::default(),
            known: Cache::new(MOST_KNOWN, SHARDS),
            signed: Cache::new(MOST_KNOWN, SHARDS),
            lanes: (0..LANES).map(|_| Semaphore::new(READS_IN_A_LANE)).collect(),
        }
    }

    /// From now on this process keeps a lease, by [`Verifier::renew`], without which it lets nobody in; and answers
    /// from what it knows, unless it is to ask each time.
    pub fn join(&self, membership: Membership) {
        self.membership.get_or_init(|| membership);
    }

    /// What others who use the store are told by; `None` where there are none.
    pub const fn replicas(&self) -> Option<&Arc<dyn Replicas>> {
        self.replicas.as_ref()
    }

    /// Completes once a request waits for the lease.
    pub async fn lease_wanted(&self) {
        self.lease.wanted().await;
    }

    fn count_here(&self) -> u64 {
        self.taken_here.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The keys that sign JWTs.
    pub const fn signing(&self) -> &SigningSnapshot {
        &self.signing
    }

    /// For whom an access token speaks now, and the entry of what is answered in the table of
    /// open streams. Where the lease is over, tokens that were known before are good for `serve_known` more.
    ///
    /// # Errors
    /// [`Denied`].
    pub async fn verify(&self, token: &str, serve_known: Duration) -> Result<(Arc<Subject>, OpenStream), Denied> {
        let presented = self.recognise(token).await?;
        // Entered before it is looked up: a revocation that comes after that finds it.
        let stream = self.streams.enter(presented.grant(), presented.number(), presented.key());
        let (subject, _) = self.judge(&presented, Some(&stream), serve_known).await?;
        self.uses.note(subject.grant, self.clock.now());
        Ok((subject, stream))
    }

    /// For whom an access token speaks now, and which issue it is. That it was asked is no use of it.
    ///
    /// # Errors
    /// [`Denied`].
    pub async fn inspect(&self, token: &str) -> Result<(Arc<Subject>, Issued), Denied> {
        self.judge(&self.recognise(token).await?, None, Duration::ZERO).await
    }

    /// Nobody may use any more what is taken back, and whatever runs under it ends.
    fn apply(&self, what: TakesBack) {
        match what {
            TakesBack::Grant(id) | TakesBack::Issue(id, _) | TakesBack::Through(id, _) => self.known.remove(&id),
            TakesBack::User(id) | TakesBack::UserBefore(id, _) => self.known.remove_where(|known| known.owner().user == Some(id)),
            TakesBack::Client(key) | TakesBack::ClientBefore(key, _) => self.known.remove_where(|known| known.owner().client == key),
            TakesBack::Key(kid) => self.signing.revoke(kid),
        }
        match what {
            TakesBack::Grant(id) => self.streams.cut(id, ..),
            TakesBack::Issue(id, number) => self.streams.cut(id, number..=number),
            TakesBack::Through(id, number) => self.streams.cut(id, ..=number),
            TakesBack::Key(kid) => self.streams.cut_signed(kid),
            TakesBack::User(id) => self.streams.cut_owned(|owner| owner.user == Some(id)),
            TakesBack::UserBefore(id, generation) => {
                self.streams.cut_owned(|owner| owner.user == Some(id) && owner.user_generation < generation);
            }
            TakesBack::Client(key) => self.streams.cut_owned(|owner| owner.client == key),
            TakesBack::ClientBefore(key, generation) => {
                self.streams.cut_owned(|owner| owner.client == key && owner.client_generation < generation);
            }
        }
    }

    /// When a grant last admitted a request.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn last_used(&self, id: GrantId) -> Result<Option<Timestamp>, Unavailable> {
        self.uses.last(self.store.as_ref(), id).await
    }

    /// Tells the store of the last uses that it does not know, and forgets those it does. To be
    /// called now and then.
    ///
    /// # Errors
    /// [`Unavailable`]; nothing is forgotten then.
    pub async fn save_last_uses(&self) -> Result<(), Unavailable> {
        self.uses.save(self.store.as_ref(), self.clock.now()).await
    }
}
