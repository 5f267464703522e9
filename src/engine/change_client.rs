//! What becomes of a client: it is changed, gets another secret, lives on by being used, or is deleted.

use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;

use super::{
    Engine, Error, Spelling,
    advance::{MAX_TRIES, heard},
    apps::{UNUSED_LIFE, listed},
};
use crate::{
    oauth::{
        client::{Authentication, Client, Origin},
        grant::after,
        id::{ClientId, UserId},
        step::TakesBack,
    },
    store::{Change, CommitError, Found, Key, Owned, Record},
    verify::Receipt,
};

/// Its end is put off when so much of that time is over.
const KEEP_AFTER: Duration = Duration::from_secs(24 * 3600);

impl Engine {
    /// Makes a client another one; of this owner, where one is named. `None`: there is no such
    /// client. Of a client of the configuration only `enabled` and `generation` can change.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Contended`].
    pub async fn change_client(
        &self,
        dialect: &str,
        id: &ClientId,
        owner: Option<UserId>,
        change: impl Fn(&mut Client),
    ) -> Result<Option<(Client, Option<Receipt>)>, Error> {
        for _ in 0..MAX_TRIES {
            let Some(found) = self.found(dialect, id, owner).await? else { return Ok(None) };
            let mut next = found.client.clone();
            change(&mut next);
            if next.enabled != found.client.enabled && matches!(next.origin, Origin::Registered | Origin::Document) {
                // What was forgotten, a document would bring back.
                next.expires = next.enabled.then(|| after(self.clock.now(), UNUSED_LIFE));
            }
            let mut changes = vec![found.put(&next)];
            if next.expires != found.client.expires {
                changes.extend(listed(&next, next.expires.unwrap_or(Timestamp::MAX)));
            }
            let takes_back = if next.generation != found.client.generation {
                Some(TakesBack::ClientBefore(next.key(), next.generation))
            } else {
                (!next.enabled).then_some(TakesBack::Client(next.key()))
            };
            changes.extend(takes_back.map(Change::TakeBack));
            match self.verifier.commit(changes).await {
                Ok(taken) => return Ok(Some((next, heard(taken).await))),
                Err(CommitError::Conflict) => {}
                Err(CommitError::Unavailable(unavailable)) => return Err(unavailable.into()),
            }
        }
        Err(Error::Contended)
    }

    /// Gives a client another secret: the old one is worth nothing from the answer on, and tokens
    /// stay. `None`: there is no such client, or it has no secret that was made here.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Contended`].
    pub async fn reset_client_secret(
        &self,
        spelling: Spelling,
        id: &ClientId,
        owner: Option<UserId>,
    ) -> Result<Option<(Client, SecretString)>, Error> {
        let minting = self.keyring.minting();
        let next = self.change_client(spelling.dialect, id, owner, |client| {
            if let Authentication::Issued { number, root, .. } = &mut client.authentication {
                *number = number.saturating_add(1);
                *root = minting;
            }
        });
        Ok(next.await?.and_then(|(client, _)| self.secret_of(&client, spelling.secret).map(|secret| (client, secret))))
    }

    /// Deletes a client that was made here: nothing that was issued to it opens anything from the
    /// answer on. `None`: there is no such client, or the configuration declares it.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Contended`].
    pub async fn delete_client(
        &self,
        dialect: &str,
        id: &ClientId,
        owner: Option<UserId>,
    ) -> Result<Option<(Client, Option<Receipt>)>, Error> {
        for _ in 0..MAX_TRIES {
            let Some(Found { client, expect }) = self.found(dialect, id, owner).await? else { return Ok(None) };
            if client.origin == Origin::Declared {
                return Ok(None);
            }
            let takes_back = Change::TakeBack(TakesBack::Client(client.key()));
            let mut changes = vec![Change::Delete { key: Key::Client(client.key()), expect }, takes_back];
            changes.extend(listed(&client, self.clock.now()));
            if let Some(owner) = client.owner {
                let (expect, mut owned) = self.owned(owner).await?;
                owned.retain(|(dialect, id)| (dialect, id) != (&client.dialect, &client.id));
                changes.push(Change::Put { key: Key::Owned(owner), expect, record: Record::Owned(Owned(owned)), until: None });
            }
            match self.verifier.commit(changes).await {
                Ok(taken) => return Ok(Some((client, heard(taken).await))),
                Err(CommitError::Conflict) => {}
                Err(CommitError::Unavailable(unavailable)) => return Err(unavailable.into()),
            }
        }
        Err(Error::Contended)
    }

    /// Puts off the end of a client that is used. Where that fails, a later use does it.
    pub(super) async fn keep_client(&self, client: &Client) {
        let now = self.clock.now();
        let Some(expires) = client.expires.filter(|expires| *expires < after(now, UNUSED_LIFE.saturating_sub(KEEP_AFTER))) else { return };
        // One that was disabled since then has no end: a document would bring it back.
        let keep = |client: &mut Client| client.expires = client.expires.map(|_| after(now, UNUSED_LIFE));
        let kept = self.change_client(&client.dialect, &client.id, None, keep);
        if let Err(error) = kept.await {
            tracing::warn!(%error, client = %client.id, %expires, "the end of a client could not be put off");
        }
    }
}
