//! Sockets: threads, listeners, and their orderly end.

pub mod drain;
pub mod listener;
pub mod peer;
pub mod runtime;

pub use drain::Drain;

use std::future::Future;

use http::{Request, Response};
use hyper::body::Incoming;

use crate::message::{Body, Peer};

/// What answers on one thread. It never leaves it.
pub trait Service: Send + 'static {
    /// Answers one request.
    fn answer(&self, request: Request<Incoming>, peer: Peer) -> impl Future<Output = Response<Body>>;

    /// Runs beside the answers, for as long as there are any.
    fn tend(&self) -> impl Future<Output = ()> {
        std::future::pending()
    }
}
