//! The model: which steps may happen in a state. A stall, a lost message, a dead revoker is a step that does not happen; whatever may
//! happen now may happen later, or never.

use stateright::{Model, Property};

use crate::bounds::Bounds;
use crate::check::POSSIBLE;
use crate::mistakes::Mistake;
use crate::state::{LEASE, REPLICAS, REVOKERS, Revoker, State};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Grant,
    Other,
}

/// Where a check of liveness begins to be prompt.
pub(crate) const TROUBLE_ENDS: u8 = 2;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Protocol {
    pub(crate) bounds: Bounds,
    pub(crate) mistake: Mistake,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Time passes; by a mistake the clock of one replica stands still.
    Tick(Option<usize>),
    /// The second node (or the disk) has everything up to now.
    Replicate,
    FailOver,
    Restart,
    /// RENEW: the script runs on the node.
    Renew(usize, usize),
    /// RENEW: the answer is lost.
    RoundLost(usize),
    /// RENEW: the next step of the replica with the answer.
    Apply(usize),
    /// The replica tells the node what it has applied.
    Acknowledge(usize, usize),
    /// REQUEST: one that no property is about, and which passed its checks at any time before, sends a load.
    Load(usize),
    LoadRuns(usize, usize),
    LoadLost(usize),
    /// REQUEST: the answer of a load arrives.
    Fill(usize),
    /// REQUEST: the first byte arrives, and step a.
    Arrive(usize),
    /// REQUEST: the next step of the request that is held.
    Proceed(usize),
    /// REVOKE 1 and 2.
    Commit(usize, usize),
    /// By a mistake: the record is written after the feed entry.
    Record(usize),
    /// REVOKE 3, confirmed.
    Durable(usize),
    /// REVOKE 3, not confirmed, or the connection broke: begin again.
    Again(usize),
    /// REVOKE 4: looks for the acknowledgement of a replica on a node.
    Poll(usize, usize, usize),
    /// REVOKE 4 is over: it returns success.
    Return(usize),
    /// REVOKE 5 on a node.
    Sweep(usize, usize),
}

impl Protocol {
    pub(crate) fn is(&self, mistake: Mistake) -> bool {
        self.mistake == mistake
    }

    /// Nobody's: there is no entry, or it is the first one.
    pub(crate) fn subject_of(&self, id: u8) -> Option<Subject> {
        let revoker = (id as usize).checked_sub(1)? / 2;
        self.bounds.revokes.get(revoker).copied()
    }

    /// All steps, whether they change anything or not.
    fn all(&self, state: &State, actions: &mut Vec<Action>) {
        let reachable = state.reachable();
        for r in 0..self.bounds.replicas {
            actions.extend([Action::RoundLost(r), Action::Apply(r)]);
            actions.extend(reachable.iter().flat_map(|&n| [Action::Renew(r, n), Action::Acknowledge(r, n)]));
        }
        for r in 0..self.bounds.serving {
            actions.extend([Action::Load(r), Action::LoadLost(r), Action::Fill(r), Action::Arrive(r), Action::Proceed(r)]);
            actions.extend(reachable.iter().map(|&n| Action::LoadRuns(r, n)));
        }
        for k in 0..self.bounds.revokes.len() {
            actions.extend([Action::Record(k), Action::Durable(k), Action::Again(k), Action::Return(k)]);
            for &n in reachable {
                actions.extend([Action::Commit(k, n), Action::Sweep(k, n)]);
                actions.extend((0..self.bounds.replicas).map(|r| Action::Poll(k, r, n)));
            }
        }
        actions.extend([Action::Replicate, Action::FailOver, Action::Restart, Action::Tick(None)]);
        if self.is(Mistake::ClockStops) {
            actions.extend((0..self.bounds.replicas).map(|r| Action::Tick(Some(r))));
        }
    }

    /// After the trouble: the first step of those alive that changes something, and time only when there is none.
    fn prompt(&self, state: &State, actions: &mut Vec<Action>) {
        let Some(&primary) = state.reachable().last() else { return };
        let mut steps = vec![Action::Replicate, Action::Apply(0), Action::Durable(0)];
        if matches!(state.revokers[0], Revoker::Committed { .. }) {
            steps.push(Action::Again(0));
        }
        steps.push(Action::Commit(0, primary));
        steps.extend((0..self.bounds.replicas).map(|r| Action::Poll(0, r, primary)));
        steps.extend([Action::Return(0), Action::Acknowledge(0, primary)]);
        if state.replicas[0].lease < LEASE && state.rounds_alone < 2 {
            steps.push(Action::Renew(0, primary));
        }
        let next = steps.into_iter().find(|step| self.next_state(state, *step).is_some());
        actions.push(next.unwrap_or(Action::Tick(None)));
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        debug_assert!(self.bounds.replicas <= REPLICAS && self.bounds.revokes.len() <= REVOKERS);
        vec![if self.is(Mistake::None) { State::default() } else { State::warm() }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        match self.bounds.alone {
            Some(end) if state.elapsed >= end => {}
            Some(_) if state.elapsed >= TROUBLE_ENDS => self.prompt(state, actions),
            _ => self.all(state, actions),
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = *last;
        let happened = match action {
            Action::Tick(paused) => self.tick(&mut state, paused),
            Action::Replicate => self.replicate(&mut state),
            Action::FailOver => self.fail_over(&mut state),
            Action::Restart => self.restart(&mut state),
            Action::Renew(r, n) => self.renew(&mut state, r, n),
            Action::RoundLost(r) => self.round_lost(&mut state, r),
            Action::Apply(r) => self.apply(&mut state, r),
            Action::Acknowledge(r, n) => self.acknowledge(&mut state, r, n),
            Action::Load(r) => self.load(&mut state, r),
            Action::LoadRuns(r, n) => self.load_runs(&mut state, r, n),
            Action::LoadLost(r) => state.replicas[r].load.take().is_some(),
            Action::Fill(r) => self.fill(&mut state, r),
            Action::Arrive(r) => self.arrive(&mut state, r),
            Action::Proceed(r) => self.proceed(&mut state, r),
            Action::Commit(k, n) => self.commit(&mut state, k, n),
            Action::Record(k) => self.record(&mut state, k),
            Action::Durable(k) => self.durable(&mut state, k),
            Action::Again(k) => self.again(&mut state, k),
            Action::Poll(k, r, n) => self.poll(&mut state, k, r, n),
            Action::Return(k) => self.give_back(&mut state, k),
            Action::Sweep(k, n) => self.sweep(&mut state, k, n),
        };
        if !happened {
            return None;
        }
        if !self.is(Mistake::RemoveUnconditionally) && !self.is(Mistake::NumberRestarts) {
            state.drop_useless_removals();
        }
        state.rank_numbers();
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        if self.bounds.alone.is_some() {
            return vec![
                Property::eventually("R2", |_, state: &State| state.returned),
                Property::eventually("lease", |_, state: &State| state.leased_alone),
            ];
        }
        vec![
            Property::always("R1", |_, state: &State| !state.r1_broken),
            Property::always("R3", |_, state: &State| !state.r3_broken),
            Property::sometimes(POSSIBLE[0], |_, state: &State| state.returned && state.replicas.iter().any(|r| r.lease > 0)),
            Property::sometimes(POSSIBLE[1], |_, state: &State| state.returned),
        ]
    }
}
