//! Which route claims what.

use jiff::Timestamp;

use super::*;
use crate::{
    clock::Manual,
    config::{Claim, RouteAuth},
    message::{endpoint, reply},
};

fn route(paths: config::Paths, host: Option<&str>, methods: &[Method]) -> config::Route {
    let claim = Claim { owner: String::new(), host: host.map(str::to_owned), paths, methods: methods.to_vec(), only: None };
    config::Route::to(0, claim, RouteAuth::None)
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
fn a_suffix_is_more_specific_than_none_and_less_than_a_segment_that_is_written_out() {
    use config::Paths::{Exact, Prefix};
    let get = [Method::GET];
    let table = table(&[
        route(Exact("/v1/codes/{code}".into()), None, &get),
        route(Exact("/v1/codes/{code}:lookUp".into()), None, &get),
        route(Exact("/v1/codes/{code}:up".into()), None, &get),
        route(Exact("/v1/codes/all:up".into()), None, &get),
        route(Exact("/v1/codes/{code}/parts".into()), None, &get),
        route(Exact("/v1/of/{tenant}/tokens/{id}:rotate".into()), None, &[Method::POST]),
        route(Exact("/v1/of/{tenant}/tokens/{id}".into()), None, &[Method::DELETE]),
        route(Exact("/v1/of/{tenant}/tokens/current".into()), None, &get),
        route(Prefix("/v1".into()), None, &[]),
        route(Exact("/models/{model}:generateContent".into()), None, &[]),
    ]);
    for (method, path, name) in [
        (Method::GET, "/v1/codes/7", "/v1/codes/{code}"),
        (Method::GET, "/v1/codes/7:up", "/v1/codes/{code}:up"),
        (Method::GET, "/v1/codes/7:lookUp", "/v1/codes/{code}:lookUp"),
        (Method::GET, "/v1/codes/all:up", "/v1/codes/all:up"),
        (Method::GET, "/v1/codes/all:lookUp", "/v1/codes/{code}:lookUp"),
        (Method::GET, "/v1/codes/al", "/v1/codes/{code}"),
        (Method::GET, "/v1/codes/7:up:up", "/v1/codes/{code}:up"),
        (Method::GET, "/v1/codes/7:up:lookUp", "/v1/codes/{code}:lookUp"),
        (Method::GET, "/v1/codes/7:upp", "/v1/codes/{code}"),
        (Method::GET, "/v1/codes/:up", "/v1/codes/{code}"),
        (Method::POST, "/v1/codes/7:up", "405"),
        (Method::GET, "/v1/codes/7/parts", "/v1/codes/{code}/parts"),
        (Method::GET, "/v1/codes/7:up/parts", "/v1/codes/{code}/parts"),
        (Method::GET, "/v1/codes/7:up/x", "/v1/*"),
        (Method::POST, "/v1/of/a/tokens/7:rotate", "/v1/of/{tenant}/tokens/{id}:rotate"),
        (Method::POST, "/v1/of/a/tokens/current:rotate", "/v1/of/{tenant}/tokens/{id}:rotate"),
        (Method::DELETE, "/v1/of/a/tokens/7:rotate", "405"),
        (Method::DELETE, "/v1/of/a/tokens/7", "/v1/of/{tenant}/tokens/{id}"),
        (Method::GET, "/v1/of/a/tokens/current", "/v1/of/{tenant}/tokens/current"),
        (Method::GET, "/models/a:generateContent", "/models/{model}:generateContent"),
        (Method::GET, "/models/a", "404"),
        // A lenient server finds another route, or another value.
        (Method::GET, "/v1/codes/7%3Aup", "400"),
        (Method::GET, "/v1/codes/7%3alookUp", "400"),
        (Method::GET, "/v1/codes/7:lookup", "400"),
        // Decoded, and nothing known of parameters, it has the suffix.
        (Method::GET, "/v1/codes/7;x%3AlookUp", "400"),
        (Method::GET, "/v1/codes/7%3Fx%3AlookUp", "400"),
        (Method::GET, "/v1/codes/7%23x%3AlookUp", "400"),
        (Method::GET, "/v1/codes/7%3Bx:lookUp", "400"),
        (Method::GET, "/v1/codes/7:UP", "400"),
        (Method::GET, "/v1/codes/7:up/", "400"),
        (Method::GET, "/v1/codes/7:up;x", "400"),
        (Method::GET, "/v1/codes/7;x:up", "400"),
        (Method::GET, "/v1/codes/7%3Fx:up", "400"),
        (Method::GET, "/v1/codes/all%3Aup", "400"),
        (Method::POST, "/v1/of/a/tokens/current%3Arotate", "400"),
        (Method::GET, "/v1/codes/7%3Ax:up", "/v1/codes/{code}:up"),
        (Method::GET, "/v1/codes/7:%75p", "/v1/codes/{code}:up"),
    ] {
        assert_eq!(find(&table, method.clone(), "b", path), name, "{method} {path}");
    }
}

#[test]
fn a_prefix_may_vary_and_the_longest_one_that_is_written_out_wins() {
    use config::Paths::{Exact, Prefix};
    let table = table(&[
        route(Prefix("/".into()), None, &[]),
        route(Prefix("/{tenant}".into()), None, &[]),
        route(Prefix("/of/{tenant}".into()), None, &[]),
        route(Prefix("/of/{tenant}/files".into()), None, &[]),
        route(Prefix("/of/us/files".into()), None, &[]),
        route(Exact("/of/{tenant}/{thing}".into()), None, &[]),
        route(Exact("/of/{tenant}".into()), None, &[Method::PUT]),
    ]);
    for (method, path, name) in [
        (Method::GET, "/", "/*"),
        (Method::GET, "/a", "/{tenant}/*"),
        (Method::GET, "/a/b/c", "/{tenant}/*"),
        (Method::GET, "/of", "/{tenant}/*"),
        (Method::GET, "/of/", "/{tenant}/*"),
        (Method::GET, "/of/a", "/of/{tenant}/*"),
        (Method::PUT, "/of/a", "/of/{tenant}"),
        (Method::GET, "/of/a/b", "/of/{tenant}/{thing}"),
        (Method::GET, "/of/a/b/c", "/of/{tenant}/*"),
        (Method::GET, "/of/a/files", "/of/{tenant}/files/*"),
        (Method::GET, "/of/a/files/b", "/of/{tenant}/files/*"),
        (Method::GET, "/of/us/files/b", "/of/us/files/*"),
        (Method::GET, "/of/us/b/c", "/of/{tenant}/*"),
        (Method::GET, "/of/A/b", "/of/{tenant}/{thing}"),
        (Method::GET, "/of/a%20b/c/d", "/of/{tenant}/*"),
        (Method::GET, "/OF/a/b/c", "400"),
        (Method::GET, "/of/US/files/b", "400"),
        (Method::GET, "/of/a/b/", "400"),
    ] {
        assert_eq!(find(&table, method.clone(), "b", path), name, "{method} {path}");
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
