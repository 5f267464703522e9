//! What all who use a store have to hear of: the feed of what was taken back, which nobody misses, and
//! notices, which may be lost.

use std::time::Duration;

use tokio::sync::broadcast;

use crate::oauth::{id::GrantId, step::TakesBack};

/// Entries are kept at least so long, and the newest always.
pub const KEEP_ENTRIES: Duration = Duration::from_secs(10 * 60);
/// So many entries come in one answer at most.
pub const MOST_ENTRIES: usize = 1000;
/// So many notices wait for a listener who is slow; past that he is told that he lost some.
const LONGEST_WAIT: usize = 4096;

/// Names an entry of the feed. The number alone would not do: a history that was replaced has one of
/// the same number.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Position {
    /// Counts up from 1; 0 where none is known.
    pub sequence: u64,
    /// Random.
    pub id: [u8; 16],
}

/// An entry of the feed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FeedEntry {
    /// Its name.
    pub position: Position,
    /// What nobody may use any more; nothing in the entry with which a feed begins.
    pub takes_back: Option<TakesBack>,
}

/// Something that others may want to look at. Only a hint.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Notice {
    /// Whoever waits for this grant looks at it again.
    Grant(GrantId),
    /// The feed has grown.
    Feed,
    /// A replica has acknowledged what it had not before.
    Heard,
    /// The signing keys have changed.
    Keys,
    /// Notices may have been lost: there may be something new about anything.
    Lost,
}

/// The notices that somebody listens to.
pub struct Notices(broadcast::Receiver<Notice>);

impl Notices {
    /// The next one. Never comes once the store is gone.
    pub async fn next(&mut self) -> Notice {
        match self.0.recv().await {
            Ok(notice) => notice,
            Err(broadcast::error::RecvError::Lagged(_)) => Notice::Lost,
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// Where notices come from.
#[derive(Clone)]
pub(super) struct Board(broadcast::Sender<Notice>);

impl Default for Board {
    fn default() -> Self {
        Self(broadcast::Sender::new(LONGEST_WAIT))
    }
}

impl Board {
    pub(super) fn tell(&self, notice: Notice) {
        // An error says that nobody listens.
        let _ = self.0.send(notice);
    }

    pub(super) fn listen(&self) -> Notices {
        Notices(self.0.subscribe())
    }
}
