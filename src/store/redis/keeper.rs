//! What keeps a link connected.

use std::{pin::pin, sync::Arc, time::Duration};

use redis::PushInfo;
use tokio::time::sleep;

use super::{
    connect::{Connected, Finder},
    line::{Fault, Line},
    link::{Shared, State},
};

/// A connection that stood for so long is replaced at once when it breaks.
const SETTLED: Duration = Duration::from_secs(1);
/// Between attempts, each time twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A link hears no push messages.
pub(super) const NO_PUSH: Option<fn(PushInfo) -> Result<(), std::convert::Infallible>> = None;

/// Keeps a link connected, until it is aborted.
pub(super) async fn keep(shared: Arc<Shared>, finder: Arc<Finder>, mut connected: Connected) {
    let mut pause = Duration::ZERO;
    loop {
        let (line, driver) = Line::over(connected);
        let line = Arc::new(line);
        shared.set(State::Up(Arc::clone(&line)));
        {
            let mut tended = pin!(line.tend(driver, shared.limits.timeout));
            tokio::select! {
                () = &mut tended => {}
                () = sleep(SETTLED) => {
                    pause = Duration::ZERO;
                    tended.await;
                }
            }
        }
        let fault = line.fault();
        let reason = fault.map(Fault::to_string).unwrap_or_default();
        tracing::warn!(link = shared.name, server = %line.host, reason, "the connection to Redis is lost");
        let is_brief = pause.is_zero() && !matches!(fault, Some(Fault::Silent(_)));
        shared.set(if is_brief { State::Connecting } else { State::Down(reason) });
        drop(line);
        connected = again(&shared, &finder, &mut pause).await;
        tracing::info!(link = shared.name, server = %connected.host, "connected to Redis again");
    }
}

async fn again(shared: &Shared, finder: &Finder, pause: &mut Duration) -> Connected {
    let mut said = String::new();
    loop {
        // So that replicas do not all come at once.
        sleep(pause.mul_f64(rand::random_range(0.5..=1.0))).await;
        *pause = (*pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        match finder.connect(NO_PUSH).await {
            Ok(connected) => return connected,
            Err(error) => {
                let reason = error.to_string();
                if reason != said {
                    tracing::warn!(link = shared.name, reason, "Redis cannot be reached; trying again");
                    said.clone_from(&reason);
                }
                shared.set(State::Down(reason));
            }
        }
    }
}
