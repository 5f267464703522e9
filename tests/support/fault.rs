//! A TCP proxy in the test's own process, in front of one server, that does to the connections what
//! a bad network does.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use socket2::{Domain, SockRef, Socket, Type};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::{mpsc, watch},
    task::JoinHandle,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// What is wrong now; nothing, by default.
#[derive(Clone, Default)]
struct Weather {
    delay: Duration,
    is_black_hole: bool,
    holds_answers: bool,
    /// How many bytes of answers still come through, on all connections together.
    cut: Option<Arc<AtomicUsize>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Commands,
    Answers,
}

pub(crate) struct FaultProxy {
    address: SocketAddr,
    server: SocketAddr,
    weather: watch::Sender<Weather>,
    /// Bound and never listening: keeps the port while nobody listens.
    _port: Socket,
    accepting: Mutex<Option<JoinHandle<()>>>,
    /// Cancelled, the connections that there are end with a reset.
    connections: Arc<Mutex<CancellationToken>>,
}

impl FaultProxy {
    /// Listens on a port of its own, and passes all on.
    pub(crate) fn before(server: SocketAddr) -> Self {
        let port = bound((Ipv4Addr::LOCALHOST, 0).into());
        let address = port.local_addr().unwrap().as_socket().unwrap();
        let (weather, _) = watch::channel(Weather::default());
        let proxy = Self { address, server, weather, _port: port, accepting: Mutex::default(), connections: Arc::default() };
        proxy.pass();
        proxy
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends every fault. Connections from which bytes were lost stay silent, as TCP would never go on behind a gap.
    pub(crate) fn pass(&self) {
        self.weather.send_replace(Weather::default());
        let mut accepting = self.accepting.lock().unwrap();
        if accepting.is_none() {
            *accepting = Some(self.accept());
        }
    }

    /// Takes connections and bytes, and passes nothing on, not even that somebody left.
    pub(crate) fn black_hole(&self) {
        self.weather.send_modify(|weather| weather.is_black_hole = true);
    }

    /// Passes on later by so much, each way.
    pub(crate) fn delay(&self, delay: Duration) {
        self.weather.send_modify(|weather| weather.delay = delay);
    }

    /// Commands reach the server, and the answers wait.
    pub(crate) fn hold_answers(&self) {
        self.weather.send_modify(|weather| weather.holds_answers = true);
    }

    pub(crate) fn release_answers(&self) {
        self.weather.send_modify(|weather| weather.holds_answers = false);
    }

    /// Lets so many more bytes of answers through, on all connections together. Whichever has more to
    /// say ends there; so does every later one, until [`Self::pass`].
    pub(crate) fn cut_after(&self, bytes: usize) {
        self.weather.send_modify(|weather| weather.cut = Some(Arc::new(AtomicUsize::new(bytes))));
    }

    /// Ends the connections that there are with a reset, on both sides.
    pub(crate) fn reset_all(&self) {
        std::mem::take(&mut *self.connections.lock().unwrap()).cancel();
    }

    /// Refuses new connections, until [`Self::pass`]; those that there are stay.
    pub(crate) async fn refuse(&self) {
        let accepting = self.accepting.lock().unwrap().take();
        if let Some(accepting) = accepting {
            accepting.abort();
            // The port refuses once the listener is gone with its task.
            assert!(accepting.await.is_err_and(|end| end.is_cancelled()), "the proxy broke");
        }
    }

    fn accept(&self) -> JoinHandle<()> {
        let socket = bound(self.address);
        socket.listen(1024).unwrap();
        let listener = TcpListener::from_std(socket.into()).unwrap();
        let (server, weather, connections) = (self.server, self.weather.subscribe(), Arc::clone(&self.connections));
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let reset = connections.lock().unwrap().clone();
                tokio::spawn(serve(client, server, weather.clone(), reset));
            }
        })
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        if let Some(accepting) = self.accepting.lock().unwrap().take() {
            accepting.abort();
        }
        self.reset_all();
    }
}

/// Several may have the port at a time; connections go to the one that listens.
fn bound(address: SocketAddr) -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_reuse_port(true).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.set_nonblocking(true).unwrap();
    socket.bind(&address.into()).unwrap();
    socket
}

async fn serve(mut client: TcpStream, server: SocketAddr, weather: watch::Receiver<Weather>, reset: CancellationToken) {
    // Where the server is away, the client sees its connection end at once.
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    let is_reset = {
        let ((from_client, to_client), (from_server, to_server)) = (client.split(), server.split());
        let gap = AtomicBool::new(false);
        let commands = pass_on(from_client, to_server, Way::Commands, weather.clone(), &gap);
        let answers = pass_on(from_server, to_client, Way::Answers, weather, &gap);
        tokio::select! {
            // Either side may have gone, and a cut ends both ways.
            _ended = async { tokio::try_join!(commands, answers) } => false,
            () = reset.cancelled() => true,
        }
    };
    if is_reset {
        for socket in [&client, &server] {
            SockRef::from(socket).set_linger(Some(Duration::ZERO)).unwrap();
        }
    }
}

/// One way of a connection, to its end.
async fn pass_on(
    mut from: ReadHalf<'_>,
    to: WriteHalf<'_>,
    way: Way,
    weather: watch::Receiver<Weather>,
    gap: &AtomicBool,
) -> io::Result<()> {
    let (put, take) = mpsc::unbounded_channel();
    let clock = weather.clone();
    let read = async move {
        loop {
            let mut bytes = BytesMut::new();
            let count = from.read_buf(&mut bytes).await?;
            let due = Instant::now() + clock.borrow().delay;
            // Nothing: the end, which comes as late as all else.
            if put.send((due, bytes.freeze())).is_err() || count == 0 {
                return Ok(());
            }
        }
    };
    tokio::try_join!(read, deliver(take, to, way, weather, gap)).map(|((), ())| ())
}

async fn deliver(
    mut take: mpsc::UnboundedReceiver<(Instant, Bytes)>,
    mut to: WriteHalf<'_>,
    way: Way,
    mut weather: watch::Receiver<Weather>,
    gap: &AtomicBool,
) -> io::Result<()> {
    while let Some((due, bytes)) = take.recv().await {
        tokio::time::sleep_until(due).await;
        let now = weather.wait_for(|now| way == Way::Commands || !now.holds_answers || now.is_black_hole).await;
        let Weather { is_black_hole, cut, .. } = now.map_err(io::Error::other)?.clone();
        if is_black_hole || gap.load(Ordering::Relaxed) {
            gap.store(true, Ordering::Relaxed);
            continue;
        }
        if bytes.is_empty() {
            return to.shutdown().await;
        }
        let allowed = match &cut {
            Some(left) if way == Way::Answers => {
                let before = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some(left.saturating_sub(bytes.len())));
                before.unwrap().min(bytes.len())
            }
            _ => bytes.len(),
        };
        to.write_all(&bytes[..allowed]).await?;
        if allowed < bytes.len() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
    }
    // The end was swallowed: nobody hears of it.
    std::future::pending().await
}
