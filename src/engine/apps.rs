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
        id::{ClientId, UserId},
        redirect::RedirectUri,
        scope::Scopes,
        secret::Salt,
        signing::TokenFormat,
        step::TakesBack,
        token::{self, Kind},
    },
    store::{Change, CommitError, Expect, Found, Key, List, Owned, Record, Unavailable},
};

/// So many clients a user may have made at a time.
pub const MAX_OWN_CLIENTS: usize = 50;
/// A client that nobody made by hand is forgotten when it is not used for so long.
pub(super) const UNUSED_LIFE: Duration = Duration::from_secs(30 * 24 * 3600);
/// Its end is put off when so much of that time is over.
const KEEP_AFTER: Duration = Duration::from_secs(24 * 3600);

/// How a dialect spells what it gives to clients.
#[derive(Clone, Copy, Debug)]
pub struct Spelling {
    /// The dialect's name.
    pub dialect: &'static str,
    /// Before a client's id. Letters, digits and `_`.
    pub id: &'static str,
    /// Before a client's secret. Letters, digits and `_`.
    pub secret: &'static str,
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
        let random = BASE32_NOPAD.encode(&rand::random::<[u8; 15]>()).to_lowercase();
        let root = self.keyring.minting();
        let salt = Salt::from_random(rand::random());
        let client = Client {
            id: ClientId::new(format!("{}{random}", create.spelling.id)),
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
    ) -> Result<Option<Client>, Error> {
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
            match self.store.commit(changes).await {
                Ok(()) => {
                    if !next.enabled || next.generation != found.client.generation {
                        self.verifier.take_back(TakesBack::Client(next.key()));
                    }
                    return Ok(Some(next));
                }
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
        Ok(next.await?.and_then(|client| self.secret_of(&client, spelling.secret).map(|secret| (client, secret))))
    }

    /// Deletes a client that was made here: nothing that was issued to it opens anything from the
    /// answer on. `None`: there is no such client, or the configuration declares it.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Contended`].
    pub async fn delete_client(&self, dialect: &str, id: &ClientId, owner: Option<UserId>) -> Result<Option<Client>, Error> {
        for _ in 0..MAX_TRIES {
            let Some(Found { client, expect }) = self.found(dialect, id, owner).await? else { return Ok(None) };
            if client.origin == Origin::Declared {
                return Ok(None);
            }
            let mut changes = vec![Change::Delete { key: Key::Client(client.key()), expect }];
            changes.extend(listed(&client, self.clock.now()));
            if let Some(owner) = client.owner {
                let (expect, mut owned) = self.owned(owner).await?;
                owned.retain(|(dialect, id)| (dialect, id) != (&client.dialect, &client.id));
                changes.push(Change::Put { key: Key::Owned(owner), expect, record: Record::Owned(Owned(owned)), until: None });
            }
            let outcome = self.store.commit(changes).await;
            if !matches!(outcome, Err(CommitError::Conflict)) {
                // Also where nobody knows whether it is gone: who says it again may find no client.
                self.verifier.take_back(TakesBack::Client(client.key()));
            }
            match outcome {
                Ok(()) => return Ok(Some(client)),
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

    async fn found(&self, dialect: &str, id: &ClientId, owner: Option<UserId>) -> Result<Option<Found>, Unavailable> {
        let found = self.clients.find_by(ClientKey::of(dialect, id)).await?;
        Ok(found.filter(|found| owner.is_none() || found.client.owner == owner))
    }

    async fn owned(&self, user: UserId) -> Result<(Expect, Vec<(String, ClientId)>), Unavailable> {
        Ok(match self.store.owned(user).await? {
            Some(owned) => (Expect::Version(owned.version), owned.record.0),
            None => (Expect::Absent, Vec::new()),
        })
    }

    fn secret_of(&self, client: &Client, prefix: &str) -> Option<SecretString> {
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
