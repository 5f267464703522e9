//! What bounds a check.

use crate::model::Subject::{self, Grant, Other};

/// Each is exhausted: every order of every step that it allows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) replicas: usize,
    /// The first so many replicas take requests; the others only renew, acknowledge and are waited for.
    pub(crate) serving: usize,
    /// The subjects of the revokes; two of the same subject are a revoke and its repetition by another.
    pub(crate) revokes: &'static [Subject],
    /// A revoker of the other subject dies after its commit: it is there for its entry, which makes histories differ.
    pub(crate) other_dies: bool,
    pub(crate) trouble: Trouble,
    /// Liveness: from the third tick on all but replica 0, revoker 0 and the primary are dead, and those are prompt. Ends after so many
    /// ticks.
    pub(crate) alone: Option<u8>,
}

/// What may become of Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Nothing: there is one, and no WAIT.
    None,
    /// It comes back with what its disk had confirmed.
    Restart,
    /// Its replica takes over, and it does not know.
    FailOver,
    /// And takes commits. They are never confirmed, and most are as if they came just before it.
    FailOverUnnoticed,
}

/// One replica with its cache, one Redis, one revoke.
pub(crate) const ONE: Bounds =
    Bounds { replicas: 1, serving: 1, revokes: &[Grant], other_dies: false, trouble: Trouble::None, alone: None };
/// Another begins the same revoke: the first one may be dead.
pub(crate) const REPEATED: Bounds = Bounds { revokes: &[Grant, Grant], ..ONE };
pub(crate) const OTHER: Bounds = Bounds { revokes: &[Other, Grant], ..ONE };
pub(crate) const THREE: Bounds = Bounds { revokes: &[Other, Other, Grant], ..ONE };
/// A second replica that is only waited for.
pub(crate) const SILENT: Bounds = Bounds { replicas: 2, ..ONE };
pub(crate) const TWO: Bounds = Bounds { serving: 2, ..SILENT };

pub(crate) const RESTART: Bounds = Bounds { trouble: Trouble::Restart, ..ONE };
pub(crate) const RESTART_OTHER: Bounds = Bounds { trouble: Trouble::Restart, ..OTHER };

pub(crate) const FAIL_OVER: Bounds = Bounds { trouble: Trouble::FailOver, ..ONE };
pub(crate) const FAIL_OVER_REPEATED: Bounds = Bounds { trouble: Trouble::FailOver, ..REPEATED };
pub(crate) const FAIL_OVER_ENTRY: Bounds = Bounds { trouble: Trouble::FailOver, other_dies: true, ..OTHER };
pub(crate) const UNNOTICED: Bounds = Bounds { trouble: Trouble::FailOverUnnoticed, ..ONE };
pub(crate) const UNNOTICED_REPEATED: Bounds = Bounds { trouble: Trouble::FailOverUnnoticed, ..REPEATED };
pub(crate) const UNNOTICED_ENTRY: Bounds = Bounds { trouble: Trouble::FailOverUnnoticed, ..FAIL_OVER_ENTRY };

pub(crate) const ALONE: Bounds = Bounds { alone: Some(5), ..TWO };
pub(crate) const ALONE_FAIL_OVER: Bounds = Bounds { alone: Some(5), ..FAIL_OVER };
