//! How fast a device may poll (RFC 8628 section 3.5). Soft state: losing it forgives a client
//! and harms nobody.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How much every `slow_down` adds (RFC 8628 section 3.5).
const STEP: Duration = Duration::from_secs(5);
/// As far as the count goes: a client that ignores `slow_down` is not punished for ever.
const CAP: Duration = Duration::from_secs(30);
/// A client that keeps the pace arrives a little early now and then, since packets do not.
const TOLERANCE: Duration = Duration::from_millis(100);

/// What is remembered of one code's polls.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Pace {
    /// When the last poll came.
    last: Timestamp,
    /// The gap that the next one has to keep.
    interval: Duration,
}

/// Whether a poll came in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The gap was kept, or this is the first poll, which is free.
    InPace,
    /// Too early: `slow_down`. The gap that the next one has to keep.
    TooEarly(Duration),
}

/// Judges a poll that arrived `now`. The gap runs from arrival to arrival, early ones included.
pub fn judge(before: Option<Pace>, interval: Duration, now: Timestamp) -> (Pace, Verdict) {
    let Some(before) = before else {
        return (Pace { last: now, interval }, Verdict::InPace);
    };
    let gap = now.duration_since(before.last).max(SignedDuration::ZERO).unsigned_abs();
    if gap + TOLERANCE >= before.interval {
        (Pace { last: now, ..before }, Verdict::InPace)
    } else {
        let interval = (before.interval + STEP).min(CAP.max(interval));
        (Pace { last: now, interval }, Verdict::TooEarly(interval))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(5);

    fn polls(at: &[i64]) -> Vec<Verdict> {
        let mut pace = None;
        at.iter()
            .map(|second| {
                let (next, verdict) = judge(pace, INTERVAL, Timestamp::from_second(*second).unwrap_or_default());
                pace = Some(next);
                verdict
            })
            .collect()
    }

    const fn too_early(seconds: u64) -> Verdict {
        Verdict::TooEarly(Duration::from_secs(seconds))
    }

    #[test]
    fn the_first_poll_is_free_and_the_interval_is_enough() {
        assert_eq!(polls(&[0, 5, 10, 60]), [Verdict::InPace; 4]);
    }

    #[test]
    fn each_slow_down_adds_five_seconds_from_the_early_poll_on() {
        use Verdict::InPace;
        assert_eq!(polls(&[0, 4, 13, 28]), [InPace, too_early(10), too_early(15), InPace]);
        assert_eq!(polls(&[0, 4, 14, 24]), [InPace, too_early(10), InPace, InPace]);
    }

    #[test]
    fn the_count_stops_at_thirty_seconds() {
        let early: Vec<i64> = (0..40).collect();
        assert!(polls(&early)[1..].iter().all(|verdict| matches!(verdict, Verdict::TooEarly(_))));
        assert_eq!(polls(&early).last(), Some(&too_early(30)));
        let mut patient_at_last = early;
        patient_at_last.push(39 + 30);
        assert_eq!(polls(&patient_at_last).last(), Some(&Verdict::InPace));
    }

    #[test]
    fn a_clock_that_was_set_back_counts_as_no_gap() {
        assert_eq!(polls(&[100, 10]), [Verdict::InPace, too_early(10)]);
    }
}
