//! `gatepost check`.

use std::path::Path;

use super::{Failure, say, warn};
use crate::app::Plan;

/// Reads the file as `serve` would, and says what it found. What is hardly meant is no mistake.
pub(super) fn run(file: &Path) -> Result<(), Failure> {
    let Plan { config, dialects } = Plan::load(file)?;
    let dialects = match dialects.len() {
        1 => "1 dialect".to_owned(),
        count => format!("{count} dialects"),
    };
    let routes = match config.routes.len() {
        1 => "1 route".to_owned(),
        count => format!("{count} routes"),
    };
    for warning in config.warnings() {
        warn(&format!("{}: {warning}", file.display()));
    }
    say(&format!("{}: good. {routes}, {dialects}, listens on {} as {}.", file.display(), config.listen, config.public_url.as_str()))
}
