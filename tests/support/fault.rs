//! A TCP proxy in the test's own process, in front of one server, that does to the connections what
//! a bad network does.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, OnceLock,
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
    /// A black hole for whoever calls from these addresses.
    shuns: Vec<IpAddr>,
    holds_answers: bool,
    /// How many bytes of answers still come through, on all connections together.
    cut: Option<Arc<AtomicUsize>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Commands,
    Answers,
}

/// What the server's answers call something, and what the caller is told instead, of the same length.
type Names = [(Vec<u8>, Vec<u8>)];

pub(crate) struct FaultProxy {
    address: SocketAddr,
    server: Arc<Mutex<SocketAddr>>,
    names: Arc<OnceLock<Box<Names>>>,
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
        let server = Arc::new(Mutex::new(server));
        let proxy =
            Self { address, server, names: Arc::default(), weather, _port: port, accepting: Mutex::default(), connections: Arc::default() };
        proxy.pass();
        proxy
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on a Redis or a Sentinel names addresses in its answers as this caller is to know them, as an address
    /// translation does. Once.
    pub(crate) fn rename(&self, names: Vec<(String, String)>) {
        assert!(names.iter().all(|(is, told)| is.len() == told.len()), "lengths stand before what they count: {names:?}");
        let names = names.into_iter().map(|(is, told)| (is.into_bytes(), told.into_bytes())).collect();
        assert!(self.names.set(names).is_ok(), "it has names already");
    }

    /// Ends every fault. Connections from which bytes were lost stay silent, as TCP would never go on behind a gap.
    pub(crate) fn pass(&self) {
        self.weather.send_replace(Weather::default());
        let mut accepting = self.accepting.lock().unwrap();
        if accepting.is_none() {
            *accepting = Some(self.accept());
        }
    }

    /// From now on it stands before that server; connections that there are stay with the other.
    pub(crate) fn lead_to(&self, server: SocketAddr) {
        *self.server.lock().unwrap() = server;
    }

    /// Takes connections and bytes, and passes nothing on, not even that somebody left.
    pub(crate) fn black_hole(&self) {
        self.weather.send_modify(|weather| weather.is_black_hole = true);
    }

    /// The same for whoever calls from this address.
    pub(crate) fn shun(&self, caller: IpAddr) {
        self.weather.send_modify(|weather| weather.shuns.push(caller));
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
        let (server, names) = (Arc::clone(&self.server), Arc::clone(&self.names));
        let (weather, connections) = (self.weather.subscribe(), Arc::clone(&self.connections));
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let reset = connections.lock().unwrap().clone();
                let server = *server.lock().unwrap();
                tokio::spawn(serve(client, server, Arc::clone(&names), weather.clone(), reset));
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

async fn serve(
    mut client: TcpStream,
    server: SocketAddr,
    names: Arc<OnceLock<Box<Names>>>,
    weather: watch::Receiver<Weather>,
    reset: CancellationToken,
) {
    let Ok(caller) = client.peer_addr().map(|caller| caller.ip()) else { return };
    // Where the server is away, the client sees its connection end at once.
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    let names = names.get().map_or(&[][..], |names| names);
    let is_reset = {
        let ((from_client, to_client), (from_server, to_server)) = (client.split(), server.split());
        let gap = AtomicBool::new(false);
        let sky = |weather| Sky { caller, weather, gap: &gap };
        let commands = pass_on(from_client, to_server, Way::Commands, &[], sky(weather.clone()));
        let answers = pass_on(from_server, to_client, Way::Answers, names, sky(weather));
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

/// What a connection is under.
struct Sky<'a> {
    caller: IpAddr,
    weather: watch::Receiver<Weather>,
    /// Whether bytes were lost.
    gap: &'a AtomicBool,
}

/// One way of a connection, to its end.
async fn pass_on(mut from: ReadHalf<'_>, to: WriteHalf<'_>, way: Way, names: &Names, sky: Sky<'_>) -> io::Result<()> {
    let (put, take) = mpsc::unbounded_channel();
    let clock = sky.weather.clone();
    let read = async move {
        let mut bytes = BytesMut::new();
        loop {
            let is_end = from.read_buf(&mut bytes).await? == 0;
            let whole = if names.is_empty() || is_end { bytes.len() } else { end_of_lines(&bytes) };
            let mut ready = bytes.split_to(whole);
            names.iter().for_each(|(is, told)| rename(&mut ready, is, told));
            let due = Instant::now() + clock.borrow().delay;
            // Nothing: the end, which comes as late as all else.
            let parts = [(whole > 0).then(|| ready.freeze()), is_end.then(Bytes::new)];
            if parts.into_iter().flatten().any(|part| put.send((due, part)).is_err()) || is_end {
                return Ok(());
            }
        }
    };
    tokio::try_join!(read, deliver(take, to, way, sky)).map(|((), ())| ())
}

/// Every answer of Redis ends with its last line.
fn end_of_lines(bytes: &[u8]) -> usize {
    bytes.windows(2).rposition(|two| two == b"\r\n").map_or(0, |at| at + 2)
}

fn rename(bytes: &mut [u8], is: &[u8], told: &[u8]) {
    let mut at = 0;
    while let Some(found) = bytes[at..].windows(is.len()).position(|window| window == is) {
        bytes[at + found..][..told.len()].copy_from_slice(told);
        at += found + told.len();
    }
}

async fn deliver(mut take: mpsc::UnboundedReceiver<(Instant, Bytes)>, mut to: WriteHalf<'_>, way: Way, sky: Sky<'_>) -> io::Result<()> {
    let Sky { caller, mut weather, gap } = sky;
    while let Some((due, bytes)) = take.recv().await {
        tokio::time::sleep_until(due).await;
        let swallows = |now: &Weather| now.is_black_hole || now.shuns.contains(&caller);
        let now = weather.wait_for(|now| way == Way::Commands || !now.holds_answers || swallows(now)).await;
        let now = now.map_err(io::Error::other)?.clone();
        if swallows(&now) || gap.load(Ordering::Relaxed) {
            gap.store(true, Ordering::Relaxed);
            continue;
        }
        if bytes.is_empty() {
            return to.shutdown().await;
        }
        let allowed = match &now.cut {
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
