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
};

/// More tries than callers can plausibly collide: each lost race is somebody's progress.
pub(super) const MAX_TRIES: usize = 256;

impl Engine {
    /// Loads a grant, applies a rule, makes the next state durable, and answers with the grant as
    /// it is then and the rule's outcome. Where somebody was faster, the rule is applied to what
    /// that one left.
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
        for _ in 0..MAX_TRIES {
            let Some(full) = self.store.full_grant(id, false).await? else { return Err(unknown.into()) };
            let (standing, rests_on) = self.standing(&full)?;
            let Loaded { version, record: grant } = full.grant;
            let step = rule(&grant, standing, self.clock.now());
            let Some(next) = step.next else {
                self.tell(id, step.takes_back, false);
                return Ok((grant, step.outcome?));
            };
            // What ends a grant ends it whatever it has become: a loop of refreshes must not starve
            // it, and an ended grant keeps nothing of the state that it ended.
            let counted = self.counted_open(&grant, &next).await?;
            let ends = matches!(step.takes_back, Some(TakesBack::Grant(_)));
            let expect = if ends { Expect::Any } else { Expect::Version(version) };
            let mut commit = changes(&grant, &next, expect, rests_on.into_iter().chain(counted));
            commit.extend(step.takes_back.map(Change::TakeBack));
            match self.store.commit(commit).await {
                Ok(()) => {
                    self.tell(id, step.takes_back, true);
                    return Ok((next, step.outcome?));
                }
                Err(CommitError::Conflict) => {}
                Err(CommitError::Unavailable(unavailable)) => return Err(unavailable.into()),
            }
        }
        Err(Error::Contended)
    }

    /// Tells those who wait for the grant, and those who use what is taken back, before the answer.
    fn tell(&self, id: GrantId, takes_back: Option<TakesBack>, changed: bool) {
        if let Some(what) = takes_back {
            self.verifier.take_back(what);
        }
        if changed {
            self.holds.release(id);
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
