//! The file in which a store is moved to another one: what is in it comes out as it was, and what was
//! not written so comes out not at all.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use gatepost::{
    clock::Manual,
    oauth::secret::{Keyring, RootId},
    ops::moving::{Counted, FileError, MoveError, export, import},
    store::{
        Change, Expect, Key, Record, Roots, Store,
        embedded::{Embedded, FILE_NAME},
        memory::Memory,
    },
};
use redb::{Database, TableDefinition};
use secrecy::SecretString;
use tempfile::TempDir;

use crate::{
    store_contract::{
        dumps::dump,
        samples::{changes, last_use, samples},
    },
    support::{
        faulty::{Fault, Faulty, Weather},
        house::keyring,
        records::{START, grant_id, put_grant, put_user},
        watched::Watched,
    },
};

/// Version, deadline in nanoseconds, bytes.
type Stored = (u64, Option<i128>, &'static [u8]);
const ENTRIES: TableDefinition<'_, &[u8], Stored> = TableDefinition::new("entries");

fn ring(roots: &[(&str, &str)]) -> Keyring {
    let root = |(id, secret): &(&str, &str)| (RootId::parse(id).unwrap(), SecretString::from(secret.repeat(32)));
    Keyring::new(&roots.iter().map(root).collect::<Vec<_>>()).unwrap()
}

fn memory() -> Arc<dyn Store> {
    Arc::new(Memory::new(Manual::starting_at(START).clock()))
}

/// Has a store be one that was used with these roots.
async fn use_with(store: &dyn Store, keyring: &Keyring) {
    let record = Record::Roots(Roots(keyring.checks().collect()));
    store.commit(vec![Change::Put { key: Key::Roots, expect: Expect::Any, record, until: None }]).await.unwrap();
}

/// One of everything, so many grants besides, and where its export is to lie.
async fn filled(grants: u64, keyring: &Keyring) -> (Arc<dyn Store>, TempDir, PathBuf) {
    let store = memory();
    fill(store.as_ref(), grants, keyring).await;
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("gatepost.export");
    (store, folder, path)
}

async fn fill(store: &dyn Store, grants: u64, keyring: &Keyring) {
    store.commit(changes()).await.unwrap();
    store.soft_save(vec![last_use()]).await.unwrap();
    store.commit((1000..1000 + grants).map(|n| put_grant(n, Expect::Absent, None)).collect()).await.unwrap();
    use_with(store, keyring).await;
}

/// Why a file is refused, after which nothing of it lies in the store.
async fn refusal(path: &Path, keyring: &Keyring) -> MoveError {
    let store = memory();
    let error = import(store.as_ref(), keyring, path).await.unwrap_err();
    assert!(dump(store.as_ref()).await.is_empty(), "{error}");
    error
}

/// An export taken apart: what stands in clear, and its frames.
fn parts(file: &[u8]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let end = file.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(1).unwrap().0 + 1;
    let (header, mut rest) = file.split_at(end);
    let mut frames = Vec::new();
    while let [_, length @ .., _] = rest.get(..6).unwrap_or_default() {
        let (frame, behind) = rest.split_at(5 + u32::from_be_bytes(length.try_into().unwrap()) as usize);
        frames.push(frame.to_vec());
        rest = behind;
    }
    (header.to_vec(), frames)
}

#[tokio::test]
async fn what_was_exported_is_imported_as_it_was_and_both_say_how_much_it_is() {
    let (store, folder, path) = filled(1000, &keyring()).await;
    let exported = export(store.as_ref(), &keyring(), &path).await.unwrap();
    let other = memory();
    assert_eq!(import(other.as_ref(), &keyring(), &path).await.unwrap(), exported);
    assert_eq!(dump(other.as_ref()).await, dump(store.as_ref()).await);
    let expected = Counted {
        users: 1,
        clients: 2,
        grants: 1009,
        sessions: 1,
        codes: 2,
        signing_keys: 3,
        other_records: 6,
        list_entries: 5,
        last_uses: 1,
    };
    assert_eq!(exported, expected);
    let told = "1 user, 2 clients, 1009 grants, 1 session, 2 codes, 3 signing keys, 6 other records, 5 list entries, 1 last use";
    assert_eq!(exported.to_string(), told);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn what_a_store_dumps_twice_is_exported_once() {
    let (once, _folder, path) = filled(3, &keyring()).await;
    let twice = Watched::new(Manual::starting_at(START).clock());
    fill(&twice, 3, &keyring()).await;
    let counted = export(&twice, &keyring(), &path).await.unwrap();
    let other = memory();
    assert_eq!(import(other.as_ref(), &keyring(), &path).await.unwrap(), counted);
    assert_eq!(counted.grants, 12);
    assert_eq!(dump(other.as_ref()).await, dump(once.as_ref()).await);
}

#[tokio::test]
async fn nothing_of_the_content_can_be_read_in_the_file() {
    let (store, _folder, path) = filled(0, &keyring()).await;
    export(store.as_ref(), &keyring(), &path).await.unwrap();
    let file = fs::read(&path).unwrap();
    let (header, frames) = parts(&file);
    let header = String::from_utf8(header).unwrap();
    assert!(header.starts_with("gatepost export 1\nk1 ") && header.len() == "gatepost export 1\nk1 \n".len() + 32, "{header}");
    let sealed = frames.concat();
    let id = grant_id(10).to_string();
    for words in ["ada", "user-1", "argon2id", "zo\u{eb}", "bootspring", "grant", "2027-01-15", id.as_str(), "roots", "k1"] {
        assert!(!sealed.windows(words.len()).any(|window| window == words.as_bytes()) || words.len() < 4, "{words}");
    }
    for (key, record) in samples() {
        let (name, content) = (key.encode(), record.encode().unwrap());
        let base64 = data_encoding::BASE64.encode(&content);
        for bytes in [&name[..], &content[1..], base64.as_bytes()].into_iter().filter(|bytes| bytes.len() > 8) {
            assert!(!sealed.windows(8).any(|window| window == &bytes[..8]), "{key:?}");
        }
    }
    // Nor does the same store look the same twice.
    let again = path.with_extension("again");
    export(store.as_ref(), &keyring(), &again).await.unwrap();
    let other = parts(&fs::read(again).unwrap()).1;
    assert!(frames.iter().zip(&other).all(|(one, two)| one != two));
}

#[tokio::test]
async fn a_file_that_was_changed_cut_reordered_or_mixed_is_refused_and_nothing_is_written() {
    let (store, _folder, path) = filled(1000, &keyring()).await;
    export(store.as_ref(), &keyring(), &path).await.unwrap();
    let (header, frames) = parts(&fs::read(&path).unwrap());
    fs::remove_file(&path).unwrap();
    export(store.as_ref(), &keyring(), &path).await.unwrap();
    let (_, others) = parts(&fs::read(&path).unwrap());
    assert!(frames.len() >= 4, "{}", frames.len());
    let with = |change: &dyn Fn(&mut Vec<Vec<u8>>)| {
        let mut changed = frames.clone();
        change(&mut changed);
        [header.clone(), changed.concat()].concat()
    };
    let last = frames.len() - 1;
    let mut files = vec![
        ("swapped", with(&|frames| frames.swap(1, 2))),
        ("one left out", with(&|frames| drop(frames.remove(2)))),
        ("the last left out", with(&|frames| drop(frames.pop()))),
        ("one twice", with(&|frames| frames.insert(2, frames[2].clone()))),
        ("one of another file", with(&|frames| frames[2] = others[2].clone())),
        ("all of another file", with(&|frames| *frames = others.clone())),
        ("something behind it", with(&|frames| frames.push(vec![0]))),
        ("another file behind it", with(&|frames| frames.extend(others.clone()))),
        ("the last one not called so", with(&|frames| frames[last][0] = 0)),
        ("nothing but the header", header.clone()),
        ("one called the last", {
            let mut called = frames[..3].to_vec();
            called[2][0] = 1;
            [header.clone(), called.concat()].concat()
        }),
        ("a frame of four gigabytes", with(&|frames| frames[1][1..5].fill(0xff))),
    ];
    for n in 0..frames.len() {
        for at in [0, 4, 20, frames[n].len() - 1] {
            files.push(("a bit changed", with(&|frames| frames[n][at] ^= 2)));
        }
        files.push(("cut within a frame", [header.clone(), frames[..n].concat(), frames[n][..9].to_vec()].concat()));
    }
    for (what, file) in files {
        fs::write(&path, file).unwrap();
        let error = refusal(&path, &keyring()).await;
        assert!(matches!(error, MoveError::File { .. }), "{what}: {error}");
        let words = error.to_string();
        assert!(["is damaged", "is cut short"].iter().any(|said| words.contains(said)), "{what}: {words}");
    }
    fs::write(&path, with(&|_| {})).unwrap();
    assert!(import(memory().as_ref(), &keyring(), &path).await.is_ok());
}

#[tokio::test]
async fn a_file_of_tomorrow_and_one_of_somebody_elses_are_refused_in_words() {
    let (store, _folder, path) = filled(0, &keyring()).await;
    export(store.as_ref(), &keyring(), &path).await.unwrap();
    let file = fs::read(&path).unwrap();
    let tomorrows = [b"gatepost export 2".as_slice(), &file[17..]].concat();
    fs::write(&path, &tomorrows).unwrap();
    let error = refusal(&path, &keyring()).await.to_string();
    assert!(error.ends_with("gatepost.export has format 2, and this version of Gatepost knows format 1 only"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), tomorrows);
    for foreign in
        [b"".as_slice(), b"gatepost export ", b"gatepost export 1", b"gatepost export one\n", &[b'x'; 9000], b"gatepost export 1\n\n"]
    {
        fs::write(&path, foreign).unwrap();
        let error = refusal(&path, &keyring()).await;
        assert!(matches!(error, MoveError::File { error: FileError::Foreign, .. }), "{error}");
    }
}

#[tokio::test]
async fn a_record_of_tomorrow_is_not_left_out_of_an_export_but_refused() {
    let dir = TempDir::new().unwrap();
    let clock = Manual::starting_at(START).clock();
    let store = Embedded::open(dir.path(), clock.clone()).unwrap();
    use_with(&store, &keyring()).await;
    store.commit((0..2000).map(|n| put_user(n, n, Expect::Absent)).collect()).await.unwrap();
    drop(store);
    let db = Database::open(dir.path().join(FILE_NAME)).unwrap();
    let txn = db.begin_write().unwrap();
    let name = Key::User(gatepost::oauth::id::UserId::from_random([0xff; 16])).encode();
    txn.open_table(ENTRIES).unwrap().insert(&*name, (1, None, [2, b'{', b'}'].as_slice())).unwrap();
    txn.commit().unwrap();
    drop(db);
    let (store, folder) = (Embedded::open(dir.path(), clock).unwrap(), TempDir::new().unwrap());
    let error = export(&store, &keyring(), &folder.path().join("x")).await.unwrap_err().to_string();
    assert!(error.contains("format 2"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn the_roots_of_the_exporting_gateway_have_to_be_there_the_minting_one_or_not() {
    let from = ring(&[("k1", "r"), ("k2", "s")]);
    let (store, _folder, path) = filled(0, &from).await;
    export(store.as_ref(), &from, &path).await.unwrap();
    for (to, words) in [
        (ring(&[("k2", "s")]), "sealed under the root secret \"k1\", which is not configured"),
        (ring(&[("k1", "x"), ("k2", "s")]), "sealed under another root secret than the one configured as \"k1\""),
        (ring(&[("k1", "r")]), "had a root secret \"k2\" that is not configured here"),
        (ring(&[("k1", "r"), ("k2", "x")]), "\"k2\" is another one than the exporting gateway knew"),
    ] {
        let error = refusal(&path, &to).await.to_string();
        assert!(error.contains(words), "{error}");
    }
    for to in [&[("k2", "s"), ("k1", "r")][..], &[("k3", "t"), ("k1", "r"), ("k2", "s")]] {
        import(memory().as_ref(), &ring(to), &path).await.unwrap();
    }
    // One that the store still knows, although the gateway does without.
    let path = path.with_extension("later");
    export(store.as_ref(), &ring(&[("k2", "s")]), &path).await.unwrap();
    import(memory().as_ref(), &ring(&[("k2", "s")]), &path).await.unwrap();
    let error = refusal(&path, &ring(&[("k2", "s"), ("k1", "x")])).await;
    assert!(matches!(error, MoveError::RootDiffers(id) if id.to_string() == "k1"), "{error}");
}

#[tokio::test]
async fn nothing_is_written_over() {
    let (store, folder, path) = filled(0, &keyring()).await;
    fs::write(&path, "a letter").unwrap();
    let refused = export(store.as_ref(), &keyring(), &path).await.unwrap_err();
    assert!(matches!(refused, MoveError::Exists(_)), "{refused}");
    assert_eq!(fs::read(&path).unwrap(), b"a letter");
    fs::remove_file(&path).unwrap();
    let refused = export(memory().as_ref(), &keyring(), &path).await.unwrap_err();
    assert!(matches!(refused, MoveError::NothingThere), "{refused}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);

    export(store.as_ref(), &keyring(), &path).await.unwrap();
    let (used, before) = (memory(), put_user(7, 7, Expect::Absent));
    use_with(used.as_ref(), &keyring()).await;
    used.commit(vec![before]).await.unwrap();
    let refused = import(used.as_ref(), &keyring(), &path).await.unwrap_err();
    assert!(matches!(refused, MoveError::Used), "{refused}");
    assert_eq!(dump(used.as_ref()).await.len(), 2);
}

#[tokio::test]
async fn an_import_that_was_interrupted_anywhere_can_be_done_again() {
    let (store, _folder, path) = filled(0, &keyring()).await;
    export(store.as_ref(), &keyring(), &path).await.unwrap();
    let expected = dump(store.as_ref()).await;
    let mut outcomes = BTreeSet::new();
    for fault in [Fault::Before, Fault::After] {
        for skipped in 0.. {
            let time = Manual::starting_at(START);
            let faulty = Faulty::over(Arc::new(Memory::new(time.clock())), Weather::FAIR, skipped.into());
            faulty.plan(skipped, fault);
            let first = import(faulty.as_ref(), &keyring(), &path).await;
            let failed = faulty.failed() > 0;
            faulty.unplan();
            assert_eq!(first.is_err(), failed, "{first:?}");
            let used = (faulty.as_ref() as &dyn Store).roots().await.unwrap().is_some();
            // It is a used store once all of it is there, and not before.
            assert!(!used || dump(faulty.as_ref()).await == expected);
            match import(faulty.as_ref(), &keyring(), &path).await {
                Ok(_) => assert!(!used),
                Err(MoveError::Used) => assert!(used),
                Err(error) => panic!("{error}"),
            }
            assert_eq!(dump(faulty.as_ref()).await, expected);
            outcomes.insert((failed, used));
            if !failed {
                break;
            }
        }
    }
    assert_eq!(outcomes.len(), 3, "{outcomes:?}");
}
