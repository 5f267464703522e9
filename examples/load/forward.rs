//! Requests that are forwarded, as many as there can be.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use http::StatusCode;
use secrecy::SecretString;
use tokio::{task::JoinSet, time::Instant};

use crate::{Outcome, figures::Times, grants::shown, http::Connection};

/// Callers at a time.
pub(crate) const CALLERS: usize = 16;

/// Callers ask, each for another token at each request. Answers how long each request took.
pub(crate) async fn forward(at: SocketAddr, path: &'static str, tokens: &Arc<[SecretString]>, measured: Duration) -> Outcome<Times> {
    let until = Instant::now() + measured;
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let tokens = Arc::clone(tokens);
        callers.spawn(async move {
            let (mut connection, mut times) = (Connection::open(at).await?, Times::default());
            for token in tokens.iter().cycle().skip(caller * tokens.len() / CALLERS) {
                let began = Instant::now();
                if began > until {
                    break;
                }
                let status = connection.get(path, shown(token)).await?;
                if status != StatusCode::OK {
                    return Err(format!("a live token was answered {status}").into());
                }
                times.add(began.elapsed());
            }
            Outcome::Ok(times)
        });
    }
    let mut times = Times::default();
    while let Some(caller) = callers.join_next().await {
        times.join(caller??);
    }
    Ok(times)
}
