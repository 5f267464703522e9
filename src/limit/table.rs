//! The table: what is counted, and how much of it is too much.

use std::{num::NonZeroU32, time::Duration};

/// Something that may not be done too often.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Action {
    /// Asking for a device code, counted by address (Bootspring: 5 a minute).
    Start,
    /// Polling with a code that is still pending, counted by grant (Bootspring: 20 a minute).
    Poll,
    /// Entering a user code that is not there, counted by user and by address (RFC 8628
    /// section 5.1).
    GuessUserCode,
    /// Signing in with a wrong password, counted by address.
    GuessPassword,
    /// Entering a wrong 6-digit code, counted by address (SereChat).
    GuessTypedCode,
    /// Entering a wrong 6-digit code for anything that one user approved, counted by that user
    /// (SereChat): one request's chance is small, and many must not add up.
    GuessTypedCodeOfUser,
    /// Entering a wrong 6-digit code, all callers together. Beyond it nobody is refused: the
    /// operator is told.
    WrongTypedCodes,
    /// Telling the operator that somebody guesses.
    Alarm,
}

/// So many times in so much time.
pub(super) struct Row {
    pub(super) action: Action,
    pub(super) times: NonZeroU32,
    pub(super) per: Duration,
}

const fn row(action: Action, times: u32, per: Duration) -> Row {
    // Every figure below is above zero.
    let times = match NonZeroU32::new(times) {
        Some(times) => times,
        None => NonZeroU32::MIN,
    };
    Row { action, times, per }
}

const MINUTE: Duration = Duration::from_secs(60);

pub(super) const ROWS: [Row; 8] = [
    row(Action::Start, 5, MINUTE),
    row(Action::Poll, 20, MINUTE),
    row(Action::GuessUserCode, 10, Duration::from_secs(10 * 60)),
    row(Action::GuessPassword, 10, Duration::from_secs(10 * 60)),
    row(Action::GuessTypedCode, 10, Duration::from_secs(15 * 60)),
    row(Action::GuessTypedCodeOfUser, 25, Duration::from_secs(24 * 3600)),
    row(Action::WrongTypedCodes, 500, Duration::from_secs(10 * 60)),
    row(Action::Alarm, 1, MINUTE),
];
