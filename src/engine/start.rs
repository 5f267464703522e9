//! Ask: a device wants access (RFC 8628 section 3.1).

use std::time::Duration;

use secrecy::SecretString;

use super::{Engine, Error, Style, ask::Request};
use crate::{
    oauth::{
        audience::Audience,
        client::{Client, GrantType},
        code::UserCode,
        grant::{Channel, Requester},
        id::GrantId,
        scope::Scopes,
        token::{self, Kind},
    },
    store::{CommitError, Key},
};

/// A user code that is taken is drawn anew so often; with 34 bits, once is rare.
const MAX_DRAWS: usize = 8;

/// What a device asks for.
pub struct Start<'a> {
    /// How the dialect spells it.
    pub style: &'a Style,
    /// Before a device code.
    pub prefix: &'static str,
    /// The client that asks, authenticated where it can.
    pub client: &'a Client,
    /// What it wants; `None` for all that it may have.
    pub scopes: Option<Scopes>,
    /// For which resources.
    pub audience: Audience,
    /// What it says of itself.
    pub requester: Requester,
    /// How the answer reaches the device.
    pub channel: Channel,
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
    /// `invalid_scope` where nothing is left of what is wanted; `unauthorized_client`; limited by
    /// address.
    pub async fn start(&self, start: Start<'_>) -> Result<Started, Error> {
        let Start { style, prefix, client, scopes, audience, requester, channel, life } = start;
        client.may(GrantType::DeviceCode)?;
        let (grant, expires) = self.pending(Request { style, client, scopes, audience, requester, channel, life }).await?;
        let minted = token::mint(&self.keyring, grant.root, prefix, Kind::DeviceCode, grant.id.as_bytes(), 0, &grant.salt);
        let device_code = minted.ok_or(Error::Contended)?;
        for _ in 0..MAX_DRAWS {
            let Some(user_code) = UserCode::from_random(random_bytes()) else { continue };
            let Some(name) = self.keyring.lookups(user_code.as_bytes()).next() else { continue };
            match self.begin(&grant, Key::UserCode(name), expires).await {
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
