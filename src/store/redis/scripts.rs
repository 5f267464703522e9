//! The scripts that read, one for each kind of question. Each takes a nonce first and gives it back first.

use redis::Script;

/// All of them.
pub(super) struct Scripts {
    /// Reads a record, and what it rests on.
    pub(super) load: Script,
    /// Reads a list.
    pub(super) members: Script,
    /// Reads all there is.
    pub(super) dump: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            load: Script::new(include_str!("load.lua")),
            members: Script::new(include_str!("members.lua")),
            dump: Script::new(include_str!("dump.lua")),
        }
    }
}
