//! Where a token may stand, whose tokens may stand there, and which scope of several opens what.

use std::{sync::Arc, time::Duration};

use gatepost::oauth::signing::{Algorithm, TokenFormat};
use http::Request;
use http_body_util::Full;
use serde_json::json;

use super::{
    example::{self, Example},
    stand::{Stand, Token, config, issue_as},
};
use crate::support::{
    gateway::{CONFIG, USER},
    http::{Reply, bearing, get, post_form, post_json},
    upstream::Upstream,
};

const USAGE: &str = "SerbleAuth must be: App <token>.";

struct Bench {
    stand: Stand,
    upstream: Upstream,
}

impl Bench {
    async fn new() -> Self {
        let upstream = Upstream::start().await;
        let text = config(&format!("url = \"http://{}\"", upstream.address), "prefix = \"/v1\"\nscopes = [\"inference\"]");
        Self { stand: Stand::speaking(&text, vec![Arc::new(Example::default())]).await, upstream }
    }

    /// A token of Serble's with these scopes.
    async fn token(&self, format: TokenFormat, scopes: &str) -> Token {
        let engine = &self.stand.gateway.engine;
        let client = example::app(engine, scopes).await;
        issue_as(&example::style(format), engine, &self.stand.user(USER).await.record, &client).await
    }

    /// The answer to a request with these lines of `SerbleAuth`.
    async fn shown(&self, path: &str, lines: &[&str]) -> Reply {
        self.stand.gateway.send(showing(path, lines)).await
    }
}

fn showing(path: &str, lines: &[&str]) -> Request<Full<bytes::Bytes>> {
    let mut request = get(path);
    for line in lines {
        request.headers_mut().append("serbleauth", line.parse().unwrap());
    }
    request
}

fn told(reply: &Reply) -> (u16, String, String) {
    let error = &reply.json()["error"];
    let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
    (reply.status.as_u16(), text("code"), text("message"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_apps_token_opens_in_its_own_field_and_as_a_bearer_and_travels_in_neither() {
    let bench = Bench::new().await;
    for format in [TokenFormat::Opaque, TokenFormat::Jwt(Algorithm::EdDsa)] {
        let token = bench.token(format, "inference").await.access;
        let line = format!("App {token}");
        for path in ["/account", "/v1/x"] {
            assert_eq!(bench.shown(path, &[&line]).await.status, 200, "{path} {format:?}");
            assert_eq!(bench.stand.gateway.send(bearing(get(path), &token)).await.status, 200, "{path} {format:?}");
        }
    }
    for seen in bench.upstream.seen() {
        assert!(!seen.headers.contains_key("serbleauth") && !seen.headers.contains_key("authorization"), "{seen:?}");
    }
    assert_eq!(bench.upstream.seen().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_else_stands_there_is_refused_with_the_right_way() {
    let bench = Bench::new().await;
    let token = bench.token(TokenFormat::Opaque, "inference").await.access;
    let app = format!("App {token}");
    for lines in [
        &[&*token][..],
        &[&format!("app {token}")],
        &[&format!("APP {token}")],
        &[&format!("App  {token}")],
        &[&format!("App\t{token}")],
        &[&format!("User {token}")],
        &[&format!("Bearer {token}")],
        &[&format!("App {token} x")],
        &[&format!("App {token},x")],
        &[&format!("{app}, {app}")],
        &[&app, &app],
        &[&app, ""],
        &["App"],
        &[""],
    ] {
        let reply = bench.shown("/v1/x", lines).await;
        assert_eq!(told(&reply), (401, "invalid_token".into(), USAGE.into()), "{lines:?}");
        // Nothing was tried that is known here, so the challenge names no error (RFC 6750 section 3.1).
        assert_eq!(reply.header("www-authenticate"), "Bearer realm=\"http://127.0.0.1:8080\", scope=\"inference\"");
    }
    assert!(bench.upstream.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_another_dialect_is_none_in_this_field() {
    let bench = Bench::new().await;
    let (foreign, personal) = (bench.stand.token().await, bench.stand.gateway.personal_token(USER, "inference").await);
    for token in [&foreign.access, &personal, &foreign.refresh, &"x".to_owned()] {
        let reply = bench.shown("/v1/x", &[&format!("App {token}")]).await;
        assert_eq!(told(&reply), (401, "invalid_token".into(), "The access token is unknown.".into()));
        assert!(reply.header("www-authenticate").ends_with("error=\"invalid_token\""), "{reply:?}");
    }
    assert!(bench.upstream.seen().is_empty());
    // Nor does it log anybody out.
    let mut logout = post_json("/api/v1/auth/logout", &json!({}));
    logout.headers_mut().insert("serbleauth", format!("App {}", foreign.access).parse().unwrap());
    assert_eq!(bench.stand.gateway.send(logout).await.status, 200);
    assert_eq!(bench.stand.gateway.send(bearing(get("/v1/x"), &foreign.access)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_its_own_field_stands_nowhere_else_and_beside_no_other_credential() {
    let bench = Bench::new().await;
    let token = bench.token(TokenFormat::Opaque, "inference").await.access;
    let line = format!("App {token}");
    for (field, value) in [
        ("authorization", format!("Bearer {token}")),
        ("authorization", "Basic YTpi".to_owned()),
        ("x-api-key", "x".to_owned()),
        ("proxy-authorization", "x".to_owned()),
        ("x-copy", line.clone()),
    ] {
        let mut request = showing("/v1/x", &[&line]);
        request.headers_mut().insert(field, value.parse().unwrap());
        let (status, code, _) = told(&bench.stand.gateway.send(request).await);
        assert_eq!((status, &*code), (400, "invalid_request"), "{field}");
    }
    let reply = bench.shown(&format!("/v1/x?a={token}"), &[&line]).await;
    assert_eq!(told(&reply).0, 400);
    assert!(bench.upstream.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_its_own_field_ends_like_any_other() {
    let bench = Bench::new().await;
    let (one, other) = (bench.token(TokenFormat::Opaque, "inference").await, bench.token(TokenFormat::Opaque, "inference").await);
    assert!(bench.stand.gateway.engine.logout("serble", gatepost::oauth::token::Kind::Access, &one.access).await.unwrap().grant.is_some());
    assert_eq!(told(&bench.shown("/v1/x", &[&format!("App {}", one.access)]).await).1, "token_revoked");
    bench.stand.gateway.time.advance(Duration::from_secs(3600));
    assert_eq!(told(&bench.shown("/v1/x", &[&format!("App {}", other.access)]).await).1, "token_expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_says_who_it_is_may_send_the_field_like_any_that_is_not_read() {
    let stand = Stand::with(CONFIG).await;
    for (field, value) in [("x-api-key", "x"), ("serbleauth", "App x"), ("serbleauth", "nonsense")] {
        let mut start = post_form("/auth/device/code", &[("client_id", "app")]);
        start.headers_mut().insert(field, value.parse().unwrap());
        assert_eq!(stand.gateway.send(start).await.status, 200, "{field}: {value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_several_scopes_opens_and_a_refusal_names_the_first() {
    let bench = Bench::new().await;
    let (first, second) = (bench.token(TokenFormat::Opaque, "images").await, bench.token(TokenFormat::Opaque, "inference").await);
    for (path, token, status) in
        [("/account", &first, 200), ("/account", &second, 200), ("/gallery", &first, 200), ("/gallery", &second, 403)]
    {
        let reply = bench.stand.gateway.send(bearing(get(path), &token.access)).await;
        assert_eq!(reply.status.as_u16(), status, "{path}");
    }
    let reply = bench.shown("/gallery", &[&format!("App {}", second.access)]).await;
    assert_eq!(reply.json(), json!({"error": "insufficient_scope", "required": "images", "granted": ["inference"]}));
    assert_eq!(reply.header("content-type"), "application/json");
    let challenge = "Bearer realm=\"http://127.0.0.1:8080\", scope=\"images\"";
    assert_eq!(reply.header("www-authenticate"), format!("{challenge}, error=\"insufficient_scope\""));
    assert_eq!(bench.shown("/gallery", &[]).await.header("www-authenticate"), challenge);
    // A scope of the right name on a token of another dialect.
    let foreign = bench.stand.token().await.access;
    assert_eq!(bench.stand.gateway.send(bearing(get("/gallery"), &foreign)).await.status, 401);
}
