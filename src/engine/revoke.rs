//! Give back: an app says that it is done with a token (RFC 7009).

use super::{Engine, Error};
use crate::oauth::{
    client::Client,
    grant::{Grant, RevokedBecause},
    id::GrantId,
    refusal::{ErrorCode, Refusal},
    step::Step,
    token::{Kind, Presented},
};

const UNKNOWN: Refusal = Refusal::new(ErrorCode::InvalidGrant, "The token is unknown.");
const NOT_YOURS: Refusal = Refusal::new(ErrorCode::UnauthorizedClient, "The token was issued to another client.");

impl Engine {
    /// Revokes a token: a refresh token with all of its grant, an access token alone. Tells which
    /// grant it was of; `None` for a token that is none of ours, which is no error (RFC 7009 section
    /// 2.2).
    ///
    /// # Errors
    /// `unauthorized_client` for another client's token, which stays; [`Error::Unavailable`]: then it
    /// may still be good.
    pub async fn revoke_token(&self, client: &Client, token: &str) -> Result<Option<GrantId>, Error> {
        let (id, revoked) = if let Some(refresh) = Presented::read(&self.keyring, Kind::Refresh, token) {
            let rule = |grant: &Grant, _, now| match refresh.prove(&self.keyring, &grant.salt) {
                Some(_) => of(client, grant, || grant.revoke(RevokedBecause::Logout, now)),
                None => Step::unchanged(Err(UNKNOWN)),
            };
            (refresh.grant(), self.advance(refresh.grant(), UNKNOWN, rule).await)
        } else if let Some(access) = self.verifier.read(token) {
            let rule = |grant: &Grant, _, now| match access.prove(&self.keyring, &grant.salt) {
                Some(proof) => of(client, grant, || grant.revoke_access(proof, now)),
                None => Step::unchanged(Err(UNKNOWN)),
            };
            (access.grant(), self.advance(access.grant(), UNKNOWN, rule).await)
        } else {
            return Ok(None);
        };
        match revoked {
            Ok((grant, ())) => Ok(Some(grant.id)),
            Err(Error::Refused(refusal)) if refusal.code == ErrorCode::InvalidGrant => {
                self.forget_unknown(id).await?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// Only its own: what another dialect made is unknown, and what another client has is not for this
/// one to end.
fn of(client: &Client, grant: &Grant, rule: impl FnOnce() -> Step<()>) -> Step<()> {
    if grant.dialect != client.dialect {
        Step::unchanged(Err(UNKNOWN))
    } else if grant.client != client.id {
        Step::unchanged(Err(NOT_YOURS))
    } else {
        rule()
    }
}
