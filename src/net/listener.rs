//! One thread's listener: accepts connections, as many as there is room for.

use std::{io, rc::Rc, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_util::task::TaskTracker;

use super::{Ceiling, Drain, Service, connection};
use crate::{config::Connections, message::Peer};

/// At most so many header fields.
pub const MAX_FIELDS: usize = 100;
/// At most so many bytes before a request's body.
pub const MAX_HEAD: u32 = 32 << 10;
/// At most so many bytes of answers lie with the system before they can be sent.
#[cfg(target_os = "linux")]
const MAX_UNSENT: u32 = 128 << 10;
/// After an accept that failed for want of file descriptors, others need time to close theirs.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves connections until the drain has begun and they have ended, or its time is over.
pub async fn serve<S: Service>(listener: TcpListener, service: Rc<S>, limits: Rc<Connections>, ceiling: Arc<Ceiling>, drain: Drain) {
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = drain.begun() => break,
        };
        let (socket, peer) = match accepted {
            Ok((socket, address)) => (socket, Peer { ip: address.ip().to_canonical() }),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let place = match ceiling.admit(peer.ip) {
            Ok(place) => place,
            Err(full) => {
                ceiling.log(full, peer.ip);
                continue;
            }
        };
        if let Err(error) = prepare(&socket) {
            tracing::debug!(%error, "a connection ended before it began");
            continue;
        }
        connections.spawn_local(connection::serve(socket, peer, place, Rc::clone(&service), Rc::clone(&limits), drain.clone()));
    }
    // Nobody gets to wait in a queue that is never served again.
    drop(listener);
    connections.close();
    if timeout(drain.grace, connections.wait()).await.is_err() {
        tracing::warn!(open = connections.len(), "connections were cut off at the end of the grace period");
    }
}

fn prepare(socket: &TcpStream) -> io::Result<()> {
    // What nobody reads does not fill the system's memory either, where the system can do that.
    #[cfg(target_os = "linux")]
    if let Err(error) = socket2::SockRef::from(socket).set_tcp_notsent_lowat(MAX_UNSENT) {
        tracing::debug!(%error, "a socket keeps what is not sent without bounds");
    }
    // An event of a stream goes out at once, not when the next one comes.
    socket.set_nodelay(true)
}
