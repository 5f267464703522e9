//! What the embedded store has answered is on the disk, and the disk does not fill up.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
};

use gatepost::{
    clock::{Clock, Manual},
    store::{
        Change, Expect, Key, Soft, SoftKey, Store,
        embedded::{Embedded, FILE_NAME, OpenError},
    },
};
use jiff::{Timestamp, ToSpan};
use tempfile::TempDir;

use crate::support::records::{START, grant_id, list, put_grant, put_user, put_user_code, user_code, user_id};

/// So many threads commit at a time, each the numbers that leave its own remainder.
const WRITERS: u64 = 4;
/// Tells the child process where the store lies.
const CHILD_DIR: &str = "GATEPOST_TEST_CHILD_DIR";
/// Tells the child process the first number that is new.
const CHILD_FIRST: &str = "GATEPOST_TEST_CHILD_FIRST";

/// A commit of several keys, all of which bear its number. One of them is rewritten each time.
fn numbered(n: u64) -> Vec<Change> {
    let writer = n % WRITERS;
    vec![
        put_grant(n, Expect::Absent, None),
        put_user(writer, n, Expect::Any),
        Change::Link { list: list(writer), member: *grant_id(n).as_bytes(), until: Timestamp::MAX },
        put_user_code(n, Expect::Absent, None),
    ]
}

#[test]
fn kill_nine_at_any_moment_loses_nothing_that_was_answered() {
    if let (Some(dir), Ok(first)) = (env::var_os(CHILD_DIR), env::var(CHILD_FIRST)) {
        return commit_until_killed(Path::new(&dir), first.parse().unwrap());
    }
    let stores = if env::var_os("GATEPOST_TEST_ALL").is_some() { 12 } else { 1 };
    for _ in 0..stores {
        let dir = TempDir::new().unwrap();
        let mut answered = BTreeSet::new();
        for round in 0..12 {
            // Now and then while the file is being opened, and at first while it is being made.
            let lines = if round % 4 == 0 { 1 } else { rand::random_range(2..300) };
            let before = answered.len();
            // A gap shows where the child of one round ends and that of the next begins.
            answered.extend(run_child(dir.path(), answered.last().map_or(0, |last| last + 100), lines));
            assert!(lines == 1 || answered.len() > before, "the child did not get to work in round {round}");
            check(dir.path(), &answered);
        }
    }
}

/// Runs the child until it has printed so many lines, kills it, and gives all that it said it had
/// committed.
fn run_child(dir: &Path, first: u64, lines: usize) -> Vec<u64> {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["store_durability::kill_nine_at_any_moment_loses_nothing_that_was_answered", "--exact", "--nocapture"])
        .env(CHILD_DIR, dir)
        .env(CHILD_FIRST, first.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let (mut seen, mut killed, mut answered, mut line) = (0, false, Vec::new(), String::new());
    while output.read_line(&mut line).unwrap() > 0 {
        // Without its end a line was cut off by the kill.
        let said = line.strip_suffix('\n').and_then(|line| line.strip_prefix("child: "));
        if let Some(said) = said {
            seen += 1;
            answered.extend(said.strip_prefix("answered ").map(|n| n.parse::<u64>().unwrap()));
        }
        if seen >= lines && !killed {
            if !answered.is_empty() {
                let refused = Embedded::open(dir, Clock::system());
                assert!(matches!(refused, Err(OpenError::InUse { .. })), "{refused:?}");
            }
            child.kill().unwrap();
            killed = true;
        }
        line.clear();
    }
    child.wait().unwrap();
    answered
}

/// Opens what the child left and looks for everything in it.
#[tokio::main(flavor = "current_thread")]
async fn check(dir: &Path, answered: &BTreeSet<u64>) {
    let store = Embedded::open(dir, Clock::system()).unwrap();
    let mut linked = BTreeSet::new();
    for writer in 0..WRITERS {
        linked.extend(store.members(list(writer)).await.unwrap());
    }
    let mut newest = BTreeMap::new();
    for n in 0..answered.last().map_or(0, |last| last + 50) {
        let grant = store.load(&Key::Grant(grant_id(n))).await.unwrap().is_some();
        let code = store.load(&user_code(n)).await.unwrap().is_some();
        assert!(grant == code && grant == linked.contains(grant_id(n).as_bytes()), "commit {n} is split");
        assert!(grant || !answered.contains(&n), "commit {n} is lost");
        if grant {
            newest.insert(n % WRITERS, n);
        }
    }
    for (writer, n) in newest {
        let user = (&store as &dyn Store).user(user_id(writer)).await.unwrap();
        assert_eq!(user.map(|user| user.record.generation), Some(n), "the last of writer {writer} is lost");
    }
}

/// What the child process does.
fn commit_until_killed(dir: &Path, first: u64) {
    say("opening");
    let store = Embedded::open(dir, Clock::system()).unwrap();
    std::thread::scope(|threads| {
        for writer in 0..WRITERS {
            let store = &store;
            threads.spawn(move || commit_for_ever(store, first.next_multiple_of(WRITERS) + writer));
        }
        threads.spawn(|| sweep_for_ever(&store));
    });
}

#[tokio::main(flavor = "current_thread")]
async fn commit_for_ever(store: &Embedded, first: u64) {
    for n in (first..).step_by(usize::try_from(WRITERS).unwrap()) {
        store.commit(numbered(n)).await.unwrap();
        say(&format!("answered {n}"));
    }
}

/// Transactions that do not wait for the disk, in between those that do.
#[tokio::main(flavor = "current_thread")]
async fn sweep_for_ever(store: &Embedded) {
    for n in 0.. {
        let now = Timestamp::now();
        store.soft_save(vec![(SoftKey::LastUsed(grant_id(n % 100)), Soft::LastUsed(now), now + 1.millisecond())]).await.unwrap();
        store.sweep().await.unwrap();
    }
}

/// In one write, so that a line is whole or cut off, and never mixed with another.
fn say(what: &str) {
    std::io::stdout().write_all(format!("child: {what}\n").as_bytes()).unwrap();
}

#[tokio::test]
async fn the_file_does_not_grow_without_end() {
    let dir = TempDir::new().unwrap();
    let clock = Manual::starting_at(START);
    let store = Embedded::open(dir.path(), clock.clock()).unwrap();
    let mut sizes = Vec::new();
    for round in 0..16 {
        let until = Some(clock.clock().now() + 1.minute());
        for commit in 0..10 {
            let numbers = (0..20).map(|n| round * 1000 + commit * 20 + n);
            let changes = numbers.flat_map(|n| [put_grant(n, Expect::Absent, until), put_user_code(n, Expect::Absent, until)]);
            store.commit(changes.collect()).await.unwrap();
        }
        clock.advance(std::time::Duration::from_secs(60));
        assert_eq!(store.sweep().await.unwrap().removed, 400);
        sizes.push(fs::metadata(dir.path().join(FILE_NAME)).unwrap().len());
    }
    let (first, later) = sizes.split_at(4);
    assert!(later.iter().max() <= first.iter().max(), "{sizes:?}");
}
