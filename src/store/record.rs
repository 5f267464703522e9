//! How records and keys are written down. A record starts with its format number; one that this
//! build does not know is an error, never a guess.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Key, List, Soft, SoftKey, Unavailable};
use crate::oauth::{
    client::Client,
    grant::Grant,
    id::{ClientId, GrantId, SessionId, UserId},
    secret::{RootId, Salt},
    signing::SigningKeys,
    user::User,
};

/// The format that this build writes.
pub const FORMAT: u8 = 1;

/// Anything that lies under a [`Key`].
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// Under [`Key::Grant`].
    Grant(Box<Grant>),
    /// Under [`Key::User`].
    User(Box<User>),
    /// Under [`Key::Session`].
    Session(Session),
    /// Under [`Key::Client`].
    Client(Kept),
    /// Under [`Key::Owned`].
    Owned(Owned),
    /// Under [`Key::UserCode`], [`Key::Ask`], [`Key::Machine`] and [`Key::Device`].
    ToGrant(GrantId),
    /// Under [`Key::UserName`].
    ToUser(UserId),
    /// Under [`Key::Open`].
    Open(Open),
    /// Under [`Key::Roots`].
    Roots(Roots),
    /// Under [`Key::SigningKeys`].
    SigningKeys(SigningKeys),
}

/// A signed-in browser.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Session {
    /// Its name; the cookie carries it.
    pub id: SessionId,
    /// Who signed in.
    pub user: UserId,
    /// The user's generation then; a later one ends the session.
    pub user_generation: u64,
    /// The user's session generation then; a later one ends the session.
    #[serde(default)]
    pub session_generation: u64,
    /// When the user last showed the password for it. One that does not say so: long ago.
    #[serde(default)]
    pub signed_in: Timestamp,
    /// From which the cookie's secret is derived.
    pub salt: Salt,
    /// When it ends.
    pub expires: Timestamp,
}

/// What is kept of a client.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// All of it.
    Whole(Box<Client>),
    /// Of one that the configuration declares, what the configuration does not say.
    Standing {
        /// As [`Client::enabled`].
        enabled: bool,
        /// As [`Client::generation`].
        generation: u64,
    },
}

/// The clients that a user has made.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Owned(pub Vec<(String, ClientId)>);

/// The grants that a user said yes to and no app has come for, as far as they are counted: some of
/// them may have been used or ended since.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Open(pub Vec<GrantId>);

/// Which root secrets a store was used with: a value for each that tells it from any other and
/// tells nothing about it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Roots(pub Vec<(RootId, [u8; 16])>);

impl Record {
    /// The format number, then JSON.
    ///
    /// # Errors
    /// [`Unavailable`] where a part of the record cannot be written as JSON, which none does.
    pub fn encode(&self) -> Result<Vec<u8>, Unavailable> {
        let mut bytes = vec![FORMAT];
        serde_json::to_writer(&mut bytes, self).map_err(Unavailable::because)?;
        Ok(bytes)
    }

    /// Reads what [`Record::encode`] wrote.
    ///
    /// # Errors
    /// [`Unavailable`] for another format or a damaged record.
    pub fn decode(bytes: &[u8]) -> Result<Self, Unavailable> {
        match bytes.split_first() {
            Some((&FORMAT, json)) => serde_json::from_slice(json).map_err(|damage| {
                // serde_json quotes what it could not read; a record's content stays out of logs.
                Unavailable::because(format_args!("a damaged record ({:?} error)", damage.classify()))
            }),
            Some((format, _)) => Err(Unavailable::because(format_args!(
                "a record has format {format}, and this version of Gatepost knows format {FORMAT} only"
            ))),
            None => Err(Unavailable::because("an empty record")),
        }
    }
}

impl Key {
    /// The key's bytes: a letter for the kind, then the name.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Grant(id) => named(b'g', id.as_bytes()),
            Self::User(id) => named(b'u', id.as_bytes()),
            Self::Session(id) => named(b's', id.as_bytes()),
            Self::UserCode(code) => named(b'c', code),
            Self::Ask(id) => named(b'a', id),
            Self::Client(key) => named(b'k', key.as_bytes()),
            Self::Owned(user) => named(b'w', user.as_bytes()),
            Self::Machine(name) => named(b'm', name),
            Self::Device(name) => named(b'd', name),
            Self::Open(user) => named(b'o', user.as_bytes()),
            Self::UserName(name) => named(b'n', name.as_str().as_bytes()),
            Self::Roots => named(b'r', b""),
            Self::SigningKeys => named(b'j', b""),
        }
    }
}

impl List {
    /// The list's bytes; a member's follow them. All lists are of one length.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::GrantsOf(user) => named(b'G', user.as_bytes()),
            Self::GrantsOfClient(client) => named(b'C', client.as_bytes()),
            Self::Users => named(b'U', &[0; 16]),
            Self::Clients => named(b'K', &[0; 16]),
            Self::Registered => named(b'R', &[0; 16]),
        }
    }
}

impl SoftKey {
    /// The key's bytes.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Pace(id) => named(b'p', id.as_bytes()),
            Self::LastUsed(id) => named(b'l', id.as_bytes()),
        }
    }

    /// Whether losing it at a restart would be noticed by a person.
    pub const fn is_worth_keeping(&self) -> bool {
        matches!(self, Self::LastUsed(_))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SoftRecord {
    Pace(crate::oauth::pace::Pace),
    LastUsed(Timestamp),
}

impl Soft {
    /// As [`Record::encode`].
    ///
    /// # Errors
    /// As [`Record::encode`].
    pub fn encode(self) -> Result<Vec<u8>, Unavailable> {
        let record = match self {
            Self::Pace(pace) => SoftRecord::Pace(pace),
            Self::LastUsed(at) => SoftRecord::LastUsed(at),
        };
        let mut bytes = vec![FORMAT];
        serde_json::to_writer(&mut bytes, &record).map_err(Unavailable::because)?;
        Ok(bytes)
    }

    /// Reads what [`Soft::encode`] wrote; `None` for what cannot be read, since soft state may be
    /// lost.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (&FORMAT, json) = bytes.split_first()? else { return None };
        // Soft state may be lost, and what cannot be read is.
        let record = serde_json::from_slice(json).ok()?;
        Some(match record {
            SoftRecord::Pace(pace) => Self::Pace(pace),
            SoftRecord::LastUsed(at) => Self::LastUsed(at),
        })
    }
}

fn named(kind: u8, name: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + name.len());
    bytes.push(kind);
    bytes.extend_from_slice(name);
    bytes
}
