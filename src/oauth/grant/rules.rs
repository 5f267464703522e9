//! The rules: what each ask makes of a grant, in the order of its life.

use jiff::Timestamp;

use super::{
    Approval, Caller, Channel, Grant, Issue, MAX_LIVE_ISSUES, MAX_TRIES, NotAdmitted, RETRY_WINDOW, RevokedBecause, Standing, State, Terms,
    after,
};
use crate::oauth::{
    refusal::{ErrorCode, Refusal},
    scope::Scopes,
    step::Step,
    token::Proof,
};

const USED: Refusal = Refusal::new(ErrorCode::InvalidGrant, "The code is unknown or was used already.");
const DEAD: Refusal = Refusal::new(ErrorCode::InvalidGrant, "The refresh token is unknown, expired or revoked.");
const NOT_PENDING: Refusal = Refusal::new(ErrorCode::InvalidGrant, "The code is unknown, expired or decided.");

impl Grant {
    /// The user says yes. The first decision stands.
    pub fn approve(&self, approval: Approval, now: Timestamp) -> Step<()> {
        match &self.state {
            State::Pending { expires } if now < *expires => {
                let redeem_by = match self.channel {
                    Channel::Polled => *expires,
                    // Also where that is later: nobody is to hurry with the last minute's code.
                    Channel::Typed { life } => after(now, life),
                };
                let state = State::Approved { approval, redeem_by, tries: 0 };
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
            State::Approved { approval, .. } if standing.upholds(approval) => self.first_issue(approval, terms, now),
            State::Approved { .. } | State::Denied { .. } | State::Revoked { redeemed: false, .. } => Step::unchanged(Err(DENIED)),
            State::Live { approval, issues } => {
                // A first answer that was lost is given again, until something was done with it.
                let again = issues.last().filter(|newest| newest.number == 1 && newest.may_be_repeated(now) && standing.upholds(approval));
                Step::unchanged(again.cloned().ok_or(USED))
            }
            State::Void { .. } | State::Revoked { redeemed: true, .. } => Step::unchanged(Err(USED)),
        }
    }

    /// The app brings the code that the user typed into it, or a wrong one: `None` (SereChat,
    /// "Exchange code for token"). It is answered once. Counting and comparing are one step, so
    /// that no number of simultaneous tries is more than five.
    pub fn exchange(&self, code: Option<Proof>, caller: Caller<'_>, standing: Standing, terms: &Terms, now: Timestamp) -> Step<Issue> {
        const UNKNOWN: Refusal = Refusal::new(ErrorCode::InvalidGrant, "The request is unknown, expired or was used already.");
        const PENDING: Refusal = Refusal::new(ErrorCode::AuthorizationPending, "The user has not decided yet.");
        const DENIED: Refusal = Refusal::new(ErrorCode::AccessDenied, "The user denied the request.");
        const ENDED: Refusal = Refusal::new(ErrorCode::AccessDenied, "The access was taken back before the code was used.");
        const VOID: Refusal = Refusal::new(ErrorCode::AccessDenied, "Too many wrong codes were entered. Start again.");
        const WRONG: &str = "The code is wrong.";
        if !self.is_of(caller) {
            return Step::unchanged(Err(UNKNOWN));
        }
        match &self.state {
            State::Pending { expires: end } | State::Approved { redeem_by: end, .. } | State::Void { until: end } if now >= *end => {
                Step::unchanged(Err(UNKNOWN))
            }
            State::Pending { .. } if standing.client.is_some() => Step::unchanged(Err(PENDING)),
            State::Approved { approval, redeem_by, tries } if standing.upholds(approval) => match code {
                Some(_) => self.first_issue(approval, terms, now),
                None if tries + 1 < MAX_TRIES => {
                    let state = State::Approved { approval: approval.clone(), redeem_by: *redeem_by, tries: tries + 1 };
                    Step::to(self.with(state), Err(Refusal::new(ErrorCode::WrongCode { left: MAX_TRIES - tries - 1 }, WRONG)))
                }
                None => {
                    let refusal = Refusal { code: ErrorCode::WrongCode { left: 0 }, ..VOID };
                    Step::to(self.with(State::Void { until: *redeem_by }), Err(refusal))
                }
            },
            State::Void { .. } => Step::unchanged(Err(VOID)),
            State::Denied { .. } => Step::unchanged(Err(DENIED)),
            State::Pending { .. } | State::Approved { .. } | State::Revoked { redeemed: false, .. } => Step::unchanged(Err(ENDED)),
            State::Live { .. } | State::Revoked { redeemed: true, .. } => Step::unchanged(Err(UNKNOWN)),
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
            State::Void { .. } | State::Denied { .. } => Step::unchanged(Ok(())),
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
            State::Pending { .. } | State::Approved { .. } | State::Void { .. } | State::Denied { .. } => Err(NotAdmitted::Unknown),
        }
    }

    /// From the yes to the first token.
    fn first_issue(&self, approval: &Approval, terms: &Terms, now: Timestamp) -> Step<Issue> {
        let issue = Issue::new(1, approval.scopes.clone(), terms, now);
        let state = State::Live { approval: approval.clone(), issues: vec![issue.clone()] };
        Step::to(self.with(state), Ok(issue))
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

impl State {
    /// The state of what a user gives himself: nobody asked, and there is nothing to redeem.
    pub fn born_live(approval: Approval, terms: &Terms, now: Timestamp) -> Self {
        let issue = Issue::new(1, approval.scopes.clone(), terms, now);
        Self::Live { approval, issues: vec![issue] }
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

impl Standing {
    fn upholds(self, approval: &Approval) -> bool {
        self.user == Some(approval.user_generation) && self.client == Some(approval.client_generation)
    }
}
