//! The API on the socket: HTTP in, HTTP out. See [`super`] for what it looks like.

use std::sync::Arc;

use http::{HeaderValue, Method, Request, Response, StatusCode, header::ALLOW};
use serde::{Deserialize, Serialize};

use super::{Admin, AdminAnswer, AdminCode, AdminError, AdminRequest, Arguments, metrics};
use crate::message::{
    Body,
    body::{self, ReadError},
    reply,
};

/// Longer than any request that makes sense.
const MAX_BODY: usize = 64 << 10;

/// An error, as the API and `gatepost admin --json` write it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ErrorBody {
    /// What went wrong.
    pub error: AdminError,
}

const METRICS: &str = "/metrics";

/// Where a request is sent.
pub fn path(request: &AdminRequest) -> String {
    format!("/{}/{}", request.noun, request.verb)
}

/// Answers one request.
pub async fn respond(admin: Arc<Admin>, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    if head.uri.path() == METRICS {
        return match head.method {
            Method::GET => reply::text(StatusCode::OK, metrics::CONTENT_TYPE, metrics::exposition(&admin.engine).await),
            _ => not_allowed("GET", "the metrics are read with GET"),
        };
    }
    let Some((noun, verb)) = head.uri.path().strip_prefix('/').and_then(|path| path.split_once('/')) else {
        return refusal(&AdminError::not_found("there is no such path; a request goes to /<noun>/<verb>"));
    };
    if head.method != Method::POST {
        return not_allowed("POST", "a request is made with POST");
    }
    let arguments = match body::read(body, MAX_BODY).await {
        Ok(json) => Arguments::from_json(&json),
        Err(error @ ReadError::TooLarge) => {
            return with_status(StatusCode::PAYLOAD_TOO_LARGE, &AdminError::invalid(error.to_string()));
        }
        Err(error @ ReadError::Broken(_)) => Err(AdminError::invalid(error.to_string())),
    };
    let answer = match arguments {
        Ok(arguments) => admin.insist(AdminRequest { noun: noun.to_owned(), verb: verb.to_owned(), arguments }).await,
        Err(error) => Err(error),
    };
    match answer {
        // Accepted: somebody may not act on it before that time.
        Ok(answer) if answer.is_pending() => reply::json(StatusCode::ACCEPTED, &answer.0),
        Ok(AdminAnswer(value)) => reply::json(StatusCode::OK, &value),
        Err(error) => refusal(&error),
    }
}

fn refusal(error: &AdminError) -> Response<Body> {
    let status = match error.code {
        AdminCode::InvalidRequest => StatusCode::BAD_REQUEST,
        AdminCode::NotFound => StatusCode::NOT_FOUND,
        AdminCode::AlreadyExists => StatusCode::CONFLICT,
        AdminCode::Unavailable | AdminCode::Pending => StatusCode::SERVICE_UNAVAILABLE,
    };
    with_status(status, error)
}

fn not_allowed(method: &'static str, words: &str) -> Response<Body> {
    let mut answer = with_status(StatusCode::METHOD_NOT_ALLOWED, &AdminError::invalid(words));
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(method));
    answer
}

fn with_status(status: StatusCode, error: &AdminError) -> Response<Body> {
    reply::json(status, &ErrorBody { error: error.clone() })
}
