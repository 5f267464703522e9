//! The only writer of grants that there are.

use jiff::Timestamp;

use super::{Engine, Error};
use crate::{
    oauth::{
        grant::{Grant, Standing},
        id::GrantId,
        refusal::Refusal,
        step::{Step, TakesBack},
    },
    store::{Change, CommitError, Expect, Key, List, Loaded, Record, Unavailable},
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
            let Some(Loaded { version, record: grant }) = self.store.grant(id).await? else {
                return Err(unknown.into());
            };
            let (standing, rests_on) = self.standing(&grant).await?;
            let step = rule(&grant, standing, self.clock.now());
            let Some(next) = step.next else {
                self.tell(id, step.takes_back, false);
                return Ok((grant, step.outcome?));
            };
            // What ends a grant ends it whatever it has become: a loop of refreshes must not starve
            // it, and an ended grant keeps nothing of the state that it ended.
            let counted = self.counted_open(&grant, &next).await?;
            let expect = if step.takes_back.is_some() { Expect::Any } else { Expect::Version(version) };
            match self.store.commit(changes(&next, expect, rests_on.into_iter().chain(counted))).await {
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
    async fn standing(&self, grant: &Grant) -> Result<(Standing, Option<Change>), Unavailable> {
        let client = self.clients.get(&grant.dialect, &grant.client).map(|client| client.generation);
        let Some(approval) = grant.approval() else {
            return Ok((Standing { user: None, client }, None));
        };
        let key = Key::User(approval.user);
        Ok(match self.store.user(approval.user).await? {
            Some(user) => {
                let generation = user.record.enabled.then_some(user.record.generation);
                (Standing { user: generation, client }, Some(Change::Compare { key, expect: Expect::Version(user.version) }))
            }
            None => (Standing { user: None, client }, Some(Change::Compare { key, expect: Expect::Absent })),
        })
    }
}

/// The grant's next state and all that has to be written or to hold with it.
fn changes(next: &Grant, expect: Expect, besides: impl Iterator<Item = Change>) -> Vec<Change> {
    let until = next.keep_until();
    let mut changes =
        vec![Change::Put { key: Key::Grant(next.id), expect, record: Record::Grant(Box::new(next.clone())), until: Some(until) }];
    if let Some(approval) = next.approval() {
        changes.push(Change::Link { list: List::GrantsOf(approval.user), member: next.id, until });
    }
    // Ending a grant rests on nobody.
    changes.extend(besides.filter(|_| expect != Expect::Any));
    changes
}
