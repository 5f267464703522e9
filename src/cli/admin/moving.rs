//! `gatepost admin export` and `import`: they work on the store itself.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command};
use serde_json::json;

use super::arguments::{CONFIG, config, json as json_arg};
use crate::{
    app::{self, Plan},
    cli::{Failure, control, say},
    clock::Clock,
};

const EXPORT: &str = "export";
const IMPORT: &str = "import";
const FILE: &str = "file";

const EXPORT_LONG: &str = "\
Write all that lies in the gateway's store to a new file: users, clients, grants, sessions, signing keys, and logins that wait for \
somebody's yes.

Stop the gateway first, and where several share the store all of them: what changes while the file is written may be missing in it. \
The file is sealed under the gateway's root secret, which is not in it, and an existing file is never written over. It holds what \
opens accounts together with that secret: keep it like a backup, and delete it after the move.";

const IMPORT_LONG: &str = "\
Put what an export holds into the gateway's store, which must be empty: no gateway may ever have run on it, nor run now.

The root secrets of the exporting gateway must be configured here, or its root.key must lie in the store's folder. The whole file is \
checked before anything is written. An import that was interrupted is simply done again; start no gateway before one has ended well.";

/// A store is to be moved.
pub(super) struct Moving {
    out: bool,
    file: PathBuf,
    config: PathBuf,
}

pub(super) fn commands() -> [Command; 2] {
    let command = |name, about, long, file| {
        let file = Arg::new(FILE).value_name("FILE").value_parser(clap::value_parser!(PathBuf)).required(true).help(file);
        Command::new(name).about(about).long_about(long).arg(file).arg(config().required(true)).arg(json_arg())
    };
    [
        command(EXPORT, "Write all that lies in the store to a sealed file, while no gateway runs", EXPORT_LONG, "The file to make."),
        command(IMPORT, "Put what an export holds into an empty store, while no gateway runs", IMPORT_LONG, "The export."),
    ]
}

/// What clap has found, if it is one of these.
pub(super) fn chosen(name: &str, matches: &ArgMatches) -> Option<Moving> {
    let out = match name {
        EXPORT => true,
        IMPORT => false,
        _ => return None,
    };
    let path = |name| matches.get_one::<PathBuf>(name).cloned();
    Some(Moving { out, file: path(FILE)?, config: path(CONFIG)? })
}

/// Does it and says how much it was.
pub(super) fn run(moving: &Moving, json: bool) -> Result<(), Failure> {
    let (plan, clock) = (Plan::load(&moving.config)?, Clock::system());
    let counted = control()?.block_on(async {
        if moving.out { app::export(&plan, &moving.file, &clock).await } else { app::import(&plan, &moving.file, &clock).await }
    })?;
    let done = if moving.out { "exported" } else { "imported" };
    say(&if json { json!({done: counted}).to_string() } else { format!("{done} {counted}") })
}
