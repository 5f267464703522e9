//! What came of the faults, as a table.

use std::{collections::BTreeMap, fmt, time::Duration};

use super::{fault::Fault, run::Round};

/// All rounds of a kind, added up.
#[derive(Default)]
struct Row {
    times: usize,
    calls: usize,
    revokes: usize,
    took: Vec<Duration>,
    failed: usize,
    late: usize,
    false_denials: usize,
    strange: usize,
    overdue: usize,
    /// Of each round, from the replica that admitted least to the one that admitted most.
    admitted: Vec<Vec<f64>>,
    again: Option<Duration>,
    never_again: usize,
}

/// All that was tried.
#[derive(Default)]
pub(crate) struct Report(BTreeMap<Fault, Row>);

impl Report {
    pub(crate) fn add(&mut self, round: &Round) {
        let row = self.0.entry(round.fault).or_default();
        row.times += 1;
        row.calls += round.calls;
        row.revokes += round.revokes;
        row.took.extend(&round.took);
        row.failed += round.failed + round.refused.len();
        row.late += round.verdict.late.len();
        row.false_denials += round.verdict.false_denials.len();
        row.strange += round.verdict.strange.len();
        row.overdue += round.verdict.overdue.len();
        let mut admitted: Vec<f64> = round.admitted.iter().map(|part| part.unwrap_or(0.0)).collect();
        admitted.sort_by(f64::total_cmp);
        row.admitted.push(admitted);
        row.again = row.again.max(round.again);
        row.never_again += usize::from(round.again.is_none());
    }

    /// How much was taken back: a run without it shows nothing.
    pub(crate) fn revokes(&self) -> usize {
        self.0.values().map(|row| row.revokes).sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:14} {:>5} {:>8} {:>7} {:>6} | {:>4} {:>6} {:>7} {:>7} | {:>7} {:>7} {:>7} | {:>4} {:>4} {:>4} | {:>7}",
            "fault",
            "times",
            "calls",
            "revokes",
            "failed",
            "late",
            "denied",
            "strange",
            "overdue",
            "p50",
            "p99",
            "max",
            "low",
            "mid",
            "high",
            "again"
        )?;
        for (fault, row) in &self.0 {
            let mut took = row.took.clone();
            took.sort();
            let [low, mid, high] = [0, 1, 2].map(|place| mean(row.admitted.iter().filter_map(|admitted| admitted.get(place).copied())));
            let again = if row.never_again > 0 { "never".to_owned() } else { said(row.again) };
            writeln!(
                f,
                "{:14} {:>5} {:>8} {:>7} {:>6} | {:>4} {:>6} {:>7} {:>7} | {:>7} {:>7} {:>7} | {low:>3.0}% {mid:>3.0}% {high:>3.0}% | {again:>7}",
                fault.name(),
                row.times,
                row.calls,
                row.revokes,
                row.failed,
                row.late,
                row.false_denials,
                row.strange,
                row.overdue,
                said(part(&took, 0.5)),
                said(part(&took, 0.99)),
                said(took.last().copied()),
            )?;
        }
        writeln!(f, "\nlate: admitted although its first byte was sent after a revocation was answered. denied: 401 without a reason.")?;
        writeln!(f, "strange: neither 2xx, 401 nor 503. overdue: a stream that outlived its grant by a second at a healthy replica.")?;
        writeln!(f, "p50 to max: a revocation that succeeded, at a gateway that was well if any was. failed: attempts that did not.")?;
        writeln!(
            f,
            "low to high: calls with live tokens that were admitted during the fault, at the replica with the fewest to the most."
        )?;
        writeln!(f, "again: from the end of the fault until the last replica admitted a call, at worst.")
    }
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { fault, chance, calls, revokes, failed, refused, verdict, again, admitted, took: _ } = self;
        let admitted: Vec<String> =
            admitted.iter().map(|part| part.map_or("-".to_owned(), |part| format!("{:.0}%", part * 100.0))).collect();
        let (admitted, again) = (admitted.join(" "), said(*again));
        write!(
            f,
            "{:14} ({chance}): {calls} calls, {revokes} revokes, {failed} failed, admitted {admitted}, again after {again}",
            fault.name()
        )?;
        if !refused.is_empty() {
            write!(f, ", revokes refused {refused:?}")?;
        }
        for (what, calls) in [("LATE", &verdict.late), ("DENIED", &verdict.false_denials), ("STRANGE", &verdict.strange)] {
            if let Some(first) = calls.first() {
                write!(f, "\n  {what}: {} times, first {first:?}", calls.len())?;
            }
        }
        if let Some(first) = verdict.overdue.first() {
            write!(f, "\n  OVERDUE: {} times, first {first:?}", verdict.overdue.len())?;
        }
        Ok(())
    }
}

fn said(time: Option<Duration>) -> String {
    time.map_or("-".to_owned(), |time| match time.as_millis() {
        millis @ 0..10_000 => format!("{millis} ms"),
        millis => format!("{} s", millis / 1000),
    })
}

/// The time that so large a part of them does not exceed.
fn part(sorted: &[Duration], part: f64) -> Option<Duration> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get((part * last as f64).round() as usize).copied()
}

/// In percent.
fn mean(parts: impl Iterator<Item = f64>) -> f64 {
    let parts: Vec<f64> = parts.collect();
    100.0 * parts.iter().sum::<f64>() / parts.len().max(1) as f64
}
