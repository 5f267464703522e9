//! From a token to the subject for whom it speaks, on the way of every protected request.
//!
//! Every request reads the store: the record that decides is the one that a revocation writes, so
//! what `revoke` has answered no later request passes. A forged token ends at its MAC and reads
//! nothing.

pub mod signing;
pub mod streams;

use std::sync::Arc;

use dashmap::DashMap;
use jiff::{SignedDuration, Timestamp};

use crate::{
    clock::Clock,
    oauth::{
        client::ClientKey,
        grant::{NotAdmitted, Standing, after},
        id::GrantId,
        jwt::Typ,
        secret::{Keyring, Salt},
        signing::KeyId,
        step::TakesBack,
        subject::{Person, Subject},
        token::{Kind, Presented, Proof},
    },
    store::{Clients, Soft, SoftKey, Store, Unavailable},
};
pub use signing::SigningSnapshot;
pub use streams::{OpenStream, OpenStreams, Owner};

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

/// An access token that we made. Whether it is still worth anything, its grant tells.
pub enum AccessToken {
    /// A credential of ours.
    Opaque(Presented),
    /// A JWT that one of our keys signed.
    Signed {
        /// The key.
        kid: KeyId,
        /// The grant that it names.
        grant: GrantId,
        /// What the signature proves.
        proof: Proof,
    },
}

impl AccessToken {
    /// The grant that it names.
    pub const fn grant(&self) -> GrantId {
        match self {
            Self::Opaque(presented) => presented.grant(),
            Self::Signed { grant, .. } => *grant,
        }
    }

    /// The number of the issue that it claims to be.
    pub const fn number(&self) -> u32 {
        match self {
            Self::Opaque(presented) => presented.number(),
            Self::Signed { proof, .. } => proof.number(),
        }
    }

    /// Whether it is what it claims to be, of the grant with this salt.
    pub fn prove(&self, keyring: &Keyring, salt: &Salt) -> Option<Proof> {
        match self {
            Self::Opaque(presented) => presented.prove(keyring, salt),
            Self::Signed { proof, .. } => Some(*proof),
        }
    }

    /// The key that signed it, if one did.
    pub const fn key(&self) -> Option<KeyId> {
        match self {
            Self::Opaque(_) => None,
            Self::Signed { kid, .. } => Some(*kid),
        }
    }
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
    /// The last use of each grant, and whether the store knows it.
    used: DashMap<GrantId, LastUse>,
}

struct LastUse {
    at: Timestamp,
    saved: bool,
}

impl Verifier {
    /// Reads from this store, with these keys, what this issuer issued.
    pub fn new(store: Arc<dyn Store>, keyring: Arc<Keyring>, clients: Arc<Clients>, issuer: String, clock: Clock) -> Self {
        let signing = SigningSnapshot::new(Arc::clone(&keyring), issuer);
        Self { store, keyring, clients, clock, signing, streams: OpenStreams::default(), used: DashMap::new() }
    }

    /// The keys that sign JWTs.
    pub const fn signing(&self) -> &SigningSnapshot {
        &self.signing
    }

    /// For whom an access token speaks now, and the entry of what is answered in the table of
    /// open streams.
    ///
    /// # Errors
    /// [`Denied`].
    pub async fn verify(&self, token: &str) -> Result<(Subject, OpenStream), Denied> {
        let presented = self.read(token).ok_or(Denied::Unknown)?;
        // Entered before the grant is read: a revocation that comes after the reading finds it.
        let stream = self.streams.enter(presented.grant(), presented.number(), presented.key());
        // A key that was revoked since the signature was checked cut the streams that were there then.
        if presented.key().is_some_and(|kid| !self.signing.load().holds(kid)) {
            return Err(Denied::Unknown);
        }
        let (subject, _) = self.judge(&presented, Some(&stream)).await?;
        self.note_use(subject.grant, self.clock.now());
        Ok((subject, stream))
    }

    /// For whom an access token speaks now, and which issue it is. That it was asked is no use of it.
    ///
    /// # Errors
    /// [`Denied`].
    pub async fn inspect(&self, token: &str) -> Result<(Subject, Issued), Denied> {
        self.judge(&self.read(token).ok_or(Denied::Unknown)?, None).await
    }

    /// An access token that we made; `None` for everything else.
    pub fn read(&self, token: &str) -> Option<AccessToken> {
        // Ours have no dots, and a JWT has two.
        if token.contains('.') {
            self.signing.load().read(Typ::AccessToken, token).map(|jwt| AccessToken::Signed {
                kid: jwt.kid(),
                grant: jwt.grant(),
                proof: jwt.proof(),
            })
        } else {
            Presented::read(&self.keyring, Kind::Access, token).map(AccessToken::Opaque)
        }
    }

    async fn judge(&self, presented: &AccessToken, stream: Option<&OpenStream>) -> Result<(Subject, Issued), Denied> {
        let id = presented.grant();
        let grant = self.store.grant(id).await.map_err(Denied::Unavailable)?.ok_or(Denied::Unknown)?.record;
        let proof = presented.prove(&self.keyring, &grant.salt).ok_or(Denied::Unknown)?;
        let approver = grant.approval().and_then(|approval| approval.user);
        let client = ClientKey::of(&grant.dialect, &grant.client);
        if let Some(stream) = stream {
            stream.belongs_to(Owner { user: approver, client });
        }
        let user = match approver {
            Some(user) => self.store.user(user).await.map_err(Denied::Unavailable)?.map(|user| user.record),
            None => None,
        };
        let standing = Standing {
            user: user.as_ref().filter(|user| user.enabled).map(|user| user.generation),
            client: self.clients.generation(client).await.map_err(Denied::Unavailable)?,
        };
        let issue = match grant.admit(proof, presented.key(), standing, self.clock.now()) {
            Ok((_, issue)) => issue,
            Err(NotAdmitted::Unknown) => return Err(Denied::Unknown),
            Err(NotAdmitted::Expired) => return Err(Denied::Expired(id)),
            Err(NotAdmitted::Revoked) => return Err(Denied::Revoked(id)),
        };
        let issued = Issued { number: issue.number, at: issue.issued, until: issue.access_until };
        let (scopes, audience) = (issue.scopes.clone(), issue.audience.clone());
        let tenant = grant.key.map(|key| key.tenant);
        let (dialect, user, client) = (grant.dialect, user.map(Person::from), grant.client);
        Ok((Subject { grant: id, dialect, user, client, scopes, audience, tenant }, issued))
    }

    /// Whatever runs under what was taken back ends now.
    pub fn take_back(&self, what: TakesBack) {
        match what {
            TakesBack::Grant(id) => self.streams.cut(id, ..),
            TakesBack::Issue(id, number) => self.streams.cut(id, number..=number),
            TakesBack::Through(id, number) => self.streams.cut(id, ..=number),
            TakesBack::Key(kid) => self.streams.cut_signed(kid),
            TakesBack::User(id) => self.streams.cut_owned(|owner| owner.user == Some(id)),
            TakesBack::Client(key) => self.streams.cut_owned(|owner| owner.client == key),
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
