//! Serble's tokens over a store: JWTs that say what they are for, and a refresh token that is as good
//! for the last access token as for the first.

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use gatepost::{
    engine::Error,
    oauth::{
        id::{ClientId, GrantId},
        jwt::{Claims, Jti, Signing, Typ},
        refusal::ErrorCode,
        signing::{Algorithm, KeyId, KeyState},
    },
    verify::Denied,
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::logins::{
    CODE_LIFE, DAY, HOUR, Jwts, TEN_YEARS, authorized, client, is_revoked, opens, redeem, refused, renew, renew_as, signing, token_endpoint,
};
use crate::support::{
    crowd::at_once,
    house::{CLIENT, House, ISSUER, STRANGER, USER, keyring},
    records::{START, scopes, user, user_id, user_name},
};

const SECOND: Duration = Duration::from_secs(1);

async fn house() -> House {
    signing(House::new().await).await
}

/// An app that has its first tokens.
async fn let_in(house: &House) -> (GrantId, Jwts) {
    let (grant, code) = authorized(house, &user(USER)).await;
    (grant, redeem(house, &code, None).await.unwrap())
}

fn part(token: &str, index: usize) -> Value {
    serde_json::from_slice(&BASE64URL_NOPAD.decode(token.split('.').nth(index).unwrap().as_bytes()).unwrap()).unwrap()
}

fn current(house: &House) -> KeyId {
    house.verifier.signing().load().current(Algorithm::EdDsa).unwrap()
}

/// What nobody but the gateway could have signed.
fn signed(house: &House, typ: Typ, kid: KeyId, grant: GrantId, number: u32) -> String {
    let claims = Claims {
        iss: ISSUER.to_owned(),
        sub: user_id(USER).to_string(),
        aud: vec![ISSUER.to_owned()],
        client_id: ClientId::new(CLIENT),
        iat: START.as_second(),
        exp: START.as_second() + 3600,
        jti: Jti { grant, number },
        scope: scopes(),
    };
    house.verifier.signing().load().sign(typ, kid, &claims).unwrap().expose_secret().to_owned()
}

#[tokio::test]
async fn both_tokens_say_what_they_are_for_and_nothing_of_the_user_but_the_id() {
    let house = house().await;
    let (grant, given) = let_in(&house).await;
    let (refresh, now) = (given.refresh.unwrap(), house.time.clock().now().as_second());
    let kid = current(&house);
    assert_eq!(part(&given.access, 0), json!({ "typ": "at+jwt", "alg": "EdDSA", "kid": kid }));
    assert_eq!(part(&refresh, 0), json!({ "typ": "serble-rt+jwt", "alg": "EdDSA", "kid": kid }));
    let claims = |aud: &str, life: Duration| {
        json!({
            "iss": ISSUER, "sub": user_id(USER), "aud": aud, "client_id": CLIENT, "iat": now,
            "exp": now + life.as_secs() as i64, "jti": format!("{grant}.1"), "scope": "chat models:read",
        })
    };
    assert_eq!(part(&given.access, 1), claims(ISSUER, HOUR));
    assert_eq!(part(&refresh, 1), claims(&token_endpoint(), TEN_YEARS));
    assert_eq!((given.expires_in, given.scopes), (3600, scopes()));
}

#[tokio::test]
async fn an_access_token_is_no_refresh_token_and_a_refresh_token_opens_nothing() {
    let house = house().await;
    let (grant, given) = let_in(&house).await;
    let (kid, refresh) = (current(&house), given.refresh.unwrap());
    assert!(opens(&house, &given.access).await);
    renew(&house, &refresh).await.unwrap();

    assert!(matches!(house.show(&refresh).await, Err(Denied::Unknown)));
    assert_eq!(refused(&renew(&house, &given.access).await), Some(ErrorCode::InvalidGrant));
    // Nor where everything but the type is right.
    assert!(house.show(&signed(&house, Typ::AccessToken, kid, grant, 1)).await.is_ok());
    assert!(matches!(house.show(&signed(&house, Typ::RefreshToken, kid, grant, 1)).await, Err(Denied::Unknown)));
    renew(&house, &signed(&house, Typ::RefreshToken, kid, grant, 1)).await.unwrap();
    assert_eq!(refused(&renew(&house, &signed(&house, Typ::AccessToken, kid, grant, 1)).await), Some(ErrorCode::InvalidGrant));
    // It is not to be given back as an access token either.
    assert_eq!(house.engine.revoke_token(&client(CLIENT), &refresh).await.unwrap(), None);
    renew(&house, &refresh).await.unwrap();
}

#[tokio::test]
async fn a_type_is_never_read_for_another() {
    let house = house().await;
    let (_, given) = let_in(&house).await;
    let refresh = given.refresh.unwrap();
    let signing = house.verifier.signing().load();
    assert!(signing.read(Typ::RefreshToken, &refresh).is_some() && signing.read(Typ::AccessToken, &refresh).is_none());
    assert!(signing.read(Typ::AccessToken, &given.access).is_some() && signing.read(Typ::RefreshToken, &given.access).is_none());
    // A header that was exchanged breaks the signature.
    let swapped = |from: &str, to: &str| [to.split('.').next().unwrap(), from.split_once('.').unwrap().1].join(".");
    assert!(signing.read(Typ::AccessToken, &swapped(&refresh, &given.access)).is_none());
    assert!(signing.read(Typ::RefreshToken, &swapped(&given.access, &refresh)).is_none());
}

#[tokio::test]
async fn a_refresh_token_of_another_issuer_or_key_or_number_is_unknown() {
    let house = house().await;
    let (grant, given) = let_in(&house).await;
    let refresh = given.refresh.unwrap();
    let stored = house.engine.keys().await.unwrap();
    let elsewhere = Signing::open(&stored, &keyring(), "https://other.example.com").unwrap();
    let mine = house.verifier.signing().load().read(Typ::RefreshToken, &refresh).unwrap().claims().clone();
    let kid = current(&house);
    let theirs = Claims { iss: "https://other.example.com".to_owned(), ..mine.clone() };
    let theirs = elsewhere.sign(Typ::RefreshToken, kid, &theirs).unwrap();
    let es256 = house.verifier.signing().load().current(Algorithm::Es256).unwrap();
    let stranger = signing(House::new().await).await;
    for (why, token) in [
        ("another issuer's", theirs.expose_secret().to_owned()),
        ("another key of ours", signed(&house, Typ::RefreshToken, es256, grant, 1)),
        ("another gateway's key", signed(&stranger, Typ::RefreshToken, current(&stranger), grant, 1)),
        ("another number", signed(&house, Typ::RefreshToken, kid, grant, 2)),
        ("number 0", signed(&house, Typ::RefreshToken, kid, grant, 0)),
        ("another grant", signed(&house, Typ::RefreshToken, kid, GrantId::from_random([1; 16]), 1)),
        ("nothing", String::new()),
        ("cut short", refresh[..refresh.len() - 1].to_owned()),
    ] {
        assert_eq!(refused(&renew(&house, &token).await), Some(ErrorCode::InvalidGrant), "{why}");
    }
    assert_eq!(refused(&renew_as(&house, STRANGER, &refresh).await), Some(ErrorCode::InvalidGrant));
    assert_eq!(renew(&house, &refresh).await.unwrap().access, given.access, "none of them ended it");
}

#[tokio::test]
async fn a_renewal_says_nothing_of_the_refresh_token_and_tells_what_is_left_of_the_access_token() {
    let house = house().await;
    let (_, given) = let_in(&house).await;
    let refresh = given.refresh.clone().unwrap();
    for (passed, left) in [(Duration::ZERO, 3600), (SECOND, 3599), (HOUR / 2 - 2 * SECOND, 1801)] {
        house.pass(passed);
        let again = renew(&house, &refresh).await.unwrap();
        assert_eq!((again.access, again.refresh, again.expires_in), (given.access.clone(), None, left));
    }
    house.pass(SECOND);
    let next = renew(&house, &refresh).await.unwrap();
    assert_eq!((next.refresh.clone(), next.expires_in, next.scopes.clone()), (None, 3600, scopes()));
    assert_ne!(next.access, given.access);
    assert!(opens(&house, &given.access).await && opens(&house, &next.access).await);
    house.pass(HOUR / 2);
    assert!(!opens(&house, &given.access).await && opens(&house, &next.access).await);
}

#[tokio::test]
async fn a_refresh_token_outlives_the_retirement_of_its_key_by_all_of_its_life() {
    let house = house().await;
    let (_, given) = let_in(&house).await;
    let (refresh, kid) = (given.refresh.unwrap(), current(&house));
    let keys = house.engine.rotate_key(Algorithm::EdDsa).await.unwrap();
    let KeyState::Retired { published_until, .. } = keys.get(kid).unwrap().state else { panic!("{keys:?}") };
    assert!(published_until >= START + TEN_YEARS, "{published_until}");
    // The next access token is the new key's at once; the refresh token is still good.
    let next = renew(&house, &refresh).await.unwrap();
    assert_eq!(part(&next.access, 0)["kid"], json!(current(&house)));
    for passed in [365 * DAY, TEN_YEARS - 365 * DAY - SECOND] {
        house.pass(passed);
        house.engine.maintain_keys().await.unwrap();
        assert!(opens(&house, &renew(&house, &refresh).await.unwrap().access).await);
    }
    house.pass(SECOND);
    house.engine.maintain_keys().await.unwrap();
    assert_eq!(refused(&renew(&house, &refresh).await), Some(ErrorCode::InvalidGrant));
}

#[tokio::test]
async fn a_key_that_is_revoked_takes_its_refresh_tokens_along_and_no_access_token_of_another_key() {
    let house = house().await;
    let (_, given) = let_in(&house).await;
    let (refresh, kid) = (given.refresh.unwrap(), current(&house));
    house.engine.retire_key(kid).await.unwrap();
    let next = renew(&house, &refresh).await.unwrap();
    house.engine.revoke_key(kid).await.unwrap();
    assert_eq!(refused(&renew(&house, &refresh).await), Some(ErrorCode::InvalidGrant));
    assert!(matches!(house.show(&given.access).await, Err(Denied::Unknown)));
    assert!(opens(&house, &next.access).await);
}

#[tokio::test]
async fn who_is_refused_is_told_whether_the_user_is_gone_or_took_it_back() {
    let house = house().await;
    let (grant, given) = let_in(&house).await;
    let refresh = given.refresh.unwrap();
    let (_, code) = authorized(&house, &user(USER)).await;
    let (_, unused) = authorized(&house, &user(USER)).await;
    let both = async |word: Option<ErrorCode>| {
        assert_eq!((refused(&renew(&house, &refresh).await), refused(&redeem(&house, &code, None).await)), (word, word));
    };
    change(&house, |user| user.enabled = false).await;
    both(Some(ErrorCode::UserGone)).await;
    change(&house, |user| user.enabled = true).await;
    renew(&house, &refresh).await.unwrap();
    change(&house, |user| user.generation += 1).await;
    both(Some(ErrorCode::TakenBack)).await;
    assert!(is_revoked(&house.show(&given.access).await));
    change(&house, |user| user.generation -= 1).await;
    house.revoke(grant).await.unwrap();
    assert_eq!(refused(&renew(&house, &refresh).await), Some(ErrorCode::TakenBack));
    assert!(is_revoked(&house.show(&given.access).await));
    // The code that nobody has come for works as before, and once.
    redeem(&house, &unused, None).await.unwrap();
    assert_eq!(refused(&redeem(&house, &unused, None).await), Some(ErrorCode::InvalidGrant));
}

/// Something becomes of the user.
async fn change(house: &House, change: impl Fn(&mut gatepost::oauth::user::User)) {
    let mut user = house.engine.user(user_id(USER)).await.unwrap().unwrap();
    change(&mut user);
    crate::support::house::put_user(house.store.as_ref(), &user).await;
    assert_eq!(user.name, user_name(USER));
}

#[tokio::test]
async fn a_code_that_comes_again_takes_back_what_was_renewed_since() {
    let house = house().await;
    let (_, code) = authorized(&house, &user(USER)).await;
    let given = redeem(&house, &code, None).await.unwrap();
    let refresh = given.refresh.unwrap();
    house.pass(CODE_LIFE - SECOND);
    renew(&house, &refresh).await.unwrap();
    house.pass(HOUR);
    let next = renew(&house, &refresh).await.unwrap();
    assert_eq!(
        refused(&redeem(&house, &code, Some("a-verifier-that-proves-nothing-since-none-was-wanted")).await),
        Some(ErrorCode::InvalidGrant)
    );
    assert!(opens(&house, &next.access).await);
    assert_eq!(refused(&redeem(&house, &code, None).await), Some(ErrorCode::InvalidGrant));
    assert!(is_revoked(&house.show(&next.access).await));
    assert_eq!(refused(&renew(&house, &refresh).await), Some(ErrorCode::TakenBack));
}

#[tokio::test]
async fn a_verifier_that_nobody_asked_for_ends_the_code() {
    let house = house().await;
    let (_, code) = authorized(&house, &user(USER)).await;
    assert_eq!(refused(&redeem(&house, &code, Some(crate::support::redirect::VERIFIER)).await), Some(ErrorCode::InvalidGrant));
    assert_eq!(refused(&redeem(&house, &code, None).await), Some(ErrorCode::InvalidGrant));
}

#[tokio::test]
async fn sixty_four_renewals_at_once_are_one() {
    let house = house().await;
    let (_, given) = let_in(&house).await;
    let refresh = given.refresh.unwrap();
    house.pass(HOUR);
    let answers = at_once((0..64).map(|_| renew(&house, &refresh))).await;
    let mut access: Vec<String> = answers.into_iter().map(|answer: Result<Jwts, Error>| answer.unwrap().access).collect();
    access.dedup();
    assert_eq!(access.len(), 1);
    assert!(opens(&house, &access[0]).await);
}
