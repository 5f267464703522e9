//! `[store]`: a folder, or the address of Redis and how to get in.

use std::{num::NonZeroUsize, time::Duration};

use rustls::{
    crypto::aws_lc_rs,
    pki_types::{PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};
use secrecy::{ExposeSecret, SecretString};

use super::redis_url::{self, Address};
use crate::config::{
    Section,
    problem::Flaw,
    store::{Login, Mode, Promise, Redis, RedisTls, Servers, Store},
};

const URL: &str = "url";
/// What says something about Redis alone.
const OF_REDIS: [&str; 14] = [
    "user",
    "password",
    "sentinel_user",
    "sentinel_password",
    "ca",
    "certificate",
    "key",
    "realm",
    "prefix",
    "timeout",
    "most_waiting",
    "mode",
    "wait_replicas",
    "promise",
];
const OF_TLS: [&str; 3] = ["ca", "certificate", "key"];
const UNCONFIRMED: &str =
    "Sentinels mean replicas of Redis, and none of them has to confirm: a fail-over could bring back what was revoked";
const CONFIRM: &str =
    "write `wait_replicas = 1` (the number of all replicas of the primary), or `promise = \"available\"` where a fail-over may";
const OF_SENTINELS: [&str; 2] = ["sentinel_user", "sentinel_password"];

const SHORTEST_TIMEOUT: Duration = Duration::from_millis(50);
const LONGEST_TIMEOUT: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_millis(500);
const MOST_WAITING: u32 = 1024;
/// The most that [`MOST_WAITING`] can be set to.
const MOST_OF_ALL: u32 = 100_000;
/// More replicas than anybody waits for.
const MOST_REPLICAS: u32 = 16;
/// The longest realm, and the longest prefix: they are in every key.
const LONGEST: usize = 64;

/// `None` where the file means Redis, and does not say where it is.
pub(super) fn read(section: &mut Section<'_>) -> Option<Store> {
    let folder = section.path_or("path", "gatepost-data");
    let redis = shared(section);
    if section.holds(URL) {
        if section.holds("path") {
            section.problem("path", "the store is a folder or Redis, not both", "leave `path` or `url` out");
        }
        return redis.map(|redis| Store::Redis(Box::new(redis)));
    }
    refuse(section, &OF_REDIS, "only Redis has it, and the store is a folder", "write `url = \"rediss://redis.example.com:6379\"`");
    Some(Store::Embedded(folder))
}

fn shared(section: &mut Section<'_>) -> Option<Redis> {
    let address = section.discreet(URL, redis_url::parse);
    let login = login(section, "user", "password");
    let sentinel_login = self::login(section, "sentinel_user", "sentinel_password");
    let ca = section.pem_certificates("ca").map(|(pem, _)| pem);
    let certificate = certificate(section);
    let realm = section.parsed("realm", realm).unwrap_or_else(|| "default".to_owned());
    let prefix = section.parsed("prefix", prefix).unwrap_or_else(|| "gatepost:".to_owned());
    let timeout = section.duration("timeout", SHORTEST_TIMEOUT..=LONGEST_TIMEOUT).unwrap_or(TIMEOUT);
    let most_waiting = section.integer("most_waiting", 1..=MOST_OF_ALL).unwrap_or(MOST_WAITING);
    let mode = section.choice("mode", &[("cached", Mode::Cached), ("strict", Mode::Strict)]).unwrap_or_default();
    let wait_replicas = section.integer("wait_replicas", 0..=MOST_REPLICAS);
    let promise = section.choice("promise", &[("durable", Promise::Durable), ("available", Promise::Available)]);
    let Address { tls, servers, db } = address?;
    if !tls {
        refuse(section, &OF_TLS, "it is for TLS, and the address is without", "write `url` with rediss instead of redis");
    }
    if matches!(servers, Servers::Sentinel { .. }) {
        // What has a mistake of its own is not wrong twice.
        let waits = section.holds("wait_replicas") && wait_replicas != Some(0);
        let may_lose = section.holds("promise") && promise != Some(Promise::Durable);
        if !waits && !may_lose {
            section.problem(URL, UNCONFIRMED, CONFIRM);
        }
    } else {
        let remedy = "write `user` and `password` if it is for Redis itself";
        refuse(section, &OF_SENTINELS, "it is for Sentinels, and the address names none", remedy);
    }
    let tls = tls.then_some(RedisTls { ca, certificate });
    let most_waiting = usize::try_from(most_waiting).ok().and_then(NonZeroUsize::new)?;
    let (wait_replicas, promise) = (wait_replicas.unwrap_or(0), promise.unwrap_or_default());
    Some(Redis { servers, db, tls, login, sentinel_login, realm, prefix, timeout, most_waiting, mode, wait_replicas, promise })
}

/// Notes of each of these that the file has that it has no place there.
fn refuse(section: &mut Section<'_>, keys: &[&str], message: &str, remedy: &str) {
    for key in keys {
        if section.holds(key) {
            section.problem(key, format!("`{key}` means nothing here: {message}"), format!("{remedy}, or leave `{key}` out"));
        }
    }
}

fn login(section: &mut Section<'_>, user: &'static str, password: &'static str) -> Option<Login> {
    let name = section.text_or_reference(user);
    let secret = section.secret(password);
    if section.holds(user) && !section.holds(password) {
        section.problem(
            user,
            format!("a user needs a password, and `{password}` is missing"),
            format!("write `{password} = \"env:NAME\"`"),
        );
    }
    Some(Login { user: name, password: secret? })
}

/// `certificate` and `key`: a chain, and the private key of the first in it.
fn certificate(section: &mut Section<'_>) -> Option<(Vec<u8>, SecretString)> {
    let chain = section.pem_certificates("certificate");
    let key = section.secret("key");
    for (one, other) in [("certificate", "key"), ("key", "certificate")] {
        if section.holds(one) && !section.holds(other) {
            let remedy = format!("write `{other}` too, or leave `{one}` out");
            section.problem(one, "a certificate and its private key go together", remedy);
        }
    }
    let ((pem, chain), key) = (chain?, key?);
    // The reader of PEM quotes lines that it does not understand; these are secret.
    let pair = PrivateKeyDer::from_pem_slice(key.expose_secret().as_bytes())
        .map_err(|_with_quote| "there is no private key in PEM".to_owned())
        .and_then(|der| CertifiedKey::from_der(chain, der, &aws_lc_rs::default_provider()).map_err(|error| error.to_string()));
    if let Err(wrong) = pair {
        let remedy = "it is the private key of the first certificate, without a passphrase, from BEGIN PRIVATE KEY to END PRIVATE KEY";
        section.problem("key", format!("the key cannot be used with the certificate: {wrong}"), remedy);
        return None;
    }
    Some((pem, key))
}

fn realm(text: &str) -> Result<String, Flaw> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    if !(1..=LONGEST).contains(&text.len()) || !text.bytes().all(allowed) {
        let remedy = format!("write 1 to {LONGEST} of a-z, 0-9, `-`, `_` and `.`, like \"default\"");
        return Err(("this cannot be the name of a realm".to_owned(), remedy));
    }
    Ok(text.to_owned())
}

/// Without braces: the part of a key in the first pair of them decides in which slot of a Cluster it lies,
/// and that is the realm.
fn prefix(text: &str) -> Result<String, Flaw> {
    if text.len() > LONGEST || !text.bytes().all(|byte| byte.is_ascii_graphic() && !b"{}".contains(&byte)) {
        let remedy = format!("write at most {LONGEST} letters, digits and signs other than braces, like \"gatepost:\"");
        return Err(("keys cannot start like this".to_owned(), remedy));
    }
    Ok(text.to_owned())
}
