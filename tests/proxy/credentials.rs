//! Whose token is it, and may he?

use std::time::Duration;

use http::{Method, Request, header::AUTHORIZATION};
use http_body_util::Full;
use secrecy::ExposeSecret;
use serde_json::json;

use super::stand::{Stand, config};
use crate::support::{
    gateway::USER,
    http::{Reply, bearing, get, request},
    upstream::Upstream,
};

const REALM: &str = "Bearer realm=\"http://127.0.0.1:8080\"";

fn asking() -> Request<Full<bytes::Bytes>> {
    request(Method::POST, "/v1/chat/completions", "application/json", "{}")
}

fn with_authorization(lines: &[&str]) -> Request<Full<bytes::Bytes>> {
    let mut request = asking();
    for line in lines {
        request.headers_mut().append(AUTHORIZATION, line.parse().unwrap());
    }
    request
}

/// Status and code; every refusal is in shape and must not be kept.
fn refusal(reply: &Reply) -> (u16, String) {
    let error = &reply.json()["error"];
    assert_eq!(error["request_id"], reply.header("x-request-id"), "{reply:?}");
    assert_eq!(reply.header("cache-control"), "no-store");
    assert_eq!(reply.header("content-type"), "application/json");
    (reply.status.as_u16(), error["code"].as_str().unwrap().to_owned())
}

/// The token is bad: 401 with this code, and the challenge says so.
fn assert_bad_token(reply: &Reply, code: &str) {
    assert_eq!(refusal(reply), (401, code.to_owned()), "{reply:?}");
    assert_eq!(reply.json()["error"]["type"], "authentication_error");
    assert_eq!(reply.header("www-authenticate"), format!("{REALM}, scope=\"inference\", error=\"invalid_token\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_credential_the_challenge_names_the_scope_and_no_error() {
    let upstream = Upstream::start().await;
    let stand = Stand::before(upstream.address).await;
    let token = stand.token().await;
    let in_query = request(Method::POST, &format!("/v1/x?access_token={}", token.access), "", "");
    let in_form = request(Method::POST, "/v1/x", "application/x-www-form-urlencoded", format!("access_token={}", token.access));
    let mut in_another_field = asking();
    in_another_field.headers_mut().insert("x-api-key", token.access.parse().unwrap());
    for asked in [asking(), in_query, in_form, in_another_field] {
        let reply = stand.gateway.send(asked).await;
        assert_eq!(refusal(&reply), (401, "missing_token".to_owned()));
        assert_eq!(reply.header("www-authenticate"), format!("{REALM}, scope=\"inference\""));
    }
    assert!(upstream.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_none_of_ours_is_invalid() {
    let upstream = Upstream::start().await;
    let stand = Stand::before(upstream.address).await;
    let token = stand.token().await;
    // The same root secret and another store: its MAC is right, and nobody knows its grant.
    let stranger = Stand::before(upstream.address).await.token().await.access;
    let mut tampered = token.access.clone().into_bytes();
    tampered[40] = if tampered[40] == b'a' { b'b' } else { b'a' };
    let tampered = String::from_utf8(tampered).unwrap();
    let other_prefix = token.access.replace("bs_at_", "bs_xx_");
    let upper = token.access.to_ascii_uppercase();
    let cut_off = &token.access[..token.access.len() - 1];
    for text in ["x", "null", "sk-proj-0123456789", &stranger, &tampered, &other_prefix, &upper, cut_off, &"a".repeat(4000)] {
        assert_bad_token(&stand.gateway.send(bearing(asking(), text)).await, "invalid_token");
    }
    assert!(upstream.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_a_credential_elsewhere_is_no_access_token() {
    let upstream = Upstream::start().await;
    let stand = Stand::before(upstream.address).await;
    let token = stand.token().await;
    let user = stand.user(USER).await.record;
    let cookie = stand.gateway.engine.open_session(&user, Duration::from_secs(60)).await.unwrap();
    for text in [&token.refresh, &token.device_code, cookie.expose_secret()] {
        assert_bad_token(&stand.gateway.send(bearing(asking(), text)).await, "invalid_token");
    }
    for line in ["Basic YWRhOmNvcnJlY3QgaG9yc2U=", "Bearer", "Bearer a b", "Token x", &token.access] {
        // Nothing was tried that is known here, so the challenge names no error (RFC 6750 section 3.1).
        let reply = stand.gateway.send(with_authorization(&[line])).await;
        assert_eq!(refusal(&reply), (401, "invalid_token".to_owned()), "{line}");
        assert_eq!(reply.header("www-authenticate"), format!("{REALM}, scope=\"inference\""), "{line}");
    }
    assert!(upstream.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_ends_with_its_time_to_the_second() {
    let upstream = Upstream::start().await;
    let stand = Stand::before(upstream.address).await;
    let token = stand.token().await.access;
    stand.gateway.time.advance(Duration::from_secs(15 * 60 - 1));
    assert_eq!(stand.gateway.send(bearing(asking(), &token)).await.status, 200);
    stand.gateway.time.advance(Duration::from_secs(1));
    assert_bad_token(&stand.gateway.send(bearing(asking(), &token)).await, "token_expired");
    assert_eq!(upstream.seen().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_taken_back_opens_nothing_and_says_why() {
    let upstream = Upstream::start().await;
    let stand = Stand::before(upstream.address).await;
    let (token, other) = (stand.token().await, stand.token().await);
    stand.revoke(&token).await;
    assert_bad_token(&stand.gateway.send(bearing(asking(), &token.access)).await, "token_revoked");
    assert_eq!(stand.gateway.send(bearing(asking(), &other.access)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_user_has_no_tokens_and_one_who_is_back_has_his_old_ones() {
    let upstream = Upstream::start().await;
    let stand = Stand::before(upstream.address).await;
    let token = stand.token().await.access;
    stand.change_user(USER, |user| user.enabled = false).await;
    assert_bad_token(&stand.gateway.send(bearing(asking(), &token)).await, "token_revoked");
    stand.change_user(USER, |user| user.enabled = true).await;
    assert_eq!(stand.gateway.send(bearing(asking(), &token)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn raising_a_users_generation_takes_back_all_that_came_before_and_nothing_after() {
    let upstream = Upstream::start().await;
    let stand = Stand::before(upstream.address).await;
    stand.gateway.add_user("bob", "inference").await;
    let (before, of_bob) = (stand.token().await.access, stand.token_of("bob", "app").await.access);
    stand.change_user(USER, |user| user.generation += 1).await;
    assert_bad_token(&stand.gateway.send(bearing(asking(), &before)).await, "token_revoked");
    let after = stand.token().await.access;
    assert_eq!(stand.gateway.send(bearing(asking(), &after)).await.status, 200);
    assert_eq!(stand.gateway.send(bearing(asking(), &of_bob)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_without_all_the_scopes_is_told_all_that_are_needed() {
    let upstream = Upstream::start().await;
    let url = format!("url = \"http://{}\"", upstream.address);
    let stand = Stand::with(&config(&url, "prefix = \"/v1\"\nscopes = [\"inference\", \"images\"]")).await;
    let narrow = stand.token_of("ada", "bootspring-cli").await.access;
    let reply = stand.gateway.send(bearing(asking(), &narrow)).await;
    assert_eq!(refusal(&reply), (403, "insufficient_scope".to_owned()));
    assert_eq!(reply.json()["error"]["type"], "permission_error");
    let challenge = reply.header("www-authenticate");
    let scopes = challenge.strip_prefix(&format!("{REALM}, scope=\"")).unwrap().strip_suffix("\", error=\"insufficient_scope\"").unwrap();
    let mut scopes: Vec<&str> = scopes.split(' ').collect();
    scopes.sort_unstable();
    assert_eq!(scopes, ["images", "inference"]);
    assert!(upstream.seen().is_empty());
    let wide = stand.token().await.access;
    assert_eq!(stand.gateway.send(bearing(asking(), &wide)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_without_scopes_takes_any_token_and_no_stranger() {
    let upstream = Upstream::start().await;
    let stand = Stand::with(&config(&format!("url = \"http://{}\"", upstream.address), "prefix = \"/v1\"\nscopes = []")).await;
    let reply = stand.gateway.send(asking()).await;
    assert_eq!((refusal(&reply).0, reply.header("www-authenticate")), (401, REALM));
    let token = stand.token_of("ada", "bootspring-cli").await.access;
    assert_eq!(stand.gateway.send(bearing(asking(), &token)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_credentials_are_a_mistake_even_if_both_are_good() {
    let upstream = Upstream::start().await;
    let stand = Stand::before(upstream.address).await;
    let bearer = format!("Bearer {}", stand.token().await.access);
    for lines in [&[bearer.as_str(), &bearer][..], &[&format!("{bearer}, {bearer}")], &[&format!("{bearer},x")], &["Basic YTpi", &bearer]] {
        let reply = stand.gateway.send(with_authorization(lines)).await;
        assert_eq!(refusal(&reply), (400, "invalid_request".to_owned()));
    }
    assert!(upstream.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_word_bearer_is_read_in_any_case() {
    let upstream = Upstream::start().await;
    let stand = Stand::before(upstream.address).await;
    let token = stand.token().await.access;
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR "] {
        let reply = stand.gateway.send(with_authorization(&[&format!("{scheme} {token}")])).await;
        assert_eq!(reply.status, 200, "{scheme}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_may_say_no_as_rfc_9457_does() {
    let upstream = Upstream::start().await;
    let url = format!("url = \"http://{}\"", upstream.address);
    let route = "path = \"/v1/x\"\nmethods = [\"GET\"]\nscopes = [\"images\", \"audio\"]\nerrors = \"problem\"";
    let stand = Stand::with(&config(&url, route).replace("[scopes]\n", "[scopes]\naudio = \"Hear.\"\n")).await;
    let narrow = stand.token_of("ada", "bootspring-cli").await.access;
    for (asked, status, code, title) in [
        (get("/v1/x"), 401, "missing_token", "Unauthorized"),
        (bearing(get("/v1/x"), "x"), 401, "invalid_token", "Unauthorized"),
        (request(Method::PUT, "/v1/x", "", ""), 405, "method_not_allowed", "Method Not Allowed"),
    ] {
        let reply = stand.gateway.send(asked).await;
        let problem = reply.json();
        assert_eq!((reply.status.as_u16(), reply.header("content-type")), (status, "application/problem+json"));
        assert_eq!((&problem["status"], &problem["code"], &problem["title"]), (&status.into(), &code.into(), &title.into()));
        assert_eq!(problem["instance"], reply.header("x-request-id"));
        assert!(problem["detail"].is_string() && problem["type"] == "about:blank", "{problem}");
    }
    // But for scopes, which its callers read from a shape of their own.
    let reply = stand.gateway.send(bearing(get("/v1/x"), &narrow)).await;
    assert_eq!((reply.status.as_u16(), reply.header("content-type")), (403, "application/json"));
    assert_eq!(reply.json(), json!({"error": "insufficient_scope", "required": "audio images", "granted": ["inference"]}));
    assert_eq!(reply.header("www-authenticate"), format!("{REALM}, scope=\"audio images\", error=\"insufficient_scope\""));
    assert_eq!(reply.header("cache-control"), "no-store");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_the_query_goes_upstream_on_no_route() {
    let upstream = Upstream::start().await;
    let open = "[[routes]]\nprefix = \"/open\"\nauth = \"none\"\n";
    let stand = Stand::with(&format!("{}{open}", crate::support::gateway::forwarding(upstream.address))).await;
    let token = stand.token().await.access;
    for query in [format!("access_token={token}"), format!("a=b&access%5Ftoken={token}"), format!("access_token=x&access_token={token}")] {
        let reply = stand.gateway.send(get(&format!("/open/x?{query}"))).await;
        assert_eq!(refusal(&reply), (400, "invalid_request".to_owned()), "{query}");
    }
    // What is none of ours may mean something to the upstream.
    assert_eq!(stand.gateway.send(get("/open/x?access_token=theirs")).await.status, 200);
    assert_eq!(upstream.seen().len(), 1);
}
