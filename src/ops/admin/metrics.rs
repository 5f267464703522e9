//! The gauges of [`super::replicas`] in Prometheus's text format 0.0.4, at `GET /metrics` on the admin socket.

use std::fmt::{Display, Write};

use super::replicas;
use crate::{
    engine::Engine,
    store::{FeedNow, Unavailable},
    verify::Gauges,
};

pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All of them, as of now.
pub(super) async fn exposition(engine: &Engine) -> String {
    written(&engine.gauges(), engine.insisted(), &engine.feed_now().await)
}

fn written(gauges: &Gauges, insisted: usize, feed: &Result<Option<FeedNow>, Unavailable>) -> String {
    let mut text = String::new();
    let about = "The name by which the other replicas know this one, and what it asks for each request.";
    let labels = format!("{{replica=\"{}\",mode=\"{}\"}}", gauges.name, replicas::mode(gauges.mode));
    put(&mut text, "gatepost_replica_info", "gauge", about, format_args!("{labels} 1"));
    let mut sample = |name, kind, about, value: &dyn Display| put(&mut text, name, kind, about, format_args!(" {value}"));
    if let Some(lease) = gauges.lease {
        sample("gatepost_lease_seconds", "gauge", "For how long the lease of this replica holds; 0 once it is over.", &lease.as_secs_f64());
    }
    match feed {
        Ok(Some(FeedNow { end, members })) => {
            let lag = end.saturating_sub(gauges.applied);
            sample("gatepost_feed_lag_entries", "gauge", "How many entries of the feed this replica has yet to apply.", &lag);
            sample("gatepost_members", "gauge", "How many replicas have to hear what is taken back.", &members.len());
            sample("gatepost_store_up", "gauge", "Whether the store that the replicas share has answered.", &1);
        }
        Ok(None) => {}
        // As the sample says; why, the log of the lease.
        Err(Unavailable { .. }) => sample("gatepost_store_up", "gauge", "Whether the store that the replicas share has answered.", &0),
    }
    sample("gatepost_known_grants", "gauge", "How many grants this replica knows.", &gauges.known_grants);
    sample("gatepost_open_streams", "gauge", "How many answers are on their way that need a token.", &gauges.open_streams);
    sample("gatepost_streams_cut_total", "counter", "How many answers were cut off by a revocation.", &gauges.streams_cut);
    let about = "How often the store had lost what was written, as a fail-over or a restart does. Look at the log.";
    sample("gatepost_histories_lost_total", "counter", about, &gauges.histories_lost);
    let about = "How many rounds of renewal gave no lease.";
    sample("gatepost_renewals_failed_total", "counter", about, &gauges.renewals_failed);
    sample("gatepost_revocations_waiting", "gauge", "How many revocations wait until all replicas know.", &gauges.waiting);
    let about = "How many revocations are tried in the background, since the store was away.";
    sample("gatepost_revocations_insisted", "gauge", about, &insisted);
    text
}

fn put(text: &mut String, name: &str, kind: &str, about: &str, sample: impl Display) {
    // A String takes all that is written.
    _ = write!(text, "# HELP {name} {about}\n# TYPE {name} {kind}\n{name}{sample}\n");
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use super::*;
    use crate::config::store::Mode;

    fn gauges() -> Gauges {
        Gauges {
            name: "00ff".to_owned(),
            serves: true,
            mode: Some(Mode::Cached),
            lease: Some(Duration::from_millis(1500)),
            applied: 7,
            known_grants: 3,
            open_streams: 2,
            streams_cut: 5,
            histories_lost: 1,
            renewals_failed: 4,
            waiting: 6,
        }
    }

    /// Every line is the help, the type, or the one sample of a metric, in this order, as the format has it.
    fn read(text: &str) -> BTreeMap<String, (String, f64)> {
        assert!(text.ends_with('\n'));
        let lines: Vec<&str> = text.lines().collect();
        let read = lines.chunks(3).map(|of_one| {
            let [help, kind, sample] = of_one else { panic!("{of_one:?}") };
            let (name, about) = help.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')).unwrap();
            assert!(about.ends_with('.') && !about.contains('\\'), "{help}");
            assert!(name.starts_with("gatepost_") && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
            let kind = kind.strip_prefix(&format!("# TYPE {name} ")).unwrap();
            assert_eq!(kind, if name.ends_with("_total") { "counter" } else { "gauge" }, "{name}");
            let (labels, value) = sample.strip_prefix(name).unwrap().rsplit_once(' ').unwrap();
            (name.to_owned(), (labels.to_owned(), value.parse().unwrap()))
        });
        let all: BTreeMap<_, _> = read.collect();
        assert_eq!(all.len() * 3, lines.len(), "a metric is there twice");
        all
    }

    #[test]
    fn each_line_is_of_the_format_and_each_gauge_is_there_once() {
        let member = |name: &str| crate::store::Member { name: name.to_owned(), renewal: 1, applied: 7, serve_known: Duration::ZERO };
        let feed = FeedNow { end: 9, members: vec![member("00ff"), member("0100")] };
        let all = read(&written(&gauges(), 8, &Ok(Some(feed))));
        assert_eq!(all["gatepost_replica_info"], ("{replica=\"00ff\",mode=\"cached\"}".to_owned(), 1.0));
        let values: Vec<(&str, f64)> = all.iter().map(|(name, (_, value))| (name.as_str(), *value)).collect();
        let expected = [
            ("gatepost_feed_lag_entries", 2.0),
            ("gatepost_histories_lost_total", 1.0),
            ("gatepost_known_grants", 3.0),
            ("gatepost_lease_seconds", 1.5),
            ("gatepost_members", 2.0),
            ("gatepost_open_streams", 2.0),
            ("gatepost_renewals_failed_total", 4.0),
            ("gatepost_replica_info", 1.0),
            ("gatepost_revocations_insisted", 8.0),
            ("gatepost_revocations_waiting", 6.0),
            ("gatepost_store_up", 1.0),
            ("gatepost_streams_cut_total", 5.0),
        ];
        assert_eq!(values, expected);
    }

    #[test]
    fn what_nobody_can_say_is_left_out() {
        let away = read(&written(&gauges(), 0, &Err(Unavailable::because("gone"))));
        assert_eq!(away["gatepost_store_up"].1, 0.0);
        assert!(!away.contains_key("gatepost_feed_lag_entries"));
        let alone = read(&written(&Gauges { mode: None, lease: None, ..gauges() }, 0, &Ok(None)));
        assert!(!["gatepost_lease_seconds", "gatepost_feed_lag_entries", "gatepost_store_up"].iter().any(|name| alone.contains_key(*name)));
        assert!(alone["gatepost_replica_info"].0.contains("mode=\"alone\""));
    }
}
