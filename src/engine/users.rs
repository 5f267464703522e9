//! The people's accounts.

use std::{net::IpAddr, time::Duration};

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::{Engine, Error, SignIn, SignedIn, advance::MAX_TRIES};
use crate::{
    oauth::{
        id::UserId,
        scope::Scopes,
        user::{User, UserName},
    },
    store::{Change, CommitError, Expect, Key, List, Loaded, Record, Unavailable},
};

/// The shortest password that is accepted, in bytes.
pub const MIN_PASSWORD_BYTES: usize = 8;
/// The longest password that is hashed, in bytes: longer ones cost time and add nothing.
pub const MAX_PASSWORD_BYTES: usize = 512;

/// An account to be made.
pub struct AddUser {
    /// Its name.
    pub name: UserName,
    /// Its password.
    pub password: SecretString,
    /// An address, where it is known.
    pub email: Option<String>,
    /// A picture's address, where there is one.
    pub avatar: Option<String>,
    /// The most that the user can grant.
    pub scopes: Scopes,
}

/// Why an account was not made.
#[derive(Debug, thiserror::Error)]
pub enum AddUserError {
    /// The name is taken.
    #[error("there is a user of that name already")]
    NameTaken,
    /// The store cannot answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why a password was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangePasswordError {
    /// The current password is another one.
    #[error("the current password is wrong")]
    WrongPassword,
    /// The new one is too short or too long.
    #[error("a password has {MIN_PASSWORD_BYTES} to {MAX_PASSWORD_BYTES} bytes")]
    Length,
    /// All else.
    #[error(transparent)]
    Other(#[from] Error),
}

impl From<Unavailable> for ChangePasswordError {
    fn from(unavailable: Unavailable) -> Self {
        Self::Other(unavailable.into())
    }
}

/// A new password for who is signed in.
pub struct ChangePassword<'a> {
    /// Who, and in which session.
    pub who: &'a SignedIn,
    /// What proves that it is still this user who sits there.
    pub current: SecretString,
    /// The new one.
    pub new: SecretString,
    /// How long the session that takes the place of this one lives.
    pub session: Duration,
    /// The address that asked for it.
    pub peer: IpAddr,
    /// What [`Engine::known_browser`] gave the browser, where it has that.
    pub known: Option<&'a str>,
}

impl Engine {
    /// Makes an account.
    ///
    /// # Errors
    /// [`AddUserError`].
    pub async fn add_user(&self, add: AddUser) -> Result<User, AddUserError> {
        let user = User {
            id: UserId::from_random(rand::random()),
            name: add.name,
            password: Some(self.passwords.hash(add.password).await?),
            email: add.email,
            avatar: add.avatar,
            scopes: add.scopes,
            enabled: true,
            generation: 0,
            session_generation: 0,
            created: self.clock.now(),
        };
        let changes = vec![
            Change::Put { key: Key::UserName(user.name.clone()), expect: Expect::Absent, record: Record::ToUser(user.id), until: None },
            Change::Put { key: Key::User(user.id), expect: Expect::Absent, record: Record::User(Box::new(user.clone())), until: None },
            Change::Link { list: List::Users, member: *user.id.as_bytes(), until: Timestamp::MAX },
        ];
        match self.store.commit(changes).await {
            Ok(()) => Ok(user),
            Err(CommitError::Conflict) => Err(AddUserError::NameTaken),
            Err(CommitError::Unavailable(unavailable)) => Err(unavailable.into()),
        }
    }

    /// What a user is called; `None` where there is none, or none who may do anything.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn user_name(&self, id: UserId) -> Result<Option<UserName>, Error> {
        let user = self.store.user(id).await?.map(|user| user.record);
        Ok(user.filter(|user| user.enabled).map(|user| user.name))
    }

    /// Changes a user's password, and ends every session of his in the same commit. The one that
    /// asked goes on under a new cookie, so that a copy of its old one is worth nothing. Grants stay
    /// as they are.
    ///
    /// # Errors
    /// [`ChangePasswordError`]; a wrong password counts as one at the sign-in page does.
    pub async fn change_password(&self, change: ChangePassword<'_>) -> Result<(SignedIn, SecretString), ChangePasswordError> {
        let ChangePassword { who, current, new, session, peer, known } = change;
        if !(MIN_PASSWORD_BYTES..=MAX_PASSWORD_BYTES).contains(&new.expose_secret().len()) {
            return Err(ChangePasswordError::Length);
        }
        let sign_in = SignIn { name: who.user.name.as_str(), password: current, peer, known };
        let checked = self.check_password(sign_in).await?;
        let checked = checked.filter(|user| user.id == who.user.id).ok_or(ChangePasswordError::WrongPassword)?;
        let hash = self.passwords.hash(new).await?;
        for _ in 0..MAX_TRIES {
            let Some(Loaded { version, record: mut user }) = self.store.user(checked.id).await? else { break };
            // Somebody else changed it in between, and then the one that was shown is not the current one.
            if user.password != checked.password || user.session_generation != who.user.session_generation {
                return Err(ChangePasswordError::WrongPassword);
            }
            user.password = Some(hash.clone());
            user.session_generation += 1;
            let (opened, put_session, cookie) = self.new_session(&user, session)?;
            let changes = vec![
                Change::Put {
                    key: Key::User(user.id),
                    expect: Expect::Version(version),
                    record: Record::User(Box::new(user.clone())),
                    until: None,
                },
                put_session,
                Change::Delete { key: Key::Session(who.session), expect: Expect::Any },
            ];
            match self.store.commit(changes).await {
                Ok(()) => return Ok((SignedIn { session: opened.id, user, since: opened.signed_in }, cookie)),
                Err(CommitError::Conflict) => {}
                Err(CommitError::Unavailable(unavailable)) => return Err(unavailable.into()),
            }
        }
        Err(Error::Contended.into())
    }
}
