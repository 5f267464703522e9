//! The store that many replicas share: one truth in Redis 6.2 or newer, alone, behind sentinels, or in a
//! Cluster.
//!
//! ```text
//! load, load_whole, members ───► the link for reads ────┐
//! commit ──────────────────────► the link for commits ──┤
//! renew, acknowledge ──────────► the link for renewals ─┼──► one script each, on the realm's primary
//! soft state, tallies ─────────► the link for the rest ─┘
//! notices ◄────────────────────── Pub/Sub, on a connection of its own
//! ```
//!
//! A realm lies in one slot, so whatever the topology there is one server that counts, and plain
//! connections to it. Each read is one script, and so is each commit: Redis runs them one after the
//! other. Deadlines are compared with the gateway's clock; time-outs and pauses are the network's, and pass whatever
//! that clock does. What lies there under which name, `names.rs` says; how a value looks, `value.rs`.

mod commit;
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
mod together;
mod value;

use std::sync::Arc;

use jiff::Timestamp;
use tokio_util::task::AbortOnDropHandle;

use self::{
    commit::Commits,
    connect::Finder,
    count::Tallies,
    link::{Link, LinkLimits, Repeat},
    names::{Names, milliseconds, named, score},
    reply::{array, bytes, sixteen, unexpected},
    scripts::Scripts,
    together::{Links, Together},
    value::Value,
};
use super::{
    Answer, Change, CommitError, Counter, Cursor, Key, List, Loaded, Notices, Page, Position, ReadError, Record, Replicas, Soft, SoftKey,
    Store, Swept, Unavailable, Version, Whole, feed::Board,
};
use crate::{
    clock::Clock,
    config::{self, store::Promise},
};
pub use connect::{Cause, OpenError};

/// So many pieces of soft state go into one script.
const SOFT_STEP: usize = 256;

/// A realm in Redis.
pub struct Redis {
    clock: Clock,
    names: Names,
    scripts: Scripts,
    reads: Arc<Link>,
    commits: Arc<Commits>,
    rest: Arc<Link>,
    tallies: Arc<Tallies>,
    together: Arc<Together>,
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
        let reads = Arc::new(Link::open(Arc::clone(&finder), "reads", limits).await?);
        let commits = Link::open(Arc::clone(&finder), "commits", limits).await?;
        let commits = Arc::new(Commits::new(names.clone(), commits, config.wait_replicas, clock.clone()));
        let rest = Arc::new(Link::open(Arc::clone(&finder), "rest", limits).await?);
        let renewals = Link::open(Arc::clone(&finder), "renewals", limits).await?;
        let links = Links { renewals, reads: Arc::clone(&reads), rest: Arc::clone(&rest) };
        let together = Arc::new(Together::new(names.clone(), links, Arc::clone(&commits)));
        if config.promise == Promise::Durable {
            together.refuse_unconfirmed().await?;
        }
        let tallies = Arc::new(Tallies::new(names.clone(), Arc::clone(&rest)));
        let board = Board::default();
        let _listener = notices::listen(finder, names.channel(), board.clone());
        Ok(Self { clock, names, scripts: Scripts::new(), reads, commits, rest, tallies, together, board, _listener })
    }

    /// Reads a record and, if wanted, what it rests on.
    async fn read(&self, key: &Key, rests_on: bool, watch: Option<&Key>, applied: Option<Position>) -> Result<Option<Whole>, ReadError> {
        let now = self.clock.now();
        let keys: Vec<Vec<u8>> = [Some(key), watch].into_iter().flatten().map(|key| self.names.key(key)).collect();
        let [sequence, id] = named(applied);
        let args = [self.names.tag().to_vec(), if rests_on { b"1".to_vec() } else { Vec::new() }, sequence, id];
        let mut answer = self.reads.run(&self.scripts.load, &keys, &args, Repeat::Safe).await?.into_iter();
        match bytes(answer.next())?.as_deref() {
            Some(b"read") => {}
            Some(b"elsewhere") => return Err(ReadError::OtherHistory),
            _ => return Err(unexpected().into()),
        }
        let Some(loaded) = present(bytes(answer.next())?.as_deref(), now)? else { return Ok(None) };
        // The head of a value is one without names and without a record.
        let head = bytes(answer.next())?.filter(|head| !head.is_empty()).map(|head| [head, vec![0]].concat());
        let watched = head.as_deref().map(Value::read).transpose()?;
        let watched = watched.filter(|value| !value.is_over(now)).map(|value| value.version);
        let rests_on = answer.map(|value| present(bytes(Some(value))?.as_deref(), now)).collect::<Result<_, _>>()?;
        Ok(Some(Whole { loaded, rests_on, watched }))
    }
}

impl Store for Redis {
    fn load<'a>(&'a self, key: &'a Key) -> Answer<'a, Option<Loaded<Record>>> {
        Box::pin(async move {
            match self.read(key, false, None, None).await {
                Ok(whole) => Ok(whole.map(|whole| whole.loaded)),
                Err(ReadError::Unavailable(unavailable)) => Err(unavailable),
                Err(unasked @ ReadError::OtherHistory) => Err(Unavailable::because(unasked)),
            }
        })
    }

    fn load_whole<'a>(&'a self, key: &'a Key, watch: Option<&'a Key>, applied: Option<Position>) -> Answer<'a, Option<Whole>, ReadError> {
        Box::pin(self.read(key, true, watch, applied))
    }

    /// Once it is sent, dropping the answer does not take it back.
    fn commit(&self, changes: Vec<Change>) -> Answer<'_, (), CommitError> {
        Box::pin(async move { self.commits.write(changes, None).await.map(|_| ()) })
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
            let args = [self.names.tag().to_vec(), Vec::new(), Vec::new(), Vec::new()];
            let answer = self.rest.run(&self.scripts.load, &[self.names.soft(key)], &args, Repeat::Safe).await?;
            let Some(value) = bytes(answer.into_iter().nth(1))? else { return Ok(None) };
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
                let mut args = self.commits.arguments(now, None);
                for (key, soft, until) in pieces {
                    keys.push(self.names.soft(*key));
                    let value = value::write(Version(0), Some(*until), std::iter::empty::<&[u8]>(), &soft.encode()?)?;
                    args.extend([b"put".to_vec(), b"any".to_vec(), value, milliseconds(Some(*until), now), Vec::new()]);
                }
                self.rest.run(self.commits.script(), &keys, &args, Repeat::Safe).await?;
            }
            Ok(())
        })
    }

    /// Redis does it by itself.
    fn sweep(&self) -> Answer<'_, Swept> {
        Box::pin(async { Ok(Swept::default()) })
    }

    fn notices(&self) -> Notices {
        self.board.listen()
    }

    fn dump(&self, from: Option<Cursor>) -> Answer<'_, Page> {
        Box::pin(self.page(from))
    }

    fn replicas(&self) -> Option<Arc<dyn Replicas>> {
        Some(Arc::clone(&self.together) as Arc<dyn Replicas>)
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
