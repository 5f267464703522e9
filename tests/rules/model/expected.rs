//! What the engine should answer, worked out from what was answered before: a list of issues and
//! a few dates, no states.

use std::time::Duration;

use gatepost::{engine::Decision, oauth::refusal::ErrorCode};

use crate::support::house::{ACCESS_LIFE, CODE_LIFE, Given, REFRESH_LIFE};

const RETRY: Duration = Duration::from_secs(10);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The expected answer to a poll or a refresh.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Answer {
    /// Tokens that nobody has seen.
    New,
    /// Issue so and so once more, counted from 0.
    Again(usize),
    Refused(ErrorCode),
}

/// The expected answer to an access token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Admission {
    Open,
    Unknown,
    Expired,
    Revoked,
}

pub(super) struct Issue {
    at: Duration,
    pub(super) given: Given,
}

pub(super) struct Model {
    /// Since the device asked.
    pub(super) now: Duration,
    pub(super) enabled: bool,
    pub(super) generation: u64,
    /// The user's generation when he said yes.
    approved: Option<u64>,
    denied: Option<Duration>,
    /// When it was revoked, logged out or replayed.
    over: Option<Duration>,
    pub(super) issues: Vec<Issue>,
}

impl Model {
    pub(super) fn asked(generation: u64) -> Self {
        Self { now: Duration::ZERO, enabled: true, generation, approved: None, denied: None, over: None, issues: Vec::new() }
    }

    fn is_upheld(&self) -> bool {
        self.enabled && self.approved == Some(self.generation)
    }

    fn is_forgotten(&self) -> bool {
        let end = match (self.over, self.denied, self.issues.last()) {
            (Some(over), ..) => over + 30 * DAY,
            (None, Some(denied), _) => denied + DAY,
            (None, None, Some(newest)) => newest.at + REFRESH_LIFE + DAY,
            (None, None, None) => CODE_LIFE + DAY,
        };
        self.now >= end
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.is_some()
    }

    fn end(&mut self) {
        self.over.get_or_insert(self.now);
    }

    /// Whether the decision wins.
    pub(super) fn decide(&mut self, decision: Decision) -> bool {
        let wins = self.approved.is_none() && self.denied.is_none() && self.now < CODE_LIFE;
        if wins {
            match decision {
                Decision::Approve => self.approved = Some(self.generation),
                Decision::Deny => self.denied = Some(self.now),
            }
        }
        wins
    }

    pub(super) fn poll(&self) -> Answer {
        let in_time = self.now < CODE_LIFE;
        if self.is_forgotten() {
            return Answer::Refused(ErrorCode::InvalidGrant);
        }
        if self.denied.is_some() || (self.is_over() && self.issues.is_empty()) {
            return Answer::Refused(ErrorCode::AccessDenied);
        }
        match (self.issues.as_slice(), self.approved) {
            ([], _) if !in_time => Answer::Refused(ErrorCode::ExpiredToken),
            ([], None) => Answer::Refused(ErrorCode::AuthorizationPending),
            ([], Some(_)) if self.is_upheld() => Answer::New,
            ([], Some(_)) => Answer::Refused(ErrorCode::AccessDenied),
            ([only], _) if !self.is_over() && self.is_upheld() && self.now < only.at + RETRY => Answer::Again(0),
            _ => Answer::Refused(ErrorCode::InvalidGrant),
        }
    }

    /// `wanted` is what the next token may do; `None`: more than was granted.
    pub(super) fn refresh(&mut self, at: usize, wanted: Option<&str>) -> Answer {
        const NO: Answer = Answer::Refused(ErrorCode::InvalidGrant);
        let newest = self.issues.len() - 1;
        if self.is_forgotten() || self.is_over() || !self.is_upheld() {
            return NO;
        }
        if at < newest {
            if at + 1 == newest && self.now < self.issues[newest].at + RETRY {
                // A retry is told what it asked for, or nothing.
                let same = wanted == Some(self.issues[newest].given.scopes.as_str());
                return if same { Answer::Again(newest) } else { Answer::Refused(ErrorCode::InvalidScope) };
            }
            self.end();
            return NO;
        }
        match self.now < self.issues[at].at + REFRESH_LIFE {
            true if wanted.is_none() => Answer::Refused(ErrorCode::InvalidScope),
            true => Answer::New,
            false => NO,
        }
    }

    pub(super) fn issued(&mut self, given: Given) {
        self.issues.push(Issue { at: self.now, given });
    }

    pub(super) fn admit(&self, at: usize) -> Admission {
        if self.is_forgotten() {
            Admission::Unknown
        } else if self.is_over() || !self.is_upheld() {
            Admission::Revoked
        } else if self.now >= self.issues[at].at + ACCESS_LIFE || at + 8 < self.issues.len() {
            Admission::Expired
        } else {
            Admission::Open
        }
    }

    /// Whether the user is told that it is over.
    pub(super) fn revoke(&mut self) -> bool {
        let there = self.approved.is_some() && !self.is_forgotten();
        if there {
            self.end();
        }
        there
    }

    /// Whether there was something to end.
    pub(super) fn logout(&mut self) -> bool {
        self.revoke()
    }
}
