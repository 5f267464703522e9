//! The store has another history than the one that this replica knew: a fail-over or a restart has lost commits.
//! What was final among those that were applied here lately is put back.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{sync::mpsc, task::JoinSet, time::sleep};

use super::{Engine, Error, KeysError};
use crate::oauth::{
    grant::{Grant, RevokedBecause},
    id::GrantId,
    refusal::{ErrorCode, Refusal},
    step::{Step, TakesBack},
};

const UNKNOWN: Refusal = Refusal::new(ErrorCode::InvalidGrant, "There is no such grant.");
/// So many things are put back at a time: what is new must not wait long, lest it is ended with the old.
const AT_A_TIME: usize = 32;
/// Where the store is away, it is tried so often.
const TRY_EVERY: Duration = Duration::from_secs(1);

impl Engine {
    /// Puts back what was applied here and may be lost, as often as that happens. Runs until nobody says so any
    /// more.
    pub async fn put_back(self: Arc<Self>, mut lost: mpsc::UnboundedReceiver<Vec<TakesBack>>) {
        while let Some(lost) = lost.recv().await {
            let mut work = JoinSet::new();
            for what in once_each(&lost) {
                if work.len() >= AT_A_TIME {
                    work.join_next().await;
                }
                let engine = Arc::clone(&self);
                work.spawn(async move { engine.put_back_until_done(what).await });
            }
            work.join_all().await;
        }
    }

    async fn put_back_until_done(&self, what: TakesBack) {
        loop {
            match self.put_back_one(what).await {
                Ok(true) => return tracing::warn!(?what, "it was taken back, and is again"),
                Ok(false) => return tracing::warn!(?what, "it was taken back; look whether it still is"),
                Err(error @ (Error::Unavailable(_) | Error::Contended)) => {
                    tracing::debug!(?what, %error, "it cannot be put back yet");
                    sleep(TRY_EVERY).await;
                }
                Err(error) => return tracing::error!(?what, %error, "it was taken back; take it back again"),
            }
        }
    }

    /// Whether it is taken back now.
    async fn put_back_one(&self, what: TakesBack) -> Result<bool, Error> {
        match what {
            TakesBack::Grant(id) => self.end_again(id, |grant, now| grant.revoke(RevokedBecause::Operator, now)).await,
            TakesBack::Issue(id, number) => self.end_again(id, |grant, _| grant.withdraw(number..=number)).await,
            TakesBack::Through(id, number) => self.end_again(id, |grant, _| grant.withdraw(0..=number)).await,
            TakesBack::UserBefore(id, generation) => {
                let Some(user) = self.user(id).await? else { return Ok(false) };
                let raised = self.change_user(&user.name, |user| user.generation = user.generation.max(generation)).await?;
                Ok(raised.is_some())
            }
            TakesBack::ClientBefore(key, generation) => {
                let Some(found) = self.clients.find_by(key).await? else { return Ok(false) };
                let (dialect, id) = (found.client.dialect, found.client.id);
                let raised =
                    self.change_client(&dialect, &id, None, |client| client.generation = client.generation.max(generation)).await?;
                Ok(raised.is_some())
            }
            TakesBack::Key(kid) => match self.revoke_key(kid).await {
                Ok(_) => Ok(true),
                Err(KeysError::Unavailable(unavailable)) => Err(unavailable.into()),
                Err(KeysError::Contended) => Err(Error::Contended),
                Err(error @ (KeysError::Refused(_) | KeysError::Unusable(_))) => {
                    tracing::warn!(%kid, %error, "a signing key cannot be revoked again");
                    Ok(false)
                }
            },
            // It may have been meant for a while only.
            TakesBack::User(_) | TakesBack::Client(_) => Ok(false),
        }
    }

    async fn end_again(&self, id: GrantId, rule: impl Fn(&Grant, Timestamp) -> Step<()>) -> Result<bool, Error> {
        match self.advance(id, UNKNOWN, |grant, _, now| rule(grant, now)).await {
            Ok(_) => Ok(true),
            // Then it was lost altogether.
            Err(Error::Refused(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Without what is said twice, and of generations the last alone.
fn once_each(lost: &[TakesBack]) -> Vec<TakesBack> {
    let is_said_later = |at: usize, what: &TakesBack| {
        lost[at + 1..].iter().any(|later| match (what, later) {
            (TakesBack::UserBefore(one, _), TakesBack::UserBefore(other, _)) => one == other,
            (TakesBack::ClientBefore(one, _), TakesBack::ClientBefore(other, _)) => one == other,
            (TakesBack::Through(one, _), TakesBack::Through(other, _)) => one == other,
            _ => what == later,
        })
    };
    lost.iter().enumerate().filter(|(at, what)| !is_said_later(*at, what)).map(|(_, what)| *what).collect()
}
