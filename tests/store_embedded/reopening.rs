//! Closed and opened again, the store knows everything.

use std::{collections::BTreeSet, time::Duration};

use gatepost::{
    clock::Manual,
    oauth::pace,
    store::{
        Change, CommitError, Expect, Key, Soft, SoftKey, Store, Swept,
        embedded::{Embedded, OpenError},
    },
};
use tempfile::TempDir;

use crate::support::records::{START, grant_id, list, put_grant, put_user, put_user_code, user_code, user_id};

fn open(dir: &TempDir) -> (Embedded, Manual) {
    let clock = Manual::starting_at(START);
    (Embedded::open(dir.path(), clock.clock()).unwrap(), clock)
}

async fn version(store: &Embedded, key: &Key) -> Option<u64> {
    store.load(key).await.unwrap().map(|loaded| loaded.version.0)
}

#[tokio::test]
async fn a_file_that_is_opened_again_has_everything() {
    let dir = TempDir::new().unwrap();
    let (store, _clock) = open(&dir);
    let until = START + Duration::from_secs(10);
    store.commit(vec![put_grant(1, Expect::Absent, None), put_user_code(1, Expect::Absent, Some(until))]).await.unwrap();
    store.commit(vec![Change::Link { list: list(1), member: *grant_id(1).as_bytes(), until }]).await.unwrap();
    let grant = store.load(&Key::Grant(grant_id(1))).await.unwrap();
    drop(store);

    let (store, clock) = open(&dir);
    assert_eq!(store.load(&Key::Grant(grant_id(1))).await.unwrap(), grant);
    assert!(version(&store, &user_code(1)).await.is_some());
    assert_eq!(store.members(list(1)).await.unwrap(), [*grant_id(1).as_bytes()]);
    clock.advance(Duration::from_secs(10));
    assert_eq!(version(&store, &user_code(1)).await, None);
    assert_eq!(store.members(list(1)).await.unwrap(), [[0; 16]; 0]);
    assert_eq!(store.sweep().await.unwrap(), Swept { removed: 2 });
}

#[tokio::test]
async fn no_version_comes_again_after_opening() {
    let dir = TempDir::new().unwrap();
    let mut seen = BTreeSet::new();
    for _ in 0..4 {
        let (store, _clock) = open(&dir);
        store.commit(vec![put_user_code(1, Expect::Absent, None)]).await.unwrap();
        assert!(seen.insert(version(&store, &user_code(1)).await));
        store.commit(vec![Change::Delete { key: user_code(1), expect: Expect::Any }]).await.unwrap();
    }
}

#[tokio::test]
async fn soft_state_that_is_worth_keeping_is_kept() {
    let dir = TempDir::new().unwrap();
    let until = START + Duration::from_secs(60);
    let (swept, closed) = (SoftKey::LastUsed(grant_id(1)), SoftKey::LastUsed(grant_id(2)));
    let pace = SoftKey::Pace(grant_id(1));
    let (store, _clock) = open(&dir);
    store.soft_save(vec![(swept, Soft::LastUsed(START), until)]).await.unwrap();
    store.sweep().await.unwrap();
    let polled = Soft::Pace(pace::judge(None, Duration::from_secs(5), START).0);
    store.soft_save(vec![(closed, Soft::LastUsed(until), until), (pace, polled, until)]).await.unwrap();
    store.close().unwrap();

    let (store, clock) = open(&dir);
    assert_eq!(store.soft_load(swept).await.unwrap(), Some(Soft::LastUsed(START)));
    assert_eq!(store.soft_load(closed).await.unwrap(), Some(Soft::LastUsed(until)));
    assert_eq!(store.soft_load(pace).await.unwrap(), None);
    clock.advance(Duration::from_secs(60));
    assert_eq!(store.soft_load(swept).await.unwrap(), None);
    assert_eq!(store.sweep().await.unwrap(), Swept { removed: 2 });
}

#[tokio::test]
async fn a_commit_happens_although_its_answer_was_dropped() {
    let dir = TempDir::new().unwrap();
    let (store, _clock) = open(&dir);
    drop(store.commit(vec![put_user(1, 1, Expect::Absent)]));
    // Commits are done in the order in which they were queued.
    store.commit(vec![put_user(2, 1, Expect::Absent)]).await.unwrap();
    assert!(version(&store, &Key::User(user_id(1))).await.is_some());
}

#[tokio::test]
async fn closing_finishes_what_is_queued_and_refuses_what_comes_later() {
    let dir = TempDir::new().unwrap();
    let (store, _clock) = open(&dir);
    let queued: Vec<_> = (0..300).map(|n| store.commit(vec![put_user(n, n, Expect::Absent)])).collect();
    store.close().unwrap();
    for commit in queued {
        commit.await.unwrap();
    }
    assert!(matches!(store.commit(vec![put_user(300, 1, Expect::Absent)]).await, Err(CommitError::Unavailable(_))));
    assert!(store.load(&Key::User(user_id(0))).await.is_err());
    store.close().unwrap();

    let (store, _clock) = open(&dir);
    for n in 0..300 {
        assert!(version(&store, &Key::User(user_id(n))).await.is_some());
    }
    assert_eq!(version(&store, &Key::User(user_id(300))).await, None);
}

#[tokio::test]
async fn a_second_opener_is_refused_until_the_first_has_closed() {
    let dir = TempDir::new().unwrap();
    let (store, clock) = open(&dir);
    let refused = Embedded::open(dir.path(), clock.clock());
    assert!(matches!(refused, Err(OpenError::InUse { .. })), "{refused:?}");
    store.commit(vec![put_user(1, 1, Expect::Absent)]).await.unwrap();
    drop(store);
    Embedded::open(dir.path(), clock.clock()).unwrap();
}
