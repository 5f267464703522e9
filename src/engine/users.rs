//! The people's accounts.

use secrecy::SecretString;

use super::Engine;
use crate::{
    oauth::{
        id::UserId,
        scope::Scopes,
        user::{User, UserName},
    },
    store::{Change, CommitError, Expect, Key, Record, Unavailable},
};

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
            scopes: add.scopes,
            enabled: true,
            generation: 0,
            created: self.clock.now(),
        };
        let changes = vec![
            Change::Put { key: Key::UserName(user.name.clone()), expect: Expect::Absent, record: Record::ToUser(user.id), until: None },
            Change::Put { key: Key::User(user.id), expect: Expect::Absent, record: Record::User(Box::new(user.clone())), until: None },
        ];
        match self.store.commit(changes).await {
            Ok(()) => Ok(user),
            Err(CommitError::Conflict) => Err(AddUserError::NameTaken),
            Err(CommitError::Unavailable(unavailable)) => Err(unavailable.into()),
        }
    }
}
