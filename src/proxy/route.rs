//! Which route claims a request. Routes are data: a table of paths for each host and one for all
//! hosts; the more specific path wins, whoever claims it.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use http::{Method, Request, header::HOST};

use super::{
    path,
    reject::Rejection,
    tree::{Paths, Place, Unroutable},
};
use crate::{
    clock::Clock,
    config::{self, RevokedStreams, Rewrite, Upgrade},
    limit::RouteLimiter,
    message::{Endpoint, Handler, Need, Shape, refused},
    oauth::{pattern, resource::METADATA, scope::Scopes},
};

/// One line of the table.
pub struct Route {
    /// Its name in logs: the endpoint's, or the path as it was written.
    pub name: Arc<str>,
    /// Its path, with `{name}` where a segment varies.
    pub pattern: Arc<str>,
    /// Whether what lies there is the tenant's own that the path names.
    is_of_tenants: bool,
    /// What a caller has to show.
    pub access: Access,
    /// How it says no.
    pub shape: Shape,
    /// What becomes of answers that are on their way when access is taken back.
    pub revoked_streams: RevokedStreams,
    /// How it says no within an event stream.
    pub event: refused::Event,
    /// Whether scripts of any origin may ask it and read what the gateway answers.
    pub cors: bool,
    /// The path of the document about its protected resource, where there is one.
    pub metadata: Option<Box<str>>,
    /// How much one caller may send.
    pub limiter: Option<RouteLimiter>,
    /// For how much longer tokens are good that were known when the store went away.
    pub serve_known: Duration,
    /// Which path goes upstream; `None`: the one that was asked for.
    pub rewrite: Option<Rewrite>,
    /// What its connections may become.
    pub upgrade: Vec<Upgrade>,
    /// The methods that it takes; empty for all.
    pub methods: Vec<Method>,
    target: Target,
}

/// What a caller has to show.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Access {
    /// Nothing, by the operator's word or because the endpoint judges for itself.
    Open,
    /// An access token of any dialect with these scopes.
    Scopes(Scopes),
    /// An access token of this dialect; with one of these scopes, where there is a list.
    Dialect(&'static str, Option<&'static [&'static str]>),
    /// A personal token with these scopes.
    Personal(Scopes),
}

impl Access {
    /// All the scopes that a token needs; where one of several will do, the first of them.
    pub fn scopes(&self) -> Scopes {
        match self {
            Self::Open => Scopes::default(),
            Self::Scopes(scopes) | Self::Personal(scopes) => scopes.clone(),
            Self::Dialect(_, any) => any.and_then(<[_]>::first).map(|scope| (*scope).to_owned()).into_iter().collect(),
        }
    }
}

impl From<Need> for Access {
    fn from(need: Need) -> Self {
        match need {
            Need::Nothing => Self::Open,
            Need::Bearer(dialect) => Self::Dialect(dialect, None),
            Need::Scope(dialect, any) => Self::Dialect(dialect, Some(any)),
            Need::Personal(scope) => Self::Personal([scope.to_owned()].into_iter().collect()),
        }
    }
}

/// Who answers.
pub enum Target {
    /// The gateway itself.
    Local(Handler),
    /// An upstream, by its index.
    Upstream(usize),
}

/// What was found.
pub struct Found<'a> {
    /// The line.
    pub route: &'a Route,
    /// Who answers.
    pub target: &'a Target,
}

impl Route {
    /// Whether it takes a method.
    pub fn takes(&self, method: &Method) -> bool {
        match self.methods.as_slice() {
            // An upstream's answer would show the caller the credential that it was shown.
            [] => *method != Method::TRACE || matches!(self.target, Target::Local(_)),
            methods => methods.contains(method),
        }
    }

    /// The tenant that a path names, by slug or id, where what lies there is the tenant's own.
    pub fn tenant<'a>(&self, path: &'a str) -> Option<&'a str> {
        if self.is_of_tenants { pattern::value(&self.pattern, path, TENANT) } else { None }
    }
}

/// The table.
#[derive(Default)]
pub struct Routes {
    routes: Vec<Route>,
    any: Paths,
    hosts: HashMap<String, Paths>,
}

/// What the segment is called that names a tenant, in the path of a route that is forwarded.
const TENANT: &str = "tenant";

/// What a route that names no methods says it takes.
const ALL_METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

impl Routes {
    /// Lays out what is answered here and what is forwarded. Challenges will name those documents about
    /// protected resources that are among the endpoints.
    ///
    /// # Errors
    /// [`Unroutable`].
    pub fn new(endpoints: Vec<Endpoint>, routes: &[config::Route], clock: &Clock) -> Result<Self, Unroutable> {
        let mut table = Self::default();
        let documents: HashSet<String> = endpoints.iter().filter(|at| at.path.starts_with(METADATA)).map(|at| at.path.clone()).collect();
        let metadata = |resource: &str| {
            let path = format!("{METADATA}{resource}");
            documents.contains(&path).then(|| path.into_boxed_str())
        };
        for endpoint in endpoints {
            let route = Route {
                name: endpoint.name.into(),
                pattern: endpoint.path.as_str().into(),
                // A dialect knows its own tenants.
                is_of_tenants: false,
                access: endpoint.need.into(),
                shape: endpoint.shape,
                // What is answered here streams nothing.
                revoked_streams: RevokedStreams::Cut,
                event: refused::problem_event,
                cors: endpoint.cors,
                metadata: metadata(""),
                limiter: None,
                serve_known: Duration::ZERO,
                rewrite: None,
                upgrade: Vec::new(),
                methods: endpoint.methods,
                target: Target::Local(endpoint.handler),
            };
            table.insert(endpoint.host.as_deref(), &[endpoint.path], route)?;
        }
        // At the path itself a path goes before a prefix.
        let is_prefix = |route: &&config::Route| matches!(route.claim.paths, config::Paths::Prefix(_));
        let (prefixes, exact): (Vec<_>, Vec<_>) = routes.iter().partition(is_prefix);
        for route in exact.into_iter().chain(prefixes) {
            let (name, patterns) = patterns(&route.claim.paths);
            let (config::Paths::Exact(path) | config::Paths::Prefix(path)) = &route.claim.paths;
            let (shape, event): (Shape, refused::Event) = match route.errors {
                config::ErrorShape::OpenAi => (refused::openai, refused::openai_event),
                config::ErrorShape::Problem => (refused::problem, refused::problem_event),
            };
            let line = Route {
                name: name.into(),
                pattern: path.as_str().into(),
                is_of_tenants: pattern::segments(path).any(|segment| segment.is_called(TENANT)),
                access: match &route.auth {
                    config::RouteAuth::Bearer(scopes) => Access::Scopes(scopes.clone()),
                    config::RouteAuth::None => Access::Open,
                },
                shape,
                revoked_streams: route.revoked_streams,
                event,
                // An upstream says for itself who may read what it answers.
                cors: false,
                metadata: metadata(route.resource()),
                limiter: route.limit.map(|limit| RouteLimiter::new(claimed(&route.claim), limit, clock.clone())),
                serve_known: route.serve_known,
                rewrite: route.rewrite.clone(),
                upgrade: route.upgrade.clone(),
                methods: route.claim.methods.clone(),
                target: Target::Upstream(route.upstream),
            };
            table.insert(route.claim.host.as_deref(), &patterns, line)?;
        }
        Ok(table)
    }

    fn insert(&mut self, host: Option<&str>, patterns: &[String], route: Route) -> Result<(), Unroutable> {
        let index = self.routes.len();
        self.routes.push(route);
        let paths = match host {
            Some(host) => self.hosts.entry(host.to_owned()).or_default(),
            None => &mut self.any,
        };
        paths.insert(patterns, index)
    }

    /// The route that claims a request whose path is in normal form. What no route claims is not
    /// there. What a lenient server would read as a path that another route claims is refused,
    /// unless it was written so in the configuration.
    ///
    /// # Errors
    /// 400, 404, 405.
    pub fn find<B>(&self, request: &Request<B>) -> Result<Found<'_>, Rejection> {
        let place = self.place(request)?;
        match self.at(place).find(|route| route.takes(request.method())) {
            Some(route) => Ok(Found { route, target: &route.target }),
            None => Err(self.not_allowed(place)),
        }
    }

    /// The routes that lie where a request goes, whatever its method.
    ///
    /// # Errors
    /// 400, 404.
    pub fn beside<B>(&self, request: &Request<B>) -> Result<impl Iterator<Item = &Route> + Clone, Rejection> {
        self.place(request).map(|place| self.at(place))
    }

    fn at<'a>(&'a self, place: &'a Place) -> impl Iterator<Item = &'a Route> + Clone {
        place.routes.iter().map(|index| &self.routes[*index])
    }

    fn place<B>(&self, request: &Request<B>) -> Result<&Place, Rejection> {
        let path = request.uri().path();
        let host = if self.hosts.is_empty() { None } else { host(request).and_then(|host| self.hosts.get(&host)) };
        let at_host = |at: for<'p> fn(&'p Paths, &str) -> Option<&'p Place>, path: &str| {
            host.and_then(|paths| at(paths, path)).or_else(|| at(&self.any, path))
        };
        let place = at_host(Paths::at, path).ok_or_else(Rejection::not_found)?;
        let loose = path::loose(path).map(Cow::Owned);
        let has_odd_ones = self.any.has_odd_ones() || host.is_some_and(Paths::has_odd_ones);
        let loose = loose.or_else(|| has_odd_ones.then_some(Cow::Borrowed(path)));
        let readings = loose.into_iter().chain(path::looser(path).into_iter().map(Cow::Owned));
        if readings.into_iter().any(|loose| !at_host(Paths::at_loosely, &loose).is_some_and(|loosely| place.is_read_as(loosely))) {
            let message = "The path could be read as that of another route.";
            return Err(self.shaped(place, Rejection::bad_request("ambiguous_path", message)));
        }
        Ok(place)
    }

    fn not_allowed(&self, place: &Place) -> Rejection {
        let methods = self.at(place).flat_map(|route| match route.methods.as_slice() {
            [] => vec![ALL_METHODS],
            methods => methods.iter().map(Method::as_str).collect(),
        });
        self.shaped(place, Rejection::method_not_allowed(&methods.collect::<Vec<_>>().join(", ")))
    }

    /// As whatever lies at this place says no.
    fn shaped(&self, place: &Place, mut rejection: Rejection) -> Rejection {
        rejection.shape = self.at(place).next().map(|route| route.shape);
        rejection.cors = self.at(place).any(|route| route.cors);
        rejection
    }

    /// As whatever would have claimed a request says no, as far as that can be told.
    pub fn shaped_for<B>(&self, request: &Request<B>, mut rejection: Rejection) -> Rejection {
        (rejection.shape, rejection.cors) = match self.find(request) {
            Ok(found) => (Some(found.route.shape), found.route.cors),
            Err(other) => (other.shape, other.cors),
        };
        rejection
    }

    /// Lets every route's limiter forget who has been quiet. To be called now and then.
    pub fn sweep(&self) {
        for limiter in self.limiters() {
            limiter.sweep();
        }
    }

    /// The limits of those routes that have one.
    pub fn limiters(&self) -> impl Iterator<Item = &RouteLimiter> {
        self.routes.iter().filter_map(|route| route.limiter.as_ref())
    }
}

/// Tells a route from all others, on every replica alike: no two have a claim in common.
fn claimed(claim: &config::Claim) -> String {
    format!("route {} {} {:?}", claim.host.as_deref().unwrap_or("*"), patterns(&claim.paths).0, claim.methods)
}

/// A route's name in logs, and its paths as the tree wants them: a prefix is the path itself, the
/// path with a slash, and all below.
fn patterns(paths: &config::Paths) -> (String, Vec<String>) {
    match paths {
        config::Paths::Exact(path) => (path.clone(), vec![path.clone()]),
        config::Paths::Prefix(path) => {
            let stem = path.trim_end_matches('/');
            let all = [stem.to_owned(), format!("{stem}/"), format!("{stem}/{{*rest}}")];
            (format!("{stem}/*"), all.into_iter().filter(|path| !path.is_empty()).collect())
        }
    }
}

fn host<B>(request: &Request<B>) -> Option<String> {
    // A Host that is no text names none of the configured ones.
    let named = request.headers().get(HOST).and_then(|host| host.to_str().ok())?;
    let name = if named.starts_with('[') { named.split_inclusive(']').next()? } else { named.split(':').next()? };
    // A dot at its end is the root of DNS, and names the same host.
    Some(name.trim_end_matches('.').to_ascii_lowercase())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
