//! Which route claims a request, and what nobody claims.

use http::{Method, Request};
use http_body_util::Full;

use super::{
    raw::{RawUpstream, Wire},
    stand::Stand,
};
use crate::support::{
    gateway::CONFIG,
    http::{get, request},
    upstream::Upstream,
};

/// Several routes to one server, each below another path there, so that the server sees which
/// route it was.
fn routes(upstream: &Upstream) -> String {
    let mut config = CONFIG.to_owned();
    for (name, conditions) in [
        ("all", "prefix = \"/v1\""),
        ("models", "path = \"/v1/models\"\nmethods = [\"GET\"]"),
        ("thing", "path = \"/v1/things/{id}\"\nmethods = [\"GET\"]"),
        ("unthing", "path = \"/v1/things/{thing}\"\nmethods = [\"DELETE\"]"),
        ("verb", "path = \"/v1/x:look\""),
        ("cafe", "path = \"/v1/caf%C3%A9\""),
        ("host", "prefix = \"/v1\"\nhost = \"a.example\"\nmethods = [\"PUT\"]"),
        ("hidden", "path = \"/hidden\"\nhost = \"a.example\""),
    ] {
        let upstream = upstream.address;
        config += &format!(
            "[upstreams.{name}]\nurl = \"http://{upstream}/{name}\"\n[[routes]]\nupstream = \"{name}\"\nauth = \"none\"\n{conditions}\n"
        );
    }
    config
}

fn at_host(host: &str, method: Method, path: &str) -> Request<Full<bytes::Bytes>> {
    let mut request = request(method, path, "", "");
    request.headers_mut().insert("host", host.parse().unwrap());
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn the_most_specific_route_takes_a_request() {
    let upstream = Upstream::start().await;
    let stand = Stand::with(&routes(&upstream)).await;
    for (method, host, path, target) in [
        (Method::GET, "b", "/v1", "/all/v1"),
        (Method::GET, "b", "/v1/", "/all/v1/"),
        (Method::GET, "b", "/v1?q", "/all/v1?q"),
        (Method::POST, "b", "/v1/a/b/", "/all/v1/a/b/"),
        (Method::GET, "b", "/v1/models", "/models/v1/models"),
        (Method::GET, "b", "/v1/models?a=/v1/x", "/models/v1/models?a=/v1/x"),
        (Method::GET, "b", "/v1/other/", "/all/v1/other/"),
        (Method::GET, "b", "/v1/things/7", "/thing/v1/things/7"),
        (Method::DELETE, "b", "/v1/things/7", "/unthing/v1/things/7"),
        (Method::GET, "b", "/v1/things/7/8", "/all/v1/things/7/8"),
        (Method::PUT, "A.EXAMPLE:8080", "/v1/x", "/host/v1/x"),
        (Method::GET, "a.example", "/hidden", "/hidden/hidden"),
    ] {
        let reply = stand.gateway.send(at_host(host, method.clone(), path)).await;
        assert_eq!(reply.status, 200, "{method} {host} {path}: {reply:?}");
        assert_eq!(upstream.seen().last().unwrap().target, target, "{method} {host} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_spelling_of_a_path_goes_around_the_route_that_claims_it() {
    let upstream = Upstream::start().await;
    let stand = Stand::with(&routes(&upstream)).await;
    for (path, target) in [
        ("/v1/%6dodels", Some("/models/v1/models")),
        ("/%76%31/model%73", Some("/models/v1/models")),
        ("/v1/caf%c3%a9", Some("/cafe/v1/caf%C3%A9")),
        ("/v1/thing%73/a%20b", Some("/thing/v1/things/a%20b")),
        ("/v1/things/a%3ab;c", Some("/thing/v1/things/a%3Ab;c")),
        ("/v1/a%20b/C;d/", Some("/all/v1/a%20b/C;d/")),
        // A server that decodes, knows parameters, or makes no difference between cases or before a
        // slash takes these for what another route claims.
        ("/v1/x%3Alook", None),
        ("/v1/x%3alook", None),
        ("/v1/models/", None),
        ("/v1/models;v=1", None),
        ("/v1/models%3fv=1", None),
        ("/v1/Models", None),
        ("/v1/CAF%c3%89", None),
    ] {
        let before = upstream.seen().len();
        let reply = stand.gateway.send(get(path)).await;
        let seen = upstream.seen();
        let arrived = seen.get(before).map(|seen| seen.target.as_str());
        assert_eq!((reply.status.as_u16(), arrived), (if target.is_some() { 200 } else { 400 }, target), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_path_that_was_asked_for_decides_and_the_rewritten_one_arrives() {
    let upstream = Upstream::start().await;
    let address = upstream.address;
    let mut config = format!("{CONFIG}\n[upstreams.model]\nurl = \"http://{address}/base\"\n");
    for (conditions, auth) in [
        ("path = \"/open/{id}/{part}\"\nrewrite = \"/v1/{part}/of/{id}\"", "auth = \"none\""),
        ("prefix = \"/all\"\nrewrite = \"/v1\"", "auth = \"none\""),
        ("prefix = \"/v1\"", "scopes = [\"inference\"]"),
        ("path = \"/shut\"\nrewrite = \"/all/x\"", "scopes = [\"inference\"]"),
    ] {
        config += &format!("[[routes]]\n{conditions}\n{auth}\n");
    }
    let stand = Stand::with(&config).await;
    for (path, status, target) in [
        ("/open/7/a%20b?q=/x", 200, Some("/base/v1/a%20b/of/7?q=/x")),
        ("/open/7/x?", 200, Some("/base/v1/x/of/7?")),
        ("/all/models/a%3ab/", 200, Some("/base/v1/models/a%3Ab/")),
        ("/all", 200, Some("/base/v1")),
        ("/all?x", 200, Some("/base/v1?x")),
        // What they would become is of no account, for better or worse.
        ("/v1/models", 401, None),
        ("/shut", 401, None),
        ("/all/../v1/models", 400, None),
        ("/all/%2e%2e/secret", 400, None),
        ("/all//models", 400, None),
        ("/open/..%2fx/y", 400, None),
        ("/open/7/..;x", 400, None),
    ] {
        let before = upstream.seen().len();
        let reply = stand.gateway.send(get(path)).await;
        let seen = upstream.seen();
        let arrived = seen.get(before).map(|seen| seen.target.as_str());
        assert_eq!((reply.status.as_u16(), arrived), (status, target), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_claims_is_not_there() {
    let upstream = Upstream::start().await;
    let stand = Stand::with(&routes(&upstream)).await;
    for (host, path) in [("b", "/v1x"), ("b", "/v2"), ("b", "/hidden"), ("b", "/V1/models"), ("a.example", "/hidden/")] {
        let reply = stand.gateway.send(at_host(host, Method::GET, path)).await;
        assert_eq!(reply.status, 404, "{host} {path}");
        let error = &reply.json()["error"];
        assert_eq!(error["code"], "not_found", "{error}");
        assert_eq!(error["type"], "not_found_error", "{error}");
        assert_eq!(error["request_id"], reply.header("x-request-id"));
        assert!(error["message"].is_string() && error["param"].is_null() && error.as_object().unwrap().contains_key("param"));
    }
    assert!(upstream.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_no_route_takes_is_refused_with_those_that_are() {
    let upstream = Upstream::start().await;
    let stand = Stand::with(&routes(&upstream)).await;
    for (method, host, path, allow) in [
        (Method::POST, "b", "/v1/models", "GET"),
        (Method::POST, "b", "/v1/things/7", "GET, DELETE"),
        (Method::GET, "a.example", "/v1/x", "PUT"),
    ] {
        let reply = stand.gateway.send(at_host(host, method, path)).await;
        assert_eq!((reply.status.as_u16(), reply.header("allow")), (405, allow), "{path}");
        assert_eq!(reply.json()["error"]["code"], "method_not_allowed");
    }
    assert!(upstream.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn trace_is_never_forwarded_since_it_would_show_the_upstreams_credential() {
    let upstream = Upstream::start().await;
    let stand = Stand::with(&routes(&upstream)).await;
    let reply = stand.gateway.send(request(Method::TRACE, "/v1/x", "", "")).await;
    assert_eq!(reply.status, 405);
    assert!(reply.header("allow").contains("POST") && !reply.header("allow").contains("TRACE"), "{reply:?}");
    assert!(upstream.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_could_be_read_in_two_ways_is_refused() {
    let upstream = Upstream::start().await;
    let stand = Stand::with(&routes(&upstream)).await;
    for path in [
        "//v1/models",
        "/v1//models",
        "/v1/../v1/models",
        "/v1/./models",
        "/v1/..",
        "/v1/%2e%2e/x",
        "/v1/.%2E/x",
        "/v1/a%2fb",
        "/v1/a%2Fb",
        "/v1/a%5cb",
        "/v1/a%252eb",
        "/v1/a%00",
        "/v1/a%",
        "/v1/a%4",
        "/v1/a%zz",
    ] {
        // Written by hand: a library might tidy it up.
        let mut wire = Wire::to(stand.gateway.address).await;
        wire.send(format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n")).await;
        let head = wire.head().await;
        let body: serde_json::Value = serde_json::from_slice(&wire.body(&head).await).unwrap();
        assert_eq!((head.status(), body["error"]["code"].as_str()), (400, Some("invalid_request")), "{path}");
    }
    assert!(upstream.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absolute_target_says_the_host_that_the_field_says() {
    let upstream = RawUpstream::start().await;
    let config = format!(
        "{CONFIG}\n[upstreams.model]\nurl = \"http://{}\"\n[[routes]]\nprefix = \"/v1\"\nhost = \"a.example\"\nauth = \"none\"\n",
        upstream.address
    );
    let stand = Stand::with(&config).await;
    let mut caller = Wire::to(stand.gateway.address).await;
    for (target, host, status) in
        [("http://b.example", "a.example", 400), ("http://a.example", "b.example", 400), ("http://b.example", "b.example", 404)]
    {
        caller.send(format!("GET {target}/v1/x HTTP/1.1\r\nhost: {host}\r\n\r\n")).await;
        let head = caller.head().await;
        assert_eq!(head.status(), status, "{target} {host}");
        caller.body(&head).await;
    }
    caller.send("GET http://A.example/v1/x?y HTTP/1.1\r\nhost: a.example:80\r\n\r\n").await;
    let (_wire, head) = upstream.asked().await;
    assert_eq!(head.first, "GET /v1/x?y HTTP/1.1");
    assert_eq!(head.field("host"), upstream.address.to_string());
    assert_eq!(head.field("x-forwarded-host"), "A.example");
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_that_are_no_paths_are_refused() {
    let upstream = Upstream::start().await;
    let stand = Stand::with(&routes(&upstream)).await;
    for line in ["OPTIONS * HTTP/1.1", "CONNECT a.example:443 HTTP/1.1"] {
        let mut wire = Wire::to(stand.gateway.address).await;
        wire.send(format!("{line}\r\nhost: a\r\n\r\n")).await;
        assert_eq!(wire.head().await.status(), 400, "{line}");
    }
    assert!(upstream.seen().is_empty());
}
