//! The way of an MCP client that knows nothing but a server's address (MCP, Authorization): it is turned
//! away, finds out where to get a token, makes itself known, has its user asked, and comes back.

use serde_json::{Value, json};

use crate::support::{
    gateway::Gateway,
    http::{bearing, get, post_form, post_json},
    redirect::{CHALLENGE, VERIFIER, code},
    upstream::Upstream,
};

const HERE: &str = "http://127.0.0.1:8080";
const CALLBACK: &str = "http://localhost:33418/callback";

fn config(upstream: &Upstream) -> String {
    format!(
        r#"
public_url = "{HERE}"
listen = "127.0.0.1:0"
threads = 1
drain = "2s"
[scopes]
tools = "Use the tools."
files = "Read the files."
[users]
default_scopes = ["tools", "files"]
[upstreams.mcp]
url = "http://{}"
[[routes]]
prefix = "/mcp"
scopes = ["tools"]
[[routes]]
prefix = "/files"
scopes = ["files"]
[dialects.standard]
registration = {{ scopes = ["tools", "files"] }}
"#,
        upstream.address
    )
}

/// A parameter of a challenge.
fn parameter<'a>(challenge: &'a str, name: &str) -> &'a str {
    let (_, rest) = challenge.split_once(&format!("{name}=\"")).unwrap_or_else(|| panic!("no {name} in {challenge}"));
    rest.split('"').next().unwrap()
}

/// Where an address is at the gateway of the test.
fn path(url: &Value) -> String {
    url.as_str().unwrap().strip_prefix(HERE).unwrap_or_else(|| panic!("{url} is elsewhere")).to_owned()
}

fn target(path: &str, fields: &[(&str, &str)]) -> String {
    format!("{path}?{}", form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_knows_an_address_alone_finds_its_way() {
    let upstream = Upstream::start().await;
    let gateway = Gateway::with(&config(&upstream)).await;

    // Turned away, with the address of the resource's metadata (RFC 9728 section 5.1).
    let turned_away = gateway.send(post_json("/mcp", &json!({"jsonrpc": "2.0"}))).await;
    assert_eq!(turned_away.status, 401);
    let challenge = turned_away.header("www-authenticate");
    assert_eq!(parameter(challenge, "scope"), "tools");
    let resource = gateway.send(get(&path(&parameter(challenge, "resource_metadata").into()))).await.json();
    assert_eq!(resource["resource"], format!("{HERE}/mcp"));

    // Whom it asks (RFC 8414), and how.
    assert_eq!(resource["authorization_servers"], json!([HERE]));
    let server = gateway.send(get("/.well-known/oauth-authorization-server")).await.json();
    assert_eq!((&server["issuer"], &server["code_challenge_methods_supported"]), (&HERE.into(), &json!(["S256"])));

    // It makes itself known (RFC 7591).
    let metadata = json!({
        "client_name": "An MCP client", "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
    });
    let registered = gateway.send(post_json(&path(&server["registration_endpoint"]), &metadata)).await;
    assert_eq!(registered.status, 201, "{registered:?}");
    let registered = registered.json();
    let client_id = registered["client_id"].as_str().unwrap();

    // Its user says yes, for this resource (RFC 7636, RFC 8707).
    let resource = resource["resource"].as_str().unwrap();
    let question = [
        ("response_type", "code"),
        ("client_id", client_id),
        ("redirect_uri", CALLBACK),
        ("scope", "tools"),
        ("resource", resource),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let code = code(&gateway, &target(&path(&server["authorization_endpoint"]), &question)).await;
    let token = path(&server["token_endpoint"]);
    let redeem = [
        ("grant_type", "authorization_code"),
        ("client_id", client_id),
        ("redirect_uri", CALLBACK),
        ("resource", resource),
        ("code", &code),
        ("code_verifier", VERIFIER),
    ];
    let (status, tokens) = gateway.post_form(&token, &redeem).await;
    assert_eq!((status, &tokens["scope"]), (200, &"tools".into()), "{tokens}");

    // It comes back, and is let through; its token is not passed on.
    let access = |tokens: &Value| tokens["access_token"].as_str().unwrap().to_owned();
    let call = |token: &str, path: &str| bearing(post_json(path, &json!({"jsonrpc": "2.0"})), token);
    assert_eq!(gateway.send(call(&access(&tokens), "/mcp")).await.status, 200);
    let seen = upstream.seen();
    assert!(seen.len() == 1 && !seen[0].headers.contains_key("authorization"), "{seen:?}");

    // Elsewhere the token is none (RFC 8707 section 2).
    assert_eq!(gateway.send(call(&access(&tokens), "/files")).await.status, 401);

    // A day later it refreshes, and goes on.
    gateway.time.advance(std::time::Duration::from_secs(24 * 3600));
    let refresh = [("grant_type", "refresh_token"), ("client_id", client_id), ("refresh_token", tokens["refresh_token"].as_str().unwrap())];
    let refreshed = gateway.send(post_form(&token, &refresh)).await;
    assert_eq!(refreshed.status, 200, "{refreshed:?}");
    assert_eq!(gateway.send(call(&access(&refreshed.json()), "/mcp")).await.status, 200);
    gateway.end().await;
}
