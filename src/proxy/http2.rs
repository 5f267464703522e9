//! What came by HTTP/2 goes on as HTTP/1.1. hyper has refused what is no HTTP/2 request (RFC 9113
//! section 8.1.1); whatever would mean something else in HTTP/1.1, or nothing, [`super::strict`] refuses.

use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Version,
    header::{COOKIE, Entry, HOST},
};

use super::reject::Rejection;
use crate::net::listener::MAX_FIELDS;

/// Makes an HTTP/1.1 request of an HTTP/2 one. Leaves others alone.
///
/// # Errors
/// 431 for too many fields.
pub fn translate<B>(request: &mut Request<B>) -> Result<(), Rejection> {
    if request.version() != Version::HTTP_2 {
        return Ok(());
    }
    join_cookies(request.headers_mut());
    if request.headers().len() > MAX_FIELDS {
        return Err(Rejection::too_many_fields());
    }
    check_fields(request.headers())?;
    // An authority is printable. One that stands beside a `Host` is compared with it later.
    let host = request.uri().authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
    if let (Some(host), Entry::Vacant(field)) = (host, request.headers_mut().entry(HOST)) {
        field.insert(host);
    }
    *request.version_mut() = Version::HTTP_11;
    Ok(())
}

/// Names and values that HTTP/1.1 has too (RFC 9110 section 5.6.2, RFC 9113 section 8.2.1): h2 lets
/// by a quote in a name, and whitespace around a value.
fn check_fields(headers: &HeaderMap) -> Result<(), Rejection> {
    let is_plain = |(name, value): (&HeaderName, &HeaderValue)| {
        let value = value.as_bytes();
        !name.as_str().contains('"') && value.trim_ascii().len() == value.len()
    };
    if headers.iter().all(is_plain) {
        return Ok(());
    }
    Err(Rejection::bad_request("field", "A field has a name or a value that is none."))
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
