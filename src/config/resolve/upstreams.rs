//! `[upstreams.<name>]`: the servers behind the gateway.

use std::time::Duration;

use http::{HeaderName, HeaderValue, header};
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use super::{DAY, HOUR, MINUTE};
use crate::config::{Section, Upstream, problem::Flaw};

const MILLISECOND: Duration = Duration::from_millis(1);

/// The upstreams, and the names of all that were meant to be one.
pub(super) fn read(root: &mut Section<'_>) -> (Vec<Upstream>, Vec<String>) {
    let read = root.named_tables("upstreams", |name, section| (name.to_owned(), upstream(name, section)));
    let names = read.iter().map(|(name, _)| name.clone()).collect();
    (read.into_iter().filter_map(|(_, upstream)| upstream).collect(), names)
}

fn upstream(name: &str, section: &mut Section<'_>) -> Option<Upstream> {
    let address = section.required("url", "\"http://127.0.0.1:8000\"", address);
    let credential = credential(section);
    let connect_timeout = section.duration("connect_timeout", MILLISECOND..=5 * MINUTE).unwrap_or(Duration::from_secs(5));
    let response_timeout = section.duration("response_timeout", MILLISECOND..=DAY);
    let idle_timeout = section.duration("idle_timeout", MILLISECOND..=HOUR).unwrap_or(Duration::from_secs(4));
    let Address { tls, host, port, base_path } = address?;
    Some(Upstream { name: name.to_owned(), tls, host, port, base_path, credential, connect_timeout, response_timeout, idle_timeout })
}

struct Address {
    tls: bool,
    host: String,
    port: u16,
    base_path: String,
}

fn address(section: &mut Section<'_>, key: &'static str) -> Option<Address> {
    let url = section.url(key)?;
    let address = split(&url);
    if address.is_none() {
        section.problem(
            key,
            "an upstream is an http or https address",
            "write it like \"http://127.0.0.1:8000\" or \"https://api.example.com\"",
        );
    }
    address
}

fn split(url: &Url) -> Option<Address> {
    let tls = match url.scheme() {
        "http" => false,
        "https" => true,
        _ => return None,
    };
    let host = match url.host()? {
        Host::Domain(name) => name.to_owned(),
        Host::Ipv4(ip) => ip.to_string(),
        Host::Ipv6(ip) => ip.to_string(),
    };
    Some(Address { tls, host, port: url.port_or_known_default()?, base_path: url.path().trim_end_matches('/').to_owned() })
}

/// `api_key`, or `credential` for an upstream that wants it in another header field.
fn credential(section: &mut Section<'_>) -> Option<(HeaderName, HeaderValue)> {
    let api_key = section.secret("api_key").and_then(|key| {
        let bearer = SecretString::from(format!("Bearer {}", key.expose_secret()));
        value(section, "api_key", &bearer)
    });
    let credential = section.optional_table("credential", |credential| {
        let name = credential.required("header", "\"x-api-key\"", |credential, key| credential.parsed(key, header_name));
        let secret = credential.required("value", "\"env:NAME\"", Section::secret);
        secret.and_then(|secret| value(credential, "value", &secret)).zip(name)
    });
    match (api_key, credential) {
        (Some(_), Some(_)) => {
            section.problem("credential", "an upstream is shown `api_key` or `credential`, not both", "leave one of them out");
            None
        }
        (Some(value), None) => Some((header::AUTHORIZATION, value)),
        (None, credential) => credential.flatten().map(|(value, name)| (name, value)),
    }
}

fn value(section: &mut Section<'_>, key: &str, secret: &SecretString) -> Option<HeaderValue> {
    match HeaderValue::from_str(secret.expose_secret()) {
        Ok(mut value) => {
            value.set_sensitive(true);
            Some(value)
        }
        Err(error) => {
            section.problem(key, format!("the secret cannot be sent in a header field: {error}"), "it must be one line of visible ASCII");
            None
        }
    }
}

fn header_name(text: &str) -> Result<HeaderName, Flaw> {
    let remedy = || "write it like \"x-api-key\"".to_owned();
    let name = HeaderName::from_bytes(text.as_bytes()).map_err(|error| (format!("`{text}` is no header field: {error}"), remedy()))?;
    // These say how a message travels; to set them would break the message.
    let framing =
        [header::HOST, header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::TE, header::TRAILER, header::UPGRADE];
    if framing.contains(&name) {
        return Err((format!("`{name}` belongs to the connection and cannot be a credential"), remedy()));
    }
    Ok(name)
}
