//! A `redis-server` of a test's own.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    process::{Child, Command, Stdio},
    thread,
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::config::store::Host;

/// A process, which ends with this.
pub(super) struct Server {
    pub(super) port: u16,
    dir: TempDir,
    more: Vec<String>,
    process: Child,
}

impl Server {
    /// Runs one without persistence on a free port, with these arguments besides.
    pub(super) fn start(more: &[&str]) -> Self {
        Self::on_a_port(|_| more.iter().map(|&word| word.to_owned()).collect())
    }

    /// The same with arguments that depend on the port.
    pub(super) fn on_a_port(more: impl Fn(u16) -> Vec<String>) -> Self {
        let dir = TempDir::new().unwrap();
        // Somebody else may take the port in between.
        for _ in 0..20 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let more = more(port);
            if let Some(process) = run(port, &dir, &more) {
                return Self { port, dir, more, process };
            }
        }
        panic!("redis-server does not start; is it installed?");
    }

    /// A Sentinel that watches this primary as `ours`.
    pub(super) fn sentinel(primary: u16) -> Self {
        let dir = TempDir::new().unwrap();
        let file = dir.path().join("sentinel.conf");
        std::fs::write(&file, format!("sentinel monitor ours 127.0.0.1 {primary} 1\n")).unwrap();
        for _ in 0..20 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let more = vec!["--sentinel".to_owned()];
            let mut command = Command::new("redis-server");
            command.arg(&file).args(["--port", &port.to_string(), "--bind", "127.0.0.1"]).args(&more);
            if let Some(process) = wait(command.current_dir(&dir), "Sentinel ID is") {
                return Self { port, dir, more, process };
            }
        }
        panic!("no Sentinel starts");
    }

    pub(super) fn host(&self) -> Host {
        host(self.port)
    }

    /// What `redis-cli` says.
    pub(super) fn says(&self, words: &[&str]) -> String {
        let said = Command::new("redis-cli").args(["-p", &self.port.to_string()]).args(words).output().unwrap();
        String::from_utf8(said.stdout).unwrap()
    }

    /// Ends it like a crash.
    pub(super) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Runs it again where it was.
    pub(super) fn start_again(&mut self) {
        self.process = run(self.port, &self.dir, &self.more).unwrap();
    }

    /// Stops it, or lets it go on: SIGSTOP, SIGCONT.
    pub(super) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // An error says that it has ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(super) fn host(port: u16) -> Host {
    Host { name: "127.0.0.1".to_owned(), port }
}

fn run(port: u16, dir: &TempDir, more: &[String]) -> Option<Child> {
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]).args(more);
    wait(command.current_dir(dir), "Ready to accept connections")
}

/// The process, once it has said this.
fn wait(command: &mut Command, ready: &str) -> Option<Child> {
    let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
    if lines.any(|line| line.contains(ready)) {
        thread::spawn(move || lines.for_each(drop));
        return Some(process);
    }
    process.wait().unwrap();
    None
}
