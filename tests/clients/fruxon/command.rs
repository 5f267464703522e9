//! The command line as a process, on a computer where it has not run before.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    clients::install,
    support::{gateway::Gateway, lines::Lines},
};

/// Somebody's computer: what the command line keeps there is kept from one command to the next.
pub(super) struct Computer {
    python: PathBuf,
    home: TempDir,
}

impl Computer {
    /// `None`, and a note, where the command line cannot be had.
    pub(super) fn new() -> Option<Self> {
        Some(Self { python: install::python_of(install::FRUXON)?, home: tempfile::tempdir().unwrap() })
    }

    /// Starts a command. Of our environment it sees nothing: some of what may be there tells it that
    /// no person reads along.
    fn start(&self, arguments: &[&str]) -> Running {
        let mut command = Command::new(&self.python);
        command.args(["-I", "-m", "fruxon"]).args(arguments).current_dir(self.home.path()).env_clear();
        command.envs([("FRUXON_NO_KEYRING", "1"), ("FRUXON_NO_TELEMETRY", "1"), ("FRUXON_NO_UPDATE_CHECK", "1")]);
        command.env("HOME", self.home.path()).env("FRUXON_CONFIG_DIR", self.home.path().join("fruxon"));
        command.envs([("NO_PROXY", "127.0.0.1"), ("no_proxy", "127.0.0.1")]);
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (stdout, stderr) = (Lines::of(process.stdout.take().unwrap()), Lines::of(process.stderr.take().unwrap()));
        Running { process, stdout, stderr }
    }

    /// Runs a command to its end.
    pub(super) async fn run(&self, arguments: &[&str]) -> Ended {
        self.start(arguments).ended().await
    }

    /// Runs one that answers in JSON, which must succeed.
    pub(super) async fn json(&self, arguments: &[&str]) -> Value {
        let ended = self.run(&[arguments, &["--output", "json"]].concat()).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
    }

    /// Starts to log in at the gateway's own address, and reads the code that the person is to compare.
    pub(super) async fn login(&self, gateway: &Gateway, preset: &str) -> Login {
        let base_url = format!("http://{}", gateway.address);
        let mut running = self.start(&["login", "--base-url", &base_url, "--no-browser", "--preset", preset]);
        let line = running.stderr.with("Verify the code in the browser matches: ").await;
        let shown = line.rsplit(' ').next().unwrap().to_owned();
        assert!(shown.len() == 9 && shown.as_bytes()[4] == b'-', "{line}");
        Login { running, user_code: shown.replace('-', ""), shown }
    }

    /// The key that it keeps for a workspace.
    pub(super) fn key(&self, workspace: &str) -> String {
        let kept = fs::read_to_string(self.home.path().join("fruxon/credentials")).unwrap();
        let kept: Value = serde_json::from_str(&kept).unwrap();
        kept["workspaces"][workspace]["token"].as_str().unwrap_or_else(|| panic!("no key of {workspace} in {kept}")).to_owned()
    }
}

/// A login that waits for its person.
pub(super) struct Login {
    running: Running,
    /// As it is in the address of the page: `XXXXXXXX`.
    pub(super) user_code: String,
    /// As the person sees it: `XXXX-XXXX`.
    pub(super) shown: String,
}

impl Login {
    /// Its end, which must be near.
    pub(super) async fn ended(self) -> Ended {
        self.running.ended().await
    }
}

/// A command that runs. It is killed when dropped.
struct Running {
    process: Child,
    stdout: Lines,
    stderr: Lines,
}

impl Running {
    async fn ended(mut self) -> Ended {
        while self.stdout.next().await.is_some() {}
        while self.stderr.next().await.is_some() {}
        let code = self.process.wait().unwrap().code();
        Ended { code, stdout: self.stdout.all.clone(), stderr: self.stderr.all.clone() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Its end may have come before.
        let _gone = self.process.kill();
        let _gone = self.process.wait();
    }
}

/// What came of a command.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    stderr: String,
}

impl Ended {
    /// What it told the person, without the breaks of its lines.
    pub(super) fn told(&self) -> String {
        self.stderr.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}
