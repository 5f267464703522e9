//! From a token to the subject for whom it speaks, on the way of every protected request.
//!
//! Every request reads the store: the record that decides is the one that a revocation writes, so
//! what `revoke` has answered no later request passes. A forged token ends at its MAC and reads
//! nothing.

pub mod streams;

use std::sync::Arc;

use dashmap::DashMap;
use jiff::{SignedDuration, Timestamp};

use crate::{
    clock::Clock,
    oauth::{
        client::Clients,
        grant::{NotAdmitted, Standing, after},
        id::GrantId,
        secret::Keyring,
        step::TakesBack,
        subject::Subject,
        token::{Kind, Presented},
    },
    store::{Soft, SoftKey, Store, Unavailable},
};
pub use streams::{OpenStream, OpenStreams};

/// Last use is noted this often at most.
const LAST_USE_STEP: SignedDuration = SignedDuration::from_secs(10);
/// A last use is of interest as long as a grant can be remembered.
const KEEP_LAST_USE: std::time::Duration = std::time::Duration::from_secs(400 * 24 * 3600);

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

/// Checks tokens.
pub struct Verifier {
    store: Arc<dyn Store>,
    keyring: Arc<Keyring>,
    clients: Arc<Clients>,
    clock: Clock,
    streams: OpenStreams,
    /// The last use of each grant, and whether the store knows it.
    used: DashMap<GrantId, LastUse>,
}

struct LastUse {
    at: Timestamp,
    saved: bool,
}

impl Verifier {
    /// Reads from this store, with these keys.
    pub fn new(store: Arc<dyn Store>, keyring: Arc<Keyring>, clients: Arc<Clients>, clock: Clock) -> Self {
        Self { store, keyring, clients, clock, streams: OpenStreams::default(), used: DashMap::new() }
    }

    /// For whom an access token speaks now, and the entry of what is answered in the table of
    /// open streams.
    ///
    /// # Errors
    /// [`Denied`].
    pub async fn verify(&self, token: &str) -> Result<(Subject, OpenStream), Denied> {
        let presented = Presented::read(&self.keyring, Kind::Access, token).ok_or(Denied::Unknown)?;
        let id = presented.grant();
        // Entered before the grant is read: a revocation that comes after the reading finds it.
        let stream = self.streams.enter(id);
        let grant = self.store.grant(id).await.map_err(Denied::Unavailable)?.ok_or(Denied::Unknown)?.record;
        let proof = presented.prove(&self.keyring, &grant.salt).ok_or(Denied::Unknown)?;
        let user = match grant.approval() {
            Some(approval) => self.store.user(approval.user).await.map_err(Denied::Unavailable)?.map(|user| user.record),
            None => None,
        };
        let standing = Standing {
            user: user.as_ref().filter(|user| user.enabled).map(|user| user.generation),
            client: self.clients.get(&grant.dialect, &grant.client).map(|client| client.generation),
        };
        let now = self.clock.now();
        let issue = match grant.admit(proof, standing, now) {
            Ok((_, issue)) => issue,
            Err(NotAdmitted::Unknown) => return Err(Denied::Unknown),
            Err(NotAdmitted::Expired) => return Err(Denied::Expired(id)),
            Err(NotAdmitted::Revoked) => return Err(Denied::Revoked(id)),
        };
        // Admitted, so the user is there.
        let user = user.ok_or(Denied::Revoked(id))?;
        let scopes = issue.scopes.clone();
        self.note_use(id, now);
        let subject = Subject {
            grant: id,
            dialect: grant.dialect,
            user: user.id,
            user_name: user.name,
            email: user.email,
            client: grant.client,
            scopes,
        };
        Ok((subject, stream))
    }

    /// Whatever runs under what was taken back ends now.
    pub fn take_back(&self, what: TakesBack) {
        match what {
            TakesBack::Grant(id) => self.streams.cut(id),
        }
    }

    fn note_use(&self, id: GrantId, now: Timestamp) {
        if self.used.get(&id).is_none_or(|last| now.duration_since(last.at) >= LAST_USE_STEP) {
            self.used.insert(id, LastUse { at: now, saved: false });
        }
    }

    /// When a grant last admitted a request.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn last_used(&self, id: GrantId) -> Result<Option<Timestamp>, Unavailable> {
        let here = self.used.get(&id).map(|last| last.at);
        let there = match self.store.soft_load(SoftKey::LastUsed(id)).await? {
            Some(Soft::LastUsed(at)) => Some(at),
            Some(Soft::Pace(_)) | None => None,
        };
        Ok(here.max(there))
    }

    /// Tells the store of the last uses that it does not know, and forgets those it does. To be
    /// called now and then.
    ///
    /// # Errors
    /// [`Unavailable`]; nothing is forgotten then.
    pub async fn save_last_uses(&self) -> Result<(), Unavailable> {
        let unsaved: Vec<(GrantId, Timestamp)> = self.used.iter().filter(|last| !last.saved).map(|last| (*last.key(), last.at)).collect();
        let pieces = unsaved.iter().map(|(id, at)| (SoftKey::LastUsed(*id), Soft::LastUsed(*at), after(*at, KEEP_LAST_USE))).collect();
        self.store.soft_save(pieces).await?;
        for (id, at) in unsaved {
            if let Some(mut last) = self.used.get_mut(&id).filter(|last| last.at == at) {
                last.saved = true;
            }
        }
        let now = self.clock.now();
        self.used.retain(|_, last| !last.saved || now.duration_since(last.at) < LAST_USE_STEP);
        Ok(())
    }
}
