//! A server for this machine alone: HTTP/1.1 on a Unix socket that only its owner may open.
//!
//! Between [`bind`](https://man7.org/linux/man-pages/man7/unix.7.html) and `chmod` the file may be
//! open to more than that, by the process's umask. Nobody gets in by it: the socket does not listen
//! yet, and a connection to one that does not is refused. It listens once its mode is set.

use std::{
    convert::Infallible,
    fs,
    future::Future,
    io,
    os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::{
    net::{UnixListener, UnixStream},
    sync::Semaphore,
    time::timeout,
};
use tokio_util::task::TaskTracker;

use super::Drain;
use crate::message::{Body, body::BodyError, reply};

/// Connections that the kernel keeps for us until we accept them.
const BACKLOG: i32 = 64;
/// So many are served at a time; more wait.
const MAX_CONNECTIONS: usize = 16;
/// How long a request's head may take.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may take, which is one request and its answer.
const TIMEOUT: Duration = Duration::from_secs(120);
/// After an accept that failed for want of file descriptors, others need time to close theirs.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another process answers on it.
    #[error("{0} is in use: another process answers on it")]
    InUse(PathBuf),
    /// Something lies there that is no socket, and is not touched.
    #[error("{0} is there already, and is no socket")]
    NoSocket(PathBuf),
    /// The system said no.
    #[error("cannot make the socket {path}: {cause}")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why not.
        cause: io::Error,
    },
}

/// A socket that listens. Its file goes with it.
#[derive(Debug)]
pub struct LocalListener {
    socket: std::os::unix::net::UnixListener,
    file: SocketFile,
}

/// The file, which is removed when this is dropped.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    /// Which file it is, so that no other is removed in its place.
    device_and_inode: (u64, u64),
}

impl LocalListener {
    /// Makes the socket, with mode 0600, and its folder, for this user alone, where there is none. A
    /// socket that a process left behind when it died is replaced.
    ///
    /// # Errors
    /// [`BindError`].
    pub fn bind(path: &Path) -> Result<Self, BindError> {
        let failed = |cause| BindError::Io { path: path.to_owned(), cause };
        let address = SockAddr::unix(path).map_err(failed)?;
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        }
        remove_if_stale(path, &address)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(failed)?;
        socket.set_nonblocking(true).map_err(failed)?;
        socket.bind(&address).map_err(failed)?;
        let made = fs::symlink_metadata(path).map_err(failed)?;
        let file = SocketFile { path: path.to_owned(), device_and_inode: (made.dev(), made.ino()) };
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(failed)?;
        socket.listen(BACKLOG).map_err(failed)?;
        Ok(Self { socket: socket.into(), file })
    }

    /// Answers until the drain has begun and open requests have ended, or its time is over. What was
    /// asked is done to its end, whether or not anybody waits for the answer.
    pub async fn serve<F, R>(self, answer: F, drain: Drain)
    where
        F: Fn(Request<Body>) -> R + Send + Sync + 'static,
        R: Future<Output = Response<Body>> + Send + 'static,
    {
        let Self { socket, file } = self;
        let listener = match UnixListener::from_std(socket) {
            Ok(listener) => listener,
            Err(error) => return tracing::error!(%error, "the local socket is not served"),
        };
        let (answer, places, connections) = (Arc::new(answer), Arc::new(Semaphore::new(MAX_CONNECTIONS)), TaskTracker::new());
        loop {
            let accepted = tokio::select! {
                accepted = accept(&listener, &places) => accepted,
                () = drain.begun() => break,
            };
            match accepted {
                Ok((stream, place)) => {
                    let served = converse(stream, Arc::clone(&answer), drain.clone());
                    connections.spawn(async move {
                        let _place = place;
                        if timeout(TIMEOUT, served).await.is_err() {
                            tracing::debug!("a local connection took too long");
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a local connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(listener);
        drop(file);
        connections.close();
        if timeout(drain.grace, connections.wait()).await.is_err() {
            tracing::warn!(open = connections.len(), "local connections were cut off at the end of the grace period");
        }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let removed = match fs::symlink_metadata(&self.path) {
            Ok(found) if (found.dev(), found.ino()) == self.device_and_inode => fs::remove_file(&self.path),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = removed {
            tracing::warn!(%error, path = %self.path.display(), "the local socket could not be removed");
        }
    }
}

/// A socket on which nobody answers was left behind.
fn remove_if_stale(path: &Path, address: &SockAddr) -> Result<(), BindError> {
    let failed = |cause| BindError::Io { path: path.to_owned(), cause };
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => return Err(BindError::NoSocket(path.to_owned())),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    }
    let probe = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(failed)?;
    // A process that is there and busy is there.
    probe.set_nonblocking(true).map_err(failed)?;
    match probe.connect(address) {
        Ok(()) => Err(BindError::InUse(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(BindError::InUse(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path).map_err(failed),
        Err(error) => Err(failed(error)),
    }
}

/// The next connection, once there is a place for it.
async fn accept(listener: &UnixListener, places: &Arc<Semaphore>) -> io::Result<(UnixStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _nameless) = listener.accept().await?;
    Ok((stream, place))
}

async fn converse<F, R>(stream: UnixStream, answer: Arc<F>, drain: Drain)
where
    F: Fn(Request<Body>) -> R + Send + Sync + 'static,
    R: Future<Output = Response<Body>> + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let request = request.map(|body| body.map_err(BodyError::because).boxed_unsync());
        // In a task of its own, so that nothing is left half done when the peer hangs up.
        let answered = tokio::spawn(answer(request));
        async move {
            Ok::<_, Infallible>(answered.await.unwrap_or_else(|error| {
                tracing::error!(%error, "a local request broke down");
                reply::empty(StatusCode::INTERNAL_SERVER_ERROR)
            }))
        }
    });
    let mut http1 = http1::Builder::new();
    http1.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).keep_alive(false);
    let mut connection = pin!(http1.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = drain.begun() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a local connection ended");
    }
}
