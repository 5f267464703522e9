//! What is counted, by whom, and how much of it is too much: one table, a row an action. Each row
//! is a key of `[limits]`.
//!
//! Redeeming has no limit unless the operator wants one. Device codes and refresh tokens hold 160
//! random bits and more, and what was never issued is refused by its MAC before any store is asked;
//! a limit by address would let one broken program keep the refreshes of all who share its address
//! from being answered.

use std::{num::NonZeroU32, time::Duration};

/// Something that may not be done too often. In the table's order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Action {
    /// Asking for a code.
    Start,
    /// Polling with a code that is still pending.
    Poll,
    /// Polling for a key while the code is still pending.
    PollForKey,
    /// Showing a code or a refresh token, for what it is worth.
    Redeem,
    /// Entering a user code that is not there (RFC 8628 section 5.1).
    GuessUserCode,
    /// Sending a six-digit code that is wrong.
    GuessTypedCode,
    /// The same, for all requests together that one user approved.
    GuessTypedCodeOfUser,
    /// The same, of everybody: past it the operator is told, and nobody is refused.
    WrongTypedCodes,
    /// Signing in with a wrong password from a browser in which the user has signed in before.
    GuessPasswordOfBrowser,
    /// Signing in with a wrong password for one name, from any other browser. Past it, those
    /// browsers take turns; nobody is refused.
    GuessPasswordOfName,
    /// Signing in with a wrong password from any other browser.
    GuessPassword,
    /// Authenticating as a client with a wrong secret (RFC 6749 section 2.3.1).
    GuessClientSecret,
    /// Registering a client (RFC 7591).
    Register,
    /// Having the document at a client's id fetched.
    FetchDocument,
    /// Sending a request that is forwarded, on whatever route.
    Forward,
}

/// Whose calls a row counts together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Key {
    /// Those of one address.
    Address,
    /// Those of one user, and again those of one address.
    UserAndAddress,
    /// Those of one user; of one address, where there is no user.
    UserOrAddress,
    /// Those about one user.
    User,
    /// Those about one grant.
    Grant,
    /// Those of one address as one client.
    AddressAndClient,
    /// Those of everybody.
    All,
    /// Those of one browser.
    Browser,
    /// Those about one user name, whether there is such a user or not.
    Name,
}

impl Key {
    /// In words: "by ...".
    pub const fn words(self) -> &'static str {
        match self {
            Self::Address => "by address",
            Self::UserAndAddress => "by user and by address",
            Self::UserOrAddress => "by user, without one by address",
            Self::User => "by user",
            Self::Grant => "by code",
            Self::AddressAndClient => "by address and client",
            Self::All => "of everybody",
            Self::Browser => "by browser",
            Self::Name => "by name",
        }
    }
}

/// So many times at once, and so many times in this span from then on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// How many.
    pub times: NonZeroU32,
    /// In which time.
    pub per: Duration,
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What is counted.
    pub action: Action,
    /// Its key in `[limits]`.
    pub name: &'static str,
    /// Whose calls are counted together.
    pub key: Key,
    /// What holds where the operator says nothing; `None`: no limit.
    pub default: Option<Rate>,
    /// What is counted, in the words of the commented configuration.
    pub doc: &'static str,
}

impl Row {
    /// Whether what is counted are guesses: their number is all that keeps a short secret, so they
    /// always have a limit.
    pub const fn is_guess(&self) -> bool {
        !matches!(
            self.action,
            Action::Start
                | Action::Poll
                | Action::PollForKey
                | Action::Redeem
                | Action::WrongTypedCodes
                | Action::Register
                | Action::FetchDocument
                | Action::Forward
        )
    }

    /// Whether replicas count together, where they have a store in common: what somebody could do once
    /// more at every one of them, and what all of them are to notice.
    pub const fn is_shared(&self) -> bool {
        self.is_guess() || matches!(self.action, Action::Poll | Action::PollForKey | Action::WrongTypedCodes)
    }
}

const fn row(action: Action, name: &'static str, key: Key, default: Option<Rate>, doc: &'static str) -> Row {
    Row { action, name, key, default, doc }
}

const fn rate(times: u32, seconds: u64) -> Option<Rate> {
    match NonZeroU32::new(times) {
        Some(times) => Some(Rate { times, per: Duration::from_secs(seconds) }),
        None => None,
    }
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// The table. Whoever counts guesses in several rows at a time asks for them in this order.
pub const ROWS: [Row; 15] = [
    row(Action::Start, "start", Key::Address, rate(5, MINUTE), "Asking for a code"),
    row(Action::Poll, "poll", Key::Grant, rate(20, MINUTE), "Polling while a code is pending"),
    row(Action::PollForKey, "poll_for_key", Key::Grant, rate(50, 10), "Polling for a key (Fruxon) while a code is pending"),
    row(Action::Redeem, "redeem", Key::Address, None, "Showing a code or a refresh token, right or wrong"),
    row(Action::GuessUserCode, "guess_user_code", Key::UserAndAddress, rate(10, 10 * MINUTE), "Wrong user codes"),
    row(Action::GuessTypedCode, "guess_typed_code", Key::Address, rate(10, 15 * MINUTE), "Wrong six-digit codes"),
    row(
        Action::GuessTypedCodeOfUser,
        "guess_typed_code_of_user",
        Key::User,
        rate(25, 24 * HOUR),
        "Wrong six-digit codes for whatever one user approved",
    ),
    row(
        Action::WrongTypedCodes,
        "wrong_typed_codes",
        Key::All,
        rate(500, 10 * MINUTE),
        "Wrong six-digit codes, before the log raises an alarm; nobody is refused",
    ),
    row(
        Action::GuessPasswordOfBrowser,
        "guess_password_of_browser",
        Key::Browser,
        rate(10, 10 * MINUTE),
        "Wrong passwords, from a browser in which that user has signed in before",
    ),
    row(
        Action::GuessPasswordOfName,
        "guess_password_of_name",
        Key::Name,
        rate(20, HOUR),
        "Wrong passwords from other browsers, before those take turns for that name, one a second",
    ),
    row(Action::GuessPassword, "guess_password", Key::Address, rate(10, 10 * MINUTE), "Wrong passwords, from other browsers"),
    row(Action::GuessClientSecret, "guess_client_secret", Key::AddressAndClient, rate(10, 10 * MINUTE), "Wrong client secrets"),
    row(Action::Register, "register", Key::Address, rate(10, HOUR), "Clients that register themselves"),
    row(
        Action::FetchDocument,
        "fetch_document",
        Key::Address,
        rate(20, 10 * MINUTE),
        "Fetching the document at a client's id, where it is not known yet",
    ),
    row(Action::Forward, "forward", Key::UserOrAddress, None, "Requests that are forwarded, on all routes together"),
];

/// The limits in force, a rate a row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rates([Option<Rate>; ROWS.len()]);

impl Default for Rates {
    fn default() -> Self {
        Self(ROWS.map(|row| row.default))
    }
}

impl Rates {
    /// The limit of an action; `None` where it has none.
    pub const fn of(&self, action: Action) -> Option<Rate> {
        self.0[action as usize]
    }

    /// Sets the limit of an action.
    pub const fn set(&mut self, action: Action, rate: Option<Rate>) {
        self.0[action as usize] = rate;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_order_is_that_of_the_actions() {
        for (index, row) in ROWS.iter().enumerate() {
            assert_eq!(row.action as usize, index, "{}", row.name);
        }
    }

    #[test]
    fn guesses_always_have_a_limit() {
        for row in &ROWS {
            assert!(!row.is_guess() || row.default.is_some(), "{}", row.name);
            assert_eq!(row.is_guess(), row.name.starts_with("guess_"), "{}", row.name);
        }
    }
}
