//! Time, and what happens to the data.

use crate::bounds::Trouble;
use crate::mistakes::Mistake;
use crate::model::Protocol;
use crate::state::{LEASE, Phase, Revoker, State};

impl Protocol {
    pub(crate) fn tick(&self, state: &mut State, paused: Option<usize>) -> bool {
        // How far below zero a lease must be followed: only a clock that is wrong can tell the difference.
        let floor = if self.is(Mistake::StaleClock) || self.is(Mistake::ClockStops) { -1 } else { 0 };
        for (r, replica) in state.replicas.iter_mut().enumerate() {
            replica.lease = (replica.lease - 1).max(floor);
            if paused == Some(r) && replica.lease > -LEASE {
                replica.stood = (replica.stood + 1).min(1);
            }
            if let Some(round) = &mut replica.round {
                round.left = (round.left - 1).max(0);
            }
        }
        for revoker in &mut state.revokers {
            if let Revoker::Committed { waited, .. } | Revoker::Waiting { waited, .. } = revoker {
                *waited = (*waited + 1).min(LEASE);
            }
        }
        if self.bounds.alone.is_some() {
            state.elapsed += 1;
            state.rounds_alone = 0;
        }
        true
    }

    /// Confirms all that was written before. A replica that lags is this step happening late.
    pub(crate) fn replicate(&self, state: &mut State) -> bool {
        if self.bounds.trouble == Trouble::None || state.phase != Phase::Normal {
            return false;
        }
        state.nodes[1] = state.nodes[0];
        for round in state.replicas.iter_mut().filter_map(|replica| replica.round.as_mut()).filter(|round| round.done == 0) {
            round.confirmed = true;
        }
        for revoker in &mut state.revokers {
            if let Revoker::Committed { confirmed, .. } = revoker {
                *confirmed = true;
            }
        }
        true
    }

    /// Whether WAIT confirms a write to the node at once: with one node there is no WAIT; what the new primary holds is not lost any more.
    pub(crate) fn durable_at_once(&self, node: usize) -> bool {
        self.bounds.trouble == Trouble::None || node == 1
    }

    pub(crate) fn fail_over(&self, state: &mut State) -> bool {
        if !matches!(self.bounds.trouble, Trouble::FailOver | Trouble::FailOverUnnoticed) || state.phase != Phase::Normal {
            return false;
        }
        state.phase = Phase::FailedOver;
        true
    }

    pub(crate) fn restart(&self, state: &mut State) -> bool {
        if self.bounds.trouble != Trouble::Restart || state.phase != Phase::Normal {
            return false;
        }
        state.phase = Phase::Restarted;
        // Nobody can see it again, so its data must not tell states apart.
        state.nodes[0] = Default::default();
        true
    }
}
