//! `[connections]`: how long callers may take, and how many of them there may be.

use std::time::Duration;

use super::{DAY, HOUR};
use crate::config::{Connections, Section};

const SHORTEST: Duration = Duration::from_millis(10);
const MOST: u32 = 1_000_000;

pub(super) fn read(section: &mut Section<'_>) -> Connections {
    let default = Connections::default();
    let mut limit = |key, usual| section.duration(key, SHORTEST..=HOUR).unwrap_or(usual);
    let head_timeout = limit("head_timeout", default.head_timeout);
    let idle_timeout = limit("idle_timeout", default.idle_timeout);
    let body_timeout = limit("body_timeout", default.body_timeout);
    let send_timeout = limit("send_timeout", default.send_timeout);
    Connections {
        max: section.integer("max", 1..=MOST).unwrap_or(default.max),
        max_per_peer: section.integer("max_per_peer", 1..=MOST).unwrap_or(default.max_per_peer),
        head_timeout,
        idle_timeout,
        body_timeout,
        body_rate: section.integer("body_rate", 0..=MOST).unwrap_or(default.body_rate),
        send_timeout,
        max_age: section.duration("max_age", SHORTEST..=30 * DAY).unwrap_or(default.max_age),
    }
}
