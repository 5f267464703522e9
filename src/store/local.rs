//! The feed and the notices of a store that one process uses alone. Nobody who could have missed an
//! entry outlives the process, so neither does the feed.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use super::{
    Change, Feed, FeedEntry, Notice, Notices, Position,
    feed::{Board, MOST_ENTRIES},
};
use crate::oauth::step::TakesBack;

/// So many entries are kept.
const LONGEST_FEED: usize = 10 * MOST_ENTRIES;

/// What is heard within one process.
#[derive(Default)]
pub(super) struct Local {
    feed: Mutex<VecDeque<FeedEntry>>,
    board: Board,
}

/// What a commit tells once it is written.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Tells {
    takes_back: Vec<TakesBack>,
    notices: Vec<Notice>,
}

impl Tells {
    /// What these changes tell.
    pub(super) fn of(changes: &[Change]) -> Self {
        let mut tells = Self::default();
        for change in changes {
            match change {
                Change::TakeBack(what) => tells.takes_back.push(*what),
                Change::Tell(notice) => tells.notices.push(*notice),
                Change::Put { .. } | Change::Compare { .. } | Change::Delete { .. } | Change::Link { .. } => {}
            }
        }
        tells
    }
}

impl Local {
    /// Tells it. After the commit, and before its answer.
    pub(super) fn tell(&self, tells: Tells) {
        if !tells.takes_back.is_empty() {
            let mut feed = self.feed.lock().unwrap_or_else(PoisonError::into_inner);
            for takes_back in tells.takes_back {
                let sequence = feed.back().map_or(0, |last| last.position.sequence) + 1;
                feed.push_back(FeedEntry { position: Position { sequence, id: rand::random() }, takes_back });
            }
            let surplus = feed.len().saturating_sub(LONGEST_FEED);
            feed.drain(..surplus);
            drop(feed);
            self.board.tell(Notice::Feed);
        }
        tells.notices.into_iter().for_each(|notice| self.board.tell(notice));
    }

    /// As [`super::Store::feed`].
    pub(super) fn feed(&self, after: Option<Position>) -> Feed {
        let feed = self.feed.lock().unwrap_or_else(PoisonError::into_inner);
        let end = feed.back().map_or_else(Position::default, |last| last.position);
        let Some(after) = after else { return Feed::Gap(end) };
        let next = match feed.iter().position(|entry| entry.position == after) {
            Some(at) => at + 1,
            None if after == Position::default() && feed.front().is_none_or(|first| first.position.sequence == 1) => 0,
            None => return Feed::Gap(end),
        };
        Feed::Since(feed.iter().skip(next).take(MOST_ENTRIES).copied().collect())
    }

    /// As [`super::Store::notices`].
    pub(super) fn notices(&self) -> Notices {
        self.board.listen()
    }
}
