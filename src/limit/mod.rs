//! How often somebody may do something. One table, a row an action ([`crate::config::limits`]);
//! each row counts with governor's GCRA, so a caller who used up his burst gets one more at a time.
//!
//! Some actions count every call ([`Limits::take`]). Guesses count only where they are wrong
//! ([`Limits::guess`]): right answers are refused too once the wrong ones are used up, and guesses
//! of one caller are compared one after the other, so that a thousand at once are no more than a
//! thousand in a row.
//!
//! Rows that are shared ([`Row::is_shared`]) are counted a second time in the store that replicas have
//! in common, once this process's own count has let the call through. There a guess is counted
//! before it is compared, and given back where it was right: replicas together compare no more wrong
//! ones than the limit says. Where no answer comes in time, this process's count decides alone.

mod guess;
mod limiter;
mod places;
mod route;
mod shared;
#[cfg(test)]
mod tests;
mod who;

use std::{num::NonZeroU32, sync::Arc, time::Duration};

pub use crate::config::limits::Action;
use crate::{
    clock::{BootTime, Clock},
    config::limits::{ROWS, Rate, Rates, Row},
    oauth::secret::Keyring,
    store::{
        Counter,
        counter::{Counted, Step, Tally},
    },
};
pub use guess::Guess;
pub use limiter::Limiter;
pub use route::{RouteLimiter, SETTLE_EVERY};
use shared::Shared;
pub use who::Who;

/// Too often.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Limited {
    /// Whole seconds until it is worth trying again, at least 1: `Retry-After`.
    pub retry_after: u64,
}

impl Limited {
    /// For so long.
    fn after(left: Duration) -> Self {
        Self { retry_after: left.as_secs() + u64::from(left.subsec_nanos() > 0) }
    }
}

/// The counters of this process, and its share in those of all replicas.
pub struct Limits {
    /// In the table's order; `None` where there is no limit.
    rows: [Option<Limiter>; ROWS.len()],
    rates: Rates,
    shared: Option<Shared>,
    keyring: Arc<Keyring>,
    clock: Clock,
}

impl Limits {
    /// All of the table's rows, at zero here; `counter` counts for all replicas, where there are any.
    pub fn new(rates: &Rates, counter: Option<Arc<dyn Counter>>, keyring: Arc<Keyring>, clock: &Clock) -> Self {
        let row = |row: Row| rates.of(row.action).map(|rate| Limiter::new(rate.times, rate.per, clock.clone()));
        let shared = counter.map(|counter| Shared::new(counter, clock.clone()));
        Self { rows: ROWS.map(row), rates: rates.clone(), shared, keyring, clock: clock.clone() }
    }

    /// Counts one more.
    ///
    /// # Errors
    /// [`Limited`] where that is one too many.
    pub async fn take(&self, action: Action, who: Who) -> Result<(), Limited> {
        // Whoever other replicas have refused is not asked about again.
        self.look(action, who)?;
        self.take_here(action, who)?;
        self.reserve(action, &[who]).await.map(|_reserved| ())
    }

    /// Counts one more, in this process alone.
    ///
    /// # Errors
    /// [`Limited`] where that is one too many; it is not counted then.
    pub fn take_here(&self, action: Action, who: Who) -> Result<(), Limited> {
        self.row(action).map_or(Ok(()), |row| row.take(who))
    }

    /// Whether one more would be counted, as far as this process knows.
    ///
    /// # Errors
    /// [`Limited`] where it would be one too many.
    pub fn look(&self, action: Action, who: Who) -> Result<(), Limited> {
        self.row(action).map_or(Ok(()), |row| row.look(who))
    }

    /// Waits until a guess may be compared. Where guesses are counted in several rows, ask for them
    /// in the table's order: then nobody waits for somebody who waits for him.
    ///
    /// # Errors
    /// [`Limited`] where there were too many wrong ones.
    pub async fn guess(&self, action: Action, who: Who) -> Result<Guess<'_>, Limited> {
        self.guess_of_all(action, vec![who]).await
    }

    /// The same for a guess that counts for each of these.
    ///
    /// # Errors
    /// [`Limited`] where there were too many wrong ones of any of them.
    pub async fn guess_of_all(&self, action: Action, whos: Vec<Who>) -> Result<Guess<'_>, Limited> {
        let look = || whos.iter().try_for_each(|who| self.look(action, *who));
        // Who is refused anyway makes nobody wait behind him.
        look()?;
        let alone = match self.row(action) {
            Some(row) => row.alone(&whos).await,
            None => Vec::new(),
        };
        look()?;
        let reserved = self.reserve(action, &whos).await?;
        Ok(Guess::new(self, action, whos, reserved, alone))
    }

    /// Counts one more at all replicas, where the row is shared and the counter answers: when.
    async fn reserve(&self, action: Action, whos: &[Who]) -> Result<Option<BootTime>, Limited> {
        let Some((shared, row)) = self.shared(action).zip(self.row(action)) else { return Ok(None) };
        let at = self.clock.boot_now();
        let Some(counted) = shared.count(self.tallies(action, whos, Step::Take)).await else { return Ok(None) };
        let mut longest = None;
        for (who, counted) in whos.iter().zip(counted) {
            if let Counted::After(left) = counted {
                row.refuse(*who, left);
                longest = longest.max(Some(left));
            }
        }
        longest.map_or(Ok(Some(at)), |left| Err(Limited::after(left)))
    }

    /// Takes back what [`Limits::reserve`] counted then.
    async fn give_back(&self, action: Action, whos: &[Who], at: BootTime) {
        let (Some(shared), Some(rate)) = (self.shared(action), self.rates.of(action)) else { return };
        // By then it has come back by itself, and this would be somebody else's.
        let is_back = self.clock.boot_now() >= at + rate.per / rate.times.get();
        if !is_back {
            // Where this is not counted, he has one guess less for a while.
            let _ = shared.count(self.tallies(action, whos, Step::GiveBack)).await;
        }
    }

    /// How long somebody waits for his turn in a queue that all replicas share, in which there is a turn
    /// every `pace`; not at all where they do not count together now.
    ///
    /// # Errors
    /// [`Limited`] where that is longer than `most`; he does not stand in the queue then.
    pub async fn queue(&self, what: &str, who: Who, pace: Duration, most: Duration) -> Result<Duration, Limited> {
        let Some(shared) = &self.shared else { return Ok(Duration::ZERO) };
        let rate = Rate { times: NonZeroU32::MIN, per: pace };
        let tally = |step| vec![Tally { name: self.tally(what, rate, who), rate, step }];
        let wait = match shared.count(tally(Step::Settle(1))).await.as_deref() {
            // So long for whoever comes next.
            Some([Counted::After(left)]) => left.saturating_sub(pace),
            Some(_) | None => Duration::ZERO,
        };
        if wait > most {
            // Where this is not counted, a turn is nobody's.
            let _ = shared.count(tally(Step::GiveBack)).await;
            return Err(Limited::after(most));
        }
        Ok(wait)
    }

    /// The key of something that these parts name. It says nothing about them, has one size, is the
    /// same on all replicas, and nobody can choose names that share it.
    pub fn name(&self, parts: &[&[u8]]) -> Who {
        Who::Name(self.keyring.count_name(parts))
    }

    /// Forgets those who have been quiet for long enough. To be called now and then.
    pub fn sweep(&self) {
        for row in self.rows.iter().flatten() {
            row.sweep();
        }
    }

    fn tallies(&self, action: Action, whos: &[Who], step: Step) -> Vec<Tally> {
        let Some(rate) = self.rates.of(action) else { return Vec::new() };
        let name = ROWS[action as usize].name;
        whos.iter().map(|who| Tally { name: self.tally(name, rate, *who), rate, step }).collect()
    }

    /// Where all replicas count this. A limit that was changed begins anew.
    fn tally(&self, what: &str, rate: Rate, who: Who) -> [u8; 16] {
        let (times, per) = (rate.times.get().to_be_bytes(), rate.per.as_micros().to_be_bytes());
        self.keyring.count_name(&[what.as_bytes(), &times, &per, &who.label()])
    }

    fn shared(&self, action: Action) -> Option<&Shared> {
        self.shared.as_ref().filter(|_| ROWS[action as usize].is_shared())
    }

    const fn row(&self, action: Action) -> Option<&Limiter> {
        self.rows[action as usize].as_ref()
    }
}
