//! The answer on its way out: each piece goes as it comes, is counted, and ends at once when the
//! grant behind it is taken back, unless its route lets it finish.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderMap, Request, Response,
    header::{CONTENT_LENGTH, EXPECT},
};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::{runtime::Handle, time::timeout};

use super::{cut::Cut, line::Line, tunnel::Tunnel, upstream::Lease};
use crate::{
    message::{
        Body, Note,
        body::{self, BodyError},
    },
    net::RequestBody,
};

/// An answer that is not logged yet.
pub struct Answer {
    response: Response<()>,
    content: Content,
    cut: Option<Cut>,
}

/// What comes behind the head.
enum Content {
    Body(Source),
    /// Another protocol. Boxed, as it is rare.
    Tunnel(Box<Tunnel>),
}

enum Source {
    /// Made here.
    Own(Body),
    /// An upstream's, with the connection that it comes on.
    Upstream(Incoming, Option<Lease>),
    /// Nobody's any more: it was taken back.
    Over,
}

impl Answer {
    /// An answer of the gateway's own.
    pub fn own(response: Response<Body>) -> Self {
        let (head, body) = response.into_parts();
        Self { response: Response::from_parts(head, ()), content: Content::Body(Source::Own(body)), cut: None }
    }

    /// An upstream's answer. The connection goes back to its pool once the body has ended, and is
    /// closed if it does not.
    pub fn upstream(response: Response<Incoming>, lease: Lease, cut: Option<Cut>) -> Self {
        let (head, body) = response.into_parts();
        Self { response: Response::from_parts(head, ()), content: Content::Body(Source::Upstream(body, Some(lease))), cut }
    }

    /// A 101, after which the caller's connection and an upstream's are one.
    pub fn upgraded(response: Response<Incoming>, tunnel: Tunnel) -> Self {
        Self { response: response.map(drop), content: Content::Tunnel(Box::new(tunnel)), cut: None }
    }

    /// The answer as it goes out; its line is written when it has ended.
    pub fn logged(self, mut line: Line) -> Response<Body> {
        let (mut head, ()) = self.response.into_parts();
        line.answered(head.status, head.extensions.remove::<Note>().as_ref());
        let source = match self.content {
            Content::Tunnel(tunnel) => return tunnel.behind(Response::from_parts(head, body::empty()), line),
            Content::Body(Source::Own(body)) if line.is_of_head() => Source::Own(unsent(body, &mut head.headers)),
            Content::Body(source) => source,
        };
        let mut outgoing = Outgoing { source, cut: self.cut, line };
        outgoing.note_end();
        Response::from_parts(head, outgoing.boxed_unsync())
    }
}

/// What HEAD gets of a body: its length (RFC 9110 section 9.3.2). By HTTP/2 hyper would send it, and
/// by HTTP/1 drop it before its end.
fn unsent(body: Body, headers: &mut HeaderMap) -> Body {
    if body.is_end_stream() {
        return body;
    }
    if let Some(length) = body.size_hint().exact() {
        headers.entry(CONTENT_LENGTH).or_insert(length.into());
    }
    body::empty()
}

struct Outgoing {
    source: Source,
    cut: Option<Cut>,
    line: Line,
}

/// The grant behind an answer was taken back while it was on its way.
#[derive(Debug, thiserror::Error)]
#[error("the access was taken back")]
struct TakenBack;

impl Outgoing {
    /// The last piece is out: the connection is free for the next request.
    fn completed(&mut self) {
        self.line.ended("completed");
        self.cut = None;
        if let Source::Upstream(_, lease) = &mut self.source
            && let Some(lease) = lease.take()
        {
            lease.give_back();
        }
    }

    /// A body that knows its end is not always asked again.
    fn note_end(&mut self) {
        if self.is_end_stream() {
            self.completed();
        }
    }

    /// Ends the answer where it is; what is left to say, if anything can be.
    fn take_back(&mut self) -> Option<Bytes> {
        let cut = self.cut.take()?;
        self.line.ended("taken_back");
        cut.count();
        // Dropping the lease closes the upstream's connection, and so ends its work.
        self.source = Source::Over;
        cut.last_event()
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        // Nobody asked for more since: the caller did not read, or left at the same time.
        if self.cut.as_ref().is_some_and(Cut::is_due) {
            drop(self.take_back());
        }
    }
}

impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        if let Some(cut) = &mut this.cut
            && cut.poll_due(cx).is_ready()
        {
            let last = this.take_back().ok_or_else(|| BodyError::because(TakenBack));
            this.line.sent(last.as_ref().map_or(0, Bytes::len) as u64);
            return Poll::Ready(Some(last.map(Frame::data)));
        }
        let polled = without_trailers(match &mut this.source {
            Source::Own(body) => Pin::new(body).poll_frame(cx),
            Source::Upstream(body, _) => Pin::new(body).poll_frame(cx).map_err(BodyError::because),
            Source::Over => return Poll::Ready(None),
        });
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    this.line.sent(data.len() as u64);
                    if let Some(cut) = &mut this.cut {
                        cut.passed(data);
                    }
                }
                this.note_end();
            }
            Poll::Ready(Some(Err(_))) => {
                this.line.ended("upstream_broke_off");
                this.cut = None;
            }
            Poll::Ready(None) => this.completed(),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Own(body) => body.is_end_stream(),
            Source::Upstream(body, _) => body.is_end_stream(),
            Source::Over => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Own(body) => body.size_hint(),
            Source::Upstream(body, _) => body.size_hint(),
            Source::Over => SizeHint::with_exact(0),
        }
    }
}

/// Trailers end a body and do not travel (RFC 9110 section 6.5.1): they could say what the header
/// fields may not.
fn without_trailers<E>(polled: Poll<Option<Result<Frame<Bytes>, E>>>) -> Poll<Option<Result<Frame<Bytes>, E>>> {
    polled.map(|frame| frame.filter(|frame| !matches!(frame, Ok(frame) if frame.is_trailers())))
}

/// A request's body on its way in, counted.
///
/// Who says no does not read it. The caller may still be sending then, and a connection that is
/// closed under his hands takes the answer with it; so what is left is read and thrown away.
pub struct Inbound {
    body: Option<RequestBody>,
    received: Arc<Received>,
    /// The caller sends nothing unless he is asked to (RFC 9110 section 10.1.1).
    awaits_word: bool,
}

/// How much of a request's body has come.
#[derive(Default)]
pub struct Received {
    bytes: AtomicU64,
    ended: AtomicBool,
}

impl Received {
    /// In bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// So many more have come.
    pub(super) fn add(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Whether that is all there is.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }
}

/// For longer than that nothing is read for the sake of an answer.
const DISCARD_TIME: Duration = Duration::from_secs(5);

impl Inbound {
    /// The body of this request; what comes of it is noted in `received`.
    pub fn of(request: Request<RequestBody>, received: Arc<Received>) -> Request<Self> {
        received.ended.store(http_body::Body::is_end_stream(request.body()), Ordering::Relaxed);
        let awaits_word = request.headers().get(EXPECT).is_some_and(|expected| expected.as_bytes().eq_ignore_ascii_case(b"100-continue"));
        request.map(|body| Self { body: Some(body), received, awaits_word })
    }

    /// What has come of it.
    pub const fn received(&self) -> &Arc<Received> {
        &self.received
    }
}

impl Drop for Inbound {
    fn drop(&mut self) {
        if self.received.has_ended() || self.awaits_word {
            return;
        }
        if let (Some(body), Ok(runtime)) = (self.body.take().filter(RequestBody::stands_in_the_way), Handle::try_current()) {
            // However it ends: this was a courtesy.
            runtime.spawn(timeout(DISCARD_TIME, body.discard()));
        }
    }
}

impl http_body::Body for Inbound {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        let polled = without_trailers(Pin::new(&mut *body).poll_frame(cx));
        this.awaits_word = false;
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    this.received.add(data.len() as u64);
                }
                // A body of known length is not always asked again.
                this.received.ended.store(http_body::Body::is_end_stream(body), Ordering::Relaxed);
            }
            Poll::Ready(None) => this.received.ended.store(true, Ordering::Relaxed),
            Poll::Ready(Some(Err(_))) => this.body = None,
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or(SizeHint::with_exact(0), http_body::Body::size_hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_answer_is_larger_because_some_have_a_tunnel_behind_them() {
        assert_eq!(size_of::<Content>(), size_of::<Source>());
    }
}
