//! Many who want the same thing at once, and who comes late, across sockets.

use std::collections::BTreeSet;

use serde_json::Value;

use super::standard::{CONFIG, question};
use crate::support::{
    crowd::at_once,
    gateway::Gateway,
    http::{bearing, get},
    redirect::{VERIFIER, code},
};

const CROWD: usize = 64;
const TOKEN: &str = "/oauth/token";

/// The same with a client that may ask for itself.
fn config(folder: &std::path::Path) -> String {
    let secret = folder.join("secret");
    std::fs::write(&secret, "robot-secret").unwrap();
    format!(
        "{CONFIG}\n[[dialects.standard.clients]]\nid = \"robot\"\nname = \"A robot\"\nscopes = [\"inference\"]\n\
        grant_types = [\"client_credentials\"]\nsecret = \"file:{}\"\n",
        secret.display()
    )
}

/// All of them at the same time, each on a connection of its own.
async fn crowd(gateway: &Gateway, fields: &[(&str, &str)]) -> Vec<(u16, Value)> {
    at_once((0..CROWD).map(|_| gateway.post_form(TOKEN, fields))).await
}

fn redemption(code: &str) -> [(&'static str, &str); 5] {
    [
        ("grant_type", "authorization_code"),
        ("client_id", "app"),
        ("code", code),
        ("redirect_uri", "https://app.example.com/cb"),
        ("code_verifier", VERIFIER),
    ]
}

fn refreshing(token: &str) -> [(&'static str, &str); 3] {
    [("grant_type", "refresh_token"), ("client_id", "app"), ("refresh_token", token)]
}

/// A grant and its first tokens.
async fn let_in(gateway: &Gateway) -> (String, Value) {
    let code = code(gateway, &question()).await;
    let (status, tokens) = gateway.post_form(TOKEN, &redemption(&code)).await;
    assert_eq!(status, 200, "{tokens}");
    (code, tokens)
}

fn text<'a>(tokens: &'a Value, name: &str) -> &'a str {
    tokens[name].as_str().unwrap_or_else(|| panic!("no {name} in {tokens}"))
}

/// What a token is answered where it is shown.
async fn shown(gateway: &Gateway, tokens: &Value) -> u16 {
    gateway.send(bearing(get("/oauth/userinfo"), text(tokens, "access_token"))).await.status.as_u16()
}

/// Those that were given something, and the words of the others.
fn parted(answers: Vec<(u16, Value)>) -> (Vec<Value>, BTreeSet<String>) {
    let (given, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(status, _)| *status == 200);
    let words = refused.iter().map(|(status, answer)| format!("{status} {}", text(answer, "error"))).collect();
    (given.into_iter().map(|(_, tokens)| tokens).collect(), words)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_sixty_four_exchanges_of_one_code_one_wins_and_the_grant_lives() {
    let gateway = Gateway::with(CONFIG).await;
    let code = code(&gateway, &question()).await;
    let (given, words) = parted(crowd(&gateway, &redemption(&code)).await);
    let [tokens] = given.as_slice() else { panic!("{} have tokens", given.len()) };
    assert!(words.iter().eq(["400 invalid_grant"]), "{words:?}");
    assert_eq!(shown(&gateway, tokens).await, 200);
    let (status, refreshed) = gateway.post_form(TOKEN, &refreshing(text(tokens, "refresh_token"))).await;
    assert_eq!(status, 200, "{refreshed}");
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_refreshes_of_one_token_have_one_successor_and_sign_nobody_out() {
    let gateway = Gateway::with(CONFIG).await;
    let (_, first) = let_in(&gateway).await;
    let (given, words) = parted(crowd(&gateway, &refreshing(text(&first, "refresh_token"))).await);
    assert!(words.is_empty(), "{words:?}");
    let successors: BTreeSet<String> = given.iter().map(Value::to_string).collect();
    assert_eq!((given.len(), successors.len()), (CROWD, 1));
    assert_eq!((shown(&gateway, &first).await, shown(&gateway, &given[0]).await), (200, 200));
    let (status, next) = gateway.post_form(TOKEN, &refreshing(text(&given[0], "refresh_token"))).await;
    assert_eq!(status, 200, "{next}");
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_replay_of_a_code_or_a_refresh_token_ends_the_grant_for_all_that_come_after() {
    for of_the_code in [true, false] {
        let gateway = Gateway::with(CONFIG).await;
        let (code, first) = let_in(&gateway).await;
        let used = text(&first, "refresh_token");
        let newest = match of_the_code {
            true => first.clone(),
            false => gateway.post_form(TOKEN, &refreshing(used)).await.1,
        };
        gateway.time.advance(std::time::Duration::from_secs(10));
        let replays = if of_the_code { crowd(&gateway, &redemption(&code)).await } else { crowd(&gateway, &refreshing(used)).await };
        let (given, words) = parted(replays);
        assert!(given.is_empty() && words.iter().eq(["400 invalid_grant"]), "{given:?} {words:?}");
        let answers = at_once((0..CROWD).map(|_| shown(&gateway, &newest))).await;
        assert!(answers.iter().all(|status| *status == 401), "{answers:?}");
        let (status, refused) = gateway.post_form(TOKEN, &refreshing(text(&newest, "refresh_token"))).await;
        assert_eq!((status, text(&refused, "error")), (400, "invalid_grant"));
        gateway.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_questions_of_a_client_for_itself_have_one_token() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::with(&config(folder.path())).await;
    let fields = [("grant_type", "client_credentials"), ("client_id", "robot"), ("client_secret", "robot-secret")];
    for of_the_next in [false, true] {
        let (given, words) = parted(crowd(&gateway, &fields).await);
        assert!(words.is_empty(), "{words:?}");
        let tokens: BTreeSet<String> = given.iter().map(Value::to_string).collect();
        assert_eq!((given.len(), tokens.len()), (CROWD, 1), "the next one: {of_the_next}");
        gateway.time.advance(std::time::Duration::from_secs(30 * 60));
    }
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_taken_back_while_it_is_refreshed_leaves_nothing_that_opens() {
    let gateway = Gateway::with(CONFIG).await;
    for _ in 0..8 {
        let (_, first) = let_in(&gateway).await;
        let token = text(&first, "refresh_token");
        let refreshes = (0..8).map(|_| Some(refreshing(token)));
        let mixed = refreshes.chain([None]).map(async |refreshing| match refreshing {
            Some(fields) => gateway.post_form(TOKEN, &fields).await,
            None => {
                let fields = [("client_id", "app"), ("token", token)];
                let reply = gateway.send(crate::support::http::post_form("/oauth/revoke", &fields)).await;
                assert_eq!(reply.status, 200);
                (400, serde_json::json!({"error": "invalid_grant"}))
            }
        });
        let (given, words) = parted(at_once(mixed).await);
        assert!(words.iter().eq(["400 invalid_grant"]), "{words:?}");
        for tokens in given.iter().chain([&first]) {
            assert_eq!(shown(&gateway, tokens).await, 401);
            let (status, refused) = gateway.post_form(TOKEN, &refreshing(text(tokens, "refresh_token"))).await;
            assert_eq!((status, text(&refused, "error")), (400, "invalid_grant"));
        }
    }
    gateway.end().await;
}
