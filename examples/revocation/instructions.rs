//! How many instructions the check takes: callgrind counts those of the whole process, for many requests and for few,
//! in as much time.

use std::{fs, net::SocketAddr};

use http::{Method, StatusCode, header};
use http_body_util::Full;
use rustix::process::Signal;
use serde_json::Value;
use tokio::time::{Duration, Instant, sleep_until};

use crate::{Outcome, http::Connection, machine::Machine, say, stand::COUNTED};

const FEW: u32 = 500;
const MANY: u32 = 2500;

/// Prints the instructions for a request with each kind of token.
pub(crate) async fn measure(upstream: SocketAddr) -> Outcome<()> {
    say("\n| one request | instructions in all | of these the check |\n|---|---|---|")?;
    let open = one("/open/models", None, upstream).await?;
    say(&format!("| `auth = \"none\"` | {open} | |"))?;
    for (what, client) in [("an opaque token that is known", "opaque"), ("a JWT that is known", "jwt")] {
        let all = one("/v1/models", Some(client), upstream).await?;
        say(&format!("| {what} | {all} | {} |", all - open))?;
    }
    Ok(())
}

/// The instructions for one request.
async fn one(path: &str, client: Option<&str>, upstream: SocketAddr) -> Outcome<i64> {
    let (many, took) = counted(path, client, MANY, Duration::ZERO, upstream).await?;
    // The lease is renewed as often in either.
    let (few, _) = counted(path, client, FEW, took, upstream).await?;
    Ok((many - few) / i64::from(MANY - FEW))
}

/// The instructions of a gateway that so many requests come to, and that runs at least so long; and how long it ran.
async fn counted(path: &str, client: Option<&str>, requests: u32, runs: Duration, upstream: SocketAddr) -> Outcome<(i64, Duration)> {
    let mut machine = Machine::start(&COUNTED, upstream)?;
    let began = Instant::now();
    let mut connection = Connection::open(machine.replicas[0].address).await?;
    let token = match client {
        Some(client) => token(&mut connection, client, &machine).await?,
        None => String::new(),
    };
    for _ in 0..requests {
        let status = connection.get(path, &token).await?;
        if status != StatusCode::OK {
            return Err(format!("a request was answered {status}").into());
        }
    }
    sleep_until(began + runs).await;
    let ran = began.elapsed();
    let gateway = &mut machine.replicas[0].process;
    gateway.tell(Signal::TERM)?;
    gateway.wait()?;
    let counted = fs::read_to_string(machine.counted())?;
    let all = counted.lines().find_map(|line| line.strip_prefix("totals: ")?.parse().ok());
    Ok((all.ok_or("callgrind says no total")?, ran))
}

/// Of a client for itself (RFC 6749 section 4.4).
async fn token(connection: &mut Connection, client: &str, machine: &Machine) -> Outcome<String> {
    let secret = fs::read_to_string(machine.config().with_file_name("root.key"))?;
    let form = format!("grant_type=client_credentials&client_id={client}&client_secret={secret}");
    let request = connection.request(Method::POST, "/oauth/token").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let (_, answer) = connection.ask(request.body(Full::from(form))?).await?;
    let answer: Value = serde_json::from_slice(&answer)?;
    Ok(answer["access_token"].as_str().ok_or_else(|| format!("no token: {answer}"))?.to_owned())
}
