//! Which header fields travel, and which end here.

use http::{
    HeaderMap, HeaderName,
    header::{self, CONNECTION},
};

/// Fields of one connection, not of the message (RFC 9110 section 7.6.1).
static HOP_BY_HOP: [HeaderName; 8] = [
    CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// Fields in which callers send credentials. None of them goes upstream (MCP authorization,
/// "token passthrough").
static CREDENTIALS: [HeaderName; 6] = [
    header::AUTHORIZATION,
    header::PROXY_AUTHORIZATION,
    HeaderName::from_static("serbleauth"),
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("api-key"),
    HeaderName::from_static("x-goog-api-key"),
];

/// The identity fields that the gateway itself sets.
pub mod identity {
    use http::HeaderName;

    /// The user's name.
    pub static USER: HeaderName = HeaderName::from_static("x-gatepost-user");
    /// The client's id.
    pub static CLIENT: HeaderName = HeaderName::from_static("x-gatepost-client");
    /// The grant's id.
    pub static GRANT: HeaderName = HeaderName::from_static("x-gatepost-grant");
    /// The scopes of the token.
    pub static SCOPE: HeaderName = HeaderName::from_static("x-gatepost-scope");
}

/// Fields that a server behind a proxy takes on trust.
static FORWARDED: [&str; 3] = ["forwarded", "x-real-ip", "via"];

/// Removes what belongs to the connection that the message came on, the fields that any
/// `Connection` line names included.
pub fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let nominated: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        // Framing is not the caller's to remove.
        .filter(|name| *name != header::CONTENT_LENGTH && *name != header::HOST)
        .collect();
    for name in HOP_BY_HOP.iter().chain(&nominated) {
        headers.remove(name);
    }
}

/// Whether a message's body is all there is: what went through any other transfer coding than
/// `chunked` would mean nothing without its `Transfer-Encoding`.
pub fn is_framed_plainly(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    codings.next().is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked")) && codings.next().is_none()
}

/// Removes the caller's credentials and whatever the upstream would take as ours: identity and
/// forwarding fields, spelled with `_` too, since some servers read `_` as `-`.
pub fn remove_trusted(headers: &mut HeaderMap) {
    for name in &CREDENTIALS {
        headers.remove(name);
    }
    let trusted: Vec<HeaderName> = headers.keys().filter(|name| is_trusted(name.as_str())).cloned().collect();
    for name in &trusted {
        headers.remove(name);
    }
}

fn is_trusted(name: &str) -> bool {
    let plain = name.replace('_', "-");
    plain.starts_with("x-gatepost-")
        || plain.starts_with("x-forwarded-")
        || FORWARDED.contains(&plain.as_str())
        || (plain != name && CREDENTIALS.iter().any(|credential| credential.as_str() == plain))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap())).collect()
    }

    fn names(headers: &HeaderMap) -> Vec<&str> {
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn fields_of_the_connection_end_here_and_so_do_those_it_names() {
        let mut fields: HeaderMap =
            headers(&[("te", "trailers"), ("upgrade", "h2c"), ("keep-alive", "5"), ("x-a", "1"), ("x-b", "2"), ("x-c", "3")]);
        fields.append(CONNECTION, "X-A, close".parse().unwrap());
        fields.append(CONNECTION, "x-b".parse().unwrap());
        remove_hop_by_hop(&mut fields);
        assert_eq!(names(&fields), ["x-c"]);
    }

    #[test]
    fn a_connection_line_cannot_remove_framing_or_host() {
        let mut fields = headers(&[("connection", "content-length, host"), ("content-length", "3"), ("host", "a")]);
        remove_hop_by_hop(&mut fields);
        assert_eq!(names(&fields), ["content-length", "host"]);
    }

    #[test]
    fn credentials_and_trusted_fields_do_not_travel_in_any_spelling() {
        let mut fields = headers(&[
            ("authorization", "Bearer x"),
            ("x-api-key", "x"),
            ("x_api_key", "x"),
            ("x-gatepost-user", "root"),
            ("x_gatepost_user", "root"),
            ("x-gatepost_anything", "x"),
            ("x-forwarded-for", "1.2.3.4"),
            ("x_forwarded_for", "1.2.3.4"),
            ("forwarded", "for=1.2.3.4"),
            ("accept", "*/*"),
        ]);
        remove_trusted(&mut fields);
        assert_eq!(names(&fields), ["accept"]);
    }
}
