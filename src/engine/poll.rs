//! Redeem, by polling: a device asks whether it has been let in (RFC 8628 section 3.4).
//!
//! The grant's state is decided first, however early the poll came; only a poll of a grant that is
//! still pending can be too fast. A poll that came in time waits a while for the decision, and is
//! answered in the moment it comes.

use std::{future::Future, net::IpAddr, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{Engine, Error, Style, Tokens};
use crate::{
    limit::{Action, Who},
    oauth::{
        client::Client,
        grant::{Caller, after},
        id::GrantId,
        pace::{self, Verdict},
        refusal::{ErrorCode, Refusal},
        token::{Kind, Presented},
    },
    store::{Soft, SoftKey, Unavailable},
};

/// How often a poll asks a store that does not answer, as long as it may be held.
const STORE_RETRY: Duration = Duration::from_millis(100);
/// How long past its hold a poll may wait for its turn to ask the store.
const LONGEST_TURN: Duration = Duration::from_secs(2);
/// Pace is forgotten a while after the slowest client would have come again.
const KEEP_PACE: Duration = Duration::from_secs(120);

/// One poll.
pub struct Poll<'a> {
    /// How the dialect spells it.
    pub style: &'a Style,
    /// The client that asks, authenticated where it can.
    pub client: &'a Client,
    /// What it shows.
    pub device_code: &'a str,
    /// How long it was told to wait between two polls.
    pub interval: Duration,
    /// How long the answer may wait for the decision.
    pub hold: Duration,
    /// From where.
    pub peer: IpAddr,
    /// Ends when the device has hung up.
    pub gone: &'a CancellationToken,
}

const UNKNOWN: Refusal = Refusal::new(ErrorCode::InvalidGrant, "The device code is unknown or was used already.");

impl Engine {
    /// Answers a poll.
    ///
    /// # Errors
    /// The words of RFC 8628 section 3.5; `invalid_grant` for a code that is unknown or used;
    /// limited beyond twenty polls a minute of a pending code.
    pub async fn poll(&self, poll: Poll<'_>) -> Result<Tokens, Error> {
        self.limits.take(Action::Redeem, Who::peer(poll.peer)).await?;
        let code = Presented::read(&self.keyring, Kind::DeviceCode, poll.device_code).ok_or(UNKNOWN)?;
        let pace = || self.keep_pace(code.grant(), poll.interval);
        self.once_decided(code.grant(), poll.hold, poll.gone, || self.redeem(&code, &poll), pace).await
    }

    /// Tries until the grant is decided, as long as a poll may be held. What a poll of a grant costs that
    /// is pending, `pace` takes once.
    pub(super) async fn once_decided<T, A, P>(
        &self,
        grant: GrantId,
        hold: Duration,
        gone: &CancellationToken,
        attempt: impl Fn() -> A,
        pace: impl FnOnce() -> P,
    ) -> Result<T, Error>
    where
        A: Future<Output = Result<T, Error>>,
        P: Future<Output = Result<(), Error>>,
    {
        let until = self.clock.boot_now() + hold;
        let mut pace = Some(pace);
        loop {
            // Before the state is read: a decision that falls in between is not missed.
            let hold = self.holds.enter(grant);
            let turn = tokio::select! {
                turn = self.holds.turn() => turn,
                () = self.clock.sleep_until(until + LONGEST_TURN) => return Err(Unavailable::because("too many polls ask the store").into()),
            };
            let attempted = attempt().await;
            drop(turn);
            let pending = match attempted {
                Err(Error::Refused(refusal)) if refusal.code == ErrorCode::AuthorizationPending => refusal,
                Err(Error::Unavailable(_)) if self.clock.boot_now() < until && !gone.is_cancelled() => {
                    self.clock.sleep(STORE_RETRY).await;
                    continue;
                }
                decided => return decided,
            };
            if let Some(pace) = pace.take() {
                match pace().await {
                    Ok(()) => {}
                    // Whoever is held until the store is back comes no faster than he should.
                    Err(Error::Unavailable(_)) if self.clock.boot_now() < until => {}
                    Err(error) => return Err(error),
                }
            }
            let Some(mut hold) = hold.filter(|_| self.clock.boot_now() < until) else { return Err(pending.into()) };
            let look_again = tokio::select! {
                happened = hold.happened() => happened,
                // Of a decision that was made elsewhere there may have been no notice.
                () = self.clock.sleep_until(until) => true,
                () = gone.cancelled() => false,
            };
            if !look_again {
                return Err(pending.into());
            }
        }
    }

    async fn redeem(&self, code: &Presented, poll: &Poll<'_>) -> Result<Tokens, Error> {
        let terms = self.terms(poll.style, poll.client)?;
        let caller = Caller { dialect: poll.style.dialect, client: &poll.client.id };
        let redeemed = self.advance(code.grant(), UNKNOWN, |grant, standing, now| match code.prove(&self.keyring, &grant.salt) {
            Some(proof) => grant.redeem(proof, caller, standing, &terms, now),
            None => crate::oauth::step::Step::unchanged(Err(UNKNOWN)),
        });
        let (grant, issue) = redeemed.await?;
        self.tokens(poll.style, &grant, &issue).await?.ok_or_else(|| UNKNOWN.into())
    }

    /// Judges and remembers when a poll of a pending grant came.
    async fn keep_pace(&self, grant: GrantId, interval: Duration) -> Result<(), Error> {
        self.limits.take(Action::Poll, Who::Grant(grant)).await?;
        let now = self.clock.now();
        let before = match self.store.soft_load(SoftKey::Pace(grant)).await? {
            Some(Soft::Pace(pace)) => Some(pace),
            Some(Soft::LastUsed(_)) | None => None,
        };
        let (pace, verdict) = pace::judge(before, interval, now);
        self.store.soft_save(vec![(SoftKey::Pace(grant), Soft::Pace(pace), after(now, KEEP_PACE))]).await?;
        match verdict {
            Verdict::InPace => Ok(()),
            Verdict::TooEarly(interval) => {
                const WORDS: &str = "Polling too fast. Wait five seconds longer between polls.";
                Err(Refusal::new(ErrorCode::SlowDown { interval }, WORDS).into())
            }
        }
    }
}
