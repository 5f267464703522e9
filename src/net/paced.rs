//! A socket whose bytes are counted, and the first look at what the peer speaks.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::track::Track;

/// What an HTTP/2 connection begins with (RFC 9113 section 3.4). No HTTP/1 request does.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What can be reset, so that what nobody reads is not kept for him.
pub(super) trait Socket: AsyncRead + AsyncWrite + Unpin + 'static {
    /// Closing it from now on throws away what is not sent.
    fn reset_on_close(&self) -> io::Result<()>;
}

impl Socket for TcpStream {
    fn reset_on_close(&self) -> io::Result<()> {
        socket2::SockRef::from(self).set_linger(Some(Duration::ZERO))
    }
}

/// Which HTTP a connection speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Speaks {
    Http1,
    /// By prior knowledge (RFC 9113 section 3.3).
    Http2,
}

/// A socket whose bytes are counted.
pub(super) struct Paced<T: Socket> {
    socket: T,
    /// What was read already and is to be read again.
    first: Bytes,
    track: Rc<Track>,
}

impl<T: Socket> Paced<T> {
    pub(super) const fn new(socket: T, track: Rc<Track>) -> Self {
        Self { socket, first: Bytes::new(), track }
    }

    /// Looks at the first bytes, for as long as they could be HTTP/2's.
    pub(super) async fn look(&mut self) -> io::Result<Speaks> {
        let mut first = [0; PREFACE.len()];
        let mut length = 0;
        while length < first.len() {
            let count = self.read(&mut first[length..]).await?;
            length += count;
            if count == 0 || first[..length] != PREFACE[..length] {
                break;
            }
        }
        self.first = Bytes::copy_from_slice(&first[..length]);
        Ok(if self.first == PREFACE { Speaks::Http2 } else { Speaks::Http1 })
    }

    /// These bytes were read, and nobody has used them: they come again.
    pub(super) fn unread(mut self, bytes: &[u8]) -> Self {
        self.first = [bytes, &self.first].concat().into();
        self
    }

    fn note_write(&self, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &polled {
            Poll::Ready(Ok(count)) => self.track.has_written(*count),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.track.is_full(),
        }
        polled
    }
}

impl<T: Socket> AsyncRead for Paced<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.first.has_remaining() {
            let count = self.first.len().min(into.remaining());
            into.put_slice(&self.first.split_to(count));
            return Poll::Ready(Ok(()));
        }
        let before = into.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(cx, into))?;
        if !self.track.has_read(into.filled().len() - before) {
            return Poll::Ready(Err(io::Error::other("too much came that serves no request")));
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: Socket> AsyncWrite for Paced<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.note_write(polled)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.socket).poll_write_vectored(cx, bytes);
        self.note_write(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.socket).poll_flush(cx);
        match polled {
            Poll::Ready(_) => self.track.has_written(0),
            Poll::Pending => self.track.is_full(),
        }
        polled
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

impl<T: Socket> Drop for Paced<T> {
    fn drop(&mut self) {
        if self.track.reset.get()
            && let Err(error) = self.socket.reset_on_close()
        {
            tracing::debug!(%error, "a connection could not be reset");
        }
    }
}
