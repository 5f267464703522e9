//! What lies in the file: three tables, and how an entry is read and written.
//!
//! ```text
//! meta       "format" → 1; "sequence" → the version given last
//! entries    name → version, deadline, bytes      a record, a list's member, a piece of soft state
//! deadlines  deadline, name → nothing             so that a sweep reads only what it removes
//! ```
//!
//! Names come from `key.rs`. Their first letter tells the kind and no two kinds share one, so
//! one table holds all of them.

use std::ops::Bound;

use jiff::Timestamp;
use redb::{Database, ReadOnlyTable, ReadableDatabase, ReadableTable, Table, TableDefinition, WriteTransaction};

use crate::store::{Expect, List, Unavailable, Version};

pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const ENTRIES: TableDefinition<'_, &[u8], Value> = TableDefinition::new("entries");
const DEADLINES: TableDefinition<'_, Deadline, ()> = TableDefinition::new("deadlines");

/// Under this name in [`META`], the format of the file.
pub(super) const FORMAT_NAME: &str = "format";
const SEQUENCE_NAME: &str = "sequence";

/// Version, deadline, bytes.
type Value = (u64, Option<Nanoseconds>, &'static [u8]);
type Deadline = (Nanoseconds, &'static [u8]);

/// Since 1970: a deadline as it is written down, to the nanosecond that the contract compares.
pub(super) type Nanoseconds = i128;

/// As it is written down.
pub(super) fn nanoseconds(time: Timestamp) -> Nanoseconds {
    time.as_nanosecond()
}

/// As it was before.
///
/// # Errors
/// [`Unavailable`] for what was never a time.
pub(super) fn timestamp(time: Nanoseconds) -> Result<Timestamp, Unavailable> {
    Timestamp::from_nanosecond(time).map_err(|_out_of_range| Unavailable::because("a deadline that is no time"))
}

fn is_over(until: Option<Nanoseconds>, now: Nanoseconds) -> bool {
    until.is_some_and(|until| until <= now)
}

/// An entry as it was read.
pub(super) struct Entry {
    pub(super) version: Version,
    pub(super) bytes: Vec<u8>,
}

/// The entry of that name, unless its time is over.
pub(super) fn read(db: &Database, name: &[u8], now: Nanoseconds) -> Result<Option<Entry>, redb::Error> {
    entry(&snapshot(db)?, name, now)
}

/// All entries as they are now.
pub(super) type Snapshot = ReadOnlyTable<&'static [u8], Value>;

/// What is written later is not in it.
pub(super) fn snapshot(db: &Database) -> Result<Snapshot, redb::Error> {
    Ok(db.begin_read()?.open_table(ENTRIES)?)
}

/// The entry of that name in it, unless its time is over.
pub(super) fn entry(snapshot: &Snapshot, name: &[u8], now: Nanoseconds) -> Result<Option<Entry>, redb::Error> {
    let Some(found) = snapshot.get(name)? else { return Ok(None) };
    let (version, until, bytes) = found.value();
    Ok((!is_over(until, now)).then(|| Entry { version: Version(version), bytes: bytes.to_vec() }))
}

/// The members of a list whose time there is not over.
pub(super) fn read_members(db: &Database, list: List, now: Nanoseconds) -> Result<Vec<[u8; 16]>, redb::Error> {
    let entries = db.begin_read()?.open_table(ENTRIES)?;
    let mut members = Vec::new();
    for found in entries.range::<&[u8]>(&*list.name_of(&[0; 16])..=&*list.name_of(&[u8::MAX; 16]))? {
        let (name, entry) = found?;
        if is_over(entry.value().1, now) {
            continue;
        }
        // Lists are of one length, so within this range a member is what follows the list.
        members.extend(name.value().last_chunk().copied());
    }
    Ok(members)
}

/// What comes behind an entry of that name, in the order of names: up to `limit` entries, those
/// whose time is over left out, and the name of the last one if there are more behind it.
pub(super) fn read_behind(db: &Database, name: Option<&[u8]>, limit: usize, now: Nanoseconds) -> Result<Rows, redb::Error> {
    let entries = db.begin_read()?.open_table(ENTRIES)?;
    let mut rows = Rows::default();
    let behind = entries.range::<&[u8]>((name.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded))?;
    for (n, found) in (1..).zip(behind) {
        let (name, entry) = found?;
        let (_, until, bytes) = entry.value();
        if !is_over(until, now) {
            rows.live.push((name.value().to_vec(), until, bytes.to_vec()));
        }
        if n == limit {
            rows.last = Some(name.value().to_vec());
            break;
        }
    }
    Ok(rows)
}

/// Entries as they lie in the file.
#[derive(Default)]
pub(super) struct Rows {
    /// Name, deadline, bytes.
    pub(super) live: Vec<(Vec<u8>, Option<Nanoseconds>, Vec<u8>)>,
    /// The name behind which there may be more.
    pub(super) last: Option<Vec<u8>>,
}

/// The tables, open for writing.
pub(super) struct Tables<'txn> {
    meta: Table<'txn, &'static str, u64>,
    entries: Table<'txn, &'static [u8], Value>,
    deadlines: Table<'txn, Deadline, ()>,
    now: Nanoseconds,
}

impl<'txn> Tables<'txn> {
    /// Opens the tables, and makes those that are not there.
    pub(super) fn open(txn: &'txn WriteTransaction, now: Nanoseconds) -> Result<Self, redb::Error> {
        let (meta, entries, deadlines) = (txn.open_table(META)?, txn.open_table(ENTRIES)?, txn.open_table(DEADLINES)?);
        Ok(Self { meta, entries, deadlines, now })
    }

    /// The version given last.
    pub(super) fn sequence(&self) -> Result<u64, redb::Error> {
        Ok(self.meta.get(SEQUENCE_NAME)?.map_or(0, |found| found.value()))
    }

    /// Remembers the version given last.
    pub(super) fn set_sequence(&mut self, version: u64) -> Result<(), redb::Error> {
        self.meta.insert(SEQUENCE_NAME, version)?;
        Ok(())
    }

    /// Whether what lies under a name is what somebody expects there.
    pub(super) fn meets(&self, name: &[u8], expect: Expect) -> Result<bool, redb::Error> {
        Ok(match expect {
            Expect::Absent => self.live_version(name)?.is_none(),
            Expect::Version(version) => self.live_version(name)? == Some(version),
            Expect::Any => true,
        })
    }

    fn live_version(&self, name: &[u8]) -> Result<Option<Version>, redb::Error> {
        let Some(found) = self.entries.get(name)? else { return Ok(None) };
        let (version, until, _) = found.value();
        Ok((!is_over(until, self.now)).then_some(Version(version)))
    }

    /// Writes an entry over what lies there.
    pub(super) fn put(&mut self, name: &[u8], version: u64, until: Option<Nanoseconds>, bytes: &[u8]) -> Result<(), redb::Error> {
        let before = self.entries.insert(name, (version, until, bytes))?.and_then(|before| before.value().1);
        if before != until {
            self.index(name, before, until)?;
        }
        Ok(())
    }

    /// Removes an entry, if there is one.
    pub(super) fn remove(&mut self, name: &[u8]) -> Result<(), redb::Error> {
        let before = self.entries.remove(name)?.and_then(|before| before.value().1);
        self.index(name, before, None)
    }

    /// Removes up to `limit` entries whose time is over, and says how many it found.
    pub(super) fn sweep(&mut self, limit: usize) -> Result<u64, redb::Error> {
        let over = ..(self.now + 1, [].as_slice());
        let due = self.deadlines.range::<(Nanoseconds, &[u8])>(over)?.take(limit);
        let owned = |(until, name): (Nanoseconds, &[u8])| (until, name.to_vec());
        let due = due.map(|found| Ok(owned(found?.0.value()))).collect::<Result<Vec<_>, redb::StorageError>>()?;
        for (until, name) in &due {
            self.deadlines.remove((*until, name.as_slice()))?;
            // The index is written with the entries and agrees with them. If it ever did not, it
            // is the index that is wrong.
            if self.entries.get(name.as_slice())?.and_then(|found| found.value().1) == Some(*until) {
                self.entries.remove(name.as_slice())?;
            }
        }
        Ok(due.len() as u64)
    }

    fn index(&mut self, name: &[u8], before: Option<Nanoseconds>, after: Option<Nanoseconds>) -> Result<(), redb::Error> {
        if let Some(before) = before {
            self.deadlines.remove((before, name))?;
        }
        if let Some(after) = after {
            self.deadlines.insert((after, name), ())?;
        }
        Ok(())
    }
}
