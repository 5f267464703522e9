//! The command line of each row, for clap.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command, error::ErrorKind};
use secrecy::SecretString;

use super::{AdminCommand, Gateway, Task, moving};
use crate::ops::admin::{AdminRequest, Argument, Arguments, Form, NOUNS, Noun, Verb};

pub(super) const CONFIG: &str = "config-file";
const SOCKET: &str = "socket";
pub(super) const JSON: &str = "json";

const AFTER_HELP: &str = "\
Examples:
  gatepost admin user add ada --config gatepost.toml
  gatepost admin user disable ada --config gatepost.toml
  gatepost admin grant list --user ada --json --config gatepost.toml
  gatepost admin client disable my-app --config gatepost.toml
  gatepost admin key rotate EdDSA --config gatepost.toml
  gatepost admin export gatepost.export --config gatepost.toml

A gateway that runs is asked over its admin socket, and does it at once. Where none runs, the
command works on the gateway's store itself. `export` and `import` always do: stop the gateway first.

With --json the answer is one line of JSON: an object, or a list of objects. Fields may be added
to it; those that are there stay. Times are of RFC 3339, scopes one text separated by spaces.
An error is {\"error\": {\"code\": ..., \"message\": ...}} on standard error.

Exit codes, of sysexits.h: 64 the command cannot be understood, or asks for what cannot be;
65 the export cannot be read; 67 what was named is not there; 69 the gateway cannot be used; 74 a file or socket cannot be read;
75 it may work later; 77 the socket is not yours to open; 78 the configuration is wrong.";

impl clap::Args for AdminCommand {
    fn augment_args(command: Command) -> Command {
        let command = command.subcommand_required(true).arg_required_else_help(true).after_help(AFTER_HELP);
        NOUNS.iter().map(command_of).chain(moving::commands()).fold(command, Command::subcommand)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn command_of(noun: &'static Noun) -> Command {
    let command = Command::new(noun.name).about(noun.about).subcommand_required(true).arg_required_else_help(true);
    noun.verbs.iter().fold(command, |command, verb| command.subcommand(command_of_verb(verb)))
}

fn command_of_verb(verb: &'static Verb) -> Command {
    let (summary, _) = verb.about.split_once(". ").unwrap_or((verb.about, ""));
    let command = Command::new(verb.verb).about(summary).long_about(format!("{}.", verb.about));
    let command = verb.arguments.iter().map(arg_of).fold(command, Command::arg);
    command
        .arg(config())
        .arg(
            Arg::new(SOCKET)
                .long(SOCKET)
                .value_name("PATH")
                .value_parser(clap::value_parser!(PathBuf))
                .help("The admin socket of a gateway that runs, instead of its configuration."),
        )
        .arg(json())
        .group(ArgGroup::new("gateway").args([CONFIG, SOCKET]).required(true))
}

pub(super) fn config() -> Arg {
    let arg = Arg::new(CONFIG).long("config").value_name("FILE").value_parser(clap::value_parser!(PathBuf));
    arg.help("The gateway's configuration file.")
}

pub(super) fn json() -> Arg {
    Arg::new(JSON).long(JSON).action(ArgAction::SetTrue).help("Answer in JSON, for programs.")
}

fn arg_of(argument: &'static Argument) -> Arg {
    let arg = Arg::new(argument.name).value_name(argument.value).help(argument.about);
    let long = argument.name.replace('_', "-");
    match argument.form {
        Form::Positional => arg.required(true),
        Form::Required => arg.long(long).required(true),
        Form::Optional => arg.long(long),
        Form::Flag => arg.long(long).action(ArgAction::SetTrue),
        Form::Secret { from_stdin } => arg.long(from_stdin).action(ArgAction::SetTrue),
    }
}

impl clap::FromArgMatches for AdminCommand {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        chosen(matches).ok_or_else(|| clap::Error::new(ErrorKind::MissingSubcommand))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// What clap has found; it has looked for whatever is required.
fn chosen(matches: &ArgMatches) -> Option<AdminCommand> {
    let (noun, matches) = matches.subcommand()?;
    if let Some(moving) = moving::chosen(noun, matches) {
        return Some(AdminCommand { task: Task::Move(moving), json: matches.get_flag(JSON) });
    }
    let noun = NOUNS.iter().find(|row| row.name == noun)?;
    let (verb, matches) = matches.subcommand()?;
    let verb = noun.verbs.iter().find(|row| row.verb == verb)?;
    let (mut arguments, mut secret) = (Arguments::default(), None);
    for argument in verb.arguments {
        match argument.form {
            Form::Secret { .. } => secret = Some((argument.name, matches.get_flag(argument.name))),
            Form::Flag if matches.get_flag(argument.name) => arguments.set(argument.name, SecretString::from("true")),
            Form::Flag => {}
            Form::Positional | Form::Required | Form::Optional => {
                if let Some(value) = matches.get_one::<String>(argument.name) {
                    arguments.set(argument.name, SecretString::from(value.as_str()));
                }
            }
        }
    }
    let path = |name| matches.get_one::<PathBuf>(name).cloned();
    let gateway = path(SOCKET).map(Gateway::Answering).or_else(|| path(CONFIG).map(Gateway::Configured))?;
    let request = AdminRequest { noun: noun.name.to_owned(), verb: verb.verb.to_owned(), arguments };
    Some(AdminCommand { task: Task::Verb { verb, request, secret, gateway }, json: matches.get_flag(JSON) })
}
