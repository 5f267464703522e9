//! Sockets: threads, listeners, connections, how long those may take and how many there may be, and
//! their orderly end.

pub mod ceiling;
mod connection;
pub mod drain;
mod exchange;
pub mod fetch;
mod http2;
pub mod listener;
pub mod local;
mod paced;
pub mod peer;
mod public;
pub mod runtime;
pub mod tls;
mod track;
pub mod upgrade;
mod watch;

pub use ceiling::Ceiling;
pub use drain::Drain;
pub use exchange::{Progress, RequestBody};

use std::future::Future;

use http::{Request, Response};

use crate::message::{Body, Peer};

/// What answers on one thread. It never leaves it.
pub trait Service: Send + 'static {
    /// Answers one request.
    fn answer(&self, request: Request<RequestBody>, peer: Peer) -> impl Future<Output = Response<Body>>;

    /// Runs beside the answers, for as long as there are any.
    fn tend(&self) -> impl Future<Output = ()> {
        std::future::pending()
    }
}
