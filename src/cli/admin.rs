//! `gatepost admin`: made of the table in [`crate::ops::admin`], so that a new row there is a new
//! command here. Where a gateway runs, it is asked over its socket; where none does, the store is
//! opened and the same is done on the spot.

mod arguments;
mod client;
mod moving;
mod receipt;
mod render;

use std::{
    io::{self, IsTerminal, Read},
    path::PathBuf,
};

use secrecy::{ExposeSecret, SecretString};

use super::{Failure, control, say};
use crate::{
    app::{Interior, Plan},
    clock::Clock,
    ops::admin::{Admin, AdminAnswer, AdminRequest, Verb},
};

/// What was asked for.
pub(super) struct AdminCommand {
    task: Task,
    /// For programs.
    pub(super) json: bool,
}

enum Task {
    /// A row of the table.
    Verb {
        verb: &'static Verb,
        request: AdminRequest,
        /// The argument that is secret, and whether it comes from standard input.
        secret: Option<(&'static str, bool)>,
        gateway: Gateway,
    },
    /// What no gateway that runs can do.
    Move(moving::Moving),
}

/// Which one.
enum Gateway {
    /// The one of this configuration, running or not.
    Configured(PathBuf),
    /// The one that answers on this socket.
    Answering(PathBuf),
}

/// Whom to ask.
enum Carrier {
    Socket(PathBuf),
    InProcess(Box<Admin>),
}

/// Does it and says what came out.
pub(super) fn run(command: AdminCommand) -> Result<(), Failure> {
    let AdminCommand { task, json } = command;
    let (verb, mut request, secret, gateway) = match task {
        Task::Verb { verb, request, secret, gateway } => (verb, request, secret, gateway),
        Task::Move(moving) => return moving::run(&moving, json),
    };
    let answer = control()?.block_on(async {
        let carrier = Carrier::to(gateway).await?;
        if let Some((name, from_stdin)) = secret {
            request.arguments.set(name, ask_for_secret(name, from_stdin)?);
        }
        carrier.ask(request).await
    })?;
    say(&if json { answer.0.to_string() } else { render::render(verb.says, &answer.0) })
}

impl Carrier {
    async fn to(gateway: Gateway) -> Result<Self, Failure> {
        let config = match gateway {
            Gateway::Answering(socket) => {
                return if client::answers(&socket).await? { Ok(Self::Socket(socket)) } else { Err(client::nobody(&socket)) };
            }
            Gateway::Configured(config) => config,
        };
        let plan = Plan::load(&config)?;
        if let Some(socket) = plan.config.admin_socket.clone()
            && client::answers(&socket).await?
        {
            return Ok(Self::Socket(socket));
        }
        Ok(Self::InProcess(Box::new(Interior::open(plan, Clock::system()).await?.admin())))
    }

    async fn ask(self, request: AdminRequest) -> Result<AdminAnswer, Failure> {
        match self {
            Self::Socket(socket) => client::ask(&socket, &request).await,
            Self::InProcess(admin) => admin.answer(request).await.map_err(Failure::Admin),
        }
    }
}

fn ask_for_secret(name: &str, from_stdin: bool) -> Result<SecretString, Failure> {
    let failed = |cause| Failure::Io { what: "cannot read what is to be kept secret", cause };
    if from_stdin || !io::stdin().is_terminal() {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map_err(failed)?;
        return Ok(SecretString::from(text.trim_end_matches(['\r', '\n']).to_owned()));
    }
    let first = SecretString::from(rpassword::prompt_password(format!("New {name}: ")).map_err(failed)?);
    let again = SecretString::from(rpassword::prompt_password("Again: ").map_err(failed)?);
    if first.expose_secret() != again.expose_secret() {
        return Err(Failure::Usage(format!("the two {name}s differ")));
    }
    Ok(first)
}
