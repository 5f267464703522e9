//! Connections to the servers behind the gateway: a pool of each thread's own, so that nothing is
//! shared and nothing is locked.
//!
//! A connection is taken from the pool, used for one request, and given back when the answer's
//! body has ended. Whatever breaks off in between, the caller's going away included, closes it,
//! and so the upstream sees that its answer is no longer wanted.

use std::{
    cell::RefCell,
    future::poll_fn,
    pin::{Pin, pin},
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use http::{HeaderValue, Request, Response};
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{net::TcpStream, sync::mpsc, time::timeout};
use tokio_rustls::TlsConnector;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::{
    reject::Rejection,
    stream::{Inbound, Received},
};
use crate::{
    clock::{BootTime, Clock},
    config,
};

/// At most so many idle connections are kept for one upstream on one thread.
const MAX_IDLE: usize = 64;

/// What is buffered of an answer before the caller takes some of it. Its head fits, too.
const MAX_BUFFER: usize = 32 << 10;

/// One thread's connections.
pub struct Upstreams(Vec<Upstream>);

/// The connections to one upstream.
pub struct Upstream {
    settings: config::Upstream,
    host_header: HeaderValue,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    clock: Clock,
    /// Connections that may be used again, the latest last.
    idle: RefCell<Vec<Idle>>,
    /// What comes back. A channel, since an answer's body may be dropped anywhere.
    home: mpsc::UnboundedSender<Idle>,
    returned: RefCell<mpsc::UnboundedReceiver<Idle>>,
}

struct Connection {
    sender: SendRequest<Inbound>,
    leash: Leash,
}

/// Closes a connection when the grant behind its call is taken back. The answer's body would do it
/// too, but nobody polls that while the caller does not read.
#[derive(Clone, Default)]
struct Leash(Arc<Mutex<Option<Pin<Box<WaitForCancellationFutureOwned>>>>>);

impl Leash {
    /// The next call runs under this grant. To be said before the connection is woken for it.
    fn tie(&self, cut: Option<&CancellationToken>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = cut.map(|cut| Box::pin(cut.clone().cancelled_owned()));
    }

    fn poll_pulled(&self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(cut) => cut.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }
}

struct Idle {
    connection: Connection,
    since: BootTime,
}

/// A connection on which an answer is coming. Dropping it closes the connection.
pub struct Lease {
    connection: Connection,
    request: Arc<Received>,
    home: mpsc::UnboundedSender<Idle>,
    clock: Clock,
}

impl Lease {
    /// From now on the connection stays, whatever is taken back.
    pub fn untie(&self) {
        self.connection.leash.tie(None);
    }

    /// The answer has ended: the connection may be used again, unless the request goes on. What
    /// comes of that later could be taken for the next one, by a server that has forgotten it.
    pub fn give_back(self) {
        if !self.request.has_ended() {
            return;
        }
        let since = self.clock.boot_now();
        self.connection.leash.tie(None);
        // The pool may be gone at the end of the process, and then the connection is too.
        let _ = self.home.send(Idle { connection: self.connection, since });
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub enum UpstreamError {
    /// No connection.
    Unreachable(String),
    /// A connection, and then none.
    BrokeOff(String),
    /// The request's body could not be read to its end.
    CallerBroke,
    /// The connection took too long.
    ConnectTimeout,
    /// The answer's head took too long.
    ResponseTimeout,
}

/// A configured upstream that cannot be spoken to.
#[derive(Debug, thiserror::Error)]
#[error("the upstream {name} has a host that cannot be spoken to: {host}")]
pub struct BadHost {
    name: String,
    host: String,
}

impl Upstreams {
    /// Pools without a connection yet.
    ///
    /// # Errors
    /// [`BadHost`].
    pub fn new(settings: &[config::Upstream], tls: &Arc<ClientConfig>, clock: &Clock) -> Result<Self, BadHost> {
        settings.iter().map(|settings| Upstream::new(settings.clone(), tls, clock)).collect::<Result<_, _>>().map(Self)
    }

    /// The pool of that index.
    ///
    /// # Errors
    /// 500, for an index that the configuration does not have.
    pub fn get(&self, index: usize) -> Result<&Upstream, Rejection> {
        self.0.get(index).ok_or_else(|| Rejection::internal(format!("there is no upstream {index}")))
    }

    /// Closes what has been idle for too long. To be called now and then.
    pub fn sweep(&self) {
        for upstream in &self.0 {
            upstream.tidy();
        }
    }
}

impl Upstream {
    fn new(settings: config::Upstream, tls: &Arc<ClientConfig>, clock: &Clock) -> Result<Self, BadHost> {
        let bad_host = || BadHost { name: settings.name.clone(), host: settings.host.clone() };
        let tls = match settings.tls {
            true => {
                let name = ServerName::try_from(settings.host.clone()).map_err(|_no_name| bad_host())?;
                Some((TlsConnector::from(Arc::clone(tls)), name))
            }
            false => None,
        };
        let host = if settings.host.contains(':') { format!("[{}]", settings.host) } else { settings.host.clone() };
        let default_port = if settings.tls { 443 } else { 80 };
        let authority = if settings.port == default_port { host } else { format!("{host}:{}", settings.port) };
        let host_header = HeaderValue::try_from(authority).map_err(|_no_value| bad_host())?;
        let (home, returned) = mpsc::unbounded_channel();
        Ok(Self { settings, host_header, tls, clock: clock.clone(), idle: RefCell::default(), home, returned: RefCell::new(returned) })
    }

    /// As configured.
    pub const fn settings(&self) -> &config::Upstream {
        &self.settings
    }

    /// What stands in `Host`.
    pub const fn host_header(&self) -> &HeaderValue {
        &self.host_header
    }

    /// Sends a request and waits for the head of its answer. A pooled connection that turns out
    /// to be closed before one byte of the request went out is replaced; nothing is sent twice.
    /// The connection is closed when `cut` says so, until it is given back.
    ///
    /// # Errors
    /// [`UpstreamError`].
    pub async fn send(
        &self,
        mut request: Request<Inbound>,
        cut: Option<&CancellationToken>,
    ) -> Result<(Response<Incoming>, Lease), UpstreamError> {
        loop {
            let pooled = self.pooled();
            let was_pooled = pooled.is_some();
            let mut connection = match pooled {
                Some(connection) => connection,
                None => self.connect().await?,
            };
            connection.leash.tie(cut);
            let received = Arc::clone(request.body().received());
            let answer = connection.sender.try_send_request(request);
            let answer = match self.settings.response_timeout {
                Some(limit) => timeout(limit, answer).await.map_err(|_elapsed| UpstreamError::ResponseTimeout)?,
                None => answer.await,
            };
            match answer {
                Ok(response) => {
                    return Ok((response, Lease { connection, request: received, home: self.home.clone(), clock: self.clock.clone() }));
                }
                Err(mut failed) => match failed.take_message().filter(|_| was_pooled) {
                    Some(unsent) => request = unsent,
                    None => {
                        let error = failed.into_error();
                        // What hyper calls its user's is the body's: all else of a request is right.
                        return Err(if error.is_user() { UpstreamError::CallerBroke } else { UpstreamError::BrokeOff(error.to_string()) });
                    }
                },
            }
        }
    }

    /// The latest connection that is fit for use.
    fn pooled(&self) -> Option<Connection> {
        self.tidy();
        let mut idle = self.idle.borrow_mut();
        // One whose last answer has only just ended may need another turn of its task.
        let fit = idle.iter().rposition(|idle| idle.connection.sender.is_ready())?;
        Some(idle.swap_remove(fit).connection)
    }

    /// Takes in what came back, and closes what is closed, too old, or too much.
    fn tidy(&self) {
        let mut idle = self.idle.borrow_mut();
        let mut returned = self.returned.borrow_mut();
        while let Ok(back) = returned.try_recv() {
            idle.push(back);
        }
        let now = self.clock.boot_now();
        idle.retain(|idle| !idle.connection.sender.is_closed() && now.saturating_sub(idle.since) < self.settings.idle_timeout);
        let surplus = idle.len().saturating_sub(MAX_IDLE);
        idle.drain(..surplus);
    }

    async fn connect(&self) -> Result<Connection, UpstreamError> {
        let limit = self.settings.connect_timeout;
        timeout(limit, self.open()).await.map_err(|_elapsed| UpstreamError::ConnectTimeout)?
    }

    async fn open(&self) -> Result<Connection, UpstreamError> {
        let unreachable = |error: &dyn std::fmt::Display| UpstreamError::Unreachable(error.to_string());
        let tcp = TcpStream::connect((self.settings.host.as_str(), self.settings.port)).await.map_err(|error| unreachable(&error))?;
        // An event of a stream goes out at once, not when the next one comes.
        tcp.set_nodelay(true).map_err(|error| unreachable(&error))?;
        match &self.tls {
            Some((connector, name)) => {
                let tls = connector.connect(name.clone(), tcp).await.map_err(|error| unreachable(&error))?;
                speak(TokioIo::new(tls)).await
            }
            None => speak(TokioIo::new(tcp)).await,
        }
    }
}

async fn speak<T>(io: T) -> Result<Connection, UpstreamError>
where
    T: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (sender, spoken) = http1::Builder::new()
        .max_buf_size(MAX_BUFFER)
        .handshake(io)
        .await
        .map_err(|error| UpstreamError::Unreachable(error.to_string()))?;
    let leash = Leash::default();
    let pulled = leash.clone();
    // Ends by itself when the connection does; whoever uses it hears of its errors.
    tokio::task::spawn_local(async move {
        let mut spoken = pin!(spoken.with_upgrades());
        let ended = poll_fn(|cx| match pulled.poll_pulled(cx) {
            Poll::Ready(()) => Poll::Ready(Ok(())),
            Poll::Pending => spoken.as_mut().poll(cx),
        });
        if let Err(error) = ended.await {
            tracing::debug!(%error, "an upstream's connection ended");
        }
    });
    Ok(Connection { sender, leash })
}

/// How often a thread looks after its idle connections.
pub const SWEEP_EVERY: Duration = Duration::from_secs(1);
