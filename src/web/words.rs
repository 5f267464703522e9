//! Times in words.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

/// A span to wait, in its largest unit: `5 minutes`.
pub(super) fn span(seconds: u64) -> String {
    let (count, unit) = match seconds {
        s if s < 90 => (s.max(1), "second"),
        s if s < 90 * 60 => (s.div_ceil(60), "minute"),
        s if s < 36 * 3600 => (s.div_ceil(3600), "hour"),
        s => (s.div_ceil(86_400), "day"),
    };
    counted(count, unit)
}

fn counted(count: u64, unit: &str) -> String {
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

/// How long ago: `5 minutes ago`.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> String {
    let passed = now.duration_since(at).max(SignedDuration::ZERO).unsigned_abs().as_secs();
    // Whole units that have passed, where a span to wait is rounded up.
    let (count, unit) = match passed {
        s if s < 10 => return "Just now".to_owned(),
        s if s < 60 => (s, "second"),
        s if s < 3600 => (s / 60, "minute"),
        s if s < 86_400 => (s / 3600, "hour"),
        s => (s / 86_400, "day"),
    };
    format!("{} ago", counted(count, unit))
}

/// The moment itself, for machines and for whoever points at it.
pub(super) fn moment(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%-d %B %Y, %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_the_unit_that_a_person_would_use() {
        for (seconds, words) in
            [(0, "1 second"), (59, "59 seconds"), (90, "2 minutes"), (3600, "60 minutes"), (7200, "2 hours"), (86_400 * 3, "3 days")]
        {
            assert_eq!(span(seconds), words);
        }
    }

    #[test]
    fn what_is_past_is_told_in_whole_units() {
        let then = Timestamp::UNIX_EPOCH;
        for (seconds, words) in [
            (0, "Just now"),
            (59, "59 seconds ago"),
            (119, "1 minute ago"),
            (3601, "1 hour ago"),
            (86_400 + 1, "1 day ago"),
            (86_400 * 4 - 1, "3 days ago"),
        ] {
            assert_eq!(ago(then, then + SignedDuration::from_secs(seconds)), words);
        }
        assert_eq!(ago(then + SignedDuration::from_secs(60), then), "Just now");
    }
}
