//! What becomes of tokens when users, apps and keys go, and when the store fails meanwhile.

use std::{sync::Arc, time::Duration};

use gatepost::{
    clock::Manual,
    engine::Error,
    oauth::{id::ClientId, refusal::ErrorCode, scope::Scopes, signing::Algorithm, user::UserName},
    store::memory::Memory,
};
use http::Method;
use serde_json::{Value, json};

use super::{ask, code, config, gateway, let_in, question, read, text, use_of};
use crate::support::{
    faulty::{Fault, Faulty, Weather},
    gateway::{Gateway, USER},
    http::{Reply, get},
    person::Person,
    records::START,
};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// What an access token is answered, and a refresh token.
async fn worth(gateway: &Gateway, tokens: &Value) -> (u16, String) {
    let account = use_of(gateway, Method::GET, "/api/v1/account", text(tokens, "access_token")).await;
    let renewed = ask(gateway, "access", "refresh_token", text(tokens, "refresh_token")).await;
    let said = if renewed.status == 200 { "good".to_owned() } else { renewed.text() };
    (account.status.as_u16(), said)
}

fn good() -> (u16, String) {
    (200, "good".to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_retired_still_verifies_in_ten_years_and_one_that_was_revoked_does_not() {
    let gateway = gateway().await;
    let tokens = let_in(&gateway).await;
    gateway.engine.rotate_key(Algorithm::EdDsa).await.unwrap();
    assert_eq!(worth(&gateway, &tokens).await, good());
    for _ in 0..3 {
        gateway.time.advance(DAY * 1000);
        gateway.engine.maintain_keys().await.unwrap();
    }
    let renewed = ask(&gateway, "access", "refresh_token", text(&tokens, "refresh_token")).await.json();
    assert_eq!(worth(&gateway, &renewed).await, good());
    let [before, after] = [&tokens, &renewed].map(|tokens| read(text(tokens, "access_token"))[0]["kid"].clone());
    assert_ne!(before, after, "the key that is in use signs what is new");

    let keys = gateway.engine.keys().await.unwrap();
    let retired = keys.iter().find(|key| json!(key.id.to_string()) == before).unwrap().id;
    gateway.engine.revoke_key(retired).await.unwrap();
    assert_eq!(worth(&gateway, &renewed).await, (200, "Invalid authorization code".to_owned()));
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_is_gone_is_not_found_and_one_who_took_all_back_has_no_apps() {
    let gateway = gateway().await;
    let ada = UserName::parse(USER).unwrap();
    let (tokens, code) = (let_in(&gateway).await, code(&gateway).await);
    gateway.engine.disable_user(&ada).await.unwrap();
    assert_eq!(worth(&gateway, &tokens).await, (401, "User not found".to_owned()));
    let reply = ask(&gateway, "refresh", "code", &code).await;
    assert_eq!((reply.status.as_u16(), reply.text()), (400, "User not found".to_owned()));
    gateway.engine.enable_user(&ada).await.unwrap();
    assert_eq!(worth(&gateway, &tokens).await, good());

    gateway.engine.revoke_user(&ada).await.unwrap();
    assert_eq!(worth(&gateway, &tokens).await, (401, "App is not authorized".to_owned()));
    assert_eq!(ask(&gateway, "refresh", "code", &code).await.text(), "App is not authorized");
    let tokens = let_in(&gateway).await;
    let deauthorise = use_of(&gateway, Method::DELETE, "/api/v1/account/authorizedApps/power", text(&tokens, "access_token")).await;
    assert_eq!((deauthorise.status.as_u16(), deauthorise.text()), (400, "App is not authorized".to_owned()));
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_is_disabled_is_unknown_and_loses_nothing() {
    let gateway = gateway().await;
    let (tokens, id) = (let_in(&gateway).await, ClientId::new("photos"));
    let change = |enabled| gateway.engine.change_client("serble", &id, None, move |client| client.enabled = enabled);
    change(false).await.unwrap();
    assert_eq!(worth(&gateway, &tokens).await, (401, "Invalid client_id".to_owned()));
    assert_eq!(gateway.send(get("/api/v1/app/photos/public")).await.status, 404);
    assert_eq!(ada_asks(&gateway).await.status, 400);
    change(true).await.unwrap();
    assert_eq!(worth(&gateway, &tokens).await, good());
    gateway.end().await;
}

async fn ada_asks(gateway: &Gateway) -> Reply {
    Person::signed_in(gateway).await.get(&question(&[])).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_user_may_no_longer_grant_stays_granted_and_is_not_granted_again() {
    let gateway = gateway().await;
    let tokens = let_in(&gateway).await;
    let cap = Scopes::parse("file_host").unwrap();
    gateway.engine.set_user_scopes(&UserName::parse(USER).unwrap(), &cap).await.unwrap();
    let account = async |tokens: &Value| {
        use_of(&gateway, Method::GET, "/api/v1/account", text(tokens, "access_token")).await.json()["username"].clone()
    };
    assert_eq!(account(&tokens).await, USER);
    let again = let_in(&gateway).await;
    assert_eq!(account(&again).await, Value::Null);
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_store_fails_at_an_app_is_ended_when_somebody_says_so_again() {
    let time = Manual::starting_at(START);
    let store = Faulty::over(Arc::new(Memory::new(time.clock())), Weather::FAIR, 1);
    let gateway = Gateway::over(&config("http://127.0.0.1:9"), Arc::clone(&store) as _, time).await;
    let user = gateway.store.user_named(&UserName::parse(USER).unwrap()).await.unwrap().unwrap().record.id;
    let app = ClientId::new("photos");
    let end = || gateway.engine.deauthorize(user, "serble", &app);
    for fault in [Fault::Before, Fault::After] {
        for operation in 0.. {
            assert!(operation < 100, "it comes to no end");
            // What has ended is forgotten.
            gateway.time.advance(DAY * 31);
            let (tokens, other) = (let_in(&gateway).await, let_in(&gateway).await);
            assert_eq!((worth(&gateway, &tokens).await, worth(&gateway, &other).await), (good(), good()));
            let before = store.failed();
            store.plan(operation, fault);
            let ended = end().await;
            store.unplan();
            if store.failed() == before {
                ended.unwrap();
                break;
            }
            assert!(matches!(ended, Err(Error::Unavailable(_))), "{fault:?} {operation}: {ended:?}");
            // Either it was done already, or it is done now.
            let again = end().await;
            assert!(again.is_ok() || matches!(&again, Err(Error::Refused(no)) if no.code == ErrorCode::TakenBack), "{again:?}");
            for tokens in [&tokens, &other] {
                assert_eq!(worth(&gateway, tokens).await, (401, "App is not authorized".to_owned()), "{fault:?} {operation}");
            }
        }
    }
    gateway.end().await;
}
