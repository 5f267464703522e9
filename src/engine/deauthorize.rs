//! Take back, by app: a user ends whatever he let one app have (Serble).

use super::{
    Engine, Error,
    advance::{Advanced, heard},
};
use crate::oauth::{
    grant::{Grant, State},
    id::{ClientId, UserId},
    refusal::{ErrorCode, Refusal},
};

const NOT_AUTHORIZED: Refusal = Refusal::new(ErrorCode::TakenBack, "The user has not let this client in.");

impl Engine {
    /// Takes back every grant of this user to this client, those included whose code was not used yet.
    /// From the answer on nothing opens with them.
    ///
    /// # Errors
    /// [`ErrorCode::TakenBack`] where there is none; [`Error::Unavailable`], [`Error::Contended`]: then
    /// some may still be alive.
    pub async fn deauthorize(&self, user: UserId, dialect: &str, client: &ClientId) -> Result<(), Error> {
        let is_meant = |grant: &Grant| grant.dialect == dialect && grant.client == *client;
        let user = self.store.user(user).await?.ok_or(NOT_AUTHORIZED)?.record;
        let is_authorized = self.live_grants(&user).await?.iter().any(|application| is_meant(&application.grant));
        let mut last = None;
        for id in self.store.grants_of(user.id).await? {
            let Some(grant) = self.store.grant(id).await?.map(|grant| grant.record).filter(is_meant) else { continue };
            // Also what has ended: whoever ended it may have failed between writing so and doing so.
            if grant.approval().is_some() || matches!(grant.state, State::Revoked { .. }) {
                let Advanced { outcome, taken, .. } = self.revoke_own_unheard(id, user.id).await?;
                outcome?;
                last = taken.or(last);
            }
        }
        // Whoever knows of the last one knows of those before it.
        heard(last).await;
        if is_authorized { Ok(()) } else { Err(NOT_AUTHORIZED.into()) }
    }
}
