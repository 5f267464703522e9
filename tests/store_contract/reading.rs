//! Records come back as they were written, and what cannot be read is never guessed at.

use std::collections::BTreeSet;

use gatepost::store::{
    Change, Expect, Key, Record, Session,
    record::{FORMAT, Roots},
};
use jiff::Timestamp;

use super::samples::samples;
use crate::support::{
    records::{START, grant_id, pending_grant, roots, session, session_id, signing_keys, user, user_id, user_name},
    stores::{Stand, on_every_store},
};

on_every_store!(
    every_kind_of_record_is_read_back_as_it_was_written,
    the_typed_readers_follow_their_pointers,
    a_record_of_another_kind_under_a_key_is_unavailable_and_not_absent,
    the_key_of_a_device_is_another_record_than_whatever_else_has_its_name,
    a_devices_key_gives_way_to_another_as_one_that_was_read_and_is_forgotten_in_time,
    what_nobody_wrote_is_absent,
);

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
    assert_eq!(store.machine([1; 16]).await.unwrap().unwrap().record, grant_id(3));
    assert_eq!(store.device([1; 16]).await.unwrap().unwrap().record, grant_id(4));
    assert_eq!(store.open(user_id(1)).await.unwrap().unwrap().record.0, [grant_id(1), grant_id(2)]);
    assert_eq!(store.roots().await.unwrap().unwrap().record, roots());
    assert_eq!(store.signing_keys().await.unwrap().unwrap().record, signing_keys());
}

async fn a_record_of_another_kind_under_a_key_is_unavailable_and_not_absent(on: &Stand) {
    on.store.commit(vec![put(Key::User(user_id(1)), Record::Session(session(1)))]).await.unwrap();
    assert!(on.store.user(user_id(1)).await.is_err());
}

async fn the_key_of_a_device_is_another_record_than_whatever_else_has_its_name(on: &Stand) {
    let name = *grant_id(1).as_bytes();
    let keys = [Key::UserCode(name), Key::Ask(name), Key::Machine(name), Key::Device(name)];
    let others = [Key::Grant(grant_id(1)), Key::User(user_id(1)), Key::Session(session_id(1)), Key::Open(user_id(1))];
    let written: BTreeSet<Vec<u8>> = keys.iter().chain(&others).map(Key::encode).collect();
    assert_eq!(written.len(), keys.len() + others.len());
    for (n, key) in (1..).zip(keys.clone()) {
        on.store.commit(vec![put(key, Record::ToGrant(grant_id(n)))]).await.unwrap();
    }
    for (n, key) in (1..).zip(keys) {
        assert_eq!(on.store.load(&key).await.unwrap().map(|loaded| loaded.record), Some(Record::ToGrant(grant_id(n))), "{key:?}");
    }
    on.store.commit(vec![Change::Delete { key: Key::Device(name), expect: Expect::Any }]).await.unwrap();
    assert!(on.store.device(name).await.unwrap().is_none() && on.store.machine(name).await.unwrap().is_some());
}

async fn a_devices_key_gives_way_to_another_as_one_that_was_read_and_is_forgotten_in_time(on: &Stand) {
    let name = [7; 16];
    let point =
        |to, expect, until| Change::Put { key: Key::Device(name), expect, record: Record::ToGrant(grant_id(to)), until: Some(until) };
    on.store.commit(vec![point(1, Expect::Absent, on.soon(60))]).await.unwrap();
    assert!(on.store.commit(vec![point(2, Expect::Absent, on.soon(60))]).await.is_err());
    let first = on.store.device(name).await.unwrap().unwrap();
    on.store.commit(vec![point(2, Expect::Version(first.version), on.soon(90))]).await.unwrap();
    assert!(on.store.commit(vec![point(3, Expect::Version(first.version), on.soon(90))]).await.is_err());
    on.pass(60);
    assert_eq!(on.store.device(name).await.unwrap().unwrap().record, grant_id(2));
    on.pass(30);
    assert!(on.store.device(name).await.unwrap().is_none());
    on.store.commit(vec![point(3, Expect::Absent, on.soon(90))]).await.unwrap();
    assert_eq!(on.store.device(name).await.unwrap().unwrap().record, grant_id(3));
}

async fn what_nobody_wrote_is_absent(on: &Stand) {
    let store = &on.store;
    assert!(store.device([1; 16]).await.unwrap().is_none());
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

#[test]
fn a_session_that_does_not_say_when_somebody_signed_in_is_read_as_one_of_long_ago() {
    let text = String::from_utf8(Record::Session(session(0)).encode().unwrap()).unwrap();
    let before = text.replace(&format!("\"signed_in\":\"{START}\","), "");
    assert_ne!(before, text);
    let long_ago = Session { signed_in: Timestamp::UNIX_EPOCH, ..session(0) };
    assert_eq!(Record::decode(before.as_bytes()).unwrap(), Record::Session(long_ago));
}
