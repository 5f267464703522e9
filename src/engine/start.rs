//! Ask: a device wants access (RFC 8628 section 3.1).

use std::time::Duration;

use secrecy::SecretString;

use super::{Engine, Error, Style};
use crate::{
    limit::{Action, Who},
    oauth::{
        client::Client,
        code::UserCode,
        grant::{Grant, Requester, State, after},
        id::GrantId,
        refusal::{ErrorCode, Refusal},
        scope::Scopes,
        secret::Salt,
        token::{self, Kind},
    },
    store::{Change, CommitError, Expect, Key, Record},
};

/// A user code that is taken is drawn anew so often; with 34 bits, once is rare.
const MAX_DRAWS: usize = 8;

/// What a device asks for.
pub struct Start<'a> {
    /// How the dialect spells it.
    pub style: &'a Style,
    /// The client that asks, authenticated where it can.
    pub client: &'a Client,
    /// What it wants; `None` for all that it may have.
    pub scopes: Option<Scopes>,
    /// What it says of itself.
    pub requester: Requester,
    /// How long the codes live.
    pub life: Duration,
}

/// What a device gets (RFC 8628 section 3.2).
#[derive(Debug)]
pub struct Started {
    /// The grant.
    pub grant: GrantId,
    /// For the device alone.
    pub device_code: SecretString,
    /// For the user.
    pub user_code: UserCode,
}

impl Engine {
    /// Begins a grant.
    ///
    /// # Errors
    /// `invalid_scope` where nothing is left of what is wanted; limited by address.
    pub async fn start(&self, start: Start<'_>) -> Result<Started, Error> {
        const NOTHING: Refusal = Refusal::new(ErrorCode::InvalidScope, "The client may not ask for any of these scopes.");
        self.limits.take(Action::Start, Who::peer(start.requester.network))?;
        let requested = start.scopes.map_or_else(|| start.client.scopes.clone(), |wanted| wanted.narrowed_to(&start.client.scopes));
        if requested.is_empty() {
            return Err(NOTHING.into());
        }
        let now = self.clock.now();
        let expires = after(now, start.life);
        let grant = Grant {
            id: GrantId::from_random(rand::random()),
            dialect: start.style.dialect.to_owned(),
            client: start.client.id.clone(),
            requested,
            requester: start.requester,
            salt: Salt::from_random(rand::random()),
            root: self.keyring.minting(),
            created: now,
            state: State::Pending { expires },
        };
        let minted = token::mint(&self.keyring, grant.root, start.style.device_code, Kind::DeviceCode, grant.id.as_bytes(), 0, &grant.salt);
        let device_code = minted.ok_or(Error::Contended)?;
        for _ in 0..MAX_DRAWS {
            let Some(user_code) = UserCode::from_random(random_bytes()) else { continue };
            let Some(name) = self.keyring.lookups(&user_code).next() else { continue };
            let pointer =
                Change::Put { key: Key::UserCode(name), expect: Expect::Absent, record: Record::ToGrant(grant.id), until: Some(expires) };
            let record = Change::Put {
                key: Key::Grant(grant.id),
                expect: Expect::Absent,
                record: Record::Grant(Box::new(grant.clone())),
                until: Some(grant.keep_until()),
            };
            match self.store.commit(vec![pointer, record]).await {
                Ok(()) => return Ok(Started { grant: grant.id, device_code, user_code }),
                Err(CommitError::Conflict) => {}
                Err(CommitError::Unavailable(unavailable)) => return Err(unavailable.into()),
            }
        }
        Err(Error::Contended)
    }
}

fn random_bytes() -> [u8; 64] {
    let mut bytes = [0; 64];
    rand::fill(&mut bytes);
    bytes
}
