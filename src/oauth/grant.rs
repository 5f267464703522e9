//! The grant: what somebody asks for and, once a user has said yes, what that user gave. One
//! record from the first ask to the last revocation, and the rules by which it changes.
//!
//! ```text
//! Pending ──approve──► Approved ──redeem──► Live ──refresh──► Live ──revoke, replay──► Revoked
//!    └─────deny──────► Denied └──wrong code(s)─► Void
//! ```
//!
//! Times run out by themselves: a pending grant whose time is over *is* expired, without anybody
//! writing so.

mod channel;
mod issue;
mod key;
mod renewal;
mod rules;

use std::{net::IpAddr, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    audience::Audience,
    claim::Claim,
    id::{ClientId, GrantId, SessionId, UserId},
    scope::Scopes,
    secret::{RootId, Salt},
    signing::KeyId,
};
pub use channel::{Channel, Login, Redirect};
pub use issue::{Issue, Lasting};
pub use key::Rotation;

/// Within this time of the first success the same caller gets the same answer again, since the
/// first one may have been lost. Later, a refresh token that was used is a replay.
pub const RETRY_WINDOW: Duration = Duration::from_secs(10);
/// At most so many access tokens of one grant live at a time; one more ends the oldest.
pub const MAX_LIVE_ISSUES: usize = 8;
/// So many wrong entries end the way of a typed code (SereChat, "Exchange code for token").
pub const MAX_TRIES: u8 = 5;
/// How long an ended or expired grant is remembered, for a better error than "unknown".
const REMEMBER_EXPIRED: Duration = Duration::from_secs(24 * 3600);
/// How long a revoked grant is remembered.
const REMEMBER_REVOKED: Duration = Duration::from_secs(30 * 24 * 3600);

/// One app's access, from the ask on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Grant {
    /// Its name; every credential carries it.
    pub id: GrantId,
    /// The dialect that was spoken; to every other dialect this grant is unknown.
    pub dialect: String,
    /// The app that asked.
    pub client: ClientId,
    /// What people call it, as of the ask.
    #[serde(default)]
    pub app: App,
    /// What it asked for, within what it may ask for.
    pub requested: Scopes,
    /// For which resources (RFC 8707).
    #[serde(default)]
    pub audience: Audience,
    /// What is known of the asker.
    pub requester: Requester,
    /// How the answer reaches the app.
    #[serde(default)]
    pub channel: Channel,
    /// From which its secrets are derived.
    pub salt: Salt,
    /// Under which root its code was minted.
    pub root: RootId,
    /// What is known of it besides, where it is the key that a login got.
    #[serde(default)]
    pub key: Option<DeviceKey>,
    /// When it was asked for.
    pub created: Timestamp,
    /// How far it has come.
    pub state: State,
}

/// What a registered app is called.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct App {
    /// The name.
    pub name: String,
    /// Whether the operator vouches for it.
    pub verified: bool,
}

/// A key that a login got.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DeviceKey {
    /// The tenant in which it opens something.
    pub tenant: String,
    /// When it ends by itself.
    pub expires: Timestamp,
}

/// What the consent page tells of the asker. Nothing of it is verified but the network.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Requester {
    /// The app's name, as it says, where apps are not registered.
    #[serde(default)]
    pub app: Option<Claim>,
    /// The device's name, as it says.
    pub device: Option<Claim>,
    /// The kind of device, as it says.
    pub platform: Option<Claim>,
    /// The address that the request came from.
    pub network: IpAddr,
}

/// How far a grant has come, with the evidence for it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Nobody has decided.
    Pending {
        /// When the ask is over.
        expires: Timestamp,
    },
    /// A user said yes; nothing is issued.
    Approved {
        /// Who, and what.
        approval: Approval,
        /// When the yes is over.
        redeem_by: Timestamp,
        /// How many wrong codes were entered for it.
        #[serde(default)]
        tries: u8,
    },
    /// The app has its tokens.
    Live {
        /// Who said yes, and to what.
        approval: Approval,
        /// The issues that may still be used, in the order of their numbers. The last is the
        /// newest ever made, and it stays when its access token has expired.
        issues: Vec<Issue>,
    },
    /// A user said yes, and what was shown for it was wrong too often (a typed code), or once (a
    /// verifier); or it was answered with a key.
    Void {
        /// When the yes would have been over.
        until: Timestamp,
    },
    /// A user said no.
    Denied {
        /// When.
        at: Timestamp,
    },
    /// It was approved, and that is over.
    Revoked {
        /// When.
        at: Timestamp,
        /// Why.
        why: RevokedBecause,
        /// Whether anything had been issued.
        redeemed: bool,
    },
}

/// A user's yes, or what a client has of itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Approval {
    /// Who said it; nobody, where a client asks for itself (RFC 6749 section 4.4).
    pub user: Option<UserId>,
    /// The user's generation then; a later one takes this back.
    pub user_generation: u64,
    /// The client's generation then; a later one takes this back.
    pub client_generation: u64,
    /// To what.
    pub scopes: Scopes,
    /// When.
    pub at: Timestamp,
    /// In which browser, where it was in one. A code to be typed is shown to no other.
    #[serde(default)]
    pub session: Option<SessionId>,
    /// For which tenant, where the dialect has such.
    #[serde(default)]
    pub tenant: Option<String>,
}

/// Why a grant was taken back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevokedBecause {
    /// The user took it back on a page.
    User,
    /// The app gave it back.
    Logout,
    /// A refresh token or a code came twice: one of the two who hold it is a thief.
    Replay,
    /// The operator took it back.
    Operator,
}

/// What an app wants of what was granted. Nothing said is all of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    /// What the access token may do.
    pub scopes: Option<&'a Scopes>,
    /// For which resources it is meant.
    pub audience: Option<&'a Audience>,
}

/// What an app shows with an authorization code. Not in `Debug`: the verifier is a secret.
#[derive(Clone, Copy)]
pub struct Redemption<'a> {
    /// `redirect_uri`.
    pub redirect_uri: Option<&'a str>,
    /// `code_verifier`, where the dialect has it.
    pub verifier: Option<&'a str>,
    /// What it wants for it.
    pub wanted: Wanted<'a>,
}

/// Who presents something, in which dialect. The client has been authenticated.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// The dialect spoken.
    pub dialect: &'a str,
    /// The client that speaks.
    pub client: &'a ClientId,
}

/// Whether those on whom a grant rests are still there: their generation, or `None` where they
/// are gone or disabled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Standing {
    /// The user who approved; irrelevant until there is one.
    pub user: Option<u64>,
    /// The client that asked.
    pub client: Option<u64>,
}

/// How long what is issued lives, and under which root.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Terms {
    /// Of an access token.
    pub access: Duration,
    /// Of a refresh token, counted anew at each rotation; `None` where there is none.
    pub refresh: Option<Duration>,
    /// The root that mints now.
    pub root: RootId,
    /// The key that signs now, where access tokens are JWTs.
    pub key: Option<KeyId>,
    /// The key that signs the refresh token, where that is a JWT that lasts.
    pub lasting: Option<KeyId>,
}

/// Why a token opens nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotAdmitted {
    /// Nothing like it was issued, as far as the store knows.
    Unknown,
    /// Its time is over.
    Expired,
    /// It was taken back.
    Revoked,
}

impl Grant {
    /// Whether a decision is still awaited.
    pub fn is_pending(&self, now: Timestamp) -> bool {
        matches!(self.state, State::Pending { expires } if now < expires)
    }

    /// The user's yes, while it stands.
    pub const fn approval(&self) -> Option<&Approval> {
        match &self.state {
            State::Approved { approval, .. } | State::Live { approval, .. } => Some(approval),
            State::Pending { .. } | State::Void { .. } | State::Denied { .. } | State::Revoked { .. } => None,
        }
    }

    /// Whether an app can still get or do something with it.
    pub fn is_usable(&self, now: Timestamp) -> bool {
        match &self.state {
            State::Approved { .. } => self.is_open(now),
            State::Live { issues, .. } => {
                // Of refresh tokens only the newest is good for anything.
                let refresh_until = issues.last().and_then(|newest| newest.refresh_until);
                issues.iter().filter(|issue| !issue.revoked).map(|issue| issue.access_until).chain(refresh_until).any(|end| now < end)
            }
            State::Pending { .. } | State::Void { .. } | State::Denied { .. } | State::Revoked { .. } => false,
        }
    }

    /// Whether a user said yes and the app has not come for it yet.
    pub fn is_open(&self, now: Timestamp) -> bool {
        matches!(self.state, State::Approved { redeem_by, .. } if now < redeem_by)
    }

    /// When nothing that it has or could get opens anything any more.
    pub fn ends(&self) -> Timestamp {
        match &self.state {
            State::Pending { expires: end } | State::Approved { redeem_by: end, .. } | State::Void { until: end } => *end,
            State::Denied { at } | State::Revoked { at, .. } => *at,
            State::Live { issues, .. } => {
                let ends = issues.iter().flat_map(|issue| [Some(issue.access_until), issue.refresh_until]).flatten();
                ends.max().unwrap_or(self.created)
            }
        }
    }

    /// Until when the record is of any use.
    pub fn keep_until(&self) -> Timestamp {
        match &self.state {
            State::Pending { .. } | State::Approved { .. } | State::Void { .. } | State::Denied { .. } | State::Live { .. } => {
                after(self.ends(), REMEMBER_EXPIRED)
            }
            State::Revoked { at, .. } => after(*at, REMEMBER_REVOKED),
        }
    }
}

/// `span` after `start`, or the end of time.
pub fn after(start: Timestamp, span: Duration) -> Timestamp {
    start.saturating_add(span).unwrap_or(Timestamp::MAX)
}
