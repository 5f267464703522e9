//! How many typed codes of one user may be good at a time. Each is another chance for whoever
//! guesses, so the count is part of the commit that opens one.

use super::{Engine, Error};
use crate::{
    oauth::{
        grant::{Channel, Grant, State},
        refusal::{ErrorCode, Refusal},
    },
    store::{Change, Expect, Key, Open, Record},
};

/// At most so many (SereChat's contract).
const MAX_OPEN: usize = 5;

impl Engine {
    /// What counts a code among its user's open ones, to be committed together with the approval
    /// that opens it; `None` for a step that opens none.
    ///
    /// # Errors
    /// `access_denied` where it would be one too many.
    pub(super) async fn counted_open(&self, before: &Grant, next: &Grant) -> Result<Option<Change>, Error> {
        const TOO_MANY: Refusal = Refusal::new(ErrorCode::AccessDenied, "Five codes of yours wait to be entered already.");
        let (Channel::Typed { .. }, State::Pending { .. }, State::Approved { approval, redeem_by, .. }) =
            (&next.channel, &before.state, &next.state)
        else {
            return Ok(None);
        };
        let Some(user) = approval.user else { return Ok(None) };
        let (expect, listed) = match self.store.open(user).await? {
            Some(loaded) => (Expect::Version(loaded.version), loaded.record.0),
            None => (Expect::Absent, Vec::new()),
        };
        let now = self.clock.now();
        let mut open = Vec::with_capacity(MAX_OPEN);
        for id in listed {
            if self.store.grant(id).await?.is_some_and(|grant| grant.record.is_open(now)) {
                open.push(id);
            }
        }
        if open.len() >= MAX_OPEN {
            return Err(TOO_MANY.into());
        }
        open.push(next.id);
        // The newest is good for the longest.
        Ok(Some(Change::Put { key: Key::Open(user), expect, record: Record::Open(Open(open)), until: Some(*redeem_by) }))
    }
}
