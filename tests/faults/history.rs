//! What happened, and what of it must not have: pure, so that histories made by hand show that it finds what it should.
//!
//! All moments are of one monotonic clock. A call is *late* if its first byte was sent after a withdrawal of its grant
//! was answered with success, and it was admitted all the same.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// How long an open stream may live on at a healthy replica after its grant was taken back.
pub(crate) const STREAM_ENDS: Duration = Duration::from_secs(1);

/// A grant's number in the history.
pub(crate) type Number = u64;

/// What became of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// 2xx.
    Admitted,
    /// 401.
    Denied,
    /// 503.
    Unavailable,
    /// No answer came: the connection broke, or nobody waited any longer.
    Silent,
    /// An answer that nobody may give.
    Strange(u16),
}

impl Outcome {
    /// What an HTTP status says, where there was an answer.
    pub(crate) fn of(status: Option<u16>) -> Self {
        match status {
            Some(200..=299) => Self::Admitted,
            Some(401) => Self::Denied,
            Some(503) => Self::Unavailable,
            Some(other) => Self::Strange(other),
            None => Self::Silent,
        }
    }
}

/// One request with a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Call {
    pub(crate) grant: Number,
    /// How its grant is going to be taken back, for whoever reads of it.
    pub(crate) way: &'static str,
    pub(crate) replica: usize,
    /// Before its first byte.
    pub(crate) sent: Instant,
    pub(crate) answered: Instant,
    pub(crate) outcome: Outcome,
}

/// A grant was taken back, or somebody tried to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Withdrawal {
    /// Before the first attempt.
    pub(crate) sent: Instant,
    /// When the first success was heard of.
    pub(crate) answered: Option<Instant>,
    /// Before it was asked to be undone: a user or a client goes on.
    pub(crate) undone: Option<Instant>,
    /// When all replicas had to know of that.
    pub(crate) restored: Option<Instant>,
}

impl Withdrawal {
    pub(crate) fn sent(sent: Instant) -> Self {
        Self { sent, answered: None, undone: None, restored: None }
    }

    /// Whether the call was decided while the grant was taken back, whoever decided and when.
    fn forbids(&self, call: &Call) -> bool {
        self.answered.is_some_and(|answered| call.sent >= answered) && self.undone.is_none_or(|undone| call.answered < undone)
    }

    /// Whether the call may have been decided while the grant was taken back.
    fn explains(&self, call: &Call) -> bool {
        call.answered >= self.sent && self.restored.is_none_or(|restored| call.sent < restored)
    }
}

/// A grant, and how it was taken back.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    pub(crate) issued: Instant,
    pub(crate) withdrawals: Vec<Withdrawal>,
}

/// A response that does not end by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stream {
    pub(crate) grant: Number,
    pub(crate) replica: usize,
    pub(crate) opened: Instant,
    pub(crate) ended: Option<Instant>,
}

impl Stream {
    /// When it should have ended at the latest, if it lived on.
    fn due(&self, life: &Life) -> Option<Instant> {
        let over = |withdrawal: &Withdrawal| Some((withdrawal.answered?, withdrawal.undone));
        let taken_back = life.withdrawals.iter().filter_map(over).find(|(answered, _)| *answered >= self.opened);
        let (answered, undone) = taken_back?;
        let due = answered + STREAM_ENDS;
        undone.is_none_or(|undone| undone >= due).then_some(due)
    }

    /// Whether there is nothing more to learn of it at this moment.
    pub(crate) fn is_over(&self, life: Option<&Life>, now: Instant) -> bool {
        self.ended.is_some() || life.is_none_or(|life| self.due(life).is_some_and(|due| due <= now))
    }
}

/// A replica that was disturbed, from then until then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sickness {
    pub(crate) replica: usize,
    pub(crate) from: Instant,
    pub(crate) to: Instant,
}

/// What happened until a moment.
pub(crate) struct History {
    pub(crate) until: Instant,
    pub(crate) grants: BTreeMap<Number, Life>,
    pub(crate) calls: Vec<Call>,
    pub(crate) streams: Vec<Stream>,
    pub(crate) sicknesses: Vec<Sickness>,
    /// Before data was lost.
    pub(crate) losses: Vec<Instant>,
}

/// What must not have happened.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Verdict {
    /// Admitted after the grant was taken back.
    pub(crate) late: Vec<Call>,
    /// Denied although nobody took the grant back, and no data was lost.
    pub(crate) false_denials: Vec<Call>,
    /// Answered as nobody may.
    pub(crate) strange: Vec<Call>,
    /// Open at a healthy replica long after the grant was taken back.
    pub(crate) overdue: Vec<Stream>,
}

impl History {
    pub(crate) fn judge(&self) -> Verdict {
        let mut verdict = Verdict::default();
        for call in &self.calls {
            let wrong = match call.outcome {
                Outcome::Admitted if self.is_late(call) => &mut verdict.late,
                Outcome::Denied if !self.is_explained(call) => &mut verdict.false_denials,
                Outcome::Strange(_) => &mut verdict.strange,
                _ => continue,
            };
            wrong.push(*call);
        }
        verdict.overdue = self.streams.iter().filter(|stream| self.is_overdue(stream)).copied().collect();
        verdict
    }

    fn is_late(&self, call: &Call) -> bool {
        self.grants[&call.grant].withdrawals.iter().any(|withdrawal| withdrawal.forbids(call))
    }

    fn is_explained(&self, call: &Call) -> bool {
        let life = &self.grants[&call.grant];
        let is_lost = self.losses.iter().any(|lost| life.issued <= *lost && call.answered >= *lost);
        is_lost || life.withdrawals.iter().any(|withdrawal| withdrawal.explains(call))
    }

    fn is_overdue(&self, stream: &Stream) -> bool {
        let Some(due) = self.grants.get(&stream.grant).and_then(|life| stream.due(life)) else { return false };
        let lived_on = stream.ended.unwrap_or(self.until) > due;
        // It has been well since the grant was taken back.
        lived_on && !self.is_sick(stream.replica, due, due)
    }

    /// Whether a replica was disturbed in this time, or shortly before.
    fn is_sick(&self, replica: usize, from: Instant, to: Instant) -> bool {
        let overlaps = |sickness: &Sickness| sickness.from <= to && sickness.to + STREAM_ENDS >= from;
        self.sicknesses.iter().any(|sickness| sickness.replica == replica && overlaps(sickness))
    }

    /// Of the calls at this replica, sent in this time, with grants that nobody took back: how many were admitted.
    pub(crate) fn availability(&self, replica: usize, from: Instant, to: Instant) -> Option<f64> {
        let counts = |call: &&Call| call.replica == replica && (from..=to).contains(&call.sent) && !self.is_explained(call);
        let (mut all, mut admitted) = (0_u32, 0_u32);
        for call in self.calls.iter().filter(counts) {
            all += 1;
            admitted += u32::from(call.outcome == Outcome::Admitted);
        }
        (all > 0).then(|| f64::from(admitted) / f64::from(all))
    }

    /// How long after a moment this replica admitted somebody again; `None`: not until now.
    pub(crate) fn serves_again(&self, replica: usize, after: Instant) -> Option<Duration> {
        let admits = |call: &&Call| call.replica == replica && call.sent >= after && call.outcome == Outcome::Admitted;
        self.calls.iter().filter(admits).map(|call| call.answered - after).min()
    }
}
