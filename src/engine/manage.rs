//! What the operator does to accounts and grants. Each of these verbs may be said again: what was
//! done already is done, and what still runs ends.

use jiff::Timestamp;
use secrecy::SecretString;

use super::{
    Engine, Error,
    advance::{Advanced, MAX_TRIES, heard},
};
use crate::{
    oauth::{
        client::Client,
        grant::{Approval, Grant, RevokedBecause},
        id::{GrantId, UserId},
        refusal::{ErrorCode, Refusal},
        scope::Scopes,
        step::TakesBack,
        user::{User, UserName},
    },
    store::{Change, CommitError, Expect, Key, List, Loaded, Record, Unavailable},
    verify::Receipt,
};

const UNKNOWN_GRANT: Refusal = Refusal::new(ErrorCode::InvalidGrant, "There is no such grant.");

impl Engine {
    /// All users, in the order of their names.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn users(&self) -> Result<Vec<User>, Unavailable> {
        let mut users = Vec::new();
        for id in self.store.users().await? {
            users.extend(self.store.user(id).await?.map(|user| user.record));
        }
        users.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(users)
    }

    /// The user of that id.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn user(&self, id: UserId) -> Result<Option<User>, Unavailable> {
        Ok(self.store.user(id).await?.map(|user| user.record))
    }

    /// The user of that name.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn user_named(&self, name: &UserName) -> Result<Option<User>, Unavailable> {
        Ok(self.store.user_named(name).await?.map(|user| user.record))
    }

    /// A disabled user's sessions have ended and nothing that he granted opens anything, from the
    /// answer on; what is on its way is cut off. `None` where there is no such user.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: then it may or may not have happened, and answers may still be on
    /// their way. [`Error::Contended`].
    pub async fn disable_user(&self, name: &UserName) -> Result<Option<(User, Option<Receipt>)>, Error> {
        let end = |user: &mut User| {
            user.enabled = false;
            user.session_generation += 1;
        };
        self.change_user(name, end).await
    }

    /// The user may sign in again, and what he granted before opens what it opened. `None` where
    /// there is no such user.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Contended`].
    pub async fn enable_user(&self, name: &UserName) -> Result<Option<User>, Error> {
        Ok(self.change_user(name, |user| user.enabled = true).await?.map(|(user, _)| user))
    }

    /// Takes back everything that a user granted, his personal tokens included, and ends his
    /// sessions. `None` where there is no such user.
    ///
    /// # Errors
    /// As [`Engine::disable_user`].
    pub async fn revoke_user(&self, name: &UserName) -> Result<Option<(User, Option<Receipt>)>, Error> {
        self.change_user(name, |user| user.generation += 1).await
    }

    /// Gives a user a new password, and ends his sessions. Grants stay as they are. `None` where
    /// there is no such user.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Contended`].
    pub async fn reset_password(&self, name: &UserName, new: SecretString) -> Result<Option<User>, Error> {
        let hash = self.passwords.hash(new).await?;
        let reset = |user: &mut User| {
            user.password = Some(hash.clone());
            user.session_generation += 1;
        };
        Ok(self.change_user(name, reset).await?.map(|(user, _)| user))
    }

    /// Says anew what a user may grant. What he granted before stays as it is. `None` where there
    /// is no such user.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Contended`].
    pub async fn set_user_scopes(&self, name: &UserName, scopes: &Scopes) -> Result<Option<User>, Error> {
        Ok(self.change_user(name, |user| user.scopes = scopes.clone()).await?.map(|(user, _)| user))
    }

    /// The grant of that id, whatever has become of it.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn grant(&self, id: GrantId) -> Result<Option<Grant>, Unavailable> {
        Ok(self.store.grant(id).await?.map(|grant| grant.record))
    }

    /// When a grant last admitted a request, where it did.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn last_used(&self, id: GrantId) -> Result<Option<Timestamp>, Unavailable> {
        self.verifier.last_used(id).await
    }

    /// Takes any grant back. From the answer on nothing opens with it.
    ///
    /// # Errors
    /// `invalid_grant` where there is none; [`Error::Unavailable`], [`Error::Contended`].
    pub async fn revoke_grant(&self, id: GrantId) -> Result<(Grant, Option<Receipt>), Error> {
        let revoke = |grant: &Grant, _, now| grant.revoke(RevokedBecause::Operator, now);
        let Advanced { grant, outcome, taken } = self.advance_unheard(id, UNKNOWN_GRANT, revoke).await?;
        let receipt = heard(taken).await;
        outcome?;
        Ok((grant, receipt))
    }

    /// Takes back every grant that was authorized before a moment, by the wall clock: of this user, where one is named,
    /// and of the clients of which this says so. Says how many there were.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Contended`]: then some may still be alive.
    pub async fn revoke_before(
        &self,
        moment: Timestamp,
        user: Option<UserId>,
        is_meant: impl Fn(&Client) -> bool + Send,
    ) -> Result<(usize, Option<Receipt>), Error> {
        let (mut count, mut last) = (0, None);
        for client in self.all_clients().await?.iter().filter(|client| is_meant(client)) {
            for id in self.store.grants_of_client(client.key()).await? {
                let Some(grant) = self.grant(id).await? else { continue };
                let is_older = |approval: &Approval| approval.at < moment && user.is_none_or(|user| approval.user == Some(user));
                if !grant.approval().is_some_and(is_older) {
                    continue;
                }
                let revoke = |grant: &Grant, _, now| grant.revoke(RevokedBecause::Operator, now);
                let Advanced { outcome, taken, .. } = self.advance_unheard(id, UNKNOWN_GRANT, revoke).await?;
                outcome?;
                count += 1;
                last = taken.or(last);
            }
        }
        // Whoever knows of the last one knows of those before it.
        Ok((count, heard(last).await))
    }

    /// What is taken back ends after the change of the user: what was let in before it is found, and
    /// nothing is let in after it.
    pub(super) async fn change_user(&self, name: &UserName, change: impl Fn(&mut User)) -> Result<Option<(User, Option<Receipt>)>, Error> {
        for _ in 0..MAX_TRIES {
            let Some(Loaded { version, record: mut user }) = self.store.user_named(name).await? else { return Ok(None) };
            let generation = user.generation;
            change(&mut user);
            let takes_back = if user.generation != generation {
                Some(TakesBack::UserBefore(user.id, user.generation))
            } else {
                (!user.enabled).then_some(TakesBack::User(user.id))
            };
            let record = Record::User(Box::new(user.clone()));
            let mut changes = vec![
                Change::Put { key: Key::User(user.id), expect: Expect::Version(version), record, until: None },
                Change::Link { list: List::Users, member: *user.id.as_bytes(), until: Timestamp::MAX },
            ];
            changes.extend(takes_back.map(Change::TakeBack));
            match self.verifier.commit(changes).await {
                Ok(taken) => {
                    let receipt = heard(taken).await;
                    return Ok(Some((user, receipt)));
                }
                Err(CommitError::Conflict) => {}
                Err(CommitError::Unavailable(unavailable)) => return Err(unavailable.into()),
            }
        }
        Err(Error::Contended)
    }
}
