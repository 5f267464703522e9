//! Does the request say one thing only? Whatever two servers could read differently is refused
//! before anybody looks at it: a target in another form than a path, a body framed in two ways, a
//! host that is none or several, a field name that an upstream would take for another one.
//!
//! What hyper's parser refuses by itself does not come this far: whitespace and folds in field
//! names, control characters, lengths and chunk sizes that are no numbers, lengths that differ,
//! and a transfer coding that does not end in `chunked`. Of a length beside a transfer coding
//! nothing is left when it comes here, and the connection is closed (RFC 9112 section 6.1); nor of
//! a fragment, which ends a target.

use std::{borrow::Cow, net::Ipv6Addr};

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Uri,
    header::{CONTENT_LENGTH, EXPECT, HOST},
    uri::{Authority, PathAndQuery, Scheme},
};

use super::{path, reject::Rejection};
use crate::{config::UnderscoreHeaders, message::header};

/// At most so many bytes of a request's target.
const MAX_TARGET: usize = 8 * 1024;

/// Leaves a request with its path in normal form and without ambiguities.
///
/// # Errors
/// 400, 414, 417. Where nobody can say what follows on the connection, it is closed.
pub fn check<B>(request: &mut Request<B>, underscores: UnderscoreHeaders) -> Result<(), Rejection> {
    framing(request.headers())?;
    target(request)?;
    host(request)?;
    settle_host(request);
    names(request.headers_mut(), underscores)
}

/// A body whose end everybody finds at the same place (RFC 9112 section 6).
fn framing(headers: &HeaderMap) -> Result<(), Rejection> {
    let refused = |mut rejection: Rejection| {
        rejection.closes = true;
        Err(rejection)
    };
    if !header::is_framed_plainly(headers) {
        return refused(Rejection::bad_request("transfer_coding", "No transfer coding but one `chunked` is understood here."));
    }
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    // Some read an octal number, and of two numbers the other one.
    if lengths.next().is_some_and(|length| length.len() > 1 && length.as_bytes().starts_with(b"0")) || lengths.next().is_some() {
        return refused(Rejection::bad_request("content_length", "Content-Length must be one number that does not begin with 0."));
    }
    // Whether the body comes before the answer is for the expectation to say.
    if headers.get_all(EXPECT).iter().any(|expected| !expected.as_bytes().eq_ignore_ascii_case(b"100-continue")) {
        return refused(Rejection::expectation_failed());
    }
    Ok(())
}

/// A path and a query, or an `http` URL with them (RFC 9112 section 3.2).
fn target<B>(request: &mut Request<B>) -> Result<(), Rejection> {
    let uri = request.uri();
    let parts = [uri.scheme_str(), uri.authority().map(Authority::as_str), uri.path_and_query().map(PathAndQuery::as_str)];
    if parts.into_iter().flatten().map(str::len).sum::<usize>() > MAX_TARGET {
        return Err(Rejection::uri_too_long());
    }
    let is_http = uri.scheme().is_none_or(|scheme| *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS);
    if *request.method() == Method::CONNECT || !is_http || !uri.path().starts_with('/') {
        return Err(Rejection::bad_request("target", "The target must be a path, or an http or https URL."));
    }
    // Anything that is printed may stand in a query as it is: it is forwarded byte for byte.
    if !uri.query().unwrap_or_default().bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Rejection::bad_request("ambiguous_query", "The query has bytes that must be percent-encoded."));
    }
    let Some(path) = path::normal(uri.path()) else {
        return Err(Rejection::bad_request("ambiguous_path", "The path could be read in more than one way."));
    };
    if let Cow::Owned(path) = path {
        let target = uri.query().map_or_else(|| path.clone(), |query| format!("{path}?{query}"));
        let respelled = |target: String| {
            let mut parts = uri.clone().into_parts();
            parts.path_and_query = Some(target.parse()?);
            Ok::<_, http::Error>(Uri::from_parts(parts)?)
        };
        *request.uri_mut() = respelled(target).map_err(|_never| Rejection::bad_request("target", "The target cannot be forwarded."))?;
    }
    Ok(())
}

/// One host (RFC 9112 section 3.2); where the target says it too, the same.
fn host<B>(request: &Request<B>) -> Result<(), Rejection> {
    let refused = |message| Err(Rejection::bad_request("host", message));
    let mut fields = request.headers().get_all(HOST).iter();
    let (field, second) = (fields.next().map(HeaderValue::as_bytes), fields.next());
    let named = request.uri().authority().map(|authority| authority.as_str().as_bytes());
    if second.is_some() {
        return refused("There is more than one Host.");
    }
    if field.is_none() {
        return refused("There is no Host.");
    }
    let default_port = if request.uri().scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 };
    let mut said = [field, named].into_iter().flatten().map(|text| Host::parse(text, default_port));
    let (Some(Some(first)), second) = (said.next(), said.next()) else {
        return refused("The host must be a name or an address, with or without a port.");
    };
    match second {
        None => Ok(()),
        Some(Some(second)) if first == second => Ok(()),
        Some(_) => refused("The target names another host than Host."),
    }
}

/// From here on the host stands in one place. What the target says counts (RFC 9112 section 3.2.2,
/// RFC 9113 section 8.3.1), which may be the same in other capitals.
fn settle_host<B>(request: &mut Request<B>) {
    let uri = request.uri();
    // An authority is printable.
    let host = uri.authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
    if let (Some(host), Some(path)) = (host, uri.path_and_query().cloned()) {
        request.headers_mut().insert(HOST, host);
        *request.uri_mut() = Uri::from(path);
    }
}

/// A host and a port, as they are compared.
struct Host<'a> {
    name: &'a [u8],
    port: u16,
}

impl PartialEq for Host<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.name.eq_ignore_ascii_case(other.name) && self.port == other.port
    }
}

impl<'a> Host<'a> {
    /// RFC 3986 section 3.2.2, without what DNS has no names for: what is percent-encoded could be
    /// read in two ways, and a comma is how two hosts become one.
    fn parse(text: &'a [u8], default_port: u16) -> Option<Self> {
        let end = match text.first()? {
            b'[' => text.iter().position(|byte| *byte == b']')? + 1,
            _ => text.iter().position(|byte| *byte == b':').unwrap_or(text.len()),
        };
        let (name, port) = text.split_at(end);
        let is_name = match name.strip_prefix(b"[") {
            Some(literal) => std::str::from_utf8(literal.strip_suffix(b"]")?).ok()?.parse::<Ipv6Addr>().is_ok(),
            None => !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(byte)),
        };
        let port = match port {
            [] => default_port,
            [b':', digits @ ..] if digits.iter().all(u8::is_ascii_digit) => std::str::from_utf8(digits).ok()?.parse().ok()?,
            _ => return None,
        };
        (is_name && port != 0).then_some(Self { name, port })
    }
}

/// Names that no server takes for others (RFC 3875 section 4.1.18).
fn names(headers: &mut HeaderMap, underscores: UnderscoreHeaders) -> Result<(), Rejection> {
    let is_underscored = |name: &&HeaderName| name.as_str().contains('_');
    if !headers.keys().any(|name| is_underscored(&name)) {
        return Ok(());
    }
    match underscores {
        UnderscoreHeaders::Refuse => {
            let message = "A header name has an underscore, which servers take for a hyphen.";
            let mut rejection = Rejection::bad_request("underscore", message);
            // Meant to say how long the body is, and then nobody knows where the next request begins.
            let frames = |name: &HeaderName| matches!(name.as_str(), "content_length" | "transfer_encoding");
            rejection.closes = headers.keys().any(frames);
            Err(rejection)
        }
        UnderscoreHeaders::Drop => {
            let dropped: Vec<HeaderName> = headers.keys().filter(is_underscored).cloned().collect();
            for name in &dropped {
                headers.remove(name);
            }
            Ok(())
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_with_or_without_a_port() {
        for text in ["a", "A.example", "a.example:8080", "a_b", "127.0.0.1:1", "[::1]", "[::1]:65535", "a.", "xn--bcher-kva.example"] {
            assert!(Host::parse(text.as_bytes(), 80).is_some(), "{text}");
        }
        for text in [
            "",
            ":80",
            "a:",
            "a:0",
            "a:x",
            "a:+1",
            "a:65536",
            "a:80:80",
            "u@a",
            "u:p@a",
            "a b",
            "a/b",
            "a\\b",
            "a,b",
            "%61",
            "a?b",
            "a#b",
            "é",
            "[",
            "[]",
            "[::1",
            "[::1]x",
            "[::1%25eth0]",
            "[v1.a]",
            "[127.0.0.1]",
            "::1",
            "a\tb",
            "http://a",
            "*",
            "<a>",
        ] {
            assert!(Host::parse(text.as_bytes(), 80).is_none(), "{text:?}");
        }
    }

    #[test]
    fn a_plain_request_is_left_as_it_is() {
        let mut request = Request::builder().uri("/v1/chat/completions?a=%2f#").header(HOST, "a").body(()).unwrap();
        check(&mut request, UnderscoreHeaders::Refuse).unwrap();
        assert_eq!(request.uri(), "/v1/chat/completions?a=%2f");
    }
}
