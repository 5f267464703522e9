//! What may happen to signing keys, and what the record gives away.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;

use data_encoding::{BASE64, BASE64_NOPAD, HEXLOWER};
use proptest::prelude::*;
use secrecy::SecretString;
use serde_json::Value;

use super::*;
use crate::oauth::secret::RootId;

const START: Timestamp = Timestamp::constant(1_800_000_000, 0);
const LIFE: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A keyring of roots by these names, each with a secret of its own; the first mints.
pub(in crate::oauth) fn keyring(roots: &[&str]) -> Keyring {
    let root = |id: &&str| (RootId::parse(id).unwrap(), SecretString::from(id.repeat(16)));
    Keyring::new(&roots.iter().map(root).collect::<Vec<_>>()).unwrap()
}

/// As they are after the first start.
pub(in crate::oauth) fn first_keys(keyring: &Keyring) -> SigningKeys {
    let mut keys = SigningKeys::default();
    assert_eq!(keys.ensure(keyring, START), Ok(Vec::new()));
    keys
}

/// What an Ed25519 or a P-256 key keeps to itself: the 32 bytes of its PKCS#8 document.
fn secret_of(key: &SigningKey, keyring: &Keyring) -> Vec<u8> {
    let pair = key.open(keyring).unwrap();
    let at = match key.algorithm {
        Algorithm::EdDsa => 16,
        Algorithm::Es256 => 36,
    };
    assert_eq!(pair.private[at - 2..at], [0x04, 0x20], "an octet string of 32 bytes");
    pair.private[at..at + 32].to_vec()
}

#[test]
fn each_algorithm_has_one_key_that_signs_from_the_start_and_looking_again_changes_nothing() {
    let ring = keyring(&["k1"]);
    let keys = first_keys(&ring);
    assert_eq!(keys.iter().count(), Algorithm::ALL.len());
    for algorithm in Algorithm::ALL {
        assert!(keys.signing(algorithm).unwrap().open(&ring).is_some());
    }
    let mut again = keys.clone();
    assert_eq!(again.ensure(&ring, START + DAY), Ok(Vec::new()));
    assert_eq!(again, keys);
    assert_ne!(first_keys(&ring), keys);
}

#[test]
fn a_key_that_was_replaced_stays_published_until_its_last_token_has_expired() {
    let ring = keyring(&["k1"]);
    let mut keys = first_keys(&ring);
    let old = keys.signing(Algorithm::EdDsa).unwrap().id;
    let other = keys.signing(Algorithm::Es256).unwrap().id;
    keys.rotate(Algorithm::EdDsa, &ring, START + DAY, LIFE).unwrap();
    assert_ne!(keys.signing(Algorithm::EdDsa).unwrap().id, old);
    assert_eq!(keys.signing(Algorithm::Es256).unwrap().id, other);
    assert!(!keys.get(old).unwrap().is_signing());

    let last = START + DAY + LIFE;
    keys.ensure(&ring, last - Duration::from_nanos(1)).unwrap();
    assert!(keys.get(old).unwrap().open(&ring).is_some());
    keys.ensure(&ring, last).unwrap();
    assert_eq!(keys.get(old), None);
    assert_eq!(keys.iter().count(), 2);
}

#[test]
fn retiring_the_key_that_signs_puts_another_in_its_place_and_retiring_it_again_changes_nothing() {
    let ring = keyring(&["k1"]);
    let mut keys = first_keys(&ring);
    let old = keys.signing(Algorithm::Es256).unwrap().id;
    keys.retire(old, &ring, START, LIFE).unwrap();
    assert_ne!(keys.signing(Algorithm::Es256).unwrap().id, old);
    let retired = keys.clone();
    keys.retire(old, &ring, START + LIFE, LIFE).unwrap();
    assert_eq!(keys, retired);
}

#[test]
fn a_key_that_is_revoked_is_replaced_at_once_and_its_private_half_is_gone() {
    let ring = keyring(&["k1"]);
    let mut keys = first_keys(&ring);
    let id = keys.signing(Algorithm::EdDsa).unwrap().id;
    keys.revoke(id, &ring, START).unwrap();
    assert_eq!(keys.get(id).unwrap().state, KeyState::Revoked { at: START });
    assert!(keys.signing(Algorithm::EdDsa).is_some());
    let revoked = keys.clone();
    keys.revoke(id, &ring, START + DAY).unwrap();
    keys.retire(id, &ring, START + DAY, LIFE).unwrap();
    assert_eq!(keys, revoked);

    keys.ensure(&ring, START + REMEMBER_REVOKED - Duration::from_nanos(1)).unwrap();
    assert!(keys.get(id).is_some());
    keys.ensure(&ring, START + REMEMBER_REVOKED).unwrap();
    assert_eq!(keys.get(id), None);
}

#[test]
fn a_key_that_nobody_knows_can_be_neither_retired_nor_revoked() {
    let ring = keyring(&["k1"]);
    let mut keys = first_keys(&ring);
    let before = keys.clone();
    let unknown = KeyId::from_random([0; 16]);
    assert_eq!(keys.retire(unknown, &ring, START, LIFE), Err(KeyError::Unknown));
    assert_eq!(keys.revoke(unknown, &ring, START), Err(KeyError::Unknown));
    assert_eq!(keys, before);
}

#[test]
fn keys_survive_a_change_of_roots_once_both_were_there() {
    let (old, both, new) = (keyring(&["k1"]), keyring(&["k2", "k1"]), keyring(&["k2"]));
    let mut keys = first_keys(&old);
    keys.rotate(Algorithm::EdDsa, &old, START, LIFE).unwrap();
    let ids: Vec<KeyId> = keys.iter().map(|key| key.id).collect();
    assert!(keys.iter().all(|key| key.open(&new).is_none()));
    assert_eq!(keys.ensure(&both, START), Ok(Vec::new()));
    assert!(keys.iter().all(|key| key.open(&new).is_some() && key.open(&old).is_none()));
    assert_eq!(keys.iter().map(|key| key.id).collect::<Vec<_>>(), ids);
}

#[test]
fn a_key_whose_root_was_dropped_is_revoked_and_replaced() {
    let (old, new) = (keyring(&["k1"]), keyring(&["k2"]));
    let mut keys = first_keys(&old);
    let ids: Vec<KeyId> = keys.iter().map(|key| key.id).collect();
    assert_eq!(keys.ensure(&new, START), Ok(ids.clone()));
    assert!(ids.iter().all(|id| matches!(keys.get(*id).unwrap().state, KeyState::Revoked { .. })));
    assert!(Algorithm::ALL.iter().all(|algorithm| keys.signing(*algorithm).unwrap().open(&new).is_some()));
}

#[test]
fn a_public_half_that_was_put_in_anothers_place_opens_nothing() {
    let ring = keyring(&["k1"]);
    let mut keys = first_keys(&ring);
    let stranger = first_keys(&ring);
    keys.0[0].public = stranger.0[0].public.clone();
    assert!(keys.0[0].open(&ring).is_none() && keys.0[1].open(&ring).is_some());
}

#[test]
fn the_record_and_its_debug_hold_no_private_half() {
    let ring = keyring(&["k1"]);
    let mut keys = first_keys(&ring);
    keys.rotate(Algorithm::EdDsa, &ring, START, LIFE).unwrap();
    keys.rotate(Algorithm::Es256, &ring, START, LIFE).unwrap();
    let record = serde_json::to_string(&keys).unwrap();
    let debug = format!("{keys:?}");
    let mut decoded = Vec::new();
    each_text(&serde_json::from_str(&record).unwrap(), &mut |text| decoded.extend(BASE64.decode(text.as_bytes())));
    assert!(decoded.len() >= 8, "public and sealed halves");
    for key in keys.iter() {
        let secret = secret_of(key, &ring);
        let bare: Vec<&Vec<u8>> = decoded.iter().filter(|bytes| bytes.windows(8).any(|part| part == &secret[8..16])).collect();
        assert!(bare.is_empty(), "{bare:?}");
        let list = format!("{:?}", &secret[8..16]);
        for written in [HEXLOWER.encode(&secret[8..16]), BASE64_NOPAD.encode(&secret[9..18]), list.trim_matches(['[', ']']).to_owned()] {
            assert!(!record.contains(&written) && !debug.contains(&written), "{written}");
        }
    }
    // What is looked for is found where it is.
    let public = &keys.0[0].public;
    assert!(decoded.contains(public) && debug.contains(format!("{:?}", &public[8..16]).trim_matches(['[', ']'])));
}

fn each_text(value: &Value, look: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => look(text),
        Value::Array(items) => items.iter().for_each(|item| each_text(item, look)),
        Value::Object(members) => members.values().for_each(|member| each_text(member, look)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[test]
fn names_in_records_are_those_of_the_wire() {
    let written = |value: Value| value.to_string();
    assert_eq!(written(serde_json::to_value(Algorithm::ALL).unwrap()), r#"["EdDSA","ES256"]"#);
    for algorithm in Algorithm::ALL {
        assert_eq!(serde_json::to_value(algorithm).unwrap(), Value::from(algorithm.as_str()));
    }
    let formats = [TokenFormat::default(), TokenFormat::Jwt(Algorithm::Es256)];
    assert_eq!(written(serde_json::to_value(formats).unwrap()), r#"["opaque",{"jwt":"ES256"}]"#);
}

/// Something that an operator does, to the key of that number where one is meant.
#[derive(Clone, Copy, Debug)]
enum Act {
    Rotate(Algorithm),
    Retire(usize),
    Revoke(usize),
    Ensure,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        prop_oneof![Just(Algorithm::EdDsa), Just(Algorithm::Es256)].prop_map(Act::Rotate),
        (0..8usize).prop_map(Act::Retire),
        (0..8usize).prop_map(Act::Revoke),
        Just(Act::Ensure),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_done_one_key_an_algorithm_signs_and_a_revoked_one_stays_so(
        acts in prop::collection::vec((act(), 0..7200u64), 1..20)
    ) {
        let ring = keyring(&["k1"]);
        let mut keys = first_keys(&ring);
        let mut revoked = BTreeSet::new();
        let mut now = START;
        for (act, seconds) in acts {
            now += Duration::from_secs(seconds);
            let nth = |n: usize| keys.0[n % keys.0.len()].id;
            match act {
                Act::Rotate(algorithm) => keys.rotate(algorithm, &ring, now, LIFE).unwrap(),
                Act::Retire(n) => keys.retire(nth(n), &ring, now, LIFE).unwrap(),
                Act::Revoke(n) => {
                    revoked.insert(nth(n));
                    keys.revoke(nth(n), &ring, now).unwrap();
                }
                Act::Ensure => prop_assert_eq!(keys.ensure(&ring, now), Ok(Vec::new())),
            }
            for algorithm in Algorithm::ALL {
                prop_assert_eq!(keys.iter().filter(|key| key.algorithm == algorithm && key.is_signing()).count(), 1);
            }
            for key in keys.iter() {
                prop_assert_eq!(key.open(&ring).is_none(), revoked.contains(&key.id));
            }
            let ids: BTreeSet<KeyId> = keys.iter().map(|key| key.id).collect();
            prop_assert_eq!(ids.len(), keys.0.len());
        }
    }
}
