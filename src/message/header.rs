//! Which header fields travel, and which end here.
//!
//! On their way to an upstream, requests lose
//! - what belongs to the caller's connection: `Connection` and all that it names, `Keep-Alive`,
//!   `TE`, `Trailer`, `Transfer-Encoding`, `Upgrade`, `HTTP2-Settings`, `Proxy-*`; an upgrade that its
//!   route has is said anew;
//! - credentials: `Authorization`, `SerbleAuth`, `X-API-Key`, `Api-Key`, `X-Goog-Api-Key`;
//! - what upstreams take on trust from a proxy before them: who calls (`X-Gatepost-*`,
//!   `X-Forwarded-*`, `Forwarded`, `Via` and the fields of other proxies, [`TRUSTED`]), and what he
//!   is taken to have asked for (`X-Original-URL`, `X-HTTP-Method-Override` and their like).
//!
//! Names are compared with every byte that is no letter and no digit taken for `-`, as servers do
//! that hand fields on as environment variables (RFC 3875 section 4.1.18).

use http::{
    HeaderMap, HeaderName,
    header::{self, CONNECTION},
};

/// Fields of one connection, not of the message (RFC 9110 section 7.6.1), besides `Proxy-*`.
static HOP_BY_HOP: [HeaderName; 7] = [
    CONNECTION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("http2-settings"),
    HeaderName::from_static("keep-alive"),
];

/// Where Serble's apps show their tokens.
pub const SERBLE_AUTH: HeaderName = HeaderName::from_static("serbleauth");

/// Fields in which callers send credentials. None of them goes upstream (MCP authorization,
/// "token passthrough").
pub static CREDENTIALS: [HeaderName; 6] = [
    header::AUTHORIZATION,
    header::PROXY_AUTHORIZATION,
    SERBLE_AUTH,
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
    /// The slug of the tenant that the path names, or else of the one that the token is for.
    pub static TENANT: HeaderName = HeaderName::from_static("x-gatepost-tenant");
}

/// How the names of fields begin that a server behind a proxy takes on trust.
static TRUSTED_PREFIXES: [&str; 8] =
    ["x-gatepost-", "x-forwarded-", "x-original-", "x-rewrite-", "x-envoy-", "x-auth-request-", "x-proxyuser-", "x-remote-"];

/// Fields that a server behind a proxy takes on trust.
pub static TRUSTED: [&str; 45] = [
    // Whom the request came from, and through whom.
    "forwarded",
    "forwarded-for",
    "via",
    "x-forwarded",
    "x-real-ip",
    "x-request-id",
    "client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-originating-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "cf-connecting-ipv6",
    "cf-pseudo-ipv4",
    "fastly-client-ip",
    "fly-client-ip",
    "do-connecting-ip",
    "x-appengine-user-ip",
    "x-azure-clientip",
    "x-azure-socketip",
    "x-nf-client-connection-ip",
    "wl-proxy-client-ip",
    "remote-addr",
    "remote-user",
    "remote-groups",
    "remote-email",
    "remote-name",
    "x-webauth-user",
    "client-cert",
    "client-cert-chain",
    // How it came.
    "front-end-https",
    "x-scheme",
    "x-url-scheme",
    // A CGI program would take it for HTTP_PROXY (CVE-2016-5385).
    "proxy",
    // What it asks for.
    "x-host",
    "x-http-host-override",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-http-path-override",
    "x-path-override",
    "x-script-name",
    "x-uri",
    "x-url",
    "base-url",
];

/// Removes what belongs to the connection that the message came on, the fields that any
/// `Connection` line names included.
pub fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let nominated = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        // Framing is not the caller's to remove.
        .filter(|name| *name != header::CONTENT_LENGTH && *name != header::HOST);
    let of_proxies = headers.keys().filter(|name| name.as_str().starts_with("proxy-")).cloned();
    let also: Vec<HeaderName> = nominated.chain(of_proxies).collect();
    for name in HOP_BY_HOP.iter().chain(&also) {
        headers.remove(name);
    }
}

/// Whether a message's body is all there is: what went through any other transfer coding than
/// `chunked` would mean nothing without its `Transfer-Encoding`.
pub fn is_framed_plainly(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    codings.next().is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked")) && codings.next().is_none()
}

/// Removes the caller's credentials and whatever the upstream would take as ours.
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
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        let plain = name.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        let is_ended_here = || HOP_BY_HOP.iter().chain(&CREDENTIALS).any(|field| *field == plain.as_str());
        return is_trusted(&plain) || plain.starts_with("proxy-") || is_ended_here();
    }
    name.starts_with("x-") && TRUSTED_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || TRUSTED.contains(&name)
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
        let mut fields: HeaderMap = headers(&[
            ("te", "trailers"),
            ("upgrade", "h2c"),
            ("http2-settings", "x"),
            ("proxy-anything", "x"),
            ("keep-alive", "5"),
            ("x-a", "1"),
            ("x-b", "2"),
            ("x-c", "3"),
        ]);
        fields.append(CONNECTION, "X-A, close".parse().unwrap());
        fields.append(CONNECTION, http::HeaderValue::from_bytes(b"\xff,\tx-b ").unwrap());
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
            ("transfer.encoding", "chunked"),
            ("x-gatepost-user", "root"),
            ("x_gatepost_user", "root"),
            ("x-gatepost_anything", "x"),
            ("x-forwarded-for", "1.2.3.4"),
            ("x_forwarded_for", "1.2.3.4"),
            ("x.gatepost.user", "root"),
            ("x~api!key", "x"),
            ("x-original-url", "/admin"),
            ("x-http-method-override", "DELETE"),
            ("cf-connecting-ip", "1.2.3.4"),
            ("forwarded", "for=1.2.3.4"),
            ("accept", "*/*"),
            ("x-hosts", "x"),
            ("api-keys", "x"),
        ]);
        remove_trusted(&mut fields);
        assert_eq!(names(&fields), ["accept", "api-keys", "x-hosts"]);
    }
}
