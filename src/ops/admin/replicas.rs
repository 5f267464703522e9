//! `replica`: the gateways that share a store, and how far each has heard what was taken back.

use serde::Serialize;

use super::{Admin, AdminAnswer, AdminError, Noun, Says, Verb};
use crate::{config::store::Mode, store::Member, verify::Gauges};

/// The rows.
pub(super) const NOUN: Noun = Noun {
    name: "replica",
    about: "The gateways that share a store",
    verbs: &[
        Verb {
            verb: "list",
            about: "Show who has to hear what is taken back. `behind` is how many entries of the feed one has yet to apply",
            arguments: &[],
            says: Says::Table { columns: &["name", "this", "applied", "behind", "serve_known"], none: "No gateway runs." },
            run: |admin, _| Box::pin(list(admin)),
        },
        Verb {
            verb: "show",
            about: "Show how the gateway stands that answers this. Counts are since its start",
            arguments: &[],
            says: Says::Fields(&[
                "name",
                "mode",
                "lease",
                "lease_ms",
                "applied",
                "known_grants",
                "open_streams",
                "streams_cut",
                "histories_lost",
                "renewals_failed",
                "waiting",
                "insisted",
            ]),
            run: |admin, _| Box::pin(show(admin)),
        },
    ],
};

/// One that has to hear, as answers have it.
#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    this: bool,
    applied: u64,
    behind: u64,
    serve_known: Option<String>,
}

impl<'a> Listed<'a> {
    fn of(member: &'a Member, this: &str, end: u64) -> Self {
        let serve_known = (!member.serve_known.is_zero()).then(|| format!("{}s", member.serve_known.as_secs()));
        let behind = end.saturating_sub(member.applied);
        Self { name: &member.name, this: member.name == this, applied: member.applied, behind, serve_known }
    }
}

/// The one that answers. `lease_ms` is null where it needs no lease.
#[derive(Serialize)]
struct Shown<'a> {
    name: &'a str,
    mode: &'static str,
    lease: &'static str,
    lease_ms: Option<u64>,
    applied: u64,
    known_grants: usize,
    open_streams: usize,
    streams_cut: u64,
    histories_lost: u64,
    renewals_failed: u64,
    waiting: u64,
    insisted: usize,
}

/// A mode in one word.
pub(super) const fn mode(mode: Option<Mode>) -> &'static str {
    match mode {
        Some(Mode::Cached) => "cached",
        Some(Mode::Strict) => "strict",
        None => "alone",
    }
}

async fn list(admin: &Admin) -> Result<AdminAnswer, AdminError> {
    let this = admin.engine.gauges();
    let (end, mut members) = match admin.engine.feed_now().await? {
        Some(feed) => (feed.end, feed.members),
        // Nobody else uses the store, and this one applies what it writes.
        None => {
            let alone = Member { name: this.name.clone(), renewal: 0, applied: this.applied, serve_known: std::time::Duration::ZERO };
            (this.applied, if this.serves { vec![alone] } else { Vec::new() })
        }
    };
    members.sort_by(|one, other| one.name.cmp(&other.name));
    AdminAnswer::of(&members.iter().map(|member| Listed::of(member, &this.name, end)).collect::<Vec<_>>())
}

async fn show(admin: &Admin) -> Result<AdminAnswer, AdminError> {
    let gauges = admin.engine.gauges();
    if !gauges.serves {
        return Err(AdminError::not_found("no gateway answers here: start it, and with Redis name an [admin] socket"));
    }
    let Gauges { name, lease, applied, known_grants, open_streams, streams_cut, histories_lost, renewals_failed, waiting, .. } = &gauges;
    AdminAnswer::of(&Shown {
        name,
        mode: mode(gauges.mode),
        lease: match lease {
            None => "none is needed",
            Some(left) if left.is_zero() => "over",
            Some(_) => "holds",
        },
        lease_ms: lease.map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX)),
        applied: *applied,
        known_grants: *known_grants,
        open_streams: *open_streams,
        streams_cut: *streams_cut,
        histories_lost: *histories_lost,
        renewals_failed: *renewals_failed,
        waiting: *waiting,
        insisted: admin.engine.insisted(),
    })
}
