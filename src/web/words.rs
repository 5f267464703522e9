//! Times in words.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::messages::Time;

impl Time {
    /// A span to wait, in its largest unit: `5 minutes`.
    pub(super) fn span(&self, seconds: u64) -> String {
        match seconds {
            s if s < 90 => self.seconds.of(s.max(1)),
            s if s < 90 * 60 => self.minutes.of(s.div_ceil(60)),
            s if s < 36 * 3600 => self.hours.of(s.div_ceil(3600)),
            s => self.days.of(s.div_ceil(86_400)),
        }
    }

    /// How long until then: `in 5 minutes`.
    pub(super) fn until(&self, at: Timestamp, now: Timestamp) -> String {
        match at.duration_since(now).as_secs() {
            ..=0 => self.over.clone(),
            left => self.within.plain(&[("span", &self.span(left.unsigned_abs()))]),
        }
    }

    /// How long ago: `5 minutes ago`.
    pub(super) fn ago(&self, at: Timestamp, now: Timestamp) -> String {
        // Whole units that have passed, where a span to wait is rounded up.
        match now.duration_since(at).max(SignedDuration::ZERO).unsigned_abs().as_secs() {
            s if s < 10 => self.just_now.clone(),
            s if s < 60 => self.seconds_ago.of(s),
            s if s < 3600 => self.minutes_ago.of(s / 60),
            s if s < 86_400 => self.hours_ago.of(s / 3600),
            s => self.days_ago.of(s / 86_400),
        }
    }

    /// The moment itself, for whoever points at it.
    pub(super) fn moment(&self, at: Timestamp) -> String {
        let at = at.to_zoned(TimeZone::UTC);
        self.moment.plain(&[("date", &self.day_of(&at)), ("time", &at.strftime("%H:%M"))])
    }

    /// The day.
    pub(super) fn day(&self, at: Timestamp) -> String {
        self.day_of(&at.to_zoned(TimeZone::UTC))
    }

    fn day_of(&self, at: &jiff::Zoned) -> String {
        let month = usize::try_from(at.month() - 1).ok().and_then(|index| self.months.get(index));
        self.day.plain(&[("day", &at.day()), ("month", &month.map_or("", String::as_str)), ("year", &at.year())])
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{config::Language, web::messages::Languages};

    #[test]
    fn spans_are_told_in_the_unit_that_a_person_would_use() {
        let languages = Languages::read().unwrap();
        let time = &languages.get(Language::English).time;
        for (seconds, words) in
            [(0, "1 second"), (59, "59 seconds"), (90, "2 minutes"), (3600, "60 minutes"), (7200, "2 hours"), (86_400 * 3, "3 days")]
        {
            assert_eq!(time.span(seconds), words);
        }
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(time.until(now + SignedDuration::from_secs(90), now), "in 2 minutes");
        assert_eq!(time.until(now, now), "expired");
    }

    #[test]
    fn what_is_past_is_told_in_whole_units() {
        let languages = Languages::read().unwrap();
        let (english, german) = (&languages.get(Language::English).time, &languages.get(Language::German).time);
        let then = Timestamp::UNIX_EPOCH;
        for (seconds, words, worte) in [
            (0, "Just now", "Gerade eben"),
            (59, "59 seconds ago", "vor 59 Sekunden"),
            (119, "1 minute ago", "vor 1 Minute"),
            (3601, "1 hour ago", "vor 1 Stunde"),
            (86_400 + 1, "1 day ago", "vor 1 Tag"),
            (86_400 * 4 - 1, "3 days ago", "vor 3 Tagen"),
        ] {
            let now = then + SignedDuration::from_secs(seconds);
            assert_eq!((english.ago(then, now).as_str(), german.ago(then, now).as_str()), (words, worte));
        }
        assert_eq!(english.ago(then + SignedDuration::from_secs(60), then), "Just now");
        assert_eq!(english.moment(then), "1 January 1970, 00:00 UTC");
        assert_eq!(german.moment(then), "1. Januar 1970, 00:00 UTC");
    }
}
