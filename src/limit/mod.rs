//! How often somebody may do something. One table, a row an action ([`crate::config::limits`]);
//! each row counts with governor's GCRA, so a caller who used up his burst gets one more at a time.
//!
//! Some actions count every call ([`Limits::take`]). Guesses count only where they are wrong
//! ([`Limits::guess`]): right answers are refused too once the wrong ones are used up, and guesses
//! of one caller are compared one after the other, so that a thousand at once are no more than a
//! thousand in a row.

mod limiter;
mod places;
#[cfg(test)]
mod tests;
mod who;

use std::hash::{BuildHasher, Hash, RandomState};

use tokio::sync::MutexGuard;

pub use crate::config::limits::Action;
use crate::{
    clock::Clock,
    config::limits::{ROWS, Rates},
};
pub use limiter::Limiter;
pub use who::Who;

/// Too often.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limited {
    /// Whole seconds until it is worth trying again, at least 1: `Retry-After`.
    pub retry_after: u64,
}

/// The counters of this process.
pub struct Limits {
    /// In the table's order; `None` where there is no limit.
    rows: [Option<Limiter>; ROWS.len()],
    hasher: RandomState,
}

/// A guess that may be compared now. While it is held, nobody else's guess in this row runs that
/// has a key in common with it: it must not be held across anything that a caller can draw out.
#[must_use = "a wrong guess counts only if it is said to be wrong"]
pub struct Guess<'a> {
    row: Option<&'a Limiter>,
    whos: Vec<Who>,
    _alone: Vec<MutexGuard<'a, ()>>,
}

impl Guess<'_> {
    /// It was wrong, and counts.
    pub fn wrong(self) {
        for who in self.whos {
            // Where there is no place for one more, there is none for the next guess either.
            let _ = self.row.map(|row| row.take(who));
        }
    }
}

impl Limits {
    /// All of the table's rows, at zero.
    pub fn new(rates: &Rates, clock: &Clock) -> Self {
        let row = |row: crate::config::limits::Row| rates.of(row.action).map(|rate| Limiter::new(rate.times, rate.per, clock.clone()));
        Self { rows: ROWS.map(row), hasher: RandomState::new() }
    }

    /// Counts one more.
    ///
    /// # Errors
    /// [`Limited`] where that is one too many; it is not counted then.
    pub fn take(&self, action: Action, who: Who) -> Result<(), Limited> {
        self.row(action).map_or(Ok(()), |row| row.take(who))
    }

    /// Whether one more would be counted.
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
        let row = self.row(action);
        let alone = match row {
            Some(row) => row.alone(&whos).await,
            None => Vec::new(),
        };
        look()?;
        Ok(Guess { row, whos, _alone: alone })
    }

    /// The key of something that somebody named. It says nothing about the name, has one size, and
    /// nobody can choose names that share it.
    pub fn name(&self, named: &(impl Hash + ?Sized)) -> Who {
        Who::Name(self.hasher.hash_one(named))
    }

    /// Forgets those who have been quiet for long enough. To be called now and then.
    pub fn sweep(&self) {
        for row in self.rows.iter().flatten() {
            row.sweep();
        }
    }

    const fn row(&self, action: Action) -> Option<&Limiter> {
        self.rows[action as usize].as_ref()
    }
}
