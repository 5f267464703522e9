//! The gateway says no, in the words of whoever asked.

use std::borrow::Cow;

use http::{
    HeaderValue, Response, StatusCode,
    header::{ALLOW, CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE},
};
use serde_json::json;

use super::{Body, RequestId, reply};

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
}

/// Writes a no as a body of some dialect or route.
pub type Shape = fn(&Refused) -> Response<Body>;

impl Refused {
    /// A no with nothing special.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<Cow<'static, str>>, request_id: RequestId) -> Self {
        Self { status, code, message: message.into(), request_id, retry_after: None, challenge: None, allow: None }
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
    reply::json(
        refused.status,
        &json!({"error": {
            "message": refused.message,
            "type": openai_type(refused.status),
            "code": refused.code,
            "param": null,
            "request_id": refused.request_id.to_string(),
        }}),
    )
}

/// As RFC 9457 says no.
pub fn problem(refused: &Refused) -> Response<Body> {
    let mut answer = reply::json(
        refused.status,
        &json!({
            "type": "about:blank",
            "title": refused.status.canonical_reason().unwrap_or("Error"),
            "status": refused.status.as_u16(),
            "detail": refused.message,
            "instance": refused.request_id.to_string(),
            "code": refused.code,
        }),
    );
    answer.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    answer
}
