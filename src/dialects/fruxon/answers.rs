//! What Fruxon's clients read: problems in the form of RFC 9457, with a word for programs, and keys.

use std::borrow::Cow;

use http::{Response, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Fruxon;
use crate::{
    dialects::rfc,
    engine::{Error, KeyInfo},
    message::{
        BadInput, Body, Lacking, Refused, RequestId,
        refused::{problem, problem_details, problem_json},
        reply,
    },
    oauth::{
        claim::Claim,
        grant::State,
        refusal::{ErrorCode, Refusal},
        token,
    },
};

/// Why a call got no good answer.
pub(super) enum Problem {
    /// The body could not be read.
    Input(BadInput),
    /// One member of it is not as it has to be, and why.
    Field(&'static str, String),
    /// Status, word for programs, sentence for people.
    No(StatusCode, &'static str, Cow<'static, str>),
    /// The key has too few scopes.
    Lacking(Lacking),
    /// All else.
    Engine(Error),
}

impl From<BadInput> for Problem {
    fn from(input: BadInput) -> Self {
        Self::Input(input)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(refusal) => refusal.into(),
            error => Self::Engine(error),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let (status, code) = match refusal.code {
            ErrorCode::InvalidGrant => return not_found(),
            code @ (ErrorCode::AccessDenied | ErrorCode::InvalidScope) => (StatusCode::FORBIDDEN, code.as_str()),
            code => (StatusCode::BAD_REQUEST, code.as_str()),
        };
        Self::No(status, code, refusal.description)
    }
}

/// What is somebody else's looks like what is not there.
pub(super) const fn not_found() -> Problem {
    Problem::No(StatusCode::NOT_FOUND, "not_found", Cow::Borrowed("There is nothing of yours at this address."))
}

/// Why a poll gets nothing and never will.
pub(super) fn over(refusal: Refusal) -> Problem {
    let word = match refusal.code {
        ErrorCode::ExpiredToken => "expired",
        ErrorCode::Consumed => "consumed",
        ErrorCode::AccessDenied | ErrorCode::TakenBack => "access_denied",
        _ => return refusal.into(),
    };
    Problem::No(StatusCode::GONE, word, refusal.description)
}

impl Problem {
    /// The answer, with a note for the log.
    pub(super) fn answer(self, id: RequestId) -> Response<Body> {
        let (refused, field) = match self {
            Self::Input(input) => (rfc::Problem::Input(input).refused(id), None),
            Self::Field(name, why) => {
                let words = "The body is not as it has to be.";
                (Refused::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidRequest.as_str(), words, id), Some((name, why)))
            }
            Self::No(status, code, words) => (Refused::new(status, code, words, id), None),
            Self::Lacking(lacking) => {
                let refused = Refused::new(StatusCode::FORBIDDEN, "insufficient_scope", "The key has too few scopes.", id);
                (Refused { lacking: Some(lacking), ..refused }, None)
            }
            Self::Engine(Error::Limited(limited)) => (Refused::too_many(limited.retry_after, id), None),
            Self::Engine(error) => (rfc::Problem::Engine(error).refused(id), None),
        };
        let answer = match field {
            None => refused.answer(problem),
            Some((name, why)) => {
                let mut details = problem_details(&refused);
                details["errors"] = json!({ name: [why] });
                reply::no_store(problem_json(refused.status, &details))
            }
        };
        reply::noted(answer, None, refused.code)
    }
}

/// A key. Times are in milliseconds since 1970, which the published client reads.
pub(super) fn key(key: &KeyInfo, options: &Fruxon) -> Value {
    let grant = &key.grant;
    let root = match &grant.state {
        State::Live { issues, .. } => issues.last().map_or(grant.root, |newest| newest.root),
        _ => grant.root,
    };
    let revoked = match &grant.state {
        State::Revoked { at, .. } => Some(*at),
        _ => None,
    };
    let scopes: Vec<&str> = grant.requested.iter().collect();
    json!({
        "id": grant.id.to_string(),
        "name": grant.requester.app.as_ref().map_or(grant.app.name.as_str(), Claim::as_str),
        "keyPrefix": token::beginning(options.style.access, root, grant.id.as_bytes()),
        "scopes": scopes,
        "createdAt": grant.created.as_millisecond(),
        "expiresAt": grant.key.as_ref().map(|key| key.expires.as_millisecond()),
        "lastUsedAt": key.last_used.map(Timestamp::as_millisecond),
        "revokedAt": revoked.map(Timestamp::as_millisecond),
        "type": "DEVICE",
    })
}
