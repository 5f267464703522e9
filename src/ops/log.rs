//! The log, on stderr: readable on a terminal, one JSON object a line otherwise.
//!
//! What is secret is never in it, at any level. The gateway's own words keep to that. Libraries that
//! read requests do not: below `info` h2, for one, writes down targets and header values that it
//! cannot read. So they are not asked.

use std::io::IsTerminal;

use tracing::Level;
use tracing_subscriber::{
    EnvFilter,
    filter::{ParseError, filter_fn},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::config::{Log, LogFormat};

/// Who may say more than `info`: ourselves, and TLS, which sees no request.
const TALKATIVE: [&str; 2] = ["gatepost", "rustls"];

/// Starts the log for this process.
///
/// # Errors
/// Where the filter cannot be read.
pub fn start(log: &Log) -> Result<(), ParseError> {
    // What h2 warns of is what its peers do, and they could do it without end. First, so that the
    // operator may still ask for it.
    let filter: EnvFilter = format!("h2=error,{}", log.filter).parse()?;
    let discreet = filter_fn(|metadata| may_say(metadata.target(), *metadata.level()));
    let to_people = match log.format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Pretty => true,
        LogFormat::Json => false,
    };
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = if to_people {
        log.with_ansi(std::io::stderr().is_terminal()).with_target(false).compact().finish().with(discreet).try_init()
    } else {
        log.json().flatten_event(true).with_current_span(false).with_span_list(false).finish().with(discreet).try_init()
    };
    if started.is_err() {
        // Whoever embeds the gateway has a log of his own.
        tracing::debug!("the process has a log already");
    }
    Ok(())
}

fn may_say(target: &str, level: Level) -> bool {
    level <= Level::INFO || TALKATIVE.contains(&target.split("::").next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_reads_requests_says_nothing_below_info() {
        for (target, level, may) in [
            ("gatepost", Level::TRACE, true),
            ("gatepost::request", Level::INFO, true),
            ("gatepost::proxy::forward", Level::TRACE, true),
            ("rustls::client::hs", Level::TRACE, true),
            ("h2::server", Level::WARN, true),
            ("h2::server", Level::INFO, true),
            ("h2::server", Level::DEBUG, false),
            ("h2::codec::framed_read", Level::TRACE, false),
            ("hyper_util::client", Level::DEBUG, false),
            ("gatepost_other", Level::DEBUG, false),
            ("", Level::DEBUG, false),
        ] {
            assert_eq!(may_say(target, level), may, "{target} {level}");
        }
    }
}
