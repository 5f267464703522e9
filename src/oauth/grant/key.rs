//! Keys: what a login gets that is answered once (Fruxon). The login is one grant, and its answer
//! another, the key; the next login from the same device gets the same key with another secret.

use std::time::Duration;

use jiff::Timestamp;

use super::{Approval, Caller, Channel, DeviceKey, Grant, Issue, Standing, State, Terms};
use crate::oauth::{
    claim::Claim,
    id::GrantId,
    refusal::{ErrorCode, Refusal},
    scope::Scopes,
    secret::Salt,
    step::{Step, TakesBack},
    token::Proof,
};

const GONE: Refusal = Refusal::new(ErrorCode::InvalidGrant, "There is no such key.");

/// What is to be different about a key, besides its secret. Nothing said is: as it was.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rotation<'a> {
    /// What it may do: no more than it may now.
    pub scopes: Option<&'a Scopes>,
    /// How long it lives from now on: no longer than it would.
    pub life: Option<Duration>,
    /// What it is called.
    pub name: Option<&'a Claim>,
}

impl Grant {
    /// The device asks for its key. Whoever asks has shown the device code. It is answered once: the
    /// login is over with the yes.
    pub fn deliver(&self, _code: Proof, caller: Caller<'_>, standing: Standing, now: Timestamp) -> Step<Approval> {
        const UNKNOWN: Refusal = Refusal::new(ErrorCode::InvalidGrant, "The device code is unknown.");
        const CONSUMED: Refusal = Refusal::new(ErrorCode::Consumed, "The device code was used already.");
        const EXPIRED: Refusal = Refusal::new(ErrorCode::ExpiredToken, "The device code has expired. Start again.");
        const DENIED: Refusal = Refusal::new(ErrorCode::AccessDenied, "The user denied the request, or may no longer approve it.");
        const PENDING: Refusal = Refusal::new(ErrorCode::AuthorizationPending, "The user has not decided yet.");
        if !self.is_of(caller) || !self.is_login() {
            return Step::unchanged(Err(UNKNOWN));
        }
        match &self.state {
            State::Pending { expires: end } | State::Approved { redeem_by: end, .. } if now >= *end => Step::unchanged(Err(EXPIRED)),
            State::Pending { .. } => Step::unchanged(Err(if standing.client.is_some() { PENDING } else { DENIED })),
            State::Approved { approval, .. } if standing.upholds(approval) => {
                Step::to(self.with(State::Void { until: now }), Ok(approval.clone()))
            }
            State::Approved { .. } | State::Denied { .. } | State::Revoked { .. } => Step::unchanged(Err(DENIED)),
            State::Void { .. } | State::Live { .. } => Step::unchanged(Err(CONSUMED)),
        }
    }

    /// Whether it is to be answered with a key, and is none.
    pub(super) const fn is_login(&self) -> bool {
        matches!(self.channel, Channel::Delivered(_)) && self.key.is_none()
    }

    /// The number of the newest secret of a key.
    pub fn newest_secret(&self) -> Option<u32> {
        let State::Live { issues, .. } = &self.state else { return None };
        issues.last().map(|newest| newest.number)
    }

    /// The key that a login gets, where its device has none; `None` where the yes names no tenant.
    pub fn key_of(login: &Self, approval: Approval, id: GrantId, salt: Salt, terms: &Terms, now: Timestamp) -> Option<Self> {
        let key = DeviceKey { tenant: approval.tenant.clone()?, expires: super::after(now, terms.access) };
        Some(Self {
            id,
            salt,
            root: terms.root,
            created: now,
            requested: approval.scopes.clone(),
            key: Some(key),
            state: State::born_live(approval, login.audience.clone(), terms, now),
            ..login.clone()
        })
    }

    /// The secret that a key has opens nothing any more. To be said before another takes its place, as
    /// often as it takes.
    pub fn supersede(&self) -> Step<()> {
        let State::Live { approval, issues } = &self.state else { return Step::unchanged(Err(GONE)) };
        let Some(newest) = issues.last() else { return Step::unchanged(Err(GONE)) };
        // Whoever replaced an earlier one may have gone down between writing so and doing so.
        let takes_back = Some(TakesBack::Through(self.id, newest.number));
        let issues = issues.iter().map(|issue| Issue { revoked: true, ..issue.clone() }).collect();
        let next = self.with(State::Live { approval: approval.clone(), issues });
        Step { next: Some(next).filter(|next| next != self), outcome: Ok(()), takes_back }
    }

    /// The key as the next login of its device leaves it: with another secret, and with what was said
    /// yes to this time.
    pub fn replaced(&self, login: &Self, approval: &Approval, terms: &Terms, now: Timestamp) -> Step<Issue> {
        let State::Live { issues, .. } = &self.state else { return Step::unchanged(Err(GONE)) };
        let asked_anew = Self {
            requested: approval.scopes.clone(),
            app: login.app.clone(),
            requester: login.requester.clone(),
            channel: login.channel.clone(),
            audience: login.audience.clone(),
            key: self.key.clone().map(|key| DeviceKey { expires: super::after(now, terms.access), ..key }),
            ..self.clone()
        };
        asked_anew.issue_next(approval, &over(issues, now), (approval.scopes.clone(), login.audience.clone()), terms, now)
    }

    /// Gives a key another secret, in the place of the one that it has.
    pub fn rotate(&self, rotation: Rotation<'_>, standing: Standing, terms: &Terms, now: Timestamp) -> Step<Issue> {
        const WIDER: Refusal = Refusal::new(ErrorCode::InvalidScope, "A key cannot be given more scopes than it has.");
        const LONGER: Refusal = Refusal::new(ErrorCode::AccessDenied, "A key cannot be made to live longer.");
        let State::Live { approval, issues } = &self.state else { return Step::unchanged(Err(GONE)) };
        let newest = issues.last().filter(|newest| !newest.revoked && now < newest.access_until && standing.upholds(approval));
        let (Some(newest), Some(key)) = (newest, &self.key) else { return Step::unchanged(Err(GONE)) };
        let scopes = rotation.scopes.unwrap_or(&approval.scopes);
        if !approval.scopes.cover(scopes) {
            return Step::unchanged(Err(WIDER));
        }
        let until = rotation.life.map_or(newest.access_until, |life| super::after(now, life));
        if until > newest.access_until {
            return Step::unchanged(Err(LONGER));
        }
        let mut renamed = Self { requested: scopes.clone(), key: Some(DeviceKey { expires: until, ..key.clone() }), ..self.clone() };
        if let Some(name) = rotation.name {
            renamed.requester.app = Some(name.clone());
        }
        let approval = Approval { scopes: scopes.clone(), ..approval.clone() };
        let terms = Terms { access: until.duration_since(now).unsigned_abs(), ..terms.clone() };
        let step = renamed.issue_next(&approval, &over(issues, now), (scopes.clone(), self.audience.clone()), &terms, now);
        Step { takes_back: Some(TakesBack::Through(self.id, newest.number)), ..step }
    }
}

/// What comes before the next secret: nothing but the number of the newest is of interest any more.
fn over(issues: &[Issue], now: Timestamp) -> Vec<Issue> {
    issues.last().map(|newest| Issue { access_until: now, ..newest.clone() }).into_iter().collect()
}
