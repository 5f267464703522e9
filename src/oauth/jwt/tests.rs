//! What is signed, and what is never taken for it.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{collections::BTreeSet, time::Duration};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, UnparsedPublicKey};
use jiff::Timestamp;
use proptest::prelude::*;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::*;
use crate::oauth::{
    id::ClientId,
    scope::Scopes,
    signing::tests::{first_keys, keyring},
};

const ISSUER: &str = "https://ai.example.com";
const START: Timestamp = Timestamp::constant(1_800_000_000, 0);
const LIFE: Duration = Duration::from_secs(3600);

/// Keys, and a token that each algorithm's key signed.
struct Stand {
    ring: Keyring,
    keys: SigningKeys,
    signing: Signing,
}

impl Stand {
    fn new() -> Self {
        let ring = keyring(&["k1"]);
        let keys = first_keys(&ring);
        let signing = Signing::open(&keys, &ring, ISSUER).unwrap();
        Self { ring, keys, signing }
    }

    fn kid(&self, algorithm: Algorithm) -> KeyId {
        self.signing.current(algorithm).unwrap()
    }

    fn token(&self, algorithm: Algorithm) -> String {
        self.signing.sign(Typ::AccessToken, self.kid(algorithm), &claims()).unwrap().expose_secret().to_owned()
    }

    /// Signs what nobody would, with our own private half.
    fn forge(&self, signer: Algorithm, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", BASE64URL_NOPAD.encode(header.as_bytes()), BASE64URL_NOPAD.encode(claims.as_bytes()));
        let private = &self.signing.keys[&self.kid(signer)].private;
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), private, library(signer)).unwrap();
        format!("{message}.{signature}")
    }

    fn header(&self, algorithm: Algorithm) -> Value {
        json!({ "typ": "at+jwt", "alg": algorithm, "kid": self.kid(algorithm) })
    }
}

fn claims() -> Claims {
    Claims {
        iss: ISSUER.to_owned(),
        sub: "0123".to_owned(),
        aud: vec![ISSUER.to_owned()],
        client_id: ClientId::new("cli"),
        iat: START.as_second(),
        exp: START.as_second() + 3600,
        jti: Jti { grant: GrantId::from_random([7; 16]), number: 3 },
        scope: Scopes::parse("models:read chat").unwrap(),
    }
}

fn claims_json() -> Value {
    serde_json::to_value(claims()).unwrap()
}

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap()
}

#[test]
fn what_was_signed_is_read_back_and_proves_its_issue() {
    let stand = Stand::new();
    for algorithm in Algorithm::ALL {
        let token = stand.token(algorithm);
        let read = stand.signing.read(Typ::AccessToken, &token).unwrap();
        assert_eq!((read.kid(), read.claims()), (stand.kid(algorithm), &claims()));
        assert_eq!((read.grant(), read.proof().number()), (GrantId::from_random([7; 16]), 3));
        assert_eq!(part(&token, 0), stand.header(algorithm));
        assert_eq!(
            part(&token, 1),
            json!({
                "iss": ISSUER, "sub": "0123", "aud": ISSUER, "client_id": "cli", "iat": 1_800_000_000, "exp": 1_800_003_600,
                "jti": "07070707070707070707070707070707.3", "scope": "chat models:read",
            })
        );
    }
}

#[test]
fn one_audience_is_a_text_and_any_other_number_a_list() {
    let stand = Stand::new();
    for (audience, written) in [(vec!["a"], json!("a")), (vec!["a", "b"], json!(["a", "b"])), (vec![], json!([]))] {
        let claims = Claims { aud: audience.into_iter().map(str::to_owned).collect(), ..claims() };
        let token = stand.signing.sign(Typ::AccessToken, stand.kid(Algorithm::EdDsa), &claims).unwrap();
        assert_eq!(part(token.expose_secret(), 1)["aud"], written);
        assert_eq!(stand.signing.read(Typ::AccessToken, token.expose_secret()).unwrap().claims(), &claims);
    }
}

#[test]
fn its_times_are_for_the_grant_to_judge() {
    let stand = Stand::new();
    let long_ago = Claims { iat: 0, exp: 1, ..claims() };
    let token = stand.signing.sign(Typ::AccessToken, stand.kid(Algorithm::Es256), &long_ago).unwrap();
    assert!(stand.signing.read(Typ::AccessToken, token.expose_secret()).is_some());
}

#[test]
fn another_implementation_verifies_it_with_what_is_published() {
    let stand = Stand::new();
    let set: Value = serde_json::from_slice(stand.signing.jwks()).unwrap();
    for algorithm in Algorithm::ALL {
        let token = stand.token(algorithm);
        let (message, signature) = token.rsplit_once('.').unwrap();
        let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
        let kid = part(&token, 0)["kid"].clone();
        let key = set["keys"].as_array().unwrap().iter().find(|key| key["kid"] == kid).unwrap();
        let coordinate = |name: &str| BASE64URL_NOPAD.decode(key[name].as_str().unwrap().as_bytes()).unwrap();
        let verified = match algorithm {
            Algorithm::EdDsa => UnparsedPublicKey::new(&ED25519, coordinate("x")).verify(message.as_bytes(), &signature),
            Algorithm::Es256 => {
                let point = [vec![4], coordinate("x"), coordinate("y")].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message.as_bytes(), &signature)
            }
        };
        assert!(verified.is_ok(), "{algorithm}");
    }
}

#[test]
fn what_is_published_is_the_public_half_and_nothing_else() {
    let stand = Stand::new();
    let set: Value = serde_json::from_slice(stand.signing.jwks()).unwrap();
    assert_eq!(members(&set), ["keys"].into());
    let [ed, ec] = set["keys"].as_array().unwrap().as_slice() else { panic!("{set}") };
    assert_eq!(members(ed), ["kty", "crv", "x", "kid", "alg", "use"].into());
    assert_eq!((&ed["kty"], &ed["crv"], &ed["alg"], &ed["use"]), (&json!("OKP"), &json!("Ed25519"), &json!("EdDSA"), &json!("sig")));
    assert_eq!(members(ec), ["kty", "crv", "x", "y", "kid", "alg", "use"].into());
    assert_eq!((&ec["kty"], &ec["crv"], &ec["alg"], &ec["use"]), (&json!("EC"), &json!("P-256"), &json!("ES256"), &json!("sig")));
}

fn members(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn a_header_that_is_not_ours_to_the_letter_is_refused_though_we_signed_it() {
    let stand = Stand::new();
    for signer in Algorithm::ALL {
        let other = Algorithm::ALL.into_iter().find(|algorithm| *algorithm != signer).unwrap();
        let ours = stand.header(signer);
        let with = |name: &str, value: Value| {
            let mut header = ours.clone();
            header[name] = value;
            header.to_string()
        };
        let without = |name: &str| {
            let mut header = ours.clone();
            header.as_object_mut().unwrap().remove(name);
            header.to_string()
        };
        let set: Value = serde_json::from_slice(stand.signing.jwks()).unwrap();
        let twice = ours.to_string().replacen('{', &format!(r#"{{"kid":"{}","#, stand.kid(signer)), 1);
        let hostile = [
            with("alg", json!("none")),
            with("alg", json!("None")),
            with("alg", json!("HS256")),
            with("alg", json!("RS256")),
            with("alg", json!(other)),
            with("alg", json!([signer])),
            with("kid", json!(stand.kid(other))),
            with("kid", json!(KeyId::from_random([0; 16]))),
            with("kid", json!("../../key")),
            with("kid", Value::Null),
            with("typ", json!("JWT")),
            with("typ", json!("serble-rt+jwt")),
            with("typ", json!("at+jwt ")),
            with("typ", json!("text/at+jwt")),
            with("typ", json!("application/application/at+jwt")),
            with("jwk", set["keys"][0].clone()),
            with("jku", json!("https://evil.example/jwks.json")),
            with("x5u", json!("https://evil.example/cert.pem")),
            with("x5c", json!(["AAAA"])),
            with("crit", json!(["exp"])),
            with("b64", json!(false)),
            with("cty", json!("JWT")),
            with("zip", json!("DEF")),
            without("alg"),
            without("kid"),
            without("typ"),
            twice,
            "[]".to_owned(),
            "null".to_owned(),
            String::new(),
        ];
        for header in hostile {
            assert!(stand.signing.read(Typ::AccessToken, &stand.forge(signer, &header, &claims_json().to_string())).is_none(), "{header}");
        }
        for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
            let header = with("typ", json!(typ));
            assert!(stand.signing.read(Typ::AccessToken, &stand.forge(signer, &header, &claims_json().to_string())).is_some(), "{header}");
        }
    }
}

#[test]
fn a_public_half_used_as_a_shared_secret_signs_nothing() {
    let stand = Stand::new();
    for algorithm in Algorithm::ALL {
        let public = stand.keys.signing(algorithm).unwrap().public.clone();
        let header = json!({ "typ": "at+jwt", "alg": "HS256", "kid": stand.kid(algorithm) });
        let [header, claims] = [header, claims_json()].map(|part| BASE64URL_NOPAD.encode(part.to_string().as_bytes()));
        let message = format!("{header}.{claims}");
        let secret = EncodingKey::from_secret(&public);
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &secret, jsonwebtoken::Algorithm::HS256).unwrap();
        for signature in [signature.as_str(), ""] {
            assert!(stand.signing.read(Typ::AccessToken, &format!("{message}.{signature}")).is_none());
        }
    }
}

#[test]
fn claims_that_are_not_an_access_tokens_of_this_issuer_are_refused_though_we_signed_them() {
    let stand = Stand::new();
    let header = stand.header(Algorithm::EdDsa).to_string();
    let read =
        |claims: &Value| stand.signing.read(Typ::AccessToken, &stand.forge(Algorithm::EdDsa, &header, &claims.to_string())).is_some();
    assert!(read(&claims_json()));
    let hostile = [
        ("iss", json!("https://ai.example.com/")),
        ("iss", json!("https://evil.example")),
        ("iss", json!([ISSUER])),
        ("jti", json!("07070707070707070707070707070707.03")),
        ("jti", json!("07070707070707070707070707070707.+3")),
        ("jti", json!("07070707070707070707070707070707.4294967296")),
        ("jti", json!("07070707070707070707070707070707")),
        ("jti", json!("0707.3")),
        ("exp", json!("1800003600")),
        ("aud", json!(7)),
        ("scope", json!(["chat"])),
    ];
    for (name, value) in hostile {
        let mut claims = claims_json();
        claims[name] = value;
        assert!(!read(&claims), "{claims}");
    }
    for name in ["iss", "sub", "aud", "client_id", "iat", "exp", "jti"] {
        let mut claims = claims_json();
        claims.as_object_mut().unwrap().remove(name);
        assert!(!read(&claims), "without {name}");
    }
}

#[test]
fn a_token_of_a_retired_key_is_read_until_the_key_is_dropped_and_one_of_a_revoked_key_never() {
    let stand = Stand::new();
    for algorithm in Algorithm::ALL {
        let (token, kid) = (stand.token(algorithm), stand.kid(algorithm));
        let after = |keys: &SigningKeys| Signing::open(keys, &stand.ring, ISSUER).unwrap();

        let mut keys = stand.keys.clone();
        keys.retire(kid, &stand.ring, START, LIFE).unwrap();
        let retired = after(&keys);
        assert!(retired.read(Typ::AccessToken, &token).is_some() && retired.jwks().len() > stand.signing.jwks().len());
        assert_ne!(retired.current(algorithm), Some(kid));
        assert!(retired.sign(Typ::AccessToken, kid, &claims()).is_ok(), "the same answer again");
        keys.ensure(&stand.ring, START + LIFE).unwrap();
        assert!(after(&keys).read(Typ::AccessToken, &token).is_none());

        let mut keys = stand.keys.clone();
        keys.revoke(kid, &stand.ring, START).unwrap();
        let revoked = after(&keys);
        assert!(revoked.read(Typ::AccessToken, &token).is_none());
        assert!(matches!(revoked.sign(Typ::AccessToken, kid, &claims()), Err(SignError::NoKey(id)) if id == kid));
        assert!(!String::from_utf8_lossy(revoked.jwks()).contains(&kid.to_string()));
        assert!(revoked.sign(Typ::AccessToken, revoked.current(algorithm).unwrap(), &claims()).is_ok());
    }
}

#[test]
fn a_token_of_other_keys_or_another_issuer_is_refused() {
    let (stand, stranger) = (Stand::new(), Stand::new());
    let elsewhere = Signing::open(&stand.keys, &stand.ring, "https://other.example.com").unwrap();
    for algorithm in Algorithm::ALL {
        let token = stand.token(algorithm);
        assert!(stranger.signing.read(Typ::AccessToken, &token).is_none() && elsewhere.read(Typ::AccessToken, &token).is_none());
        assert!(Signing::none(ISSUER.to_owned()).read(Typ::AccessToken, &token).is_none());
        // The stranger's signature under our key's name.
        let header = stand.header(algorithm).to_string();
        assert!(stand.signing.read(Typ::AccessToken, &stranger.forge(algorithm, &header, &claims_json().to_string())).is_none());
    }
}

#[test]
fn a_token_that_is_too_long_is_neither_made_nor_looked_at() {
    let stand = Stand::new();
    let kid = stand.kid(Algorithm::EdDsa);
    let long = |bytes: usize| Claims { sub: "x".repeat(bytes), ..claims() };
    let header = stand.header(Algorithm::EdDsa).to_string();
    let forged = |claims: &Claims| stand.forge(Algorithm::EdDsa, &header, &serde_json::to_string(claims).unwrap());
    let about = (MAX_BYTES - forged(&long(0)).len()) / 4 * 3;
    let most = (about..about + 8).rev().find(|bytes| forged(&long(*bytes)).len() <= MAX_BYTES).unwrap();
    assert!(
        stand.signing.read(Typ::AccessToken, stand.signing.sign(Typ::AccessToken, kid, &long(most)).unwrap().expose_secret()).is_some()
    );
    assert!(matches!(stand.signing.sign(Typ::AccessToken, kid, &long(most + 1)), Err(SignError::TooLong)));
    assert!(stand.signing.read(Typ::AccessToken, &forged(&long(most + 1))).is_none());
}

#[test]
fn nothing_private_shows_in_debug() {
    let stand = Stand::new();
    let shown = format!("{:?} {:?}", stand.signing, stand.signing.read(Typ::AccessToken, &stand.token(Algorithm::EdDsa)));
    assert!(shown.contains(&stand.kid(Algorithm::EdDsa).to_string()), "{shown}");
    for key in stand.keys.iter() {
        let private = key.open(&stand.ring).unwrap().private;
        let list = format!("{:?}", &private[40..46]);
        assert!(!shown.contains(list.trim_matches(['[', ']'])), "{shown}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_token_changed_anywhere_is_none_of_ours(place in 0.0..1.0f64, to in "[A-Za-z0-9_.=~-]", es256 in any::<bool>()) {
        let stand = Stand::new();
        let token = stand.token(Algorithm::ALL[usize::from(es256)]);
        let at = (place * token.len() as f64) as usize;
        let mut changed = token.clone();
        changed.replace_range(at..=at, &to);
        prop_assert_eq!(stand.signing.read(Typ::AccessToken, &changed).is_some(), changed == token);
    }

    #[test]
    fn a_token_cut_short_or_drawn_out_is_none_of_ours(place in 0.0..1.0f64, more in "[A-Za-z0-9_.=-]{1,4}", es256 in any::<bool>()) {
        let stand = Stand::new();
        let token = stand.token(Algorithm::ALL[usize::from(es256)]);
        let at = (place * token.len() as f64) as usize;
        let (start, end) = token.split_at(at);
        for changed in [start.to_owned(), token.clone() + &more, [start, &more, end].concat()] {
            prop_assert!(stand.signing.read(Typ::AccessToken, &changed).is_none());
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,200}", dots in "[.a-zA-Z0-9_=-]{0,200}") {
        let stand = Stand::new();
        prop_assert!(stand.signing.read(Typ::AccessToken, &text).is_none() && stand.signing.read(Typ::AccessToken, &dots).is_none());
    }

    #[test]
    fn a_jti_has_one_spelling(bytes in any::<[u8; 16]>(), number in any::<u32>(), text in "[0-9a-f]{30,34}[.+ ]{0,2}[0-9]{0,11}") {
        let jti = Jti { grant: GrantId::from_random(bytes), number };
        prop_assert_eq!(Jti::parse(&jti.to_string()), Some(jti));
        prop_assert!(Jti::parse(&text).is_none_or(|read| read.to_string() == text));
    }
}
