//! Runs the checker. The true protocol holds within each of the bounds, from an empty Redis on.

use std::{collections::BTreeSet, time::Instant};

use stateright::{Checker, HasDiscoveries, Model};

use crate::bounds::*;
use crate::mistakes::Mistake;
use crate::model::Protocol;

fn run(model: Protocol, until: HasDiscoveries) -> Vec<&'static str> {
    let started = Instant::now();
    let checker = model.checker().finish_when(until).spawn_bfs().join();
    let found: BTreeSet<_> = checker.discoveries().into_keys().collect();
    println!("{} states, {:.1} s: {found:?}", checker.unique_state_count(), started.elapsed().as_secs_f32());
    for promise in found.iter().filter(|name| !POSSIBLE.contains(name)) {
        println!("{promise} is broken by");
        // The checker may have gone on for a while.
        let path = checker.discovery(promise).map(|path| path.into_vec()).unwrap_or_default();
        let until_then =
            path.into_iter().take_while(|(state, _)| !(state.r1_broken && *promise == "R1" || state.r3_broken && *promise == "R3"));
        until_then.filter_map(|(_, action)| action).for_each(|action| println!("    {action:?}"));
    }
    found.into_iter().collect()
}

/// What must be possible: a model in which nothing can happen would hold as well.
pub(crate) const POSSIBLE: [&str; 2] = ["late request", "returns"];

/// Exhausts the true protocol: no promise is broken.
fn holds(bounds: &Bounds) {
    let possible: &[&str] = if bounds.alone.is_some() { &[] } else { &POSSIBLE };
    assert_eq!(run(Protocol { bounds: *bounds, mistake: Mistake::None }, HasDiscoveries::All), possible, "{bounds:?}");
}

/// Looks for a way in which the mistake breaks each of these promises.
pub(crate) fn breaks(bounds: &Bounds, mistake: Mistake, promises: &[&'static str]) {
    let found = run(Protocol { bounds: *bounds, mistake }, HasDiscoveries::AllOf(promises.iter().copied().collect()));
    for promise in promises {
        assert!(found.contains(promise), "{mistake:?} does not break {promise} within {bounds:?}");
    }
}

/// A row: the test's name, its bounds, and the wider ones of the long suites.
macro_rules! the_promises_hold {
    ($($when:ident: $($bounds:ident)+ $(($($wide:ident)+))?;)*) => {
        mod the_promises_hold {
            use super::*;

            $(#[test]
            fn $when() {
                $(holds(&$bounds);)+
                $(if std::env::var_os("GATEPOST_TEST_ALL").is_some() {
                    $(holds(&$wide);)+
                })?
            })*
        }
    };
}

the_promises_hold! {
    with_one_replica:                                          ONE;
    with_two_replicas_that_serve:                              TWO;
    with_a_replica_that_is_only_waited_for:                    SILENT;
    when_a_revoke_is_repeated_by_another:                      REPEATED;
    when_something_else_is_revoked_too:                        OTHER (THREE);
    when_redis_comes_back_with_older_data:                     RESTART (RESTART_OTHER);
    when_the_primary_fails_over:                               FAIL_OVER (FAIL_OVER_REPEATED);
    when_the_old_primary_takes_commits_after_a_fail_over:      UNNOTICED (UNNOTICED_REPEATED);
    when_an_entry_is_lost_and_another_takes_its_place:         FAIL_OVER_ENTRY (UNNOTICED_ENTRY);
    when_all_but_one_replica_and_its_revoker_die:              ALONE;
    when_all_but_one_replica_die_around_a_fail_over:           ALONE_FAIL_OVER;
}
