//! The standard's contract: the golden files, and what is asked before a user is.

use gatepost::dialects::Unanswered;

use super::golden::golden;
use crate::support::{
    gateway::Gateway,
    redirect::{CHALLENGE, read},
};

golden! {
    "standard":
    a_browser_takes_a_code_to_an_app,
    a_client_asks_for_itself,
    a_client_says_who_it_is_in_one_way,
    a_code_belongs_to_its_client_address_and_verifier,
    a_code_is_good_for_a_minute,
    a_code_may_be_good_for_longer,
    a_code_mints_once,
    a_code_whose_tokens_were_used_ends_the_grant_at_once,
    a_device_is_let_in,
    a_refresh_may_ask_for_less,
    a_refresh_token_is_used_once,
    a_request_that_says_too_little_or_too_much,
    a_store_that_is_away_is_no_answer_of_the_protocol,
    an_app_that_is_refused_hears_so,
    introspection,
    metadata,
    mounted_elsewhere,
    nobody_grants_more_than_he_holds,
    revocation,
    userinfo,
    what_one_dialect_made_is_unknown_to_another,
    with_the_dialect_off_none_of_its_paths_exist,
}

/// Two clients for browsers and one for devices.
pub(super) const CONFIG: &str = r#"
public_url = "http://127.0.0.1:8080"
listen = "127.0.0.1:0"
threads = 1
drain = "2s"
[scopes]
inference = "Use the models."
[users]
default_scopes = ["inference"]
[dialects.standard]
[[dialects.standard.clients]]
id = "app"
name = "An app"
scopes = ["inference"]
redirect_uris = ["https://app.example.com/cb", "http://127.0.0.1/cb"]
[[dialects.standard.clients]]
id = "single"
name = "An app with one address"
scopes = ["inference"]
redirect_uris = ["https://single.example.com/cb?tenant=a"]
[[dialects.standard.clients]]
id = "terminal"
name = "A terminal"
scopes = ["inference"]
"#;

/// A question of `app` that is as it should be.
pub(super) fn question() -> String {
    format!("{}&redirect_uri=https%3A%2F%2Fapp.example.com%2Fcb", unaddressed("app"))
}

/// One that does not say where the answer goes.
fn unaddressed(client: &str) -> String {
    format!("/oauth/authorize?response_type=code&client_id={client}&code_challenge={CHALLENGE}&code_challenge_method=S256")
}

/// What becomes of a question: where the browser is sent, or the word that people read.
async fn told(gateway: &Gateway, target: &str) -> String {
    match read(gateway, target).await {
        Ok(question) => format!("asked for {}", question.redirect.uri),
        Err(Unanswered::Here(refusal)) => format!("here: {}", refusal.code.as_str()),
        Err(Unanswered::There { location, .. }) => {
            let (uri, query) = location.split_once("error=").unwrap();
            let (error, rest) = query.split_once('&').unwrap();
            assert!(rest.ends_with("&iss=http%3A%2F%2F127.0.0.1%3A8080"), "{location}");
            format!("{uri}{error}{}", if rest.contains("&state=s1&") { " with its state" } else { "" })
        }
        Err(Unanswered::Engine(error)) => panic!("{error:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_alone_are_told_while_nobody_can_say_where_an_answer_may_go() {
    let gateway = Gateway::with(CONFIG).await;
    let good = question();
    for (target, word) in [
        ("/oauth/authorize".to_owned(), "invalid_request"),
        (good.replace("client_id=app", "client_id="), "invalid_request"),
        (format!("{good}&client_id=app"), "invalid_request"),
        (good.replace("client_id=app", "client_id=nobody"), "invalid_client"),
        (good.replace("client_id=app", "client_id=single"), "invalid_request"),
        (unaddressed("app"), "invalid_request"),
        (format!("{good}&redirect_uri=https%3A%2F%2Fapp.example.com%2Fcb"), "invalid_request"),
        (good.replace("%2Fcb", "%2Fcb%2F"), "invalid_request"),
        (good.replace("%2Fcb", "%2Fcb%3Fx"), "invalid_request"),
        (good.replace("https%3A", "http%3A"), "invalid_request"),
        (good.replace("app.example.com", "app.example.com.evil.example"), "invalid_request"),
        (good.replace("app.example.com", "APP.example.com"), "invalid_request"),
        (good.replace("https%3A%2F%2Fapp.example.com", "http%3A%2F%2F127.0.0.1%3A99999"), "invalid_request"),
        (good.replace("https%3A%2F%2Fapp.example.com", "http%3A%2F%2Flocalhost"), "invalid_request"),
        (unaddressed("terminal"), "invalid_request"),
    ] {
        assert_eq!(told(&gateway, &target).await, format!("here: {word}"), "{target}");
    }
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_app_is_told_what_is_wrong_with_its_question() {
    let gateway = Gateway::with(CONFIG).await;
    let good = format!("{}&state=s1", question());
    assert_eq!(told(&gateway, &good).await, "asked for https://app.example.com/cb");
    for (target, word) in [
        (good.replace("response_type=code", "response_type="), "invalid_request"),
        (good.replace("response_type=code", "response_type=token"), "unsupported_response_type"),
        (good.replace("response_type=code", "response_type=code%20id_token"), "unsupported_response_type"),
        (good.replace("code_challenge=", "x="), "invalid_request"),
        (good.replace(CHALLENGE, "short"), "invalid_request"),
        (good.replace("&code_challenge_method=S256", ""), "invalid_request"),
        (good.replace("S256", "plain"), "invalid_request"),
        (format!("{good}&scope=a&scope=b"), "invalid_request"),
        (format!("{good}&code_challenge={CHALLENGE}"), "invalid_request"),
        (format!("{good}&scope=%22"), "invalid_scope"),
        (format!("{good}&scope=admin"), "invalid_scope"),
        (format!("{good}&resource=https%3A%2F%2Felsewhere.example.com"), "invalid_target"),
        (format!("{good}&resource=v1"), "invalid_target"),
    ] {
        assert_eq!(told(&gateway, &target).await, format!("https://app.example.com/cb?{word} with its state"), "{target}");
    }
    // Of two states nobody knows which is the app's, and it gets none.
    assert_eq!(told(&gateway, &format!("{good}&state=s2")).await, "https://app.example.com/cb?invalid_request");
    // What stood in the registered address stays there (RFC 6749 section 4.1.2).
    let single = format!("{}&state=s1", unaddressed("single"));
    assert_eq!(told(&gateway, &single).await, "asked for https://single.example.com/cb?tenant=a");
    let single = single.replace("S256", "plain");
    assert_eq!(told(&gateway, &single).await, "https://single.example.com/cb?tenant=a&invalid_request with its state");
    gateway.end().await;
}
