//! The notices of a store that one process uses alone. It needs no feed: whoever takes something back does so
//! here, before the answer.

use super::{Change, Notice, Notices, feed::Board};

/// What is heard within one process.
#[derive(Default)]
pub(super) struct Local {
    board: Board,
}

/// What a commit tells once it is written.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Tells(Vec<Notice>);

impl Tells {
    /// What these changes tell.
    pub(super) fn of(changes: &[Change]) -> Self {
        Self(changes.iter().filter_map(|change| if let Change::Tell(notice) = change { Some(*notice) } else { None }).collect())
    }
}

impl Local {
    /// Tells it. After the commit, and before its answer.
    pub(super) fn tell(&self, Tells(notices): Tells) {
        notices.into_iter().for_each(|notice| self.board.tell(notice));
    }

    /// As [`super::Store::notices`].
    pub(super) fn notices(&self) -> Notices {
        self.board.listen()
    }
}
