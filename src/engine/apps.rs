//! Clients that somebody makes: users for their own apps, operators, and programs that register
//! themselves (RFC 7591).

use std::{collections::BTreeSet, time::Duration};

use data_encoding::BASE32_NOPAD;
use jiff::Timestamp;
use secrecy::SecretString;

use super::{Engine, Error, advance::MAX_TRIES};
use crate::{
    oauth::{
        audience::Audience,
        claim::Claim,
        client::{Authentication, Client, ClientKey, GrantType, Origin},
        grant::after,
        guid,
        id::{ClientId, UserId},
        redirect::RedirectUri,
        scope::Scopes,
        secret::Salt,
        signing::TokenFormat,
        token::{self, Kind},
    },
    store::{Change, CommitError, Expect, Found, Key, List, Owned, Record, Unavailable},
};

/// So many clients a user may have made at a time.
pub const MAX_OWN_CLIENTS: usize = 50;
/// A client that nobody made by hand is forgotten when it is not used for so long.
pub(super) const UNUSED_LIFE: Duration = Duration::from_secs(30 * 24 * 3600);

/// How a dialect spells what it gives to clients.
#[derive(Clone, Copy, Debug)]
pub struct Spelling {
    /// The dialect's name.
    pub dialect: &'static str,
    /// What a client's id looks like.
    pub id: ClientIds,
    /// Before a client's secret. Letters, digits and `_`.
    pub secret: &'static str,
}

/// What the ids of a dialect's clients look like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClientIds {
    /// This, and then 24 letters and digits. Letters, digits and `_`.
    After(&'static str),
    /// A GUID: a UUID of version 4 (RFC 9562 section 5.4).
    Guid,
}

impl ClientIds {
    fn random(self) -> ClientId {
        ClientId::new(match self {
            Self::After(prefix) => format!("{prefix}{}", BASE32_NOPAD.encode(&rand::random::<[u8; 15]>()).to_lowercase()),
            Self::Guid => guid::shown(&guid::of_random(rand::random())),
        })
    }
}

/// A client to be made.
#[derive(Clone, Debug)]
pub struct CreateClient {
    /// How the dialect spells it.
    pub spelling: Spelling,
    /// The user whose it is.
    pub owner: Option<UserId>,
    /// Who makes it.
    pub origin: Origin,
    /// What people call it.
    pub name: Claim,
    /// What its owner says of it.
    pub description: Option<String>,
    /// Where answers may be sent.
    pub redirect_uris: Vec<RedirectUri>,
    /// What it may ask for.
    pub scopes: Scopes,
    /// In which ways it may ask.
    pub grant_types: BTreeSet<GrantType>,
    /// Whether it has no secret.
    pub public: bool,
    /// How its access tokens are written, if not as the dialect's.
    pub format: Option<TokenFormat>,
    /// For which resources it may ask what a token is worth.
    pub resource_server: Option<Audience>,
    /// Whether the operator vouches for its name.
    pub verified: bool,
}

/// Why a client was not made.
#[derive(Debug, thiserror::Error)]
pub enum CreateClientError {
    /// There are [`MAX_OWN_CLIENTS`] already.
    #[error("the user has {MAX_OWN_CLIENTS} clients already")]
    TooMany,
    /// All else.
    #[error(transparent)]
    Other(#[from] Error),
}

impl From<Unavailable> for CreateClientError {
    fn from(unavailable: Unavailable) -> Self {
        Self::Other(unavailable.into())
    }
}

impl Engine {
    /// Makes a client. Its secret is told here and never again; a public one has none.
    ///
    /// # Errors
    /// [`CreateClientError`].
    pub async fn create_client(&self, create: CreateClient) -> Result<(Client, Option<SecretString>), CreateClientError> {
        let now = self.clock.now();
        let root = self.keyring.minting();
        let salt = Salt::from_random(rand::random());
        let client = Client {
            id: create.spelling.id.random(),
            dialect: create.spelling.dialect.to_owned(),
            name: create.name.to_string(),
            description: create.description,
            scopes: create.scopes,
            redirect_uris: create.redirect_uris,
            grant_types: create.grant_types,
            authentication: if create.public { Authentication::Public } else { Authentication::Issued { salt, number: 1, root } },
            format: create.format,
            resource_server: create.resource_server,
            owner: create.owner,
            origin: create.origin,
            verified: create.verified,
            enabled: true,
            generation: 0,
            created: Some(now),
            expires: (create.origin == Origin::Registered).then(|| after(now, UNUSED_LIFE)),
        };
        for _ in 0..MAX_TRIES {
            let mut changes = vec![Found { client: client.clone(), expect: Expect::Absent }.put(&client)];
            changes.extend(listed(&client, client.expires.unwrap_or(Timestamp::MAX)));
            if let Some(owner) = create.owner {
                let (expect, mut owned) = self.owned(owner).await?;
                if owned.len() >= MAX_OWN_CLIENTS {
                    return Err(CreateClientError::TooMany);
                }
                owned.push((client.dialect.clone(), client.id.clone()));
                changes.push(Change::Put { key: Key::Owned(owner), expect, record: Record::Owned(Owned(owned)), until: None });
            }
            match self.store.commit(changes).await {
                Ok(()) => {
                    let secret = self.secret_of(&client, create.spelling.secret);
                    return Ok((client, secret));
                }
                Err(CommitError::Conflict) => {}
                Err(CommitError::Unavailable(unavailable)) => return Err(unavailable.into()),
            }
        }
        Err(Error::Contended.into())
    }

    /// The clients that a user has made, the newest last.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn clients_of(&self, user: UserId) -> Result<Vec<Client>, Error> {
        let mut clients = Vec::new();
        for (dialect, id) in self.owned(user).await?.1 {
            clients.extend(self.clients.find(&dialect, &id).await?.map(|found| found.client));
        }
        Ok(clients)
    }

    /// Every client that there is.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn all_clients(&self) -> Result<Vec<Client>, Error> {
        Ok(self.clients.all().await?)
    }

    /// A client, whether it is enabled or not; of this owner, where one is named.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn find_client(&self, dialect: &str, id: &ClientId, owner: Option<UserId>) -> Result<Option<Client>, Error> {
        Ok(self.found(dialect, id, owner).await?.map(|found| found.client))
    }

    pub(super) async fn found(&self, dialect: &str, id: &ClientId, owner: Option<UserId>) -> Result<Option<Found>, Unavailable> {
        let found = self.clients.find_by(ClientKey::of(dialect, id)).await?;
        Ok(found.filter(|found| owner.is_none() || found.client.owner == owner))
    }

    pub(super) async fn owned(&self, user: UserId) -> Result<(Expect, Vec<(String, ClientId)>), Unavailable> {
        Ok(match self.store.owned(user).await? {
            Some(owned) => (Expect::Version(owned.version), owned.record.0),
            None => (Expect::Absent, Vec::new()),
        })
    }

    pub(super) fn secret_of(&self, client: &Client, prefix: &str) -> Option<SecretString> {
        let Authentication::Issued { salt, number, root } = &client.authentication else { return None };
        token::mint(&self.keyring, *root, prefix, Kind::ClientSecret, client.key().as_bytes(), *number, salt)
    }
}

/// The changes that put a client on its lists until then.
pub(super) fn listed(client: &Client, until: Timestamp) -> impl Iterator<Item = Change> {
    let lists: &[List] = match client.origin {
        Origin::Declared => &[],
        Origin::Managed | Origin::Document => &[List::Clients],
        Origin::Registered => &[List::Clients, List::Registered],
    };
    let member = *client.key().as_bytes();
    lists.iter().map(move |list| Change::Link { list: *list, member, until })
}
