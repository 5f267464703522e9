//! RENEW, and the acknowledgement.

use crate::mistakes::Mistake;
use crate::model::{Protocol, Subject, TROUBLE_ENDS};
use crate::state::{LEASE, Member, Position, Round, State, first_id};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// `applied` := last, turn + 1.
    Turn,
    /// Remove from the cache.
    Remove,
    Lease,
}

impl Protocol {
    /// The script on the node, told what the replica has applied.
    pub(crate) fn renew(&self, state: &mut State, r: usize, n: usize) -> bool {
        let replica = &mut state.replicas[r];
        if replica.round.is_some() {
            return false;
        }
        if r == 0 && self.bounds.alone.is_some() && state.elapsed >= TROUBLE_ENDS {
            state.rounds_alone += 1;
        }
        let node = &mut state.nodes[n];
        if node.feed[0] == 0 {
            // A data set that starts anew has another first entry, so nobody's position in an old one is in it.
            node.feed[0] = first_id(n);
        }
        let told = replica.applied;
        let last = node.last();
        let known = if self.is(Mistake::LengthIsHistory) { (1..=last.sequence).contains(&told.sequence) } else { node.holds(told) };
        node.counter += 1;
        let number = match node.members[r] {
            _ if !self.is(Mistake::NumberRestarts) => node.counter,
            Some(member) => member.number + 1,
            None => 1,
        };
        node.members[r] = Some(Member { number, applied: if known { told.sequence } else { 0 } });
        let hits = known && node.feed[told.sequence as usize..].iter().any(|id| self.subject_of(*id) == Some(Subject::Grant));
        replica.round = Some(Round { known, last, hits, confirmed: self.durable_at_once(n), left: LEASE, done: 0 });
        true
    }

    pub(crate) fn round_lost(&self, state: &mut State, r: usize) -> bool {
        let replica = &mut state.replicas[r];
        let lost = replica.round.is_some_and(|round| round.done == 0);
        if lost {
            replica.round = None;
        }
        lost
    }

    /// What the replica does with this answer, in order. Any other step may come between two of these: with the turn raised first, a load
    /// that was sent before fills nothing in after the removal. Another history (or a gap, which is not modelled) must be confirmed before
    /// `applied` moves to it, and gives no lease: that is for a later round.
    fn order(&self, round: &Round, applied: Position) -> &'static [Step] {
        if !round.known {
            return match self.mistake {
                Mistake::NeverAdoptsHistory => &[],
                Mistake::UnconfirmedSetsBack => &[Step::Turn, Step::Remove],
                // The step after the first sees `confirmed` as it was at the first.
                _ if !round.confirmed => &[],
                Mistake::CacheNotCleared => &[Step::Turn],
                Mistake::ClearBeforeTurn => &[Step::Remove, Step::Turn],
                _ => &[Step::Turn, Step::Remove],
            };
        }
        if round.done == 0 && round.last == applied {
            return &[Step::Lease];
        }
        match self.mistake {
            Mistake::RemoveBeforeTurn => &[Step::Remove, Step::Turn, Step::Lease],
            Mistake::ExtendBeforeApplying => &[Step::Lease, Step::Turn, Step::Remove],
            _ if !round.hits => &[Step::Turn, Step::Lease],
            _ => &[Step::Turn, Step::Remove, Step::Lease],
        }
    }

    pub(crate) fn apply(&self, state: &mut State, r: usize) -> bool {
        let alone = r == 0 && state.elapsed >= TROUBLE_ENDS;
        let replica = &mut state.replicas[r];
        let Some(mut round) = replica.round.take() else { return false };
        let order = self.order(&round, replica.applied);
        if round.done == 0 && !round.confirmed && !self.is(Mistake::RenewWithoutWait) {
            // Taken unconfirmed: what Redis confirms from here on is not heard any more.
            round.left = 0;
        }
        let Some(step) = order.get(round.done as usize) else { return true };
        match step {
            Step::Turn => {
                replica.applied = round.last;
                if let Some(load) = &mut replica.load {
                    load.stale = true;
                }
                self.drop_useless_load(replica);
            }
            Step::Remove => replica.cached &= round.known && !round.hits,
            Step::Lease => {
                let worth = if self.is(Mistake::LeaseFromAnswer) && round.confirmed { LEASE } else { round.left };
                if worth > replica.lease {
                    replica.lease = worth;
                    replica.stood = 0;
                    state.leased_alone |= alone && self.bounds.alone.is_some();
                }
            }
        }
        round.done += 1;
        replica.round = ((round.done as usize) < order.len()).then_some(round);
        true
    }

    /// Sent at the end of a round and delivered at any time, or never. One that arrives after `applied` has moved on again says less
    /// than the next and is left out, as is one while entries are being applied.
    pub(crate) fn acknowledge(&self, state: &mut State, r: usize, n: usize) -> bool {
        let replica = &state.replicas[r];
        let said = match replica.round {
            Some(round) if round.done > 0 => return false,
            Some(round) if self.is(Mistake::AcknowledgeBeforeApplying) && round.known => round.last,
            _ => replica.applied,
        };
        let node = &mut state.nodes[n];
        let holds = if self.is(Mistake::AcknowledgeWithoutId) { true } else { node.holds(said) };
        let Some(member) = &mut node.members[r] else { return false };
        if !holds || said.sequence <= member.applied {
            return false;
        }
        member.applied = said.sequence;
        true
    }
}
