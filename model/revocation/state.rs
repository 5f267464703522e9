//! The state of the world. It is small and canonical: times are relative (what is left of a lease, how long a revoker has waited), so
//! that time itself needs no bound; the turn is a flag of the load ("something was applied since it was sent"); renewal numbers are ranks.

/// Ticks of BOOTTIME. The margins of 1 % vanish here: a lease ends at `t0 + LEASE`, a revoker waits until `t1 + LEASE`.
pub(crate) const LEASE: i8 = 2;
pub(crate) const REPLICAS: usize = 2;
pub(crate) const REVOKERS: usize = 3;
/// The first renewal's entry, one for the grant, one for another subject: a repeated revoke writes, but nothing that a reader looks at.
pub(crate) const FEED: usize = 3;

/// A sequence and the random id of the entry there; zero is where a replica begins, and in nobody's history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Position {
    pub(crate) sequence: u8,
    pub(crate) id: u8,
}

/// The id of the entry that a revoker writes on a node. One that begins again finds its own, or writes one into another history.
pub(crate) fn entry_id(revoker: usize, node: usize) -> u8 {
    (2 * revoker + node + 1) as u8
}

/// The id of the first entry of a feed that begins on a node: of no revoker.
pub(crate) fn first_id(node: usize) -> u8 {
    entry_id(REVOKERS, node)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Member {
    pub(crate) number: u8,
    pub(crate) applied: u8,
}

/// One Redis; its feed is empty until somebody has renewed. The second one is the replica of the first (or its disk): its data are the
/// first one's of some earlier moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Node {
    pub(crate) feed: [u8; FEED],
    pub(crate) revoked: bool,
    pub(crate) members: [Option<Member>; REPLICAS],
    pub(crate) counter: u8,
}

impl Node {
    pub(crate) fn last(&self) -> Position {
        let sequence = self.feed.iter().take_while(|id| **id != 0).count();
        Position { sequence: sequence as u8, id: if sequence == 0 { 0 } else { self.feed[sequence - 1] } }
    }

    pub(crate) fn holds(&self, at: Position) -> bool {
        at.sequence > 0 && self.feed[at.sequence as usize - 1] == at.id
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    /// Clients reach the first node only.
    #[default]
    Normal,
    /// The second node is the primary; the first does not know it, and clients may be stuck on it.
    FailedOver,
    /// The first node came back with the data of the second, which are older; nobody reaches the lost data again.
    Restarted,
}

/// A round of RENEW from its script on. The time from sending to the script is left out: it only shortens the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Round {
    /// The node's feed held what the replica has applied.
    pub(crate) known: bool,
    pub(crate) last: Position,
    /// An entry after `applied` is about the grant.
    pub(crate) hits: bool,
    pub(crate) confirmed: bool,
    /// What a lease from this round would still be worth.
    pub(crate) left: i8,
    /// Steps done: 0 is an answer that is still under way.
    pub(crate) done: u8,
}

/// Requests that matter: one whose first byte arrived after a revoke returned, or (by a mistake) when the lease was over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Request {
    pub(crate) late: bool,
    pub(crate) unleased: bool,
}

impl Request {
    pub(crate) fn none(self) -> bool {
        !self.late && !self.unleased
    }

    pub(crate) fn and(self, other: Request) -> Request {
        Request { late: self.late || other.late, unleased: self.unleased || other.unleased }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Load {
    /// What the replica had applied when the load was sent; the answer "live" once it is on its way back.
    pub(crate) told: Option<Position>,
    /// The turn is no longer that of the start.
    pub(crate) stale: bool,
    /// Who waits for it. Other requests wait for it too, but what they are told breaks nothing.
    pub(crate) waiting: Request,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Held {
    /// Step a is done, b is not.
    Checked(Request),
    /// By a mistake b is done first; the look-up hit.
    Found(Request),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Replica {
    pub(crate) applied: Position,
    /// What is left of the lease; not above zero: over.
    pub(crate) lease: i8,
    /// Ticks in which the replica's clock stood still since the lease was granted.
    pub(crate) stood: i8,
    pub(crate) cached: bool,
    pub(crate) round: Option<Round>,
    pub(crate) load: Option<Load>,
    pub(crate) held: Option<Held>,
}

/// The renewal numbers that step 1 listed, without those who have acknowledged.
pub(crate) type Listed = [Option<u8>; REPLICAS];

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Revoker {
    #[default]
    Idle,
    /// By a mistake: the feed entry is written, the record is not.
    Half {
        node: u8,
    },
    /// Step 1 is done; t1 is the moment of the commit, which is the shortest wait.
    Committed {
        at: Position,
        listed: Listed,
        waited: i8,
        confirmed: bool,
    },
    /// Step 3 is done.
    Waiting {
        at: Position,
        listed: Listed,
        waited: i8,
    },
    /// It has returned; its removal of those it waited out may be under way for as long as it likes.
    Sweeping {
        listed: Listed,
    },
    Done,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) phase: Phase,
    pub(crate) nodes: [Node; 2],
    pub(crate) replicas: [Replica; REPLICAS],
    pub(crate) revokers: [Revoker; REVOKERS],
    /// A revoke of the grant has returned success.
    pub(crate) returned: bool,
    pub(crate) r1_broken: bool,
    pub(crate) r3_broken: bool,
    /// Only in the check of liveness: ticks so far, and whether replica 0 got a lease while it was alone.
    pub(crate) elapsed: u8,
    pub(crate) leased_alone: bool,
    /// RENEWs of replica 0 in this tick: without a bound on them a path could end in a circle, where the checker sees no end.
    pub(crate) rounds_alone: u8,
}

impl State {
    /// Replica 0 has a fresh lease, both nodes know it, and the answer "live" is on its way to it. The checker comes here from the start
    /// as well; a search for a counterexample begins here.
    pub(crate) fn warm() -> State {
        let mut state = State::default();
        let first = Position { sequence: 1, id: first_id(0) };
        for node in &mut state.nodes {
            node.feed[0] = first.id;
            node.counter = 1;
            node.members[0] = Some(Member { number: 1, applied: first.sequence });
        }
        state.replicas[0].applied = first;
        state.replicas[0].lease = LEASE;
        state.replicas[0].load = Some(Load { told: None, stale: false, waiting: Request::default() });
        state
    }

    /// A late removal by a number that no reachable node has, or can have again, does nothing.
    pub(crate) fn drop_useless_removals(&mut self) {
        let nodes = match self.phase {
            Phase::Restarted => &self.nodes[1..],
            _ => &self.nodes[..],
        };
        for revoker in &mut self.revokers {
            let Revoker::Sweeping { listed } = revoker else { continue };
            let useful = |r: usize, number: u8| {
                nodes.iter().any(|node| node.counter < number || node.members[r].is_some_and(|member| member.number == number))
            };
            for (r, number) in listed.iter_mut().enumerate() {
                *number = number.filter(|number| useful(r, *number));
            }
            if listed.iter().all(Option::is_none) {
                *revoker = Revoker::Done;
            }
        }
    }

    /// Nodes that a client may reach, whatever it ought to reach.
    pub(crate) fn reachable(&self) -> &'static [usize] {
        match self.phase {
            Phase::Normal => &[0],
            Phase::FailedOver => &[0, 1],
            Phase::Restarted => &[1],
        }
    }

    /// Replaces renewal numbers by their ranks: only their order matters, and the counter would make the space infinite.
    pub(crate) fn rank_numbers(&mut self) {
        let mut used = 1_u64;
        self.each_number(|number| used |= 1 << *number);
        self.each_number(|number| *number = (used & ((1 << *number) - 1)).count_ones() as u8);
    }

    fn each_number(&mut self, mut visit: impl FnMut(&mut u8)) {
        for node in &mut self.nodes {
            visit(&mut node.counter);
            node.members.iter_mut().flatten().for_each(|member| visit(&mut member.number));
        }
        for revoker in &mut self.revokers {
            if let Revoker::Committed { listed, .. } | Revoker::Waiting { listed, .. } | Revoker::Sweeping { listed } = revoker {
                listed.iter_mut().flatten().for_each(&mut visit);
            }
        }
    }
}
