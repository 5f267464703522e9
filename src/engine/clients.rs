//! Who a client is.

use std::net::IpAddr;

use secrecy::SecretString;

use super::Engine;
use crate::{
    limit::{Action, Limited, Who},
    oauth::{client::Client, refusal::Refusal},
};

impl Engine {
    /// Checks the secret that a client presents. Wrong ones are counted by address and client (RFC
    /// 6749 section 2.3.1 has them limited): a program with an old secret does not keep others out.
    ///
    /// # Errors
    /// Limited after too many; within, `invalid_client`.
    pub async fn authenticate_client(
        &self,
        client: &Client,
        presented: Option<&SecretString>,
        peer: IpAddr,
    ) -> Result<Result<(), Refusal>, Limited> {
        if client.secret.is_none() || presented.is_none() {
            return Ok(client.authenticate(presented));
        }
        let who = self.limits.name(&(Who::peer(peer), client.dialect, client.id.as_str()));
        let guess = self.limits.guess(Action::GuessClientSecret, who).await?;
        let proved = client.authenticate(presented);
        if proved.is_err() {
            guess.wrong();
        }
        Ok(proved)
    }
}
