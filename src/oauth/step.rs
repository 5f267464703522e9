//! What a rule answers.

use serde::{Deserialize, Serialize};

use super::{
    client::ClientKey,
    grant::Grant,
    id::{GrantId, KeyId, UserId},
    refusal::Refusal,
};

/// The answer of a rule. A failed try may change the grant too, so the next state and the outcome
/// come together.
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use]
pub struct Step<O> {
    /// The grant as it is from now on; `None` where nothing changes and nothing is to be written.
    pub next: Option<Grant>,
    /// What to tell the caller once `next` is durable.
    pub outcome: Result<O, Refusal>,
    /// What nobody may use any more from the moment of the answer on.
    pub takes_back: Option<TakesBack>,
}

impl<O> Step<O> {
    /// The grant stays as it is.
    pub const fn unchanged(outcome: Result<O, Refusal>) -> Self {
        Self { next: None, outcome, takes_back: None }
    }

    /// The grant becomes `next`.
    pub const fn to(next: Grant, outcome: Result<O, Refusal>) -> Self {
        Self { next: Some(next), outcome, takes_back: None }
    }

    /// The grant has ended already, and whatever it admitted ends: whoever ended it may have gone
    /// down between writing so and doing so.
    pub const fn ended(grant: GrantId, outcome: Result<O, Refusal>) -> Self {
        Self { next: None, outcome, takes_back: Some(TakesBack::Grant(grant)) }
    }

    /// The grant becomes `next`, and whatever it admitted ends.
    pub const fn ending(next: Grant, outcome: Result<O, Refusal>) -> Self {
        let takes_back = Some(TakesBack::Grant(next.id));
        Self { next: Some(next), outcome, takes_back }
    }
}

/// What is taken back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TakesBack {
    /// All that was ever issued under a grant.
    Grant(GrantId),
    /// One access token of a grant.
    Issue(GrantId, u32),
    /// That one and all before it.
    Through(GrantId, u32),
    /// All that a key signed.
    Key(KeyId),
    /// All that a user granted, as long as he is disabled.
    User(UserId),
    /// All that a user granted before he was of this generation.
    UserBefore(UserId, u64),
    /// All that a client was given, as long as it is disabled, or for good.
    Client(ClientKey),
    /// All that a client was given before it was of this generation.
    ClientBefore(ClientKey, u64),
}
