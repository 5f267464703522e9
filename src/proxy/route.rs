//! Which route claims a request. Routes are data: a table of paths for each host and one for all
//! hosts; the more specific path wins, whoever claims it.

use std::{borrow::Cow, collections::HashMap};

use http::{Method, Request, header::HOST};
use percent_encoding::{percent_decode_str, percent_encode_byte};

use super::reject::Rejection;
use crate::{
    clock::Clock,
    config,
    limit::Limiter,
    message::{Endpoint, Handler, Need, Shape, refused},
    oauth::scope::Scopes,
};

/// One line of the table.
pub struct Route {
    /// Its name in logs: the endpoint's, or the path as it was written.
    pub name: String,
    /// What a caller has to show.
    pub access: Access,
    /// How it says no.
    pub shape: Shape,
    /// How much one caller may send.
    pub limiter: Option<Limiter>,
    methods: Vec<Method>,
    target: Target,
}

/// What a caller has to show.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Access {
    /// Nothing, by the operator's word or because the endpoint judges for itself.
    Open,
    /// An access token of any dialect with these scopes.
    Scopes(Scopes),
    /// An access token of this dialect.
    Dialect(&'static str),
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

/// The table.
#[derive(Default)]
pub struct Routes {
    routes: Vec<Route>,
    any: Paths,
    hosts: HashMap<String, Paths>,
}

/// The paths of one host. One path may be taken by several routes with distinct methods.
#[derive(Default)]
struct Paths {
    tree: matchit::Router<usize>,
    /// What lies at each place of the tree: indices in [`Routes::routes`].
    places: Vec<Vec<usize>>,
    known: HashMap<String, usize>,
}

/// What a route that names no methods says it takes.
const ALL_METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// A path that the table cannot hold. The configuration was checked, so it is a mistake of ours.
#[derive(Debug, thiserror::Error)]
#[error("the path {path} cannot be routed: {why}")]
pub struct Unroutable {
    path: String,
    why: matchit::InsertError,
}

impl Routes {
    /// Lays out what is answered here and what is forwarded.
    ///
    /// # Errors
    /// [`Unroutable`].
    pub fn new(endpoints: Vec<Endpoint>, routes: &[config::Route], clock: &Clock) -> Result<Self, Unroutable> {
        let mut table = Self::default();
        for endpoint in endpoints {
            let route = Route {
                name: endpoint.name.to_owned(),
                access: match endpoint.need {
                    Need::Nothing => Access::Open,
                    Need::Bearer(dialect) => Access::Dialect(dialect),
                },
                shape: endpoint.shape,
                limiter: None,
                methods: endpoint.methods,
                target: Target::Local(endpoint.handler),
            };
            table.insert(endpoint.host.as_deref(), &[endpoint.path], route)?;
        }
        for route in routes {
            let (name, patterns) = patterns(&route.claim.paths);
            let line = Route {
                name,
                access: match &route.auth {
                    config::RouteAuth::Bearer(scopes) => Access::Scopes(scopes.clone()),
                    config::RouteAuth::None => Access::Open,
                },
                shape: match route.errors {
                    config::ErrorShape::OpenAi => refused::openai,
                    config::ErrorShape::Problem => refused::problem,
                },
                limiter: route.limit.map(|limit| Limiter::new(limit.requests, limit.per, clock.clone())),
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
        for path in patterns {
            paths.insert(&comparable(path), index).map_err(|why| Unroutable { path: path.clone(), why })?;
        }
        Ok(())
    }

    /// The route that claims a request. What no route claims is not there; what could be read in
    /// two ways is refused, so that the path that decides is the path that is forwarded.
    ///
    /// # Errors
    /// 400, 404, 405.
    pub fn find<B>(&self, request: &Request<B>) -> Result<Found<'_>, Rejection> {
        let path = request.uri().path();
        if !is_plain(path) {
            return Err(Rejection::bad_request("ambiguous_path", "The path could be read in more than one way."));
        }
        let path = canonical(path);
        let host = if self.hosts.is_empty() { None } else { host(request) };
        let of_host = host.and_then(|host| self.hosts.get(&host)).and_then(|paths| paths.at(&path));
        let place = of_host.or_else(|| self.any.at(&path)).ok_or_else(Rejection::not_found)?;
        let takes = |index: &&usize| match self.routes[**index].methods.as_slice() {
            // Its answer would show the caller the upstream's credential.
            [] => *request.method() != Method::TRACE,
            methods => methods.contains(request.method()),
        };
        match place.iter().find(takes) {
            Some(index) => {
                let route = &self.routes[*index];
                Ok(Found { route, target: &route.target })
            }
            None => Err(self.not_allowed(place)),
        }
    }

    fn not_allowed(&self, place: &[usize]) -> Rejection {
        let methods = place.iter().flat_map(|index| match self.routes[*index].methods.as_slice() {
            [] => vec![ALL_METHODS],
            methods => methods.iter().map(Method::as_str).collect(),
        });
        let mut rejection = Rejection::method_not_allowed(&methods.collect::<Vec<_>>().join(", "));
        rejection.shape = place.first().map(|index| self.routes[*index].shape);
        rejection
    }

    /// Lets every route's limiter forget who has been quiet. To be called now and then.
    pub fn sweep(&self) {
        for limiter in self.routes.iter().filter_map(|route| route.limiter.as_ref()) {
            limiter.sweep();
        }
    }
}

impl Paths {
    fn insert(&mut self, pattern: &str, route: usize) -> Result<(), matchit::InsertError> {
        if let Some(place) = self.known.get(pattern) {
            self.places[*place].push(route);
            return Ok(());
        }
        self.tree.insert(pattern, self.places.len())?;
        self.known.insert(pattern.to_owned(), self.places.len());
        self.places.push(vec![route]);
        Ok(())
    }

    fn at(&self, path: &str) -> Option<&[usize]> {
        // No match is the only error.
        self.tree.at(path).ok().map(|found| self.places[*found.value].as_slice())
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

/// A path as the tree compares it. Two routes may name the same varying segment differently; the
/// tree wants one name.
fn comparable(path: &str) -> String {
    let segment = |(index, segment): (usize, &str)| match segment.strip_prefix('{') {
        Some(name) if name.starts_with('*') => segment.to_owned(),
        Some(_name) => format!("{{p{index}}}"),
        None => canonical(segment).into_owned(),
    };
    path.split('/').enumerate().map(segment).collect::<Vec<_>>().join("/")
}

/// The one spelling of a path that is compared: servers take `/v1/%61` for `/v1/a`, and so must
/// whoever decides what it needs. What may stand in a path as it is (RFC 3986 section 3.3) does,
/// and the rest is encoded.
fn canonical(path: &str) -> Cow<'_, str> {
    let stands = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@".contains(&byte);
    if path.bytes().all(stands) {
        return Cow::Borrowed(path);
    }
    let mut spelled = String::with_capacity(path.len());
    for byte in percent_decode_str(path) {
        if stands(byte) {
            spelled.push(char::from(byte));
        } else {
            spelled.push_str(percent_encode_byte(byte));
        }
    }
    Cow::Owned(spelled)
}

/// Whether every server reads the path alike: no dot segments, no empty ones, no encoded slashes
/// or backslashes, nothing encoded twice, no `%` that encodes nothing.
fn is_plain(path: &str) -> bool {
    let has_dots = |path: &str| path.split('/').any(|segment| matches!(segment, "." | ".."));
    path.starts_with('/')
        && !path.contains("//")
        && !path.contains('\\')
        && !has_dots(path)
        // Most paths encode nothing, and are not looked at again.
        && (!path.contains('%') || (encodes_plainly(path) && !has_dots(&path.replace("%2e", ".").replace("%2E", "."))))
}

fn encodes_plainly(path: &str) -> bool {
    let encoded = |code: &str| path.as_bytes().windows(3).any(|part| part.eq_ignore_ascii_case(code.as_bytes()));
    !["%2f", "%5c", "%25", "%00"].into_iter().any(encoded)
        && path.split('%').skip(1).all(|after| after.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2)
}

fn host<B>(request: &Request<B>) -> Option<String> {
    // A Host that is no text names none of the configured ones.
    let named = request.uri().host().or_else(|| request.headers().get(HOST).and_then(|host| host.to_str().ok()))?;
    let name = if named.starts_with('[') { named.split_inclusive(']').next()? } else { named.split(':').next()? };
    Some(name.to_ascii_lowercase())
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
        config::Route { claim, upstream: 0, auth: RouteAuth::None, errors: ErrorShape::OpenAi, limit: None }
    }

    fn table(routes: &[config::Route]) -> Routes {
        let health = Endpoint {
            name: "local",
            host: None,
            path: "/v1/local".into(),
            methods: vec![Method::POST],
            need: Need::Nothing,
            shape: refused::openai,
            handler: endpoint::handler(|_| async { reply::empty(http::StatusCode::OK) }),
        };
        Routes::new(vec![health], routes, &Manual::starting_at(Timestamp::UNIX_EPOCH).clock()).unwrap()
    }

    fn find(table: &Routes, method: Method, host: &str, path: &str) -> String {
        let request = Request::builder().method(method).uri(path).header(HOST, host).body(()).unwrap();
        match table.find(&request) {
            Ok(found) => found.route.name.clone(),
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
    fn a_path_that_could_be_read_in_two_ways_is_refused() {
        let table = table(&[route(config::Paths::Prefix("/".into()), None, &[])]);
        for path in ["//a", "/a/../b", "/a/./b", "/a/%2e%2e/b", "/a/%2E./b", "/a%2fb", "/a%5Cb", "/a/%252e", "/a%00", "/a/.."] {
            assert_eq!(find(&table, Method::GET, "b", path), "400", "{path}");
        }
        assert_eq!(find(&table, Method::GET, "b", "/a/...%20b"), "/*");
    }
}
