//! The processes that are measured: a Redis and the replicas in front of it.

use std::{
    env, fs,
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::Outcome;

/// How long a process may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Of a processor's time, as Linux tells it in `/proc`.
const TICKS_PER_SECOND: f64 = 100.0;

/// A process that ends with this.
pub(crate) struct Process(Child);

impl Process {
    /// Starts it and waits until it listens.
    fn start(command: &mut Command, address: SocketAddr) -> Outcome<Self> {
        let mut child = Self(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            if child.0.try_wait()?.is_some() || began.elapsed() > PATIENCE {
                return Err(format!("{command:?} does not listen on {address}").into());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(child)
    }

    /// It stands still, goes on, or ends.
    pub(crate) fn tell(&self, signal: Signal) -> Outcome<()> {
        Ok(kill_process(Pid::from_child(&self.0), signal)?)
    }

    /// Waits until it has ended by itself.
    pub(crate) fn wait(&mut self) -> Outcome<()> {
        self.0.wait()?;
        Ok(())
    }

    /// Resident memory, in bytes.
    pub(crate) fn resident(&self) -> Outcome<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        Ok(kibibytes.ok_or("no VmRSS")? << 10)
    }

    /// The processor's time so far, in seconds.
    pub(crate) fn processor(&self) -> Outcome<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        // proc(5): utime and stime are the 12th and 13th field behind the name, which ends with the last `)`.
        let behind = stat.rsplit_once(')').ok_or("no name")?.1;
        let ticks: f64 = behind.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse().unwrap_or(0.0)).sum();
        Ok(ticks / TICKS_PER_SECOND)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What differs from one measurement to another.
#[derive(Clone, Copy, Default)]
pub(crate) struct Setup {
    /// How many gateways.
    pub(crate) replicas: usize,
    /// More lines of the configuration's table `[store]`.
    pub(crate) store: &'static str,
    /// More tables of the configuration.
    pub(crate) more: &'static str,
    /// Whether Redis has a replica.
    pub(crate) has_replica: bool,
    /// Whether the gateways run in callgrind, which counts instructions.
    pub(crate) is_counted: bool,
}

/// A Redis of its own and the replicas, ready to answer.
pub(crate) struct Machine {
    pub(crate) replicas: Vec<Replica>,
    pub(crate) redis: Redis,
    folder: TempDir,
    /// Redis's replica.
    _second: Option<Redis>,
}

/// One gateway.
pub(crate) struct Replica {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
}

/// A server, set up as docs/redis.md says.
pub(crate) struct Redis {
    pub(crate) process: Process,
    client: redis::Client,
    port: u16,
}

impl Machine {
    pub(crate) fn start(setup: &Setup, upstream: SocketAddr) -> Outcome<Self> {
        let folder = TempDir::new()?;
        let redis = Redis::start(folder.path(), None)?;
        let second = setup.has_replica.then(|| Redis::start(folder.path(), Some(&redis))).transpose()?;
        fs::write(folder.path().join("root.key"), data_encoding::HEXLOWER.encode(&rand::random::<[u8; 32]>()))?;
        let mut machine = Self { replicas: Vec::new(), redis, folder, _second: second };
        for _ in 0..setup.replicas {
            let address = free_port()?;
            let config = machine.config();
            fs::write(&config, configuration(address, machine.redis.port, upstream, setup))?;
            let mut command = gatepost()?;
            if setup.is_counted {
                command = machine.counting(&command);
            }
            let process = Process::start(command.args(["serve", "--config"]).arg(&config), address)?;
            machine.replicas.push(Replica { process, address });
        }
        Ok(machine)
    }

    /// The configuration of the last replica. They differ in where they listen.
    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("gatepost.toml")
    }

    /// Where callgrind writes down what it counted, when the gateway has ended.
    pub(crate) fn counted(&self) -> PathBuf {
        self.folder.path().join("callgrind.out")
    }

    fn counting(&self, command: &Command) -> Command {
        let mut counting = Command::new("valgrind");
        counting.args(["--tool=callgrind", "--quiet"]);
        counting.arg(format!("--callgrind-out-file={}", self.counted().display())).arg(command.get_program());
        counting
    }
}

impl Redis {
    /// With a primary it is its replica, and has all that the primary has when this returns.
    fn start(folder: &Path, primary: Option<&Self>) -> Outcome<Self> {
        let address = free_port()?;
        let port = address.port();
        let folder = folder.join(port.to_string());
        fs::create_dir(&folder)?;
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--dir"]).arg(folder);
        command.args(["--save", "", "--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction"]);
        command.args(["--repl-diskless-sync-delay", "0"]);
        if let Some(primary) = primary {
            command.args(["--replicaof", "127.0.0.1", &primary.port.to_string()]);
        }
        let redis =
            Self { process: Process::start(&mut command, address)?, client: redis::Client::open(format!("redis://{address}"))?, port };
        while primary.is_some() && !redis.is_linked()? {
            thread::sleep(Duration::from_millis(20));
        }
        Ok(redis)
    }

    fn is_linked(&self) -> Outcome<bool> {
        Ok(self.told("replication")?.contains("master_link_status:up"))
    }

    /// How often clients called scripts.
    pub(crate) fn scripts(&self) -> Outcome<u64> {
        let told = self.told("commandstats")?;
        let calls = |line: &str| line.strip_prefix("cmdstat_eval")?.split_once("calls=")?.1.split(',').next()?.parse::<u64>().ok();
        Ok(told.lines().filter_map(calls).sum())
    }

    /// A number that `INFO` tells.
    pub(crate) fn info(&self, name: &str) -> Outcome<u64> {
        let info = self.told("default")?;
        let number = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.parse().ok());
        number.ok_or_else(|| format!("INFO says nothing of {name}").into())
    }

    fn told(&self, section: &str) -> Outcome<String> {
        Ok(redis::cmd("INFO").arg(section).query(&mut self.client.get_connection()?)?)
    }
}

/// A port that is free now.
fn free_port() -> Outcome<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// The gateway that was built together with this.
fn gatepost() -> Outcome<Command> {
    let this = env::current_exe()?;
    let path = this.parent().and_then(Path::parent).map(|folder| folder.join("gatepost"));
    let path = path.filter(|path| path.exists()).ok_or("the gateway is not built: cargo build --release")?;
    Ok(Command::new(path))
}

fn configuration(listen: SocketAddr, redis: u16, upstream: SocketAddr, setup: &Setup) -> String {
    let Setup { store, more, .. } = setup;
    format!(
        r#"
public_url = "http://localhost"
listen = "{listen}"
[connections]
max_per_peer = 16000
[store]
url = "redis://127.0.0.1:{redis}"
{store}
[keys]
root = "file:root.key"
[limits]
start = false
[scopes]
inference = "Use the models on your behalf."
[users]
default_scopes = ["inference"]
[upstreams.model]
url = "http://{upstream}"
[[routes]]
prefix = "/v1"
scopes = ["inference"]
[dialects.bootspring]
scopes = ["inference"]
{more}
"#
    )
}
