//! How records are written down. A record starts with its format number; one that this
//! build does not know is an error, never a guess.

use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Key, Soft, Unavailable};
use crate::oauth::{
    client::{Client, ClientKey},
    grant::Grant,
    id::{ClientId, GrantId, SessionId, UserId},
    secret::{RootId, Salt},
    signing::SigningKeys,
    step::TakesBack,
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
    /// The records that decide together with this one, as [`super::Store::load_whole`] reads them: of a
    /// grant its client and then, once there is a yes, the user who said it.
    pub fn rests_on(&self) -> Vec<Key> {
        let Self::Grant(grant) = self else { return Vec::new() };
        let client = Key::Client(ClientKey::of(&grant.dialect, &grant.client));
        let user = grant.approval().and_then(|approval| approval.user).map(Key::User);
        [client].into_iter().chain(user).collect()
    }

    /// The format number, then JSON.
    ///
    /// # Errors
    /// [`Unavailable`] where a part of the record cannot be written as JSON, which none does.
    pub fn encode(&self) -> Result<Vec<u8>, Unavailable> {
        written(self)
    }

    /// Reads what [`Record::encode`] wrote.
    ///
    /// # Errors
    /// [`Unavailable`] for another format or a damaged record.
    pub fn decode(bytes: &[u8]) -> Result<Self, Unavailable> {
        read(bytes)
    }
}

/// An entry of the feed, as [`Record::encode`] writes a record.
///
/// # Errors
/// As [`Record::encode`].
pub(super) fn encode_taken_back(what: TakesBack) -> Result<Vec<u8>, Unavailable> {
    written(&what)
}

/// Reads what [`encode_taken_back`] wrote.
///
/// # Errors
/// As [`Record::decode`].
pub(super) fn decode_taken_back(bytes: &[u8]) -> Result<TakesBack, Unavailable> {
    read(bytes)
}

/// The format number, then JSON.
fn written(what: &impl Serialize) -> Result<Vec<u8>, Unavailable> {
    let mut bytes = vec![FORMAT];
    serde_json::to_writer(&mut bytes, what).map_err(Unavailable::because)?;
    Ok(bytes)
}

/// Reads what [`written`] wrote.
fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unavailable> {
    match bytes.split_first() {
        Some((&FORMAT, json)) => serde_json::from_slice(json).map_err(|damage| {
            // serde_json quotes what it could not read; a record's content stays out of logs.
            Unavailable::because(format_args!("a damaged record ({:?} error)", damage.classify()))
        }),
        Some((format, _)) => {
            Err(Unavailable::because(format_args!("a record has format {format}, and this version of Gatepost knows format {FORMAT} only")))
        }
        None => Err(Unavailable::because("an empty record")),
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
        written(&record)
    }

    /// Reads what [`Soft::encode`] wrote; `None` for what cannot be read, since soft state may be
    /// lost.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        // As it says.
        Some(match read(bytes).ok()? {
            SoftRecord::Pace(pace) => Self::Pace(pace),
            SoftRecord::LastUsed(at) => Self::LastUsed(at),
        })
    }
}
