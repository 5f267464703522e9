//! The scripts, one for each kind of question. Each takes a nonce first and gives it back first.

use redis::Script;

/// All of them.
pub(super) struct Scripts {
    /// Reads a record, and what it rests on.
    pub(super) load: Script,
    /// Compares, then writes all or nothing.
    pub(super) commit: Script,
    /// Reads a list.
    pub(super) members: Script,
    /// Reads the feed.
    pub(super) feed: Script,
    /// Reads all there is.
    pub(super) dump: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            load: Script::new(include_str!("load.lua")),
            commit: Script::new(include_str!("commit.lua")),
            members: Script::new(include_str!("members.lua")),
            feed: Script::new(include_str!("feed.lua")),
            dump: Script::new(include_str!("dump.lua")),
        }
    }
}
