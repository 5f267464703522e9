//! The one writer of grants that there are, but for a login and its key, which `deliver` writes at once.

use jiff::Timestamp;

use super::{Engine, Error};
use crate::{
    oauth::{
        client::ClientKey,
        grant::{Approval, Grant, Standing, State},
        id::GrantId,
        refusal::Refusal,
        step::{Step, TakesBack},
    },
    store::{Change, CommitError, Expect, FullGrant, Key, List, Loaded, Notice, Record, Unavailable},
    verify::{Receipt, Taken},
};

/// More tries than callers can plausibly collide: each lost race is somebody's progress.
pub(super) const MAX_TRIES: usize = 256;

/// A grant that went on.
pub(super) struct Advanced<'a, O> {
    /// As it is now.
    pub(super) grant: Grant,
    /// What the rule said.
    pub(super) outcome: Result<O, Refusal>,
    /// What was taken back, if anything was.
    pub(super) taken: Option<Taken<'a>>,
}

/// Waits until all replicas know.
pub(super) async fn heard(taken: Option<Taken<'_>>) -> Option<Receipt> {
    match taken {
        Some(taken) => Some(taken.known().await),
        None => None,
    }
}

impl Engine {
    /// Loads a grant, applies a rule, makes the next state durable, and answers with the grant as
    /// it is then and the rule's outcome. Where somebody was faster, the rule is applied to what
    /// that one left. What is taken back nobody admits any more, at any replica.
    ///
    /// # Errors
    /// [`Error::Refused`] with `unknown` where there is no such grant, or with the rule's own
    /// refusal; [`Error::Unavailable`] and [`Error::Contended`].
    pub(super) async fn advance<O>(
        &self,
        id: GrantId,
        unknown: Refusal,
        rule: impl Fn(&Grant, Standing, Timestamp) -> Step<O>,
    ) -> Result<(Grant, O), Error> {
        let Advanced { grant, outcome, taken } = self.advance_unheard(id, unknown, rule).await?;
        heard(taken).await;
        Ok((grant, outcome?))
    }

    /// The same, but that all replicas know what was taken back is still to be waited for, whatever the rule said.
    pub(super) async fn advance_unheard<O>(
        &self,
        id: GrantId,
        unknown: Refusal,
        rule: impl Fn(&Grant, Standing, Timestamp) -> Step<O>,
    ) -> Result<Advanced<'_, O>, Error> {
        for _ in 0..MAX_TRIES {
            let Some(full) = self.verifier.full_grant(id, false).await? else { return Err(unknown.into()) };
            let (standing, rests_on) = self.standing(&full)?;
            let Loaded { version, record: grant } = full.grant;
            let Step { next, outcome, takes_back } = rule(&grant, standing, self.clock.now());
            let changed = next.is_some();
            let commit = match (&next, takes_back) {
                (None, None) => return Ok(Advanced { grant, outcome, taken: None }),
                (None, Some(what)) => again(Key::Grant(id), Expect::Version(version), what),
                (Some(next), _) => {
                    // What ends a grant ends it whatever it has become: a loop of refreshes must not starve
                    // it, and an ended grant keeps nothing of the state that it ended.
                    let counted = self.counted_open(&grant, next).await?;
                    let ends = matches!(takes_back, Some(TakesBack::Grant(_)));
                    let expect = if ends { Expect::Any } else { Expect::Version(version) };
                    let mut commit = changes(&grant, next, expect, rests_on.into_iter().chain(counted));
                    commit.extend(takes_back.map(Change::TakeBack));
                    commit
                }
            };
            match self.verifier.commit(commit).await {
                Ok(taken) => {
                    // Those who wait for the grant look at it again.
                    if changed {
                        self.holds.release(id);
                    }
                    return Ok(Advanced { grant: next.unwrap_or(grant), outcome, taken });
                }
                Err(CommitError::Conflict) => {}
                Err(CommitError::Unavailable(unavailable)) => return Err(unavailable.into()),
            }
        }
        Err(Error::Contended)
    }

    /// Where the store has no such grant, a replica may still know it from before the store lost it: from the answer on
    /// it admits nothing by it either.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Contended`].
    pub(super) async fn forget_unknown(&self, id: GrantId) -> Result<(), Error> {
        if self.verifier.full_grant(id, false).await?.is_some() {
            return Ok(());
        }
        let absent = Change::Compare { key: Key::Grant(id), expect: Expect::Absent };
        match self.verifier.commit(vec![absent, Change::TakeBack(TakesBack::Grant(id))]).await {
            Ok(taken) => {
                heard(taken).await;
                Ok(())
            }
            Err(CommitError::Conflict) => Err(Error::Contended),
            Err(CommitError::Unavailable(unavailable)) => Err(unavailable.into()),
        }
    }

    /// Whether those on whom the grant rests are still there, and the part of a commit that holds
    /// only as long as they are.
    pub(super) fn standing(&self, full: &FullGrant) -> Result<(Standing, Vec<Change>), Unavailable> {
        let mut standing = Standing { user: None, client: None };
        let mut rests_on = Vec::new();
        let grant = &full.grant.record;
        if let Some(found) = self.clients.with(ClientKey::of(&grant.dialect, &grant.client), full.client.clone())? {
            standing.client = found.client.enabled.then_some(found.client.generation);
            rests_on.push(found.unchanged());
        }
        if let Some(id) = grant.approval().and_then(|approval| approval.user) {
            let expect = full.user.as_ref().map_or(Expect::Absent, |user| Expect::Version(user.version));
            rests_on.push(Change::Compare { key: Key::User(id), expect });
            standing.user = full.user.as_ref().filter(|user| user.record.enabled).map(|user| user.record.generation);
        }
        Ok((standing, rests_on))
    }
}

/// What was taken back is taken back again: whoever did may have gone down before all knew. Nothing is written; the
/// record has to be as it was read.
pub(super) fn again(key: Key, expect: Expect, what: TakesBack) -> Vec<Change> {
    vec![Change::Compare { key, expect }, Change::TakeBackAgain(what)]
}

/// The grant's next state and all that has to be written or to hold with it. What has ended stays on
/// the lists that it was on, as long as it is remembered.
pub(super) fn changes(before: &Grant, next: &Grant, expect: Expect, besides: impl Iterator<Item = Change>) -> Vec<Change> {
    let until = next.keep_until();
    let mut changes =
        vec![Change::Put { key: Key::Grant(next.id), expect, record: Record::Grant(Box::new(next.clone())), until: Some(until) }];
    if let Some(approval) = next.approval().or(before.approval()) {
        changes.extend(links(next, approval, until));
    }
    // Ending a grant rests on nobody.
    changes.extend(besides.filter(|_| expect != Expect::Any));
    // Somebody may be waiting for the decision, wherever the poll came in.
    if matches!((&before.state, &next.state), (State::Pending { .. }, State::Approved { .. } | State::Denied { .. })) {
        changes.push(Change::Tell(Notice::Grant(next.id)));
    }
    changes
}

/// The lists on which an approved grant stands.
pub(super) fn links(grant: &Grant, approval: &Approval, until: Timestamp) -> impl Iterator<Item = Change> {
    let of_client = List::GrantsOfClient(ClientKey::of(&grant.dialect, &grant.client));
    let lists = [approval.user.map(List::GrantsOf), Some(of_client)];
    let member = *grant.id.as_bytes();
    lists.into_iter().flatten().map(move |list| Change::Link { list, member, until })
}
