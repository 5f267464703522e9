//! Personal tokens: what a user makes for his own scripts. Each is a grant that is born live,
//! without an app that asked, and everything that holds of tokens holds of it.

use std::{net::IpAddr, time::Duration};

use jiff::Timestamp;
use secrecy::SecretString;

use super::{
    Engine, Error,
    advance::{MAX_TRIES, links},
};
use crate::{
    oauth::{
        audience::Audience,
        claim::Claim,
        client::Client,
        grant::{App, Approval, Channel, Grant, Requester, State, Terms},
        id::{ClientId, GrantId},
        scope::{self, Scopes},
        secret::Salt,
        subject::PERSONAL,
        token::{self, Kind},
        user::User,
    },
    store::{Change, CommitError, Expect, Key, Loaded, Record},
};

/// So many personal tokens a user may have at a time.
pub const MAX_PERSONAL_TOKENS: usize = 50;
const PREFIX: &str = "gpp_";

/// The client on which all personal tokens rest: it stands for the user himself.
pub fn personal_client() -> Client {
    Client::declared(PERSONAL, ClientId::new(PERSONAL), "Personal token".to_owned(), Scopes::default())
}

/// A token to be made.
pub struct CreateToken {
    /// What its owner calls it.
    pub name: Claim,
    /// What it may do.
    pub scopes: Scopes,
    /// How long it lives.
    pub life: Duration,
    /// The address that asked for it.
    pub network: IpAddr,
}

/// A token as its owner's list shows it.
#[derive(Clone, Debug)]
pub struct PersonalToken {
    /// The grant.
    pub grant: GrantId,
    /// What its owner calls it.
    pub name: Option<Claim>,
    /// What it may do.
    pub scopes: Scopes,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
    /// When it last opened something.
    pub last_used: Option<Timestamp>,
}

/// Why a token was not made.
#[derive(Debug, thiserror::Error)]
pub enum CreateTokenError {
    /// There are [`MAX_PERSONAL_TOKENS`] already.
    #[error("the user has {MAX_PERSONAL_TOKENS} personal tokens already")]
    TooMany,
    /// All else.
    #[error(transparent)]
    Other(#[from] Error),
}

impl Engine {
    /// What a user may give a personal token: what he holds, and the gateway's own scopes.
    pub fn offered(user: &User) -> Scopes {
        user.scopes.iter().chain(scope::OWN).map(str::to_owned).collect()
    }

    /// Makes a token for a user. Its text is told here and never again.
    ///
    /// # Errors
    /// [`CreateTokenError`].
    pub async fn create_token(&self, user: &User, create: CreateToken) -> Result<(GrantId, SecretString), CreateTokenError> {
        let client = personal_client();
        let (root, now) = (self.keyring.minting(), self.clock.now());
        let scopes = create.scopes.narrowed_to(&Self::offered(user));
        let approval = Approval {
            user: Some(user.id),
            user_generation: user.generation,
            client_generation: client.generation,
            scopes: scopes.clone(),
            at: now,
            session: None,
            tenant: None,
        };
        let terms = Terms { access: create.life, refresh: None, root, key: None, lasting: None };
        let grant = Grant {
            id: GrantId::from_random(rand::random()),
            dialect: client.dialect,
            client: client.id,
            app: App { name: client.name, verified: true },
            requested: scopes,
            audience: Audience::default(),
            requester: Requester { app: None, device: Some(create.name), platform: None, network: create.network },
            channel: Channel::default(),
            salt: Salt::from_random(rand::random()),
            root,
            key: None,
            created: now,
            state: State::born_live(approval.clone(), Audience::default(), &terms, now),
        };
        let text = token::mint(&self.keyring, root, PREFIX, Kind::Access, grant.id.as_bytes(), 1, &grant.salt).ok_or(Error::Contended)?;
        for _ in 0..MAX_TRIES {
            let current = self.store.user(user.id).await.map_err(Error::from)?;
            // Whoever was disabled meanwhile makes nothing any more.
            let Some(Loaded { version, record }) =
                current.filter(|current| current.record.enabled && current.record.generation == user.generation)
            else {
                return Err(Error::Contended.into());
            };
            if self.personal_tokens(user).await?.len() >= MAX_PERSONAL_TOKENS {
                return Err(CreateTokenError::TooMany);
            }
            // The user is written as he is: of two tokens made at once one is counted by the other.
            let until = grant.keep_until();
            let mut changes = vec![
                Change::Put {
                    key: Key::User(user.id),
                    expect: Expect::Version(version),
                    record: Record::User(Box::new(record)),
                    until: None,
                },
                Change::Put {
                    key: Key::Grant(grant.id),
                    expect: Expect::Absent,
                    record: Record::Grant(Box::new(grant.clone())),
                    until: Some(until),
                },
            ];
            changes.extend(links(&grant, &approval, until));
            match self.store.commit(changes).await {
                Ok(()) => return Ok((grant.id, text)),
                Err(CommitError::Conflict) => {}
                Err(CommitError::Unavailable(unavailable)) => return Err(Error::from(unavailable).into()),
            }
        }
        Err(Error::Contended.into())
    }

    /// The tokens that a user has made and that still open something, the newest first.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn personal_tokens(&self, user: &User) -> Result<Vec<PersonalToken>, Error> {
        let live = self.live_grants(user).await?;
        let personal = live.into_iter().filter(|application| application.grant.dialect == PERSONAL);
        let token = |application: super::Application| PersonalToken {
            grant: application.grant.id,
            expires: application.grant.ends(),
            name: application.grant.requester.device,
            scopes: application.scopes,
            created: application.approved,
            last_used: application.last_used,
        };
        Ok(personal.map(token).collect())
    }
}
