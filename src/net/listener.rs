//! One thread's listener: accepts connections and speaks HTTP/1.1 on them.

use std::{convert::Infallible, rc::Rc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_util::task::TaskTracker;

use super::{Drain, Service};
use crate::message::Peer;

/// How long a request's head may take, and an idle connection may wait for the next one.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// At most so many header fields.
const MAX_FIELDS: usize = 100;
/// At most so many bytes before a request's body.
const MAX_HEAD: usize = 32 * 1024;
/// After an accept that failed for want of file descriptors, others need time to close theirs.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves connections until the drain has begun and they have ended, or its time is over.
pub async fn serve<S: Service>(listener: TcpListener, service: Rc<S>, drain: Drain) {
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = drain.begun() => break,
        };
        match accepted {
            Ok((socket, address)) => {
                let peer = Peer { ip: address.ip().to_canonical() };
                connections.spawn_local(connection(socket, peer, Rc::clone(&service), drain.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    // Nobody gets to wait in a queue that is never served again.
    drop(listener);
    connections.close();
    if timeout(drain.grace, connections.wait()).await.is_err() {
        tracing::warn!(open = connections.len(), "connections were cut off at the end of the grace period");
    }
}

async fn connection<S: Service>(socket: TcpStream, peer: Peer, service: Rc<S>, drain: Drain) {
    // An event of a stream goes out at once, not when the next one comes.
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "a connection ended before it began");
        return;
    }
    let service = service_fn(move |request| {
        let service = Rc::clone(&service);
        async move { Ok::<_, Infallible>(service.answer(request, peer).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_headers(MAX_FIELDS)
        .max_header_size(MAX_HEAD)
        .serve_connection(TokioIo::new(socket), service);
    let mut served = std::pin::pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = drain.begun() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        // Callers come and go; what it meant for a request stands in its line.
        tracing::debug!(%error, "a connection ended");
    }
}
