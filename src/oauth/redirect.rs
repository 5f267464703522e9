//! Redirect URIs: where a browser takes an answer (RFC 6749 section 3.1.2).

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use url::{Host, Url};

/// The addresses that are every machine's own.
const LOOPBACK: [&str; 2] = ["http://127.0.0.1", "http://[::1]"];

/// The longest redirect URI, in bytes.
pub const MAX_BYTES: usize = 2000;

/// What an answer brings in some dialect.
const ANSWERS: [&str; 6] = ["code", "state", "iss", "error", "error_description", "authorized"];

/// A redirect URI as it was registered. It is compared as it is written, not as it is understood
/// (RFC 9700 section 4.1.3).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RedirectUri(String);

/// The text is no redirect URI.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadRedirectUri {
    /// No absolute URI.
    #[error("is not an absolute URI")]
    NoUri,
    /// Over [`MAX_BYTES`].
    #[error("is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// RFC 6749 section 3.1.2.
    #[error("has a fragment")]
    Fragment,
    /// Part of it stands for anything.
    #[error("has a wildcard")]
    Wildcard,
    /// `user@host`: what people take for the host is none.
    #[error("has a user name or a password")]
    UserInfo,
    /// Its query has what the answer brings: which of the two counts, nobody could say.
    #[error("has a parameter of the answer in its query: code, state, iss, error or authorized")]
    Answer,
    /// `http`, and not to this machine.
    #[error("is http: only https is taken, and http to 127.0.0.1, [::1] and localhost")]
    Plain,
    /// A scheme that anybody may take, or that does something else than lead to an app.
    #[error("has a scheme of its own without a dot, like com.example.app")]
    Scheme,
}

impl RedirectUri {
    /// Reads one: https, http to this machine, or a private-use scheme with a dot (RFC 8252
    /// sections 7.1 and 7.3).
    ///
    /// # Errors
    /// [`BadRedirectUri`].
    pub fn parse(text: &str) -> Result<Self, BadRedirectUri> {
        if text.len() > MAX_BYTES {
            return Err(BadRedirectUri::TooLong);
        }
        // What a browser would mend or drop is not what was registered.
        if !text.bytes().all(|byte| byte.is_ascii_graphic() && !br#""<>\^`{|}"#.contains(&byte)) {
            return Err(BadRedirectUri::NoUri);
        }
        let url = Url::parse(text).map_err(|_reason| BadRedirectUri::NoUri)?;
        if text.contains('#') {
            return Err(BadRedirectUri::Fragment);
        }
        if text.contains('*') {
            return Err(BadRedirectUri::Wildcard);
        }
        if !url.username().is_empty() || url.password().is_some() || authority(text).contains('@') {
            return Err(BadRedirectUri::UserInfo);
        }
        // A URI may have others in its host, which no name on the network has and lists of addresses
        // are separated by.
        let is_of_a_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._%:[]".contains(&byte);
        if !authority(text).bytes().all(is_of_a_host) {
            return Err(BadRedirectUri::NoUri);
        }
        if url.query_pairs().any(|(name, _)| ANSWERS.contains(&&*name)) {
            return Err(BadRedirectUri::Answer);
        }
        match url.scheme() {
            // Written as `https:host`, it is a host for browsers alone.
            "https" | "http" if !text.get(url.scheme().len()..).is_some_and(|rest| rest.starts_with("://")) => Err(BadRedirectUri::NoUri),
            "https" => Ok(()),
            "http" if is_loopback(&url) && is_plainly_written(text) => Ok(()),
            "http" => Err(BadRedirectUri::Plain),
            scheme if scheme.contains('.') => Ok(()),
            _ => Err(BadRedirectUri::Scheme),
        }?;
        Ok(Self(text.to_owned()))
    }

    /// As it was registered.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a request that names `uri` means this one: the same text, but for the port of
    /// `http://127.0.0.1` and `http://[::1]`, which apps get from the system (RFC 8252 section 7.3).
    pub fn is_meant_by(&self, uri: &str) -> bool {
        self.is_same_on(&LOOPBACK, uri)
    }

    /// The same for clients that nobody registered by hand: with them `http://localhost` has any port,
    /// too (RFC 9700 section 2.1), since that is what their authors write.
    pub fn is_loosely_meant_by(&self, uri: &str) -> bool {
        self.is_meant_by(uri) || self.is_same_on(&["http://localhost"], uri)
    }

    fn is_same_on(&self, hosts: &[&'static str], uri: &str) -> bool {
        if self.0 == uri {
            return true;
        }
        match (without_port(hosts, &self.0), without_port(hosts, uri)) {
            (Some(registered), Some(named)) => registered == named && Self::parse(uri).is_ok(),
            _ => false,
        }
    }

    /// Where it leads.
    pub fn destination(&self) -> Option<Destination> {
        Destination::of(&self.0)
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for RedirectUri {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RedirectUri {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

/// Where an address leads, as people know it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Destination {
    /// To this host.
    Host(String),
    /// To a program on the computer whose browser goes there.
    Loopback,
    /// To whichever app took this scheme for itself.
    Scheme(String),
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(host) => f.write_str(host),
            Self::Loopback => f.write_str("localhost"),
            Self::Scheme(scheme) => write!(f, "{scheme}:"),
        }
    }
}

impl Destination {
    /// Where this address leads; `None` where it is none.
    pub fn of(uri: &str) -> Option<Self> {
        // What is no address leads nowhere, whatever the reason.
        let url = Url::parse(uri).ok()?;
        Some(match (url.scheme(), url.host_str()) {
            ("http", Some(_)) if is_loopback(&url) => Self::Loopback,
            ("http" | "https", Some(host)) => Self::Host(host.to_owned()),
            (scheme, _) => Self::Scheme(scheme.to_owned()),
        })
    }
}

/// An address with the answer in its query, and whatever stood there before (RFC 6749 section
/// 4.1.2).
pub fn with_answer(uri: &str, answer: &[(&str, &str)]) -> String {
    let mut location = String::with_capacity(uri.len() + 128);
    location.push_str(uri);
    location.push(if uri.contains('?') { '&' } else { '?' });
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(answer);
    location.push_str(&query.finish());
    location
}

/// What stands between the scheme and the path.
fn authority(text: &str) -> &str {
    let rest = text.split_once("://").map_or("", |(_, rest)| rest);
    rest.split(['/', '?']).next().unwrap_or_default()
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        // Only these two are everywhere.
        Some(Host::Ipv4(ip)) => ip == std::net::Ipv4Addr::LOCALHOST,
        Some(Host::Ipv6(ip)) => ip == std::net::Ipv6Addr::LOCALHOST,
        None => false,
    }
}

/// Whether an address of this machine is written as everybody writes it: `http://0x7f.1` is one, too,
/// and not every reader knows.
fn is_plainly_written(text: &str) -> bool {
    without_port(&["http://127.0.0.1", "http://[::1]", "http://localhost"], text).is_some()
}

/// What stands before and after the port of an address of this machine.
fn without_port<'a>(hosts: &[&'static str], uri: &'a str) -> Option<(&'static str, &'a str)> {
    let host = hosts.iter().copied().find(|host| uri.starts_with(host))?;
    let (_, rest) = uri.split_at(host.len());
    let path = match rest.strip_prefix(':') {
        Some(port) => {
            let path = port.trim_start_matches(|c: char| c.is_ascii_digit());
            (path.len() < port.len()).then_some(path)?
        }
        None => rest,
    };
    (path.is_empty() || path.starts_with(['/', '?'])).then_some((host, path))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_uri_leads_to_https_to_this_machine_or_to_an_app() {
        for good in [
            "https://app.example.com/callback",
            "https://app.example.com/callback?tenant=a&x=%20",
            "https://app.example.com:8443",
            "https://b%C3%BCcher.example/cb",
            "http://127.0.0.1:5000/cb",
            "http://127.0.0.1/",
            "http://[::1]:7000/cb",
            "http://localhost:3000/cb",
            "com.example.app:/oauth",
            "com.example.app://callback",
        ] {
            assert_eq!(RedirectUri::parse(good).map(|uri| uri.to_string()), Ok(good.to_owned()));
        }
        for (bad, why) in [
            ("", BadRedirectUri::NoUri),
            ("/callback", BadRedirectUri::NoUri),
            ("app.example.com/callback", BadRedirectUri::NoUri),
            ("https://", BadRedirectUri::NoUri),
            ("https:app.example.com", BadRedirectUri::NoUri),
            ("https:/app.example.com", BadRedirectUri::NoUri),
            ("https:\\\\app.example.com", BadRedirectUri::NoUri),
            ("https://app.example.com/a b", BadRedirectUri::NoUri),
            ("https://app;sandbox/", BadRedirectUri::NoUri),
            ("https://app,evil.example/", BadRedirectUri::NoUri),
            ("https://app.example.com/\u{e9}", BadRedirectUri::NoUri),
            ("https://app.example.com/\n", BadRedirectUri::NoUri),
            ("https://app.example.com/cb#x", BadRedirectUri::Fragment),
            ("https://app.example.com/cb#", BadRedirectUri::Fragment),
            ("https://*.example.com/cb", BadRedirectUri::Wildcard),
            ("https://app.example.com/*", BadRedirectUri::Wildcard),
            ("https://good.example@evil.example/cb", BadRedirectUri::UserInfo),
            ("https://@evil.example/cb", BadRedirectUri::UserInfo),
            ("https://app.example.com/?iss=https://evil.example", BadRedirectUri::Answer),
            ("https://app.example.com/?x=1&%63ode=1", BadRedirectUri::Answer),
            ("https://app.example.com/?authorized=true", BadRedirectUri::Answer),
            ("http://app.example.com/cb", BadRedirectUri::Plain),
            ("http://127.0.0.2/cb", BadRedirectUri::Plain),
            ("http://127.1/cb", BadRedirectUri::Plain),
            ("http://0x7f.1/cb", BadRedirectUri::Plain),
            ("http://2130706433/cb", BadRedirectUri::Plain),
            ("http://[0:0::1]/cb", BadRedirectUri::Plain),
            ("http://localhost.evil.example/cb", BadRedirectUri::Plain),
            ("javascript:alert(1)", BadRedirectUri::Scheme),
            ("data:text/html,x", BadRedirectUri::Scheme),
            ("myapp://callback", BadRedirectUri::Scheme),
            ("file:///etc/passwd", BadRedirectUri::Scheme),
            (&format!("https://a.example/{}", "x".repeat(MAX_BYTES)), BadRedirectUri::TooLong),
        ] {
            assert_eq!(RedirectUri::parse(bad), Err(why), "{bad}");
        }
    }

    #[test]
    fn only_the_port_of_this_machine_may_be_another_one() {
        let means = |registered: &str, named: &str| RedirectUri::parse(registered).unwrap().is_meant_by(named);
        assert!(means("http://127.0.0.1/cb", "http://127.0.0.1:49152/cb"));
        assert!(means("http://127.0.0.1:1/cb", "http://127.0.0.1:2/cb"));
        assert!(means("http://127.0.0.1:1/cb", "http://127.0.0.1/cb"));
        assert!(means("http://[::1]:1/cb?x=1", "http://[::1]:2/cb?x=1"));
        for (registered, named) in [
            ("http://127.0.0.1/cb", "http://127.0.0.1:1/cb/"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:1/CB"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:99999/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:80@evil.example/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.1.evil.example/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:1.evil.example/cb"),
            ("http://127.0.0.1/cb", "http://[::1]/cb"),
            ("http://127.0.0.1/cb", "https://127.0.0.1/cb"),
            ("http://localhost:1/cb", "http://localhost:2/cb"),
            ("http://localhost/cb", "http://127.0.0.1/cb"),
            ("http://localhost/cb", "http://localhost.evil.example/cb"),
            ("http://localhost/cb", "http://localhost:1@evil.example/cb"),
            ("https://app.example.com/cb", "https://app.example.com:8443/cb"),
            ("https://app.example.com/cb", "https://app.example.com/cb?x"),
            ("https://app.example.com/cb", "https://APP.example.com/cb"),
        ] {
            assert!(!means(registered, named), "{registered} {named}");
        }
    }

    #[test]
    fn localhost_has_any_port_for_those_whom_nobody_registered() {
        let means = |registered: &str, named: &str| RedirectUri::parse(registered).unwrap().is_loosely_meant_by(named);
        assert!(means("http://localhost/cb", "http://localhost:2/cb") && means("http://127.0.0.1/cb", "http://127.0.0.1:2/cb"));
        for named in
            ["http://localhost:2/other", "http://127.0.0.1/cb", "http://localhost.evil.example/cb", "http://localhost:1@evil.example/cb"]
        {
            assert!(!means("http://localhost/cb", named), "{named}");
        }
    }

    #[test]
    fn an_answer_goes_behind_the_query_that_was_there() {
        let answer = [("code", "a b&c"), ("state", "x=1")];
        assert_eq!(with_answer("https://a.example/cb", &answer), "https://a.example/cb?code=a+b%26c&state=x%3D1");
        assert_eq!(with_answer("https://a.example/cb?t=1", &answer[..1]), "https://a.example/cb?t=1&code=a+b%26c");
    }

    #[test]
    fn people_are_told_the_host_or_that_it_is_an_app_of_theirs() {
        for (uri, destination) in [
            ("https://app.example.com:8443/cb?x=1", Some(Destination::Host("app.example.com".to_owned()))),
            ("https://xn--bcher-kva.example/", Some(Destination::Host("xn--bcher-kva.example".to_owned()))),
            ("https://b%C3%BCcher.example/cb", Some(Destination::Host("xn--bcher-kva.example".to_owned()))),
            ("https://localhost/", Some(Destination::Host("localhost".to_owned()))),
            ("http://127.0.0.1:5000/cb", Some(Destination::Loopback)),
            ("http://[::1]/cb", Some(Destination::Loopback)),
            ("http://localhost:3000/cb", Some(Destination::Loopback)),
            ("com.example.app:/oauth", Some(Destination::Scheme("com.example.app".to_owned()))),
            ("/cb", None),
        ] {
            assert_eq!(Destination::of(uri), destination, "{uri}");
        }
    }
}
