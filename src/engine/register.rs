//! Register: a client makes itself known (RFC 7591).

use std::net::IpAddr;

use secrecy::SecretString;

use super::{CreateClient, CreateClientError, Engine, Error};
use crate::{
    limit::{Action, Limited, Who},
    oauth::client::{Client, Origin},
    store::List,
};

/// So many clients that registered themselves there may be at a time: some 50 MB at the worst. Each is
/// gone after thirty days without use. A crowd with many addresses can fill this, and all that it keeps
/// others from is registering.
pub const MAX_REGISTERED_CLIENTS: usize = 10_000;
/// When somebody who finds no room may try again, in seconds: some of them go every day.
const FULL_RETRY_AFTER: u64 = 3600;

impl Engine {
    /// Makes a client that asks for it itself. It is [`Origin::Registered`], whatever `create` says,
    /// belongs to nobody, and nobody vouches for it.
    ///
    /// # Errors
    /// Limited by address, and where there are [`MAX_REGISTERED_CLIENTS`]; [`Error::Unavailable`],
    /// [`Error::Contended`].
    pub async fn register_client(&self, create: CreateClient, peer: IpAddr) -> Result<(Client, Option<SecretString>), Error> {
        self.limits.take(Action::Register, Who::peer(peer)).await?;
        if self.store.members(List::Registered).await?.len() >= MAX_REGISTERED_CLIENTS {
            if self.alarms.take(self.limits.name(&[b"register"])).is_ok() {
                tracing::warn!(
                    clients = MAX_REGISTERED_CLIENTS,
                    "no more clients can register themselves; delete some, or turn registration off"
                );
            }
            return Err(Limited { retry_after: FULL_RETRY_AFTER }.into());
        }
        let create = CreateClient { owner: None, origin: Origin::Registered, verified: false, resource_server: None, ..create };
        self.create_client(create).await.map_err(|error| match error {
            CreateClientError::Other(error) => error,
            // A client that belongs to nobody is none too many of anybody's.
            CreateClientError::TooMany => Error::Contended,
        })
    }
}
