//! A gateway that can be stopped, killed and started again; most of the time a process of its own.

use std::{
    fs::{self, File},
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, atomic::AtomicUsize, atomic::Ordering},
    time::{Duration, Instant},
};

use gatepost::{
    app::{Interior, Plan},
    clock::Clock,
    store,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{runtime::Handle, time::sleep};

use super::client::{self, Answer, Silence};
use crate::support::http::post_json;

/// How long a gateway may take to start, while Redis finds itself again.
const PATIENCE: Duration = Duration::from_secs(60);

enum Running {
    Nothing,
    Process(Child),
    /// In this process, with a clock of its own.
    Inside(gatepost::app::Gateway),
}

/// The built gateway, with a configuration and a folder.
pub(crate) struct Gateway {
    binary: PathBuf,
    folder: TempDir,
    starts: AtomicUsize,
    address: Mutex<Option<SocketAddr>>,
    running: Mutex<Running>,
}

impl Gateway {
    /// It does not run yet.
    pub(crate) fn new(binary: &Path, config: &str, root: &str) -> io::Result<Self> {
        let folder = TempDir::new()?;
        fs::write(folder.path().join("root"), root)?;
        fs::write(folder.path().join("gatepost.toml"), config)?;
        let (address, running) = (Mutex::new(None), Mutex::new(Running::Nothing));
        Ok(Self { binary: binary.to_owned(), folder, starts: AtomicUsize::new(0), address, running })
    }

    /// Where it listens; `None` while it is down.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        *self.address.lock().unwrap()
    }

    /// Starts the process, again and again until it runs, and answers when it listens.
    pub(crate) async fn start(&self) {
        let began = Instant::now();
        loop {
            let (child, log) = self.spawn();
            *self.running.lock().unwrap() = Running::Process(child);
            if let Some(address) = self.listens(&log).await {
                *self.address.lock().unwrap() = Some(address);
                return;
            }
            assert!(began.elapsed() < PATIENCE, "the gateway does not start: {}", fs::read_to_string(&log).unwrap());
        }
    }

    fn spawn(&self) -> (Child, PathBuf) {
        let number = self.starts.fetch_add(1, Ordering::Relaxed);
        let log = self.folder.path().join(format!("log-{number}"));
        let mut command = self.command(&["serve"]);
        let child = command.stdout(Stdio::null()).stderr(File::create(&log).unwrap()).spawn();
        (child.unwrap_or_else(|error| panic!("{}: {error}", self.binary.display())), log)
    }

    /// The address that its log tells; `None` if it ends without.
    async fn listens(&self, log: &Path) -> Option<SocketAddr> {
        let began = Instant::now();
        loop {
            let text = fs::read_to_string(log).unwrap();
            if let Some(line) = text.lines().find(|line| line.contains("\"listening\"")) {
                let line: Value = serde_json::from_str(line).unwrap();
                return Some(line["address"].as_str().unwrap().parse().unwrap());
            }
            if self.has_ended() {
                return None;
            }
            assert!(began.elapsed() < PATIENCE, "the gateway does not listen: {text}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    fn has_ended(&self) -> bool {
        match &mut *self.running.lock().unwrap() {
            Running::Nothing => true,
            Running::Process(child) => child.try_wait().unwrap().is_some(),
            Running::Inside(_) => false,
        }
    }

    /// Starts it in this process, by this clock.
    pub(crate) async fn start_inside(&self, clock: Clock) {
        let plan = Plan::load(&self.config()).unwrap_or_else(|problems| panic!("{}", problems.render(false)));
        let store = store::open(&plan.config.store, clock.clone()).await.unwrap();
        let gateway = Interior::over(plan, store, clock).await.unwrap().serve(&Handle::current()).unwrap();
        *self.address.lock().unwrap() = Some(gateway.address);
        *self.running.lock().unwrap() = Running::Inside(gateway);
    }

    /// Ends the process as a machine without power ends, or the gateway inside in order.
    pub(crate) async fn kill(&self) {
        *self.address.lock().unwrap() = None;
        let running = std::mem::replace(&mut *self.running.lock().unwrap(), Running::Nothing);
        match running {
            Running::Nothing => {}
            Running::Process(child) => end(child),
            Running::Inside(gateway) => gateway.end().await,
        }
    }

    /// It stands still, or goes on.
    pub(crate) fn tell(&self, signal: Signal) {
        let Running::Process(child) = &*self.running.lock().unwrap() else { panic!("it is no process") };
        kill_process(Pid::from_child(child), signal).unwrap();
    }

    /// Asks it through its socket, as an operator does.
    pub(crate) async fn admin(&self, noun: &str, verb: &str, arguments: &Value) -> Result<Answer, Silence> {
        client::ask_socket(&self.folder.path().join("admin.sock"), post_json(&format!("/{noun}/{verb}"), arguments)).await
    }

    /// `gatepost` with this configuration, ready to run.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(arguments).arg("--config").arg(self.config()).current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("gatepost.toml")
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Running::Process(child) = std::mem::replace(&mut *self.running.lock().unwrap(), Running::Nothing) {
            end(child);
        }
    }
}

fn end(mut child: Child) {
    // It may have ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}
