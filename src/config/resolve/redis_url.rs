//! The address of Redis: one server, Sentinels, or a Cluster.
//!
//! ```text
//! redis[s]://host[:port][/db]
//! redis[s]+sentinel://host[:port],.../name[/db]
//! redis[s]-cluster://host[:port],...
//! ```
//!
//! A URL (RFC 3986) has one host, so these are read here. Nothing of one that is wrong is told: there may
//! be a password in it.

use std::{net::Ipv6Addr, num::NonZeroU16};

use rustls::pki_types::ServerName;

use crate::config::{
    file::instead,
    problem::Flaw,
    store::{Host, Servers},
};

const REDIS_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

/// What an address says.
pub(super) struct Address {
    pub(super) tls: bool,
    pub(super) servers: Servers,
    pub(super) db: u32,
}

#[derive(Clone, Copy)]
enum Topology {
    One,
    Sentinel,
    Cluster,
}

/// Each scheme, and whether it is over TLS.
const SCHEMES: [(&str, Topology, bool); 6] = [
    ("redis", Topology::One, false),
    ("rediss", Topology::One, true),
    ("redis+sentinel", Topology::Sentinel, false),
    ("rediss+sentinel", Topology::Sentinel, true),
    ("redis-cluster", Topology::Cluster, false),
    ("rediss-cluster", Topology::Cluster, true),
];

pub(super) fn parse(text: &str) -> Result<Address, Flaw> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(flaw("this is no address of Redis", "write it like \"rediss://redis.example.com:6379\""));
    };
    if rest.contains('@') {
        let remedy = "leave out all up to the `@`, and write `user = \"...\"` and `password = \"env:REDIS_PASSWORD\"`";
        return Err(flaw("a user or a password in the address would stand in this file and wherever the address is shown", remedy));
    }
    if rest.contains(['?', '#']) {
        return Err(flaw("the address has a query or a fragment", "end it before `?` or `#`; each setting is a key of [store]"));
    }
    let Some((_, topology, tls)) = SCHEMES.iter().find(|(name, ..)| name.eq_ignore_ascii_case(scheme)) else {
        let remedy = instead(scheme, SCHEMES.iter().map(|(name, ..)| *name));
        return Err(("Redis has no such scheme".to_owned(), remedy));
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let port = if matches!(topology, Topology::Sentinel) { SENTINEL_PORT } else { REDIS_PORT };
    let hosts: Vec<Host> = authority.split(',').map(|text| host(text, port)).collect::<Result<_, _>>()?;
    let (servers, db) = match topology {
        Topology::One => (Servers::One(only(hosts)?), db(path)?),
        Topology::Sentinel => {
            let (name, number) = path.split_once('/').unwrap_or((path, ""));
            (Servers::Sentinel { sentinels: hosts, name: primary(name)? }, db(number)?)
        }
        Topology::Cluster if path.is_empty() => (Servers::Cluster(hosts), 0),
        Topology::Cluster => return Err(flaw("a Cluster has one database, which has no number", "end the address after the last host")),
    };
    Ok(Address { tls: *tls, servers, db })
}

fn only(hosts: Vec<Host>) -> Result<Host, Flaw> {
    let [host] = <[Host; 1]>::try_from(hosts).map_err(|_several| {
        flaw(
            "this scheme has one host",
            "name one, or write redis+sentinel://HOST,HOST/NAME for Sentinels or redis-cluster://HOST,HOST for a Cluster",
        )
    })?;
    Ok(host)
}

fn host(text: &str, default_port: u16) -> Result<Host, Flaw> {
    let (name, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((name, port)) => (name.parse().ok().map(|address: Ipv6Addr| address.to_string()), port),
        None => {
            let (name, port) = text.split_at(text.find(':').unwrap_or(text.len()));
            (ServerName::try_from(name).ok().map(|_| name.to_ascii_lowercase()), port)
        }
    };
    let Some(name) = name else {
        let remedy = "write one, or several with commas between them; IPv6 like \"[::1]\"";
        return Err(flaw("a host in the address is neither a name nor an IP address", remedy));
    };
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => Some(default_port),
        None => None,
        Some(digits) => number(digits).map(NonZeroU16::get),
    };
    let port =
        port.ok_or_else(|| flaw("a port in the address is not one", "write a number from 1 to 65535 after the `:`, or leave out both"))?;
    Ok(Host { name, port })
}

/// The name of what Sentinels watch: letters, digits, `.`, `-` and `_` (Redis's `sentinel.conf`).
fn primary(name: &str) -> Result<String, Flaw> {
    let remedy = "end the address with the name behind `sentinel monitor` in sentinel.conf, like \"redis+sentinel://host:26379/mymaster\"";
    if name.is_empty() {
        return Err(flaw("the address does not say what the Sentinels call the primary", remedy));
    }
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte)) {
        return Err(flaw("Sentinels have no such name for a primary", remedy));
    }
    Ok(name.to_owned())
}

/// The number of a database; 0 where none is written.
fn db(text: &str) -> Result<u32, Flaw> {
    if text.is_empty() {
        return Ok(0);
    }
    number(text).ok_or_else(|| flaw("this is no number of a database", "end the address with a number like `/0`, or leave it out"))
}

/// Digits only: the standard library reads `+1` as well.
fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn flaw(message: &str, remedy: &str) -> Flaw {
    (message.to_owned(), remedy.to_owned())
}
