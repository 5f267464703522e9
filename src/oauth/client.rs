//! Clients: the apps that ask (RFC 6749 section 2).

use aws_lc_rs::constant_time;
use secrecy::{ExposeSecret, SecretString};

use super::{
    id::ClientId,
    refusal::{ErrorCode, Refusal},
    scope::Scopes,
};

/// An app, as one dialect knows it.
#[derive(Clone, Debug)]
pub struct Client {
    /// `client_id`.
    pub id: ClientId,
    /// The dialect that made it, and to every other dialect it is unknown.
    pub dialect: &'static str,
    /// The name that people see.
    pub name: String,
    /// What it may ask for, and what it gets where it asks for nothing.
    pub scopes: Scopes,
    /// What it authenticates with; a public client has none (RFC 6749 section 2.1).
    pub secret: Option<SecretString>,
    /// Counts how often all of its access was taken back at once.
    pub generation: u64,
}

impl Client {
    /// Checks the secret that came with a request, in constant time.
    ///
    /// # Errors
    /// `invalid_client` where a secret is missing, wrong, or was not to be sent.
    pub fn authenticate(&self, presented: Option<&SecretString>) -> Result<(), Refusal> {
        let proved = match (&self.secret, presented) {
            (None, None) => true,
            (Some(secret), Some(presented)) => {
                constant_time::verify_slices_are_equal(secret.expose_secret().as_bytes(), presented.expose_secret().as_bytes()).is_ok()
            }
            (None, Some(_)) | (Some(_), None) => false,
        };
        if proved { Ok(()) } else { Err(UNKNOWN) }
    }
}

/// The one answer for a client that is unknown, disabled, or did not prove who it is.
pub const UNKNOWN: Refusal = Refusal::new(ErrorCode::InvalidClient, "The client is unknown or did not authenticate.");

/// The clients that the configuration declares.
#[derive(Clone, Default, Debug)]
pub struct Clients(Vec<Client>);

impl Clients {
    /// The client of this dialect with this id.
    pub fn get(&self, dialect: &str, id: &ClientId) -> Option<&Client> {
        self.0.iter().find(|client| client.dialect == dialect && client.id == *id)
    }
}

impl FromIterator<Client> for Clients {
    fn from_iter<I: IntoIterator<Item = Client>>(clients: I) -> Self {
        Self(clients.into_iter().collect())
    }
}
