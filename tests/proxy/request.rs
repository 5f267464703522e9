//! What the upstream sees of a request.

use super::{
    raw::{Head, RawUpstream, Wire},
    stand::{Stand, Token, config},
};
use crate::support::gateway::CONFIG;

/// A gateway before a server that the test serves itself.
struct Bench {
    stand: Stand,
    upstream: RawUpstream,
    token: Token,
}

impl Bench {
    /// `more` settings of the upstream, whose address has this path.
    async fn new(path: &str, more: &str) -> Self {
        let upstream = RawUpstream::start().await;
        let settings = format!("url = \"http://{}{path}\"\n{more}", upstream.address);
        let stand = Stand::with(&config(&settings, "prefix = \"/v1\"\nscopes = [\"inference\"]")).await;
        let token = stand.token().await;
        Self { stand, upstream, token }
    }

    /// The head that arrives when this request is sent with a good token.
    async fn arrives(&self, line: &str, fields: &str) -> Head {
        let mut caller = Wire::to(self.stand.gateway.address).await;
        let bearer = &self.token.access;
        caller.send(format!("{line}\r\nhost: gate.example:8080\r\nauthorization: Bearer {bearer}\r\n{fields}\r\n")).await;
        self.upstream.asked().await.1
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn method_and_target_arrive_byte_for_byte() {
    let bench = Bench::new("", "").await;
    for line in [
        "GET /v1 HTTP/1.1",
        "GET /v1/ HTTP/1.1",
        "GET /v1/models?limit=2&after=a%20b+c&&empty=&q=%2F%2e%2E//..//?&%zz HTTP/1.1",
        "POST /v1/x? HTTP/1.1",
        "PATCH /v1/a;b=c/d:e@f,g'(h)*!$&+=~-._ HTTP/1.1",
        "DELETE /v1/caf%C3%A9/a%3Ab%20c HTTP/1.1",
        "PROPFIND /v1/x HTTP/1.1",
    ] {
        assert_eq!(bench.arrives(line, "").await.first, line);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_upstreams_own_path_comes_first_and_its_host_is_told() {
    let bench = Bench::new("/base/of%20it/", "").await;
    let head = bench.arrives("GET /v1/models?x=/ HTTP/1.1", "").await;
    assert_eq!(head.first, "GET /base/of%20it/v1/models?x=/ HTTP/1.1");
    assert_eq!(head.field("host"), bench.upstream.address.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_credential_of_the_caller_travels_in_any_spelling() {
    let bench = Bench::new("", "").await;
    let fields = "x.api.key: s\r\nApi.Key: s\r\nx~goog-api!key: s\r\nProxy.Authorization: s\r\n\
        X-Other: kept\r\nOpenAI-Organization: kept\r\n";
    let head = bench.arrives("GET /v1/x HTTP/1.1", fields).await;
    let ours = ["client", "grant", "scope", "user"].map(|name| format!("x-gatepost-{name}"));
    let mut expected = vec!["host", "openai-organization", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"];
    expected.extend(ours.iter().map(String::as_str));
    expected.extend(["x-other", "x-request-id"]);
    assert_eq!(head.names(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_route_needs_no_token_and_still_keeps_credentials_to_itself() {
    let upstream = RawUpstream::start().await;
    let url = format!("url = \"http://{}\"", upstream.address);
    let stand = Stand::with(&config(&url, "prefix = \"/v1\"\nauth = \"none\"")).await;
    let good = stand.token().await.access;
    for fields in ["", "authorization: Bearer junk\r\nx-api-key: s\r\n", &format!("authorization: Bearer {good}\r\n")] {
        let mut caller = Wire::to(stand.gateway.address).await;
        let identity = "x-gatepost-user: root\r\nx.gatepost.user: root\r\ncookie: gatepost_session=s\r\n";
        caller.send(format!("GET /v1/x HTTP/1.1\r\nhost: a\r\n{identity}{fields}\r\n")).await;
        let (_wire, head) = upstream.asked().await;
        assert_eq!(head.names(), ["host", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-request-id"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_calls_is_said_by_the_gateway_alone() {
    let bench = Bench::new("", "").await;
    let fields = "X-Gatepost-User: root\r\nx.gatepost.user: root\r\nX-Gatepost-Client: evil\r\nx-gatepost~grant: g\r\n\
        X-Gatepost-Scope: all\r\nX-Gatepost-Anything: x\r\nX-Forwarded-For: 10.0.0.1\r\nx.forwarded.for: 10.0.0.1\r\n\
        X-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Port: 1\r\nX.Forwarded-User: root\r\n\
        Forwarded: for=10.0.0.1\r\nX-Real-IP: 10.0.0.1\r\nx.real.ip: 10.0.0.1\r\nVia: 1.1 evil\r\nX-Request-Id: mine\r\n";
    let head = bench.arrives("GET /v1/x HTTP/1.1", fields).await;
    assert_eq!(head.field("x-gatepost-user"), "ada");
    assert_eq!(head.field("x-gatepost-client"), "app");
    assert_eq!(head.field("x-gatepost-grant"), bench.token.grant.to_string());
    let mut scopes: Vec<&str> = head.field("x-gatepost-scope").split(' ').collect();
    scopes.sort_unstable();
    assert_eq!(scopes, ["images", "inference"]);
    assert_eq!(head.field("x-forwarded-for"), "127.0.0.1");
    assert_eq!(head.field("x-forwarded-proto"), "http");
    assert_eq!(head.field("x-forwarded-host"), "gate.example:8080");
    assert!(head.field("x-request-id").starts_with("req_"));
    assert_eq!(head.fields.len(), 9, "{head:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateways_cookies_stay_here_and_others_arrive() {
    let bench = Bench::new("", "").await;
    let fields = "cookie: a=1; gatepost_session=s; b=\"2\"\r\ncookie: gatepost_visit=v;__Host-gatepost_session=s\r\ncookie: c=3\r\n";
    let head = bench.arrives("GET /v1/x HTTP/1.1", fields).await;
    assert_eq!(head.all("cookie"), ["a=1; b=\"2\"", "c=3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_to_the_callers_connection_ends_at_the_gateway() {
    let bench = Bench::new("", "").await;
    let fields = "Connection: keep-alive, X-Mine\r\nconnection: x-yours , X-Forwarded-For, x-gatepost-user, host\r\nX-Mine: 1\r\nX-Yours: 2\r\n\
        Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nTE: trailers\r\nTrailer: X-T\r\nUpgrade: h2c\r\nX-Kept: 3\r\nExpect: 100-continue\r\n";
    let head = bench.arrives("GET /v1/x HTTP/1.1", fields).await;
    for gone in ["connection", "x-mine", "x-yours", "keep-alive", "proxy-connection", "te", "trailer", "upgrade", "expect"] {
        assert_eq!(head.all(gone), [""; 0], "{head:?}");
    }
    // Those that the gateway sets are not the caller's to remove.
    assert_eq!((head.field("x-kept"), head.field("x-forwarded-for"), head.field("x-gatepost-user")), ("3", "127.0.0.1", "ada"));
    assert_eq!(head.field("host"), bench.upstream.address.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn other_fields_arrive_as_they_were_sent_repeated_ones_too() {
    let bench = Bench::new("", "").await;
    let fields =
        "Accept: text/event-stream\r\nX-Twice: 1\r\nX-Twice: 2\r\nX-Empty:\r\nX-Odd: a  b\t; \"c\"\r\nUser-Agent: OpenAI/Python 2\r\n";
    let head = bench.arrives("GET /v1/x HTTP/1.1", fields).await;
    assert_eq!(head.all("x-twice"), ["1", "2"]);
    assert_eq!((head.field("accept"), head.field("x-odd")), ("text/event-stream", "a  b\t; \"c\""));
    assert_eq!((head.all("x-empty"), head.field("user-agent")), (vec![""], "OpenAI/Python 2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_key_from_a_file_takes_the_place_of_the_token() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, "sk-upstream\n").unwrap();
    let bench = Bench::new("", &format!("api_key = \"file:{}\"", path.display())).await;
    let head = bench.arrives("GET /v1/x HTTP/1.1", "").await;
    assert_eq!(head.all("authorization"), ["Bearer sk-upstream"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_may_want_its_secret_from_the_environment_in_another_field() {
    // Whatever this machine has in PATH: the environment of a test's process is not to be changed.
    let path = std::env::var("PATH").unwrap();
    let bench = Bench::new("", "credential = { header = \"X-API-Key\", value = \"env:PATH\" }").await;
    let head = bench.arrives("GET /v1/x HTTP/1.1", "x.api.key: mine\r\n").await;
    assert_eq!((head.all("x-api-key"), head.all("x.api.key").len(), head.all("authorization").len()), (vec![path.as_str()], 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_route_too_shows_the_upstream_its_credential() {
    let upstream = RawUpstream::start().await;
    let settings = format!("url = \"http://{}\"\napi_key = \"env:PATH\"", upstream.address);
    let stand = Stand::with(&config(&settings, "prefix = \"/v1\"\nauth = \"none\"")).await;
    let mut caller = Wire::to(stand.gateway.address).await;
    caller.send("GET /v1/x HTTP/1.1\r\nhost: a\r\nauthorization: Bearer mine\r\n\r\n").await;
    let (_wire, head) = upstream.asked().await;
    assert_eq!(head.all("authorization"), [format!("Bearer {}", std::env::var("PATH").unwrap())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_tls_terminating_balancer_the_public_scheme_is_told() {
    let upstream = RawUpstream::start().await;
    let secure = CONFIG.replace("http://127.0.0.1:8080", "https://ai.example.com");
    let url = upstream.address;
    let routes = format!("[upstreams.model]\nurl = \"http://{url}\"\n[[routes]]\nprefix = \"/v1\"\nauth = \"none\"\n");
    let stand = Stand::with(&format!("{secure}\n{routes}")).await;
    let mut caller = Wire::to(stand.gateway.address).await;
    caller.send("GET /v1/x HTTP/1.1\r\nhost: ai.example.com\r\ncookie: __Host-gatepost_session=s\r\n\r\n").await;
    let (_wire, head) = upstream.asked().await;
    assert_eq!((head.field("x-forwarded-proto"), head.field("x-forwarded-host")), ("https", "ai.example.com"));
    assert!(head.all("cookie").is_empty());
}
