//! The rules of every token after the first: who asks for it shows a refresh token that is used up, one
//! that lasts, or nothing but who it is.

use jiff::Timestamp;

use super::{Approval, Caller, Grant, Issue, Lasting, MAX_LIVE_ISSUES, RevokedBecause, Standing, State, Terms, Wanted};
use crate::oauth::{
    audience::Audience,
    refusal::{ErrorCode, Refusal},
    scope::Scopes,
    signing::KeyId,
    step::{Step, TakesBack},
    token::Proof,
};

const DEAD: Refusal = Refusal::new(ErrorCode::InvalidGrant, "The refresh token is unknown, expired or revoked.");

impl Grant {
    /// The app trades a refresh token for the next pair (RFC 6749 section 6). `wanted` narrows
    /// what the new access token may do.
    pub fn refresh(
        &self,
        token: Proof,
        caller: Caller<'_>,
        wanted: Wanted<'_>,
        standing: Standing,
        terms: &Terms,
        now: Timestamp,
    ) -> Step<Issue> {
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
            return if is_retry {
                Step::unchanged(self.again(approval, newest, wanted))
            } else {
                self.end(RevokedBecause::Replay, Err(DEAD), now)
            };
        }
        if newest.refresh_until.is_none_or(|until| now >= until) {
            return Step::unchanged(Err(DEAD));
        }
        match self.narrowed(approval, wanted) {
            Ok(narrowed) => self.issue_next(approval, issues, narrowed, terms, now),
            Err(refusal) => Step::unchanged(Err(refusal)),
        }
    }

    /// A client that asks for itself gets the token that it has, while more than half of its life is
    /// left, or the next one (RFC 6749 section 4.4).
    pub fn current(&self, standing: Standing, terms: &Terms, now: Timestamp) -> Step<Issue> {
        const GONE: Refusal = Refusal::new(ErrorCode::InvalidGrant, "The access was taken back.");
        let State::Live { approval, issues } = &self.state else { return Step::unchanged(Err(GONE)) };
        let Some(newest) = issues.last().filter(|_| standing.upholds(approval)) else { return Step::unchanged(Err(GONE)) };
        if newest.is_current(terms, now) {
            return Step::unchanged(Ok(newest.clone()));
        }
        self.issue_next(approval, issues, (approval.scopes.clone(), self.audience.clone()), terms, now)
    }

    /// The app shows a refresh token that lasts, and gets the access token that it has, while more
    /// than half of its life is left, or the next one (Serble). `key` signed what it shows.
    pub fn renew(&self, token: Proof, key: KeyId, caller: Caller<'_>, standing: Standing, terms: &Terms, now: Timestamp) -> Step<Issue> {
        const TAKEN_BACK: Refusal = Refusal::new(ErrorCode::TakenBack, "The access was taken back.");
        let (approval, issues) = match &self.state {
            _ if !self.is_of(caller) => return Step::unchanged(Err(DEAD)),
            State::Live { approval, issues } => (approval, issues),
            State::Revoked { .. } => return Step::ended(self.id, Err(TAKEN_BACK)),
            _ => return Step::unchanged(Err(DEAD)),
        };
        let shown = Some(Lasting { number: token.number(), key });
        let is_shown = |newest: &&Issue| newest.lasting == shown && newest.refresh_until.is_some_and(|until| now < until);
        let Some(newest) = issues.last().filter(is_shown) else { return Step::unchanged(Err(DEAD)) };
        if let Some(code) = standing.lacks(approval) {
            return Step::unchanged(Err(Refusal { code, ..DEAD }));
        }
        if newest.is_current(terms, now) {
            return Step::unchanged(Ok(newest.clone()));
        }
        self.issue_next(approval, issues, (approval.scopes.clone(), self.audience.clone()), terms, now)
    }

    /// The next token. What has expired is forgotten, and of too many the oldest ends.
    pub(super) fn issue_next(
        &self,
        approval: &Approval,
        issues: &[Issue],
        with: (Scopes, Audience),
        terms: &Terms,
        now: Timestamp,
    ) -> Step<Issue> {
        let next = issues.last().and_then(|newest| newest.number.checked_add(1));
        let Some(number) = next else { return Step::unchanged(Err(DEAD)) };
        let mut issue = Issue::new(number, with.0, with.1, terms, now);
        // A refresh token that lasts goes on with whatever comes after.
        if let Some(before) = issues.last().filter(|before| before.lasting.is_some()) {
            (issue.lasting, issue.refresh_until) = (before.lasting, before.refresh_until);
        }
        let mut kept: Vec<Issue> = issues.iter().filter(|issue| now < issue.access_until).cloned().collect();
        let surplus = kept.drain(..(kept.len() + 1).saturating_sub(MAX_LIVE_ISSUES)).next_back();
        kept.push(issue.clone());
        let takes_back = surplus.map(|oldest| TakesBack::Through(self.id, oldest.number));
        Step { takes_back, ..Step::to(self.with(State::Live { approval: approval.clone(), issues: kept }), Ok(issue)) }
    }

    /// The same answer again, to who wants the same: a retry gets nothing that it did not ask for.
    fn again(&self, approval: &Approval, newest: &Issue, wanted: Wanted<'_>) -> Result<Issue, Refusal> {
        const SCOPE: Refusal = Refusal::new(ErrorCode::InvalidScope, "The refresh token was used for another scope just now.");
        const TARGET: Refusal = Refusal::new(ErrorCode::InvalidTarget, "The refresh token was used for another resource just now.");
        let (scopes, audience) = self.narrowed(approval, wanted)?;
        if scopes != newest.scopes {
            Err(SCOPE)
        } else if audience != newest.audience {
            Err(TARGET)
        } else {
            Ok(newest.clone())
        }
    }
}
