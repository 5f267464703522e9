//! How a client that was turned away finds out where to get a token.

use std::sync::Arc;

use bytes::Bytes;
use gatepost::{
    config::{Claim, Config, Mounted, PublicUrl, Resource},
    dialects::{Dialect, House, metadata},
    message::{Endpoint, Need, endpoint, refused, reply},
    oauth::client::Declared,
};
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use serde_json::json;

use super::stand::{Stand, config};
use crate::support::{
    http::{Reply, bearing, get, request},
    upstream::Upstream,
};

const HERE: &str = "http://127.0.0.1:8080";

/// Shows the documents of these resources, and who somebody is.
struct Discovery(Vec<Resource>);

impl Mounted for Discovery {
    fn claims(&self) -> Vec<Claim> {
        Vec::new()
    }

    fn clients(&self) -> Vec<Declared> {
        Vec::new()
    }
}

impl Dialect for Discovery {
    fn endpoints(self: Arc<Self>, _: &House) -> Vec<Endpoint> {
        let here = PublicUrl::new(HERE.parse().unwrap()).unwrap();
        let userinfo = Endpoint {
            name: "userinfo",
            host: None,
            path: "/oauth/userinfo".into(),
            methods: vec![Method::GET, Method::POST],
            need: Need::Bearer("bootspring"),
            shape: refused::openai,
            cors: true,
            handler: endpoint::handler(|_| async { reply::json(StatusCode::OK, &json!({"sub": "ada"})) }),
        };
        let mut endpoints = metadata::protected_resources(&here, "Our models", &self.0);
        endpoints.push(userinfo);
        endpoints
    }
}

const ROUTES: &str = "\
prefix = \"/v1\"\nscopes = [\"inference\"]
[[routes]]\nprefix = \"/v1/draw\"\nhost = \"draw.example\"\nscopes = [\"inference\", \"images\"]\nerrors = \"problem\"
[[routes]]\npath = \"/models\"\nscopes = []
[[routes]]\nprefix = \"/\"\nscopes = [\"images\"]
[[routes]]\nprefix = \"/open\"\nauth = \"none\"
";

struct Bench {
    stand: Stand,
    upstream: Upstream,
}

impl Bench {
    async fn new() -> Self {
        let upstream = Upstream::start().await;
        let text = config(&format!("url = \"http://{}\"", upstream.address), ROUTES);
        let stand = Stand::speaking(&text, vec![Arc::new(Discovery(read(&text).resources()))]).await;
        Self { stand, upstream }
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Reply {
        self.stand.gateway.send(request).await
    }
}

/// What a configuration means.
fn read(text: &str) -> Config {
    let written = gatepost::config::Written { name: "test", text, folder: std::path::Path::new("/") };
    gatepost::app::Plan::read(written).unwrap_or_else(|problems| panic!("{}", problems.render(false))).config
}

fn at_host(host: &str, path: &str) -> Request<Full<Bytes>> {
    let mut request = get(path);
    request.headers_mut().insert("host", host.parse().unwrap());
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_leads_to_the_document_of_its_own_resource() {
    let bench = Bench::new().await;
    for (asked, document, scope) in [
        (get("/v1/chat/completions"), "/v1", " scope=\"inference\""),
        (get("/v1"), "/v1", " scope=\"inference\""),
        (at_host("draw.example", "/v1/draw/x"), "/v1/draw", " scope=\"images inference\""),
        (get("/models"), "", ""),
        (get("/elsewhere"), "", " scope=\"images\""),
        (get("/oauth/userinfo"), "", ""),
    ] {
        let at = asked.uri().to_string();
        let reply = bench.send(asked).await;
        assert_eq!(reply.status, 401, "{at}");
        let metadata = format!("{HERE}/.well-known/oauth-protected-resource{document}");
        let told = format!("Bearer realm=\"{HERE}\", resource_metadata=\"{metadata}\",{scope}");
        assert_eq!(reply.header("www-authenticate"), told.trim_end_matches(','), "{at}");
        let found = bench.send(get(metadata.strip_prefix(HERE).unwrap())).await.json();
        assert_eq!((&found["resource"], &found["authorization_servers"]), (&format!("{HERE}{document}").into(), &json!([HERE])));
    }
    assert!(bench.upstream.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_challenge_says_where_the_document_is_and_all_the_scopes() {
    let bench = Bench::new().await;
    let metadata = format!("Bearer realm=\"{HERE}\", resource_metadata=\"{HERE}/.well-known/oauth-protected-resource");
    let narrow = bench.stand.token_of("ada", "bootspring-cli").await;
    let reply = bench.send(bearing(at_host("draw.example", "/v1/draw/x"), &narrow.access)).await;
    let told = format!("{metadata}/v1/draw\", scope=\"images inference\", error=\"insufficient_scope\"");
    assert_eq!((reply.status.as_u16(), reply.header("www-authenticate")), (403, &*told));
    let reply = bench.send(bearing(get("/v1/x"), "nonsense")).await;
    let told = format!("{metadata}/v1\", scope=\"inference\", error=\"invalid_token\"");
    assert_eq!((reply.status.as_u16(), reply.header("www-authenticate")), (401, &*told));
    bench.stand.revoke(&narrow).await;
    assert_eq!(bench.send(bearing(get("/v1/x"), &narrow.access)).await.header("www-authenticate"), told);
    let reply = bench.send(bearing(get("/oauth/userinfo"), &narrow.access)).await;
    assert_eq!((reply.status.as_u16(), reply.header("www-authenticate")), (401, &*format!("{metadata}\", error=\"invalid_token\"")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_says_what_the_configuration_says_and_scripts_may_read_it() {
    let bench = Bench::new().await;
    let reply = bench.send(get("/.well-known/oauth-protected-resource/v1")).await;
    let expected = json!({
        "resource": format!("{HERE}/v1"),
        "authorization_servers": [HERE],
        "scopes_supported": ["images", "inference"],
        "bearer_methods_supported": ["header"],
        "resource_name": "Our models",
    });
    assert_eq!((reply.status.as_u16(), reply.json()), (200, expected));
    assert_eq!((reply.header("content-type"), reply.header("cache-control")), ("application/json", "public, max-age=300"));
    assert_eq!(reply.header("access-control-allow-origin"), "*");
    let head = bench.send(request(Method::HEAD, "/.well-known/oauth-protected-resource", "", "")).await;
    assert_eq!((head.status.as_u16(), head.header("access-control-allow-origin"), head.body.len()), (200, "*", 0));
    // What is open to everybody is no protected resource: here the prefix "/" takes it.
    assert_eq!(bench.send(get("/.well-known/oauth-protected-resource/open")).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_shows_a_bad_token_can_read_the_challenge() {
    let bench = Bench::new().await;
    let token = bench.stand.token().await.access;
    for (asked, status) in
        [(get("/oauth/userinfo"), 401), (bearing(get("/oauth/userinfo"), "x"), 401), (bearing(get("/oauth/userinfo"), &token), 200)]
    {
        let reply = bench.send(asked).await;
        assert_eq!((reply.status.as_u16(), reply.header("access-control-allow-origin")), (status, "*"));
        assert!(reply.header("access-control-expose-headers").contains("WWW-Authenticate"));
    }
    let mut preflight = request(Method::OPTIONS, "/oauth/userinfo", "", "");
    for (name, value) in [("origin", "null"), ("access-control-request-method", "GET"), ("access-control-request-headers", "authorization")]
    {
        preflight.headers_mut().insert(name, value.parse().unwrap());
    }
    let reply = bench.send(preflight).await;
    assert_eq!((reply.status.as_u16(), reply.header("access-control-allow-methods")), (204, "GET, POST"));
    let unseen = bench.stand.token().await.access;
    bench.stand.take_store_away();
    let reply = bench.send(bearing(get("/oauth/userinfo"), &unseen)).await;
    assert_eq!((reply.status.as_u16(), reply.header("access-control-allow-origin")), (503, "*"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_documents_no_challenge_names_one() {
    let upstream = Upstream::start().await;
    let stand = Stand::with(&config(&format!("url = \"http://{}\"", upstream.address), ROUTES)).await;
    for path in ["/v1/x", "/models", "/elsewhere", "/api/v1/auth/me"] {
        let reply = stand.gateway.send(get(path)).await;
        assert_eq!(reply.status, 401, "{path}");
        assert!(!reply.header("www-authenticate").contains("resource_metadata"), "{path}");
    }
}
