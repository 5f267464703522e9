//! Real Redis servers of a test's own: one, a primary with its sentinels, a Cluster.

mod authority;
mod cluster;
mod monitor;
mod sentinels;

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr},
    num::NonZeroUsize,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, Weak},
    thread,
    time::{Duration, Instant},
};

use ::redis::{Client, Connection, FromRedisValue, RedisResult};
use gatepost::config::store::{Host, Mode, Promise, Redis, Servers};
use rand::RngExt;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

pub(crate) use self::{authority::Authority, cluster::Cluster, monitor::Monitor, sentinels::Sentinels};
use super::skipped;

/// Who may log in to a server that asks.
pub(crate) const USER: &str = "gatepost";
pub(crate) const PASSWORD: &str = "correct-horse-battery";

/// How often a port may turn out to be taken.
const TRIES: usize = 20;
/// Longer than any of what is waited for takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long one command may take.
const ANSWER: Duration = Duration::from_secs(2);
/// Every write is on the disk before its answer; a replica is served at once.
const DEFAULTS: &str = "bind 127.0.0.1\nsave \"\"\nappendonly yes\nappendfsync always\nrepl-diskless-sync-delay 0\n";

/// A `redis-server`, which ends with this.
pub(crate) struct Server {
    port: u16,
    /// Scheme and login, for commands of the test.
    scheme: &'static str,
    login: String,
    authority: Option<Authority>,
    // In the order in which they end: the process before the folder that it writes to.
    process: Process,
    folder: TempDir,
}

impl Server {
    /// Starts one with these lines of `redis.conf` besides; `None`, and a note, where Redis is not installed.
    pub(crate) fn start(lines: &[&str]) -> Option<Self> {
        Self::launch(&format!("{DEFAULTS}{}", lines.join("\n")), "redis", String::new(), None)
    }

    /// The one that the tests of this process share while any of them holds it: each uses a realm of its own.
    pub(crate) fn shared() -> Option<Arc<Self>> {
        static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap();
        if let Some(server) = shared.upgrade() {
            return Some(server);
        }
        let server = Arc::new(Self::start(&[])?);
        *shared = Arc::downgrade(&server);
        Some(server)
    }

    /// Whoever comes must know [`PASSWORD`].
    pub(crate) fn with_password(lines: &[&str]) -> Option<Self> {
        let text = format!("{DEFAULTS}requirepass {PASSWORD}\n{}", lines.join("\n"));
        Self::launch(&text, "redis", format!(":{PASSWORD}@"), None)
    }

    /// Over TLS alone, with a certificate on both sides, and [`USER`] with [`PASSWORD`] is the only user.
    pub(crate) fn secured(lines: &[&str]) -> Option<Self> {
        let authority = Authority::new()?;
        let text = format!(
            "{DEFAULTS}user default off\nuser {USER} on >{PASSWORD} ~* &* +@all\ntls-ca-cert-file {}\ntls-cert-file {}\ntls-key-file {}\n{}",
            authority.path("ca.pem"),
            authority.path("server.pem"),
            authority.path("server.key"),
            lines.join("\n"),
        );
        Self::launch(&text, "rediss", format!("{USER}:{PASSWORD}@"), Some(authority))
    }

    /// A server that watches others.
    pub(crate) fn sentinel(text: &str) -> Option<Self> {
        Self::launch(text, "redis", String::new(), None)
    }

    /// Even ports, so that the one above is free for the bus of a Cluster; and below those that the system gives
    /// out, so that nobody gets the port of a server that is down.
    fn launch(text: &str, scheme: &'static str, login: String, authority: Option<Authority>) -> Option<Self> {
        let mut server = Self { port: 0, scheme, login, authority, process: Process::default(), folder: TempDir::new().unwrap() };
        for _ in 0..TRIES {
            server.port = 2 * rand::rng().random_range(5_000..16_000);
            let (port, bus) = (server.port, server.port + 1);
            let ports = if scheme == "rediss" { format!("port 0\ntls-port {port}") } else { format!("port {port}") };
            let bus = if text.contains("cluster-enabled yes") { format!("\ncluster-port {bus}") } else { String::new() };
            fs::write(server.folder.path().join("redis.conf"), format!("{ports}{bus}\n{text}\n")).unwrap();
            if !server.spawn()? {
                continue;
            }
            return Some(server);
        }
        panic!("redis-server finds no port: {}", server.log());
    }

    /// Whether it runs, and is the one that answers; `None`, and a note, where Redis is not installed.
    fn spawn(&self) -> Option<bool> {
        let log = File::options().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        let mut command = Command::new("redis-server");
        let watches = self.text().contains("sentinel monitor");
        command
            .arg("redis.conf")
            .args(watches.then_some("--sentinel"))
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stderr(log.try_clone().unwrap())
            .stdout(log);
        let id = match command.spawn() {
            Ok(child) => self.process.hold(child),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                skipped("Redis: redis-server is not installed");
                return None;
            }
            Err(error) => panic!("redis-server: {error}"),
        };
        let mut runs = None;
        let own = format!("process_id:{}\r", id.as_raw_pid());
        until("redis-server answers", || {
            let info: RedisResult<String> = self.try_command(&["INFO"]);
            runs = info
                .is_ok_and(|info| info.contains(&own) && !info.contains("\nloading:1"))
                .then_some(true)
                .or(self.process.has_ended().then_some(false));
            runs.is_some()
        });
        runs
    }

    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    pub(crate) fn place(&self) -> Servers {
        Servers::One(host(self.address()))
    }

    /// Without a login.
    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address())
    }

    /// Who signed the certificates, and the client's own; of a server with TLS.
    pub(crate) fn authority(&self) -> &Authority {
        self.authority.as_ref().expect("the server has no TLS")
    }

    /// Sends a command on a connection of its own.
    pub(crate) fn command<T: FromRedisValue>(&self, words: &[&str]) -> T {
        self.try_command(words).unwrap_or_else(|error| panic!("{words:?}: {error}\n{}", self.log()))
    }

    /// The same to a server that may not answer.
    pub(crate) fn try_command<T: FromRedisValue>(&self, words: &[&str]) -> RedisResult<T> {
        let (name, rest) = words.split_first().unwrap();
        ::redis::cmd(name).arg(rest).query(&mut self.try_connect()?)
    }

    /// A connection of the test's own.
    pub(crate) fn connect(&self) -> Connection {
        self.try_connect().unwrap_or_else(|error| panic!("{error}\n{}", self.log()))
    }

    fn try_connect(&self) -> RedisResult<Connection> {
        let url = format!("{}://{}{}", self.scheme, self.login, self.address());
        let client = match &self.authority {
            Some(authority) => Client::build_with_tls(url, authority.certificates())?,
            None => Client::open(url)?,
        };
        let connection = client.get_connection_with_timeout(ANSWER)?;
        connection.set_read_timeout(Some(ANSWER))?;
        Ok(connection)
    }

    fn text(&self) -> String {
        fs::read_to_string(self.folder.path().join("redis.conf")).unwrap()
    }

    /// What it wrote to its log.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// It keeps its connections and its port, and does nothing more.
    pub(crate) fn stop(&self) {
        self.process.signal(Signal::STOP);
    }

    pub(crate) fn go_on(&self) {
        self.process.signal(Signal::CONT);
    }

    /// As a machine without power ends.
    pub(crate) fn kill(&self) {
        self.process.end();
    }

    /// On the same port, with its data.
    pub(crate) fn restart(&self) {
        self.process.end();
        assert_eq!(self.spawn(), Some(true), "{}", self.log());
    }

    /// On the same port, and nothing is left of its data.
    pub(crate) fn restart_empty(&self) {
        self.process.end();
        match fs::remove_dir_all(self.folder.path().join("appendonlydir")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("{error}"),
            _ => self.restart(),
        }
    }
}

/// At most one at a time, and none after this.
#[derive(Default)]
struct Process(Mutex<Option<Child>>);

impl Process {
    fn hold(&self, child: Child) -> Pid {
        let id = Pid::from_child(&child);
        *self.0.lock().unwrap() = Some(child);
        id
    }

    fn has_ended(&self) -> bool {
        self.0.lock().unwrap().as_mut().is_none_or(|child| child.try_wait().unwrap().is_some())
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(self.0.lock().unwrap().as_ref().expect("the server is down")), signal).unwrap();
    }

    fn end(&self) {
        if let Some(mut child) = self.0.lock().unwrap().take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// A realm of its own there.
pub(crate) fn realm(servers: Servers) -> Redis {
    // Behind Sentinels and in a Cluster, each primary has one of its own.
    let wait_replicas = if matches!(servers, Servers::One(_)) { 0 } else { 1 };
    Redis {
        servers,
        db: 0,
        tls: None,
        login: None,
        sentinel_login: None,
        realm: format!("{:016x}", rand::random::<u64>()),
        prefix: "gatepost:".to_owned(),
        // Longer than a busy machine lets a test wait.
        timeout: Duration::from_secs(10),
        most_waiting: NonZeroUsize::new(1024).unwrap(),
        mode: Mode::default(),
        wait_replicas,
        promise: Promise::default(),
    }
}

fn host(address: SocketAddr) -> Host {
    Host { name: address.ip().to_string(), port: address.port() }
}

/// Asks until it is so. It blocks its thread: a test that has a proxy or a gateway besides needs `flavor = "multi_thread"`.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "it did not come to this: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}
