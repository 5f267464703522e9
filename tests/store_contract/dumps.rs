//! Dumps: all that lies in a store, as it can be put into another one.

use std::{collections::BTreeMap, time::Duration};

use gatepost::{
    oauth::{
        client::ClientKey,
        id::{GrantId, SessionId, UserId},
        pace::judge,
        user::UserName,
    },
    store::{Change, Entry, Expect, Key, List, Page, Soft, SoftKey, Store, memory::Memory},
};
use jiff::Timestamp;
use proptest::prelude::*;

use super::samples::{changes, last_use, memberships, samples, until};
use crate::support::{
    records::{START, grant_id, put_grant, put_user, user_id},
    stores::{Stand, on_every_store},
};

on_every_store!(
    a_dump_put_into_an_empty_store_makes_the_same_store,
    a_dump_that_is_put_there_twice_does_no_harm,
    what_has_expired_is_not_in_a_dump,
    a_dump_of_many_pages_misses_nothing,
    a_last_use_is_in_a_dump_at_once_and_a_pace_is_not,
    an_empty_store_has_an_empty_dump,
);

/// All that is dumped, by its name: a page may repeat what was on another.
pub(crate) async fn dump(store: &dyn Store) -> BTreeMap<Vec<u8>, Entry> {
    let (mut all, mut next) = (BTreeMap::new(), None);
    loop {
        let Page { entries, next: more } = store.dump(next).await.unwrap();
        let names: std::collections::BTreeSet<_> = entries.iter().map(Entry::name).collect();
        assert_eq!(names.len(), entries.len(), "a page names something twice");
        all.extend(entries.into_iter().map(counted).map(|entry| (entry.name(), entry)));
        next = more;
        if next.is_none() {
            return all;
        }
    }
}

/// The ends of a list's entries count to the microsecond.
fn counted(mut entry: Entry) -> Entry {
    if let Entry::Member { until, .. } = &mut entry
        && *until < Timestamp::MAX
    {
        *until = Timestamp::from_microsecond(until.as_microsecond()).unwrap();
    }
    entry
}

/// One of everything, as a dump has it.
pub(crate) fn everything() -> BTreeMap<Vec<u8>, Entry> {
    let records = samples().into_iter().enumerate().map(|(n, (key, record))| Entry::Record { key, record, until: until(n) });
    let members = memberships().into_iter().map(|(list, member, until)| Entry::Member { list, member, until });
    let (key, soft, until) = last_use();
    records.chain(members).chain([Entry::Soft { key, soft, until }]).map(counted).map(|entry| (entry.name(), entry)).collect()
}

async fn fill(store: &dyn Store) {
    store.commit(changes()).await.unwrap();
    store.soft_save(vec![last_use()]).await.unwrap();
}

async fn a_dump_put_into_an_empty_store_makes_the_same_store(on: &Stand) {
    fill(on.store.as_ref()).await;
    let dumped = dump(on.store.as_ref()).await;
    assert_eq!(dumped, everything());
    // Into another kind of store, and back into one of this kind.
    let between: std::sync::Arc<dyn Store> = std::sync::Arc::new(Memory::new(on.clock.clock()));
    between.restore(dumped.into_values().collect()).await.unwrap();
    let other = on.another().await;
    other.store.restore(dump(between.as_ref()).await.into_values().collect()).await.unwrap();
    assert_eq!(dump(other.store.as_ref()).await, everything());
    for (n, (key, record)) in samples().into_iter().enumerate() {
        assert_eq!(other.store.load(&key).await.unwrap().map(|loaded| loaded.record), Some(record), "{n} {key:?}");
    }
    for (list, member, _) in memberships() {
        assert_eq!(other.store.members(list).await.unwrap(), [member], "{list:?}");
    }
    assert_eq!(other.store.soft_load(last_use().0).await.unwrap(), Some(last_use().1));
}

async fn a_dump_that_is_put_there_twice_does_no_harm(on: &Stand) {
    fill(on.store.as_ref()).await;
    let other = on.another().await;
    for _ in 0..2 {
        other.store.restore(dump(on.store.as_ref()).await.into_values().collect()).await.unwrap();
    }
    assert_eq!(dump(other.store.as_ref()).await, everything());
}

async fn what_has_expired_is_not_in_a_dump(on: &Stand) {
    on.store.commit(vec![put_grant(1, Expect::Absent, Some(on.soon(10))), put_grant(2, Expect::Absent, Some(on.soon(11)))]).await.unwrap();
    let link = |n, seconds| Change::Link { list: List::GrantsOf(user_id(1)), member: *grant_id(n).as_bytes(), until: on.soon(seconds) };
    on.store.commit(vec![link(1, 10), link(2, 11)]).await.unwrap();
    let used = |n, seconds| (SoftKey::LastUsed(grant_id(n)), Soft::LastUsed(START), on.soon(seconds));
    on.store.soft_save(vec![used(1, 10), used(2, 11)]).await.unwrap();
    assert_eq!(dump(on.store.as_ref()).await.len(), 6);
    on.pass(10);
    let left = dump(on.store.as_ref()).await;
    assert_eq!(left.len(), 3);
    let second = |name: &Vec<u8>| name.ends_with(grant_id(2).as_bytes());
    assert!(left.keys().all(second), "{left:?}");
    on.pass(1);
    assert!(dump(on.store.as_ref()).await.is_empty());
}

async fn a_dump_of_many_pages_misses_nothing(on: &Stand) {
    // The first of them expire, so that a page may be empty and not the last.
    for hundred in 0..20 {
        let until = (hundred < 8).then(|| on.soon(10));
        on.store.commit((0..100).map(|n| put_grant(hundred * 100 + n, Expect::Absent, until)).collect()).await.unwrap();
    }
    on.store.commit((0..100).map(|n| put_user(n, n, Expect::Absent)).collect()).await.unwrap();
    on.pass(10);
    let dumped = dump(on.store.as_ref()).await;
    let expected = (800..2000).map(|n| Key::Grant(grant_id(n))).chain((0..100).map(|n| Key::User(user_id(n))));
    let expected: std::collections::BTreeSet<_> = expected.map(|key| key.encode()).collect();
    assert!(dumped.keys().eq(expected.iter()), "{} of {}", dumped.len(), expected.len());
}

async fn a_last_use_is_in_a_dump_at_once_and_a_pace_is_not(on: &Stand) {
    let (pace, _) = judge(None, Duration::from_secs(5), START);
    let used = |at| (SoftKey::LastUsed(grant_id(1)), Soft::LastUsed(at), on.soon(60));
    on.store.soft_save(vec![used(START)]).await.unwrap();
    on.store.sweep().await.unwrap();
    // Newer than what was swept to wherever it lies.
    on.store.soft_save(vec![used(on.soon(1)), (SoftKey::Pace(grant_id(1)), Soft::Pace(pace), on.soon(60))]).await.unwrap();
    let (key, soft, until) = used(on.soon(1));
    assert_eq!(dump(on.store.as_ref()).await.into_values().collect::<Vec<_>>(), [Entry::Soft { key, soft, until }]);
}

async fn an_empty_store_has_an_empty_dump(on: &Stand) {
    assert!(dump(on.store.as_ref()).await.is_empty());
}

fn keys() -> impl Strategy<Value = Key> {
    let id = any::<[u8; 16]>();
    prop_oneof![
        id.prop_map(|id| Key::Grant(GrantId::from_random(id))),
        id.prop_map(|id| Key::User(UserId::from_random(id))),
        id.prop_map(|id| Key::Session(SessionId::from_random(id))),
        id.prop_map(Key::UserCode),
        id.prop_map(Key::Ask),
        "[A-Za-z0-9._@+-]{1,64}".prop_map(|name| Key::UserName(UserName::parse(&name).unwrap())),
        id.prop_map(|id| Key::Client(ClientKey::from_bytes(id))),
        id.prop_map(|id| Key::Owned(UserId::from_random(id))),
        id.prop_map(Key::Machine),
        id.prop_map(Key::Device),
        id.prop_map(|id| Key::Open(UserId::from_random(id))),
        Just(Key::Roots),
        Just(Key::SigningKeys),
    ]
}

fn lists() -> impl Strategy<Value = List> {
    let id = any::<[u8; 16]>();
    prop_oneof![
        id.prop_map(|id| List::GrantsOf(UserId::from_random(id))),
        id.prop_map(|id| List::GrantsOfClient(ClientKey::from_bytes(id))),
        Just(List::Users),
        Just(List::Clients),
        Just(List::Registered),
    ]
}

proptest! {
    #[test]
    fn names_are_read_back_as_they_were_written_and_as_nothing_else(key in keys(), list in lists(), id in any::<[u8; 16]>(), used: bool) {
        let soft = if used { SoftKey::LastUsed(GrantId::from_random(id)) } else { SoftKey::Pace(GrantId::from_random(id)) };
        let (k, l, s) = (key.encode(), list.encode(), soft.encode());
        prop_assert_eq!((Key::decode(&l), Key::decode(&s), List::decode(&k)), (None, None, None));
        prop_assert_eq!((List::decode(&s), SoftKey::decode(&k), SoftKey::decode(&l)), (None, None, None));
        prop_assert_eq!((Key::decode(&k), List::decode(&l), SoftKey::decode(&s)), (Some(key), Some(list), Some(soft)));
    }

    #[test]
    fn whatever_is_read_as_a_name_was_written_so(bytes in prop::collection::vec(any::<u8>(), 0..40), kind in "[a-zA-Z]") {
        let bytes = [kind.as_bytes(), &bytes].concat();
        prop_assert!(Key::decode(&bytes).is_none_or(|key| key.encode() == bytes));
        prop_assert!(List::decode(&bytes).is_none_or(|list| list.encode() == bytes));
        prop_assert!(SoftKey::decode(&bytes).is_none_or(|key| key.encode() == bytes));
    }
}

#[test]
fn an_entry_that_this_version_does_not_know_is_an_error_and_not_left_out() {
    for name in [b"".as_slice(), b"g", b"?0123456789abcdef", b"nAda", b"rr", &[b'G'; 17], &[b'q'; 33], &[b'U'; 33]] {
        assert!(Entry::decode(name, b"", Some(Timestamp::MAX)).is_err(), "{name:?}");
    }
    assert!(Entry::decode(&Key::Roots.encode(), &[2, b'{', b'}'], None).unwrap_err().reason.contains("format 2"));
    // Soft state may be lost.
    assert_eq!(Entry::decode(&SoftKey::LastUsed(grant_id(1)).encode(), &[2, b'{', b'}'], None).unwrap(), None);
}
