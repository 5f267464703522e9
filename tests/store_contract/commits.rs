//! Commits: they compare first, and then write all or nothing.

use std::{collections::BTreeSet, sync::Arc};

use gatepost::store::{Change, CommitError, Expect, Key, Version};
use tokio::task::JoinSet;

use crate::support::{
    records::{grant_id, list, put_grant, put_user, put_user_code, user_code, user_id},
    stores::{Stand, on_every_store},
};

on_every_store!(
    what_was_committed_is_read_by_whoever_comes_next,
    a_commit_that_expects_nothing_conflicts_with_whatever_is_there,
    a_commit_that_expects_a_version_conflicts_with_any_other,
    a_commit_that_expects_anything_never_conflicts,
    a_comparison_guards_a_commit_and_changes_nothing,
    a_record_that_was_deleted_is_absent,
    deleting_nothing_is_no_conflict,
    a_commit_that_conflicts_writes_nothing,
    each_kind_of_change_can_conflict,
    an_empty_commit_is_done,
    no_version_ever_comes_again,
    of_64_commits_that_expect_the_same_version_exactly_one_wins,
    commits_on_different_keys_do_not_conflict,
    nobody_reads_half_a_commit,
    a_commit_whose_answer_nobody_awaits_is_whole_or_absent,
);

async fn generation(on: &Stand, n: u64) -> Option<u64> {
    on.store.user(user_id(n)).await.unwrap().map(|user| user.record.generation)
}

async fn conflicts(on: &Stand, changes: Vec<Change>) -> bool {
    match on.store.commit(changes).await {
        Ok(()) => false,
        Err(CommitError::Conflict) => true,
        Err(CommitError::Unavailable(error)) => panic!("{error}"),
    }
}

async fn what_was_committed_is_read_by_whoever_comes_next(on: &Stand) {
    assert_eq!(generation(on, 1).await, None);
    for state in 1..=3 {
        on.store.commit(vec![put_user(1, state, Expect::Any)]).await.unwrap();
        assert_eq!(generation(on, 1).await, Some(state));
    }
}

async fn a_commit_that_expects_nothing_conflicts_with_whatever_is_there(on: &Stand) {
    assert!(!conflicts(on, vec![put_user(1, 1, Expect::Absent)]).await);
    assert!(conflicts(on, vec![put_user(1, 2, Expect::Absent)]).await);
    assert_eq!(generation(on, 1).await, Some(1));
}

async fn a_commit_that_expects_a_version_conflicts_with_any_other(on: &Stand) {
    let key = Key::User(user_id(1));
    assert!(conflicts(on, vec![put_user(1, 1, Expect::Version(Version(1)))]).await);
    on.store.commit(vec![put_user(1, 1, Expect::Absent)]).await.unwrap();
    let first = on.version(&key).await.unwrap();
    assert!(!conflicts(on, vec![put_user(1, 2, Expect::Version(first))]).await);
    assert!(conflicts(on, vec![put_user(1, 3, Expect::Version(first))]).await);
    assert_eq!(generation(on, 1).await, Some(2));
}

async fn a_commit_that_expects_anything_never_conflicts(on: &Stand) {
    assert!(!conflicts(on, vec![put_user(1, 1, Expect::Any)]).await);
    assert!(!conflicts(on, vec![put_user(1, 2, Expect::Any)]).await);
    let compare = Change::Compare { key: Key::User(user_id(2)), expect: Expect::Any };
    assert!(!conflicts(on, vec![compare]).await);
    assert_eq!(generation(on, 1).await, Some(2));
}

async fn a_comparison_guards_a_commit_and_changes_nothing(on: &Stand) {
    let key = Key::User(user_id(1));
    on.store.commit(vec![put_user(1, 1, Expect::Absent)]).await.unwrap();
    let version = on.version(&key).await.unwrap();
    let guard = Change::Compare { key: key.clone(), expect: Expect::Version(version) };
    assert!(!conflicts(on, vec![guard.clone(), put_user(2, 1, Expect::Absent)]).await);
    assert_eq!(on.version(&key).await, Some(version));

    on.store.commit(vec![put_user(1, 2, Expect::Any)]).await.unwrap();
    assert!(conflicts(on, vec![guard, put_user(3, 1, Expect::Absent)]).await);
    assert_eq!(generation(on, 3).await, None);
}

async fn a_record_that_was_deleted_is_absent(on: &Stand) {
    let key = Key::User(user_id(1));
    on.store.commit(vec![put_user(1, 1, Expect::Absent)]).await.unwrap();
    let version = on.version(&key).await.unwrap();
    on.store.commit(vec![Change::Delete { key: key.clone(), expect: Expect::Version(version) }]).await.unwrap();
    assert_eq!(on.version(&key).await, None);
    assert!(conflicts(on, vec![put_user(1, 2, Expect::Version(version))]).await);
    assert!(!conflicts(on, vec![put_user(1, 2, Expect::Absent)]).await);
}

async fn deleting_nothing_is_no_conflict(on: &Stand) {
    let delete = |expect| Change::Delete { key: Key::User(user_id(1)), expect };
    assert!(!conflicts(on, vec![delete(Expect::Any)]).await);
    assert!(!conflicts(on, vec![delete(Expect::Absent)]).await);
}

async fn a_commit_that_conflicts_writes_nothing(on: &Stand) {
    on.store.commit(vec![put_user(1, 1, Expect::Absent), put_user(2, 1, Expect::Absent)]).await.unwrap();
    let before = (on.version(&Key::User(user_id(1))).await, on.version(&Key::User(user_id(2))).await);
    // The one that conflicts comes last, when all others would have been written.
    let changes = vec![
        put_user(1, 2, Expect::Any),
        put_grant(3, Expect::Absent, None),
        Change::Link { list: list(1), member: *grant_id(3).as_bytes(), until: on.soon(60) },
        Change::Delete { key: Key::User(user_id(2)), expect: Expect::Any },
        put_user_code(4, Expect::Version(Version(99)), None),
    ];
    assert!(conflicts(on, changes).await);
    assert_eq!((on.version(&Key::User(user_id(1))).await, on.version(&Key::User(user_id(2))).await), before);
    assert_eq!(on.version(&Key::Grant(grant_id(3))).await, None);
    assert_eq!(on.version(&user_code(4)).await, None);
    assert_eq!(on.store.members(list(1)).await.unwrap(), [[0; 16]; 0]);
}

async fn each_kind_of_change_can_conflict(on: &Stand) {
    let key = || Key::User(user_id(1));
    let other = Expect::Version(Version(u64::MAX));
    for there in [false, true] {
        for expect in [other, if there { Expect::Absent } else { other }] {
            assert!(conflicts(on, vec![put_user(1, 7, expect)]).await);
            assert!(conflicts(on, vec![Change::Compare { key: key(), expect }]).await);
            assert!(conflicts(on, vec![Change::Delete { key: key(), expect }]).await);
        }
        on.store.commit(vec![put_user(1, 1, Expect::Any)]).await.unwrap();
    }
    assert_eq!(generation(on, 1).await, Some(1));
}

async fn an_empty_commit_is_done(on: &Stand) {
    on.store.commit(Vec::new()).await.unwrap();
}

async fn no_version_ever_comes_again(on: &Stand) {
    let key = user_code(1);
    let mut seen = BTreeSet::new();
    for _ in 0..5 {
        on.store.commit(vec![put_user_code(1, Expect::Absent, None)]).await.unwrap();
        assert!(seen.insert(on.version(&key).await.unwrap().0));
        on.store.commit(vec![Change::Delete { key: key.clone(), expect: Expect::Any }]).await.unwrap();
        on.store.commit(vec![put_user_code(1, Expect::Absent, Some(on.soon(10)))]).await.unwrap();
        assert!(seen.insert(on.version(&key).await.unwrap().0));
        on.pass(10);
        on.store.commit(vec![put_user_code(1, Expect::Absent, Some(on.soon(10)))]).await.unwrap();
        assert!(seen.insert(on.version(&key).await.unwrap().0));
        on.pass(10);
        on.store.sweep().await.unwrap();
    }
}

async fn of_64_commits_that_expect_the_same_version_exactly_one_wins(on: &Stand) {
    on.store.commit(vec![put_user(1, 1000, Expect::Absent)]).await.unwrap();
    let version = on.version(&Key::User(user_id(1))).await.unwrap();
    let mut tries = JoinSet::new();
    for n in 0..64 {
        let store = Arc::clone(&on.store);
        tries.spawn(async move {
            let code = put_user_code(n, Expect::Absent, None);
            (n, store.commit(vec![code, put_user(1, n, Expect::Version(version))]).await)
        });
    }
    let mut winners = Vec::new();
    for (n, outcome) in tries.join_all().await {
        match outcome {
            Ok(()) => winners.push(n),
            Err(CommitError::Conflict) => assert_eq!(on.version(&user_code(n)).await, None),
            Err(CommitError::Unavailable(error)) => panic!("{error}"),
        }
    }
    assert_eq!(winners.len(), 1, "{winners:?}");
    assert_eq!(generation(on, 1).await, winners.first().copied());
}

async fn commits_on_different_keys_do_not_conflict(on: &Stand) {
    let mut commits = JoinSet::new();
    for n in 0..64 {
        let store = Arc::clone(&on.store);
        commits.spawn(async move { store.commit(vec![put_user(n, n, Expect::Absent)]).await });
    }
    for outcome in commits.join_all().await {
        outcome.unwrap();
    }
    for n in 0..64 {
        assert_eq!(generation(on, n).await, Some(n));
    }
}

async fn nobody_reads_half_a_commit(on: &Stand) {
    let store = Arc::clone(&on.store);
    let writer = tokio::spawn(async move {
        for n in 1..=50 {
            store.commit(vec![put_user(1, n, Expect::Any), put_user(2, n, Expect::Any)]).await.unwrap();
        }
    });
    while !writer.is_finished() {
        // More commits may happen between the two reads, but none is undone.
        let first = generation(on, 1).await;
        let second = generation(on, 2).await;
        assert!(first <= second, "{first:?}, then {second:?}");
        tokio::task::yield_now().await;
    }
    writer.await.unwrap();
    assert_eq!((generation(on, 1).await, generation(on, 2).await), (Some(50), Some(50)));
}

async fn a_commit_whose_answer_nobody_awaits_is_whole_or_absent(on: &Stand) {
    for n in 0..20 {
        let commit = on.store.commit(vec![put_user_code(n, Expect::Absent, None), put_user(n, n, Expect::Absent)]);
        tokio::select! {
            biased;
            _ = commit => {}
            // The commit was polled once and is dropped.
            () = std::future::ready(()) => {}
        }
        // It may happen between the two reads, so the one that is read first tells of the other.
        if on.version(&user_code(n)).await.is_some() {
            assert_eq!(generation(on, n).await, Some(n));
        }
    }
    on.store.commit(vec![put_user(99, 99, Expect::Absent)]).await.unwrap();
}
