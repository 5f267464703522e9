//! Records come back as they were written, and what cannot be read is never guessed at.

use gatepost::store::{
    Change, Expect, Key, Open, Record,
    record::{FORMAT, Roots},
};

use crate::support::{
    records::{grant_id, grants_in_every_state, pending_grant, roots, session, session_id, signing_keys, user, user_id, user_name},
    stores::{Stand, on_every_store},
};

on_every_store!(
    every_kind_of_record_is_read_back_as_it_was_written,
    the_typed_readers_follow_their_pointers,
    a_record_of_another_kind_under_a_key_is_unavailable_and_not_absent,
    what_nobody_wrote_is_absent,
);

fn samples() -> Vec<(Key, Record)> {
    let mut samples = vec![
        (Key::User(user_id(1)), Record::User(Box::new(user(1)))),
        (Key::Session(session_id(1)), Record::Session(session(1))),
        (Key::UserCode([1; 16]), Record::ToGrant(grant_id(1))),
        (Key::Ask([1; 16]), Record::ToGrant(grant_id(2))),
        (Key::Open(user_id(1)), Record::Open(Open(vec![grant_id(1), grant_id(2)]))),
        (Key::UserName(user_name(1)), Record::ToUser(user_id(1))),
        (Key::Roots, Record::Roots(roots())),
        (Key::SigningKeys, Record::SigningKeys(signing_keys())),
    ];
    let grants = (10..).zip(grants_in_every_state(1));
    samples.extend(grants.map(|(n, grant)| (Key::Grant(grant_id(n)), Record::Grant(Box::new(grant)))));
    samples
}

fn put(key: Key, record: Record) -> Change {
    Change::Put { key, expect: Expect::Absent, record, until: None }
}

async fn every_kind_of_record_is_read_back_as_it_was_written(on: &Stand) {
    on.store.commit(samples().into_iter().map(|(key, record)| put(key, record)).collect()).await.unwrap();
    for (key, record) in samples() {
        assert_eq!(on.store.load(&key).await.unwrap().map(|loaded| loaded.record), Some(record), "{key:?}");
    }
}

async fn the_typed_readers_follow_their_pointers(on: &Stand) {
    on.store.commit(samples().into_iter().map(|(key, record)| put(key, record)).collect()).await.unwrap();
    let store = &on.store;
    assert_eq!(store.grant(grant_id(10)).await.unwrap().unwrap().record, pending_grant(1));
    assert_eq!(store.user(user_id(1)).await.unwrap().unwrap().record, user(1));
    assert_eq!(store.user_named(&user_name(1)).await.unwrap().unwrap().record, user(1));
    assert_eq!(store.session(session_id(1)).await.unwrap().unwrap().record, session(1));
    assert_eq!(store.user_code([1; 16]).await.unwrap(), Some(grant_id(1)));
    assert_eq!(store.ask([1; 16]).await.unwrap(), Some(grant_id(2)));
    assert_eq!(store.open(user_id(1)).await.unwrap().unwrap().record.0, [grant_id(1), grant_id(2)]);
    assert_eq!(store.roots().await.unwrap().unwrap().record, roots());
    assert_eq!(store.signing_keys().await.unwrap().unwrap().record, signing_keys());
}

async fn a_record_of_another_kind_under_a_key_is_unavailable_and_not_absent(on: &Stand) {
    on.store.commit(vec![put(Key::User(user_id(1)), Record::Session(session(1)))]).await.unwrap();
    assert!(on.store.user(user_id(1)).await.is_err());
}

async fn what_nobody_wrote_is_absent(on: &Stand) {
    let store = &on.store;
    assert!(store.grant(grant_id(1)).await.unwrap().is_none());
    assert!(store.user_named(&user_name(1)).await.unwrap().is_none());
    assert!(store.user_code([1; 16]).await.unwrap().is_none());
    assert!(store.roots().await.unwrap().is_none());
    assert!(store.signing_keys().await.unwrap().is_none());
}

#[test]
fn a_record_of_an_unknown_format_or_damaged_is_an_error() {
    let mut bytes = Record::Roots(Roots::default()).encode().unwrap();
    assert_eq!(bytes.first(), Some(&FORMAT));
    assert_eq!(Record::decode(&bytes).unwrap(), Record::Roots(Roots::default()));
    let error = Record::decode(&bytes[..bytes.len() - 1]).unwrap_err();
    assert!(error.reason.contains("damaged"), "{error}");
    bytes[0] = FORMAT + 1;
    let error = Record::decode(&bytes).unwrap_err();
    assert!(error.reason.contains("format 2"), "{error}");
    assert!(Record::decode(&[]).is_err());
}

#[test]
fn a_user_and_a_session_from_before_sessions_were_counted_can_be_read() {
    for record in [Record::User(Box::new(user(0))), Record::Session(session(0))] {
        let bytes = record.encode().unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let before = text.replace("\"session_generation\":0,", "");
        assert_ne!(before, text);
        assert_eq!(Record::decode(before.as_bytes()).unwrap(), record);
    }
}
