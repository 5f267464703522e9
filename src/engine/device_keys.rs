//! What becomes of the keys that logins got: their user's programs list them, give them other secrets,
//! and take them back (Fruxon, "tokens").

use jiff::Timestamp;
use secrecy::SecretString;

use super::{Engine, Error, Style};
use crate::oauth::{
    client::Client,
    grant::{Grant, RevokedBecause, Rotation},
    id::{GrantId, UserId},
    refusal::{ErrorCode, Refusal},
    scope::Scopes,
    step::Step,
};

/// A key with this scope looks after the others of its user that may do no more than itself.
pub const KEYS_WRITE: &str = "tokens:write";

/// The key that asks.
#[derive(Clone, Copy, Debug)]
pub struct Holder<'a> {
    /// Its grant.
    pub key: GrantId,
    /// Its user.
    pub user: UserId,
    /// Its tenant.
    pub tenant: &'a str,
    /// What it may do.
    pub scopes: &'a Scopes,
}

/// A key, as its user's programs see it.
#[derive(Clone, Debug)]
pub struct KeyInfo {
    /// The grant.
    pub grant: Grant,
    /// When it last opened something.
    pub last_used: Option<Timestamp>,
}

const UNKNOWN: Refusal = Refusal::new(ErrorCode::InvalidGrant, "There is no such key.");
const MAY_NOT: Refusal =
    Refusal::new(ErrorCode::AccessDenied, "Another key needs the scope tokens:write, and every scope that the other one has.");

impl Holder<'_> {
    /// Whether it is a key of that dialect for the same tenant.
    fn is_there(&self, dialect: &str, grant: &Grant) -> bool {
        grant.dialect == dialect && grant.key.as_ref().is_some_and(|key| key.tenant == self.tenant)
    }

    /// Whether it may see and change that key of its user's.
    fn may(&self, key: &Grant) -> bool {
        key.id == self.key || self.scopes.contains(KEYS_WRITE) && self.scopes.cover(&key.requested)
    }
}

impl Engine {
    /// The keys that this one may see, the newest first, and those that were taken back as long as they
    /// are remembered.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn device_keys(&self, dialect: &str, holder: Holder<'_>) -> Result<Vec<KeyInfo>, Error> {
        let mut keys = Vec::new();
        for id in self.store.grants_of(holder.user).await? {
            let Some(full) = self.verifier.full_grant(id, false).await? else { continue };
            let (standing, _) = self.standing(&full)?;
            let grant = full.grant.record;
            if !holder.is_there(dialect, &grant) || !holder.may(&grant) {
                continue;
            }
            // What was taken back with everything of its user's or client's does not know when.
            if grant.approval().is_none_or(|approval| standing.upholds(approval)) {
                keys.push(KeyInfo { last_used: self.verifier.last_used(id).await?, grant });
            }
        }
        keys.sort_by_key(|key| std::cmp::Reverse((key.grant.created, key.grant.id)));
        Ok(keys)
    }

    /// One of these.
    ///
    /// # Errors
    /// `invalid_grant` where its user has no such key there; `access_denied` where the key that asks may
    /// not see it.
    pub async fn device_key(&self, dialect: &str, holder: Holder<'_>, id: GrantId) -> Result<KeyInfo, Error> {
        let is_theirs = self.store.grants_of(holder.user).await?.contains(&id);
        let grant = if is_theirs { self.store.grant(id).await?.map(|grant| grant.record) } else { None };
        let grant = grant.filter(|grant| holder.is_there(dialect, grant)).ok_or(UNKNOWN)?;
        if !holder.may(&grant) {
            return Err(MAY_NOT.into());
        }
        Ok(KeyInfo { last_used: self.verifier.last_used(id).await?, grant })
    }

    /// Gives a key another secret. From the answer on the old one opens nothing.
    ///
    /// # Errors
    /// As [`Engine::device_key`], also for a key that is over; `invalid_scope` and `access_denied` where it
    /// would be given more than it has, and then nothing has changed.
    pub async fn rotate_device_key(
        &self,
        style: &Style,
        client: &Client,
        holder: Holder<'_>,
        id: GrantId,
        rotation: Rotation<'_>,
    ) -> Result<(KeyInfo, SecretString), Error> {
        let before = self.device_key(style.dialect, holder, id).await?;
        let terms = self.terms(style, client)?;
        let rotated = self.advance(id, UNKNOWN, |key, standing, now| match holder.may(key) {
            true => key.rotate(rotation, standing, &terms, now),
            false => Step::unchanged(Err(MAY_NOT)),
        });
        let (grant, _) = rotated.await?;
        let secret = self.secret_of_key(style, &grant)?;
        Ok((KeyInfo { grant, ..before }, secret))
    }

    /// Takes a key back. From the answer on it opens nothing. One that was taken back is no mistake.
    ///
    /// # Errors
    /// As [`Engine::device_key`].
    pub async fn revoke_device_key(&self, dialect: &str, holder: Holder<'_>, id: GrantId) -> Result<(), Error> {
        self.device_key(dialect, holder, id).await?;
        let revoked = self.advance(id, UNKNOWN, |key, _, now| match holder.may(key) {
            true => key.revoke(RevokedBecause::Logout, now),
            false => Step::unchanged(Err(MAY_NOT)),
        });
        revoked.await.map(|_| ())
    }
}
