//! What a grant has given out.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{RETRY_WINDOW, Terms, after};
use crate::oauth::{audience::Audience, scope::Scopes, secret::RootId, signing::KeyId};

/// One access token and, where the dialect has them, the refresh token that came with it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Issue {
    /// Counts up from 1; both tokens carry it.
    pub number: u32,
    /// Under which root it was minted.
    pub root: RootId,
    /// What the access token may do.
    pub scopes: Scopes,
    /// For which resources it is meant.
    #[serde(default)]
    pub audience: Audience,
    /// Which key signs the access token, if it is a JWT.
    #[serde(default)]
    pub key: Option<KeyId>,
    /// Whether the access token, alone, was taken back.
    #[serde(default)]
    pub revoked: bool,
    /// When it was made.
    pub issued: Timestamp,
    /// When the access token ends.
    pub access_until: Timestamp,
    /// When the refresh token ends.
    pub refresh_until: Option<Timestamp>,
    /// Which refresh token goes with it, where that is none of its own but one that lasts.
    #[serde(default)]
    pub lasting: Option<Lasting>,
}

/// A refresh token that is not used up: a JWT, as good for the last access token as for the first
/// (Serble).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Lasting {
    /// The number of the issue that it was made with.
    pub number: u32,
    /// The key that signed it.
    pub key: KeyId,
}

impl Issue {
    pub(super) fn new(number: u32, scopes: Scopes, audience: Audience, terms: &Terms, now: Timestamp) -> Self {
        Self {
            number,
            root: terms.root,
            key: terms.key,
            revoked: false,
            scopes,
            audience,
            issued: now,
            access_until: after(now, terms.access),
            refresh_until: terms.refresh.map(|span| after(now, span)),
            lasting: terms.lasting.map(|key| Lasting { number, key }),
        }
    }

    /// Whether it is what a client that asks again gets: more than half of its life is left.
    pub(super) fn is_current(&self, terms: &Terms, now: Timestamp) -> bool {
        let is_fresh = after(now, terms.access / 2) < self.access_until;
        is_fresh && !self.revoked && self.key == terms.key && self.root == terms.root
    }

    pub(super) fn may_be_repeated(&self, now: Timestamp) -> bool {
        now < after(self.issued, RETRY_WINDOW)
    }
}
