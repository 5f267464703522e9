//! The signing keys over a store: what was answered is durable and in force, for whoever asks next.

use std::{sync::Arc, time::Duration};

use gatepost::{
    clock::Manual,
    engine::KeysError,
    oauth::{
        id::{ClientId, GrantId},
        jwt::{Claims, Jti, Signing, Typ},
        signing::{Algorithm, KeyError, KeyId, KeyState},
    },
    store::{Key, Store, embedded::Embedded, memory::Memory},
};
use secrecy::ExposeSecret;
use tokio::task::JoinSet;

use crate::support::{
    faulty::{Fault, Faulty, Weather},
    gateway::{CONFIG, Gateway},
    house::{House, ISSUER, keyring},
    http::get,
    records::{START, scopes},
};

const LIFE: Duration = Duration::from_secs(24 * 3600);

/// After a start over this store.
async fn started(store: &Arc<dyn Store>) -> House {
    let house = House::over(Arc::clone(store), Manual::starting_at(START));
    house.engine.maintain_keys().await.unwrap();
    house
}

fn memory() -> Arc<dyn Store> {
    Arc::new(Memory::new(Manual::starting_at(START).clock()))
}

fn current(house: &House, algorithm: Algorithm) -> KeyId {
    house.verifier.signing().load().current(algorithm).unwrap()
}

/// A JWT of the key that signs now.
fn token(house: &House, algorithm: Algorithm) -> String {
    let claims = Claims {
        iss: ISSUER.to_owned(),
        sub: "somebody".to_owned(),
        aud: vec![ISSUER.to_owned()],
        client_id: ClientId::new("cli"),
        iat: START.as_second(),
        exp: START.as_second() + 3600,
        jti: Jti { grant: GrantId::from_random([1; 16]), number: 1 },
        scope: scopes(),
    };
    house.verifier.signing().load().sign(Typ::AccessToken, current(house, algorithm), &claims).unwrap().expose_secret().to_owned()
}

fn reads(house: &House, token: &str) -> bool {
    house.verifier.signing().load().read(Typ::AccessToken, token).is_some()
}

/// What is published is what the store holds.
async fn in_force(house: &House, store: &Arc<dyn Store>) -> bool {
    let stored = store.signing_keys().await.unwrap().unwrap().record;
    Signing::open(&stored, &keyring(), ISSUER).unwrap().jwks() == &house.engine.jwks()
}

#[tokio::test]
async fn before_the_start_nothing_signs_and_afterwards_each_algorithm_does() {
    let house = House::over(memory(), Manual::starting_at(START));
    assert_eq!(house.engine.jwks(), r#"{"keys":[]}"#);
    assert_eq!(house.verifier.signing().load().current(Algorithm::EdDsa), None);
    house.engine.maintain_keys().await.unwrap();
    for algorithm in Algorithm::ALL {
        assert!(reads(&house, &token(&house, algorithm)));
    }
}

#[tokio::test]
async fn keys_are_made_once_and_a_later_start_finds_them_on_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let clock = Manual::starting_at(START);
        let store: Arc<dyn Store> = Arc::new(Embedded::open(folder.path(), clock.clock()).unwrap());
        let house = started(&store).await;
        tokens.push(token(&house, Algorithm::Es256));
        assert!(tokens.iter().all(|token| reads(&house, token)));
        assert_eq!(house.engine.keys().await.unwrap().iter().count(), 2);
    }
}

#[tokio::test]
async fn looking_after_keys_that_are_in_order_writes_nothing() {
    let store = memory();
    let house = started(&store).await;
    let before = store.load(&Key::SigningKeys).await.unwrap();
    house.engine.maintain_keys().await.unwrap();
    assert_eq!(store.load(&Key::SigningKeys).await.unwrap(), before);
}

#[tokio::test]
async fn a_rotation_is_in_force_with_its_answer_and_old_tokens_are_read_until_they_have_expired() {
    let store = memory();
    let house = started(&store).await;
    let (old, kid) = (token(&house, Algorithm::EdDsa), current(&house, Algorithm::EdDsa));
    let keys = house.engine.rotate_key(Algorithm::EdDsa).await.unwrap();
    assert_eq!(keys.signing(Algorithm::EdDsa).unwrap().id, current(&house, Algorithm::EdDsa));
    assert_ne!(current(&house, Algorithm::EdDsa), kid);
    assert!(in_force(&house, &store).await && reads(&house, &old));

    house.time.advance(LIFE - Duration::from_secs(1));
    house.engine.maintain_keys().await.unwrap();
    assert!(reads(&house, &old));
    house.time.advance(Duration::from_secs(1));
    house.engine.maintain_keys().await.unwrap();
    assert!(!reads(&house, &old) && in_force(&house, &store).await);
    assert_eq!(house.engine.keys().await.unwrap().get(kid), None);
}

#[tokio::test]
async fn a_key_is_retired_by_its_name() {
    let house = started(&memory()).await;
    let kid = current(&house, Algorithm::Es256);
    let keys = house.engine.retire_key(kid).await.unwrap();
    let KeyState::Retired { at, published_until, .. } = keys.get(kid).unwrap().state else { panic!("{keys:?}") };
    assert!(at >= START && published_until == at + LIFE);
    assert_ne!(current(&house, Algorithm::Es256), kid);
}

#[tokio::test]
async fn what_a_revoked_key_signed_is_refused_from_the_answer_on() {
    let store = memory();
    let house = started(&store).await;
    let other = token(&house, Algorithm::EdDsa);
    let (old, kid) = (token(&house, Algorithm::Es256), current(&house, Algorithm::Es256));
    house.engine.revoke_key(kid).await.unwrap();
    assert!(!reads(&house, &old) && in_force(&house, &store).await);
    assert!(reads(&house, &token(&house, Algorithm::Es256)) && reads(&house, &other));
    let again = started(&store).await;
    assert!(!reads(&again, &old) && reads(&again, &other));
}

#[tokio::test]
async fn a_key_that_nobody_knows_is_an_error_and_changes_nothing() {
    let store = memory();
    let house = started(&store).await;
    let before = store.load(&Key::SigningKeys).await.unwrap();
    let unknown = KeyId::from_random([0; 16]);
    assert!(matches!(house.engine.revoke_key(unknown).await, Err(KeysError::Refused(KeyError::Unknown))));
    assert!(matches!(house.engine.retire_key(unknown).await, Err(KeysError::Refused(KeyError::Unknown))));
    assert_eq!(store.load(&Key::SigningKeys).await.unwrap(), before);
}

/// Two engines over one store, so that commits collide.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_changes_at_once_none_is_lost_and_the_last_is_in_force() {
    let sound = memory();
    let store: Arc<dyn Store> = Faulty::over(Arc::clone(&sound), Weather::CROWDED, 1);
    let houses = [Arc::new(started(&store).await), Arc::new(started(&store).await)];
    let first = current(&houses[0], Algorithm::EdDsa);
    let mut changes = JoinSet::new();
    for n in 0..16 {
        let house = Arc::clone(&houses[n % 2]);
        changes.spawn(async move { house.engine.rotate_key(Algorithm::Es256).await.map(|_| ()) });
    }
    let house = Arc::clone(&houses[0]);
    changes.spawn(async move { house.engine.revoke_key(first).await.map(|_| ()) });
    for outcome in changes.join_all().await {
        outcome.unwrap();
    }
    let keys = sound.signing_keys().await.unwrap().unwrap().record;
    let retired = keys.iter().filter(|key| matches!(key.state, KeyState::Retired { .. })).count();
    assert_eq!((keys.iter().count(), retired), (2 + 16 + 1, 16));
    assert!(matches!(keys.get(first).unwrap().state, KeyState::Revoked { .. }));
    for house in houses {
        house.engine.maintain_keys().await.unwrap();
        assert!(in_force(&house, &sound).await);
    }
}

#[tokio::test]
async fn a_store_that_is_away_says_so_and_the_keys_stay_in_force() {
    let faulty = Faulty::over(memory(), Weather::FAIR, 0);
    let store: Arc<dyn Store> = faulty.clone();
    let house = started(&store).await;
    let token = token(&house, Algorithm::EdDsa);
    faulty.set(Weather::DARK);
    let kid = current(&house, Algorithm::EdDsa);
    assert!(matches!(house.engine.revoke_key(kid).await, Err(KeysError::Unavailable(_))));
    assert!(matches!(house.engine.rotate_key(Algorithm::EdDsa).await, Err(KeysError::Unavailable(_))));
    assert!(matches!(house.engine.maintain_keys().await, Err(KeysError::Unavailable(_))));
    assert!(house.engine.keys().await.is_err());
    assert!(reads(&house, &token) && current(&house, Algorithm::EdDsa) == kid);
}

#[tokio::test]
async fn a_revocation_that_was_written_though_nobody_was_told_is_in_force_after_the_next_look() {
    let faulty = Faulty::over(memory(), Weather::FAIR, 0);
    let store: Arc<dyn Store> = faulty.clone();
    let house = started(&store).await;
    let token = token(&house, Algorithm::EdDsa);
    // The load goes through, the commit's answer is lost.
    faulty.plan(1, Fault::After);
    let answer = house.engine.revoke_key(current(&house, Algorithm::EdDsa)).await;
    assert!(matches!(answer, Err(KeysError::Unavailable(_))), "{answer:?}");
    house.engine.maintain_keys().await.unwrap();
    assert!(!reads(&house, &token) && in_force(&house, &store).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_makes_its_keys_when_it_starts_and_its_housekeeping_drops_old_ones() {
    let gateway = Gateway::with(CONFIG).await;
    let first = gateway.engine.jwks();
    assert_eq!(gateway.engine.keys().await.unwrap().iter().count(), 2);
    gateway.engine.rotate_key(Algorithm::EdDsa).await.unwrap();
    assert_ne!(gateway.engine.jwks(), first);
    let dropped = async {
        while gateway.engine.keys().await.unwrap().iter().count() > 2 {
            gateway.time.advance(LIFE);
            assert_eq!(gateway.send(get("/health")).await.status, 200);
        }
    };
    tokio::time::timeout(Duration::from_secs(20), dropped).await.unwrap();
    gateway.end().await;
}
