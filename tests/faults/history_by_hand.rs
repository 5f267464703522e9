//! Histories made by hand: each thing that must not happen is found, and nothing else is.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::history::{Call, History, Life, Outcome, Sickness, Stream, Verdict, Withdrawal};

/// A history in milliseconds, with one grant that is issued at 0.
struct Made {
    zero: Instant,
    history: History,
}

impl Made {
    fn new() -> Self {
        let zero = Instant::now();
        let grants = BTreeMap::from([(1, Life { issued: zero, withdrawals: Vec::new() })]);
        let until = zero + Duration::from_secs(60);
        let none = History { until, grants, calls: Vec::new(), streams: Vec::new(), sicknesses: Vec::new(), losses: Vec::new() };
        Self { zero, history: none }
    }

    fn at(&self, millis: u64) -> Instant {
        self.zero + Duration::from_millis(millis)
    }

    fn revoked(mut self, sent: u64, answered: Option<u64>) -> Self {
        let answered = answered.map(|answered| self.at(answered));
        let withdrawal = Withdrawal { answered, ..Withdrawal::sent(self.at(sent)) };
        self.history.grants.get_mut(&1).unwrap().withdrawals.push(withdrawal);
        self
    }

    fn undone(mut self, undone: u64, restored: u64) -> Self {
        let (undone, restored) = (self.at(undone), self.at(restored));
        let last = self.history.grants.get_mut(&1).unwrap().withdrawals.last_mut().unwrap();
        (last.undone, last.restored) = (Some(undone), Some(restored));
        self
    }

    fn call(mut self, sent: u64, answered: u64, outcome: Outcome) -> Self {
        let call = Call { grant: 1, way: "", replica: 0, sent: self.at(sent), answered: self.at(answered), outcome };
        self.history.calls.push(call);
        self
    }

    fn stream(mut self, opened: u64, ended: Option<u64>) -> Self {
        let stream = Stream { grant: 1, replica: 0, opened: self.at(opened), ended: ended.map(|ended| self.at(ended)) };
        self.history.streams.push(stream);
        self
    }

    fn sick(mut self, replica: usize, from: u64, to: u64) -> Self {
        let sickness = Sickness { replica, from: self.at(from), to: self.at(to) };
        self.history.sicknesses.push(sickness);
        self
    }

    /// How many are late, denied without a reason, strange, overdue.
    fn found(&self) -> [usize; 4] {
        let Verdict { late, false_denials, strange, overdue } = self.history.judge();
        [late.len(), false_denials.len(), strange.len(), overdue.len()]
    }
}

#[test]
fn a_call_that_was_sent_after_the_answer_and_admitted_is_late() {
    let made = Made::new().revoked(100, Some(110)).call(109, 500, Outcome::Admitted);
    assert_eq!(made.found(), [0; 4], "its first byte was on its way before the answer");
    let made = made.call(110, 111, Outcome::Admitted);
    assert_eq!(made.found(), [1, 0, 0, 0]);
    assert_eq!(made.history.judge().late, [made.history.calls[1]]);
    assert_eq!(made.call(50_000, 50_001, Outcome::Admitted).found(), [2, 0, 0, 0], "it stays taken back");
}

#[test]
fn what_was_never_answered_with_success_forbids_nothing_and_explains_all() {
    let made = Made::new().revoked(100, None);
    assert_eq!(made.call(200, 201, Outcome::Admitted).call(202, 203, Outcome::Denied).found(), [0; 4]);
}

#[test]
fn refusals_are_never_late() {
    let made = Made::new().revoked(100, Some(110));
    let made = made.call(120, 121, Outcome::Denied).call(122, 123, Outcome::Unavailable).call(124, 125, Outcome::Silent);
    assert_eq!(made.found(), [0; 4]);
}

#[test]
fn a_denial_before_anybody_asked_for_it_is_false() {
    let made = Made::new().revoked(100, Some(110)).call(90, 99, Outcome::Denied);
    assert_eq!(made.found(), [0, 1, 0, 0]);
    let made = Made::new().revoked(100, Some(110)).call(90, 100, Outcome::Denied);
    assert_eq!(made.found(), [0; 4], "it may have been decided after the revocation was sent");
}

#[test]
fn lost_data_explains_a_denial_of_what_was_issued_before_and_no_admission() {
    let mut made = Made::new().call(200, 201, Outcome::Denied);
    made.history.losses.push(made.at(150));
    assert_eq!(made.found(), [0; 4]);
    made.history.grants.get_mut(&1).unwrap().issued = made.at(151);
    assert_eq!(made.found(), [0, 1, 0, 0]);
    assert_eq!(made.revoked(100, Some(110)).call(300, 301, Outcome::Admitted).found(), [1, 0, 0, 0]);
}

#[test]
fn what_is_undone_forbids_only_in_between() {
    let made = || Made::new().revoked(100, Some(110)).undone(200, 210);
    assert_eq!(made().call(120, 199, Outcome::Admitted).found(), [1, 0, 0, 0]);
    assert_eq!(made().call(120, 205, Outcome::Admitted).found(), [0; 4], "it may have been decided afterwards");
    assert_eq!(made().call(209, 300, Outcome::Denied).found(), [0; 4]);
    assert_eq!(made().call(210, 300, Outcome::Denied).found(), [0, 1, 0, 0], "it goes on again");
}

#[test]
fn any_other_answer_is_strange() {
    assert_eq!(Made::new().call(1, 2, Outcome::of(Some(429))).call(3, 4, Outcome::of(Some(502))).found(), [0, 0, 2, 0]);
    let expected = [Some(200), Some(401), Some(503), None].map(Outcome::of);
    assert_eq!(expected, [Outcome::Admitted, Outcome::Denied, Outcome::Unavailable, Outcome::Silent]);
}

#[test]
fn a_stream_that_outlives_its_grant_by_a_second_is_overdue() {
    let made = || Made::new().revoked(100, Some(110));
    assert_eq!(made().stream(50, Some(1110)).found(), [0; 4]);
    assert_eq!(made().stream(50, Some(1111)).found(), [0, 0, 0, 1]);
    assert_eq!(made().stream(50, None).found(), [0, 0, 0, 1], "it is open still");
    assert_eq!(Made::new().stream(50, None).found(), [0; 4], "nobody took its grant back");
    assert_eq!(made().undone(300, 310).stream(50, None).found(), [0; 4], "it went on before the second was over");
}

#[test]
fn a_stream_may_live_on_at_a_replica_that_is_disturbed() {
    let made = || Made::new().revoked(100, Some(110)).stream(50, Some(5000));
    assert_eq!(made().sick(0, 0, 200).found(), [0; 4]);
    assert_eq!(made().sick(0, 1000, 2000).found(), [0; 4]);
    assert_eq!(made().sick(1, 0, 9000).found(), [0, 0, 0, 1], "another one was");
    assert_eq!(made().sick(0, 0, 50).found(), [0, 0, 0, 1], "it was well again before");
}

#[test]
fn availability_counts_live_grants_alone() {
    let made = Made::new().revoked(100, Some(110));
    let made = made.call(10, 11, Outcome::Admitted).call(20, 21, Outcome::Unavailable).call(120, 121, Outcome::Denied);
    assert_eq!(made.history.availability(0, made.at(0), made.at(1000)), Some(0.5));
    assert_eq!(made.history.availability(1, made.at(0), made.at(1000)), None);
    assert_eq!(made.history.serves_again(0, made.at(5)), Some(Duration::from_millis(6)));
    assert_eq!(made.history.serves_again(0, made.at(15)), None);
}
