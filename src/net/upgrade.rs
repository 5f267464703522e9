//! What becomes of a caller's connection after a 101 (RFC 9110 section 7.8): the service that gave this
//! answer goes on with its bytes. It still has its place under the ceiling, and its time.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use http::Response;
use tokio::io::{AsyncRead, AsyncWrite};

/// Bytes both ways.
pub trait Duplex: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Duplex for T {}

/// A caller's connection, from the first byte behind the request's head on.
pub type Upgraded = Box<dyn Duplex>;

/// Completes when the connection's time is up, with why in one word for the log: `idle` or `not_taken`.
pub type TimeUp = Pin<Box<dyn Future<Output = &'static str>>>;

type Run = Box<dyn FnOnce(Upgraded, TimeUp) -> Pin<Box<dyn Future<Output = ()>>> + Send>;

/// Goes on with a connection once its 101 is out; dropped where that never comes about.
#[derive(Clone)]
pub struct Successor(Arc<Mutex<Option<Run>>>);

impl Successor {
    /// Does this with the connection, on its thread. The connection is closed when it is dropped.
    pub fn new<F>(run: impl FnOnce(Upgraded, TimeUp) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + 'static,
    {
        Self(Arc::new(Mutex::new(Some(Box::new(|upgraded, time_up| Box::pin(run(upgraded, time_up)))))))
    }

    /// Has this answer, a 101, succeeded.
    pub fn succeed<B>(self, answer: &mut Response<B>) {
        answer.extensions_mut().insert(self);
    }

    pub(super) async fn go_on(self, upgraded: Upgraded, time_up: TimeUp) {
        // In its own statement, so that it is not locked any more.
        let run = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(run) = run {
            run(upgraded, time_up).await;
        }
    }
}
