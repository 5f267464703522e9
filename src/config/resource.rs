//! The protected resources that the routes make up (RFC 9728).

use super::{Config, Paths, Route, RouteAuth};
use crate::oauth::{
    pattern::{self, Segment},
    scope::Scopes,
};

/// A protected resource: the whole gateway, or all below one path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Resource {
    /// Its path; `""` is the whole gateway.
    pub path: String,
    /// The scopes of the routes under it.
    pub scopes: Scopes,
}

impl Route {
    /// The path of the resource that the route belongs to: its prefix, if that is one address, or `""`,
    /// the whole gateway.
    pub fn resource(&self) -> &str {
        let is_one = |path: &str| pattern::segments(path).all(|segment| matches!(segment, Segment::Fixed(_)));
        match &self.claim.paths {
            Paths::Prefix(path) if is_one(path) => path.trim_end_matches('/'),
            Paths::Prefix(_) | Paths::Exact(_) => "",
        }
    }

    /// Its path, with `{name}` where a segment varies, and the scopes it asks for, where it asks for a
    /// token.
    fn protected(&self) -> Option<(&str, &Scopes)> {
        let (Paths::Prefix(path) | Paths::Exact(path)) = &self.claim.paths;
        match &self.auth {
            RouteAuth::Bearer(scopes) => Some((path, scopes)),
            RouteAuth::None => None,
        }
    }
}

impl Config {
    /// The protected resources: the whole gateway first, and each prefix of a protected route.
    pub fn resources(&self) -> Vec<Resource> {
        resources(&self.routes)
    }

    /// The paths of the protected routes, with `{name}` where a segment varies.
    pub fn protected_paths(&self) -> impl Iterator<Item = &str> {
        protected_paths(&self.routes)
    }
}

/// The paths of the protected ones among these routes.
pub(super) fn protected_paths(routes: &[Route]) -> impl Iterator<Item = &str> {
    routes.iter().filter_map(Route::protected).map(|(path, _)| path)
}

fn resources(routes: &[Route]) -> Vec<Resource> {
    let mut paths = vec![""];
    for route in routes.iter().filter(|route| route.protected().is_some()) {
        if !paths.contains(&route.resource()) {
            paths.push(route.resource());
        }
    }
    let scopes_under = |stem: &str| {
        let is_under = |path: &str| path.strip_prefix(stem).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let scopes = routes.iter().filter_map(Route::protected).filter(|(path, _)| is_under(path)).map(|(_, scopes)| scopes);
        scopes.flat_map(Scopes::iter).map(str::to_owned).collect()
    };
    paths.into_iter().map(|path| Resource { path: path.to_owned(), scopes: scopes_under(path) }).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::config::Claim;

    fn route(paths: Paths, scopes: Option<&str>) -> Route {
        let claim = Claim { owner: String::new(), host: None, paths, methods: Vec::new(), only: None };
        let auth = scopes.map_or(RouteAuth::None, |scopes| RouteAuth::Bearer(Scopes::parse(scopes).unwrap()));
        Route::to(0, claim, auth)
    }

    fn told(routes: &[Route]) -> Vec<String> {
        resources(routes).iter().map(|resource| format!("{}: {}", resource.path, resource.scopes)).collect()
    }

    #[test]
    fn a_resource_has_the_scopes_of_the_protected_routes_under_it() {
        let routes = [
            route(Paths::Prefix("/v1".into()), Some("inference")),
            route(Paths::Exact("/v1/images/{id}".into()), Some("images")),
            route(Paths::Prefix("/v1/admin".into()), Some("admin")),
            route(Paths::Prefix("/v1".into()), Some("batch")),
            route(Paths::Prefix("/v10".into()), Some("tens")),
            route(Paths::Prefix("/open".into()), None),
            route(Paths::Exact("/tools".into()), Some("tools inference")),
            route(Paths::Prefix("/teams/{team}".into()), Some("team")),
        ];
        assert_eq!(
            told(&routes),
            [": admin batch images inference team tens tools", "/v1: admin batch images inference", "/v1/admin: admin", "/v10: tens"]
        );
    }

    #[test]
    fn a_prefix_of_one_slash_is_the_whole_gateway_which_is_always_there() {
        assert_eq!(told(&[]), [": "]);
        assert_eq!(told(&[route(Paths::Prefix("/".into()), Some("inference"))]), [": inference"]);
    }
}
