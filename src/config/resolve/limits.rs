//! `[limits]`: how often somebody may do something.

use std::{num::NonZeroU32, ops::RangeInclusive, time::Duration};

use super::{DAY, MINUTE};
use crate::config::{
    Section,
    limits::{ROWS, Rate, Rates},
};

/// More guesses than this a minute are none that people make.
const MOST_GUESSES: u32 = 100;

pub(super) fn read(limits: &mut Section<'_>) -> Rates {
    let mut rates = Rates::default();
    for row in &ROWS {
        let (most, least_per) = if row.is_guess() { (MOST_GUESSES, MINUTE) } else { (u32::MAX, Duration::from_secs(1)) };
        match limits.table_or_false(row.name, |section| rate(section, 1..=most, least_per..=DAY)) {
            Some(None) if row.is_guess() => limits.problem(
                row.name,
                "guesses cannot be without a limit",
                format!("leave `{}` out, or write how many there may be, up to {MOST_GUESSES} a minute", row.name),
            ),
            Some(None) => rates.set(row.action, None),
            Some(Some(Some(rate))) => rates.set(row.action, Some(rate)),
            // Nothing is written, or what is wrong with it has been said.
            None | Some(Some(None)) => {}
        }
    }
    rates
}

fn rate(section: &mut Section<'_>, times: RangeInclusive<u32>, per: RangeInclusive<Duration>) -> Option<Rate> {
    let times = section.required("times", "5", |rate, key| rate.integer(key, times));
    let per = section.required("per", "\"1m\"", |rate, key| rate.duration(key, per));
    Some(Rate { times: NonZeroU32::new(times?)?, per: per? })
}
