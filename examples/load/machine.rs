//! The processes that are measured: a Redis and the replicas in front of it.

use std::{
    env, fs,
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::Outcome;

/// How long a process may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
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

/// A Redis of its own and the replicas, ready to answer.
pub(crate) struct Machine {
    pub(crate) replicas: Vec<Replica>,
    pub(crate) redis: Redis,
    folder: TempDir,
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
}

impl Machine {
    pub(crate) fn start(replicas: usize, upstream: SocketAddr) -> Outcome<Self> {
        let folder = TempDir::new()?;
        let port = free_port()?.port();
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--dir"]).arg(folder.path());
        command.args(["--save", "", "--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction"]);
        let process = Process::start(&mut command, ([127, 0, 0, 1], port).into())?;
        let redis = Redis { process, client: redis::Client::open(format!("redis://127.0.0.1:{port}"))? };
        fs::write(folder.path().join("root.key"), data_encoding::HEXLOWER.encode(&rand::random::<[u8; 32]>()))?;
        let mut machine = Self { replicas: Vec::new(), redis, folder };
        for _ in 0..replicas {
            let address = free_port()?;
            let config = machine.config();
            fs::write(&config, configuration(address, port, upstream))?;
            let process = Process::start(Command::new(gatepost()?).args(["serve", "--config"]).arg(&config), address)?;
            machine.replicas.push(Replica { process, address });
        }
        Ok(machine)
    }

    /// The configuration of the last replica. They differ in where they listen.
    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("gatepost.toml")
    }
}

impl Redis {
    /// A number that `INFO` tells.
    pub(crate) fn info(&self, name: &str) -> Outcome<u64> {
        let info: String = redis::cmd("INFO").query(&mut self.client.get_connection()?)?;
        let number = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.parse().ok());
        number.ok_or_else(|| format!("INFO says nothing of {name}").into())
    }
}

/// A port that is free now.
fn free_port() -> Outcome<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// The gateway that was built together with this.
fn gatepost() -> Outcome<PathBuf> {
    let this = env::current_exe()?;
    let path = this.parent().and_then(Path::parent).map(|folder| folder.join("gatepost"));
    path.filter(|path| path.exists()).ok_or_else(|| "the gateway is not built: cargo build --release".into())
}

fn configuration(listen: SocketAddr, redis: u16, upstream: SocketAddr) -> String {
    format!(
        r#"
public_url = "http://localhost"
listen = "{listen}"
[connections]
max_per_peer = 16000
[store]
url = "redis://127.0.0.1:{redis}"
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
"#
    )
}
