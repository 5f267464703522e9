//! The commands that people are told to try work: those in the README, and those that the
//! quickstart prints.

use std::{
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

use crate::support::{gateway::root, person::Person};

/// A quickstart on a port of its own, and what it printed.
pub(crate) struct Quickstart {
    process: Child,
    pub(crate) address: SocketAddr,
    printed: String,
    /// Kept open: a process that cannot say what it has to say ends.
    _stdout: BufReader<ChildStdout>,
}

impl Quickstart {
    pub(crate) fn start(data: &Path) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_gatepost"))
            .args(["quickstart", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut printed = String::new();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        while !printed.contains("Ctrl-C") {
            assert!(stdout.read_line(&mut printed).unwrap() > 0, "{printed}");
        }
        let address = printed.split("running at http://").nth(1).unwrap().lines().next().unwrap().parse().unwrap();
        Self { process, address, printed, _stdout: stdout }
    }

    pub(crate) fn password(&self) -> &str {
        self.printed.split("with the password ").nth(1).unwrap().split(' ').next().unwrap()
    }
}

impl Drop for Quickstart {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs commands in one shell, pauses where the person has to approve, and answers what came out.
async fn walk(quickstart: &Quickstart, before: &str, after: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("approved");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let script = format!("{before}\necho END-OF-LOGIN\nread -r _ < {}\n{after}", fifo.display());
    let mut shell = Command::new("bash").args(["-euc", &script]).stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(shell.stdout.take().unwrap());
    let mut login = String::new();
    while !login.contains("END-OF-LOGIN") {
        assert!(output.read_line(&mut login).unwrap() > 0, "{login}");
    }
    let code = login.split("user_code=").nth(1).unwrap_or_else(|| panic!("{login}")).trim()[..9].to_owned();
    let person = Person::at_address(quickstart.address);
    assert_eq!(person.sign_in("demo", quickstart.password()).await.status, 303);
    person.approve(&code).await;
    std::fs::write(&fifo, "\n").unwrap();
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert!(shell.wait().unwrap().success(), "{rest}");
    rest
}

#[tokio::test(flavor = "multi_thread")]
async fn the_readmes_commands_work() {
    let data = tempfile::tempdir().unwrap();
    let quickstart = Quickstart::start(data.path());
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let blocks: Vec<String> = readme
        .split("```sh\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap().replace("127.0.0.1:8080", &quickstart.address.to_string()))
        .collect();
    let [login, call, revoke] = blocks.iter().filter(|block| block.contains("curl")).collect::<Vec<_>>()[..] else {
        panic!("{blocks:#?}");
    };
    let output = walk(&quickstart, login, &format!("{call}\n{revoke}")).await;
    assert!(output.contains("data: [DONE]"), "{output}");
    assert!(output.contains("{\"success\":true}"), "{output}");
    assert!(output.contains("401 Unauthorized") && output.contains("\"token_revoked\""), "{output}");
    for command in blocks.iter().flat_map(|block| block.lines()).filter(|line| line.starts_with("gatepost ")) {
        let parsed = Command::new(env!("CARGO_BIN_EXE_gatepost")).args(command.split(' ').skip(1)).arg("--help").output().unwrap();
        assert!(parsed.status.success(), "{command}");
    }
    let checked = Command::new(env!("CARGO_BIN_EXE_gatepost")).args(["check", "config/minimal.toml"]).current_dir(root()).output().unwrap();
    assert!(checked.status.success(), "{checked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_that_quickstart_prints_work() {
    let data = tempfile::tempdir().unwrap();
    let quickstart = Quickstart::start(data.path());
    let script = quickstart.printed.split("in another terminal:").nth(1).unwrap().split("Ctrl-C").next().unwrap();
    let (login, rest) = script.split_once("# 2.").unwrap();
    let output = walk(&quickstart, login, &format!("#{rest}")).await;
    assert!(output.contains("Hello demo"), "{output}");
    assert!(output.contains("data: [DONE]"), "{output}");
    assert!(output.contains("{\"success\":true}"), "{output}");
}
