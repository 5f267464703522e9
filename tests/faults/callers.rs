//! Those who never stop: they call every replica with tokens that live and tokens that were just taken back, and hold
//! streams open.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use http_body_util::BodyExt;
use tokio::time::{sleep, timeout};

use super::{
    client::Connection,
    history::{Call, Outcome, Stream},
    ledger::Held,
    stand::Stand,
    upstream::STREAM,
};
use crate::support::http::{bearing, get};

/// From one call of a caller to the next.
const PAUSE: Duration = Duration::from_millis(8);
/// Before a replica that is down is looked for again.
const LATER: Duration = Duration::from_millis(25);
/// So long a stream is held at most.
const STREAMED: Duration = Duration::from_secs(8);

/// Calls one replica, now with a token that lives, now with one that was taken back.
pub(crate) async fn call(stand: Arc<Stand>, replica: usize) {
    let mut kept = None;
    loop {
        let (live, dead) = (|| stand.ledger.live(), || stand.ledger.withdrawn_lately());
        let held = if rand::random() { live().or_else(dead) } else { dead().or_else(live) };
        if let Some(held) = held {
            stand.call(replica, &held, &mut kept).await;
        }
        sleep(PAUSE).await;
    }
}

impl Stand {
    /// Calls a replica with a token, on this connection where there is one, and writes down what came of it.
    pub(crate) async fn call(&self, replica: usize, held: &Held, kept: &mut Option<Connection>) {
        let connection = match kept.take() {
            Some(connection) => Some(connection),
            None => self.connect(replica).await,
        };
        let sent = Instant::now();
        let status = match connection {
            Some(mut connection) => match connection.ask(bearing(get("/v1/models"), &held.token)).await {
                Ok(answer) => {
                    *kept = Some(connection);
                    Some(answer.status)
                }
                Err(_silence) => None,
            },
            None => {
                sleep(LATER).await;
                None
            }
        };
        let (grant, outcome) = (held.number, Outcome::of(status));
        self.ledger.called(Call { grant, way: held.way, replica, sent, answered: Instant::now(), outcome });
    }

    async fn connect(&self, replica: usize) -> Option<Connection> {
        Connection::to(self.gateways[replica].address()?).await.ok()
    }
}

/// Holds one stream after the other at a replica, each until it ends.
pub(crate) async fn stream(stand: Arc<Stand>, replica: usize) {
    loop {
        sleep(LATER).await;
        let Some(held) = stand.ledger.passing() else { continue };
        let Some(mut connection) = stand.connect(replica).await else { continue };
        let Ok(response) = connection.open(bearing(get(STREAM), &held.token)).await else { continue };
        if response.status() != 200 {
            continue;
        }
        let opened = Stream { grant: held.number, replica, opened: Instant::now(), ended: None };
        let name = stand.ledger.opened(opened);
        let mut body = response.into_body();
        let ended = timeout(STREAMED, async { while let Some(Ok(_)) = body.frame().await {} }).await;
        if ended.is_ok() { stand.ledger.ended(name) } else { stand.ledger.left(name) }
    }
}
