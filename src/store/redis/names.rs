//! What lies in Redis, and under which names: every key, tag and lifetime stands here.
//!
//! ```text
//! <prefix>{<realm>}:<letter>:<hex of the name>   a record, or a piece of soft state: a string (`value.rs`)
//! <prefix>{<realm>}:n:<user name>                the same, readable
//! <prefix>{<realm>}:<letter>:<hex of the owner>  a list: a sorted set, the score is the end in microseconds
//! <prefix>{<realm>}:feed                         what was taken back: a stream, the ids are the sequence
//! <prefix>{<realm>}:limit:<hex>                  a shared limit: the time at which it is as if unused
//! <prefix>{<realm>}:replicas                     the members: a hash, name to `<renewal> <applied> <serve_known in ms>`
//! <prefix>{<realm>}:renewals                     counts renewals, and is never reset
//! <prefix>{<realm>}:notices                      the Pub/Sub channel of the notices
//! ```
//!
//! The letters are those of `key.rs`. All keys of a realm carry one hash tag, so that a Cluster keeps
//! them in one slot and a commit is one script there too. No name holds a secret: ids are random, codes
//! stand as HMACs.
//!
//! Redis removes what has expired an hour after its end. It is a broom and no clock: what counts is the
//! deadline in the value, and the gateway's own time.

use std::time::Duration;

use data_encoding::HEXLOWER;
use jiff::Timestamp;

use crate::{
    config,
    store::{Key, List, Position, SoftKey, feed},
};

/// How much later than its deadline something is removed, for gateways whose clocks are slow.
const GRACE: Duration = Duration::from_secs(3600);
/// Entries of the feed are kept so long, by Redis' clock.
pub(super) const KEEP_ENTRIES: Duration = feed::KEEP_ENTRIES;

/// The names of one realm.
#[derive(Clone, Debug)]
pub(super) struct Names {
    /// What all of them begin with.
    tag: String,
}

impl Names {
    pub(super) fn of(config: &config::store::Redis) -> Self {
        Self { tag: format!("{}{{{}}}:", config.prefix, config.realm) }
    }

    /// What all names of the realm begin with.
    pub(super) fn tag(&self) -> &[u8] {
        self.tag.as_bytes()
    }

    /// What all names of the realm match, as Redis' patterns are written.
    pub(super) fn pattern(&self) -> Vec<u8> {
        let escaped = self.tag.bytes().flat_map(|byte| {
            let escape = matches!(byte, b'*' | b'?' | b'[' | b']' | b'^' | b'\\').then_some(b'\\');
            escape.into_iter().chain([byte])
        });
        escaped.chain([b'*']).collect()
    }

    pub(super) fn key(&self, key: &Key) -> Vec<u8> {
        self.tagged(&short(&key.encode()))
    }

    pub(super) fn soft(&self, key: SoftKey) -> Vec<u8> {
        self.tagged(&short(&key.encode()))
    }

    pub(super) fn list(&self, list: List) -> Vec<u8> {
        self.tagged(&short(&list.encode()))
    }

    pub(super) fn feed(&self) -> Vec<u8> {
        self.tagged(b"feed")
    }

    pub(super) fn replicas(&self) -> Vec<u8> {
        self.tagged(b"replicas")
    }

    pub(super) fn renewals(&self) -> Vec<u8> {
        self.tagged(b"renewals")
    }

    pub(super) fn tally(&self, name: &[u8; 16]) -> Vec<u8> {
        self.tagged(format!("limit:{}", HEXLOWER.encode(name)).as_bytes())
    }

    pub(super) fn channel(&self) -> Vec<u8> {
        self.tagged(b"notices")
    }

    fn tagged(&self, name: &[u8]) -> Vec<u8> {
        [self.tag.as_bytes(), name].concat()
    }
}

/// A name as it stands behind the tag.
pub(super) fn short(name: &[u8]) -> Vec<u8> {
    match name {
        [b'n', user_name @ ..] => [b"n:", user_name].concat(),
        [letter, rest @ ..] => [&[*letter, b':'], HEXLOWER.encode(rest).as_bytes()].concat(),
        [] => Vec::new(),
    }
}

/// The name that stands behind the tag; `None` for what is no record, list or piece of soft state.
pub(super) fn long(short: &[u8]) -> Option<Vec<u8>> {
    match short {
        [b'n', b':', user_name @ ..] => Some([b"n", user_name].concat()),
        // Whatever is not hexadecimal is not ours.
        [letter, b':', hex @ ..] => Some([&[*letter], HEXLOWER.decode(hex).ok()?.as_slice()].concat()),
        _ => None,
    }
}

/// After how many milliseconds Redis removes what ends then; `None` for what stays.
fn lifetime(until: Option<Timestamp>, now: Timestamp) -> Option<i64> {
    let left = until.filter(|until| *until != Timestamp::MAX)?.duration_since(now);
    let grace = i64::try_from(GRACE.as_millis()).unwrap_or(0);
    Some(i64::try_from(left.as_millis()).unwrap_or(i64::MAX / 2).max(0).saturating_add(grace))
}

/// A lifetime as Redis takes it; empty for what stays.
pub(super) fn milliseconds(until: Option<Timestamp>, now: Timestamp) -> Vec<u8> {
    lifetime(until, now).map(|lifetime| lifetime.to_string().into_bytes()).unwrap_or_default()
}

/// The end of a list's entry, in microseconds: a sorted set counts in floating point, and these it counts
/// exactly until the year 2255.
pub(super) fn score(time: Timestamp) -> Vec<u8> {
    time.as_microsecond().to_string().into_bytes()
}

/// An entry's sequence and id, as the scripts take them; empty where none is named.
pub(super) fn named(entry: Option<Position>) -> [Vec<u8>; 2] {
    entry.map(|entry| [entry.sequence.to_string().into_bytes(), entry.id.to_vec()]).unwrap_or_default()
}
