//! REVOKE. A revoker that dies is one whose next step never happens; it makes no difference whether it is a replica or a command line.

use crate::bounds::Trouble;
use crate::mistakes::Mistake;
use crate::model::{Protocol, Subject};
use crate::state::{LEASE, Node, Phase, Position, Revoker, State, entry_id};

impl Protocol {
    /// Step 1 on a node, and step 2.
    pub(crate) fn commit(&self, state: &mut State, k: usize, n: usize) -> bool {
        let old_primary = state.phase == Phase::FailedOver && n == 0;
        if state.revokers[k] != Revoker::Idle || (old_primary && self.bounds.trouble != Trouble::FailOverUnnoticed) {
            return false;
        }
        let subject = self.bounds.revokes[k];
        // Of two that begin the same it does not matter which is first.
        if k > 0 && self.bounds.revokes[k - 1] == subject && state.revokers[k - 1] == Revoker::Idle {
            return false;
        }
        let node = &mut state.nodes[n];
        let last = node.last();
        let repeated = node.feed.iter().any(|id| self.subject_of(*id) == Some(subject));
        if repeated && self.is(Mistake::RepeatReturnsAtOnce) {
            state.revokers[k] = Revoker::Done;
            state.returned |= subject == Subject::Grant;
            return true;
        }
        if !repeated {
            node.feed[last.sequence as usize] = entry_id(k, n);
            if self.is(Mistake::FeedBeforeRecord) && subject == Subject::Grant {
                state.revokers[k] = Revoker::Half { node: n as u8 };
                return true;
            }
            node.revoked |= subject == Subject::Grant;
        }
        if subject == Subject::Other && self.bounds.other_dies {
            state.revokers[k] = Revoker::Done;
            return true;
        }
        // WAIT waits for what this connection wrote. So a repeat writes something, though all is there: else WAIT confirms at once.
        let nothing_written = repeated && self.is(Mistake::RepeatWritesNothing);
        state.revokers[k] = self.committed(state, n, nothing_written);
        true
    }

    fn committed(&self, state: &State, n: usize, nothing_written: bool) -> Revoker {
        let node = &state.nodes[n];
        let listed = node.members.map(|member| member.map(|member| member.number));
        Revoker::Committed { at: node.last(), listed, waited: 0, confirmed: self.durable_at_once(n) || nothing_written }
    }

    pub(crate) fn record(&self, state: &mut State, k: usize) -> bool {
        let Revoker::Half { node } = state.revokers[k] else { return false };
        let n = node as usize;
        if !state.reachable().contains(&n) {
            return false;
        }
        state.nodes[n].revoked = true;
        state.revokers[k] = self.committed(state, n, false);
        true
    }

    /// Step 3.
    pub(crate) fn durable(&self, state: &mut State, k: usize) -> bool {
        let Revoker::Committed { at, listed, waited, confirmed } = state.revokers[k] else { return false };
        let durable = confirmed || self.is(Mistake::RevokeWithoutWait);
        if durable {
            state.revokers[k] = Revoker::Waiting { at, listed, waited };
        }
        durable
    }

    pub(crate) fn again(&self, state: &mut State, k: usize) -> bool {
        let begins = matches!(state.revokers[k], Revoker::Committed { .. });
        if begins {
            state.revokers[k] = Revoker::Idle;
        }
        begins
    }

    /// Step 4, one look.
    pub(crate) fn poll(&self, state: &mut State, k: usize, r: usize, n: usize) -> bool {
        let node = state.nodes[n];
        let Revoker::Waiting { at, listed, .. } = &mut state.revokers[k] else { return false };
        let (Some(number), Some(member)) = (listed[r], node.members[r]) else { return false };
        let acknowledged = self.same_history(&node, *at) && member.applied >= at.sequence;
        let renewed = self.is(Mistake::RenewalIsAcknowledgement) && member.number != number;
        if acknowledged || renewed {
            listed[r] = None;
        }
        acknowledged || renewed
    }

    fn same_history(&self, node: &Node, at: Position) -> bool {
        self.is(Mistake::AcknowledgeWithoutId) || node.holds(at)
    }

    /// The end of step 4, and the answer of step 5: a removal may still be under way then.
    pub(crate) fn give_back(&self, state: &mut State, k: usize) -> bool {
        let Revoker::Waiting { listed, waited, .. } = state.revokers[k] else { return false };
        let no_barrier = self.is(Mistake::NoBarrier) || self.is(Mistake::PubSubAlone);
        let waited_out = waited >= LEASE && !self.is(Mistake::NeverWaitsOut);
        if !(waited_out || no_barrier || listed.iter().all(Option::is_none)) {
            return false;
        }
        // Who was not waited out is not removed.
        let listed = if waited_out { listed } else { Default::default() };
        let nothing_left = listed.iter().all(Option::is_none);
        state.revokers[k] = if nothing_left { Revoker::Done } else { Revoker::Sweeping { listed } };
        state.returned |= self.bounds.revokes[k] == Subject::Grant;
        true
    }

    /// Step 5.
    pub(crate) fn sweep(&self, state: &mut State, k: usize, n: usize) -> bool {
        let Revoker::Sweeping { listed } = state.revokers[k] else { return false };
        for (member, number) in state.nodes[n].members.iter_mut().zip(listed) {
            let unchanged = member.map(|member| member.number) == number || self.is(Mistake::RemoveUnconditionally);
            if number.is_some() && unchanged {
                *member = None;
            }
        }
        state.revokers[k] = Revoker::Done;
        true
    }
}
