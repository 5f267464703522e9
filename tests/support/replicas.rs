//! Several gateways over one realm in Redis, each with a bad network of its own before it.

use std::{net::SocketAddr, ops::Deref, process::Stdio, sync::Arc, time::Duration};

use gatepost::{
    clock::Manual,
    config::{
        self,
        store::{Host, Redis, Servers},
    },
    store::Store,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::task::AbortOnDropHandle;

use super::{
    fault::FaultProxy,
    gateway::{Gateway, PASSWORD, ROOT, USER, plan},
    lines::Lines,
    records::START,
    redis::{Server, realm},
};

/// Gateways in the test's own process, which share a clock that the test moves.
pub(crate) struct Replicas {
    // In the order in which they end.
    pub(crate) gateways: Vec<Gateway>,
    pub(crate) proxies: Vec<FaultProxy>,
    pub(crate) time: Manual,
    pub(crate) realm: Redis,
    pub(crate) redis: Shared,
    _folder: Option<TempDir>,
}

/// The server that they share, where they share one.
pub(crate) struct Shared(Option<Server>);

impl Deref for Shared {
    type Target = Server;

    fn deref(&self) -> &Server {
        self.0.as_ref().expect("it has the embedded store")
    }
}

impl Replicas {
    /// So many, with [`USER`]; `None`, and a note, where Redis is not installed.
    pub(crate) async fn start(count: usize, config: &str) -> Option<Self> {
        Self::in_realm(count, config, |_| {}).await
    }

    /// The same where a call to Redis may take so long.
    pub(crate) async fn with_timeout(count: usize, config: &str, timeout: Duration) -> Option<Self> {
        Self::in_realm(count, config, |realm| realm.timeout = timeout).await
    }

    /// The same where the realm is set otherwise.
    pub(crate) async fn in_realm(count: usize, config: &str, set: impl FnOnce(&mut Redis)) -> Option<Self> {
        let redis = Server::start(&[])?;
        let mut realm = realm(redis.place());
        set(&mut realm);
        let time = Manual::starting_at(START);
        let proxies: Vec<FaultProxy> = (0..count).map(|_| FaultProxy::before(redis.address())).collect();
        let mut gateways = Vec::new();
        for proxy in &proxies {
            gateways.push(gateway(config, &realm, proxy.address(), &time, gateways.is_empty()).await);
        }
        Some(Self { gateways, proxies, time, realm, redis: Shared(Some(redis)), _folder: None })
    }

    /// One gateway, over a store of its own.
    pub(crate) async fn alone(config: &str) -> Self {
        let (time, folder) = (Manual::starting_at(START), TempDir::new().unwrap());
        let store = gatepost::store::open(&config::Store::Embedded(folder.path().to_owned()), time.clock()).await.unwrap();
        let gateways = vec![Gateway::over(config, store, time.clone()).await];
        let realm = realm(Servers::Cluster(Vec::new()));
        Self { gateways, proxies: Vec::new(), time, realm, redis: Shared(None), _folder: Some(folder) }
    }

    /// From now on the clock goes as the machine's does, until this is dropped.
    pub(crate) fn let_time_run(&self) -> AbortOnDropHandle<()> {
        const STEP: Duration = Duration::from_millis(20);
        let time = self.time.clone();
        AbortOnDropHandle::new(tokio::spawn(async move {
            loop {
                tokio::time::sleep(STEP).await;
                time.advance(STEP);
            }
        }))
    }

    /// All keys of the realm that hold these letters.
    pub(crate) fn keys(&self, letters: &str) -> Vec<String> {
        let mut keys: Vec<String> = self.redis.command(&["KEYS", "*"]);
        keys.retain(|key| key.contains(letters));
        keys
    }

    /// That replica hears no notices any more: its subscription ends, and it gets no new one. What it has
    /// to ask it can ask.
    pub(crate) async fn deafen(&self, replica: usize) {
        self.proxies[replica].refuse().await;
        let _: u32 = self.redis.command(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    }
}

/// The realm, as it is reached at this address.
pub(crate) async fn store(realm: &Redis, address: SocketAddr, time: &Manual) -> Arc<dyn Store> {
    gatepost::store::open(&at(realm, address), time.clock()).await.unwrap()
}

fn at(realm: &Redis, address: SocketAddr) -> config::Store {
    let servers = Servers::One(Host { name: address.ip().to_string(), port: address.port() });
    config::Store::Redis(Box::new(Redis { servers, ..realm.clone() }))
}

/// A gateway of the realm, which it reaches at this address; with [`USER`], or with those that there are.
pub(crate) async fn gateway(config: &str, realm: &Redis, address: SocketAddr, time: &Manual, is_first: bool) -> Gateway {
    let mut plan = plan(config, ROOT);
    plan.config.store = at(realm, address);
    let store = store(realm, address, time).await;
    if is_first { Gateway::with_user(plan, store, time.clone()).await } else { Gateway::of(plan, store, time.clone()).await }
}

/// A gateway in a process of its own, over Redis. It is killed when dropped.
pub(crate) struct Replica {
    pub(crate) address: SocketAddr,
    child: std::process::Child,
    log: Lines,
    folder: TempDir,
}

impl Replica {
    /// With this configuration, over the Redis at this address.
    pub(crate) async fn start(config: &str, redis: SocketAddr) -> Self {
        Self::start_with(config, redis, "").await
    }

    /// The same with these lines under `[store]` besides.
    pub(crate) async fn start_with(config: &str, redis: SocketAddr, lines: &str) -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("root"), ROOT).unwrap();
        let store = format!(
            "[keys]\nroot = \"file:root\"\n[store]\nurl = \"redis://{redis}\"\ntimeout = \"2s\"\n{lines}\n[admin]\nsocket = \"admin.sock\"\n"
        );
        std::fs::write(folder.path().join("gatepost.toml"), format!("{config}\n{store}")).unwrap();
        let mut command = command(&folder, &["serve"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = Lines::of(child.stderr.take().unwrap());
        let listening: Value = serde_json::from_str(&log.with("\"listening\"").await).unwrap();
        Self { address: listening["address"].as_str().unwrap().parse().unwrap(), child, log, folder }
    }

    /// Runs `gatepost admin` with `--json` there, and answers what came out.
    pub(crate) fn admin(&self, arguments: &[&str]) -> Value {
        let (said, code) = self.run(arguments);
        assert_eq!(code, 0, "{arguments:?}: {said}");
        serde_json::from_str(&said).unwrap()
    }

    /// The same where it is refused: what it said, and the exit code.
    pub(crate) fn refused(&self, arguments: &[&str]) -> (String, i32) {
        let (said, code) = self.run(arguments);
        assert_ne!(code, 0, "{arguments:?}: {said}");
        (said, code)
    }

    /// What `gatepost admin` says to people there.
    pub(crate) fn says(&self, arguments: &[&str]) -> String {
        let output = command(&self.folder, &[&["admin"], arguments].concat()).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What its admin socket answers to this.
    pub(crate) fn socket(&self, request: &str) -> String {
        use std::io::{Read, Write};
        let mut socket = std::os::unix::net::UnixStream::connect(self.folder.path().join("admin.sock")).unwrap();
        socket.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer
    }

    fn run(&self, arguments: &[&str]) -> (String, i32) {
        let output = command(&self.folder, &[&["admin"], arguments, &["--json"]].concat()).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (String::from_utf8(said).unwrap(), output.status.code().unwrap())
    }

    /// Adds [`USER`].
    pub(crate) fn add_user(&self) {
        use std::io::Write;
        let mut command = command(&self.folder, &["admin", "user", "add", USER, "--password-stdin"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    }

    /// The next line of its log that holds these words.
    pub(crate) async fn logs(&mut self, words: &str) -> String {
        self.log.with(words).await
    }

    /// Has it end in order, and waits until it has.
    pub(crate) fn end(&mut self) {
        self.tell(Signal::TERM);
        assert!(self.child.wait().unwrap().success());
    }

    pub(crate) fn tell(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(folder: &TempDir, arguments: &[&str]) -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_gatepost"));
    command.args(arguments).arg("--config").arg(folder.path().join("gatepost.toml")).current_dir(folder.path()).env("RUST_BACKTRACE", "0");
    command
}
