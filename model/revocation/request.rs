//! REQUEST. Only two kinds of requests can break a property: a late one (its first byte came after a revoke of the grant returned) and
//! one that came when the lease was over. The others matter because they send loads.

use crate::mistakes::Mistake;
use crate::model::Protocol;
use crate::state::{Held, Load, Replica, Request, State};

impl Protocol {
    /// Step a. The wait for a new lease is an arrival that happens later.
    fn lease_holds(&self, replica: &Replica) -> bool {
        match self.mistake {
            Mistake::PubSubAlone => true,
            Mistake::StaleClock => replica.lease + 1 > 0,
            _ => replica.lease + replica.stood > 0,
        }
    }

    pub(crate) fn arrive(&self, state: &mut State, r: usize) -> bool {
        let late = state.returned;
        let replica = &mut state.replicas[r];
        let request = Request { late, unleased: replica.lease <= 0 };
        if replica.held.is_some() || request.none() {
            return false;
        }
        if self.is(Mistake::LookUpFirst) && replica.cached && late {
            replica.held = Some(Held::Found(Request { late, unleased: false }));
            return true;
        }
        let miss_anyway = self.is(Mistake::MissWithoutLease) && !replica.cached;
        if !self.lease_holds(replica) && !miss_anyway {
            return false;
        }
        replica.held = Some(Held::Checked(request));
        true
    }

    pub(crate) fn proceed(&self, state: &mut State, r: usize) -> bool {
        let replica = &mut state.replicas[r];
        match replica.held {
            None => return false,
            Some(Held::Found(request)) => {
                if !self.lease_holds(replica) {
                    return false;
                }
                replica.held = None;
                admit(state, request);
            }
            Some(Held::Checked(request)) if replica.cached => {
                replica.held = None;
                // A miss that was let through without a lease has become a hit, and for a hit the lease is asked.
                if !(request.unleased && self.is(Mistake::MissWithoutLease)) {
                    admit(state, request);
                }
            }
            Some(Held::Checked(request)) => {
                let joins = self.is(Mistake::LateRequestJoins);
                match &mut replica.load {
                    Some(load) if !load.stale || joins => load.waiting = load.waiting.and(request),
                    // It may send its own; that one comes after this in the model.
                    Some(_) => return false,
                    None => replica.load = Some(Load { told: Some(replica.applied), stale: false, waiting: request }),
                }
                replica.held = None;
            }
        }
        true
    }

    /// A load for a request that no property is about; it passed step a at any time, so the lease is not asked.
    pub(crate) fn load(&self, state: &mut State, r: usize) -> bool {
        let replica = &mut state.replicas[r];
        if replica.load.is_some() || replica.cached {
            return false;
        }
        replica.load = Some(Load { told: Some(replica.applied), stale: false, waiting: Request::default() });
        true
    }

    /// The script on the primary: "not your history" and "revoked" end the load (503, 401).
    pub(crate) fn load_runs(&self, state: &mut State, r: usize, n: usize) -> bool {
        let node = &state.nodes[n];
        let Some(load) = &mut state.replicas[r].load else { return false };
        let Some(told) = load.told else { return false };
        let known = match self.mistake {
            Mistake::LoadIgnoresHistory => true,
            Mistake::LengthIsHistory => (1..=node.last().sequence).contains(&told.sequence),
            _ => node.holds(told),
        };
        if known && !node.revoked {
            load.told = None;
        } else {
            state.replicas[r].load = None;
        }
        true
    }

    pub(crate) fn fill(&self, state: &mut State, r: usize) -> bool {
        let replica = &mut state.replicas[r];
        let Some(load) = replica.load.filter(|load| load.told.is_none()) else { return false };
        replica.load = None;
        replica.cached |= !load.stale || self.is(Mistake::FillKept);
        admit(state, load.waiting);
        true
    }

    /// A stale load that nobody waits for does nothing more, unless a mistake makes use of it.
    pub(crate) fn drop_useless_load(&self, replica: &mut Replica) {
        let used = self.is(Mistake::FillKept) || self.is(Mistake::LateRequestJoins);
        if !used && replica.load.is_some_and(|load| load.stale && load.waiting.none()) {
            replica.load = None;
        }
    }
}

fn admit(state: &mut State, request: Request) {
    state.r1_broken |= request.late;
    state.r3_broken |= request.unleased;
}
