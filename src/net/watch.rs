//! Looks at a connection now and then, and says when its time is up. One coarse timer for all of its
//! limits, so that bytes that come and go touch no timer: a limit takes effect up to a quarter of the
//! shortest one late.

use std::{future::poll_fn, rc::Rc, task::Poll, time::Duration};

use tokio::time::{Interval, MissedTickBehavior, interval};

use super::track::{Followed, Track};
use crate::config::Connections;

const OFTEN: Duration = Duration::from_millis(5);
const SELDOM: Duration = Duration::from_secs(5);

/// What is to become of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// It ends after what is under way.
    Close(&'static str),
    /// It ends now.
    Cut(&'static str),
}

/// Looks at one connection.
pub(super) struct Watch {
    track: Rc<Track>,
    limits: Rc<Connections>,
    every: Duration,
    timer: Interval,
    age: Duration,
    /// Since the last request, or since the connection stands.
    idle: Duration,
    /// Since a request's first byte.
    head: Duration,
    /// Since the peer took a byte, while there are some for it.
    blocked: Duration,
    /// The connection has been told to close.
    closing: bool,
    speaks_http2: bool,
    seen_begun: u64,
    seen_read: u64,
    seen_written: u64,
}

/// How often to look.
fn every(limits: &Connections) -> Duration {
    let shortest = [limits.head_timeout, limits.idle_timeout, limits.body_timeout, limits.send_timeout, limits.max_age];
    (shortest.into_iter().min().unwrap_or(SELDOM) / 4).clamp(OFTEN, SELDOM)
}

impl Watch {
    /// From the connection's first moment.
    pub(super) fn new(track: Rc<Track>, limits: Rc<Connections>) -> Self {
        let every = every(&limits);
        let mut timer = interval(every);
        // A thread that was busy has seen nothing of what came meanwhile: that counts as one look.
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick is no look.
        timer.reset();
        Self {
            track,
            limits,
            every,
            timer,
            age: Duration::ZERO,
            idle: Duration::ZERO,
            head: Duration::ZERO,
            blocked: Duration::ZERO,
            closing: false,
            speaks_http2: false,
            seen_begun: 0,
            seen_read: 0,
            seen_written: 0,
        }
    }

    /// From now on no byte is the first of a request's head.
    pub(super) fn speaks_http2(&mut self) {
        self.speaks_http2 = true;
        self.idle = Duration::ZERO;
    }

    /// It is being closed, for whatever reason.
    pub(super) fn closes(&mut self) {
        self.closing = true;
        self.idle = Duration::ZERO;
    }

    /// Completes when the connection is to end.
    pub(super) async fn verdict(&mut self) -> Verdict {
        poll_fn(|cx| {
            if !self.closing && self.track.is_abused() {
                return Poll::Ready(Verdict::Close("its requests are taken back"));
            }
            while self.timer.poll_tick(cx).is_ready() {
                if let Some(verdict) = self.look() {
                    return Poll::Ready(verdict);
                }
            }
            Poll::Pending
        })
        .await
    }

    /// The connection speaks HTTP no more: there are no requests to look at. Completes when nothing has
    /// gone either way for too long, or the peer takes nothing; says which in a word for the log.
    pub(super) async fn upgraded(mut self) -> &'static str {
        self.idle = Duration::ZERO;
        loop {
            self.timer.tick().await;
            let (read, written) = (self.track.read(), self.track.written());
            let rests = (read, written) == (self.seen_read, self.seen_written);
            self.idle = if rests { self.idle + self.every } else { Duration::ZERO };
            self.seen_read = read;
            if self.is_stuck() {
                self.track.reset.set(true);
                return "not_taken";
            }
            if self.idle >= self.limits.idle_timeout {
                return "idle";
            }
        }
    }

    fn look(&mut self) -> Option<Verdict> {
        self.age += self.every;
        self.track.forgive(self.every);
        if self.is_stuck() {
            return Some(Verdict::Cut("it takes nothing"));
        }
        let mut open = self.track.open();
        for followed in open.iter_mut() {
            look_at_body(followed, &self.limits, self.every);
            look_at_answer(followed, &self.limits, self.every);
        }
        let busy = !open.is_empty();
        drop(open);
        if busy || self.track.begun() != self.seen_begun {
            self.seen_begun = self.track.begun();
            self.seen_read = self.track.read();
            (self.idle, self.head) = (Duration::ZERO, Duration::ZERO);
        } else if let Some(verdict) = self.look_at_pause() {
            return Some(verdict);
        }
        (!self.closing && self.age >= self.limits.max_age).then_some(Verdict::Close("it is old"))
    }

    /// Whether there is something to send, and the peer has taken nothing for too long.
    fn is_stuck(&mut self) -> bool {
        let written = self.track.written();
        if self.track.is_blocked() && written == self.seen_written {
            self.blocked += self.every;
        } else {
            self.blocked = Duration::ZERO;
        }
        self.seen_written = written;
        self.blocked >= self.limits.send_timeout
    }

    /// No request is under way.
    fn look_at_pause(&mut self) -> Option<Verdict> {
        self.idle += self.every;
        if !self.speaks_http2 && self.track.read() != self.seen_read {
            self.head += self.every;
        }
        if self.closing {
            // Told to close, and it does not.
            return (self.idle >= self.limits.head_timeout).then_some(Verdict::Cut("it does not end"));
        }
        // Before the first request, silence and head share one time.
        let head = if self.seen_begun == 0 && !self.speaks_http2 { self.idle } else { self.head };
        if head >= self.limits.head_timeout {
            return Some(Verdict::Cut("the head takes too long"));
        }
        (self.idle >= self.limits.idle_timeout).then_some(Verdict::Close("it is idle"))
    }
}

fn look_at_body(followed: &mut Followed, limits: &Connections, span: Duration) {
    let received = followed.exchange.received();
    // Where nobody waits for more, it is not the caller who is slow.
    let enough = followed.seen_received.saturating_add(at_least(limits));
    if !followed.exchange.is_awaited() || received >= enough {
        followed.seen_received = received;
        followed.waited = Duration::ZERO;
    } else {
        followed.waited += span;
        if followed.waited >= limits.body_timeout {
            followed.exchange.stalled.give();
        }
    }
}

/// What a body brings at least in [`Connections::body_timeout`].
fn at_least(limits: &Connections) -> u64 {
    let bytes = u128::from(limits.body_rate) * limits.body_timeout.as_millis() / 1000;
    u64::try_from(bytes).unwrap_or(u64::MAX).max(1)
}

fn look_at_answer(followed: &mut Followed, limits: &Connections, span: Duration) {
    match followed.exchange.untaken() {
        Some(handed) if handed == followed.seen_handed => {
            followed.untaken += span;
            if followed.untaken >= limits.send_timeout {
                followed.exchange.cut.give();
            }
        }
        handed => {
            followed.seen_handed = handed.unwrap_or(followed.seen_handed);
            followed.untaken = Duration::ZERO;
        }
    }
}
