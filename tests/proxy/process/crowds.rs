//! Crowds of callers who do as little as they can, before a gateway of its own process: what they
//! cost in memory, that others are served meanwhile, and that they are gone after their time.

use std::{future::Future, net::SocketAddr, time::Duration};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpSocket},
    task::JoinSet,
    time::sleep,
};

use super::{child::Child, installation::Installation};
use crate::{
    edge::frames::{ACK, Caller, END_STREAM, PING, frame, get as get_frame, request},
    proxy::{
        raw::{Wire, soon},
        stand::config,
    },
    support::{
        http::{get, send},
        skipped,
    },
};

const MIB: usize = 1 << 20;

/// How many callers, and how long they may take: so long that all of them are there at once.
fn how_many() -> (usize, &'static str) {
    if std::env::var_os("GATEPOST_TEST_ALL").is_some() { (4000, "8s") } else { (1000, "2s") }
}

/// A server that answers `/open/flood` with more than fits between, and else takes what comes and
/// answers nothing.
async fn upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            // What lies in the system's buffers is not looked at here, and would be most of it.
            socket2::SockRef::from(&socket).set_send_buffer_size(16 << 10).unwrap();
            tokio::spawn(async move {
                let mut taken = vec![0; 16 << 10];
                let count = socket.read(&mut taken).await.unwrap_or(0);
                if taken[..count].starts_with(b"GET /open/flood ") {
                    let mut wire = Wire::on(socket);
                    wire.try_send("HTTP/1.1 200 OK\r\n\r\n").await;
                    while wire.try_send(&taken).await {}
                } else {
                    while socket.read(&mut taken).await.is_ok_and(|count| count > 0) {}
                }
            });
        }
    });
    address
}

/// As many files as the system lets, for this process and those that it starts. Whether that is
/// enough.
fn may_open(files: usize) -> bool {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
    maximum.is_none_or(|maximum| maximum > files as u64)
}

struct Crowded {
    child: Child,
    address: SocketAddr,
    _installation: Installation,
}

impl Crowded {
    async fn start(connections: &str) -> Self {
        let routes = config(&format!("url = \"http://{}\"", upstream().await), "prefix = \"/open\"\nauth = \"none\"");
        let installation =
            Installation::with(&format!("{routes}[connections]\n{connections}\n[log]\nlevel = 'warn,gatepost=info,gatepost::request=off'"));
        let (child, address) = installation.serve().await;
        Self { child, address, _installation: installation }
    }

    /// A figure of its memory, in KiB.
    fn memory(&self, what: &str) -> usize {
        let status = std::fs::read_to_string(self.child.proc("status")).unwrap();
        let line = status.lines().find(|line| line.starts_with(what)).unwrap();
        line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
    }

    fn open_files(&self) -> usize {
        std::fs::read_dir(self.child.proc("fd")).unwrap().count()
    }

    async fn serves(&self) {
        assert_eq!(soon(send(self.address, get("/health"))).await.status, 200);
    }
}

/// Holds a crowd of callers, each made by `join`, until they are gone. None may cost more than so
/// many KiB.
async fn crowd<T, F>(kib_each: usize, join: impl Fn(SocketAddr) -> F)
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let (count, time) = how_many();
    hold(time, count, 1, kib_each, join).await;
}

/// The same for so many callers with so many requests each. A pause has a time of its own.
async fn hold<T, F>(pause: &str, count: usize, requests: usize, kib_each: usize, join: impl Fn(SocketAddr) -> F)
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    // A caller and an upstream's ends here, and as many there.
    if !cfg!(target_os = "linux") || !may_open(count * (1 + requests) + 1000) {
        return skipped("too few files may be open at once");
    }
    let (_, time) = how_many();
    let crowded = Crowded::start(&format!(
        "max_per_peer = 10000\nhead_timeout = '{pause}'\nidle_timeout = '{pause}'\nbody_timeout = '{time}'\nsend_timeout = '{time}'"
    ))
    .await;
    crowded.serves().await;
    let (before, files) = (crowded.memory("VmRSS"), crowded.open_files());
    let mut joining = JoinSet::new();
    let mut callers = Vec::with_capacity(count);
    for _ in 0..count {
        joining.spawn(join(crowded.address));
        // Not more at once than wait to be accepted.
        if joining.len() >= 100 {
            callers.extend(joining.join_next().await.transpose().unwrap());
        }
    }
    callers.extend(joining.join_all().await);
    let mut held = 0;
    while held == 0 || crowded.open_files() > files + 4 {
        held = held.max(crowded.open_files().saturating_sub(files));
        crowded.serves().await;
        sleep(Duration::from_millis(10)).await;
    }
    let peak = crowded.memory("VmHWM");
    let each = peak.saturating_sub(before) / (count * requests);
    println!("{count} callers, {held} files: {before} KiB before, {peak} KiB at most, {each} KiB a request");
    // A few of those who were honest may have been there before.
    assert!(held + 8 >= count, "{count} were held at once, not {held}");
    assert!(each <= kib_each, "{each} KiB each");
    assert_eq!(callers.len(), count);
    let ended = crowded.child.end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_that_says_nothing_is_held_cheaply_and_not_for_long() {
    crowd(24, Wire::to).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_of_half_heads_is_held_cheaply_and_not_for_long() {
    crowd(96, |address| async move {
        let mut wire = Wire::to(address).await;
        wire.send(format!("GET /open/x HTTP/1.1\r\nhost: a\r\nx-long: {}", "x".repeat(24 << 10))).await;
        wire
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_of_bodies_that_stop_is_held_cheaply_and_not_for_long() {
    crowd(192, |address| async move {
        let mut wire = Wire::to(address).await;
        wire.send(format!("POST /open/x HTTP/1.1\r\nhost: a\r\ncontent-length: {MIB}\r\n\r\n{}", "x".repeat(64 << 10))).await;
        wire
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_that_takes_nothing_of_long_answers_is_held_cheaply_and_not_for_long() {
    crowd(256, |address| async move {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut wire = Wire::on(socket.connect(address).await.unwrap());
        wire.send("GET /open/flood HTTP/1.1\r\nhost: a\r\n\r\n").await;
        wire
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_of_streams_that_grant_no_window_is_held_cheaply_and_not_for_long() {
    const STREAMS: u32 = 100;
    hold("500ms", how_many().0 / 50, STREAMS as usize, 192, |address| async move {
        let mut caller = Caller::with(address, &[(4, 0)]).await;
        let asked = (0..STREAMS).map(|n| request(2 * n + 1, END_STREAM, &get_frame("/open/flood")));
        caller.send(&asked.flatten().collect::<Vec<u8>>()).await;
        caller
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_that_speaks_http_2_and_asks_nothing_is_held_cheaply_and_not_for_long() {
    crowd(64, Caller::to).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_are_turned_away_are_many_and_the_lines_about_them_few() {
    let crowded = Crowded::start("max_per_peer = 1").await;
    let mut first = Wire::to(crowded.address).await;
    first.send("GET /health HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(first.head().await.status(), 200);
    for _ in 0..200 {
        Wire::to(crowded.address).await.closed().await;
    }
    let ended = crowded.child.end().await;
    let lines: Vec<&str> = ended.stderr.lines().filter(|line| line.contains("turned away")).collect();
    assert!((1..3).contains(&lines.len()), "{lines:?}");
    assert!(lines[0].contains("connections.max_per_peer") && lines[0].contains("127.0.0.1"), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_peer_says_without_sense_fills_no_log() {
    let crowded = Crowded::start("").await;
    let mut caller = Caller::to(crowded.address).await;
    // Answers to what nobody has asked.
    caller.send(&frame(PING, ACK, 0, b"unasked!").repeat(1000)).await;
    caller.stands().await;
    let ended = crowded.child.end().await;
    assert!(!ended.stderr.contains("PING"), "{}", ended.stderr);
}
