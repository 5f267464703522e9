//! The grant: what somebody asks for and, once a user has said yes, what that user gave. One
//! record from the first ask to the last revocation, and the rules by which it changes.
//!
//! ```text
//! Pending ──approve──► Approved ──redeem──► Live ──refresh──► Live ──revoke, replay──► Revoked
//!    └─────deny──────► Denied
//! ```
//!
//! Times run out by themselves: a pending grant whose time is over *is* expired, without anybody
//! writing so.

use std::{net::IpAddr, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    claim::Claim,
    id::{ClientId, GrantId, UserId},
    refusal::{ErrorCode, Refusal},
    scope::Scopes,
    secret::{RootId, Salt},
    step::Step,
    token::Proof,
};

/// Within this time of the first success the same caller gets the same answer again, since the
/// first one may have been lost. Later, a refresh token that was used is a replay.
pub const RETRY_WINDOW: Duration = Duration::from_secs(10);
/// At most so many access tokens of one grant live at a time; one more ends the oldest.
pub const MAX_LIVE_ISSUES: usize = 8;
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
    /// What it asked for, within what it may ask for.
    pub requested: Scopes,
    /// What is known of the asker.
    pub requester: Requester,
    /// From which its secrets are derived.
    pub salt: Salt,
    /// Under which root its code was minted.
    pub root: RootId,
    /// When it was asked for.
    pub created: Timestamp,
    /// How far it has come.
    pub state: State,
}

/// What the consent page tells of the asker. Nothing of it is verified but the network.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Requester {
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
    },
    /// The app has its tokens.
    Live {
        /// Who said yes, and to what.
        approval: Approval,
        /// The issues that may still be used, in the order of their numbers. The last is the
        /// newest ever made, and it stays when its access token has expired.
        issues: Vec<Issue>,
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

/// A user's yes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Approval {
    /// Who said it.
    pub user: UserId,
    /// The user's generation then; a later one takes this back.
    pub user_generation: u64,
    /// The client's generation then; a later one takes this back.
    pub client_generation: u64,
    /// To what.
    pub scopes: Scopes,
    /// When.
    pub at: Timestamp,
}

/// One access token and, where the dialect has them, the refresh token that came with it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Issue {
    /// Counts up from 1; both tokens carry it.
    pub number: u32,
    /// Under which root it was minted.
    pub root: RootId,
    /// What the access token may do.
    pub scopes: Scopes,
    /// When it was made.
    pub issued: Timestamp,
    /// When the access token ends.
    pub access_until: Timestamp,
    /// When the refresh token ends.
    pub refresh_until: Option<Timestamp>,
}

/// Why a grant was taken back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevokedBecause {
    /// The user took it back on a page.
    User,
    /// The app gave it back.
    Logout,
    /// A refresh token came twice: one of the two who hold it is a thief.
    Replay,
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

impl Standing {
    fn upholds(self, approval: &Approval) -> bool {
        self.user == Some(approval.user_generation) && self.client == Some(approval.client_generation)
    }
}

/// How long what is issued lives, and under which root.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Terms {
    /// Of an access token.
    pub access: Duration,
    /// Of a refresh token, counted anew at each rotation; `None` where there is none.
    pub refresh: Option<Duration>,
    /// The root that mints now.
    pub root: RootId,
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

const USED: Refusal = Refusal::new(ErrorCode::InvalidGrant, "The code is unknown or was used already.");
const DEAD: Refusal = Refusal::new(ErrorCode::InvalidGrant, "The refresh token is unknown, expired or revoked.");
const NOT_PENDING: Refusal = Refusal::new(ErrorCode::InvalidGrant, "The code is unknown, expired or decided.");

impl Grant {
    /// Whether a decision is still awaited.
    pub fn is_pending(&self, now: Timestamp) -> bool {
        matches!(self.state, State::Pending { expires } if now < expires)
    }

    /// The user's yes, while it stands.
    pub const fn approval(&self) -> Option<&Approval> {
        match &self.state {
            State::Approved { approval, .. } | State::Live { approval, .. } => Some(approval),
            State::Pending { .. } | State::Denied { .. } | State::Revoked { .. } => None,
        }
    }

    /// Whether an app can still get or do something with it.
    pub fn is_usable(&self, now: Timestamp) -> bool {
        match &self.state {
            State::Approved { redeem_by, .. } => now < *redeem_by,
            State::Live { issues, .. } => {
                // Of refresh tokens only the newest is good for anything.
                let refresh_until = issues.last().and_then(|newest| newest.refresh_until);
                issues.iter().map(|issue| issue.access_until).chain(refresh_until).any(|end| now < end)
            }
            State::Pending { .. } | State::Denied { .. } | State::Revoked { .. } => false,
        }
    }

    /// The user says yes. The first decision stands.
    pub fn approve(&self, approval: Approval, now: Timestamp) -> Step<()> {
        match &self.state {
            State::Pending { expires } if now < *expires => {
                let state = State::Approved { approval, redeem_by: *expires };
                Step::to(self.with(state), Ok(()))
            }
            _ => Step::unchanged(Err(NOT_PENDING)),
        }
    }

    /// The user says no. The first decision stands.
    pub fn deny(&self, now: Timestamp) -> Step<()> {
        if self.is_pending(now) { Step::to(self.with(State::Denied { at: now }), Ok(())) } else { Step::unchanged(Err(NOT_PENDING)) }
    }

    /// The device asks for its tokens (RFC 8628 section 3.4). Whoever asks has shown the device
    /// code. The state is what counts, however early the poll came.
    pub fn redeem(&self, _code: Proof, caller: Caller<'_>, standing: Standing, terms: &Terms, now: Timestamp) -> Step<Issue> {
        const DENIED: Refusal = Refusal::new(ErrorCode::AccessDenied, "The user denied the request, or may no longer approve it.");
        const EXPIRED: Refusal = Refusal::new(ErrorCode::ExpiredToken, "The device code has expired. Start again.");
        const PENDING: Refusal = Refusal::new(ErrorCode::AuthorizationPending, "The user has not decided yet.");
        if !self.is_of(caller) {
            return Step::unchanged(Err(USED));
        }
        match &self.state {
            State::Pending { expires: deadline } | State::Approved { redeem_by: deadline, .. } if now >= *deadline => {
                Step::unchanged(Err(EXPIRED))
            }
            State::Pending { .. } => Step::unchanged(Err(if standing.client.is_some() { PENDING } else { DENIED })),
            State::Approved { approval, .. } if standing.upholds(approval) => {
                let issue = Issue::new(1, approval.scopes.clone(), terms, now);
                let state = State::Live { approval: approval.clone(), issues: vec![issue.clone()] };
                Step::to(self.with(state), Ok(issue))
            }
            State::Approved { .. } | State::Denied { .. } | State::Revoked { redeemed: false, .. } => Step::unchanged(Err(DENIED)),
            State::Live { approval, issues } => {
                // A first answer that was lost is given again, until something was done with it.
                let again = issues.last().filter(|newest| newest.number == 1 && newest.may_be_repeated(now) && standing.upholds(approval));
                Step::unchanged(again.cloned().ok_or(USED))
            }
            State::Revoked { redeemed: true, .. } => Step::unchanged(Err(USED)),
        }
    }

    /// The app trades a refresh token for the next pair (RFC 6749 section 6). `wanted` narrows
    /// what the new access token may do.
    pub fn refresh(
        &self,
        token: Proof,
        caller: Caller<'_>,
        wanted: Option<&Scopes>,
        standing: Standing,
        terms: &Terms,
        now: Timestamp,
    ) -> Step<Issue> {
        const TOO_MUCH: Refusal = Refusal::new(ErrorCode::InvalidScope, "The scope is more than what was granted.");
        let (approval, issues) = match &self.state {
            State::Live { approval, issues } => (approval, issues),
            // It may have been this token's replay that ended it.
            State::Revoked { .. } if self.is_of(caller) => return Step::ended(self.id, Err(DEAD)),
            _ => return Step::unchanged(Err(DEAD)),
        };
        let Some(newest) = issues.last().filter(|_| self.is_of(caller) && standing.upholds(approval)) else {
            return Step::unchanged(Err(DEAD));
        };
        if token.number() > newest.number {
            // Made by us, and the store has forgotten it: a write was lost. Nobody is to blame.
            return Step::unchanged(Err(DEAD));
        }
        if token.number() < newest.number {
            let is_retry = token.number() + 1 == newest.number && newest.may_be_repeated(now);
            return if is_retry { Step::unchanged(Ok(newest.clone())) } else { self.end(RevokedBecause::Replay, Err(DEAD), now) };
        }
        if newest.refresh_until.is_none_or(|until| now >= until) {
            return Step::unchanged(Err(DEAD));
        }
        let scopes = wanted.unwrap_or(&approval.scopes);
        if !approval.scopes.cover(scopes) {
            return Step::unchanged(Err(TOO_MUCH));
        }
        let Some(number) = newest.number.checked_add(1) else { return Step::unchanged(Err(DEAD)) };
        let issue = Issue::new(number, scopes.clone(), terms, now);
        let mut kept: Vec<Issue> = issues.iter().filter(|issue| now < issue.access_until).cloned().collect();
        kept.drain(..(kept.len() + 1).saturating_sub(MAX_LIVE_ISSUES));
        kept.push(issue.clone());
        Step::to(self.with(State::Live { approval: approval.clone(), issues: kept }), Ok(issue))
    }

    /// Takes the grant back. What is over already stays as it is; what nobody approved is no
    /// longer to be approved.
    pub fn revoke(&self, why: RevokedBecause, now: Timestamp) -> Step<()> {
        match &self.state {
            State::Pending { .. } => Step::to(self.with(State::Denied { at: now }), Ok(())),
            State::Approved { .. } | State::Live { .. } => self.end(why, Ok(()), now),
            State::Denied { .. } => Step::unchanged(Ok(())),
            State::Revoked { .. } => Step::ended(self.id, Ok(())),
        }
    }

    /// Whether an access token opens anything now, and what.
    ///
    /// # Errors
    /// [`NotAdmitted`] says why not.
    pub fn admit(&self, token: Proof, standing: Standing, now: Timestamp) -> Result<(&Approval, &Issue), NotAdmitted> {
        match &self.state {
            State::Live { approval, issues } => {
                if !standing.upholds(approval) {
                    return Err(NotAdmitted::Revoked);
                }
                if issues.last().is_none_or(|newest| token.number() > newest.number) {
                    return Err(NotAdmitted::Unknown);
                }
                let issue = issues.iter().find(|issue| issue.number == token.number()).filter(|issue| now < issue.access_until);
                issue.map(|issue| (approval, issue)).ok_or(NotAdmitted::Expired)
            }
            State::Revoked { .. } => Err(NotAdmitted::Revoked),
            State::Pending { .. } | State::Approved { .. } | State::Denied { .. } => Err(NotAdmitted::Unknown),
        }
    }

    /// Until when the record is of any use.
    pub fn keep_until(&self) -> Timestamp {
        match &self.state {
            State::Pending { expires: end } | State::Approved { redeem_by: end, .. } | State::Denied { at: end } => {
                after(*end, REMEMBER_EXPIRED)
            }
            State::Live { issues, .. } => {
                let ends = issues.iter().flat_map(|issue| [Some(issue.access_until), issue.refresh_until]).flatten();
                after(ends.max().unwrap_or(self.created), REMEMBER_EXPIRED)
            }
            State::Revoked { at, .. } => after(*at, REMEMBER_REVOKED),
        }
    }

    /// Whether it belongs to this dialect and client; to all others it is unknown.
    fn is_of(&self, caller: Caller<'_>) -> bool {
        self.dialect == caller.dialect && self.client == *caller.client
    }

    fn end<O>(&self, why: RevokedBecause, outcome: Result<O, Refusal>, now: Timestamp) -> Step<O> {
        let redeemed = matches!(self.state, State::Live { .. });
        Step::ending(self.with(State::Revoked { at: now, why, redeemed }), outcome)
    }

    fn with(&self, state: State) -> Self {
        Self { state, ..self.clone() }
    }
}

impl Issue {
    fn new(number: u32, scopes: Scopes, terms: &Terms, now: Timestamp) -> Self {
        Self {
            number,
            root: terms.root,
            scopes,
            issued: now,
            access_until: after(now, terms.access),
            refresh_until: terms.refresh.map(|span| after(now, span)),
        }
    }

    fn may_be_repeated(&self, now: Timestamp) -> bool {
        now < after(self.issued, RETRY_WINDOW)
    }
}

/// `span` after `start`, or the end of time.
pub fn after(start: Timestamp, span: Duration) -> Timestamp {
    start.saturating_add(span).unwrap_or(Timestamp::MAX)
}
