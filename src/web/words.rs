//! Times in words.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

/// A span in its largest unit: `5 minutes`.
pub(super) fn span(seconds: u64) -> String {
    let (count, unit) = match seconds {
        s if s < 90 => (s.max(1), "second"),
        s if s < 90 * 60 => (s.div_ceil(60), "minute"),
        s if s < 36 * 3600 => (s.div_ceil(3600), "hour"),
        s => (s.div_ceil(86_400), "day"),
    };
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

/// How long ago: `5 minutes ago`.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> String {
    let passed = now.duration_since(at).max(SignedDuration::ZERO).unsigned_abs().as_secs();
    if passed < 10 { "just now".to_owned() } else { format!("{} ago", span(passed)) }
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
}
