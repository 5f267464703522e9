//! The program, with its most talkative log, in a folder of its own.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread::JoinHandle,
    time::Duration,
};

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};

/// A gateway that listens. It is killed when dropped.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    child: Child,
    output: Option<(JoinHandle<String>, JoinHandle<String>)>,
}

/// Without `SIGXFSZ`: a disk that is full is an error, and no signal.
fn command(arguments: &[&str], folder: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_gatepost")]).args(arguments).current_dir(folder);
    command.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs a command to its end, and answers what it wrote.
pub(super) fn run(arguments: &[&str], folder: &Path, environment: &[(&str, &str)], input: &str) -> String {
    let mut child = command(arguments, folder).envs(environment.iter().copied()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    format!("{}\n{}\n{}", output.status, String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

impl Server {
    pub(super) fn start(folder: &Path) -> Self {
        let mut child = command(&["serve", "--config", "gatepost.toml"], folder).spawn().unwrap();
        let (tell, listening) = mpsc::channel();
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let log = std::thread::spawn(move || {
            let mut all = String::new();
            for line in BufReader::new(stderr).lines() {
                let line = line.unwrap();
                if let Some((_, rest)) = line.split_once("\"address\":\"") {
                    let _ = tell.send(rest.split('"').next().unwrap().parse());
                }
                all += &line;
                all += "\n";
            }
            all
        });
        let said = std::thread::spawn(move || {
            let mut all = String::new();
            let _ = BufReader::new(stdout).read_to_string(&mut all).unwrap();
            all
        });
        let address = listening.recv_timeout(Duration::from_secs(60)).expect("it listens").unwrap();
        Self { address, child, output: Some((said, log)) }
    }

    fn id(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// From now on it can write to no file.
    pub(super) fn fill_disk(&self) {
        prlimit(Some(self.id()), Resource::Fsize, Rlimit { current: Some(0), maximum: None }).unwrap();
    }

    /// Ends it as an operator does; answers what it wrote and what it logged.
    pub(super) fn end(mut self) -> (String, String) {
        kill_process(self.id(), Signal::TERM).unwrap();
        self.child.wait().unwrap();
        let (said, log) = self.output.take().unwrap();
        (said.join().unwrap(), log.join().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.output.is_some() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
