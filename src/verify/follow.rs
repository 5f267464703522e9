//! A replica keeps its lease, and applies what others took back (docs/revocation.md, RENEW).

use std::{
    collections::VecDeque,
    sync::{MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};

use super::{Place, Verifier, lease::granted};
use crate::{
    clock::BootTime,
    oauth::step::TakesBack,
    store::{News, Position, Renewal, Replicas, Unavailable},
};

/// What was applied is remembered for so long, to be put back where the store has lost it.
const REMEMBER: Duration = Duration::from_secs(10 * 60);
/// And no more than that.
const MOST_REMEMBERED: usize = 10_000;

/// What a round of renewal came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Round {
    /// The lease goes on.
    Leased,
    /// There is more to hear: the next round is due at once.
    More,
    /// Too few of the server's replicas confirmed it.
    Unconfirmed,
    /// The store has another history: this was applied here, and may be lost there.
    OtherHistory(Vec<TakesBack>),
}

/// What was applied lately.
#[derive(Default)]
pub(super) struct Lately(VecDeque<(BootTime, TakesBack)>);

impl Lately {
    fn note(&mut self, what: TakesBack, now: BootTime) {
        while self.0.len() >= MOST_REMEMBERED || self.0.front().is_some_and(|(at, _)| now.saturating_sub(*at) > REMEMBER) {
            self.0.pop_front();
        }
        self.0.push_back((now, what));
    }

    fn all(&self) -> Vec<TakesBack> {
        self.0.iter().map(|(_, what)| *what).collect()
    }
}

impl Verifier {
    /// One round: says how far the feed is applied here, applies what came after, and has a lease from it. To be
    /// called by one task alone.
    ///
    /// # Errors
    /// [`Unavailable`]; the lease stays what it was.
    pub async fn renew(&self, replicas: &dyn Replicas, serve_known: Duration) -> Result<Round, Unavailable> {
        let round = self.round(replicas, serve_known).await;
        self.counts.note(&round);
        self.is_cut_off.store(!matches!(round, Ok(Round::Leased | Round::More)), Ordering::Relaxed);
        round
    }

    async fn round(&self, replicas: &dyn Replicas, serve_known: Duration) -> Result<Round, Unavailable> {
        // Before it is sent: however long the answer takes, the lease is no longer for it.
        let sent = self.clock.boot_now();
        let Renewal { news, confirmed } = replicas.renew(self.applied(), serve_known).await?;
        match news {
            News::Since { entries, more } => {
                if let Some(last) = entries.last().map(|entry| entry.position) {
                    // First of all: a read that is begun from now on asks a store which has all of this.
                    self.place().applied = last;
                    for what in entries.into_iter().filter_map(|entry| entry.takes_back) {
                        self.apply(what);
                        self.lately().note(what, sent);
                    }
                }
                let applied = self.applied();
                let round = match (confirmed, more) {
                    (false, _) => Round::Unconfirmed,
                    (true, true) => Round::More,
                    (true, false) => {
                        self.lease.extend(granted(sent));
                        Round::Leased
                    }
                };
                let acknowledged = self.place().acknowledged;
                if acknowledged != applied {
                    replicas.acknowledge(applied).await?;
                    self.place().acknowledged = applied;
                }
                Ok(round)
            }
            // Whoever answered may not be the one that counts, and only he who does says what is history.
            News::Gap(_) | News::OtherHistory(_) if !confirmed => Ok(Round::Unconfirmed),
            News::Gap(end) => {
                self.begin_anew(end);
                Ok(Round::More)
            }
            News::OtherHistory(end) => {
                let is_first = self.applied() == Position::default();
                if !is_first {
                    self.place().begun_anew = Some(self.clock.boot_now());
                }
                self.begin_anew(end);
                if is_first { Ok(Round::More) } else { Ok(Round::OtherHistory(self.lately().all())) }
            }
        }
    }

    /// Nothing that was read is known any more, and every stream ends.
    fn begin_anew(&self, end: Position) {
        self.place().applied = end;
        self.known.remove_where(|_| true);
        self.streams.cut_all();
    }

    /// Up to where the feed is applied here.
    pub(super) fn applied(&self) -> Position {
        self.place().applied
    }

    /// When the store was last seen to have another history. Other replicas may have leases of the one before until
    /// that long after it.
    pub(super) fn begun_anew(&self) -> Option<BootTime> {
        self.place().begun_anew
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lately(&self) -> MutexGuard<'_, Lately> {
        self.lately.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
