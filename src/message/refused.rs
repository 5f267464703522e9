//! The gateway says no, in the words of whoever asked.

use std::borrow::Cow;

use http::{
    HeaderValue, Response, StatusCode,
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use serde_json::{Value, json};

use super::{Body, RequestId, reply};
use crate::oauth::scope::Scopes;

/// A no, in no particular shape yet.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The status.
    pub status: StatusCode,
    /// The word for programs.
    pub code: &'static str,
    /// The sentence for people.
    pub message: Cow<'static, str>,
    /// The request's name, for asking the operator.
    pub request_id: RequestId,
    /// When to try again, in seconds.
    pub retry_after: Option<u64>,
    /// `WWW-Authenticate`.
    pub challenge: Option<HeaderValue>,
    /// `Allow`, with 405.
    pub allow: Option<HeaderValue>,
    /// What the token lacks, with 403.
    pub lacking: Option<Lacking>,
}

/// Too little scope.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lacking {
    /// What is needed.
    pub required: Scopes,
    /// What the token has.
    pub granted: Scopes,
}

/// Writes a no as a body of some dialect or route.
pub type Shape = fn(&Refused) -> Response<Body>;

/// Writes a no as an event of a stream (HTML Living Standard, section 9.2.6).
pub type Event = fn(&Refused) -> String;

impl Refused {
    /// A no with nothing special.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<Cow<'static, str>>, request_id: RequestId) -> Self {
        Self { status, code, message: message.into(), request_id, retry_after: None, challenge: None, allow: None, lacking: None }
    }

    /// 429, to be tried again after so many seconds.
    pub fn too_many(retry_after: u64, request_id: RequestId) -> Self {
        let refused = Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", "Too many requests. Try again later.", request_id);
        Self { retry_after: Some(retry_after), ..refused }
    }

    /// 503: nobody can say now.
    pub fn unavailable(request_id: RequestId) -> Self {
        let message = "The service is temporarily unavailable. Try again.";
        let refused = Self::new(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", message, request_id);
        Self { retry_after: Some(1), ..refused }
    }

    /// Writes it in this shape, with the header fields that every shape has.
    pub fn answer(&self, shape: Shape) -> Response<Body> {
        let mut answer = shape(self);
        let headers = answer.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(challenge) = &self.challenge {
            headers.insert(WWW_AUTHENTICATE, challenge.clone());
        }
        if let Some(allow) = &self.allow {
            headers.insert(ALLOW, allow.clone());
        }
        answer
    }
}

/// What OpenAI's API calls this kind of no.
pub fn openai_type(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        _ => "api_error",
    }
}

/// As OpenAI's API says no: what its SDKs and nearly all of the dialects' clients understand.
pub fn openai(refused: &Refused) -> Response<Body> {
    reply::json(refused.status, &openai_error(refused))
}

/// The same as an event. It has no name: OpenAI's SDKs look into the data.
pub fn openai_event(refused: &Refused) -> String {
    format!("data: {}\n\n", openai_error(refused))
}

fn openai_error(refused: &Refused) -> Value {
    json!({"error": {
        "message": refused.message,
        "type": openai_type(refused.status),
        "code": refused.code,
        "param": null,
        "request_id": refused.request_id.to_string(),
    }})
}

/// As RFC 9457 says no, but for too little scope: those who read this shape look for `required` and
/// `granted` then, in plain JSON.
pub fn problem(refused: &Refused) -> Response<Body> {
    if let Some(Lacking { required, granted }) = &refused.lacking {
        let granted: Vec<&str> = granted.iter().collect();
        return reply::json(refused.status, &json!({"error": refused.code, "required": required, "granted": granted}));
    }
    problem_json(refused.status, &problem_details(refused))
}

/// RFC 9457's no as an event, by its name apart from those with data.
pub fn problem_event(refused: &Refused) -> String {
    format!("event: error\ndata: {}\n\n", problem_details(refused))
}

/// What RFC 9457 section 3 says of a problem, and the word for programs.
pub fn problem_details(refused: &Refused) -> Value {
    json!({
        "type": "about:blank",
        "title": refused.status.canonical_reason().unwrap_or("Error"),
        "status": refused.status.as_u16(),
        "detail": refused.message,
        "instance": refused.request_id.to_string(),
        "code": refused.code,
    })
}

/// `application/problem+json`.
pub fn problem_json(status: StatusCode, details: &Value) -> Response<Body> {
    let mut answer = reply::json(status, details);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    answer
}
