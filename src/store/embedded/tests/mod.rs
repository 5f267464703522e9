//! What the store does when the disk does not do what it should. What it does otherwise is in
//! `tests/store_contract.rs`.
#![allow(clippy::unwrap_used)]

mod disk;

use std::time::Duration;

use jiff::Timestamp;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use redb::Database;

use self::disk::{Disk, Fault};
use super::{Embedded, OpenError, file, writer::RETRY_PAUSE};
use crate::{
    clock::Manual,
    oauth::id::GrantId,
    store::{Change, CommitError, Expect, Key, Record, Store, Unavailable},
};

fn formatted() -> Disk {
    let disk = Disk::default();
    file::write_format(&file::builder().create_with_backend(disk.clone()).unwrap()).unwrap();
    disk
}

fn database(disk: &Disk) -> Result<Database, OpenError> {
    let opened = file::builder().create_with_backend(disk.clone());
    opened.map_err(|error| OpenError::Damaged { path: "a disk in memory".into(), reason: error.to_string() })
}

fn open(disk: &Disk) -> (Embedded, Manual) {
    let clock = Manual::starting_at(Timestamp::UNIX_EPOCH);
    let again = disk.clone();
    let store = Embedded::start(database(disk).unwrap(), Box::new(move || database(&again)), clock.clock()).unwrap();
    (store, clock)
}

fn key(n: u8) -> Key {
    Key::UserCode([n; 16])
}

fn put(n: u8, expect: Expect) -> Change {
    Change::Put { key: key(n), expect, record: Record::ToGrant(GrantId::from_random([n; 16])), until: None }
}

async fn holds(store: &Embedded, n: u8) -> Result<bool, Unavailable> {
    Ok(store.load(&key(n)).await?.is_some())
}

#[tokio::test]
async fn after_a_failed_fsync_the_store_recovers_by_itself() {
    let disk = formatted();
    let (store, _clock) = open(&disk);
    store.commit(vec![put(1, Expect::Absent)]).await.unwrap();
    disk.fail(Fault::NextSync);
    let failed = store.commit(vec![put(2, Expect::Absent)]).await;
    assert!(matches!(failed, Err(CommitError::Unavailable(_))), "{failed:?}");
    store.commit(vec![put(3, Expect::Absent)]).await.unwrap();
    assert!(holds(&store, 1).await.unwrap());
    assert!(holds(&store, 3).await.unwrap());
}

#[tokio::test]
async fn a_disk_that_stays_broken_makes_everything_unavailable_until_it_works_again() {
    let disk = formatted();
    let (store, clock) = open(&disk);
    store.commit(vec![put(1, Expect::Absent)]).await.unwrap();
    disk.fail(Fault::Everything);
    assert!(store.commit(vec![put(2, Expect::Absent)]).await.is_err());
    // Answered behind the attempt to open again, which fails too.
    assert!(store.commit(vec![put(2, Expect::Absent)]).await.is_err());
    assert!(holds(&store, 1).await.is_err());
    assert!(store.sweep().await.is_err());

    disk.fail(Fault::None);
    assert!(store.commit(vec![put(2, Expect::Absent)]).await.is_err(), "the pause is not over");
    clock.advance(RETRY_PAUSE);
    store.commit(vec![put(2, Expect::Any)]).await.unwrap();
    assert!(holds(&store, 1).await.unwrap());
}

#[tokio::test]
async fn a_failed_read_is_repaired_before_the_next_commit() {
    let disk = formatted();
    let (store, _clock) = open(&disk);
    store.commit(vec![put(1, Expect::Absent)]).await.unwrap();
    drop(store);
    // With nothing in memory yet, so that a read goes to the disk.
    let (store, _clock) = open(&disk);
    disk.fail(Fault::NextRead);
    assert!(holds(&store, 1).await.is_err());
    store.commit(vec![put(2, Expect::Absent)]).await.unwrap();
    assert!(holds(&store, 1).await.unwrap());
}

#[tokio::test]
async fn a_writer_that_panics_takes_reading_with_it() {
    let disk = formatted();
    let (store, _clock) = open(&disk);
    store.commit(vec![put(1, Expect::Absent)]).await.unwrap();
    disk.fail(Fault::Panic);
    assert!(store.commit(vec![put(2, Expect::Absent)]).await.is_err());
    assert!(store.close().is_err());
    assert!(holds(&store, 1).await.is_err());
}

#[tokio::test]
async fn commits_that_queue_during_an_fsync_share_the_next_one() {
    let disk = formatted();
    let (store, _clock) = open(&disk);
    let before = disk.syncs();
    disk.fail(Fault::SyncHangs);
    let first = store.commit(vec![put(0, Expect::Absent)]);
    disk.wait_for_sync_after(before);
    let queued: Vec<_> = (1..=100).map(|n| store.commit(vec![put(n, Expect::Absent)])).collect();
    disk.fail(Fault::None);
    first.await.unwrap();
    for commit in queued {
        commit.await.unwrap();
    }
    assert_eq!(disk.syncs() - before, 2);
}

#[tokio::test]
async fn in_a_batch_a_conflict_leaves_no_trace_and_harms_nobody() {
    let disk = formatted();
    let (store, _clock) = open(&disk);
    let before = disk.syncs();
    disk.fail(Fault::SyncHangs);
    let first = store.commit(vec![put(0, Expect::Absent)]);
    disk.wait_for_sync_after(before);
    let winner = store.commit(vec![put(1, Expect::Absent), put(2, Expect::Absent)]);
    let loser = store.commit(vec![put(3, Expect::Absent), put(1, Expect::Absent)]);
    let other = store.commit(vec![put(4, Expect::Absent)]);
    disk.fail(Fault::None);
    first.await.unwrap();
    winner.await.unwrap();
    assert!(matches!(loser.await, Err(CommitError::Conflict)));
    other.await.unwrap();
    assert!(!holds(&store, 3).await.unwrap());
    assert!(holds(&store, 2).await.unwrap() && holds(&store, 4).await.unwrap());
}

#[tokio::test]
async fn more_jobs_than_may_wait_are_refused_at_once() {
    let disk = formatted();
    let (store, _clock) = open(&disk);
    let before = disk.syncs();
    disk.fail(Fault::SyncHangs);
    let first = store.commit(vec![put(0, Expect::Absent)]);
    disk.wait_for_sync_after(before);
    let mut waiting = Vec::new();
    let refused = loop {
        let mut commit = store.commit(vec![put(1, Expect::Any)]);
        match tokio::time::timeout(Duration::ZERO, &mut commit).await {
            Ok(answer) => break answer,
            Err(_still_waiting) => waiting.push(commit),
        }
    };
    assert!(matches!(refused, Err(CommitError::Unavailable(_))), "{refused:?}");
    disk.fail(Fault::None);
    first.await.unwrap();
    for commit in waiting {
        commit.await.unwrap();
    }
}

#[tokio::test]
async fn a_power_cut_at_any_write_loses_nothing_that_was_answered_and_splits_no_commit() {
    let image = formatted();
    for writes in 1..60 {
        let mut random = StdRng::seed_from_u64(u64::from(writes));
        let disk = image.after_power_cut(|| true);
        let (store, _clock) = open(&disk);
        disk.fail(Fault::AfterWrites(writes));
        let mut answered = 0;
        while answered < 100 && store.commit(vec![put(answered, Expect::Any), put(answered + 100, Expect::Any)]).await.is_ok() {
            answered += 1;
        }
        assert!(answered < 100, "the power was never cut");
        drop(store);

        let (store, _clock) = open(&disk.after_power_cut(|| random.random()));
        for n in 0..100 {
            let (one, other) = (holds(&store, n).await.unwrap(), holds(&store, n + 100).await.unwrap());
            assert_eq!(one, other, "commit {n} is split after {writes} writes");
            assert!(one || n >= answered, "commit {n} is lost after {writes} writes");
        }
    }
}
