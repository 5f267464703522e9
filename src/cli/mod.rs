//! The commands.

mod admin;
mod check;
mod quickstart;
mod sample;
mod serve;

use std::{
    io::{self, IsTerminal, Write},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};

use crate::{
    app::{RootsError, StartError},
    config::Problems,
    store::embedded::OpenError,
};

/// A reverse proxy that is its own authorization server: device login, token check and revocation
/// in front of an inference API.
#[derive(Parser)]
#[command(name = "gatepost", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Try it: a gateway with a sample model server behind it and a first user, with nothing to
    /// set up.
    Quickstart(Quickstart),
    /// Run a gateway as a configuration file says.
    Serve {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Say everything that is wrong with a configuration file, and start nothing.
    Check {
        /// The configuration file.
        file: PathBuf,
    },
    /// Look after a gateway while it is down.
    #[command(subcommand)]
    Admin(Admin),
}

#[derive(Args)]
struct Quickstart {
    /// Where to listen.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where everything is kept.
    #[arg(long, value_name = "FOLDER", default_value = "gatepost-data")]
    data: PathBuf,
    /// A model server to stand in front of, instead of the sample.
    #[arg(long, value_name = "URL")]
    upstream: Option<String>,
}

#[derive(Subcommand)]
enum Admin {
    /// The people who may sign in.
    #[command(subcommand)]
    User(User),
}

#[derive(Subcommand)]
enum User {
    /// Make an account.
    Add(AddUser),
}

#[derive(Args)]
struct AddUser {
    /// What the user signs in with.
    name: String,
    /// The gateway's configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The user's e-mail address.
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// What the user may grant, separated by spaces; the configuration's `default_scopes` if
    /// absent.
    #[arg(long, value_name = "SCOPES")]
    scopes: Option<String>,
    /// Read the password from standard input instead of asking for it.
    #[arg(long)]
    password_stdin: bool,
}

/// Why a command failed, and with which code of `sysexits.h` the process ends.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Config(#[from] Problems),
    #[error(transparent)]
    Start(#[from] StartError),
    /// The operator gave something that cannot be used.
    #[error("{0}")]
    Usage(String),
    #[error("{what}: {cause}")]
    Io { what: &'static str, cause: io::Error },
}

impl Failure {
    const fn exit_code(&self) -> u8 {
        const USAGE: u8 = 64;
        const UNAVAILABLE: u8 = 69;
        const IO: u8 = 74;
        const TEMPORARY: u8 = 75;
        const CONFIG: u8 = 78;
        match self {
            Self::Config(_) | Self::Start(StartError::Roots(RootsError::Other(_) | RootsError::NoneKnown(_) | RootsError::Bad(_))) => {
                CONFIG
            }
            Self::Start(StartError::Open(OpenError::InUse { .. })) => TEMPORARY,
            Self::Start(_) => UNAVAILABLE,
            Self::Usage(_) => USAGE,
            Self::Io { .. } => IO,
        }
    }
}

/// Runs the command of this process.
pub fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Quickstart(arguments) => quickstart::run(&arguments),
        Command::Serve { config } => serve::run(&config),
        Command::Check { file } => check::run(&file),
        Command::Admin(Admin::User(User::Add(arguments))) => admin::add_user(arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain(&failure);
            ExitCode::from(failure.exit_code())
        }
    }
}

fn complain(failure: &Failure) {
    let mut stderr = io::stderr();
    let words = match failure {
        Failure::Config(problems) => problems.render(stderr.is_terminal()),
        other => format!("gatepost: {other}"),
    };
    // If nobody reads stderr, the exit code still tells.
    let _ = writeln!(stderr, "{words}");
}

/// Says on stderr what may not be meant.
fn warn(words: &str) {
    // As above.
    let _ = writeln!(io::stderr(), "warning: {words}");
}

/// Writes to stdout, for whoever started the command.
fn say(words: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout();
    writeln!(stdout, "{words}")
        .and_then(|()| stdout.flush())
        .map_err(|cause| Failure::Io { what: "cannot write to standard output", cause })
}

/// The control runtime: what may block, or must not wait behind traffic.
fn control() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_name("control").enable_all().build();
    runtime.map_err(|cause| Failure::Io { what: "cannot start the runtime", cause })
}
