//! A running `gatepost`.

use std::{
    io::Write,
    process::{Command, ExitStatus, Stdio},
};

use serde_json::Value;
use tokio::sync::oneshot;

use crate::{proxy::raw::soon, support::lines::Lines};

/// The process, whose output is read as it comes. It is killed when dropped.
pub(super) struct Child {
    id: u32,
    stdout: Lines,
    stderr: Lines,
    ended: Option<oneshot::Receiver<ExitStatus>>,
}

/// How it ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// Nothing where a signal ended it.
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Child {
    pub(super) fn start(arguments: &[&str]) -> Self {
        Self::with(arguments, &[], "")
    }

    /// With more in its environment, and with this on its standard input.
    pub(super) fn with(arguments: &[&str], environment: &[(&str, &str)], input: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gatepost"));
        command.args(arguments).envs(environment.iter().copied());
        Self::of(command, input)
    }

    /// What this starts, with this on its standard input.
    pub(super) fn of(mut command: Command, input: &str) -> Self {
        command.env("RUST_BACKTRACE", "0");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // It may have ended without reading.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let (id, stdout, stderr) = (child.id(), Lines::of(child.stdout.take().unwrap()), Lines::of(child.stderr.take().unwrap()));
        let (tell, ended) = oneshot::channel();
        std::thread::spawn(move || tell.send(child.wait().unwrap()));
        Self { id, stdout, stderr, ended: Some(ended) }
    }

    /// The next line of its log that holds these words.
    pub(super) async fn logs(&mut self, words: &str) -> Value {
        serde_json::from_str(&self.stderr.with(words).await).unwrap()
    }

    /// The next line of its standard output that holds these words.
    pub(super) async fn says(&mut self, words: &str) -> String {
        self.stdout.with(words).await
    }

    /// What the system says of it in that file (proc(5)).
    pub(super) fn proc(&self, file: &str) -> std::path::PathBuf {
        format!("/proc/{}/{file}", self.id).into()
    }

    /// Sends it a signal.
    pub(super) fn tell(&self, signal: &str) {
        // There is no safe call for it in the standard library, and every shell has the command.
        let told = Command::new("sh").args(["-c", &format!("kill -s {signal} {}", self.id)]).status().unwrap();
        assert!(told.success());
    }

    /// Its end, which must be near.
    pub(super) async fn ended(mut self) -> Ended {
        let status = soon(self.ended.take().unwrap()).await.unwrap();
        while self.stdout.next().await.is_some() {}
        while self.stderr.next().await.is_some() {}
        Ended { code: status.code(), stdout: std::mem::take(&mut self.stdout.all), stderr: std::mem::take(&mut self.stderr.all) }
    }

    /// Ends it as an operator does.
    pub(super) async fn end(self) -> Ended {
        self.tell("TERM");
        self.ended().await
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Only as long as nobody has waited for it: its id may be somebody else's then.
        if self.ended.as_mut().is_some_and(|ended| ended.try_recv().is_err()) {
            self.tell("KILL");
        }
    }
}
