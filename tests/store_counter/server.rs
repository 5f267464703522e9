//! A redis-server of a test's own, on a socket in a folder of its own.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use redis::{Client, Connection};
use tempfile::TempDir;

pub(super) struct Server {
    process: Child,
    folder: TempDir,
}

impl Server {
    /// `None` where none is installed.
    pub(super) fn start() -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let options = ["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket", "redis.sock", "--dir"];
        let mut command = Command::new("redis-server");
        command.args(options).arg(folder.path()).current_dir(folder.path()).stdout(Stdio::piped());
        let mut process = command.spawn().ok()?;
        let said = BufReader::new(process.stdout.take().unwrap());
        let server = Self { process, folder };
        assert!(said.lines().any(|line| line.unwrap().contains("ready to accept connections")), "redis-server does not start");
        Some(server)
    }

    pub(super) fn connect(&self) -> Connection {
        let socket = self.folder.path().join("redis.sock");
        Client::open(format!("unix://{}", socket.display())).unwrap().get_connection().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}
