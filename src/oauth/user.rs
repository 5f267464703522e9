//! Users: the people who say yes or no.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{id::UserId, scope::Scopes};

/// A person who may sign in and approve.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct User {
    /// For life.
    pub id: UserId,
    /// What the user signs in with.
    pub name: UserName,
    /// The password's hash; `None` for a user who cannot sign in with one.
    pub password: Option<PasswordHash>,
    /// An address, where it is known.
    pub email: Option<String>,
    /// A picture's address, where there is one.
    #[serde(default)]
    pub avatar: Option<String>,
    /// The most that this user can grant.
    pub scopes: Scopes,
    /// Whether the user may sign in and whether grants of this user are honoured.
    pub enabled: bool,
    /// Counts how often everything that this user granted was taken back at once.
    pub generation: u64,
    /// Counts how often all sessions of this user were ended at once.
    #[serde(default)]
    pub session_generation: u64,
    /// When the account was made.
    pub created: Timestamp,
}

/// An argon2id hash in the PHC string format. Silent in `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// A PHC string, from the code that hashed.
    pub fn from_phc(phc: String) -> Self {
        Self(phc)
    }

    /// The PHC string, for the code that verifies.
    pub fn as_phc(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

/// A user's name in its one spelling: lower case.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserName(String);

/// The text cannot be a user's name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a user name has 1 to 64 characters out of a-z, 0-9, '.', '_', '-', '+' and '@'")]
pub struct BadUserName;

impl UserName {
    /// Reads a name in any case.
    ///
    /// # Errors
    /// [`BadUserName`] where it is empty, too long, or holds another character.
    pub fn parse(text: &str) -> Result<Self, BadUserName> {
        let name = text.trim().to_ascii_lowercase();
        let allowed = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'+' | b'@');
        if (1..=64).contains(&name.len()) && name.bytes().all(allowed) { Ok(Self(name)) } else { Err(BadUserName) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for UserName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
