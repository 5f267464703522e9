//! The log, on stderr: readable on a terminal, one JSON object a line otherwise.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, filter::ParseError, util::SubscriberInitExt};

use crate::config::{Log, LogFormat};

/// Starts the log for this process.
///
/// # Errors
/// Where the filter cannot be read.
pub fn start(log: &Log) -> Result<(), ParseError> {
    // What h2 warns of is what its peers do, and they could do it without end. First, so that the
    // operator may still ask for it.
    let filter: EnvFilter = format!("h2=error,{}", log.filter).parse()?;
    let to_people = match log.format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Pretty => true,
        LogFormat::Json => false,
    };
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = if to_people {
        log.with_ansi(std::io::stderr().is_terminal()).with_target(false).compact().finish().try_init()
    } else {
        log.json().flatten_event(true).with_current_span(false).with_span_list(false).finish().try_init()
    };
    if started.is_err() {
        // Whoever embeds the gateway has a log of his own.
        tracing::debug!("the process has a log already");
    }
    Ok(())
}
