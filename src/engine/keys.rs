//! The keys that sign JWTs. Whoever changes them has the change durable and in force before the
//! answer: what was revoked verifies for nobody who asks later.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use super::{
    Engine,
    advance::{MAX_TRIES, again, heard},
};
use crate::{
    oauth::{
        jwt::Unusable,
        signing::{Algorithm, KeyError, KeyId, KeyState, SigningKey, SigningKeys},
        step::TakesBack,
    },
    store::{Change, CommitError, Expect, Key, Loaded, Notice, Record, Unavailable},
    verify::Receipt,
};

/// Why the signing keys are not what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The rule says no.
    #[error(transparent)]
    Refused(#[from] KeyError),
    /// The library does not take them. They may have been written.
    #[error(transparent)]
    Unusable(#[from] Unusable),
    /// The store cannot answer; it is not known whether anything was written.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// So many change them at once that this one gave up.
    #[error("the signing keys are changing too fast")]
    Contended,
}

/// An access token that is a JWT lives no longer, whatever its dialect.
const MAX_ACCESS_LIFE: Duration = Duration::from_secs(24 * 3600);

impl Engine {
    /// The signing keys, the oldest first.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn keys(&self) -> Result<SigningKeys, Unavailable> {
        Ok(self.store.signing_keys().await?.map(|keys| keys.record).unwrap_or_default())
    }

    /// What is published of them: a JWK set (RFC 7517 section 5), as JSON.
    pub fn jwks(&self) -> Bytes {
        self.verifier.signing().load().jwks().clone()
    }

    /// Makes the keys that are missing, drops those that nobody needs any more, seals all under the
    /// minting root, and takes into use what the store holds. To be called at the start, and now
    /// and then.
    ///
    /// # Errors
    /// [`KeysError`].
    pub async fn maintain_keys(&self) -> Result<(), KeysError> {
        let (_, lost) = self.change_keys(|keys, now| keys.ensure(&self.keyring, now)).await?;
        for kid in lost {
            tracing::warn!(%kid, "a signing key was revoked, since its root secret is gone or its record was damaged");
        }
        Ok(())
    }

    /// A new key signs from now on; the old one stays published for as long as a JWT may live that
    /// it has signed. Answers with the keys as they are then.
    ///
    /// # Errors
    /// [`KeysError`].
    pub async fn rotate_key(&self, algorithm: Algorithm) -> Result<SigningKeys, KeysError> {
        let (keys, ()) = self.change_keys(|keys, now| keys.rotate(algorithm, &self.keyring, now, self.longest_jwt())).await?;
        Ok(keys)
    }

    /// As [`Engine::rotate_key`], for the key of that name; one that signs nothing stays as it is.
    ///
    /// # Errors
    /// [`KeysError`].
    pub async fn retire_key(&self, kid: KeyId) -> Result<SigningKeys, KeysError> {
        let (keys, ()) = self.change_keys(|keys, now| keys.retire(kid, &self.keyring, now, self.longest_jwt())).await?;
        Ok(keys)
    }

    /// Takes a key back, and with it every JWT that it signed. If it was the one that signs, a new
    /// one takes its place. Answers with the keys as they are then.
    ///
    /// # Errors
    /// [`KeysError`].
    pub async fn revoke_key(&self, kid: KeyId) -> Result<(SigningKeys, Option<Receipt>), KeysError> {
        let (keys, (), receipt) = self.change_keys_heard(|keys, now| keys.revoke(kid, &self.keyring, now), Some(kid)).await?;
        Ok((keys, receipt))
    }

    fn longest_jwt(&self) -> Duration {
        self.jwt_life.max(MAX_ACCESS_LIFE)
    }

    /// Loads the keys, applies a rule, makes what it left durable, and takes it into use. Where
    /// somebody was faster, the rule is applied to what that one left.
    async fn change_keys<T>(
        &self,
        rule: impl Fn(&mut SigningKeys, Timestamp) -> Result<T, KeyError>,
    ) -> Result<(SigningKeys, T), KeysError> {
        self.change_keys_heard(rule, None).await.map(|(keys, outcome, _)| (keys, outcome))
    }

    /// The same, where that key is revoked then, by this change or before, and all replicas know it.
    async fn change_keys_heard<T>(
        &self,
        rule: impl Fn(&mut SigningKeys, Timestamp) -> Result<T, KeyError>,
        gone: Option<KeyId>,
    ) -> Result<(SigningKeys, T, Option<Receipt>), KeysError> {
        let turn = self.verifier.signing().turn().await;
        for _ in 0..MAX_TRIES {
            let (expect, before) = match self.store.signing_keys().await? {
                Some(Loaded { version, record }) => (Expect::Version(version), record),
                None => (Expect::Absent, SigningKeys::default()),
            };
            let mut keys = before.clone();
            let outcome = rule(&mut keys, self.clock.now())?;
            let is_revoked = |key: &&SigningKey| matches!(key.state, KeyState::Revoked { .. });
            let was_revoked = |kid| before.get(kid).as_ref().is_some_and(is_revoked);
            let revoked = keys.iter().filter(is_revoked).map(|key| key.id).filter(|kid| !was_revoked(*kid));
            let mut commit: Vec<Change> = revoked.map(TakesBack::Key).map(Change::TakeBack).collect();
            if keys != before {
                commit.push(Change::Put { key: Key::SigningKeys, expect, record: Record::SigningKeys(keys.clone()), until: None });
                commit.push(Change::Tell(Notice::Keys));
            } else if let Some(kid) = gone {
                commit.extend(again(Key::SigningKeys, expect, TakesBack::Key(kid)));
            }
            let mut taken = None;
            if !commit.is_empty() {
                match self.verifier.commit(commit).await {
                    Ok(by_all) => taken = by_all,
                    Err(CommitError::Conflict) => continue,
                    Err(CommitError::Unavailable(unavailable)) => return Err(unavailable.into()),
                }
            }
            turn.install(&keys, None)?;
            drop(turn);
            return Ok((keys, outcome, heard(taken).await));
        }
        Err(KeysError::Contended)
    }
}
