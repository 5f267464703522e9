//! `[store]`: where users, grants and sessions lie.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroUsize,
    path::{Path, PathBuf},
    time::Duration,
};

use secrecy::SecretString;

/// Where users, grants and sessions lie.
#[derive(Clone, Debug)]
pub enum Store {
    /// In this folder, for one gateway.
    Embedded(PathBuf),
    /// In Redis, for all replicas.
    Redis(Box<Redis>),
}

impl Store {
    /// The folder of the embedded store; `None` where there is none.
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Self::Embedded(folder) => Some(folder),
            Self::Redis(_) => None,
        }
    }
}

/// A Redis that replicas share.
#[derive(Clone, Debug)]
pub struct Redis {
    /// Where it is.
    pub servers: Servers,
    /// The number of the database; 0 in a Cluster, which has no other.
    pub db: u32,
    /// How it is spoken to over TLS, the Sentinels too; `None`: without TLS.
    pub tls: Option<RedisTls>,
    /// Who the gateway is to it; `None`: it asks nobody.
    pub login: Option<Login>,
    /// Who the gateway is to the Sentinels.
    pub sentinel_login: Option<Login>,
    /// Which of several gateways this is. It stands in every key, as the hash tag that puts all of them
    /// into one slot of a Cluster.
    pub realm: String,
    /// What every key starts with.
    pub prefix: String,
    /// How long a call may take, and a connection to stand.
    pub timeout: Duration,
    /// How many calls may be under way at a time; one more is refused.
    pub most_waiting: NonZeroUsize,
    /// What is asked for each request.
    pub mode: Mode,
    /// So many replicas of the server must have a commit before it is answered.
    pub wait_replicas: u32,
    /// What a fail-over may undo.
    pub promise: Promise,
}

/// What is asked for each request.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Mode {
    /// Nothing, where the grant was read before: a replica hears what is taken back.
    #[default]
    Cached,
    /// The record.
    Strict,
}

/// What a fail-over of Redis may undo.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Promise {
    /// Nothing that was answered: all of its replicas confirm.
    #[default]
    Durable,
    /// What the one that takes over has not confirmed.
    Available,
}

/// Where Redis is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Servers {
    /// One server.
    One(Host),
    /// Whichever server these Sentinels call the primary of that name.
    Sentinel {
        /// At least one, in the order in which they are asked.
        sentinels: Vec<Host>,
        /// What they call it.
        name: String,
    },
    /// A Cluster, of which these are nodes; at least one.
    Cluster(Vec<Host>),
}

impl Servers {
    /// Those that the file names.
    pub fn hosts(&self) -> &[Host] {
        match self {
            Self::One(host) => std::slice::from_ref(host),
            Self::Sentinel { sentinels: hosts, .. } | Self::Cluster(hosts) => hosts,
        }
    }
}

/// A server's name or address, and its port.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Host {
    /// Its name in DNS, or its address, which for IPv6 is without brackets.
    pub name: String,
    /// Its port.
    pub port: u16,
}

impl Host {
    /// Whether it is this machine, by what its name says.
    pub fn is_loopback(&self) -> bool {
        self.name.eq_ignore_ascii_case("localhost") || self.name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, port } = self;
        if name.parse::<Ipv6Addr>().is_ok() { write!(f, "[{name}]:{port}") } else { write!(f, "{name}:{port}") }
    }
}

/// Which certificates count.
#[derive(Clone)]
pub struct RedisTls {
    /// In PEM, the authorities that are trusted, and no others; `None`: the system's.
    pub ca: Option<Vec<u8>>,
    /// In PEM, the chain of certificates that the gateway shows, and the private key of the first one.
    pub certificate: Option<(Vec<u8>, SecretString)>,
}

/// A file with a certificate may have its key in it, too.
impl fmt::Debug for RedisTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisTls").field("ca", &self.ca.is_some()).field("certificate", &self.certificate.is_some()).finish()
    }
}

/// Who the gateway is (Redis's `AUTH`).
#[derive(Clone, Debug)]
pub struct Login {
    /// The user of an ACL; `None` for Redis's `default` user.
    pub user: Option<String>,
    /// Its password.
    pub password: SecretString,
}
