//! The names under which things lie in a store, and how they are written down: a letter for the kind, which no
//! two kinds share, then the name.

use crate::oauth::{
    client::ClientKey,
    id::{GrantId, SessionId, UserId},
    user::UserName,
};

/// The name of a record.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Key {
    /// A [`Grant`](crate::oauth::grant::Grant).
    Grant(GrantId),
    /// A [`User`](crate::oauth::user::User).
    User(UserId),
    /// A [`Session`](super::Session).
    Session(SessionId),
    /// Points to the grant that a user code stands for; the HMAC of the code.
    UserCode([u8; 16]),
    /// Points to the grant that a request's id stands for; the HMAC of the id.
    Ask([u8; 16]),
    /// Points to the user of that name.
    UserName(UserName),
    /// A [`Client`](crate::oauth::client::Client), or what is kept of one that the configuration declares: [`Kept`](super::Kept).
    Client(ClientKey),
    /// The clients that a user has made: [`Owned`](super::Owned).
    Owned(UserId),
    /// Points to the grant under which a client has tokens of its own; the hash of what they are for.
    Machine([u8; 16]),
    /// Points to the key that the logins of a device get; the hash of whose, where and which device.
    Device([u8; 16]),
    /// What a user said yes to and no app has come for: [`Open`](super::Open).
    Open(UserId),
    /// The check values of the root secrets: [`Roots`](super::Roots).
    Roots,
    /// What signs JWTs: [`SigningKeys`](crate::oauth::signing::SigningKeys).
    SigningKeys,
}

/// A list of records, by their 16 bytes, in no order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum List {
    /// The grants that a user approved: [`GrantId`].
    GrantsOf(UserId),
    /// The grants that a client has or had: [`GrantId`].
    GrantsOfClient(ClientKey),
    /// All users: [`UserId`].
    Users,
    /// All clients that the configuration does not declare: [`ClientKey`].
    Clients,
    /// Those that registered themselves: [`ClientKey`].
    Registered,
}

/// The name of a piece of soft state.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum SoftKey {
    /// How fast the device of this grant polls.
    Pace(GrantId),
    /// When this grant last admitted a request.
    LastUsed(GrantId),
}

impl Key {
    /// The key's bytes: a letter for the kind, then the name.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Grant(id) => named(b'g', id.as_bytes()),
            Self::User(id) => named(b'u', id.as_bytes()),
            Self::Session(id) => named(b's', id.as_bytes()),
            Self::UserCode(code) => named(b'c', code),
            Self::Ask(id) => named(b'a', id),
            Self::Client(key) => named(b'k', key.as_bytes()),
            Self::Owned(user) => named(b'w', user.as_bytes()),
            Self::Machine(name) => named(b'm', name),
            Self::Device(name) => named(b'd', name),
            Self::Open(user) => named(b'o', user.as_bytes()),
            Self::UserName(name) => named(b'n', name.as_str().as_bytes()),
            Self::Roots => named(b'r', b""),
            Self::SigningKeys => named(b'j', b""),
        }
    }

    /// Reads what [`Key::encode`] wrote; `None` for anything else.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (kind, name) = bytes.split_first()?;
        let id = || name.try_into().ok();
        Some(match kind {
            b'g' => Self::Grant(GrantId::from_random(id()?)),
            b'u' => Self::User(UserId::from_random(id()?)),
            b's' => Self::Session(SessionId::from_random(id()?)),
            b'c' => Self::UserCode(id()?),
            b'a' => Self::Ask(id()?),
            b'k' => Self::Client(ClientKey::from_bytes(id()?)),
            b'w' => Self::Owned(UserId::from_random(id()?)),
            b'm' => Self::Machine(id()?),
            b'd' => Self::Device(id()?),
            b'o' => Self::Open(UserId::from_random(id()?)),
            b'n' => Self::UserName(written_name(name)?),
            b'r' if name.is_empty() => Self::Roots,
            b'j' if name.is_empty() => Self::SigningKeys,
            _ => return None,
        })
    }
}

/// A user's name in its one spelling.
fn written_name(bytes: &[u8]) -> Option<UserName> {
    // What is no name is none of ours.
    let text = std::str::from_utf8(bytes).ok()?;
    UserName::parse(text).ok().filter(|name| name.as_str() == text)
}

impl List {
    /// The list's bytes; a member's follow them. All lists are of one length.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::GrantsOf(user) => named(b'G', user.as_bytes()),
            Self::GrantsOfClient(client) => named(b'C', client.as_bytes()),
            Self::Users => named(b'U', &[0; 16]),
            Self::Clients => named(b'K', &[0; 16]),
            Self::Registered => named(b'R', &[0; 16]),
        }
    }

    /// The name of a member's entry: the list's bytes, then the member's.
    pub fn name_of(&self, member: &[u8; 16]) -> Vec<u8> {
        let mut name = self.encode();
        name.extend_from_slice(member);
        name
    }

    /// Reads what [`List::encode`] wrote; `None` for anything else.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (kind, name) = bytes.split_first()?;
        let id: [u8; 16] = name.try_into().ok()?;
        Some(match kind {
            b'G' => Self::GrantsOf(UserId::from_random(id)),
            b'C' => Self::GrantsOfClient(ClientKey::from_bytes(id)),
            b'U' if id == [0; 16] => Self::Users,
            b'K' if id == [0; 16] => Self::Clients,
            b'R' if id == [0; 16] => Self::Registered,
            _ => return None,
        })
    }
}

impl SoftKey {
    /// The key's bytes.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Pace(id) => named(b'p', id.as_bytes()),
            Self::LastUsed(id) => named(b'l', id.as_bytes()),
        }
    }

    /// Reads what [`SoftKey::encode`] wrote; `None` for anything else.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (kind, name) = bytes.split_first()?;
        let id = GrantId::from_random(name.try_into().ok()?);
        match kind {
            b'p' => Some(Self::Pace(id)),
            b'l' => Some(Self::LastUsed(id)),
            _ => None,
        }
    }

    /// Whether losing it at a restart would be noticed by a person.
    pub const fn is_worth_keeping(&self) -> bool {
        matches!(self, Self::LastUsed(_))
    }
}

fn named(kind: u8, name: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + name.len());
    bytes.push(kind);
    bytes.extend_from_slice(name);
    bytes
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_kinds_of_names_share_a_first_letter() {
        let (grant, user, client) = (GrantId::from_random([1; 16]), UserId::from_random([2; 16]), ClientKey::from_bytes([3; 16]));
        let keys = [
            Key::Grant(grant),
            Key::User(user),
            Key::Session(SessionId::from_random([4; 16])),
            Key::UserCode([5; 16]),
            Key::Ask([6; 16]),
            Key::UserName(UserName::parse("ada").unwrap()),
            Key::Client(client),
            Key::Owned(user),
            Key::Machine([7; 16]),
            Key::Device([8; 16]),
            Key::Open(user),
            Key::Roots,
            Key::SigningKeys,
        ];
        let lists = [List::GrantsOf(user), List::GrantsOfClient(client), List::Users, List::Clients, List::Registered];
        let soft = [SoftKey::Pace(grant), SoftKey::LastUsed(grant)];
        let names = keys.iter().map(Key::encode).chain(lists.iter().map(List::encode)).chain(soft.iter().map(SoftKey::encode));
        let letters: BTreeSet<u8> = names.map(|name| name[0]).collect();
        assert_eq!(letters.len(), keys.len() + lists.len() + soft.len());
    }
}
