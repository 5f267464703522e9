//! The rules: what each ask makes of a grant, in the order of its life. What gets the tokens after the
//! first is in `renewal`.

use std::ops::RangeInclusive;

use jiff::Timestamp;

use super::{
    Approval, Caller, Channel, Grant, Issue, MAX_TRIES, NotAdmitted, Redemption, Redirect, RevokedBecause, Standing, State, Terms, Wanted,
    after,
};
use crate::oauth::{
    audience::Audience,
    refusal::{ErrorCode, Refusal},
    scope::Scopes,
    signing::KeyId,
    step::{Step, TakesBack},
    token::Proof,
};

const USED: Refusal = Refusal::new(ErrorCode::InvalidGrant, "The code is unknown or was used already.");
const TOO_MUCH: Refusal = Refusal::new(ErrorCode::InvalidScope, "The scope is more than what was granted.");
const ELSEWHERE: Refusal = Refusal::new(ErrorCode::InvalidTarget, "The resource is not one for which access was granted.");
const NOT_PENDING: Refusal = Refusal::new(ErrorCode::InvalidGrant, "The code is unknown, expired or decided.");

impl Grant {
    /// The user says yes. The first decision stands.
    pub fn approve(&self, approval: Approval, now: Timestamp) -> Step<()> {
        match &self.state {
            State::Pending { expires } if now < *expires => {
                let redeem_by = match &self.channel {
                    Channel::Polled | Channel::Delivered(_) => *expires,
                    // Also where that is later: nobody is to hurry with the last minute's code.
                    Channel::Typed { life } | Channel::Redirect(Redirect { life, .. }) => after(now, *life),
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

    /// The app brings the code that a browser took to it (RFC 6749 section 4.1.3), with the address
    /// and the verifier that it shows. The client has been authenticated: another one's try changes
    /// nothing. A wrong verifier ends the code: whoever sends it holds a code that is not his.
    pub fn redeem_code(
        &self,
        _code: Proof,
        caller: Caller<'_>,
        shown: &Redemption<'_>,
        standing: Standing,
        terms: &Terms,
        now: Timestamp,
    ) -> Step<Issue> {
        const UNKNOWN: Refusal = Refusal::new(ErrorCode::InvalidGrant, "The code is unknown, expired or was used already.");
        const TAKEN_BACK: Refusal = Refusal::new(ErrorCode::TakenBack, "The access was taken back before the code was used.");
        const ADDRESS: Refusal = Refusal::new(ErrorCode::InvalidGrant, "The redirect_uri is not the one of the authorization request.");
        const VERIFIER: Refusal = Refusal::new(ErrorCode::InvalidGrant, "The code_verifier does not match the code_challenge.");
        let Channel::Redirect(redirect) = &self.channel else { return Step::unchanged(Err(UNKNOWN)) };
        if !self.is_of(caller) {
            return Step::unchanged(Err(UNKNOWN));
        }
        match &self.state {
            State::Approved { approval, redeem_by, .. } if now < *redeem_by => {
                if let Some(code) = standing.lacks(approval) {
                    return Step::unchanged(Err(Refusal { code, ..UNKNOWN }));
                }
                if shown.redirect_uri.map_or(redirect.named, |uri| uri != redirect.uri) {
                    return Step::unchanged(Err(ADDRESS));
                }
                if !redirect.is_met_by(shown.verifier) {
                    return Step::to(self.with(State::Void { until: *redeem_by }), Err(VERIFIER));
                }
                match self.narrowed(approval, shown.wanted) {
                    Ok((scopes, audience)) => self.issue_first(approval, scopes, audience, terms, now),
                    Err(refusal) => Step::unchanged(Err(refusal)),
                }
            }
            State::Live { issues, .. } if redirect.is_met_by(shown.verifier) => {
                // The app may have sent it twice in haste. Later, or once the first answer was put to
                // use, the code is in two hands.
                let is_retry = issues.last().is_some_and(|newest| newest.number == 1 && newest.may_be_repeated(now));
                if is_retry { Step::unchanged(Err(UNKNOWN)) } else { self.end(RevokedBecause::Replay, Err(UNKNOWN), now) }
            }
            State::Revoked { redeemed, .. } => Step::ended(self.id, Err(if *redeemed { UNKNOWN } else { TAKEN_BACK })),
            State::Pending { .. } | State::Approved { .. } | State::Live { .. } | State::Void { .. } | State::Denied { .. } => {
                Step::unchanged(Err(UNKNOWN))
            }
        }
    }

    /// Takes back one access token, and leaves the refresh token that came with it (RFC 7009
    /// section 2.1).
    pub fn revoke_access(&self, token: Proof, now: Timestamp) -> Step<()> {
        let State::Live { approval, issues } = &self.state else { return Step::unchanged(Ok(())) };
        let mut issues = issues.clone();
        let Some(issue) = issues.iter_mut().find(|issue| issue.number == token.number()) else { return Step::unchanged(Ok(())) };
        let takes_back = Some(TakesBack::Issue(self.id, issue.number));
        if issue.revoked || now >= issue.access_until {
            return Step { next: None, outcome: Ok(()), takes_back };
        }
        issue.revoked = true;
        let next = self.with(State::Live { approval: approval.clone(), issues });
        Step { next: Some(next), outcome: Ok(()), takes_back }
    }

    /// Takes back the access tokens of these numbers, as far as they are there.
    pub fn withdraw(&self, numbers: RangeInclusive<u32>) -> Step<()> {
        let State::Live { approval, issues } = &self.state else { return Step::unchanged(Ok(())) };
        let taken = |issue: &Issue| Issue { revoked: issue.revoked || numbers.contains(&issue.number), ..issue.clone() };
        let next = self.with(State::Live { approval: approval.clone(), issues: issues.iter().map(taken).collect() });
        let takes_back = match (numbers.start(), numbers.end()) {
            (first, last) if first == last => TakesBack::Issue(self.id, *last),
            (_, last) => TakesBack::Through(self.id, *last),
        };
        Step { next: Some(next).filter(|next| next != self), outcome: Ok(()), takes_back: Some(takes_back) }
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

    /// Whether an access token opens anything now, and what. `key` is the one that signed it, if one
    /// did: a key opens nothing that it was not asked to sign.
    ///
    /// # Errors
    /// [`NotAdmitted`] says why not.
    pub fn admit(&self, token: Proof, key: Option<KeyId>, standing: Standing, now: Timestamp) -> Result<(&Approval, &Issue), NotAdmitted> {
        match &self.state {
            State::Live { approval, issues } => {
                if !standing.upholds(approval) {
                    return Err(NotAdmitted::Revoked);
                }
                if issues.last().is_none_or(|newest| token.number() > newest.number) {
                    return Err(NotAdmitted::Unknown);
                }
                match issues.iter().find(|issue| issue.number == token.number()) {
                    Some(issue) if issue.key != key => Err(NotAdmitted::Unknown),
                    Some(issue) if issue.revoked => Err(NotAdmitted::Revoked),
                    Some(issue) if now < issue.access_until => Ok((approval, issue)),
                    // Of a key one secret opens, and each before it was replaced.
                    None if self.key.is_some() => Err(NotAdmitted::Revoked),
                    Some(_) | None => Err(NotAdmitted::Expired),
                }
            }
            State::Revoked { .. } => Err(NotAdmitted::Revoked),
            State::Pending { .. } | State::Approved { .. } | State::Void { .. } | State::Denied { .. } => Err(NotAdmitted::Unknown),
        }
    }

    /// From the yes to the first token.
    fn first_issue(&self, approval: &Approval, terms: &Terms, now: Timestamp) -> Step<Issue> {
        self.issue_first(approval, approval.scopes.clone(), self.audience.clone(), terms, now)
    }

    fn issue_first(&self, approval: &Approval, scopes: Scopes, audience: Audience, terms: &Terms, now: Timestamp) -> Step<Issue> {
        let issue = Issue::new(1, scopes, audience, terms, now);
        let state = State::Live { approval: approval.clone(), issues: vec![issue.clone()] };
        Step::to(self.with(state), Ok(issue))
    }

    /// What was granted, or as much less as is wanted.
    pub(super) fn narrowed(&self, approval: &Approval, wanted: Wanted<'_>) -> Result<(Scopes, Audience), Refusal> {
        let scopes = wanted.scopes.unwrap_or(&approval.scopes);
        if !approval.scopes.cover(scopes) {
            return Err(TOO_MUCH);
        }
        let audience = match wanted.audience {
            Some(wanted) => self.audience.narrowed_to(wanted).ok_or(ELSEWHERE)?,
            None => self.audience.clone(),
        };
        Ok((scopes.clone(), audience))
    }

    /// Whether it belongs to this dialect and client; to all others it is unknown.
    pub(super) fn is_of(&self, caller: Caller<'_>) -> bool {
        self.dialect == caller.dialect && self.client == *caller.client
    }

    pub(super) fn end<O>(&self, why: RevokedBecause, outcome: Result<O, Refusal>, now: Timestamp) -> Step<O> {
        let redeemed = matches!(self.state, State::Live { .. });
        let next = self.with(State::Revoked { at: now, why, redeemed });
        // A login opens nothing itself. Whoever ends it must not be told so once its key was given.
        if self.is_login() { Step::to(next, outcome) } else { Step::ending(next, outcome) }
    }

    pub(super) fn with(&self, state: State) -> Self {
        Self { state, ..self.clone() }
    }
}

impl State {
    /// The state of what a user gives himself: nobody asked, and there is nothing to redeem.
    pub fn born_live(approval: Approval, audience: Audience, terms: &Terms, now: Timestamp) -> Self {
        let issue = Issue::new(1, approval.scopes.clone(), audience, terms, now);
        Self::Live { approval, issues: vec![issue] }
    }
}

impl Standing {
    /// Whether a yes still rests on those who said it and those it was said to.
    pub fn upholds(self, approval: &Approval) -> bool {
        self.lacks(approval).is_none()
    }

    /// Who of those is gone, if one is.
    pub(super) fn lacks(self, approval: &Approval) -> Option<ErrorCode> {
        let lacks_user = approval.user.is_some() && self.user != Some(approval.user_generation);
        if lacks_user && self.user.is_none() {
            Some(ErrorCode::UserGone)
        } else if lacks_user || self.client != Some(approval.client_generation) {
            Some(ErrorCode::TakenBack)
        } else {
            None
        }
    }
}
