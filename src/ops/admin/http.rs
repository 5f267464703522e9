//! The API on the socket: HTTP in, HTTP out. See [`super`] for what it looks like.

use std::sync::Arc;

use http::{HeaderValue, Method, Request, Response, StatusCode, header::ALLOW};
use serde::{Deserialize, Serialize};

use super::{Admin, AdminAnswer, AdminCode, AdminError, AdminRequest, Arguments};
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

/// Where a request is sent.
pub fn path(request: &AdminRequest) -> String {
    format!("/{}/{}", request.noun, request.verb)
}

/// Answers one request.
pub async fn respond(admin: Arc<Admin>, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let Some((noun, verb)) = head.uri.path().strip_prefix('/').and_then(|path| path.split_once('/')) else {
        return refusal(&AdminError::not_found("there is no such path; a request goes to /<noun>/<verb>"));
    };
    if head.method != Method::POST {
        let mut answer = with_status(StatusCode::METHOD_NOT_ALLOWED, &AdminError::invalid("a request is made with POST"));
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        return answer;
    }
    let arguments = match body::read(body, MAX_BODY).await {
        Ok(json) => Arguments::from_json(&json),
        Err(error @ ReadError::TooLarge) => {
            return with_status(StatusCode::PAYLOAD_TOO_LARGE, &AdminError::invalid(error.to_string()));
        }
        Err(error @ ReadError::Broken(_)) => Err(AdminError::invalid(error.to_string())),
    };
    let answer = match arguments {
        Ok(arguments) => admin.answer(AdminRequest { noun: noun.to_owned(), verb: verb.to_owned(), arguments }).await,
        Err(error) => Err(error),
    };
    match answer {
        Ok(AdminAnswer(value)) => reply::json(StatusCode::OK, &value),
        Err(error) => refusal(&error),
    }
}

fn refusal(error: &AdminError) -> Response<Body> {
    let status = match error.code {
        AdminCode::InvalidRequest => StatusCode::BAD_REQUEST,
        AdminCode::NotFound => StatusCode::NOT_FOUND,
        AdminCode::AlreadyExists => StatusCode::CONFLICT,
        AdminCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    };
    with_status(status, error)
}

fn with_status(status: StatusCode, error: &AdminError) -> Response<Body> {
    reply::json(status, &ErrorBody { error: error.clone() })
}
