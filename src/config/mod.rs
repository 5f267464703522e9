//! The configuration: what may be written in a file ([`mod@file`]), what it means ([`Config`]), and
//! everything that is wrong with it, all at once ([`Problems`]). [`load`] leads from one to another.
//!
//! Dialects bring their own options: each gives a [`DialectRow`], and the file's
//! `[dialects.<name>]` table is read by it.

pub mod branding;
mod connections;
pub mod environment;
pub mod file;
pub mod limits;
pub mod path;
pub mod problem;
mod public_url;
pub mod resolve;
mod resource;
mod rewrite;
pub mod store;
mod warnings;

use std::{collections::BTreeMap, net::SocketAddr, num::NonZeroUsize, path::PathBuf, time::Duration};

use http::{HeaderName, HeaderValue, Method};
use ipnet::IpNet;
use secrecy::SecretString;
use url::Url;

use crate::oauth::{client::Declared, scope::Scopes, secret::RootId};
pub use branding::{Accent, Colour, Language, Logo, Sentence};
pub use connections::Connections;
pub use environment::Environment;
pub use file::{Section, Written};
pub use problem::{Place, Problem, Problems};
pub use public_url::PublicUrl;
pub use resolve::{known_keys, load, load_text};
pub use resource::Resource;
pub use rewrite::Rewrite;
pub use store::{Host, Login, Redis, RedisTls, Servers, Store};

/// Everything that an operator decided, checked.
#[derive(Debug)]
pub struct Config {
    /// Where people and apps reach the gateway.
    pub public_url: PublicUrl,
    /// Where it listens.
    pub listen: SocketAddr,
    /// The proxies in front, whose word on who calls counts; `None` where the file says nothing.
    pub trusted_proxies: Option<Vec<IpNet>>,
    /// How many threads forward.
    pub threads: NonZeroUsize,
    /// How long open requests may go on after SIGTERM.
    pub drain: Duration,
    /// What becomes of header names with `_`.
    pub underscore_headers: UnderscoreHeaders,
    /// How long callers may take, and how many of them there may be.
    pub connections: Connections,
    /// Where users, grants and sessions lie.
    pub store: Store,
    /// The socket on which the running gateway is administered; `None`: there is none.
    pub admin_socket: Option<PathBuf>,
    /// The root secrets, the minting one first; `None`: a file in the embedded store's folder, made at the
    /// first start.
    pub roots: Option<Vec<(RootId, SecretString)>>,
    /// How the log is written.
    pub log: Log,
    /// The scopes that exist, each with the sentence that people read.
    pub scopes: BTreeMap<String, Sentence>,
    /// The scopes of a user who was given none.
    pub default_scopes: Scopes,
    /// How often somebody may do something.
    pub limits: limits::Rates,
    /// The pages for people.
    pub pages: Pages,
    /// The servers behind the gateway.
    pub upstreams: Vec<Upstream>,
    /// What is forwarded to them.
    pub routes: Vec<Route>,
    /// The clients that dialects declare.
    pub clients: Vec<Declared>,
}

/// What becomes of requests that have header names with `_`, which many servers take for `-`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UnderscoreHeaders {
    /// 400.
    Refuse,
    /// They go on without these fields.
    Drop,
}

/// How the log is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Log {
    /// JSON, readable, or by what stderr is.
    pub format: LogFormat,
    /// A filter such as `info` or `gatepost=debug`.
    pub filter: String,
}

/// JSON, readable, or by what stderr is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogFormat {
    /// Readable on a terminal, JSON otherwise.
    Auto,
    /// One JSON object a line.
    Json,
    /// For reading.
    Pretty,
}

/// The pages for people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pages {
    /// What they call this place.
    pub name: String,
    /// The path before theirs, `""` or `"/..."`.
    pub prefix: String,
    /// How long a browser stays signed in.
    pub session: Duration,
    /// The scopes for which only somebody may say yes who has signed in just now, in every dialect.
    pub sign_in_again: Scopes,
    /// What they speak to those who ask for no language that they know.
    pub language: Language,
    /// The operator's mark.
    pub logo: Option<Logo>,
    /// The colour of links and of the button that goes on.
    pub accent: Accent,
    /// The terms of use, an https address.
    pub terms: Option<Url>,
    /// The privacy policy, an https address.
    pub privacy: Option<Url>,
}

impl Default for Pages {
    fn default() -> Self {
        Self {
            name: "Gatepost".to_owned(),
            prefix: String::new(),
            session: resolve::SESSION,
            sign_in_again: Scopes::default(),
            language: Language::default(),
            logo: None,
            accent: Accent::default(),
            terms: None,
            privacy: None,
        }
    }
}

/// A server behind the gateway.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Its name in the file.
    pub name: String,
    /// Whether it is spoken to over TLS.
    pub tls: bool,
    /// Its host, without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What stands before the path of every request; `""` or `"/..."`.
    pub base_path: String,
    /// What it is shown instead of the caller's credential.
    pub credential: Option<(HeaderName, HeaderValue)>,
    /// How long a connection may take to stand.
    pub connect_timeout: Duration,
    /// How long the first byte of an answer may take; `None`: as long as it likes.
    pub response_timeout: Option<Duration>,
    /// How long an idle connection is kept. Below the server's own time.
    pub idle_timeout: Duration,
}

/// What is forwarded, and on which conditions.
#[derive(Clone, Debug)]
pub struct Route {
    /// What it claims.
    pub claim: Claim,
    /// The index in [`Config::upstreams`].
    pub upstream: usize,
    /// Which path goes there; `None`: the one that was asked for.
    pub rewrite: Option<Rewrite>,
    /// What a caller has to show.
    pub auth: RouteAuth,
    /// How it says no.
    pub errors: ErrorShape,
    /// What becomes of answers that are on their way when access is taken back.
    pub revoked_streams: RevokedStreams,
    /// How much one caller may send.
    pub limit: Option<RouteLimit>,
    /// While the store that replicas share is away, tokens that were verified before are good for so much longer;
    /// not at all, where it is zero.
    pub serve_known: Duration,
    /// What its connections may become.
    pub upgrade: Vec<Upgrade>,
}

impl Route {
    /// One that says nothing but this.
    pub const fn to(upstream: usize, claim: Claim, auth: RouteAuth) -> Self {
        Self {
            claim,
            upstream,
            rewrite: None,
            auth,
            errors: ErrorShape::OpenAi,
            revoked_streams: RevokedStreams::Cut,
            limit: None,
            serve_known: Duration::ZERO,
            upgrade: Vec::new(),
        }
    }
}

/// What a connection may become (RFC 9110 section 7.8).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Upgrade {
    /// RFC 6455.
    WebSocket,
}

impl Upgrade {
    /// Its name in `Upgrade`.
    pub const fn token(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
        }
    }
}

/// What a caller of a route has to show.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RouteAuth {
    /// An access token with all of these scopes.
    Bearer(Scopes),
    /// Nothing: the operator wrote `auth = "none"`.
    None,
}

/// How a route says no.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ErrorShape {
    /// As OpenAI's API does.
    OpenAi,
    /// As RFC 9457 does; where scopes are missing, it names those that are needed and those that the
    /// token has, as Fruxon's API does.
    Problem,
}

/// What becomes of an answer that is on its way when the access behind it is taken back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RevokedStreams {
    /// It ends at once.
    Cut,
    /// It ends by itself.
    Finish,
}

/// So many requests in so much time, counted for each user (without a user: for each address).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RouteLimit {
    /// How many.
    pub requests: std::num::NonZeroU32,
    /// In which time.
    pub per: Duration,
    /// Whether it is one limit for all replicas that have a store in common.
    pub shared: bool,
}

/// A part of the gateway's paths. Two things that claim the same part are an error.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claim {
    /// Who claims it, for messages: `routes[1]`, `dialect bootspring`, `the pages`.
    pub owner: String,
    /// Only for this host, in lower case and without port; `None` for every host.
    pub host: Option<String>,
    /// Which paths.
    pub paths: Paths,
    /// Which methods; empty for all.
    pub methods: Vec<Method>,
    /// Which of the requests there, in words, where others claim the rest: two that differ in this share
    /// nothing.
    pub only: Option<&'static str>,
}

/// Which paths.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Paths {
    /// One path, with `{name}` where a segment varies. The last segment may be `{name}:word`.
    Exact(String),
    /// A path and all below it: `/v1` is `/v1` and `/v1/...`, and not `/v1x`. Its segments may vary.
    Prefix(String),
}

/// Where a dialect hangs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Mount {
    /// Only for this host; `None` for every host.
    pub host: Option<String>,
    /// The path before the dialect's own; `""` or `"/..."`.
    pub prefix: String,
}

impl Mount {
    /// A path of the dialect, where it hangs.
    pub fn path(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    /// The dialect of this name claims that path of its own, for these methods; for all, if there are none.
    pub fn claim(&self, dialect: &str, path: &str, methods: &[Method]) -> Claim {
        Claim {
            owner: format!("dialect {dialect}"),
            host: self.host.clone(),
            paths: Paths::Exact(self.path(path)),
            methods: methods.to_vec(),
            only: None,
        }
    }
}

/// How a dialect is read from its table: its name and the function that reads its options. The
/// keys `host` and `prefix` are read before it is called.
pub struct DialectRow<D> {
    /// The table is `[dialects.<name>]`.
    pub name: &'static str,
    /// Reads and checks the options.
    pub read: fn(Mount, &mut Section<'_>) -> D,
}

/// What the configuration asks of a dialect.
pub trait Mounted {
    /// The paths it answers.
    fn claims(&self) -> Vec<Claim>;
    /// The clients it declares.
    fn clients(&self) -> Vec<Declared>;
}
