//! The mistakes that the checker must find: a model that finds none of them proves nothing about the protocol.

use crate::bounds::*;
use crate::check::breaks;

/// A row: the mistake's name in the model, what it is (the test's name), the promises that it breaks, within which bounds.
macro_rules! table {
    ($($mistake:ident $what:ident: $($promise:literal)+ $bounds:ident;)*) => {
        /// What is done wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Mistake {
            None,
            $($mistake,)*
        }

        mod is_found_when {
            use super::*;

            $(#[test]
            fn $what() {
                breaks(&$bounds, Mistake::$mistake, &[$($promise),+]);
            })*
        }
    };
}

table! {
    // RENEW
    RenewWithoutWait           a_lease_is_given_before_wait_has_confirmed:                        "R1"        FAIL_OVER;
    LeaseFromAnswer            a_lease_begins_with_the_answer_and_not_before_the_question:        "R1"        ONE;
    ExtendBeforeApplying       the_lease_is_extended_before_the_entries_are_applied:              "R1"        ONE;
    RemoveBeforeTurn           an_entry_is_removed_from_the_cache_before_the_turn_is_raised:      "R1"        ONE;
    ClearBeforeTurn            the_cache_is_cleared_before_the_turn_is_raised:                    "R1"        FAIL_OVER_ENTRY;
    CacheNotCleared            another_history_leaves_the_cache_as_it_is:                         "R1"        FAIL_OVER_ENTRY;
    UnconfirmedSetsBack        another_history_is_followed_before_wait_has_confirmed:             "R1"        FAIL_OVER;
    LengthIsHistory            two_histories_of_one_length_are_taken_for_one:                     "R1"        FAIL_OVER_ENTRY;
    NeverAdoptsHistory         a_replica_that_met_another_history_stays_where_it_was:             "lease"     ALONE_FAIL_OVER;
    // The acknowledgement
    AcknowledgeBeforeApplying  a_replica_acknowledges_before_it_has_applied:                      "R1"        ONE;
    AcknowledgeWithoutId       an_acknowledgement_names_no_entry_id:                              "R1"        FAIL_OVER_ENTRY;
    RenewalIsAcknowledgement   a_new_renewal_number_is_taken_for_an_acknowledgement:              "R1"        ONE;
    // REQUEST
    LookUpFirst                the_cache_is_asked_before_the_lease:                               "R1"        ONE;
    StaleClock                 the_reading_of_the_clock_may_be_one_tick_old:                      "R1" "R3"   ONE;
    ClockStops                 the_clock_stands_still_while_the_replica_is_paused:                "R1" "R3"   ONE;
    MissWithoutLease           a_miss_asks_the_primary_whatever_the_lease:                        "R1" "R3"   FAIL_OVER;
    LoadIgnoresHistory         a_load_takes_the_answer_of_another_history:                        "R1"        FAIL_OVER;
    FillKept                   a_fill_is_kept_although_something_was_applied_since:               "R1"        ONE;
    LateRequestJoins           a_late_request_joins_an_earlier_load:                              "R1"        ONE;
    // REVOKE
    FeedBeforeRecord           the_entry_is_written_before_the_record:                            "R1"        ONE;
    RevokeWithoutWait          a_revoke_returns_without_the_confirmation_of_wait:                 "R1"        FAIL_OVER;
    RepeatReturnsAtOnce        a_repeated_revoke_succeeds_at_once:                                "R1"        REPEATED;
    RepeatWritesNothing        a_repeated_revoke_writes_nothing_that_wait_could_wait_for:         "R1"        FAIL_OVER_REPEATED;
    NoBarrier                  a_revoke_returns_as_soon_as_it_is_durable:                         "R1"        ONE;
    NeverWaitsOut              a_silent_member_is_waited_for_without_end:                         "R2"        ALONE;
    RemoveUnconditionally      a_member_is_removed_although_it_has_renewed_since:                 "R1"        OTHER;
    NumberRestarts             the_renewal_numbers_of_a_removed_member_begin_again:               "R1"        THREE;
    // All of it
    PubSubAlone                there_is_a_hint_that_may_be_lost_and_neither_lease_nor_barrier:    "R1" "R3"   ONE;
}
