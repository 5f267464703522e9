//! What a run is made of, and the configuration of its gateways.

use std::{net::SocketAddr, path::PathBuf, str::FromStr};

use super::topology::Topology;

/// For so many milliseconds a server is silent before others take it for dead.
pub(crate) const DEAD_AFTER: u32 = 2_000;

pub(crate) const GATEWAYS: usize = 3;
/// So many take things back at a time, each with a user and clients of its own.
pub(crate) const REVOKERS: usize = 4;
/// The realm, which is the hash tag too.
pub(crate) const REALM: &str = "faults";
pub(crate) const ROOT: &str = "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr";
/// The secret of all clients that have one: they read the file of the root.
pub(crate) const CLIENT_SECRET: &str = ROOT;

/// How replicas read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    Strict,
    Cached,
}

impl Mode {
    fn name(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Cached => "cached",
        }
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "strict" => Ok(Self::Strict),
            "cached" => Ok(Self::Cached),
            _ => Err("strict or cached".to_owned()),
        }
    }
}

/// What is tried.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// The built gateway.
    pub(crate) binary: PathBuf,
    pub(crate) topology: Topology,
    pub(crate) mode: Mode,
    /// How many replicas must confirm; all that there are where nothing is said.
    pub(crate) wait_replicas: Option<usize>,
    /// `store.promise`, where it is not the default.
    pub(crate) promise: Option<String>,
    /// Each fault lasts as short as it may.
    pub(crate) is_brief: bool,
}

impl Setup {
    /// The configuration of a gateway that reaches Redis here; of the operator's commands where it has no socket.
    pub(crate) fn config(&self, url: &str, upstream: SocketAddr, socket: bool) -> String {
        let mut text = format!(
            r#"public_url = "http://127.0.0.1:8080"
listen = "127.0.0.1:0"
threads = 1
drain = "1s"
[log]
format = "json"
level = "warn,gatepost::cli=info"
[limits]
start = false
poll = false
[scopes]
inference = "Use the models."
[users]
default_scopes = ["inference"]
[upstreams.model]
url = "http://{upstream}"
[[routes]]
prefix = "/v1"
scopes = ["inference"]
[keys]
root = "file:root"
[dialects.bootspring]
hold = "0s"
[[dialects.bootspring.clients]]
id = "bootspring-cli"
name = "Bootspring CLI"
scopes = ["inference"]
[dialects.standard]
{clients}
[store]
url = "{url}"
realm = "{REALM}"
timeout = "500ms"
{leases}"#,
            clients = clients(),
            leases = self.leases(),
        );
        if socket {
            text += "[admin]\nsocket = \"admin.sock\"\n";
        }
        text
    }

    fn leases(&self) -> String {
        let mut text = format!("mode = \"{}\"\n", self.mode.name());
        if self.topology.replicas() > 0 {
            text += &format!("wait_replicas = {}\n", self.wait_replicas.unwrap_or(self.topology.replicas()));
        }
        if let Some(promise) = &self.promise {
            text += &format!("promise = \"{promise}\"\n");
        }
        text
    }
}

/// The client that asks for itself, of each who takes back.
pub(crate) fn robot(revoker: usize) -> String {
    format!("robot-{revoker}")
}

/// The same with tokens that are signed; of the first alone, since a key signs for all.
pub(crate) const SIGNED: &str = "signed";

pub(crate) fn user(revoker: usize) -> String {
    format!("user-{revoker}")
}

fn clients() -> String {
    let row = |id: &str, tokens: &str| {
        format!(
            "[[dialects.standard.clients]]\nid = \"{id}\"\nname = \"A robot\"\nscopes = [\"inference\"]\n\
             grant_types = [\"client_credentials\"]\nsecret = \"file:root\"\n{tokens}"
        )
    };
    let robots = (0..REVOKERS).map(|revoker| row(&robot(revoker), ""));
    robots.chain([row(SIGNED, "tokens = \"EdDSA\"\n")]).collect()
}
