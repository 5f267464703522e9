//! Serika's contract: the golden files, and what needs an upstream or a socket of its own.

use gatepost::{
    dialects::Unanswered,
    engine::{ClientIds, CreateClient, Spelling},
    oauth::{
        claim::Claim,
        client::{GrantType, Origin},
        scope::Scopes,
        user::UserName,
    },
};
use http::Method;
use serde_json::{Value, json};

use super::golden::golden;
use crate::{
    proxy::raw::{RawUpstream, Wire},
    support::{
        crowd::at_once,
        gateway::{Gateway, USER, root},
        http::{bearing, get, post_json, request},
        redirect::{self, CHALLENGE, VERIFIER},
        upstream::Upstream,
    },
};

golden! {
    "serika":
    a_secret_that_was_reset,
    a_store_that_is_away_is_no_answer_of_the_protocol,
    a_user_who_says_no,
    an_app_is_let_in,
    clients_are_listed_and_deleted,
    deadlines,
    fifty_clients_and_no_more,
    how_clients_say_who_they_are,
    lives_are_the_operators,
    mounted_elsewhere,
    scopes_open_what_they_say,
    what_cannot_become_a_client,
    who_may_manage_clients,
}

const BASE: &str = "/api/openai/v1/oauth";
const CALLBACK: &str = "http://127.0.0.1:7777/cb";

/// The example that comes with the gateway, in front of this upstream.
fn example(upstream: std::net::SocketAddr) -> String {
    let text = std::fs::read_to_string(root().join("config/serika.toml")).unwrap();
    let here = "public_url = \"http://127.0.0.1:8080\"\n";
    assert!(text.contains(here) && text.contains("127.0.0.1:8000"), "{text}");
    let text = text.replace("127.0.0.1:8000", &upstream.to_string());
    text.replace(here, &format!("{here}listen = \"127.0.0.1:0\"\nthreads = 2\ndrain = \"2s\"\n"))
}

/// A public client of the first user's for all scopes.
async fn client(gateway: &Gateway, personal: &str) -> String {
    let asked = json!({"name": "An app", "redirectUris": [CALLBACK], "scopes": ["profile", "generations", "characters"], "public": true});
    let reply = gateway.send(bearing(post_json(&format!("{BASE}/clients"), &asked), personal)).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    reply.json()["clientId"].as_str().unwrap().to_owned()
}

/// What the client gets that the first user lets in.
async fn let_in(gateway: &Gateway, client: &str) -> Value {
    let asked = [
        ("response_type", "code"),
        ("client_id", client),
        ("redirect_uri", CALLBACK),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(asked).finish();
    let code = redirect::code(gateway, &format!("{BASE}/authorize?{query}")).await;
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", CALLBACK),
        ("client_id", client),
        ("code_verifier", VERIFIER),
    ];
    let (status, tokens) = gateway.post_form(&format!("{BASE}/token"), &fields).await;
    assert_eq!(status, 200, "{tokens}");
    tokens
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_app_calls_arrives_where_the_upstream_has_it() {
    let upstream = Upstream::start().await;
    let gateway = Gateway::with(&example(upstream.address)).await;
    let personal = gateway.personal_token(USER, "clients").await;
    let client = client(&gateway, &personal).await;
    let tokens = let_in(&gateway, &client).await;
    for (method, path, target) in [
        (Method::POST, "/chat/completions?stream=true", "/v1/chat/completions?stream=true"),
        (Method::POST, "/images/generations", "/v1/images/generations"),
        (Method::GET, "/characters/a%20b%3A7", "/v1/characters/a%20b%3A7"),
    ] {
        let call = request(method, &format!("{BASE}{path}"), "application/json", "{\"n\": 1}");
        let reply = gateway.send(bearing(call, tokens["access_token"].as_str().unwrap())).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        let seen = upstream.seen().pop().unwrap();
        assert_eq!((seen.target.as_str(), seen.body.as_ref()), (target, b"{\"n\": 1}".as_slice()));
        let told = |name| seen.headers.get(name).map(|value| value.to_str().unwrap());
        assert_eq!((told("x-gatepost-user"), told("x-gatepost-client")), (Some(USER), Some(client.as_str())));
        assert_eq!((told("x-gatepost-scope"), told("authorization")), (Some("characters generations profile"), None));
    }
    let before = upstream.seen().len();
    for path in ["/v1/chat/completions", "/api/openai/v1/oauth/characters/", "/api/openai/v1/oauth/characters/7/8"] {
        let reply = gateway.send(bearing(get(path), tokens["access_token"].as_str().unwrap())).await;
        assert_eq!(reply.status, 404, "{path}");
    }
    assert_eq!(upstream.seen().len(), before);
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_a_client_ends_what_runs_under_it() {
    let upstream = RawUpstream::start().await;
    let gateway = Gateway::with(&example(upstream.address)).await;
    let personal = gateway.personal_token(USER, "clients").await;
    let (deleted, other) = (client(&gateway, &personal).await, client(&gateway, &personal).await);
    let mut streams = Vec::new();
    for client in [&deleted, &deleted, &other] {
        let tokens = let_in(&gateway, client).await;
        let mut caller = Wire::to(gateway.address).await;
        let token = tokens["access_token"].as_str().unwrap();
        caller.send(format!("GET {BASE}/characters/7 HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n\r\n")).await;
        let (mut wire, _) = upstream.asked().await;
        wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
        assert_eq!(caller.head().await.status(), 200);
        streams.push((caller, wire));
    }
    let path = format!("{BASE}/clients/{deleted}");
    assert_eq!(gateway.send(bearing(request(Method::DELETE, &path, "", ""), &personal)).await.status, 204);
    let (mut caller, mut wire) = streams.pop().unwrap();
    for (mut caller, mut wire) in streams {
        // Neither more data nor a clean end.
        assert_eq!(caller.chunk().await, None);
        wire.closed().await;
    }
    wire.send_chunk("on").await;
    assert_eq!(caller.chunk().await.as_deref(), Some("on"));
    drop((caller, wire));
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_sixty_clients_made_at_once_fifty_are_made() {
    let gateway = Gateway::with(&example("127.0.0.1:9".parse().unwrap())).await;
    let personal = gateway.personal_token(USER, "clients").await;
    let asked = json!({"name": "An app", "redirectUris": [CALLBACK], "scopes": ["profile"]});
    let make = || gateway.send(bearing(post_json(&format!("{BASE}/clients"), &asked), &personal));
    let replies = at_once((0..60).map(|_| make())).await;
    let of = |status: u16| replies.iter().filter(|reply| reply.status == status).count();
    assert_eq!((of(201), of(409)), (50, 10));
    let listed = gateway.send(bearing(get(&format!("{BASE}/clients")), &personal)).await.json();
    assert_eq!(listed.as_array().unwrap().len(), 50);
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_question_is_told_to_the_app_or_to_the_user_alone() {
    let gateway = Gateway::with(&example("127.0.0.1:9".parse().unwrap())).await;
    let personal = gateway.personal_token(USER, "clients").await;
    let client = client(&gateway, &personal).await;
    let good = [
        ("client_id", client.as_str()),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("state", "x y"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let read = async |name: &str, value: Option<&str>| {
        let pairs = good.iter().filter(|(known, _)| *known != name).copied().chain(value.map(|value| (name, value)));
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        redirect::read(&gateway, &format!("{BASE}/authorize?{query}")).await
    };
    assert!(read("scope", Some("profile")).await.is_ok());
    // An app on somebody's machine gets its port from the system.
    assert!(read("redirect_uri", Some("http://127.0.0.1:49152/cb")).await.is_ok());
    for (name, value) in [
        ("client_id", None),
        ("client_id", Some("client_aaaaaaaaaaaaaaaaaaaaaaaa")),
        ("redirect_uri", Some("http://127.0.0.1:7777/cb/")),
        ("redirect_uri", Some("https://evil.example/cb")),
    ] {
        let unanswered = read(name, value).await.err();
        assert!(matches!(unanswered, Some(Unanswered::Here(_))), "{name} {value:?}: {unanswered:?}");
    }
    for (name, value, error) in [
        ("response_type", None, "invalid_request"),
        ("response_type", Some("token"), "unsupported_response_type"),
        ("code_challenge", None, "invalid_request"),
        ("code_challenge_method", Some("plain"), "invalid_request"),
        ("code_challenge_method", None, "invalid_request"),
        ("scope", Some("email"), "invalid_scope"),
        ("scope", Some("clients"), "invalid_scope"),
    ] {
        let told = match read(name, value).await {
            Err(Unanswered::There { location, .. }) => location,
            other => panic!("{name} {value:?}: {other:?}"),
        };
        assert!(told.starts_with(&format!("{CALLBACK}?error={error}&error_description=")), "{name}: {told}");
        assert!(told.ends_with("&state=x+y&iss=http%3A%2F%2F127.0.0.1%3A8080"), "{name}: {told}");
    }
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_the_operator_or_of_another_dialect_is_nobodys_to_list_or_delete() {
    let declared =
        "\n[[dialects.serika.clients]]\nid = \"own\"\nname = \"Own\"\nscopes = [\"profile\"]\nredirect_uris = [\"http://127.0.0.1/cb\"]\n";
    let gateway = Gateway::with(&format!("{}{declared}", example("127.0.0.1:9".parse().unwrap()))).await;
    let personal = gateway.personal_token(USER, "clients").await;
    assert_eq!(let_in(&gateway, "own").await["scope"], "profile");
    let owner = gateway.store.user_named(&UserName::parse(USER).unwrap()).await.unwrap().unwrap().record.id;
    let elsewhere = CreateClient {
        spelling: Spelling { dialect: "bootspring", id: ClientIds::After("client_"), secret: "secret_" },
        owner: Some(owner),
        origin: Origin::Managed,
        name: Claim::exact("Elsewhere").unwrap(),
        description: None,
        redirect_uris: Vec::new(),
        scopes: Scopes::parse("profile").unwrap(),
        grant_types: [GrantType::DeviceCode].into(),
        public: false,
        format: None,
        resource_server: None,
        verified: false,
    };
    let (elsewhere, _) = gateway.engine.create_client(elsewhere).await.unwrap();
    assert_eq!(gateway.send(bearing(get(&format!("{BASE}/clients")), &personal)).await.json(), json!([]));
    for id in ["own", elsewhere.id.as_str()] {
        for (method, path) in [(Method::DELETE, format!("/clients/{id}")), (Method::POST, format!("/clients/{id}/reset-secret"))] {
            let reply = gateway.send(bearing(request(method, &format!("{BASE}{path}"), "", ""), &personal)).await;
            assert_eq!((reply.status.as_u16(), &reply.json()["error"]["code"]), (404, &json!("client_not_found")));
        }
    }
    assert_eq!(let_in(&gateway, "own").await["scope"], "profile");
    gateway.end().await;
}
