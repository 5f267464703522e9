//! Several gateways over one realm in Redis, each with a bad network of its own before it.

use std::{net::SocketAddr, process::Stdio, sync::Arc, time::Duration};

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

/// How long a call to Redis may take where a test says nothing: longer than a busy machine lets one wait.
const PATIENT: Duration = Duration::from_secs(10);

/// Gateways in the test's own process, which share a clock that the test moves.
pub(crate) struct Replicas {
    // In the order in which they end.
    pub(crate) gateways: Vec<Gateway>,
    pub(crate) proxies: Vec<FaultProxy>,
    pub(crate) time: Manual,
    pub(crate) realm: Redis,
    pub(crate) redis: Server,
}

impl Replicas {
    /// So many, with [`USER`]; `None`, and a note, where Redis is not installed.
    pub(crate) async fn start(count: usize, config: &str) -> Option<Self> {
        Self::with_timeout(count, config, PATIENT).await
    }

    /// The same where a call to Redis may take so long.
    pub(crate) async fn with_timeout(count: usize, config: &str, timeout: Duration) -> Option<Self> {
        let redis = Server::start(&[])?;
        let realm = Redis { timeout, ..realm(redis.place()) };
        let time = Manual::starting_at(START);
        let proxies: Vec<FaultProxy> = (0..count).map(|_| FaultProxy::before(redis.address())).collect();
        let mut gateways = Vec::new();
        for proxy in &proxies {
            let store = store(&realm, proxy.address(), &time).await;
            gateways.push(match gateways.is_empty() {
                true => Gateway::over(config, store, time.clone()).await,
                false => Gateway::of(plan(config, ROOT), store, time.clone()).await,
            });
        }
        Some(Self { gateways, proxies, time, realm, redis })
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
    let there = Redis { servers: Servers::One(Host { name: address.ip().to_string(), port: address.port() }), ..realm.clone() };
    gatepost::store::open(&config::Store::Redis(Box::new(there)), time.clock()).await.unwrap()
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
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("root"), ROOT).unwrap();
        let store = format!(
            "[keys]\nroot = \"file:root\"\n[store]\nurl = \"redis://{redis}\"\ntimeout = \"2s\"\n[admin]\nsocket = \"admin.sock\"\n"
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
