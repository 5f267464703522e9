//! The store that many replicas share: one truth in Redis 6.2 or newer, alone, behind sentinels, or in a
//! Cluster.
//!
//! ```text
//! load, load_whole, members ───► the link for reads ────┐
//! commit ──────────────────────► the link for commits ──┼──► one script each, on the realm's primary
//! soft state, feed, tallies ───► the link for the rest ─┘
//! notices ◄────────────────────── Pub/Sub, on a connection of its own
//! ```
//!
//! A realm lies in one slot, so whatever the topology there is one server that counts, and plain
//! connections to it. Each read is one script, and so is each commit: Redis runs them one after the
//! other. Deadlines are compared with the gateway's clock; time-outs and pauses are the network's, and pass whatever
//! that clock does. What lies there under which name, `names.rs` says; how a value looks, `value.rs`.

mod connect;
pub mod count;
mod dump;
mod keeper;
mod line;
mod link;
mod names;
mod notices;
mod reply;
mod scripts;
mod socket;
#[cfg(test)]
mod tests;
mod value;

use std::sync::Arc;

use jiff::Timestamp;
use redis::Value as Reply;
use tokio_util::task::AbortOnDropHandle;

use self::{
    connect::Finder,
    count::Tallies,
    link::{Link, LinkLimits, Repeat},
    names::{KEEP_ENTRIES, Names, lifetime},
    reply::{array, bytes, entry, position, sixteen, unexpected},
    scripts::Scripts,
    value::Value,
};
use super::{
    Answer, Change, CommitError, Counter, Cursor, Expect, Feed, Key, List, Loaded, Notice, Notices, Page, Position, Record, Soft, SoftKey,
    Store, Swept, Unavailable, Version, Whole,
    feed::{Board, MOST_ENTRIES},
    record::encode_taken_back,
};
use crate::{clock::Clock, config, oauth::step::TakesBack};
pub use connect::{Cause, OpenError};

/// So many pieces of soft state go into one script.
const SOFT_STEP: usize = 256;

/// A realm in Redis.
pub struct Redis {
    clock: Clock,
    names: Names,
    scripts: Scripts,
    reads: Link,
    commits: Link,
    rest: Arc<Link>,
    tallies: Arc<Tallies>,
    board: Board,
    _listener: AbortOnDropHandle<()>,
}

impl Redis {
    /// Connects. The connections are kept from then on, on the runtime that this is called on.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(config: &config::store::Redis, clock: Clock) -> Result<Self, OpenError> {
        let names = Names::of(config);
        let finder = Arc::new(Finder::new(config)?);
        let limits = LinkLimits { timeout: config.timeout, most_waiting: config.most_waiting };
        let reads = Link::open(Arc::clone(&finder), "reads", limits).await?;
        let commits = Link::open(Arc::clone(&finder), "commits", limits).await?;
        let rest = Arc::new(Link::open(Arc::clone(&finder), "rest", limits).await?);
        let tallies = Arc::new(Tallies::new(names.clone(), Arc::clone(&rest)));
        let board = Board::default();
        let _listener = notices::listen(finder, names.channel(), board.clone());
        Ok(Self { clock, names, scripts: Scripts::new(), reads, commits, rest, tallies, board, _listener })
    }

    /// Reads a record and, if wanted, what it rests on.
    async fn read(&self, key: &Key, rests_on: bool, watch: Option<&Key>) -> Result<Option<Whole>, Unavailable> {
        let now = self.clock.now();
        let keys: Vec<Vec<u8>> = [Some(key), watch].into_iter().flatten().map(|key| self.names.key(key)).collect();
        let args = [self.names.tag().to_vec(), if rests_on { b"1".to_vec() } else { Vec::new() }];
        let mut answer = self.reads.run(&self.scripts.load, &keys, &args, Repeat::Safe).await?.into_iter();
        let Some(loaded) = present(bytes(answer.next())?.as_deref(), now)? else { return Ok(None) };
        // The head of a value is one without names and without a record.
        let head = bytes(answer.next())?.filter(|head| !head.is_empty()).map(|head| [head, vec![0]].concat());
        let watched = head.as_deref().map(Value::read).transpose()?;
        let watched = watched.filter(|value| !value.is_over(now)).map(|value| value.version);
        let rests_on = answer.map(|value| present(bytes(Some(value))?.as_deref(), now)).collect::<Result<_, _>>()?;
        Ok(Some(Whole { loaded, rests_on, watched }))
    }

    async fn write(&self, changes: Vec<Change>) -> Result<(), CommitError> {
        let now = self.clock.now();
        let version = Version(rand::random());
        let mut keys = Vec::with_capacity(changes.len());
        let mut args = vec![value::digits(Some(now)).to_vec(), self.names.channel(), KEEP_ENTRIES.as_secs().to_string().into_bytes()];
        let takes_back = changes.iter().any(|change| matches!(change, Change::TakeBack(_)));
        for change in changes.into_iter().chain(takes_back.then_some(Change::Tell(Notice::Feed))) {
            let Part { key, what, expect, fields } = self.part(change, version, now)?;
            keys.push(key);
            args.push(what.as_bytes().to_vec());
            args.push(match expect {
                Expect::Any => b"any".to_vec(),
                Expect::Absent => b"absent".to_vec(),
                Expect::Version(version) => version.0.to_be_bytes().to_vec(),
            });
            args.extend(fields);
        }
        let answer = self.commits.run(&self.scripts.commit, &keys, &args, Repeat::OnlyIfNotDone).await?;
        match answer.as_slice() {
            [Reply::BulkString(word)] if word == b"written" => Ok(()),
            [Reply::BulkString(word)] if word == b"conflict" => Err(CommitError::Conflict),
            [Reply::BulkString(word), Reply::Int(layout)] if word == b"layout" => {
                Err(value::unknown_layout(u8::try_from(*layout).unwrap_or(0)).into())
            }
            _ => Err(unexpected().into()),
        }
    }

    /// A part of a commit, as the script takes it.
    fn part(&self, change: Change, version: Version, now: Timestamp) -> Result<Part, Unavailable> {
        let names = &self.names;
        let part = |key, what, expect, fields| Part { key, what, expect, fields };
        let none = Vec::new;
        Ok(match change {
            Change::Put { key, expect, record, until } => {
                let value = value::of_record(version, until, &record)?;
                part(names.key(&key), "put", expect, [value, milliseconds(until, now), none()])
            }
            Change::Compare { key, expect } => part(names.key(&key), "compare", expect, [none(), none(), none()]),
            Change::Delete { key, expect } => part(names.key(&key), "delete", expect, [none(), none(), none()]),
            Change::Link { list, member, until } => {
                let end = if until == Timestamp::MAX { b"+inf".to_vec() } else { score(until) };
                part(names.list(list), "link", Expect::Any, [member.to_vec(), end, score(now)])
            }
            Change::TakeBack(what) => self.entry(what)?,
            Change::Tell(notice) => part(names.channel(), "tell", Expect::Any, [notices::written(notice), none(), none()]),
        })
    }

    fn entry(&self, what: TakesBack) -> Result<Part, Unavailable> {
        let id: [u8; 16] = rand::random();
        let fields = [id.to_vec(), encode_taken_back(what)?, Vec::new()];
        Ok(Part { key: self.names.feed(), what: "feed", expect: Expect::Any, fields })
    }
}

/// One part of a commit, as the script takes it.
struct Part {
    key: Vec<u8>,
    what: &'static str,
    expect: Expect,
    fields: [Vec<u8>; 3],
}

impl Store for Redis {
    fn load<'a>(&'a self, key: &'a Key) -> Answer<'a, Option<Loaded<Record>>> {
        Box::pin(async move { Ok(self.read(key, false, None).await?.map(|whole| whole.loaded)) })
    }

    fn load_whole<'a>(&'a self, key: &'a Key, watch: Option<&'a Key>) -> Answer<'a, Option<Whole>> {
        Box::pin(self.read(key, true, watch))
    }

    /// Once it is sent, dropping the answer does not take it back.
    fn commit(&self, changes: Vec<Change>) -> Answer<'_, (), CommitError> {
        Box::pin(self.write(changes))
    }

    fn members(&self, list: List) -> Answer<'_, Vec<[u8; 16]>> {
        Box::pin(async move {
            let args = [score(self.clock.now())];
            let answer = self.reads.run(&self.scripts.members, &[self.names.list(list)], &args, Repeat::Safe).await?;
            let members = array(answer.into_iter().next())?;
            members.into_iter().map(|member| sixteen(Some(member))).collect()
        })
    }

    fn soft_load(&self, key: SoftKey) -> Answer<'_, Option<Soft>> {
        Box::pin(async move {
            let args = [Vec::new(), Vec::new()];
            let answer = self.rest.run(&self.scripts.load, &[self.names.soft(key)], &args, Repeat::Safe).await?;
            let Some(value) = bytes(answer.into_iter().next())? else { return Ok(None) };
            // What cannot be read of it is lost, and it may be.
            let value = Value::read(&value).ok().filter(|value| !value.is_over(self.clock.now()));
            Ok(value.and_then(|value| Soft::decode(value.bytes)))
        })
    }

    fn soft_save(&self, pieces: Vec<(SoftKey, Soft, Timestamp)>) -> Answer<'_, ()> {
        Box::pin(async move {
            let now = self.clock.now();
            for pieces in pieces.chunks(SOFT_STEP) {
                let mut keys = Vec::with_capacity(pieces.len());
                let mut args = vec![value::digits(Some(now)).to_vec(), Vec::new(), Vec::new()];
                for (key, soft, until) in pieces {
                    keys.push(self.names.soft(*key));
                    let value = value::write(Version(0), Some(*until), std::iter::empty::<&[u8]>(), &soft.encode()?)?;
                    args.extend([b"put".to_vec(), b"any".to_vec(), value, milliseconds(Some(*until), now), Vec::new()]);
                }
                self.rest.run(&self.scripts.commit, &keys, &args, Repeat::Safe).await?;
            }
            Ok(())
        })
    }

    /// Redis does it by itself.
    fn sweep(&self) -> Answer<'_, Swept> {
        Box::pin(async { Ok(Swept::default()) })
    }

    fn feed(&self, after: Option<Position>) -> Answer<'_, Feed> {
        Box::pin(async move {
            let sequence = after.map(|after| after.sequence.to_string()).unwrap_or_default();
            let id = after.map(|after| after.id.to_vec()).unwrap_or_default();
            let args = [sequence.into_bytes(), id, MOST_ENTRIES.to_string().into_bytes()];
            let mut answer = self.rest.run(&self.scripts.feed, &[self.names.feed()], &args, Repeat::Safe).await?.into_iter();
            let word = bytes(answer.next())?;
            let entries = array(answer.next())?;
            match word.as_deref() {
                Some(b"since") => Ok(Feed::Since(entries.into_iter().map(entry).collect::<Result<_, _>>()?)),
                Some(b"gap") => {
                    let last = entries.into_iter().next().map(position).transpose()?;
                    Ok(Feed::Gap(last.map(|(position, _)| position).unwrap_or_default()))
                }
                _ => Err(unexpected()),
            }
        })
    }

    fn notices(&self) -> Notices {
        self.board.listen()
    }

    fn dump(&self, from: Option<Cursor>) -> Answer<'_, Page> {
        Box::pin(self.page(from))
    }

    fn counter(&self) -> Option<Arc<dyn Counter>> {
        Some(Arc::clone(&self.tallies) as Arc<dyn Counter>)
    }
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redis").field("names", &self.names).finish_non_exhaustive()
    }
}

/// The record of a value, unless there is none or its time is over.
fn present(value: Option<&[u8]>, now: Timestamp) -> Result<Option<Loaded<Record>>, Unavailable> {
    let value = value.map(Value::read).transpose()?;
    value.filter(|value| !value.is_over(now)).map(|value| value.record()).transpose()
}

/// A lifetime as Redis takes it; empty for what stays.
fn milliseconds(until: Option<Timestamp>, now: Timestamp) -> Vec<u8> {
    lifetime(until, now).map(|lifetime| lifetime.to_string().into_bytes()).unwrap_or_default()
}

/// The end of a list's entry, in microseconds: a sorted set counts in floating point, and these it counts
/// exactly until the year 2255.
fn score(time: Timestamp) -> Vec<u8> {
    time.as_microsecond().to_string().into_bytes()
}
