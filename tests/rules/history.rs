//! What happened, in the order in which callers began and were answered, and what must be true of
//! it whatever the order was.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use gatepost::{engine::Decision, oauth::refusal::ErrorCode, oauth::token::Kind};

use crate::support::house::Given;

/// What a caller asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Ask {
    Decide(Decision),
    Poll,
    /// With this refresh token.
    Refresh(String),
    /// With this access token.
    Use(String),
    Revoke,
    Logout(Kind, String),
}

/// What he was told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Told {
    /// It is done, or it is open.
    Yes,
    /// Here are tokens.
    Tokens(Given),
    /// No, in this word.
    Refused(ErrorCode),
    /// The token opens nothing.
    Shut,
    /// Nobody can say.
    Unavailable,
}

impl Told {
    fn is_yes(&self) -> bool {
        matches!(self, Self::Yes | Self::Tokens(_))
    }
}

/// One call. Two calls of which neither was answered before the other began ran side by side.
#[derive(Clone, Debug)]
pub(super) struct Call {
    began: u64,
    answered: u64,
    pub(super) ask: Ask,
    pub(super) told: Told,
}

/// What was asked and answered about one grant.
#[derive(Default)]
pub(super) struct History {
    moments: AtomicU64,
    calls: Mutex<Vec<Call>>,
}

impl History {
    pub(super) fn begin(&self) -> u64 {
        self.moments.fetch_add(1, Ordering::SeqCst)
    }

    pub(super) fn record(&self, began: u64, ask: Ask, told: Told) {
        let answered = self.moments.fetch_add(1, Ordering::SeqCst);
        self.calls.lock().unwrap().push(Call { began, answered, ask, told });
    }

    pub(super) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    /// All that was ever given.
    pub(super) fn given(&self) -> Vec<Given> {
        let tokens = |call: Call| if let Told::Tokens(given) = call.told { Some(given) } else { None };
        self.calls().into_iter().filter_map(tokens).collect()
    }

    /// Asserts what holds of every history.
    pub(super) fn check(&self) {
        let calls = self.calls();
        first_issues_are_one(&calls);
        successors_are_one(&calls);
        decisions_are_one(&calls);
        the_end_is_the_end(&calls);
        the_code_answers_for_the_decision(&calls);
    }
}

/// Never two different first issues.
fn first_issues_are_one(calls: &[Call]) {
    let first: BTreeSet<&Given> = calls.iter().filter(|call| call.ask == Ask::Poll).filter_map(given).collect();
    assert!(first.len() <= 1, "two first issues: {first:#?}");
}

/// Every refresh token has at most one successor, and no successor has two predecessors.
fn successors_are_one(calls: &[Call]) {
    let (mut after, mut before) = (BTreeMap::new(), BTreeMap::new());
    for call in calls {
        if let (Ask::Refresh(token), Some(given)) = (&call.ask, given(call)) {
            let successor = after.entry(token).or_insert(given);
            assert_eq!(*successor, given, "a refresh token has two successors");
            let predecessor = before.entry(&given.refresh).or_insert(token);
            assert_eq!(*predecessor, token, "a successor has two predecessors");
            assert_ne!(*token, given.refresh, "a refresh token is its own successor");
        }
    }
}

/// At most one decision wins.
fn decisions_are_one(calls: &[Call]) {
    let won = calls.iter().filter(|call| matches!(call.ask, Ask::Decide(_)) && call.told == Told::Yes);
    assert!(won.count() <= 1, "two decisions won: {calls:#?}");
}

/// What began after a revocation, a logout or a denial was answered is never told yes.
fn the_end_is_the_end(calls: &[Call]) {
    let ends = |call: &&Call| matches!(call.ask, Ask::Revoke | Ask::Logout(..) | Ask::Decide(Decision::Deny)) && call.told == Told::Yes;
    let Some(end) = calls.iter().filter(ends).map(|call| call.answered).min() else { return };
    for call in calls.iter().filter(|call| call.began > end) {
        let opens = matches!(call.ask, Ask::Decide(_) | Ask::Poll | Ask::Refresh(_) | Ask::Use(_));
        assert!(!opens || !call.told.is_yes(), "after the end: {call:#?} in {calls:#?}");
    }
}

/// A poll gives tokens only to whom somebody tried to let in, and nothing is pending once a
/// decision was answered.
fn the_code_answers_for_the_decision(calls: &[Call]) {
    let tried = |call: &Call| call.ask == Ask::Decide(Decision::Approve);
    let asked = calls.iter().filter(|call| tried(call)).map(|call| call.began).min();
    let decided = calls.iter().filter(|call| matches!(call.ask, Ask::Decide(_)) && call.told == Told::Yes).map(|call| call.answered).min();
    for call in calls.iter().filter(|call| call.ask == Ask::Poll) {
        assert!(!call.told.is_yes() || asked.is_some_and(|asked| asked < call.answered), "let in by nobody: {calls:#?}");
        let waits = matches!(call.told, Told::Refused(ErrorCode::AuthorizationPending | ErrorCode::SlowDown { .. }));
        assert!(!waits || decided.is_none_or(|decided| call.began < decided), "a decision was lost: {call:#?} in {calls:#?}");
    }
}

fn given(call: &Call) -> Option<&Given> {
    if let Told::Tokens(given) = &call.told { Some(given) } else { None }
}
