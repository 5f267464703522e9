//! What came by HTTP/2 goes on as HTTP/1.1. hyper has refused what is no HTTP/2 request (RFC 9113
//! section 8.1.1); here is refused what would be one, and would mean something else, or nothing,
//! in HTTP/1.1.

use http::{
    HeaderMap, HeaderValue, Method, Request, Uri, Version,
    header::{COOKIE, HOST},
    uri::PathAndQuery,
};

use super::reject::Rejection;
use crate::net::listener::MAX_FIELDS;

/// Makes an HTTP/1.1 request of an HTTP/2 one. Leaves others alone.
///
/// # Errors
/// 400, and 431 for too many fields.
pub fn translate<B>(request: &mut Request<B>) -> Result<(), Rejection> {
    if request.version() != Version::HTTP_2 {
        return Ok(());
    }
    join_cookies(request.headers_mut());
    if request.headers().len() > MAX_FIELDS {
        return Err(Rejection::too_many_fields());
    }
    let path = check_target(request)?;
    if let Some(host) = check_authority(request)? {
        request.headers_mut().insert(HOST, host);
    }
    *request.uri_mut() = Uri::from(path);
    *request.version_mut() = Version::HTTP_11;
    Ok(())
}

/// The path, where the scheme is HTTP's (section 8.3.1).
fn check_target<B>(request: &Request<B>) -> Result<PathAndQuery, Rejection> {
    let refused = |what| Err(Rejection::bad_request("target", what));
    if request.method() == Method::CONNECT {
        return refused("This is no proxy for connections.");
    }
    if !matches!(request.uri().scheme_str(), None | Some("http" | "https")) {
        return refused("The scheme is neither http nor https.");
    }
    match request.uri().path_and_query() {
        Some(path) if path.as_str().starts_with('/') => Ok(path.clone()),
        _ => refused("The target is no path."),
    }
}

/// What belongs into `Host`, where that is not there: one host, named once or twice alike
/// (section 8.3.1).
fn check_authority<B>(request: &Request<B>) -> Result<Option<HeaderValue>, Rejection> {
    let refused = |what| Err(Rejection::bad_request("authority", what));
    let mut fields = request.headers().get_all(HOST).iter();
    let (field, another) = (fields.next(), fields.next());
    if another.is_some() {
        return refused("The host is named more than once.");
    }
    let Some(authority) = request.uri().authority() else {
        return match field {
            Some(field) if !field.is_empty() && !field.as_bytes().contains(&b'@') => Ok(None),
            _ => refused("No host is named."),
        };
    };
    if authority.as_str().contains('@') {
        return refused("The authority names a user.");
    }
    match field {
        Some(field) if field.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes()) => Ok(None),
        Some(_) => refused("The authority and the host differ."),
        // An authority is printable.
        None => Ok(HeaderValue::from_str(authority.as_str()).ok()),
    }
}

/// HTTP/2 lets a `Cookie` be split, for compression; HTTP/1.1 does not (section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let mut lines = headers.get_all(COOKIE).iter();
    if lines.next().is_none() || lines.next().is_none() {
        return;
    }
    let lines: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if let Ok(joined) = HeaderValue::from_bytes(&lines.join(&b"; "[..])) {
        headers.insert(COOKIE, joined);
    }
}
