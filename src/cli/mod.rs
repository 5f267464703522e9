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
use serde_json::json;

use crate::{
    app::{MovingError, RootsError, StartError},
    config::Problems,
    net::local::BindError,
    ops::{
        admin::{AdminCode, AdminError},
        moving::{FileError, MoveError},
    },
    store::{OpenError, embedded},
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
    /// Look after users, and after what apps were let do, while the gateway runs or is down; move it
    /// all to another store.
    Admin(admin::AdminCommand),
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
    #[error(transparent)]
    Admin(AdminError),
    #[error(transparent)]
    Move(MoveError),
    #[error("the admin socket {path}: {cause}")]
    Socket { path: PathBuf, cause: io::Error },
}

impl Failure {
    /// The code of `sysexits.h`, and a word for programs.
    fn told(&self) -> (u8, &'static str) {
        const UNAVAILABLE: (u8, &str) = (69, "unavailable");
        const IO: (u8, &str) = (74, "io");
        const TEMPORARY: (u8, &str) = (75, "unavailable");
        const CONFIG: (u8, &str) = (78, "configuration");
        const EXISTS: (u8, &str) = (64, "already_exists");
        match self {
            Self::Config(_)
            | Self::Start(StartError::Roots(
                RootsError::Other(_) | RootsError::NoneKnown(_) | RootsError::NotBrought(_) | RootsError::Bad(_),
            )) => CONFIG,
            Self::Start(
                StartError::Open(OpenError::Embedded(embedded::OpenError::InUse { .. })) | StartError::AdminSocket(BindError::InUse(_)),
            ) => TEMPORARY,
            Self::Start(_) => UNAVAILABLE,
            Self::Usage(_) => USAGE,
            Self::Io { .. } => IO,
            Self::Admin(error) => match error.code {
                AdminCode::InvalidRequest => USAGE,
                AdminCode::AlreadyExists => EXISTS,
                AdminCode::NotFound => (67, "not_found"),
                AdminCode::Unavailable => TEMPORARY,
                AdminCode::Pending => (75, "pending"),
            },
            Self::Move(error) => match error {
                MoveError::Exists(_) | MoveError::Used => EXISTS,
                MoveError::NothingThere => (67, "not_found"),
                MoveError::RootMissing(_) | MoveError::RootDiffers(_) => CONFIG,
                MoveError::File { error: FileError::UnknownRoot(_), .. } => CONFIG,
                MoveError::File { error: FileError::Io(_), .. } => IO,
                MoveError::File { .. } => (65, "invalid_file"),
                MoveError::Store(_) => UNAVAILABLE,
            },
            Self::Socket { cause, .. } => match cause.kind() {
                io::ErrorKind::PermissionDenied => (77, "permission_denied"),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => UNAVAILABLE,
                _ => IO,
            },
        }
    }
}

const USAGE: (u8, &str) = (64, "invalid_request");

impl From<MovingError> for Failure {
    fn from(error: MovingError) -> Self {
        match error {
            MovingError::Start(error) => Self::Start(error),
            MovingError::Move(error) => Self::Move(error),
        }
    }
}

/// Runs the command of this process.
pub fn main() -> ExitCode {
    let command = match Cli::try_parse() {
        Ok(cli) => cli.command,
        Err(error) => return misunderstood(&error),
    };
    let in_json = matches!(&command, Command::Admin(admin) if admin.json);
    let done = match command {
        Command::Quickstart(arguments) => quickstart::run(&arguments),
        Command::Serve { config } => serve::run(&config),
        Command::Check { file } => check::run(&file),
        Command::Admin(command) => admin::run(command),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let (code, word) = failure.told();
            if in_json {
                complain_in_json(word, &failure.to_string());
            } else {
                complain(&failure);
            }
            ExitCode::from(code)
        }
    }
}

/// A command line that is none, or that asks for help.
fn misunderstood(error: &clap::Error) -> ExitCode {
    if error.use_stderr() && std::env::args_os().any(|argument| argument == "--json") {
        complain_in_json(USAGE.1, error.to_string().trim_end());
    } else {
        // As below.
        let _ = error.print();
    }
    if error.use_stderr() { ExitCode::from(USAGE.0) } else { ExitCode::SUCCESS }
}

/// As the admin API writes an error.
fn complain_in_json(code: &str, message: &str) {
    // As below.
    let _ = writeln!(io::stderr(), "{}", json!({"error": {"code": code, "message": message}}));
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
