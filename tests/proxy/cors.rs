//! Which answers scripts of other origins may read.

use bytes::Bytes;
use gatepost::message::body;
use http::{HeaderMap, Method, Request, Response, header::RETRY_AFTER};
use http_body_util::Full;

use super::stand::{Stand, config};
use crate::support::{
    gateway::{CONFIG, Gateway},
    http::{Reply, get, post_form, post_json, request},
    upstream::Upstream,
};

const TOKEN: &str = "/auth/device/token";

fn asking(method: Method, path: &str, fields: &[(&'static str, &'static str)]) -> Request<Full<Bytes>> {
    let mut request = request(method, path, "", "");
    for (name, value) in fields {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    request
}

/// What a browser asks before it lets a page of elsewhere send a form with a credential.
fn preflight(path: &str) -> Request<Full<Bytes>> {
    const FIELDS: [(&str, &str); 3] = [
        ("origin", "https://app.example"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization,content-type"),
    ];
    asking(Method::OPTIONS, path, &FIELDS)
}

/// The fields of CORS.
fn said(headers: &HeaderMap) -> Vec<String> {
    let fields = headers.iter().filter(|(name, _)| name.as_str().starts_with("access-control-"));
    let mut said: Vec<String> = fields.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    said.sort();
    said
}

fn assert_shared(reply: &Reply, status: u16) {
    assert_eq!(reply.status.as_u16(), status, "{reply:?}");
    let shared = ["access-control-allow-origin: *", "access-control-expose-headers: WWW-Authenticate, X-Request-Id, Retry-After"];
    assert_eq!(said(&reply.headers), shared, "{reply:?}");
}

fn assert_closed(reply: &Reply, status: u16) {
    assert_eq!((reply.status.as_u16(), said(&reply.headers)), (status, Vec::new()), "{reply:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_answered_where_tokens_are_fetched_may_be_read_by_scripts() {
    let stand = Stand::with(&format!("{CONFIG}\n[dialects.serechat]\n")).await;
    let refresh = stand.token().await.refresh;
    let form = [("grant_type", "refresh_token"), ("client_id", "app"), ("refresh_token", &*refresh)];
    let send = |request| stand.gateway.send(request);
    assert_shared(&send(post_form(TOKEN, &form)).await, 200);
    assert_shared(&send(post_form(TOKEN, &[])).await, 400);
    assert_shared(&send(get(TOKEN)).await, 405);
    assert_shared(&send(asking(Method::OPTIONS, TOKEN, &[("origin", "https://app.example")])).await, 405);
    assert_shared(&send(asking(Method::OPTIONS, TOKEN, &[("access-control-request-method", "POST")])).await, 405);
    // Before anybody knows which route it is: two hosts, a name with `_`, a body without a clear end.
    assert_shared(&send(asking(Method::POST, TOKEN, &[("host", "a"), ("host", "a")])).await, 400);
    assert_shared(&send(asking(Method::POST, TOKEN, &[("a_b", "")])).await, 400);
    assert_shared(&send(asking(Method::POST, TOKEN, &[("expect", "x")])).await, 417);
    assert_shared(&send(asking(Method::POST, TOKEN, &[("transfer-encoding", "gzip, chunked")])).await, 400);
    let basic = [("authorization", "Basic YXBwOndyb25n"), ("content-type", "application/x-www-form-urlencoded")];
    let mut wrong = asking(Method::POST, TOKEN, &basic);
    *wrong.body_mut() = Full::new("grant_type=refresh_token&refresh_token=x".into());
    let reply = send(wrong).await;
    assert_shared(&reply, 401);
    assert!(!reply.header("www-authenticate").is_empty());
    stand.take_store_away();
    let reply = send(post_form(TOKEN, &form)).await;
    assert_shared(&reply, 503);
    assert!(reply.headers.contains_key(RETRY_AFTER));
}

#[tokio::test(flavor = "multi_thread")]
async fn everywhere_else_no_script_of_another_origin_is_let_in() {
    let stand = Stand::with(&format!("{CONFIG}\n[dialects.serechat]\n")).await;
    let send = |request| stand.gateway.send(request);
    assert_closed(&send(post_form("/auth/device/code", &[("client_id", "app")])).await, 200);
    assert_closed(&send(post_json("/api/v1/auth/device", &serde_json::json!({}))).await, 200);
    assert_closed(&send(post_json("/api/auth/app/request", &serde_json::json!({"app_name": "An app"}))).await, 200);
    assert_closed(&send(get("/device")).await, 303);
    assert_closed(&send(get("/sign-in")).await, 200);
    assert_closed(&send(get("/health")).await, 200);
    assert_closed(&send(get("/nothing")).await, 404);
    for path in ["/auth/device/code", "/v1/auth/device/code", "/api/v1/auth/device", "/api/auth/app/request", "/api/auth/app/exchange"] {
        assert_closed(&send(preflight(path)).await, 405);
    }
    for path in ["/device", "/sign-in", "/account", "/authorize-app", "/health"] {
        assert_closed(&send(preflight(path)).await, 405);
    }
    assert_closed(&send(preflight("/nothing")).await, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_asks_first_is_told_yes_for_every_field_and_for_the_methods_that_are_taken() {
    let gateway = Gateway::start().await;
    for path in [TOKEN, "/v1/auth/device/token", "/api/v1/auth/device/token", "/api/v1/auth/refresh"] {
        let reply = gateway.send(preflight(path)).await;
        let expected = [
            "access-control-allow-headers: authorization, content-type",
            "access-control-allow-methods: POST",
            "access-control-allow-origin: *",
            "access-control-expose-headers: WWW-Authenticate, X-Request-Id, Retry-After",
            "access-control-max-age: 7200",
        ];
        assert_eq!(
            (reply.status.as_u16(), said(&reply.headers), reply.body.len()),
            (204, expected.map(str::to_owned).to_vec(), 0),
            "{path}"
        );
    }
    // What is no name of a field is not said again, and there may be none.
    let mut odd = preflight(TOKEN);
    odd.headers_mut().insert("access-control-request-headers", "X-One, <b>, two words,,\u{e9}, x-three".parse().unwrap());
    assert_eq!(gateway.send(odd).await.header("access-control-allow-headers"), "x-one, x-three");
    let mut none = preflight(TOKEN);
    none.headers_mut().remove("access-control-request-headers");
    let reply = gateway.send(none).await;
    assert_eq!((reply.status.as_u16(), reply.headers.get("access-control-allow-headers")), (204, None));
    // A path that is read in two ways is nobody's.
    assert_eq!(gateway.send(preflight("/auth/device//token")).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_upstream_says_to_browsers_is_the_upstreams_own() {
    let upstream = Upstream::answering(|seen| async move {
        Response::builder()
            .header("access-control-allow-origin", "https://app.example")
            .header("access-control-allow-credentials", "true")
            .body(body::full(seen.method))
            .unwrap()
    })
    .await;
    let url = format!("url = \"http://{}\"", upstream.address);
    let routes = config(&url, "prefix = \"/v1\"\nscopes = [\"inference\"]\n[[routes]]\nprefix = \"/open\"\nauth = \"none\"");
    let stand = Stand::with(&routes).await;
    // It shows no credential, and a protected route lets nobody by without one.
    assert_closed(&stand.gateway.send(preflight("/v1/models")).await, 401);
    assert!(upstream.seen().is_empty());
    let reply = stand.gateway.send(preflight("/open/models")).await;
    let theirs = ["access-control-allow-credentials: true", "access-control-allow-origin: https://app.example"];
    assert_eq!((reply.text(), said(&reply.headers)), ("OPTIONS".to_owned(), theirs.map(str::to_owned).to_vec()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_takes_options_beside_an_endpoint_is_asked_itself() {
    let upstream = Upstream::start().await;
    let url = format!("url = \"http://{}\"", upstream.address);
    let route = format!("path = \"{TOKEN}\"\nmethods = [\"OPTIONS\", \"GET\"]\nauth = \"none\"");
    let stand = Stand::with(&config(&url, &route)).await;
    assert_closed(&stand.gateway.send(preflight(TOKEN)).await, 200);
    assert_closed(&stand.gateway.send(get(TOKEN)).await, 200);
    assert_eq!(upstream.seen().len(), 2);
    assert_shared(&stand.gateway.send(post_form(TOKEN, &[])).await, 400);
    assert_shared(&stand.gateway.send(asking(Method::DELETE, TOKEN, &[])).await, 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_asks_too_often_can_read_when_to_try_again() {
    let gateway = Gateway::with(&format!("{CONFIG}\n[limits]\nredeem = {{ times = 1, per = \"1m\" }}\n")).await;
    let refresh = || post_form(TOKEN, &[("grant_type", "refresh_token"), ("client_id", "app"), ("refresh_token", "x")]);
    assert_shared(&gateway.send(refresh()).await, 400);
    let reply = gateway.send(refresh()).await;
    assert_shared(&reply, 429);
    assert_eq!(reply.header("retry-after"), "60");
}
