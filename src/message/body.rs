//! Bodies.

use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use http_body::Frame;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited, combinators::UnsyncBoxBody};
use tokio::sync::mpsc;

/// Whatever went wrong while a body was on its way.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct BodyError(Box<dyn std::error::Error + Send + Sync>);

impl BodyError {
    /// Because of this.
    pub fn because(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

/// A body, whole or in pieces.
pub type Body = UnsyncBoxBody<Bytes, BodyError>;

/// No bytes at all.
pub fn empty() -> Body {
    full(Bytes::new())
}

/// All of these bytes at once.
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// Pieces as they are sent; the body ends when the sender is dropped.
pub fn channel(capacity: usize) -> (mpsc::Sender<Bytes>, Body) {
    let (sender, receiver) = mpsc::channel(capacity);
    (sender, Pieces(receiver).boxed_unsync())
}

struct Pieces(mpsc::Receiver<Bytes>);

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.0.poll_recv(cx).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}

/// The same body, once it is here: to its end, to where it broke off, or to more than `limit` bytes,
/// beyond which nobody wants it.
pub async fn arrived(mut body: Body, limit: usize) -> Body {
    let (mut bytes, mut broke) = (BytesMut::new(), None);
    while bytes.len() <= limit && broke.is_none() {
        match body.frame().await {
            None => break,
            Some(Ok(frame)) => bytes.extend_from_slice(frame.data_ref().map_or(&[], Bytes::as_ref)),
            Some(Err(error)) => broke = Some(error),
        }
    }
    let data = (!bytes.is_empty()).then(|| Ok(Frame::data(bytes.freeze())));
    let frames = data.into_iter().chain(broke.map(Err)).collect();
    Arrived(frames).boxed_unsync()
}

struct Arrived(VecDeque<Result<Frame<Bytes>, BodyError>>);

impl http_body::Body for Arrived {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Poll::Ready(self.0.pop_front())
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }
}

/// Why a body could not be read to its end.
#[derive(Debug)]
pub enum ReadError {
    /// It is longer than allowed.
    TooLarge,
    /// The caller broke off, or the framing is broken.
    Broken(BodyError),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => f.write_str("the body is too large"),
            Self::Broken(cause) => write!(f, "the body broke off: {cause}"),
        }
    }
}

/// Reads a body of at most `limit` bytes into memory.
///
/// # Errors
/// [`ReadError`].
pub async fn read(body: Body, limit: usize) -> Result<Bytes, ReadError> {
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(ReadError::TooLarge),
        Err(error) => Err(ReadError::Broken(BodyError::because(error))),
    }
}
