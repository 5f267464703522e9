//! A script that uses a library, and talks with its test in JSON, a value a line.

use std::{
    io::Write,
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use super::install;
use crate::support::lines::Lines;

/// The process. It is killed when dropped.
pub(super) struct Script {
    process: Child,
    says: Lines,
    complains: Lines,
}

impl Script {
    /// Runs it with the libraries of Python; `None`, and a note, where these cannot be had.
    pub(super) fn python(text: &str, environment: &[(&str, &str)]) -> Option<Self> {
        // Of the environment it reads none of its own, and no libraries but ours.
        let mut python = Command::new(install::python_of(install::LIBRARIES)?);
        Some(Self::start(python.args(["-I", "-u", "-c", text]), environment))
    }

    /// Runs it with the libraries of Node; `None`, and a note, where these cannot be had.
    pub(super) fn node(text: &str, environment: &[(&str, &str)]) -> Option<Self> {
        let mut node = Command::new("node");
        // It looks for libraries from where it is run.
        node.current_dir(install::node()?).args(["--input-type=module", "--eval", text]);
        Some(Self::start(&mut node, environment))
    }

    /// Runs a program that needs nothing but Python; `None`, and a note, where there is none.
    pub(super) fn of_the_standard_library(program: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Option<Self> {
        install::bare_python()?;
        Some(Self::start(Command::new("python3").args(["-I", "-u"]).arg(program).args(arguments), environment))
    }

    fn start(command: &mut Command, environment: &[(&str, &str)]) -> Self {
        // The gateway is on this machine, whatever proxy leads out of it.
        command.envs([("NO_PROXY", "127.0.0.1"), ("no_proxy", "127.0.0.1")]).envs(environment.iter().copied());
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (says, complains) = (Lines::of(process.stdout.take().unwrap()), Lines::of(process.stderr.take().unwrap()));
        Self { process, says, complains }
    }

    /// The next that it says.
    pub(super) async fn says(&mut self) -> Value {
        let line = self.line().await;
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// The next line, whatever it is.
    pub(super) async fn line(&mut self) -> String {
        let Some(line) = self.says.next().await else { panic!("it ended: {}", self.complaints().await) };
        line
    }

    /// Its end with an error, which must be near; answers what it complains of.
    pub(super) async fn failed(mut self) -> String {
        assert_eq!(self.says.next().await, None);
        assert!(!self.process.wait().unwrap().success());
        self.complaints().await.to_owned()
    }

    /// Tells it something.
    pub(super) fn tell(&mut self, value: &Value) {
        writeln!(self.process.stdin.as_mut().unwrap(), "{value}").unwrap();
    }

    /// Its end, which must be near, without an error and without another word.
    pub(super) async fn ended(mut self) {
        drop(self.process.stdin.take());
        assert_eq!(self.says.next().await, None);
        let status = self.process.wait().unwrap();
        assert!(status.success(), "{}", self.complaints().await);
    }

    async fn complaints(&mut self) -> &str {
        while self.complains.next().await.is_some() {}
        &self.complains.all
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        // Its end may have come before.
        let _gone = self.process.kill();
        let _gone = self.process.wait();
    }
}
