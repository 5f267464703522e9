//! Answers of our own.

use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION},
};
use serde::Serialize;

use super::{
    Note,
    body::{self, Body},
};
use crate::oauth::id::GrantId;

/// No body.
pub fn empty(status: StatusCode) -> Response<Body> {
    with(status, None, Bytes::new())
}

/// A JSON body.
pub fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    match serde_json::to_vec(value) {
        Ok(bytes) => with(status, Some("application/json"), bytes),
        Err(error) => {
            // Only a map with keys that are no text fails, and nobody here has one.
            tracing::error!(%error, "an answer could not be written as JSON");
            empty(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

/// A page.
pub fn html(status: StatusCode, page: String) -> Response<Body> {
    with(status, Some("text/html; charset=utf-8"), page)
}

/// Any text.
pub fn text(status: StatusCode, content_type: &'static str, text: impl Into<Bytes>) -> Response<Body> {
    with(status, Some(content_type), text)
}

/// 303: the browser asks there with GET (RFC 9700 section 4.12).
pub fn see_other(location: &str) -> Response<Body> {
    match HeaderValue::from_str(location) {
        Ok(location) => {
            let mut answer = no_store(empty(StatusCode::SEE_OTHER));
            answer.headers_mut().insert(LOCATION, location);
            answer
        }
        Err(error) => {
            tracing::error!(%error, "a redirect could not be written");
            empty(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

/// Nobody keeps a copy (RFC 6749 section 5.1).
pub fn no_store(mut answer: Response<Body>) -> Response<Body> {
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// Leaves a note for the request's log line.
pub fn noted(mut answer: Response<Body>, grant: Option<GrantId>, outcome: &'static str) -> Response<Body> {
    answer.extensions_mut().insert(Note { grant, outcome: Some(outcome) });
    answer
}

fn with(status: StatusCode, content_type: Option<&'static str>, bytes: impl Into<Bytes>) -> Response<Body> {
    let mut answer = Response::new(body::full(bytes));
    *answer.status_mut() = status;
    if let Some(content_type) = content_type {
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    answer
}
