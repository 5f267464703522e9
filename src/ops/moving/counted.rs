//! How much was moved.

use std::fmt;

use serde::Serialize;

use crate::store::{Entry, Key, Record};

/// How many entries of each kind.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize)]
pub struct Counted {
    /// People.
    pub users: u64,
    /// Clients that users, operators or they themselves made, and what is kept of the configuration's.
    pub clients: u64,
    /// What users and clients were let do, in any state.
    pub grants: u64,
    /// Signed-in browsers.
    pub sessions: u64,
    /// Codes and requests that stand for grants.
    pub codes: u64,
    /// What signs JWTs.
    pub signing_keys: u64,
    /// Names, and whatever else points to those above.
    pub other_records: u64,
    /// Entries of lists.
    pub list_entries: u64,
    /// When grants were used last.
    pub last_uses: u64,
}

impl Counted {
    pub(super) fn add(&mut self, entry: &Entry) {
        match entry {
            Entry::Record { record: Record::SigningKeys(keys), .. } => self.signing_keys += keys.iter().count() as u64,
            Entry::Record { key, .. } => *self.of(key) += 1,
            Entry::Member { .. } => self.list_entries += 1,
            Entry::Soft { .. } => self.last_uses += 1,
        }
    }

    fn of(&mut self, key: &Key) -> &mut u64 {
        match key {
            Key::User(_) => &mut self.users,
            Key::Client(_) => &mut self.clients,
            Key::Grant(_) => &mut self.grants,
            Key::Session(_) => &mut self.sessions,
            Key::UserCode(_) | Key::Ask(_) => &mut self.codes,
            Key::UserName(_) | Key::Owned(_) | Key::Machine(_) | Key::Device(_) | Key::Open(_) | Key::Roots | Key::SigningKeys => {
                &mut self.other_records
            }
        }
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = [
            (self.users, "user", "users"),
            (self.clients, "client", "clients"),
            (self.grants, "grant", "grants"),
            (self.sessions, "session", "sessions"),
            (self.codes, "code", "codes"),
            (self.signing_keys, "signing key", "signing keys"),
            (self.other_records, "other record", "other records"),
            (self.list_entries, "list entry", "list entries"),
            (self.last_uses, "last use", "last uses"),
        ];
        let told = kinds.map(|(count, one, more)| format!("{count} {}", if count == 1 { one } else { more }));
        f.write_str(&told.join(", "))
    }
}
