//! Which route claims a request. Routes are data: a table of paths for each host and one for all
//! hosts; the more specific path wins, whoever claims it.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    sync::Arc,
};

use http::{Method, Request, header::HOST};

use super::{
    path,
    reject::Rejection,
    tree::{Paths, Place, Unroutable},
};
use crate::{
    clock::Clock,
    config::{self, Rewrite},
    limit::Limiter,
    message::{Endpoint, Handler, Need, Shape, refused},
    oauth::{resource::METADATA, scope::Scopes},
};

/// One line of the table.
pub struct Route {
    /// Its name in logs: the endpoint's, or the path as it was written.
    pub name: Arc<str>,
    /// What a caller has to show.
    pub access: Access,
    /// How it says no.
    pub shape: Shape,
    /// Whether scripts of any origin may ask it and read what the gateway answers.
    pub cors: bool,
    /// The path of the document about its protected resource, where there is one.
    pub metadata: Option<Box<str>>,
    /// How much one caller may send.
    pub limiter: Option<Limiter>,
    /// Which path goes upstream; `None`: the one that was asked for.
    pub rewrite: Option<Rewrite>,
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
    /// An access token of this dialect with these scopes.
    Dialect(&'static str, Scopes),
    /// A personal token with these scopes.
    Personal(Scopes),
}

impl Access {
    /// All the scopes that a token needs.
    pub const fn scopes(&self) -> Option<&Scopes> {
        match self {
            Self::Open => None,
            Self::Scopes(scopes) | Self::Dialect(_, scopes) | Self::Personal(scopes) => Some(scopes),
        }
    }
}

impl From<Need> for Access {
    fn from(need: Need) -> Self {
        let scopes = |scope: &str| [scope.to_owned()].into_iter().collect();
        match need {
            Need::Nothing => Self::Open,
            Need::Bearer(dialect) => Self::Dialect(dialect, Scopes::default()),
            Need::Scope(dialect, scope) => Self::Dialect(dialect, scopes(scope)),
            Need::Personal(scope) => Self::Personal(scopes(scope)),
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
}

/// The table.
#[derive(Default)]
pub struct Routes {
    routes: Vec<Route>,
    any: Paths,
    hosts: HashMap<String, Paths>,
}

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
                access: endpoint.need.into(),
                shape: endpoint.shape,
                cors: endpoint.cors,
                metadata: metadata(""),
                limiter: None,
                rewrite: None,
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
            let line = Route {
                name: name.into(),
                access: match &route.auth {
                    config::RouteAuth::Bearer(scopes) => Access::Scopes(scopes.clone()),
                    config::RouteAuth::None => Access::Open,
                },
                shape: match route.errors {
                    config::ErrorShape::OpenAi => refused::openai,
                    config::ErrorShape::Problem => refused::problem,
                },
                // An upstream says for itself who may read what it answers.
                cors: false,
                metadata: metadata(route.resource()),
                limiter: route.limit.map(|limit| Limiter::new(limit.requests, limit.per, clock.clone())),
                rewrite: route.rewrite.clone(),
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
        if loose.is_some_and(|loose| !at_host(Paths::at_loosely, &loose).is_some_and(|loosely| place.is_read_as(loosely))) {
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
        for limiter in self.routes.iter().filter_map(|route| route.limiter.as_ref()) {
            limiter.sweep();
        }
    }
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
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{
        clock::Manual,
        config::{Claim, ErrorShape, RouteAuth},
        message::{endpoint, reply},
    };

    fn route(paths: config::Paths, host: Option<&str>, methods: &[Method]) -> config::Route {
        let claim = Claim { owner: String::new(), host: host.map(str::to_owned), paths, methods: methods.to_vec() };
        config::Route { claim, upstream: 0, rewrite: None, auth: RouteAuth::None, errors: ErrorShape::OpenAi, limit: None }
    }

    fn table(routes: &[config::Route]) -> Routes {
        let health = Endpoint {
            name: "local",
            host: None,
            path: "/v1/local".into(),
            methods: vec![Method::POST],
            need: Need::Nothing,
            shape: refused::openai,
            cors: false,
            handler: endpoint::handler(|_| async { reply::empty(http::StatusCode::OK) }),
        };
        Routes::new(vec![health], routes, &Manual::starting_at(Timestamp::UNIX_EPOCH).clock()).unwrap()
    }

    fn find(table: &Routes, method: Method, host: &str, path: &str) -> String {
        let path = path::normal(path).unwrap();
        let request = Request::builder().method(method).uri(path.as_ref()).header(HOST, host).body(()).unwrap();
        match table.find(&request) {
            Ok(found) => found.route.name.to_string(),
            Err(rejection) => rejection.status.as_u16().to_string(),
        }
    }

    #[test]
    fn the_more_specific_path_wins() {
        use config::Paths::{Exact, Prefix};
        let table = table(&[
            route(Prefix("/v1".into()), None, &[]),
            route(Exact("/v1/models".into()), None, &[Method::GET]),
            route(Exact("/v1/things/{id}".into()), None, &[Method::GET]),
            route(Exact("/v1/things/{thing}".into()), None, &[Method::DELETE]),
            route(Prefix("/v1".into()), Some("a.example"), &[Method::PUT]),
            route(Prefix("/v2".into()), None, &[]),
            route(Exact("/v2/{id}".into()), None, &[]),
            route(Exact("/v2/{id}/x".into()), None, &[]),
            route(Prefix("/v2/admin".into()), None, &[]),
        ]);
        for (method, host, path, name) in [
            (Method::GET, "b", "/v1", "/v1/*"),
            (Method::GET, "b", "/v1/", "/v1/*"),
            (Method::GET, "b", "/v1/x/y", "/v1/*"),
            (Method::GET, "b", "/v1x", "404"),
            (Method::GET, "b", "/", "404"),
            (Method::GET, "b", "/v1/models", "/v1/models"),
            (Method::POST, "b", "/v1/models", "405"),
            (Method::GET, "b", "/v1/things/7", "/v1/things/{id}"),
            (Method::DELETE, "b", "/v1/things/7", "/v1/things/{thing}"),
            (Method::GET, "b", "/v1/things/7/8", "/v1/*"),
            (Method::POST, "b", "/v1/local", "local"),
            (Method::GET, "b", "/v1/local", "405"),
            (Method::PUT, "A.example:8080", "/v1/x", "/v1/*"),
            (Method::GET, "a.example", "/v1/x", "405"),
            (Method::GET, "b", "/v2/", "/v2/*"),
            (Method::GET, "b", "/v2/7", "/v2/{id}"),
            (Method::GET, "b", "/v2/7/x", "/v2/{id}/x"),
            (Method::GET, "b", "/v2/7/y", "/v2/*"),
            (Method::GET, "b", "/v2/7/x/y", "/v2/*"),
            (Method::GET, "b", "/v2/admin", "/v2/admin/*"),
            (Method::GET, "b", "/v2/admin/x", "/v2/admin/*"),
            (Method::GET, "b", "/v2/Admin/x", "400"),
        ] {
            assert_eq!(find(&table, method.clone(), host, path), name, "{method} {host} {path}");
        }
    }

    #[test]
    fn a_prefix_of_one_slash_claims_everything() {
        let table = table(&[route(config::Paths::Prefix("/".into()), None, &[])]);
        for path in ["/", "/a", "/a/b/"] {
            assert_eq!(find(&table, Method::GET, "b", path), "/*", "{path}");
        }
    }

    #[test]
    fn a_path_that_a_lenient_server_takes_for_another_routes_is_refused() {
        use config::Paths::{Exact, Prefix};
        let table = table(&[
            route(Prefix("/v1".into()), None, &[]),
            route(Exact("/v1/models".into()), None, &[]),
            route(Exact("/v1/chatCompletions".into()), None, &[]),
            route(Exact("/v1/x:look".into()), None, &[]),
            route(Exact("/v1/a;b".into()), None, &[]),
            route(Prefix("/v1/own".into()), None, &[]),
            route(Exact("/v1/own".into()), None, &[]),
            route(Exact("/v1/slash".into()), None, &[]),
            route(Exact("/v1/slash/".into()), None, &[]),
            route(Exact("/v1/things/{id}".into()), None, &[]),
        ]);
        for (path, name) in [
            ("/v1/MODELS", "400"),
            ("/v1/models/", "400"),
            ("/v1/models;x", "400"),
            ("/v1/models%3Bx", "400"),
            ("/v1/models%3Fx", "400"),
            ("/v1/Things;a/7", "400"),
            ("/v1/x%3Alook", "400"),
            ("/v1/LOCAL", "400"),
            ("/v1/chatcompletions", "400"),
            // Not ambiguous: one route claims every reading, or the configuration says so.
            ("/v1/%6dodels", "/v1/models"),
            ("/v1/chatCompletions", "/v1/chatCompletions"),
            ("/v1/a;b", "/v1/a;b"),
            ("/v1/slash", "/v1/slash"),
            ("/v1/slash/", "/v1/slash/"),
            ("/v1/things/Qwen;x", "/v1/things/{id}"),
            ("/v1/files/A;b/%3F/", "400"),
            ("/v1/files/A;b/c%3Fd/", "/v1/*"),
            ("/v1/own", "/v1/own"),
            ("/v1/own/", "400"),
            ("/v1/own/x", "/v1/own/*"),
            ("/V1/models", "404"),
        ] {
            let found = match path::normal(path) {
                Some(_) => find(&table, Method::GET, "b", path),
                None => "400".to_owned(),
            };
            assert_eq!(found, name, "{path}");
        }
    }
}
