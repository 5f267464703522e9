//! HTTP/2: its limits, all of them named here, and the tasks of its streams.

use std::{future::Future, rc::Rc, time::Duration};

use hyper::{rt::Executor, server::conn::http2};
use hyper_util::rt::TokioTimer;

use super::{ceiling::Place, listener::MAX_HEAD, track::Track};
use crate::message::Peer;

/// What a peer may send of one body before somebody takes it.
pub(super) const STREAM_WINDOW: u32 = 256 << 10;
/// The same for all bodies of a connection.
pub(super) const CONNECTION_WINDOW: u32 = 1 << 20;
/// Requests at once. No fewer are advised (RFC 9113 section 6.5.2).
const MAX_STREAMS: u32 = 100;
const MAX_FRAME: u32 = 16 << 10;
/// What of an answer waits to be sent, for one stream.
const MAX_SEND_BUFFER: usize = 64 << 10;
/// The table for compressed fields that the peer may have us keep (RFC 7541 section 4.2).
const HEADER_TABLE: u32 = 4 << 10;
/// Streams that were reset before anybody has looked at them (CVE-2023-44487).
const MAX_RESET_UNSEEN: usize = 20;
/// Streams that had to be reset for what the peer did. Those over [`MAX_STREAMS`] are among them, and
/// a peer may open many before it has heard of that.
const MAX_RESET_FOR_ERRORS: usize = 1000;
/// A peer that is gone without a word is found out.
const PING_EVERY: Duration = Duration::from_secs(60);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// How HTTP/2 is spoken. The extended CONNECT (RFC 8441) stays off.
pub(super) fn builder(track: &Rc<Track>, place: Place, peer: Peer) -> http2::Builder<Streams> {
    let mut builder = http2::Builder::new(Streams { track: Rc::clone(track), place: Rc::new(place), peer });
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEAD)
        .header_table_size(HEADER_TABLE)
        .adaptive_window(false)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(MAX_FRAME)
        .max_send_buf_size(MAX_SEND_BUFFER)
        .max_pending_accept_reset_streams(MAX_RESET_UNSEEN)
        .max_local_error_reset_streams(MAX_RESET_FOR_ERRORS)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_TIMEOUT);
    builder
}

/// Runs the streams of one connection, each until its answer is out or nobody takes it any more.
#[derive(Clone)]
pub(super) struct Streams {
    track: Rc<Track>,
    /// The connection's.
    place: Rc<Place>,
    peer: Peer,
}

impl<F: Future<Output = ()> + 'static> Executor<F> for Streams {
    fn execute(&self, stream: F) {
        let Some(exchange) = self.track.newborn() else {
            // No request: there is nothing else that hyper runs, as none of these connections is upgraded.
            return;
        };
        if self.track.is_abused() {
            // Dropping it resets the stream.
            return;
        }
        let place = match self.place.another() {
            Ok(place) => place,
            Err(full) => return self.place.log(full, self.peer.ip),
        };
        let track = Rc::clone(&self.track);
        tokio::task::spawn_local(async move {
            tokio::select! {
                biased;
                () = exchange.cut.given() => tracing::debug!("a stream was reset: nobody takes its answer"),
                () = stream => {}
            }
            track.over(&exchange);
            drop(place);
        });
    }
}
