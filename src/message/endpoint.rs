//! What the gateway answers itself: dialects, pages, health.

use std::{fmt, future::Future, net::IpAddr, pin::Pin, sync::Arc};

use http::{Method, Response, request::Parts};
use tokio_util::sync::CancellationToken;

use super::{Body, Shape};
use crate::oauth::{id::GrantId, pattern, subject::Subject};

/// Who calls: whoever is at the other end of the connection, or whom a listed proxy there calls for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Peer {
    /// The address.
    pub ip: IpAddr,
}

/// Names one request in logs and answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RequestId(u64);

impl RequestId {
    /// A name out of a random number.
    pub const fn from_random(number: u64) -> Self {
        Self(number)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "req_{:016x}", self.0)
    }
}

/// A request that the gateway answers itself.
pub struct Call {
    /// Method, target, header fields.
    pub head: Parts,
    /// What came after them.
    pub body: Body,
    /// The endpoint's own path, with `{name}` where a segment varies.
    pub pattern: Arc<str>,
    /// Who calls.
    pub peer: Peer,
    /// The request's name.
    pub id: RequestId,
    /// For whom the token speaks; there is one wherever the endpoint needs a bearer.
    pub subject: Option<Arc<Subject>>,
    /// Ends when the caller has gone, so that nobody waits for him.
    pub gone: CancellationToken,
}

impl Call {
    /// What stands in the path where the endpoint's has `{name}`, as it was sent; empty where it has no
    /// such segment.
    pub fn segment(&self, name: &str) -> &str {
        pattern::value(&self.pattern, self.head.uri.path(), name).unwrap_or_default()
    }
}

/// Answers a call.
pub type Handler = Arc<dyn Fn(Call) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>> + Send + Sync>;

/// Boxes an async function as a [`Handler`].
pub fn handler<F, R>(function: F) -> Handler
where
    F: Fn(Call) -> R + Send + Sync + 'static,
    R: Future<Output = Response<Body>> + Send + 'static,
{
    Arc::new(move |call| Box::pin(function(call)))
}

/// What a caller has to show before an endpoint is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// Nothing: the endpoint judges what it is sent.
    Nothing,
    /// A valid access token of this dialect.
    Bearer(&'static str),
    /// A valid access token of this dialect that has one of these scopes. The first is the one that a
    /// refusal names.
    Scope(&'static str, &'static [&'static str]),
    /// A personal token with this scope: what an app was given is not enough, whatever it may do.
    Personal(&'static str),
}

/// One path that the gateway answers itself.
#[derive(Clone)]
pub struct Endpoint {
    /// Its name in logs.
    pub name: &'static str,
    /// Only for this host; `None` for every host.
    pub host: Option<String>,
    /// The path, with `{name}` where a segment varies. The last segment may be `{name}:word`.
    pub path: String,
    /// The methods that it takes.
    pub methods: Vec<Method>,
    /// What the caller has to show.
    pub need: Need,
    /// How it says no.
    pub shape: Shape,
    /// Whether scripts of any origin may ask it and read what it answers (CORS). Not for what goes by
    /// a cookie, nor for what should be asked by a server alone.
    pub cors: bool,
    /// Who answers.
    pub handler: Handler,
}

/// What an endpoint leaves in the extensions of its answer for the request's log line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Note {
    /// The grant that the call was about.
    pub grant: Option<GrantId>,
    /// What came out, as one word.
    pub outcome: Option<&'static str>,
}
