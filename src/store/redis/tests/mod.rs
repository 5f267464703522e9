//! The link on real servers, on broken ways to them, and on servers that only pretend.
#![allow(clippy::unwrap_used, clippy::panic)]

mod between;
mod calls;
mod faults;
mod finding;
mod server;
mod tls;

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use redis::{Script, Value};

use super::{
    OpenError,
    connect::Finder,
    link::{Link, LinkLimits, Repeat},
};
use crate::{
    config::store::{Host, Mode, Promise, Redis, Servers},
    store::Unavailable,
};

/// Longer than anything takes that goes well.
const PATIENT: Duration = Duration::from_secs(10);
/// For calls that are to time out.
const BRIEF: Duration = Duration::from_millis(300);

fn redis(servers: Servers) -> Redis {
    Redis {
        servers,
        db: 0,
        tls: None,
        login: None,
        sentinel_login: None,
        realm: "default".to_owned(),
        prefix: "gatepost:".to_owned(),
        timeout: PATIENT,
        most_waiting: NonZeroUsize::new(64).unwrap(),
        mode: Mode::default(),
        wait_replicas: 0,
        promise: Promise::default(),
    }
}

async fn link(redis: Redis) -> Result<Link, OpenError> {
    let limits = LinkLimits { timeout: redis.timeout, most_waiting: redis.most_waiting };
    Link::open(Arc::new(Finder::new(&redis)?), "test", limits).await
}

async fn link_to(host: &Host, timeout: Duration) -> Link {
    link(Redis { timeout, ..redis(Servers::One(host.clone())) }).await.unwrap()
}

/// Why there is no link.
async fn refusal(redis: Redis) -> String {
    link(redis).await.err().unwrap().to_string()
}

/// Runs a script that gives back what it is given.
async fn echo(link: &Link, number: u64) -> Result<u64, Unavailable> {
    echoed(link, number, Repeat::Safe).await
}

async fn echoed(link: &Link, number: u64, repeat: Repeat) -> Result<u64, Unavailable> {
    let script = Script::new("return {ARGV[1], ARGV[2]}");
    let answer = link.run(&script, &[b"gatepost:{default}:x".to_vec()], &[number.to_string().into_bytes()], repeat).await?;
    let [Value::BulkString(number)] = answer.as_slice() else { panic!("{answer:?}") };
    Ok(String::from_utf8_lossy(number).parse().unwrap())
}

/// Adds one to a counter, and says what it is then.
async fn count(link: &Link, repeat: Repeat) -> Result<i64, Unavailable> {
    let script = Script::new("return {ARGV[1], redis.call('INCR', KEYS[1])}");
    let answer = link.run(&script, &[b"gatepost:{default}:n".to_vec()], &[], repeat).await?;
    let [Value::Int(number)] = answer.as_slice() else { panic!("{answer:?}") };
    Ok(*number)
}

/// Asks until there is an answer.
async fn recovered(link: &Link) {
    let asked = async {
        while echo(link, 1).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENT, asked).await.unwrap();
}
