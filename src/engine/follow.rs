//! What other replicas did, as this one hears of it, and the lease that lets it answer.

use std::{pin::pin, time::Duration};

use tokio::{sync::mpsc, time::sleep};

use super::Engine;
use crate::{
    clock::BootTime,
    oauth::step::TakesBack,
    store::{Notice, Replicas},
    verify::{LEASE, Round},
};

/// How often the lease is renewed, whether there was a notice or not.
const RENEW_EVERY: Duration = Duration::from_millis(400);
/// After a round that failed nobody hurries.
const PAUSE: Duration = Duration::from_millis(50);

impl Engine {
    /// Hears of what happens in other processes that use the store, and does here what has to be done:
    /// held polls look again, streams end, new signing keys verify; and keeps the lease. Tokens that were known
    /// may be served so long without it. What the store may have lost goes to `lost`. Runs until it is dropped.
    pub async fn follow(&self, serve_known: Duration, lost: mpsc::UnboundedSender<Vec<TakesBack>>) {
        let mut notices = self.store.notices();
        let replicas = self.verifier.replicas();
        let mut standing = Standing::default();
        loop {
            if let Some(replicas) = replicas {
                self.keep_lease(replicas.as_ref(), serve_known, &mut standing, &lost).await;
            }
            let mut due = pin!(self.clock.sleep(RENEW_EVERY));
            loop {
                tokio::select! {
                    // However many there are of the others, they wait for no feed, and it for none of them.
                    notice = notices.next() => {
                        self.heed(notice).await;
                        if matches!(notice, Notice::Feed | Notice::Lost) {
                            break;
                        }
                    }
                    () = self.verifier.lease_wanted() => break,
                    () = &mut due => break,
                }
            }
        }
    }

    /// Renews until there is nothing more to hear, or it cannot.
    async fn keep_lease(
        &self,
        replicas: &dyn Replicas,
        serve_known: Duration,
        standing: &mut Standing,
        lost: &mpsc::UnboundedSender<Vec<TakesBack>>,
    ) {
        loop {
            match self.verifier.renew(replicas, serve_known).await {
                Ok(Round::Leased) => return standing.is_good(),
                Ok(Round::More) => {}
                Ok(Round::OtherHistory(applied)) => {
                    tracing::error!(
                        applied_lately = applied.len(),
                        "the store has another history: commits may be lost; what was read is forgotten, open streams end, and what was revoked lately is put back"
                    );
                    if lost.send(applied).is_err() {
                        tracing::error!("nobody puts back what was revoked lately");
                    }
                }
                Ok(Round::Unconfirmed) => {
                    if standing.fails("too few replicas of Redis confirm", self.clock.boot_now()) {
                        self.verifier.look_elsewhere("its replicas do not confirm");
                    }
                    return sleep(PAUSE).await;
                }
                Err(error) => {
                    standing.fails(&error.to_string(), self.clock.boot_now());
                    return sleep(PAUSE).await;
                }
            }
        }
    }

    async fn heed(&self, notice: Notice) {
        match notice {
            Notice::Grant(id) => self.holds.release(id),
            // What was taken back, the feed says; who has heard of it, whoever took it back asks.
            Notice::Feed | Notice::Heard => {}
            Notice::Keys => self.look_at_keys().await,
            Notice::Lost => {
                self.holds.release_all();
                self.look_at_keys().await;
            }
        }
    }

    async fn look_at_keys(&self) {
        if let Err(error) = self.verifier.look_at_keys().await {
            tracing::debug!(%error, "the signing keys could not be read");
        }
    }
}

/// How renewing goes, for the log.
#[derive(Default)]
struct Standing {
    failing_since: Option<BootTime>,
}

impl Standing {
    fn is_good(&mut self) {
        if self.failing_since.take().is_some() {
            tracing::info!("the lease is renewed again");
        }
    }

    /// Says whether that has been so for longer than a lease.
    fn fails(&mut self, reason: &str, now: BootTime) -> bool {
        if self.failing_since.is_none() {
            tracing::warn!(reason, "the lease cannot be renewed; once it is over, what needs a token is answered 503");
        }
        now.saturating_sub(*self.failing_since.get_or_insert(now)) > LEASE
    }
}
