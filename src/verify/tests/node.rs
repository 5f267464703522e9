//! A server in memory, which keeps a realm as the scripts of the shared store do.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use crate::{
    clock::Manual,
    oauth::step::TakesBack,
    store::{
        Change, CommitError, Expect, FeedEntry, Key, Member, News, Position, Record, Renewal, Sent, Store, Unavailable, memory::Memory,
    },
};

/// A server, or what is left of its data on another one.
pub(super) struct Node {
    pub(super) records: Memory,
    state: Mutex<State>,
}

pub(super) struct State {
    feed: Vec<FeedEntry>,
    pub(super) members: BTreeMap<String, Member>,
    renewals: u64,
    /// Whether its own replicas confirm what is written.
    confirms: bool,
    /// So many entries come in one answer.
    most: usize,
}

impl Node {
    pub(super) fn new(time: &Manual) -> Arc<Self> {
        let state = State { feed: Vec::new(), members: BTreeMap::new(), renewals: 0, confirms: true, most: 1000 };
        Arc::new(Self { records: Memory::new(time.clock()), state: Mutex::new(state) })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(super) async fn put(&self, key: Key, record: Record) {
        self.records.commit(vec![Change::Put { key, expect: Expect::Any, record, until: None }]).await.unwrap();
    }

    /// Takes something back, as somebody else does.
    pub(super) async fn take_back(&self, changes: Vec<Change>) -> Sent {
        self.write(changes).await.unwrap()
    }

    /// The same where nobody is told so.
    pub(super) async fn take_back_unconfirmed(&self, what: TakesBack) {
        assert!(self.write(vec![Change::TakeBack(what)]).await.is_err());
    }

    pub(super) fn confirms(&self, confirms: bool) {
        self.state().confirms = confirms;
    }

    pub(super) fn answers_at_most(&self, entries: usize) {
        self.state().most = entries;
    }

    /// Only the newest entry is kept.
    pub(super) fn trim(&self) {
        let mut state = self.state();
        let all_but_one = state.feed.len() - 1;
        state.feed.drain(..all_but_one);
    }

    pub(super) fn member(&self, name: &str) -> Option<Member> {
        self.state().members.get(name).cloned()
    }

    pub(super) async fn write(&self, changes: Vec<Change>) -> Result<Sent, CommitError> {
        let entered: Vec<TakesBack> =
            changes.iter().filter_map(|change| if let Change::TakeBack(what) = change { Some(*what) } else { None }).collect();
        self.records.commit(changes).await?;
        let mut state = self.state();
        for what in entered {
            state.enter(Some(what));
        }
        if !state.confirms {
            return Err(Unavailable::because("its replicas do not have it").into());
        }
        Ok(Sent { at: state.end(), members: state.members.values().cloned().collect() })
    }
}

impl State {
    fn enter(&mut self, takes_back: Option<TakesBack>) {
        let sequence = self.feed.last().map_or(0, |last| last.position.sequence) + 1;
        self.feed.push(FeedEntry { position: Position { sequence, id: rand::random() }, takes_back });
    }

    fn end(&self) -> Position {
        self.feed.last().map(|last| last.position).unwrap_or_default()
    }

    pub(super) fn has(&self, position: Position) -> bool {
        self.feed.iter().any(|entry| entry.position == position)
    }

    pub(super) fn renew(&mut self, name: &str, applied: Position, serve_known: Duration) -> Renewal {
        if self.feed.is_empty() {
            self.enter(None);
        }
        let news = match self.feed.iter().position(|entry| entry.position == applied) {
            Some(at) => {
                let rest = &self.feed[at + 1..];
                News::Since { entries: rest.iter().take(self.most).copied().collect(), more: rest.len() > self.most }
            }
            None if (1..self.feed[0].position.sequence).contains(&applied.sequence) => News::Gap(self.end()),
            None => News::OtherHistory(self.end()),
        };
        self.renewals += 1;
        let applied = if matches!(news, News::Since { .. }) { applied.sequence } else { 0 };
        self.members.insert(name.to_owned(), Member { name: name.to_owned(), renewal: self.renewals, applied, serve_known });
        Renewal { news, confirmed: self.confirms }
    }
}
