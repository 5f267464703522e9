//! Tallies that all who use a store share, so that a limit is one limit however many replicas there
//! are.
//!
//! Each is counted by GCRA, the generic cell rate algorithm (ITU-T I.371): all of its `times` at once,
//! and from then on one more every `per / times`. The clock is the counter's own, since no two
//! replicas agree on the time.

mod memory;

use std::time::Duration;

use super::Answer;
use crate::config::limits::Rate;
pub use memory::MemoryCounter;

/// What is to be counted in one tally.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tally {
    /// Which tally. One name always comes with one rate.
    pub name: [u8; 16],
    /// How much of it is too much.
    pub rate: Rate,
    /// What is done to it.
    pub step: Step,
}

/// What is done to a tally.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Counts one more, unless that is one too many.
    Take,
    /// Counts so many that have happened already, whether they are too many or not.
    Settle(u32),
    /// Takes one back that was counted.
    GiveBack,
}

/// What became of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Counted {
    /// There was room: for the one that was to be taken, or, after the other steps, for one more.
    Admitted,
    /// There is none for so long.
    After(Duration),
}

/// Counts what replicas share.
pub trait Counter: Send + Sync + 'static {
    /// Takes these steps in their order, as of one moment: all of them, or none where a
    /// [`Step::Take`] is one too many. Answers each in its place.
    ///
    /// # Errors
    /// [`Unavailable`](super::Unavailable); the steps may have been taken or not.
    fn count(&self, tallies: Vec<Tally>) -> Answer<'_, Vec<Counted>>;
}
