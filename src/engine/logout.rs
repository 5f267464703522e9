//! Give back: an app ends its own access.

use super::{Engine, Error};
use crate::oauth::{
    grant::RevokedBecause,
    id::GrantId,
    refusal::{ErrorCode, Refusal},
    step::Step,
    token::{Kind, Presented},
};

/// What a logout did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LoggedOut {
    /// The grant that ended, or had ended before; `None` where the token was none of ours.
    pub grant: Option<GrantId>,
}

const UNKNOWN: Refusal = Refusal::new(ErrorCode::InvalidGrant, "The token is unknown.");

impl Engine {
    /// Ends the grant of a token. An expired token that we made ends its grant too: whoever holds
    /// it wants to be rid of it. A token that is unknown ends nothing and is no error.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: then the grant may still be alive.
    pub async fn logout(&self, dialect: &str, kind: Kind, token: &str) -> Result<LoggedOut, Error> {
        let Some(token) = Presented::read(&self.keyring, kind, token) else { return Ok(LoggedOut { grant: None }) };
        let ended = self.advance(token.grant(), UNKNOWN, |grant, _, now| match token.prove(&self.keyring, &grant.salt) {
            Some(_) if grant.dialect == dialect => grant.revoke(RevokedBecause::Logout, now),
            Some(_) | None => Step::unchanged(Err(UNKNOWN)),
        });
        match ended.await {
            Ok((grant, ())) => Ok(LoggedOut { grant: Some(grant.id) }),
            Err(Error::Refused(_)) => {
                self.forget_unknown(token.grant()).await?;
                Ok(LoggedOut { grant: None })
            }
            Err(error) => Err(error),
        }
    }
}
