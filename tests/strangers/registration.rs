//! Programs that register themselves (RFC 7591).

use std::time::Duration;

use data_encoding::BASE64;
use gatepost::{
    dialects::registration::Registration,
    engine::MAX_REGISTERED_CLIENTS,
    oauth::{client::Origin, id::ClientId, scope::Scopes},
    store::{Change, List},
};
use http::Method;
use serde_json::{Value, json};

use super::{Bench, DAY, NAME, VERIFIER, Walk, told};
use crate::support::{
    http::{Reply, get, post_form, post_json, request, send_from},
    records::START,
};

const REGISTER: &str = "/oauth/register";
const CALLBACK: &str = "https://app.example/cb";

async fn open() -> Bench {
    let scopes = Scopes::parse("inference images").unwrap();
    Bench::new(Walk { registration: Some(Registration { scopes }), documents: None }).await
}

/// Registers, each time from another address.
async fn register(bench: &Bench, from: u8, metadata: &Value) -> Reply {
    send_from([127, 0, 0, from].into(), bench.stand.gateway.address, post_json(REGISTER, metadata)).await
}

/// A public client that may refresh.
async fn public(bench: &Bench) -> String {
    let metadata = json!({
        "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none", "grant_types": ["authorization_code", "refresh_token"],
        "client_name": "Totally <b>Gatepost</b>\u{202e}",
    });
    let reply = register(bench, 1, &metadata).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    reply.json()["client_id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_registered_is_answered_as_it_stands() {
    let bench = open().await;
    let metadata = json!({
        "redirect_uris": [CALLBACK, "http://localhost:3000/cb"],
        "client_name": " An\u{202e} app ",
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "client_secret_post",
        "scope": "inference offline_access",
        "contacts": ["ada@example.org"], "jwks": {"keys": []}, "software_id": 1, "client_id": "mine", "client_secret": "mine",
    });
    let reply = register(&bench, 1, &metadata).await;
    let (status, mut answer) = (reply.status, reply.json());
    let (id, secret) = (answer["client_id"].take(), answer["client_secret"].take());
    assert!(id.as_str().unwrap().starts_with("wc_") && secret.as_str().unwrap().starts_with("ws_"), "{id} {secret}");
    let expected = json!({
        "client_id": null,
        "client_id_issued_at": bench.stand.gateway.time.clock().now().as_second(),
        "client_secret": null,
        "client_secret_expires_at": 0,
        "client_name": "An app",
        "redirect_uris": [CALLBACK, "http://localhost:3000/cb"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "client_secret_post",
        "scope": "inference",
    });
    assert_eq!((status.as_u16(), answer), (201, expected));
    let headers = ["cache-control", "access-control-allow-origin"].map(|name| reply.header(name));
    assert_eq!(headers, ["no-store", "*"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_least_gets_a_secret_one_way_and_the_name_of_his_host() {
    let bench = open().await;
    let answer = register(&bench, 1, &json!({"redirect_uris": [CALLBACK]})).await.json();
    assert!(answer["client_secret"].is_string());
    for (name, value) in [
        ("client_name", json!("app.example")),
        ("grant_types", json!(["authorization_code"])),
        ("token_endpoint_auth_method", json!("client_secret_basic")),
        ("scope", json!("images inference")),
    ] {
        assert_eq!(answer[name], value, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_client_has_no_secret_and_walks_through() {
    let bench = open().await;
    let metadata = json!({"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none"});
    let answer = register(&bench, 1, &metadata).await.json();
    assert!(answer.get("client_secret").is_none() && answer.get("client_secret_expires_at").is_none(), "{answer}");
    let id = answer["client_id"].as_str().unwrap();
    let code = bench.approve(id, CALLBACK).await;
    let (status, tokens) = bench.redeem(id, CALLBACK, &code).await;
    assert_eq!((status, &tokens["scope"], tokens.get("refresh_token")), (200, &"images inference".into(), None), "{tokens}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confidential_client_has_to_show_its_secret() {
    let bench = open().await;
    let answer = register(&bench, 1, &json!({"redirect_uris": [CALLBACK]})).await.json();
    let (id, secret) = (answer["client_id"].as_str().unwrap(), answer["client_secret"].as_str().unwrap());
    let code = bench.approve(id, CALLBACK).await;
    let fields = [("grant_type", "authorization_code"), ("redirect_uri", CALLBACK), ("code", &code), ("code_verifier", VERIFIER)];
    let with = |secret: &str| {
        let mut request = post_form("/oauth/token", &fields);
        let basic = format!("Basic {}", BASE64.encode(format!("{id}:{secret}").as_bytes()));
        request.headers_mut().insert("authorization", basic.parse().unwrap());
        request
    };
    let wrong = format!("{secret}x");
    assert_eq!(told(&bench.stand.gateway.send(with(&wrong)).await), (401, "invalid_client".into()));
    assert_eq!(bench.redeem(id, CALLBACK, &code).await.1["error"], "invalid_client");
    assert_eq!(bench.stand.gateway.send(with(secret)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_mistake_has_the_word_of_the_rfc() {
    let bench = open().await;
    let uri = |uri: &str| json!({"redirect_uris": [uri]});
    let also = |name: &str, value: Value| json!({"redirect_uris": [CALLBACK], name: value});
    let cases = [
        (json!({}), "invalid_redirect_uri"),
        (json!({"redirect_uris": []}), "invalid_redirect_uri"),
        (uri("com.example.app:/cb"), "invalid_redirect_uri"),
        (uri("http://app.example/cb"), "invalid_redirect_uri"),
        (uri("https://app.example/cb#x"), "invalid_redirect_uri"),
        (uri("https://*.example/cb"), "invalid_redirect_uri"),
        (uri("javascript:alert(1)"), "invalid_redirect_uri"),
        (json!({"redirect_uris": {"a": CALLBACK}}), "invalid_client_metadata"),
        (json!({"redirect_uris": [1]}), "invalid_client_metadata"),
        (also("token_endpoint_auth_method", json!("private_key_jwt")), "invalid_client_metadata"),
        (also("grant_types", json!(["client_credentials"])), "invalid_client_metadata"),
        (also("grant_types", json!(["urn:ietf:params:oauth:grant-type:device_code"])), "invalid_client_metadata"),
        (also("response_types", json!(["token"])), "invalid_client_metadata"),
        (also("client_name", json!(["a"])), "invalid_client_metadata"),
        (also("scope", json!("admin")), "invalid_client_metadata"),
        (also("scope", json!("a\"b")), "invalid_client_metadata"),
        (json!([]), "invalid_client_metadata"),
    ];
    for (number, (metadata, word)) in (1..).zip(cases) {
        let reply = register(&bench, number, &metadata).await;
        assert_eq!(told(&reply), (400, word.into()), "{metadata}");
        let words = reply.json()["error_description"].as_str().unwrap().to_owned();
        assert!(!words.is_empty() && words.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')), "{words}");
    }
    for (bad, status) in [
        (request(Method::POST, REGISTER, "application/json", "{"), 400),
        (request(Method::POST, REGISTER, "application/json", format!("{{\"client_name\":\"{}\"}}", "x".repeat(70_000))), 413),
        (post_form(REGISTER, &[("redirect_uris", CALLBACK)]), 415),
    ] {
        assert_eq!(told(&bench.stand.gateway.send(bad).await), (status, "invalid_client_metadata".into()));
    }
    let reply = bench.stand.gateway.send(get(REGISTER)).await;
    assert_eq!((reply.status.as_u16(), reply.header("allow")), (405, "POST"));
    assert!(bench.stand.store.members(List::Registered).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_clients_an_hour_register_from_one_address() {
    let bench = open().await;
    let metadata = json!({"redirect_uris": [CALLBACK]});
    for _ in 0..10 {
        assert_eq!(register(&bench, 1, &metadata).await.status, 201);
    }
    let reply = register(&bench, 1, &metadata).await;
    assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (429, "360"));
    assert_eq!(register(&bench, 2, &metadata).await.status, 201);
    bench.pass(Duration::from_secs(360));
    assert_eq!(register(&bench, 1, &metadata).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_addresses_there_are_the_clients_are_bounded() {
    let bench = open().await;
    let id = ClientId::new(public(&bench).await);
    let link = |n: u128| Change::Link { list: List::Registered, member: n.to_be_bytes(), until: START + 60 * DAY };
    let others = u128::try_from(MAX_REGISTERED_CLIENTS).unwrap() - 1;
    bench.stand.store.commit((0..others).map(link).collect()).await.unwrap();
    let metadata = json!({"redirect_uris": [CALLBACK]});
    let reply = register(&bench, 2, &metadata).await;
    assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (429, "3600"));
    // There is room as soon as one is deleted.
    bench.stand.gateway.engine.delete_client(NAME, &id, None).await.unwrap().unwrap();
    assert_eq!(register(&bench, 2, &metadata).await.status, 201);
    assert_eq!(register(&bench, 2, &metadata).await.status, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_vouches_for_the_name_that_a_client_gave_itself() {
    let bench = open().await;
    let id = public(&bench).await;
    let code = bench.approve(&id, CALLBACK).await;
    assert_eq!(bench.redeem(&id, CALLBACK, &code).await.0, 200);
    let grants = bench.allowed().await;
    let [grant] = grants.as_slice() else { panic!("{grants:?}") };
    assert_eq!((grant.app.name.as_str(), grant.app.verified), ("Totally <b>Gatepost</b>", false));
    let client = bench.stand.gateway.engine.find_client(NAME, &ClientId::new(id), None).await.unwrap().unwrap();
    assert_eq!((client.origin, client.owner, client.resource_server), (Origin::Registered, None, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_nobody_uses_is_forgotten_after_thirty_days() {
    let bench = open().await;
    let id = public(&bench).await;
    bench.pass(30 * DAY - Duration::from_secs(1));
    assert_eq!(bench.refresh(&id, &"none".into()).await.1["error"], "invalid_grant");
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.refresh(&id, &"none".into()).await.1["error"], "invalid_client");
    assert_eq!(bench.unaskable(&id, CALLBACK).await.code.as_str(), "invalid_client");
    assert!(bench.stand.store.members(List::Clients).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_only_refreshes_is_used_and_stays_on_the_list() {
    let bench = open().await;
    let id = public(&bench).await;
    let code = bench.approve(&id, CALLBACK).await;
    let mut tokens = bench.redeem(&id, CALLBACK, &code).await.1;
    for _ in 0..3 {
        bench.pass(20 * DAY);
        let (status, next) = bench.refresh(&id, &tokens["refresh_token"]).await;
        assert_eq!(status, 200, "{next}");
        tokens = next;
    }
    for list in [List::Clients, List::Registered] {
        assert_eq!(bench.stand.store.members(list).await.unwrap().len(), 1, "{list:?}");
    }
    bench.pass(30 * DAY);
    assert_eq!(bench.refresh(&id, &tokens["refresh_token"]).await.1["error"], "invalid_client");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_store_is_away_nobody_registers_and_nobody_is_to_blame() {
    let bench = open().await;
    bench.stand.take_store_away();
    let reply = register(&bench, 1, &json!({"redirect_uris": [CALLBACK]})).await;
    assert_eq!(told(&reply), (503, "temporarily_unavailable".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_it_is_off_there_is_no_such_endpoint() {
    let bench = Bench::new(Walk::default()).await;
    let reply = register(&bench, 1, &json!({"redirect_uris": [CALLBACK]})).await;
    assert_eq!(reply.status, 404);
}
