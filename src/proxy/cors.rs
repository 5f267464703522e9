//! Which pages may ask. A browser lets a script read another origin's answer only if the answer says
//! so, and asks first, by `OPTIONS` and without a credential, before it sends what no form could
//! (Fetch, "CORS protocol"). Endpoints that are marked so answer scripts of every origin, and never
//! with what the browser holds of its user: no `Access-Control-Allow-Credentials` is ever said.

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS,
        ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN,
    },
};

use super::{
    reject::Rejection,
    route::{Route, Routes},
};
use crate::message::{Body, reply};

/// How long a browser need not ask again, in seconds. Chromium keeps it no longer.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// What a script may read besides the few fields that it always may.
const EXPOSED: HeaderValue = HeaderValue::from_static("WWW-Authenticate, X-Request-Id, Retry-After");

/// A browser's question whether a page may ask something of an endpoint.
pub struct Preflight<'a> {
    /// One of the endpoints that lie there.
    pub route: &'a Route,
    methods: String,
    fields: String,
}

/// Reads the question, where the request is one and an endpoint there is open to all origins. Where a
/// route takes `OPTIONS` itself, it is that route's question.
///
/// # Errors
/// 400, 404.
pub fn preflight<'a, B>(routes: &'a Routes, request: &Request<B>) -> Result<Option<Preflight<'a>>, Rejection> {
    let asks = |field| request.headers().contains_key(field);
    if *request.method() != Method::OPTIONS || !asks(ORIGIN) || !asks(ACCESS_CONTROL_REQUEST_METHOD) {
        return Ok(None);
    }
    let mut beside = routes.beside(request)?;
    if beside.clone().any(|route| route.takes(&Method::OPTIONS)) {
        return Ok(None);
    }
    let methods = beside.clone().filter(|route| route.cors).flat_map(|route| &route.methods).map(Method::as_str).collect::<Vec<_>>();
    let preflight = |route| Preflight { route, methods: methods.join(", "), fields: fields(request.headers()) };
    Ok(beside.find(|route| route.cors).map(preflight))
}

/// The fields that the page would send, as far as they are names of fields.
fn fields(headers: &HeaderMap) -> String {
    let lines = headers.get_all(ACCESS_CONTROL_REQUEST_HEADERS).iter();
    let names = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    let names = names.filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok());
    names.map(|name| name.as_str().to_owned()).collect::<Vec<_>>().join(", ")
}

impl Preflight<'_> {
    /// Yes, with these methods, and with whatever fields were asked for: none of them opens anything
    /// that a caller without a browser could not.
    pub fn answer(self) -> Response<Body> {
        let mut answer = reply::empty(StatusCode::NO_CONTENT);
        let headers = answer.headers_mut();
        for (name, value) in [(ACCESS_CONTROL_ALLOW_METHODS, self.methods), (ACCESS_CONTROL_ALLOW_HEADERS, self.fields)] {
            // Names of methods and of fields, so it is a value.
            if let Some(value) = HeaderValue::try_from(value).ok().filter(|value| !value.is_empty()) {
                headers.insert(name, value);
            }
        }
        headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        answer
    }
}

/// Scripts of every origin may read this answer.
pub fn share(headers: &mut HeaderMap) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
}
