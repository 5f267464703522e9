//! The replicas of a realm, as they meet in Redis.

use std::{sync::Arc, time::Duration};

use data_encoding::HEXLOWER;
use redis::{Script, Value as Reply};

use super::{
    OpenError,
    commit::{Commits, Written},
    link::{Link, Repeat},
    names::{Names, named},
    notices,
    reply::{array, bytes, entry, members, position, unexpected},
};
use crate::store::{
    Answer, Change, CommitError, FeedNow, Member, News, Notice, Position, Renewal, Replicas, Sent, Unavailable, feed::MOST_ENTRIES,
};

/// This process among the replicas.
pub(super) struct Together {
    name: String,
    names: Names,
    links: Links,
    commits: Arc<Commits>,
    renew: Script,
    acknowledge: Script,
    heard: Script,
    remove: Script,
    now: Script,
    attached: Script,
}

/// The connections that say where everybody stands.
pub(super) struct Links {
    /// For renewals alone: each waits until the server's replicas have it.
    pub(super) renewals: Link,
    pub(super) reads: Arc<Link>,
    pub(super) rest: Arc<Link>,
}

impl Together {
    pub(super) fn new(names: Names, links: Links, commits: Arc<Commits>) -> Self {
        let name = HEXLOWER.encode(&rand::random::<[u8; 8]>());
        Self {
            name,
            names,
            links,
            commits,
            renew: Script::new(include_str!("renew.lua")),
            acknowledge: Script::new(include_str!("acknowledge.lua")),
            heard: Script::new(include_str!("heard.lua")),
            remove: Script::new(include_str!("remove.lua")),
            now: Script::new(include_str!("now.lua")),
            attached: Script::new(include_str!("attached.lua")),
        }
    }

    /// Every replica that may become the primary has to confirm what is answered, or a fail-over undoes it.
    ///
    /// # Errors
    /// [`OpenError::Unconfirmed`], where there are others.
    pub(super) async fn refuse_unconfirmed(&self) -> Result<(), OpenError> {
        let answer = self.links.rest.run(&self.attached, &[], &[], Repeat::Safe).await?;
        let [Reply::Int(attached)] = answer.as_slice() else { return Err(unexpected().into()) };
        let (attached, wanted) = (u32::try_from(*attached).unwrap_or(u32::MAX), self.commits.wait_replicas());
        if attached < wanted {
            tracing::warn!(
                attached,
                wait_replicas = wanted,
                "Redis has fewer replicas than have to confirm; until they are there, the answer is 503"
            );
        }
        if attached > wanted { Err(OpenError::Unconfirmed { attached, wanted }) } else { Ok(()) }
    }

    async fn renewed(&self, applied: Position, serve_known: Duration) -> Result<Renewal, Unavailable> {
        let keys = [self.names.feed(), self.names.replicas(), self.names.renewals()];
        let [sequence, id] = named(Some(applied));
        let serve_known = serve_known.as_millis().to_string().into_bytes();
        let (most, new) = (MOST_ENTRIES.to_string().into_bytes(), rand::random::<[u8; 16]>().to_vec());
        let args = [self.name.clone().into_bytes(), sequence, id, serve_known, most, new];
        let wanted = self.commits.wait_replicas();
        let (answer, have) = self.links.renewals.run_and_wait(&self.renew, &keys, &args, Repeat::Safe, wanted).await?;
        let mut answer = answer.into_iter();
        let (word, more, entries) = (bytes(answer.next())?, bytes(answer.next())?, array(answer.next())?);
        let news = match word.as_deref() {
            Some(b"since") => {
                let entries = entries.into_iter().map(entry).collect::<Result<_, _>>()?;
                News::Since { entries, more: more.as_deref() == Some(b"more") }
            }
            Some(b"gap") => News::Gap(last(entries)?),
            Some(b"other") => News::OtherHistory(last(entries)?),
            _ => return Err(unexpected()),
        };
        Ok(Renewal { news, confirmed: have >= wanted })
    }
}

fn last(entries: Vec<Reply>) -> Result<Position, Unavailable> {
    let last = entries.into_iter().next().map(position).transpose()?;
    last.map(|(last, _)| last).ok_or_else(unexpected)
}

impl Replicas for Together {
    fn name(&self) -> &str {
        &self.name
    }

    fn renew(&self, applied: Position, serve_known: Duration) -> Answer<'_, Renewal> {
        Box::pin(self.renewed(applied, serve_known))
    }

    fn acknowledge(&self, applied: Position) -> Answer<'_, ()> {
        Box::pin(async move {
            let [sequence, id] = named(Some(applied));
            let args = [self.name.clone().into_bytes(), sequence, id, self.names.channel(), notices::written(Notice::Heard)];
            let keys = [self.names.feed(), self.names.replicas()];
            self.links.renewals.run(&self.acknowledge, &keys, &args, Repeat::Safe).await.map(drop)
        })
    }

    fn leave(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            let args = [Vec::new(), Vec::new(), self.name.clone().into_bytes(), Vec::new()];
            let keys = [self.names.replicas(), self.names.feed()];
            self.links.renewals.run(&self.remove, &keys, &args, Repeat::Safe).await.map(drop)
        })
    }

    fn take_back(&self, changes: Vec<Change>, applied: Option<Position>) -> Answer<'_, Option<Sent>, CommitError> {
        Box::pin(async move {
            match self.commits.write(changes, applied).await? {
                Written::ForAll(sent) => Ok(Some(sent)),
                Written::Elsewhere => Ok(None),
                Written::ForOne => Err(unexpected().into()),
            }
        })
    }

    fn members(&self, of: Position) -> Answer<'_, Option<Vec<Member>>> {
        Box::pin(async move {
            let keys = [self.names.feed(), self.names.replicas()];
            let mut answer = self.links.rest.run(&self.heard, &keys, &named(Some(of)), Repeat::Safe).await?.into_iter();
            match bytes(answer.next())?.as_deref() {
                Some(b"heard") => members(answer.next()).map(Some),
                Some(b"elsewhere") => Ok(None),
                _ => Err(unexpected()),
            }
        })
    }

    fn now(&self) -> Answer<'_, FeedNow> {
        Box::pin(async move {
            let keys = [self.names.feed(), self.names.replicas()];
            let mut answer = self.links.rest.run(&self.now, &keys, &[], Repeat::Safe).await?.into_iter();
            let end = array(answer.next())?.into_iter().next().map(position).transpose()?;
            let end = end.map_or(0, |(position, _)| position.sequence);
            Ok(FeedNow { end, members: members(answer.next())? })
        })
    }

    fn remove(&self, of: Position, gone: Vec<Member>) -> Answer<'_, ()> {
        Box::pin(async move {
            let pair = |member: Member| [member.name.into_bytes(), member.renewal.to_string().into_bytes()];
            let args: Vec<Vec<u8>> = named(Some(of)).into_iter().chain(gone.into_iter().flat_map(pair)).collect();
            let keys = [self.names.replicas(), self.names.feed()];
            self.links.rest.run(&self.remove, &keys, &args, Repeat::Safe).await.map(drop)
        })
    }

    fn look_elsewhere(&self, reason: &str) {
        let Links { renewals, reads, rest } = &self.links;
        [renewals, reads, rest].into_iter().for_each(|link| link.look_elsewhere(reason));
        self.commits.look_elsewhere(reason);
    }
}
