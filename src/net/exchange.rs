//! A request and its answer, and how far they are: noted where the bodies go by, on whatever thread
//! that is, and looked at by the connection's [`super::watch`].

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use atomic_waker::AtomicWaker;
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::message::{Body, body::BodyError};

/// How far a request and its answer are.
#[derive(Default)]
pub(super) struct Exchange {
    /// More of the request's body may come.
    receiving: AtomicBool,
    /// Bytes of it that were handed on.
    received: AtomicU64,
    /// Somebody waits for more of it.
    awaited: AtomicBool,
    /// Too little of it came in too much time.
    pub(super) stalled: Signal,
    /// Pieces of the answer that were handed out.
    handed: AtomicU64,
    /// Nobody has asked for another piece since.
    untaken: AtomicBool,
    /// The last one was handed out.
    ended: AtomicBool,
    /// Nobody takes the answer.
    pub(super) cut: Signal,
    /// How many bytes the connection may still read for nothing; `None` where it need not read them.
    discardable: Option<Arc<AtomicU64>>,
}

/// Something that happens once, and one who waits for it.
#[derive(Default)]
pub(super) struct Signal {
    given: AtomicBool,
    waiting: AtomicWaker,
}

impl Signal {
    pub(super) fn give(&self) {
        self.given.store(true, Relaxed);
        self.waiting.wake();
    }

    pub(super) fn is_given(&self) -> bool {
        self.given.load(Relaxed)
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        // Registering and waking are fences for what was stored before.
        self.waiting.register(cx.waker());
        if self.is_given() { Poll::Ready(()) } else { Poll::Pending }
    }

    pub(super) async fn given(&self) {
        poll_fn(|cx| self.poll(cx)).await;
    }
}

impl Exchange {
    /// On a connection that may still read this many bytes for nothing.
    pub(super) fn new(discardable: Option<Arc<AtomicU64>>) -> Arc<Self> {
        Arc::new(Self { discardable, ..Self::default() })
    }

    pub(super) fn received(&self) -> u64 {
        self.received.load(Relaxed)
    }

    pub(super) fn is_receiving(&self) -> bool {
        self.receiving.load(Relaxed)
    }

    pub(super) fn handed(&self) -> u64 {
        self.handed.load(Relaxed)
    }

    pub(super) fn is_awaited(&self) -> bool {
        self.awaited.load(Relaxed)
    }

    /// How many pieces were handed out, if the last of them still lies there.
    pub(super) fn untaken(&self) -> Option<u64> {
        self.untaken.load(Relaxed).then(|| self.handed())
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Relaxed)
    }
}

/// Too little of a body came in too much time.
#[derive(Debug, thiserror::Error)]
#[error("too little of the body came in too much time")]
struct Stalled;

/// A request's body on its way in.
pub struct RequestBody {
    body: Incoming,
    exchange: Arc<Exchange>,
}

/// Says later whether a body was given up, when the body itself has gone.
pub struct Progress(Arc<Exchange>);

impl Progress {
    /// Whether too little of the body came in too much time.
    pub fn has_stalled(&self) -> bool {
        self.0.stalled.is_given()
    }
}

impl RequestBody {
    pub(super) fn new(body: Incoming, exchange: Arc<Exchange>) -> Self {
        exchange.receiving.store(!body.is_end_stream(), Relaxed);
        Self { body, exchange }
    }

    /// Tells how it went.
    pub fn progress(&self) -> Progress {
        Progress(Arc::clone(&self.exchange))
    }

    /// Whether the answer could be lost if this were not read: HTTP/1 has no way to tell the caller
    /// that nobody wants the rest.
    pub fn stands_in_the_way(&self) -> bool {
        self.exchange.discardable.is_some() && !self.body.is_end_stream()
    }

    /// Reads it and keeps nothing, for as long as the connection may do so.
    pub async fn discard(mut self) {
        let Some(left) = self.exchange.discardable.clone() else { return };
        while let Some(Ok(frame)) = self.frame().await {
            let length = frame.data_ref().map_or(0, Bytes::len) as u64;
            if left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(length)).is_err() {
                return;
            }
        }
    }
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        if polled.is_pending() && this.exchange.stalled.poll(cx).is_ready() {
            return Poll::Ready(Some(Err(BodyError::because(Stalled))));
        }
        this.exchange.awaited.store(polled.is_pending(), Relaxed);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                this.exchange.received.fetch_add(frame.data_ref().map_or(0, Bytes::len) as u64, Relaxed);
            }
            Poll::Ready(Some(Err(_)) | None) => this.exchange.receiving.store(false, Relaxed),
            Poll::Pending => {}
        }
        polled.map_err(BodyError::because)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        self.exchange.awaited.store(false, Relaxed);
        self.exchange.receiving.store(false, Relaxed);
    }
}

/// An answer's body on its way out.
pub(super) struct AnswerBody {
    body: Body,
    exchange: Arc<Exchange>,
}

impl AnswerBody {
    pub(super) fn new(body: Body, exchange: Arc<Exchange>) -> Self {
        let this = Self { body, exchange };
        this.note_end();
        this
    }

    /// A body that knows its end is not always asked again.
    fn note_end(&self) {
        if self.body.is_end_stream() {
            self.exchange.ended.store(true, Relaxed);
        }
    }
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        let handed_out = matches!(polled, Poll::Ready(Some(Ok(_))));
        self.exchange.untaken.store(handed_out, Relaxed);
        match &polled {
            Poll::Ready(Some(Ok(_))) => {
                self.exchange.handed.fetch_add(1, Relaxed);
                self.note_end();
            }
            // One that breaks off is not the caller's doing either.
            Poll::Ready(Some(Err(_)) | None) => self.exchange.ended.store(true, Relaxed),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
