//! The file: who may read it, when it is refused, when it is made smaller.

use std::{
    fs,
    path::{Path, PathBuf},
};

use gatepost::{
    clock::Manual,
    store::{
        Expect, Key, Store,
        embedded::{Embedded, FILE_FORMAT, FILE_NAME, OpenError},
    },
};
use redb::{Database, TableDefinition};
use tempfile::TempDir;

use crate::support::records::{START, grant_id, put_grant, put_user, user_code, user_id};

/// Version, deadline in nanoseconds, bytes.
type Entry = (u64, Option<i128>, &'static [u8]);
// Written down a second time: whoever changes them changes the format.
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const ENTRIES: TableDefinition<'_, &[u8], Entry> = TableDefinition::new("entries");

fn open(dir: &Path) -> Result<Embedded, OpenError> {
    Embedded::open(dir, Manual::starting_at(START).clock())
}

/// A closed store with some users in it.
async fn populated() -> (TempDir, PathBuf) {
    let dir = TempDir::new().unwrap();
    let store = open(dir.path()).unwrap();
    for n in 0..20 {
        store.commit(vec![put_user(n, n, Expect::Absent)]).await.unwrap();
    }
    store.close().unwrap();
    let path = dir.path().join(FILE_NAME);
    (dir, path)
}

#[cfg(unix)]
#[test]
fn the_directory_and_the_file_are_for_this_user_alone() {
    use std::os::unix::fs::PermissionsExt;

    let parent = TempDir::new().unwrap();
    let dir = parent.path().join("made/for/it");
    let _store = open(&dir).unwrap();
    assert_eq!(fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(dir.join(FILE_NAME)).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);
}

#[tokio::test]
async fn a_file_of_an_unknown_format_is_refused() {
    let (dir, path) = populated().await;
    let db = Database::open(&path).unwrap();
    let txn = db.begin_write().unwrap();
    let before = txn.open_table(META).unwrap().insert("format", FILE_FORMAT + 1).unwrap().map(|found| found.value());
    assert_eq!(before, Some(1));
    txn.commit().unwrap();
    drop(db);
    let refused = open(dir.path());
    assert!(matches!(&refused, Err(OpenError::UnknownFormat { found, .. }) if found == "2"), "{refused:?}");
    // And left as it was: the version that made it finds everything.
    let db = Database::open(&path).unwrap();
    let txn = db.begin_write().unwrap();
    let after = txn.open_table(META).unwrap().insert("format", FILE_FORMAT).unwrap().map(|found| found.value());
    assert_eq!(after, Some(2));
    txn.commit().unwrap();
    drop(db);
    let store = open(dir.path()).unwrap();
    for n in 0..20 {
        assert!(store.load(&Key::User(user_id(n))).await.unwrap().is_some(), "{n}");
    }
}

#[tokio::test]
async fn a_record_of_an_unknown_format_is_unavailable_and_not_absent() {
    let (dir, path) = populated().await;
    let db = Database::open(&path).unwrap();
    let txn = db.begin_write().unwrap();
    let name = Key::User(user_id(7)).encode();
    txn.open_table(ENTRIES).unwrap().insert(&*name, (7, None, [99, b'{', b'}'].as_slice())).unwrap();
    txn.commit().unwrap();
    drop(db);
    let store = open(dir.path()).unwrap();
    let error = store.load(&Key::User(user_id(7))).await.unwrap_err();
    assert!(error.reason.contains("format 99"), "{error}");
    assert!(store.load(&Key::User(user_id(8))).await.unwrap().is_some());
    // Nor does it get in the way of commits, which compare versions and nothing else.
    store.commit(vec![put_user(7, 7, Expect::Any)]).await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_no_store_is_refused() {
    let (dir, path) = populated().await;
    let whole = fs::read(&path).unwrap();
    for content in [b"".as_slice(), b"redb", &[0; 8192], &[b'x'; 8192], &whole[..whole.len() / 2], &whole[..5000]] {
        fs::write(&path, content).unwrap();
        let refused = open(dir.path());
        assert!(matches!(refused, Err(OpenError::Damaged { .. })), "{} bytes: {refused:?}", content.len());
    }
    fs::remove_file(&path).unwrap();
    drop(Database::create(&path).unwrap());
    let refused = open(dir.path());
    assert!(matches!(refused, Err(OpenError::Damaged { .. })), "{refused:?}");
}

#[tokio::test]
async fn damage_anywhere_in_the_file_is_refused_or_harmless() {
    let (dir, path) = populated().await;
    let whole = fs::read(&path).unwrap();
    let mut refusals = 0;
    for (page, content) in whole.chunks(4096).enumerate().filter(|(_, content)| content.iter().any(|byte| *byte != 0)) {
        let mut damaged = whole.clone();
        damaged[page * 4096 + content.len() / 2] ^= 0x10;
        damaged[page * 4096 + 9] ^= 0x10;
        fs::write(&path, &damaged).unwrap();
        match open(dir.path()) {
            Ok(store) => {
                for n in 0..20 {
                    assert!(store.load(&Key::User(user_id(n))).await.unwrap().is_some(), "page {page}");
                }
            }
            Err(OpenError::Damaged { .. }) => refusals += 1,
            Err(other) => panic!("page {page}: {other}"),
        }
    }
    assert!(refusals > 0);
}

#[tokio::test]
async fn a_first_start_that_was_interrupted_is_begun_again() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("gatepost.redb.new"), [0; 10_000]).unwrap();
    let store = open(dir.path()).unwrap();
    store.commit(vec![put_user(1, 1, Expect::Absent)]).await.unwrap();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_is_named() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("a file");
    fs::write(&file, b"").unwrap();
    let refused = open(&file);
    assert!(matches!(&refused, Err(OpenError::Io { path, .. }) if *path == file), "{refused:?}");
}

#[tokio::test]
async fn a_file_that_is_mostly_free_space_is_compacted_when_it_is_opened() {
    let (dir, path) = populated().await;
    let clock = Manual::starting_at(START);
    let store = Embedded::open(dir.path(), clock.clock()).unwrap();
    for flood in 0..20 {
        // What stays comes last, at the end of the file, where it keeps the file long.
        let until = (flood < 19).then_some(START);
        let numbers = flood * 1000..(flood + 1) * 1000;
        store.commit(numbers.map(|n| put_grant(n, Expect::Absent, until)).collect()).await.unwrap();
    }
    store.sweep().await.unwrap();
    store.close().unwrap();
    let before = fs::metadata(&path).unwrap().len();

    let store = Embedded::open(dir.path(), clock.clock()).unwrap();
    let after = fs::metadata(&path).unwrap().len();
    assert!(after < before / 2, "{before} bytes before and {after} after");
    assert!(store.load(&Key::Grant(grant_id(19_999))).await.unwrap().is_some());
    assert!(store.load(&user_code(1)).await.unwrap().is_none());
}
