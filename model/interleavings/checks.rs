//! The gateway's cache: after a revocation has returned nobody sees what was there before, whatever the order.

use std::{collections::BTreeSet, sync::Arc};

use crate::cache;
use crate::runs::{a_look, fills};
use crate::world::{Cache, NEW, OLD, Outcome};

struct Gateway {
    cache: cache::Cache<[u8; 8], u32>,
    takes_out: fn(&cache::Cache<[u8; 8], u32>),
}

/// Which of two shards it is in depends on the upper half; it is in the second.
const KEY: [u8; 8] = [1; 8];

impl Cache for Gateway {
    type Turn = cache::Turn;

    fn turn(&self) -> cache::Turn {
        self.cache.turn()
    }

    fn get(&self) -> Option<u32> {
        self.cache.get(&KEY).map(|record| *record)
    }

    fn fill(&self, read_at: cache::Turn, record: u32) -> bool {
        self.cache.fill(read_at, KEY, Arc::new(record))
    }

    fn take_out(&self) {
        (self.takes_out)(&self.cache);
    }
}

fn by_key() -> Gateway {
    Gateway { cache: cache::Cache::new(4, 2), takes_out: |cache| cache.remove(&KEY) }
}

fn by_what_it_says() -> Gateway {
    Gateway { takes_out: |cache| cache.remove_where(|record| *record == OLD), ..by_key() }
}

fn all_there_is() -> Gateway {
    Gateway { takes_out: |cache| cache.remove_where(|_| true), ..by_key() }
}

/// Nobody sees late what was old; and the checker has been where it matters: each of these cases is among the outcomes.
fn holds(outcomes: &BTreeSet<Outcome>, cases: &[fn(&Outcome) -> bool]) {
    assert_eq!(outcomes.iter().find(|outcome| outcome.is_wrong()), None);
    for (at, case) in cases.iter().enumerate() {
        assert!(outcomes.iter().any(case), "case {at} is not among {outcomes:#?}");
    }
}

const IS_TAKEN_AND_REMOVED: fn(&Outcome) -> bool = |outcome| outcome.filled.contains(&true) && outcome.is_empty();
const IS_REFUSED: fn(&Outcome) -> bool = |outcome| outcome.filled.contains(&false);
const IS_TAKEN_LATER: fn(&Outcome) -> bool = |outcome| outcome.looks.iter().any(|look| look.seen == Some(NEW));

#[test]
fn a_fill_does_not_outlive_its_removal() {
    holds(&fills(0, 1, by_key), &[IS_TAKEN_AND_REMOVED, IS_REFUSED, IS_TAKEN_LATER]);
}

#[test]
fn two_fills_do_not_outlive_a_removal() {
    holds(&fills(2, 0, by_key), &[IS_TAKEN_AND_REMOVED, IS_REFUSED]);
    if std::env::var_os("GATEPOST_TEST_ALL").is_some() {
        holds(&fills(1, 1, by_key), &[IS_TAKEN_AND_REMOVED, IS_REFUSED, IS_TAKEN_LATER]);
    }
}

#[test]
fn a_fill_does_not_outlive_a_removal_by_what_the_record_says() {
    holds(&fills(0, 1, by_what_it_says), &[IS_REFUSED, IS_TAKEN_LATER]);
}

#[test]
fn a_fill_does_not_outlive_the_removal_of_everything() {
    holds(&fills(0, 1, all_there_is), &[IS_TAKEN_AND_REMOVED, IS_REFUSED, IS_TAKEN_LATER]);
}

#[test]
fn a_fill_that_began_before_the_removal_leaves_nothing_behind() {
    for cache in [by_key, by_what_it_says, all_there_is] {
        let outcomes = fills(1, 0, cache);
        holds(&outcomes, &[IS_TAKEN_AND_REMOVED, IS_REFUSED]);
        assert!(outcomes.iter().all(Outcome::is_empty), "{outcomes:#?}");
    }
}

#[test]
fn what_was_there_is_seen_by_nobody_once_the_removal_has_returned() {
    for cache in [by_key, by_what_it_says, all_there_is] {
        holds(&a_look(cache), &[|outcome| outcome.looks[0].seen == Some(OLD), |outcome| outcome.looks[0].is_late]);
    }
}
