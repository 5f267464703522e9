//! From a commit that takes something back to the moment in which no replica admits it any more
//! (docs/revocation.md, REVOKE).

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::time::sleep;

use super::{
    Membership, Verifier,
    gauges::Waiting,
    judge::unavailable,
    lease::{longest, outwaited},
};
use crate::{
    clock::{BootTime, Clock},
    oauth::{grant, step::TakesBack},
    store::{Change, CommitError, Member, Notice, Notices, Position, ReadError, Replicas, Sent, Unavailable},
};

/// How often it is looked who has acknowledged, where no notice says so.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What is known once something is taken back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// The number of its entry in the feed, which counts up.
    pub sequence: u64,
    /// The replicas that have acknowledged it.
    pub acknowledged: Vec<String>,
    /// Those that did not, until no lease of theirs was left.
    pub waited_out: Vec<String>,
    /// Until when one that was waited out may serve tokens that it knew, by its operator's choice (`serve_known`).
    pub may_serve_until: Option<Timestamp>,
    /// How long it took, from the commit's answer.
    pub took: Duration,
}

/// Something is taken back, and the record says so. That all replicas know it has to be waited for.
#[must_use = "until it has been waited for, other replicas may admit what was taken back"]
pub struct Taken<'a>(How<'a>);

enum How<'a> {
    /// Nobody else could admit it.
    Here {
        name: &'a str,
        sequence: u64,
    },
    Among(Box<Among>),
}

struct Among {
    replicas: Arc<dyn Replicas>,
    notices: Notices,
    clock: Clock,
    sent: Sent,
    since: BootTime,
    not_before: BootTime,
    _waiting: Waiting,
}

impl Verifier {
    /// A commit, which may take something back.
    ///
    /// # Errors
    /// [`CommitError`]; what was to be taken back may have been, and may be admitted still.
    pub async fn commit(&self, changes: Vec<Change>) -> Result<Option<Taken<'_>>, CommitError> {
        let takes_back: Vec<TakesBack> = changes.iter().filter_map(taken).collect();
        if takes_back.is_empty() {
            return self.store.commit(changes).await.map(|()| None);
        }
        let Some(replicas) = &self.replicas else {
            let outcome = self.store.commit(changes).await;
            if !matches!(outcome, Err(CommitError::Conflict)) {
                // Also where nobody knows whether it is written: who asks again may find nothing to take back.
                takes_back.into_iter().for_each(|what| self.apply(what));
            }
            outcome?;
            return Ok(Some(Taken(How::Here { name: &self.name, sequence: self.count_here() })));
        };
        // Before the commit, so that no acknowledgement is missed.
        let notices = self.store.notices();
        let sent = self.sent(replicas.as_ref(), changes).await?;
        let (replicas, clock, since) = (Arc::clone(replicas), self.clock.clone(), self.clock.boot_now());
        let (not_before, _waiting) = (self.begun_anew().map_or(since, outwaited), self.counts.wait());
        Ok(Some(Taken(How::Among(Box::new(Among { replicas, notices, clock, sent, since, not_before, _waiting })))))
    }

    /// A replica takes something back in the history that it knows. In another one its members are not all that there
    /// are: some may not have come over yet.
    async fn sent(&self, replicas: &dyn Replicas, changes: Vec<Change>) -> Result<Sent, CommitError> {
        let Some(Membership { patience, .. }) = self.membership.get() else {
            return Ok(replicas.take_back(changes, None).await?.ok_or(other_history())?);
        };
        if let Some(sent) = replicas.take_back(changes.clone(), Some(self.applied())).await? {
            return Ok(sent);
        }
        self.lease.renewed_again(*patience).await;
        Ok(replicas.take_back(changes, Some(self.applied())).await?.ok_or(other_history())?)
    }
}

fn other_history() -> Unavailable {
    unavailable(ReadError::OtherHistory)
}

fn taken(change: &Change) -> Option<TakesBack> {
    match change {
        Change::TakeBack(what) | Change::TakeBackAgain(what) => Some(*what),
        _ => None,
    }
}

impl Taken<'_> {
    /// Waits until no replica admits it any more: at most until the last lease that could be left is over.
    pub async fn known(self) -> Receipt {
        match self.0 {
            How::Here { name, sequence } => Receipt {
                sequence,
                acknowledged: vec![name.to_owned()],
                waited_out: Vec::new(),
                may_serve_until: None,
                took: Duration::ZERO,
            },
            How::Among(among) => among.known().await,
        }
    }
}

impl Among {
    async fn known(mut self: Box<Self>) -> Receipt {
        let (mut acknowledged, mut silent) = (Vec::new(), std::mem::take(&mut self.sent.members));
        let end = outwaited(self.since);
        loop {
            // Where it cannot be asked, or is another history, nobody has said anything.
            match self.replicas.members(self.sent.at).await {
                Ok(Some(now)) => {
                    let said = |member: &Member| now.iter().any(|now| now.name == member.name && now.applied >= self.sent.at.sequence);
                    let (said, rest) = silent.into_iter().partition(said);
                    acknowledged.extend(Vec::<Member>::into_iter(said).map(|member| member.name));
                    silent = rest;
                }
                Ok(None) => {}
                Err(error) => tracing::debug!(%error, "who has acknowledged cannot be asked"),
            }
            let now = self.clock.boot_now();
            if silent.is_empty() && now >= self.not_before || now >= end {
                break;
            }
            tokio::select! {
                () = heard(&mut self.notices) => {}
                () = sleep(LOOK_EVERY) => {}
                () = self.clock.sleep_until(end) => {}
            }
        }
        let took = self.clock.boot_now().saturating_sub(self.since);
        let serves = silent.iter().map(|member| member.serve_known).max().filter(|span| !span.is_zero());
        let may_serve_until = serves.map(|span| grant::after(self.clock.now(), longest(span)));
        let waited_out: Vec<String> = silent.iter().map(|member| member.name.clone()).collect();
        if !waited_out.is_empty() {
            tracing::warn!(
                ?waited_out,
                sequence = self.sent.at.sequence,
                "replicas did not acknowledge what was taken back, and were waited out"
            );
        }
        let sequence = self.sent.at.sequence;
        self.remove(silent).await;
        Receipt { sequence, acknowledged, waited_out, may_serve_until, took }
    }

    /// Who was waited out is no member any more, so that nobody waits for it again; once it cannot serve what it
    /// knew either.
    async fn remove(self, silent: Vec<Member>) {
        let (at_once, later): (Vec<Member>, Vec<Member>) = silent.into_iter().partition(|member| member.serve_known.is_zero());
        let Self { replicas, clock, sent: Sent { at, .. }, .. } = self;
        remove(replicas.as_ref(), at, at_once).await;
        if let Some(span) = later.iter().map(|member| member.serve_known).max() {
            tokio::spawn(async move {
                clock.sleep(longest(span)).await;
                remove(replicas.as_ref(), at, later).await;
            });
        }
    }
}

async fn remove(replicas: &dyn Replicas, of: Position, members: Vec<Member>) {
    if !members.is_empty()
        && let Err(error) = replicas.remove(of, members).await
    {
        tracing::debug!(%error, "a member that was waited out is still listed; the next one waits for it too");
    }
}

/// Completes once somebody may have acknowledged.
async fn heard(notices: &mut Notices) {
    while !matches!(notices.next().await, Notice::Heard | Notice::Lost) {}
}
