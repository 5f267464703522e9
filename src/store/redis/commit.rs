//! Commits: one script each, and where replicas are configured, not answered before they have it.

use jiff::Timestamp;
use redis::{Script, Value as Reply};

use super::{
    link::{Link, Repeat},
    names::{KEEP_ENTRIES, Names, milliseconds, named, score},
    notices,
    reply::{array, members, position, unexpected},
    value,
};
use crate::{
    clock::Clock,
    oauth::step::TakesBack,
    store::{Change, CommitError, Expect, Notice, Position, Sent, Unavailable, Version, record::encode_taken_back},
};

/// What writes records.
pub(super) struct Commits {
    names: Names,
    script: Script,
    link: Link,
    wait_replicas: u32,
    clock: Clock,
}

/// What became of a commit.
pub(super) enum Written {
    /// It is written.
    ForOne,
    /// It is written, and takes something back.
    ForAll(Sent),
    /// Nothing is written: the server has another history.
    Elsewhere,
}

/// One part of a commit, as the script takes it.
struct Part {
    key: Vec<u8>,
    what: &'static str,
    expect: Expect,
    fields: [Vec<u8>; 3],
}

impl Part {
    fn of(key: Vec<u8>, what: &'static str) -> Self {
        Self { key, what, expect: Expect::Any, fields: Default::default() }
    }
}

impl Commits {
    /// On this link; what is answered, so many replicas of the server have.
    pub(super) fn new(names: Names, link: Link, wait_replicas: u32, clock: Clock) -> Self {
        Self { names, script: Script::new(include_str!("commit.lua")), link, wait_replicas, clock }
    }

    /// The script.
    pub(super) const fn script(&self) -> &Script {
        &self.script
    }

    /// How many replicas of the server must have it.
    pub(super) const fn wait_replicas(&self) -> u32 {
        self.wait_replicas
    }

    /// The connection is given up.
    pub(super) fn look_elsewhere(&self, reason: &str) {
        self.link.look_elsewhere(reason);
    }

    /// The first arguments of the script.
    pub(super) fn arguments(&self, now: Timestamp, applied: Option<Position>) -> Vec<Vec<u8>> {
        let keep = KEEP_ENTRIES.as_secs().to_string().into_bytes();
        let [sequence, id] = named(applied);
        vec![value::digits(Some(now)).to_vec(), self.names.channel(), keep, self.names.tag().to_vec(), sequence, id]
    }

    /// Compares all, then writes all or nothing; nothing, where the feed has not the entry that is named. Says who has
    /// to hear of it, where something is taken back.
    pub(super) async fn write(&self, changes: Vec<Change>, applied: Option<Position>) -> Result<Written, CommitError> {
        let now = self.clock.now();
        let version = Version(rand::random());
        let takes_back = changes.iter().any(|change| matches!(change, Change::TakeBack(_)));
        let is_for_all = takes_back || changes.iter().any(|change| matches!(change, Change::TakeBackAgain(_)));
        let mut parts = changes.into_iter().map(|change| self.part(change, version, now)).collect::<Result<Vec<_>, _>>()?;
        if takes_back {
            parts.push(self.part(Change::Tell(Notice::Feed), version, now)?);
        }
        if is_for_all {
            parts.extend([Part::of(self.names.feed(), "feed_ends"), Part::of(self.names.replicas(), "members")]);
        }
        let mut keys = Vec::with_capacity(parts.len());
        let mut args = self.arguments(now, applied);
        for Part { key, what, expect, fields } in parts {
            keys.push(key);
            args.push(what.as_bytes().to_vec());
            args.push(match expect {
                Expect::Any => b"any".to_vec(),
                Expect::Absent => b"absent".to_vec(),
                Expect::Version(version) => version.0.to_be_bytes().to_vec(),
            });
            args.extend(fields);
        }
        let (answer, have) = self.link.run_and_wait(&self.script, &keys, &args, Repeat::OnlyIfNotDone, self.wait_replicas).await?;
        let mut answer = answer.into_iter();
        match (answer.next(), answer.next()) {
            (Some(Reply::BulkString(word)), ends) if word == b"written" => {
                if have < self.wait_replicas {
                    let wanted = self.wait_replicas;
                    return Err(Unavailable::because(format!("{have} replicas of Redis have it, and {wanted} should")).into());
                }
                if !is_for_all {
                    return Ok(Written::ForOne);
                }
                let at = array(ends)?.into_iter().next().map(position).transpose()?;
                Ok(Written::ForAll(Sent { at: at.map(|(at, _)| at).unwrap_or_default(), members: members(answer.next())? }))
            }
            (Some(Reply::BulkString(word)), _) if word == b"elsewhere" => Ok(Written::Elsewhere),
            (Some(Reply::BulkString(word)), _) if word == b"conflict" => Err(CommitError::Conflict),
            (Some(Reply::BulkString(word)), Some(Reply::Int(layout))) if word == b"layout" => {
                Err(value::unknown_layout(u8::try_from(layout).unwrap_or(0)).into())
            }
            _ => Err(unexpected().into()),
        }
    }

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
            // Without a write, WAIT would confirm what was written before, on another connection perhaps.
            Change::TakeBackAgain(_) => Part::of(names.renewals(), "count"),
            Change::Tell(notice) => part(names.channel(), "tell", Expect::Any, [notices::written(notice), none(), none()]),
        })
    }

    fn entry(&self, what: TakesBack) -> Result<Part, Unavailable> {
        let id: [u8; 16] = rand::random();
        let fields = [id.to_vec(), encode_taken_back(what)?, Vec::new()];
        Ok(Part { key: self.names.feed(), what: "feed", expect: Expect::Any, fields })
    }
}
