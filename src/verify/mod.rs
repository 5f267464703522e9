//! From a token to the subject for whom it speaks, on the way of every protected request.
//!
//! Every request reads the store, once: the record that decides is the one that a revocation writes, so
//! what `revoke` has answered no later request passes, in whichever process. A forged token ends at its
//! MAC and reads nothing.

mod last_use;
pub mod signing;
pub mod streams;
#[cfg(test)]
mod tests;
mod token;

use std::sync::Arc;

use jiff::Timestamp;

use crate::{
    clock::Clock,
    oauth::{
        client::ClientKey,
        grant::{NotAdmitted, Standing},
        id::GrantId,
        jwt::Typ,
        secret::Keyring,
        step::TakesBack,
        subject::{Person, Subject},
        token::{Kind, Presented},
    },
    store::{Clients, Feed, Loaded, Position, Store, Unavailable, Version},
};
use last_use::LastUses;
pub use signing::SigningSnapshot;
use signing::Turn;
pub use streams::{OpenStream, OpenStreams, Owner};
pub use token::AccessToken;

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
}

impl Verifier {
    /// Reads from this store, with these keys, what this issuer issued.
    pub fn new(store: Arc<dyn Store>, keyring: Arc<Keyring>, clients: Arc<Clients>, issuer: String, clock: Clock) -> Self {
        let signing = SigningSnapshot::new(Arc::clone(&keyring), issuer);
        Self { store, keyring, clients, clock, signing, streams: OpenStreams::default(), uses: LastUses::default() }
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
        let presented = self.recognise(token).await?;
        // Entered before the grant is read: a revocation that comes after the reading finds it.
        let stream = self.streams.enter(presented.grant(), presented.number(), presented.key());
        let (subject, _) = self.judge(&presented, Some(&stream)).await?;
        self.uses.note(subject.grant, self.clock.now());
        Ok((subject, stream))
    }

    /// For whom an access token speaks now, and which issue it is. That it was asked is no use of it.
    ///
    /// # Errors
    /// [`Denied`].
    pub async fn inspect(&self, token: &str) -> Result<(Subject, Issued), Denied> {
        self.judge(&self.recognise(token).await?, None).await
    }

    /// An access token that we made. One whose key is not known here may be signed with one that is new.
    async fn recognise(&self, token: &str) -> Result<AccessToken, Denied> {
        if let Some(read) = self.read(token) {
            return Ok(read);
        }
        if !self.signing.load().lacks_key_of(token) {
            return Err(Denied::Unknown);
        }
        if self.signing.may_look(self.clock.boot_now()) {
            self.look_at_keys().await.map_err(Denied::Unavailable)?;
        } else {
            // Who asks while somebody looks gets what that one finds.
            drop(self.signing.turn().await);
        }
        match self.read(token) {
            Some(read) => Ok(read),
            None if self.signing.could_not_look() => Err(Denied::Unavailable(Unavailable::because("the signing keys could not be read"))),
            None => Err(Denied::Unknown),
        }
    }

    /// Takes the signing keys into use that the store holds.
    ///
    /// # Errors
    /// [`Unavailable`], also where they cannot be used.
    pub async fn look_at_keys(&self) -> Result<(), Unavailable> {
        self.take_keys(&self.signing.turn().await).await
    }

    /// The same, where it is known of which version they are.
    async fn look_at_keys_of(&self, version: Option<Version>) -> Result<(), Unavailable> {
        let turn = self.signing.turn().await;
        // Somebody else may have done it meanwhile.
        if self.signing.load().is(version) { Ok(()) } else { self.take_keys(&turn).await }
    }

    async fn take_keys(&self, turn: &Turn<'_>) -> Result<(), Unavailable> {
        let taken = match self.store.signing_keys().await {
            Ok(Some(Loaded { version, record })) => turn.install(&record, Some(version)).map_err(Unavailable::because),
            Ok(None) => Ok(()),
            Err(unavailable) => Err(unavailable),
        };
        turn.note(taken.is_ok());
        taken
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
        let (full, client) = loop {
            let turn = self.streams.turn();
            let full = self.store.full_grant(id, presented.key().is_some()).await.map_err(Denied::Unavailable)?;
            let full = full.ok_or(Denied::Unknown)?;
            let grant = &full.grant.record;
            let client = ClientKey::of(&grant.dialect, &grant.client);
            if let Some(stream) = stream {
                stream.belongs_to(Owner { user: grant.approval().and_then(|approval| approval.user), client });
            }
            // Whose the stream is, nobody could know before: what was taken back from him in between has
            // not found it.
            if stream.is_none() || self.streams.turn() == turn {
                break (full, client);
            }
        };
        if let Some(kid) = presented.key() {
            if !self.signing.load().is(full.keys) {
                self.look_at_keys_of(full.keys).await.map_err(Denied::Unavailable)?;
            }
            // Revoked since the signature was checked.
            if !self.signing.load().holds(kid) {
                return Err(Denied::Unknown);
            }
        }
        let grant = full.grant.record;
        let proof = presented.prove(&self.keyring, &grant.salt).ok_or(Denied::Unknown)?;
        let user = full.user.map(|user| user.record);
        let standing = Standing {
            user: user.as_ref().filter(|user| user.enabled).map(|user| user.generation),
            client: self.clients.generation(client, full.client.as_ref().map(|kept| &kept.record)),
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

    /// Where the feed ends now. To be asked before anybody is let in: whoever comes later is let in by the
    /// record, and what is taken back from him stands behind this.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn end_of_feed(&self) -> Result<Position, Unavailable> {
        match self.store.feed(None).await? {
            Feed::Gap(end) => Ok(end),
            Feed::Since(_) => Err(Unavailable::because("nobody asked since when")),
        }
    }

    /// Ends whatever runs under what was taken back, here or elsewhere, since that entry of the feed, and
    /// says up to which entry that is done. Where the feed does not know the entry, every stream ends.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn follow(&self, mut applied: Position) -> Result<Position, Unavailable> {
        loop {
            match self.store.feed(Some(applied)).await? {
                Feed::Since(entries) if entries.is_empty() => return Ok(applied),
                Feed::Since(entries) => {
                    for entry in entries {
                        self.take_back(entry.takes_back);
                        applied = entry.position;
                    }
                }
                Feed::Gap(end) => {
                    tracing::warn!("what was taken back is not known without a gap; all open streams end");
                    self.streams.cut_all();
                    return Ok(end);
                }
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
