//! Many who want the same thing of Serble's at once, and an app that is ended while it works, across
//! sockets.

use std::collections::BTreeSet;

use http::Method;

use super::{ask, code, config, gateway, let_in, text, use_of};
use crate::{
    proxy::raw::{RawUpstream, Wire},
    support::{crowd::at_once, gateway::Gateway, http::Reply},
};

const CROWD: usize = 64;
const OWN: &str = "/api/v1/account/authorizedApps/photos";

/// Those that were given something, and what the others were told.
fn parted(replies: Vec<Reply>) -> (Vec<Reply>, BTreeSet<String>) {
    let (given, refused): (Vec<_>, Vec<_>) = replies.into_iter().partition(|reply| reply.status == 200);
    (given, refused.iter().map(|reply| format!("{} {}", reply.status.as_u16(), reply.text())).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_sixty_four_redemptions_of_one_code_one_wins_and_its_tokens_live() {
    let gateway = gateway().await;
    let code = code(&gateway).await;
    let (given, words) = parted(at_once((0..CROWD).map(|_| ask(&gateway, "refresh", "code", &code))).await);
    let [tokens] = given.as_slice() else { panic!("{} have tokens", given.len()) };
    assert!(words.iter().eq(["400 Invalid authorization code"]), "{words:?}");
    let tokens = tokens.json();
    assert_eq!(use_of(&gateway, Method::GET, "/api/v1/account", text(&tokens, "access_token")).await.status, 200);
    assert_eq!(ask(&gateway, "access", "refresh_token", text(&tokens, "refresh_token")).await.status, 200);
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_who_want_the_next_access_token_get_the_same() {
    let gateway = gateway().await;
    let tokens = let_in(&gateway).await;
    gateway.time.advance(std::time::Duration::from_secs(3000));
    let (given, words) =
        parted(at_once((0..CROWD).map(|_| ask(&gateway, "access", "refresh_token", text(&tokens, "refresh_token")))).await);
    assert_eq!((given.len(), words), (CROWD, BTreeSet::new()));
    let access: BTreeSet<String> = given.iter().map(|reply| text(&reply.json(), "access_token").to_owned()).collect();
    assert!(access.len() == 1 && !access.contains(text(&tokens, "access_token")), "{} different ones", access.len());
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_given_while_an_app_was_ended_outlives_its_end() {
    let gateway = gateway().await;
    let (tokens, unused) = (let_in(&gateway).await, code(&gateway).await);
    gateway.time.advance(std::time::Duration::from_secs(3000));
    let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
    let asked = async |turn: usize| match turn {
        32 => use_of(&gateway, Method::DELETE, OWN, access).await,
        turn if turn % 2 == 0 => ask(&gateway, "access", "refresh_token", refresh).await,
        _ => ask(&gateway, "refresh", "code", &unused).await,
    };
    let mut replies = at_once((0..CROWD).map(asked)).await;
    let ended = replies.remove(32);
    assert_eq!((ended.status.as_u16(), ended.text()), (200, String::new()));
    let (given, words) = parted(replies);
    let known = ["400 App is not authorized", "400 Invalid authorization code"];
    assert!(words.iter().all(|word| known.contains(&word.as_str())), "{words:?}");
    for given in given.iter().map(Reply::json).chain([tokens.clone()]) {
        assert_eq!(use_of(&gateway, Method::GET, "/api/v1/account", text(&given, "access_token")).await.status, 401);
        let renewed = ask(&gateway, "access", "refresh_token", text(&given, "refresh_token")).await;
        assert_eq!((renewed.status.as_u16(), renewed.text()), (400, "App is not authorized".to_owned()));
    }
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_end_an_app_somebody_did_and_no_one_is_told_too_early() {
    let gateway = gateway().await;
    let (ended, ending) = (let_in(&gateway).await, let_in(&gateway).await);
    let (given, words) = parted(at_once((0..8).map(|_| use_of(&gateway, Method::DELETE, OWN, text(&ending, "access_token")))).await);
    assert!(!given.is_empty(), "{words:?}");
    for word in words {
        assert!(word == "400 App is not authorized" || word.contains("token_revoked"), "{word}");
    }
    assert_eq!(use_of(&gateway, Method::GET, "/api/v1/account", text(&ended, "access_token")).await.status, 401);
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_under_an_app_is_cut_when_it_is_ended() {
    let upstream = RawUpstream::start().await;
    let gateway = Gateway::with(&config(&format!("http://{}", upstream.address))).await;
    let tokens = let_in(&gateway).await;
    let mut caller = Wire::to(gateway.address).await;
    let token = text(&tokens, "access_token");
    caller.send(format!("GET /files/1 HTTP/1.1\r\nhost: a\r\nserbleauth: App {token}\r\n\r\n")).await;
    let (mut wire, _) = upstream.asked().await;
    wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
    assert_eq!(caller.head().await.status(), 200);
    assert_eq!(use_of(&gateway, Method::DELETE, OWN, token).await.status, 200);
    // Neither more data nor a clean end.
    assert_eq!(caller.chunk().await, None);
    wire.closed().await;
    gateway.end().await;
}
