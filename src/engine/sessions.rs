//! Signed-in browsers.

use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;

use super::{Decider, Engine};
use crate::{
    oauth::{
        grant::after,
        id::SessionId,
        secret::Salt,
        token::{self, Kind, Presented},
        user::User,
    },
    store::{Change, CommitError, Expect, Key, Record, Session, Unavailable},
};

const PREFIX: &str = "gps_";

/// A browser whose session was found good.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The session.
    pub session: SessionId,
    /// Who is signed in.
    pub user: User,
    /// Since when.
    pub since: Timestamp,
}

impl SignedIn {
    /// As whoever decides something in this browser.
    pub const fn decider(&self) -> Decider<'_> {
        Decider { user: &self.user, session: Some(self.session) }
    }
}

impl Engine {
    /// Opens a session and answers its cookie's value.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn open_session(&self, user: &User, life: Duration) -> Result<SecretString, Unavailable> {
        let (_, put, cookie) = self.new_session(user, life)?;
        self.store.commit(vec![put]).await.map_err(|error| match error {
            CommitError::Unavailable(unavailable) => unavailable,
            conflict @ CommitError::Conflict => Unavailable::because(conflict),
        })?;
        Ok(cookie)
    }

    /// A session that is not there yet, the change that makes it, and its cookie's value.
    pub(super) fn new_session(&self, user: &User, life: Duration) -> Result<(Session, Change, SecretString), Unavailable> {
        let now = self.clock.now();
        let session = Session {
            id: SessionId::from_random(rand::random()),
            user: user.id,
            user_generation: user.generation,
            session_generation: user.session_generation,
            signed_in: now,
            salt: Salt::from_random(rand::random()),
            expires: after(now, life),
        };
        let root = self.keyring.minting();
        let cookie = token::mint(&self.keyring, root, PREFIX, Kind::Session, session.id.as_bytes(), 1, &session.salt)
            .ok_or_else(|| Unavailable::because("the minting root is missing"))?;
        let (key, until) = (Key::Session(session.id), Some(session.expires));
        let put = Change::Put { key, expect: Expect::Absent, record: Record::Session(session.clone()), until };
        Ok((session, put, cookie))
    }

    /// Who is signed in with this cookie; `None` where nobody is.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn session(&self, cookie: &str) -> Result<Option<SignedIn>, Unavailable> {
        let Some(presented) = Presented::read(&self.keyring, Kind::Session, cookie) else { return Ok(None) };
        let Some(session) = self.store.session(presented.session()).await?.map(|session| session.record) else { return Ok(None) };
        if presented.prove(&self.keyring, &session.salt).is_none() {
            return Ok(None);
        }
        let user = self.store.user(session.user).await?.map(|user| user.record);
        let generations = (session.user_generation, session.session_generation);
        let user = user.filter(|user| user.enabled && (user.generation, user.session_generation) == generations);
        Ok(user.map(|user| SignedIn { session: session.id, user, since: session.signed_in }))
    }

    /// Ends a session.
    ///
    /// # Errors
    /// [`Unavailable`]: then the session may still be good.
    pub async fn close_session(&self, session: SessionId) -> Result<(), Unavailable> {
        let gone = self.store.commit(vec![Change::Delete { key: Key::Session(session), expect: Expect::Any }]).await;
        match gone {
            Ok(()) => Ok(()),
            Err(CommitError::Unavailable(unavailable)) => Err(unavailable),
            Err(conflict @ CommitError::Conflict) => Err(Unavailable::because(conflict)),
        }
    }
}
