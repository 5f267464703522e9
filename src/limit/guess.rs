//! A guess, from the moment it may be compared until it is known what it costs.

use tokio::sync::MutexGuard;

use super::{Action, Limits, Who};
use crate::clock::BootTime;

/// A guess that may be compared now. While it is held, nobody else's guess in this row runs that
/// has a key in common with it: it must not be held across anything that a caller can draw out.
///
/// It counts as a wrong one unless it is given back: whoever hangs up while it is compared has not
/// guessed for nothing.
#[must_use = "a guess costs its caller one, unless it is given back"]
pub struct Guess<'a> {
    limits: &'a Limits,
    action: Action,
    whos: Vec<Who>,
    /// When it was counted at all replicas, if it was.
    reserved: Option<BootTime>,
    _alone: Vec<MutexGuard<'a, ()>>,
}

impl<'a> Guess<'a> {
    pub(super) fn new(
        limits: &'a Limits,
        action: Action,
        whos: Vec<Who>,
        reserved: Option<BootTime>,
        alone: Vec<MutexGuard<'a, ()>>,
    ) -> Self {
        Self { limits, action, whos, reserved, _alone: alone }
    }

    /// It was wrong, and counts.
    pub fn wrong(self) {
        drop(self);
    }

    /// It was right, or was not compared, and counts nothing.
    pub async fn give_back(mut self) {
        let whos = std::mem::take(&mut self.whos);
        if let Some(at) = self.reserved {
            self.limits.give_back(self.action, &whos, at).await;
        }
    }
}

impl Drop for Guess<'_> {
    fn drop(&mut self) {
        for who in std::mem::take(&mut self.whos) {
            // Where there is no place for one more, there is none for the next guess either.
            let _ = self.limits.row(self.action).map(|row| row.take(who));
        }
    }
}
