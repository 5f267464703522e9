#![allow(clippy::unwrap_used, clippy::panic)]

mod cache;
mod node;
mod realm;
mod renew;
mod request;
mod revoke;
mod site;

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use secrecy::{ExposeSecret, SecretString};

use super::*;
use crate::{
    clock::Manual,
    oauth::{
        id::ClientId,
        jwt::{Claims, Jti, Signing, Typ},
        scope::Scopes,
        secret::RootId,
        signing::{Algorithm, SigningKeys},
    },
    store::{Change, Expect, Key, Record, memory::Memory},
};

const ISSUER: &str = "https://gate.example";

fn verifier() -> Verifier {
    let clock = Manual::starting_at(Timestamp::UNIX_EPOCH).clock();
    let store: Arc<dyn Store> = Arc::new(Memory::new(clock.clone()));
    let keyring = Arc::new(Keyring::new(&[(RootId::DEFAULT, SecretString::from("r".repeat(32)))]).unwrap());
    let clients = Arc::new(Clients::new(Arc::clone(&store), []));
    Verifier::new(store, keyring, clients, ISSUER.to_owned(), clock)
}

fn token(keys: &SigningKeys, keyring: &Keyring, now: Timestamp, jti: Jti) -> SecretString {
    let signing = Signing::open(keys, keyring, ISSUER).unwrap();
    let claims = Claims {
        iss: ISSUER.to_owned(),
        sub: "0123".to_owned(),
        aud: vec![ISSUER.to_owned()],
        client_id: ClientId::new("cli"),
        iat: now.as_second(),
        exp: now.as_second() + 3600,
        jti,
        scope: Scopes::parse("chat").unwrap(),
    };
    signing.sign(Typ::AccessToken, signing.current(Algorithm::EdDsa).unwrap(), &claims).unwrap()
}

#[tokio::test]
async fn of_many_who_bring_a_token_of_a_new_key_at_once_all_wait_for_the_one_who_looks() {
    let verifier = verifier();
    let mut keys = SigningKeys::default();
    keys.ensure(&verifier.keyring, verifier.clock.now()).unwrap();
    let record = Record::SigningKeys(keys.clone());
    verifier.store.commit(vec![Change::Put { key: Key::SigningKeys, expect: Expect::Absent, record, until: None }]).await.unwrap();
    let token = token(&keys, &verifier.keyring, verifier.clock.now(), Jti { grant: GrantId::from_random([7; 16]), number: 3 });
    let token = token.expose_secret();
    let turn = verifier.signing.turn().await;
    let (mut first, mut second) = (pin!(verifier.recognise(token)), pin!(verifier.recognise(token)));
    let mut context = Context::from_waker(Waker::noop());
    assert!(matches!(first.as_mut().poll(&mut context), Poll::Pending));
    assert!(matches!(second.as_mut().poll(&mut context), Poll::Pending));
    drop(turn);
    assert!(first.await.is_ok() && second.await.is_ok());
}
