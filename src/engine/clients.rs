//! Who a client is.

use std::net::IpAddr;

use aws_lc_rs::constant_time;
use secrecy::{ExposeSecret, SecretString};

use super::{Engine, Error};
use crate::{
    limit::{Action, Who},
    oauth::{
        client::{Authentication, Client, ClientKey, UNKNOWN},
        id::ClientId,
        token::{Kind, Presented},
    },
};

impl Engine {
    /// The client of this dialect with this id, if it is enabled.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn client(&self, dialect: &str, id: &ClientId) -> Result<Option<Client>, Error> {
        match self.clients.find(dialect, id).await {
            Ok(found) => Ok(found.map(|found| found.client).filter(|client| client.enabled)),
            // Whatever it asks for will need the store, and some of it may wait for the store.
            Err(unavailable) => match self.clients.declared(ClientKey::of(dialect, id)) {
                Some(declared) => Ok(Some(declared.client.clone())),
                None => Err(unavailable.into()),
            },
        }
    }

    /// Checks the secret that a client presents. Wrong ones are counted by address and client (RFC
    /// 6749 section 2.3.1 has them limited): a program with an old secret does not keep others out.
    ///
    /// # Errors
    /// `invalid_client` where a secret is missing, wrong, or was not to be sent; limited after too
    /// many wrong ones.
    pub async fn authenticate_client(&self, client: &Client, presented: Option<&SecretString>, peer: IpAddr) -> Result<(), Error> {
        let presented = match (client.is_public(), presented) {
            (true, None) => return Ok(()),
            (false, Some(presented)) => presented,
            (true, Some(_)) | (false, None) => return Err(UNKNOWN.into()),
        };
        let who = self.limits.name(&[&Who::peer(peer).label(), client.dialect.as_bytes(), client.id.as_str().as_bytes()]);
        let guess = self.limits.guess(Action::GuessClientSecret, who).await?;
        if self.proves(client, presented) {
            guess.give_back().await;
            return Ok(());
        }
        guess.wrong();
        Err(UNKNOWN.into())
    }

    fn proves(&self, client: &Client, presented: &SecretString) -> bool {
        match &client.authentication {
            Authentication::Public => false,
            Authentication::Declared => {
                let declared = self.clients.declared(client.key()).and_then(|declared| declared.secret.as_ref());
                declared.is_some_and(|secret| {
                    constant_time::verify_slices_are_equal(secret.expose_secret().as_bytes(), presented.expose_secret().as_bytes()).is_ok()
                })
            }
            Authentication::Issued { salt, number, .. } => {
                let presented = Presented::read(&self.keyring, Kind::ClientSecret, presented.expose_secret());
                let presented = presented.filter(|presented| presented.client() == client.key());
                presented.and_then(|presented| presented.prove(&self.keyring, salt)).is_some_and(|proof| proof.number() == *number)
            }
        }
    }
}
