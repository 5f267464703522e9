//! Those who let somebody in and take it back, again and again.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rand::{RngExt, seq::IndexedRandom};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{
    client::Silence,
    gateway::Gateway,
    ledger::{Attempt, Held},
    setup::GATEWAYS,
    stand::Stand,
    ways::{Actor, Issued, Way},
};

/// Before somebody tries again.
const AGAIN: Duration = Duration::from_millis(150);
/// Nobody tries for longer.
const PATIENCE: Duration = Duration::from_secs(90);
/// For so long all replicas are shown a new token before it is taken back.
const SHOWN: Duration = Duration::from_millis(300);

/// Goes on until it is dropped. A key signs for all, so the first alone takes keys back.
pub(crate) async fn revoke(stand: Arc<Stand>, number: usize) {
    let mut ways = vec![Way::Grant, Way::Grant, Way::Command, Way::Logout, Way::Logout, Way::Revocation, Way::User, Way::Client];
    if number == 0 {
        ways.extend([Way::Key; 2]);
    }
    let mut actor = Actor::new(stand, number);
    loop {
        let way = *ways.choose(&mut rand::rng()).expect("there are some");
        match actor.issue(way).await {
            Some(issued) => actor.round(way, &issued).await,
            None => sleep(AGAIN).await,
        }
    }
}

/// What somebody insists on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Deed {
    TakeBack,
    Disable,
    Enable,
}

impl Actor {
    /// Takes back what was issued; who stands behind it may be stopped for a time before.
    async fn round(&self, way: Way, issued: &Issued) {
        self.show(&issued.held, SHOWN).await;
        if matches!(way, Way::User | Way::Client) && rand::random() {
            self.stop_for_a_time(way, issued).await;
        }
        let ledger = &self.stand.ledger;
        ledger.withdrawing(&issued.held);
        if self.insist(Deed::TakeBack, way, issued).await {
            ledger.withdrawn(&issued.held);
            self.show(&issued.held, Duration::ZERO).await;
        }
    }

    async fn stop_for_a_time(&self, way: Way, issued: &Issued) {
        let ledger = &self.stand.ledger;
        ledger.withdrawing(&issued.held);
        if self.insist(Deed::Disable, way, issued).await {
            ledger.withdrawn(&issued.held);
            self.show(&issued.held, SHOWN).await;
        }
        ledger.restoring(&issued.held);
        if self.insist(Deed::Enable, way, issued).await {
            ledger.restored(&issued.held);
        }
        self.show(&issued.held, SHOWN).await;
    }

    /// Does something until it succeeds. False where it is refused, or nobody has the patience any more.
    async fn insist(&self, deed: Deed, way: Way, issued: &Issued) -> bool {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let sent = Instant::now();
            let at = rand::rng().random_range(0..GATEWAYS);
            let answer = self.attempt(deed, way, issued, &self.stand.gateways[at]).await;
            let attempt = match answer {
                Ok(200) => Attempt::Done { at, took: sent.elapsed() },
                Ok(503) | Err(_) => Attempt::Failed,
                Ok(status) => Attempt::Refused(status),
            };
            if deed != Deed::Enable {
                self.stand.ledger.attempted(attempt);
            }
            if !matches!(attempt, Attempt::Failed) {
                return matches!(attempt, Attempt::Done { .. });
            }
            sleep(AGAIN).await;
        }
        false
    }

    /// The status that it is answered with.
    async fn attempt(&self, deed: Deed, way: Way, issued: &Issued, at: &Gateway) -> Result<u16, Silence> {
        match deed {
            Deed::TakeBack => self.take_back(way, issued, at).await,
            Deed::Disable => self.switch(way, "disable", at).await,
            Deed::Enable => self.switch(way, "enable", at).await,
        }
    }

    /// Shows tokens to all replicas on connections of their own, and waits for the answers, but not for long.
    async fn show(&self, held: &[Held], patience: Duration) {
        let mut calls = JoinSet::new();
        for (replica, held) in (0..GATEWAYS).flat_map(|replica| held.iter().map(move |held| (replica, held.clone()))) {
            let stand = Arc::clone(&self.stand);
            calls.spawn(async move { stand.call(replica, &held, &mut None).await });
        }
        let _all = timeout(patience, async { while calls.join_next().await.is_some() {} }).await;
        // A replica that stands still answers later.
        calls.detach_all();
    }
}
