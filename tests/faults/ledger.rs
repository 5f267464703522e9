//! Where everybody writes what happened, and where callers find tokens.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use rand::seq::IndexedRandom;

use super::history::{Call, History, Life, Number, Outcome, Sickness, Stream, Withdrawal};

/// For so long callers go on with a token whose grant was taken back.
const TRIED: Duration = Duration::from_secs(5);
/// For so long what was taken back is kept: longer than any call takes.
const KEPT: Duration = Duration::from_secs(40);

/// The way of what is never taken back.
pub(crate) const NEVER: &str = "never";

/// A token that callers may show.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) number: Number,
    pub(crate) way: &'static str,
    pub(crate) token: Arc<str>,
}

/// What an attempt to take something back came to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Attempt {
    /// It was answered with success after so long, if not by an operator's command, by this gateway.
    Done { at: usize, took: Duration },
    /// Nobody could say: 503, or no answer.
    Failed,
    /// There was another answer.
    Refused(u16),
}

#[derive(Default)]
struct Pages {
    last: Number,
    tokens: BTreeMap<Number, Held>,
    grants: BTreeMap<Number, Life>,
    calls: Vec<Call>,
    streams: BTreeMap<Number, Stream>,
    sicknesses: Vec<Sickness>,
    losses: Vec<Instant>,
    attempts: Vec<Attempt>,
}

/// What has happened since it was taken last, and all that lives on.
#[derive(Default)]
pub(crate) struct Ledger(Mutex<Pages>);

impl Ledger {
    /// Somebody who panicked wrote no half entries.
    fn open(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A grant that was asked for at that moment. Who asks for itself gets the same token again while it is good.
    pub(crate) fn issued(&self, asked: Instant, way: &'static str, token: &str) -> Held {
        let mut pages = self.open();
        if let Some(held) = pages.tokens.values().find(|held| held.token.as_ref() == token) {
            return held.clone();
        }
        pages.last += 1;
        let held = Held { number: pages.last, way, token: token.into() };
        pages.grants.insert(held.number, Life { issued: asked, withdrawals: Vec::new() });
        pages.tokens.insert(held.number, held.clone());
        held
    }

    pub(crate) fn called(&self, call: Call) {
        self.open().calls.push(call);
    }

    /// They are about to be taken back.
    pub(crate) fn withdrawing(&self, grants: &[Held]) {
        let sent = Instant::now();
        self.each(grants, |withdrawals| withdrawals.push(Withdrawal::sent(sent)));
    }

    /// That was answered with success. The moment is taken under the lock: whoever sees it sees this entry.
    pub(crate) fn withdrawn(&self, grants: &[Held]) {
        self.each(grants, |withdrawals| withdrawals.last_mut().expect("it was sent").answered = Some(Instant::now()));
    }

    /// What was done is about to be undone.
    pub(crate) fn restoring(&self, grants: &[Held]) {
        self.each(grants, |withdrawals| withdrawals.last_mut().expect("it was sent").undone = Some(Instant::now()));
    }

    /// All replicas know of it.
    pub(crate) fn restored(&self, grants: &[Held]) {
        self.each(grants, |withdrawals| withdrawals.last_mut().expect("it was sent").restored = Some(Instant::now()));
    }

    fn each(&self, grants: &[Held], change: impl Fn(&mut Vec<Withdrawal>)) {
        let mut pages = self.open();
        grants.iter().for_each(|held| change(&mut pages.grants.get_mut(&held.number).expect("it was issued").withdrawals));
    }

    pub(crate) fn attempted(&self, attempt: Attempt) {
        self.open().attempts.push(attempt);
    }

    pub(crate) fn opened(&self, stream: Stream) -> Number {
        let mut pages = self.open();
        pages.last += 1;
        let name = pages.last;
        pages.streams.insert(name, stream);
        name
    }

    pub(crate) fn ended(&self, name: Number) {
        if let Some(stream) = self.open().streams.get_mut(&name) {
            stream.ended = Some(Instant::now());
        }
    }

    /// Nobody watches it any more.
    pub(crate) fn left(&self, name: Number) {
        self.open().streams.remove(&name);
    }

    pub(crate) fn was_sick(&self, replica: usize, from: Instant, to: Instant) {
        self.open().sicknesses.push(Sickness { replica, from, to });
    }

    /// All data is about to be lost.
    pub(crate) fn loses(&self) {
        self.open().losses.push(Instant::now());
    }

    /// A token whose grant nobody has tried to take back.
    pub(crate) fn live(&self) -> Option<Held> {
        let pages = self.open();
        pages.some(|_, life| pages.is_live(life))
    }

    /// One whose grant is going to be.
    pub(crate) fn passing(&self) -> Option<Held> {
        let pages = self.open();
        pages.some(|held, life| held.way != NEVER && pages.is_live(life))
    }

    /// A token whose grant was taken back, or is about to be, not long ago.
    pub(crate) fn withdrawn_lately(&self) -> Option<Held> {
        self.open().some(|_, life| {
            let last = life.withdrawals.last();
            last.is_some_and(|last| last.answered.is_none_or(|answered| answered.elapsed() < TRIED))
        })
    }

    /// How many calls each of these replicas admitted since then.
    pub(crate) fn admitted_since(&self, since: Instant, replicas: usize) -> Vec<usize> {
        let pages = self.open();
        let of = |replica| move |call: &&Call| call.replica == replica && call.sent >= since && call.outcome == Outcome::Admitted;
        (0..replicas).map(|replica| pages.calls.iter().filter(of(replica)).count()).collect()
    }

    /// All that happened since this was called last, and the attempts.
    pub(crate) fn take(&self) -> (History, Vec<Attempt>) {
        let mut pages = self.open();
        let until = Instant::now();
        let history = History {
            until,
            grants: pages.grants.clone(),
            calls: std::mem::take(&mut pages.calls),
            streams: pages.streams.values().copied().collect(),
            sicknesses: pages.sicknesses.clone(),
            losses: pages.losses.clone(),
        };
        let attempts = std::mem::take(&mut pages.attempts);
        pages.forget(until);
        (history, attempts)
    }
}

impl Pages {
    fn some(&self, is_wanted: impl Fn(&Held, &Life) -> bool) -> Option<Held> {
        let wanted: Vec<&Held> = self.tokens.values().filter(|held| is_wanted(held, &self.grants[&held.number])).collect();
        wanted.choose(&mut rand::rng()).map(|held| (*held).clone())
    }

    fn is_live(&self, life: &Life) -> bool {
        life.withdrawals.is_empty() && self.losses.last().is_none_or(|lost| *lost < life.issued)
    }

    fn forget(&mut self, now: Instant) {
        let Self { grants, tokens, streams, sicknesses, .. } = self;
        streams.retain(|_, stream| !stream.is_over(grants.get(&stream.grant), now));
        let is_old = |moment: Instant, age: Duration| now.duration_since(moment) > age;
        let is_done = |life: &Life, age| {
            let moment = |last: &Withdrawal| last.restored.or(last.answered).unwrap_or(last.sent);
            life.withdrawals.last().is_some_and(|last| is_old(moment(last), age))
        };
        // Nobody calls with it any more; then, when the last call has been answered, nobody speaks of it.
        tokens.retain(|number, _| grants.get(number).is_some_and(|life| !is_done(life, KEPT)));
        grants.retain(|_, life| !is_done(life, 2 * KEPT));
        sicknesses.retain(|sickness| !is_old(sickness.to, KEPT));
    }
}
