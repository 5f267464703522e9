//! What Bootspring's clients read: success in both vocabularies, and errors in three shapes.

use http::{HeaderValue, Response, StatusCode};
use secrecy::ExposeSecret;
use serde_json::json;

use super::Bootspring;
use crate::{
    dialects::rfc::{Problem, flat, flat_parts},
    engine::{Error, Tokens},
    message::{Body, Refused, RequestId, Shape, reply},
    oauth::refusal::{ErrorCode, Refusal},
};

/// RFC 6749 section 5.1, and the same in the words of the published command line.
pub(super) fn tokens(tokens: &Tokens, options: &Bootspring) -> Response<Body> {
    let access = tokens.access.expose_secret();
    let refresh = tokens.refresh.as_ref().map(ExposeSecret::expose_secret);
    reply::no_store(reply::json(
        StatusCode::OK,
        &json!({
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": tokens.expires_in,
            "refresh_token": refresh,
            "scope": tokens.scopes.to_string(),
            "token": access,
            "refreshToken": refresh,
            "expiresIn": in_words(tokens.expires_in),
            "user": {"email": tokens.user.as_ref().and_then(|user| user.email.as_deref()), "tier": options.tier},
        }),
    ))
}

/// `^[0-9]+[mhd]$`, in the largest unit that fits.
fn in_words(seconds: u64) -> String {
    match seconds {
        s if s >= 86_400 && s.is_multiple_of(86_400) => format!("{}d", s / 86_400),
        s if s >= 3_600 && s.is_multiple_of(3_600) => format!("{}h", s / 3_600),
        s => format!("{}m", (s / 60).max(1)),
    }
}

/// Which of the endpoints says no, since each has habits of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Family {
    /// The code endpoint of the RFC: flat, but for 429.
    Start,
    /// The command line's code endpoint: the same.
    CliStart,
    /// The token endpoint of the RFC: flat.
    Token,
    /// The command line's: flat, and what is unknown has expired, since it knows no other word.
    CliToken,
    /// The command line's refresh: every no of the protocol is 401.
    CliRefresh,
    /// The rest of the command line's: nested.
    CliApi,
}

/// A no, as this family says it, with a note for the log.
pub(super) fn refused(problem: Problem, family: Family, id: RequestId) -> Response<Body> {
    let (refused, shape): (Refused, Shape) = match problem {
        Problem::Engine(Error::Refused(refusal)) => (refusal_in(family, refusal, id), family.shape()),
        Problem::Engine(Error::Limited(limited)) => {
            let refused = Refused::too_many(limited.retry_after, id);
            match family {
                Family::Token | Family::CliToken => (Problem::Engine(Error::Limited(limited)).refused(id), family.shape()),
                Family::Start => (refused, rate_limited),
                Family::CliStart | Family::CliRefresh | Family::CliApi => (refused, rate_limited_and_message),
            }
        }
        Problem::Client { challenged: true, .. } => (problem.refused(id), flat),
        other => (other.refused(id), family.shape()),
    };
    let outcome = refused.code;
    reply::noted(refused.answer(shape), None, outcome)
}

fn refusal_in(family: Family, refusal: Refusal, id: RequestId) -> Refused {
    let (status, code) = match (family, refusal.code) {
        (Family::CliToken, ErrorCode::InvalidGrant) => (StatusCode::BAD_REQUEST, ErrorCode::ExpiredToken.as_str()),
        (Family::CliRefresh, ErrorCode::InvalidGrant | ErrorCode::InvalidClient) => (StatusCode::UNAUTHORIZED, "unauthorized"),
        (_, code) => (StatusCode::BAD_REQUEST, code.as_str()),
    };
    let mut refused = Refused::new(status, code, refusal.description, id);
    if status == StatusCode::UNAUTHORIZED {
        refused.challenge = Some(HeaderValue::from_static("Bearer error=\"invalid_token\""));
    }
    refused
}

impl Family {
    const fn shape(self) -> Shape {
        match self {
            Self::Start | Self::Token => flat,
            Self::CliStart | Self::CliToken => flat_and_message,
            Self::CliRefresh | Self::CliApi => nested,
        }
    }
}

/// As the RFC says no, with the sentence again where the command line looks for it.
pub(super) fn flat_and_message(refused: &Refused) -> Response<Body> {
    let (error, words) = flat_parts(refused);
    reply::json(refused.status, &json!({"error": error, "error_description": words, "message": words}))
}

/// The command line's API: a word and a sentence within `error`, and the sentence beside it.
pub(super) fn nested(refused: &Refused) -> Response<Body> {
    let code = match refused.code {
        "missing_token" | "invalid_token" => "unauthorized",
        code => code,
    };
    let error = json!({"code": code, "message": refused.message, "request_id": refused.request_id.to_string()});
    reply::json(refused.status, &json!({"error": error, "message": refused.message}))
}

/// Too often, as Bootspring's API page shows it.
fn rate_limited(refused: &Refused) -> Response<Body> {
    reply::json(refused.status, &json!({"error": too_often(refused)}))
}

/// The same, with the sentence again where the command line looks for it.
fn rate_limited_and_message(refused: &Refused) -> Response<Body> {
    reply::json(refused.status, &json!({"error": too_often(refused), "message": refused.message}))
}

fn too_often(refused: &Refused) -> serde_json::Value {
    json!({"code": refused.code, "message": refused.message, "retry_after": refused.retry_after})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_is_told_in_the_largest_unit_that_fits() {
        for (seconds, words) in [(900, "15m"), (3600, "1h"), (5400, "90m"), (86_400, "1d"), (30, "1m"), (30 * 86_400, "30d")] {
            assert_eq!(in_words(seconds), words);
        }
    }
}
