//! The data plane says no: whose fault it is, why in one word for logs and metrics, and the answer
//! in the route's shape.

use std::{
    borrow::Cow,
    ops::{Deref, DerefMut},
};

use http::{HeaderValue, Response, StatusCode};

use crate::{
    message::{Body, Lacking, Refused, RequestId, Shape},
    oauth::id::GrantId,
};

/// Whose fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The caller's.
    Client,
    /// Ours.
    Gateway,
    /// The upstream's.
    Upstream,
}

impl Fault {
    /// For logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Gateway => "gateway",
            Self::Upstream => "upstream",
        }
    }
}

/// A request that does not get through. Boxed, so that the way of those that do stays narrow.
#[derive(Debug)]
pub struct Rejection(Box<Details>);

/// All about it.
#[derive(Debug)]
pub struct Details {
    /// The status.
    pub status: StatusCode,
    /// The word for programs, which callers see.
    pub code: &'static str,
    /// The sentence for people, which callers see.
    pub message: Cow<'static, str>,
    /// Whose fault.
    pub fault: Fault,
    /// Why, in one word, for logs and metrics.
    pub reason: &'static str,
    /// What lies behind it, for the log alone.
    pub cause: Option<String>,
    /// The grant behind the token, where there was one.
    pub grant: Option<GrantId>,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
    /// `WWW-Authenticate`.
    pub challenge: Option<HeaderValue>,
    /// `Allow`.
    pub allow: Option<HeaderValue>,
    /// What the token lacks.
    pub lacking: Option<Lacking>,
    /// The shape of whatever claims the path, where no route was settled on.
    pub shape: Option<Shape>,
    /// Whether scripts of any origin may read it, where no route was settled on.
    pub cors: bool,
    /// Whether nothing more is read from the connection.
    pub closes: bool,
}

impl Deref for Rejection {
    type Target = Details;

    fn deref(&self) -> &Details {
        &self.0
    }
}

impl DerefMut for Rejection {
    fn deref_mut(&mut self) -> &mut Details {
        &mut self.0
    }
}

impl Rejection {
    fn new(status: StatusCode, fault: Fault, code: &'static str, reason: &'static str, message: &'static str) -> Self {
        let message = Cow::Borrowed(message);
        Self(Box::new(Details {
            status,
            code,
            message,
            fault,
            reason,
            cause: None,
            grant: None,
            retry_after: None,
            challenge: None,
            allow: None,
            lacking: None,
            shape: None,
            cors: false,
            closes: false,
        }))
    }

    /// 400, for a reason of the caller's.
    pub fn bad_request(reason: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Fault::Client, "invalid_request", reason, message)
    }

    /// 414 (RFC 9110 section 15.5.15).
    pub fn uri_too_long() -> Self {
        let message = "The target is too long.";
        Self::new(StatusCode::URI_TOO_LONG, Fault::Client, "uri_too_long", "uri_too_long", message)
    }

    /// 417 (RFC 9110 section 10.1.1).
    pub fn expectation_failed() -> Self {
        let message = "Nothing can be expected here but 100-continue.";
        Self::new(StatusCode::EXPECTATION_FAILED, Fault::Client, "expectation_failed", "expect", message)
    }

    /// 408: too little of the body came in too much time (RFC 9110 section 15.5.9).
    pub fn request_timeout() -> Self {
        let message = "Too little of the body came in too much time.";
        let mut rejection = Self::new(StatusCode::REQUEST_TIMEOUT, Fault::Client, "request_timeout", "body_timeout", message);
        rejection.closes = true;
        rejection
    }

    /// 431 (RFC 6585 section 5).
    pub fn too_many_fields() -> Self {
        let message = "The request has too many header fields.";
        let (status, code) = (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "request_header_fields_too_large");
        Self::new(status, Fault::Client, code, "too_many_fields", message)
    }

    /// 404: no route claims it.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, Fault::Client, "not_found", "no_route", "There is nothing at this address.")
    }

    /// 404: the path is a tenant's whom the caller is not to know of.
    pub fn no_tenant() -> Self {
        let mut rejection = Self::not_found();
        rejection.reason = "tenant";
        rejection
    }

    /// 405 (RFC 9110 section 15.5.6).
    pub fn method_not_allowed(allow: &str) -> Self {
        let message = "This address does not take that method.";
        let mut rejection = Self::new(StatusCode::METHOD_NOT_ALLOWED, Fault::Client, "method_not_allowed", "method", message);
        // Made of method names, so it is a field value.
        rejection.allow = HeaderValue::from_str(allow).ok();
        rejection
    }

    /// 401 (RFC 6750 section 3.1).
    pub fn unauthorized(code: &'static str, message: &'static str, challenge: HeaderValue) -> Self {
        let mut rejection = Self::new(StatusCode::UNAUTHORIZED, Fault::Client, code, code, message);
        rejection.challenge = Some(challenge);
        rejection
    }

    /// 403, with all the scopes that are needed (RFC 6750 section 3.1).
    pub fn insufficient_scope(challenge: HeaderValue, lacking: Lacking) -> Self {
        let message = "The access token does not have the scope that this needs.";
        let code = "insufficient_scope";
        let mut rejection = Self::new(StatusCode::FORBIDDEN, Fault::Client, code, code, message);
        rejection.challenge = Some(challenge);
        rejection.lacking = Some(lacking);
        rejection
    }

    /// 429.
    pub fn too_many(retry_after: u64) -> Self {
        let message = "Too many requests. Try again later.";
        let mut rejection = Self::new(StatusCode::TOO_MANY_REQUESTS, Fault::Client, "rate_limited", "rate_limited", message);
        rejection.retry_after = Some(retry_after);
        rejection
    }

    /// 503: nobody can say whether the token is good.
    pub fn store_unavailable(cause: String) -> Self {
        let message = "The service is temporarily unavailable. Try again.";
        let code = "store_unavailable";
        let mut rejection = Self::new(StatusCode::SERVICE_UNAVAILABLE, Fault::Gateway, code, code, message);
        rejection.retry_after = Some(1);
        rejection.cause = Some(cause);
        rejection
    }

    /// 502: the upstream cannot be reached, or broke off before its answer.
    pub fn bad_gateway(reason: &'static str, cause: String) -> Self {
        let message = "The server behind the gateway cannot be reached or did not answer properly.";
        let mut rejection = Self::new(StatusCode::BAD_GATEWAY, Fault::Upstream, "upstream_unavailable", reason, message);
        rejection.cause = Some(cause);
        rejection
    }

    /// 504: the upstream took too long.
    pub fn gateway_timeout(reason: &'static str) -> Self {
        let message = "The server behind the gateway took too long.";
        Self::new(StatusCode::GATEWAY_TIMEOUT, Fault::Upstream, "upstream_timeout", reason, message)
    }

    /// 500: a handler of ours broke down.
    pub fn internal(cause: String) -> Self {
        let message = "Something went wrong in the gateway.";
        let mut rejection = Self::new(StatusCode::INTERNAL_SERVER_ERROR, Fault::Gateway, "internal_error", "internal", message);
        rejection.cause = Some(cause);
        rejection
    }

    /// The answer, in this shape unless it has one of its own.
    pub fn answer(self, id: RequestId, shape: Shape) -> Response<Body> {
        let details = *self.0;
        let mut refused = Refused::new(details.status, details.code, details.message, id);
        refused.retry_after = details.retry_after;
        refused.challenge = details.challenge;
        refused.allow = details.allow;
        refused.lacking = details.lacking;
        refused.answer(details.shape.unwrap_or(shape))
    }
}
