//! What one connection does, counted as it happens. Nothing here reads a clock: [`super::watch`]
//! looks at the counts now and then.

use std::{
    cell::{Cell, RefCell, RefMut},
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use super::{exchange::Exchange, upgrade::Successor};

/// So many bytes of refused uploads are read from an HTTP/1 connection, in all its life, so that the
/// refusals arrive.
const MAX_DISCARDED: u64 = 32 << 20;
/// So many bytes that serve no request may come on an HTTP/2 connection.
const MAX_CHATTER: i64 = 64 << 10;
/// So many more while a body comes: flow control lets them be sent before somebody takes them.
const IN_ADVANCE: i64 = super::http2::CONNECTION_WINDOW as i64;
/// A peer that goes on at this many bytes a second is let.
const CHATTER_A_SECOND: i64 = 16 << 10;
/// A request explains its head, and a body that is on its way when it is refused.
const A_REQUEST: i64 = super::http2::STREAM_WINDOW as i64;
/// What is sent explains its `WINDOW_UPDATE`s: a small part of it, and two for each piece.
const PART_OF_SENT: u64 = 16;
const A_PIECE: i64 = 2 * 13;
/// So many more requests may be taken back than are answered.
const MAX_ABANDONED: u32 = 100;

/// What one connection does.
#[derive(Default)]
pub(super) struct Track {
    read: Cell<u64>,
    written: Cell<u64>,
    /// There is something to send, and the peer takes nothing.
    blocked: Cell<bool>,
    begun: Cell<u64>,
    exchanges: RefCell<Vec<Followed>>,
    /// Begun by hyper, and not yet handed to its executor.
    newborn: RefCell<Option<Arc<Exchange>>>,
    discardable: RefCell<Option<Arc<AtomicU64>>>,
    /// Bytes read that no request explains. Counted with HTTP/2 only, where a peer may send what is
    /// no part of one.
    unexplained: Cell<Option<i64>>,
    written_explained: Cell<u64>,
    abandoned: Cell<u32>,
    /// The connection is to be reset, not closed.
    pub(super) reset: Cell<bool>,
    /// Goes on with the connection once its 101 is out.
    pub(super) successor: Cell<Option<Successor>>,
}

/// An exchange, and what the watch has seen of it.
pub(super) struct Followed {
    pub(super) exchange: Arc<Exchange>,
    explained_received: u64,
    explained_handed: u64,
    pub(super) seen_received: u64,
    pub(super) waited: Duration,
    pub(super) seen_handed: u64,
    pub(super) untaken: Duration,
}

impl Track {
    pub(super) fn speaks_http1(&self) {
        *self.discardable.borrow_mut() = Some(Arc::new(AtomicU64::new(MAX_DISCARDED)));
    }

    pub(super) fn speaks_http2(&self) {
        self.unexplained.set(Some(0));
    }

    /// A request has come.
    pub(super) fn begin(&self) -> Arc<Exchange> {
        let exchange = Exchange::new(self.discardable.borrow().clone());
        self.begun.set(self.begun.get() + 1);
        self.explain(A_REQUEST);
        self.open().push(Followed {
            exchange: Arc::clone(&exchange),
            explained_received: 0,
            explained_handed: 0,
            seen_received: 0,
            waited: Duration::ZERO,
            seen_handed: 0,
            untaken: Duration::ZERO,
        });
        *self.newborn.borrow_mut() = self.unexplained.get().is_some().then(|| Arc::clone(&exchange));
        exchange
    }

    /// The exchange that has just begun.
    pub(super) fn newborn(&self) -> Option<Arc<Exchange>> {
        self.newborn.borrow_mut().take()
    }

    /// An exchange is over.
    pub(super) fn over(&self, exchange: &Exchange) {
        let abandoned = self.abandoned.get();
        self.abandoned.set(if exchange.has_ended() { abandoned.saturating_sub(1) } else { abandoned + 1 });
    }

    /// Whether the peer makes requests only to take them back (CVE-2023-44487).
    pub(super) fn is_abused(&self) -> bool {
        self.abandoned.get() > MAX_ABANDONED
    }

    /// Ends all that is under way.
    pub(super) fn cut(&self) {
        self.open().iter().for_each(|followed| followed.exchange.cut.give());
    }

    /// What is under way.
    pub(super) fn open(&self) -> RefMut<'_, Vec<Followed>> {
        let mut exchanges = self.exchanges.borrow_mut();
        exchanges.retain_mut(|followed| {
            // Nobody else holds what is over.
            let over = Arc::strong_count(&followed.exchange) == 1;
            if over {
                self.explain_exchange(followed);
            }
            !over
        });
        exchanges
    }

    pub(super) const fn begun(&self) -> u64 {
        self.begun.get()
    }

    pub(super) const fn read(&self) -> u64 {
        self.read.get()
    }

    pub(super) const fn written(&self) -> u64 {
        self.written.get()
    }

    pub(super) const fn is_blocked(&self) -> bool {
        self.blocked.get()
    }

    /// So many bytes came. Answers whether that may go on.
    pub(super) fn has_read(&self, bytes: usize) -> bool {
        self.read.set(self.read.get() + bytes as u64);
        let Some(unexplained) = self.unexplained.get() else { return true };
        self.unexplained.set(Some(unexplained.saturating_add_unsigned(bytes as u64)));
        if !self.exceeds(MAX_CHATTER) {
            return true;
        }
        self.settle();
        let comes = self.open().iter().any(|followed| followed.exchange.is_receiving());
        !self.exceeds(MAX_CHATTER + if comes { IN_ADVANCE } else { 0 })
    }

    fn exceeds(&self, limit: i64) -> bool {
        self.unexplained.get().is_some_and(|bytes| bytes > limit)
    }

    /// So many bytes went.
    pub(super) fn has_written(&self, bytes: usize) {
        self.written.set(self.written.get() + bytes as u64);
        self.blocked.set(false);
    }

    /// The peer takes nothing now.
    pub(super) fn is_full(&self) {
        self.blocked.set(true);
    }

    /// Some time has gone by.
    pub(super) fn forgive(&self, span: Duration) {
        if self.unexplained.get().is_some() {
            self.settle();
            let forgiven = i64::try_from(span.as_millis()).unwrap_or(i64::MAX).saturating_mul(CHATTER_A_SECOND) / 1000;
            let unexplained = self.unexplained.get().unwrap_or(0);
            self.explain(forgiven.min(unexplained.max(0)));
        }
    }

    fn settle(&self) {
        self.open().iter_mut().for_each(|followed| self.explain_exchange(followed));
        let sent = (self.written.get() - self.written_explained.get()) / PART_OF_SENT;
        self.written_explained.set(self.written_explained.get() + sent * PART_OF_SENT);
        self.explain(i64::try_from(sent).unwrap_or(i64::MAX));
    }

    fn explain_exchange(&self, followed: &mut Followed) {
        let (received, handed) = (followed.exchange.received(), followed.exchange.handed());
        let bytes = i64::try_from(received - followed.explained_received).unwrap_or(i64::MAX);
        let pieces = i64::try_from(handed - followed.explained_handed).unwrap_or(i64::MAX);
        (followed.explained_received, followed.explained_handed) = (received, handed);
        self.explain(bytes.saturating_add(pieces.saturating_mul(A_PIECE)));
    }

    fn explain(&self, bytes: i64) {
        // What is explained in advance is worth no more than what flow control lets come.
        self.unexplained.set(self.unexplained.get().map(|unexplained| unexplained.saturating_sub(bytes).max(-IN_ADVANCE)));
    }
}
