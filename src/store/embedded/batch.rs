//! Several jobs in one transaction. Each commit is atomic by itself: it compares all its keys
//! before it writes any, sees what those before it wrote, and if it conflicts it leaves no trace.
//! What is told of them is told only when the whole transaction is safe, since a conflict too may
//! rest on a write of the same batch.

use redb::{Database, Durability};

use super::{
    soft::Piece,
    tables::{Nanoseconds, Tables, nanoseconds},
};
use crate::store::{Change, Expect, Unavailable, local::Tells};

/// How many expired entries one job removes at most, so that commits do not wait for a long
/// sweep.
pub(super) const SWEEP_STEP: usize = 512;

/// One thing to do in a transaction.
pub(super) enum Work {
    /// Compare all, then write all or nothing.
    Commit(Commit),
    /// Remove up to [`SWEEP_STEP`] expired entries.
    Sweep,
}

impl Work {
    /// What is to be told once it is written.
    pub(super) fn tells(self) -> Tells {
        match self {
            Self::Commit(commit) => commit.tells,
            Self::Sweep => Tells::default(),
        }
    }
}

/// What became of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// A commit was written.
    Written,
    /// A commit was left out.
    Conflict,
    /// So many entries were removed.
    Swept(u64),
}

/// A commit in the form in which it is written, made before it is queued: the writer thread has
/// no time for JSON.
pub(super) struct Commit {
    steps: Vec<Step>,
    /// Whether it may be lost in a crash.
    soft: bool,
    tells: Tells,
}

struct Step {
    name: Vec<u8>,
    expect: Expect,
    write: Write,
}

enum Write {
    Nothing,
    Put { until: Option<Nanoseconds>, bytes: Vec<u8> },
    Remove,
}

impl Commit {
    /// The changes of a commit.
    ///
    /// # Errors
    /// [`Unavailable`] where a record cannot be written down.
    pub(super) fn of(changes: Vec<Change>) -> Result<Self, Unavailable> {
        let tells = Tells::of(&changes);
        let steps = changes.into_iter().filter_map(|change| Step::of(change).transpose()).collect::<Result<_, _>>()?;
        Ok(Self { steps, soft: false, tells })
    }

    /// Pieces of soft state, to be written without waiting for the disk.
    ///
    /// # Errors
    /// [`Unavailable`] where a piece cannot be written down.
    pub(super) fn of_soft_state(pieces: &[Piece]) -> Result<Self, Unavailable> {
        let step = |(key, soft, until): &Piece| {
            let write = Write::Put { until: Some(nanoseconds(*until)), bytes: soft.encode()? };
            Ok(Step { name: key.encode(), expect: Expect::Any, write })
        };
        Ok(Self { steps: pieces.iter().map(step).collect::<Result<_, Unavailable>>()?, soft: true, tells: Tells::default() })
    }
}

impl Step {
    /// What it writes or compares, if it does.
    fn of(change: Change) -> Result<Option<Self>, Unavailable> {
        Ok(Some(match change {
            Change::Put { key, expect, record, until } => {
                let write = Write::Put { until: until.map(nanoseconds), bytes: record.encode()? };
                Self { name: key.encode(), expect, write }
            }
            Change::Compare { key, expect } => Self { name: key.encode(), expect, write: Write::Nothing },
            Change::Delete { key, expect } => Self { name: key.encode(), expect, write: Write::Remove },
            Change::Link { list, member, until } => {
                let write = Write::Put { until: Some(nanoseconds(until)), bytes: Vec::new() };
                Self { name: list.name_of(&member), expect: Expect::Any, write }
            }
            Change::TakeBack(_) | Change::TakeBackAgain(_) | Change::Tell(_) => return Ok(None),
        }))
    }
}

/// Does all of it in one transaction. Once this has returned `Ok`, every commit among it survives
/// a crash.
///
/// # Errors
/// The database's. It is then unknown whether anything was written.
pub(super) fn transact<'a>(db: &Database, works: impl Iterator<Item = &'a Work>, now: Nanoseconds) -> Result<Vec<Outcome>, redb::Error> {
    let mut txn = db.begin_write()?;
    let mut batch = Batch::begin(Tables::open(&txn, now)?)?;
    let outcomes = works.map(|work| batch.run(work)).collect::<Result<Vec<_>, _>>()?;
    match batch.end()? {
        None => txn.abort()?,
        Some(durability) => {
            txn.set_durability(durability)?;
            txn.commit()?;
        }
    }
    Ok(outcomes)
}

struct Batch<'txn> {
    tables: Tables<'txn>,
    /// The version given last. All that one commit writes has one version: it names each key once.
    sequence: u64,
    /// What the transaction needs so far; `None` as long as there is nothing to write.
    durability: Option<Durability>,
}

impl<'txn> Batch<'txn> {
    fn begin(tables: Tables<'txn>) -> Result<Self, redb::Error> {
        Ok(Self { sequence: tables.sequence()?, tables, durability: None })
    }

    fn run(&mut self, work: &Work) -> Result<Outcome, redb::Error> {
        match work {
            Work::Commit(commit) => self.commit(commit),
            Work::Sweep => {
                let removed = self.tables.sweep(SWEEP_STEP)?;
                if removed > 0 {
                    // What has expired is absent, swept or not: no crash can undo that.
                    self.wrote(Durability::None);
                }
                Ok(Outcome::Swept(removed))
            }
        }
    }

    fn commit(&mut self, commit: &Commit) -> Result<Outcome, redb::Error> {
        for step in &commit.steps {
            if !self.tables.meets(&step.name, step.expect)? {
                return Ok(Outcome::Conflict);
            }
        }
        self.sequence += 1;
        for step in &commit.steps {
            match &step.write {
                Write::Nothing => continue,
                Write::Put { until, bytes } => self.tables.put(&step.name, self.sequence, *until, bytes)?,
                Write::Remove => self.tables.remove(&step.name)?,
            }
            self.wrote(if commit.soft { Durability::None } else { Durability::Immediate });
        }
        Ok(Outcome::Written)
    }

    fn wrote(&mut self, durability: Durability) {
        if !matches!(self.durability, Some(Durability::Immediate)) {
            self.durability = Some(durability);
        }
    }

    fn end(mut self) -> Result<Option<Durability>, redb::Error> {
        if self.durability.is_some() {
            self.tables.set_sequence(self.sequence)?;
        }
        Ok(self.durability)
    }
}
