//! Notices by Pub/Sub. Whenever the subscription was away, something may have been missed, and that is
//! told too.

use std::{sync::Arc, time::Duration};

use redis::{PushInfo, PushKind, RedisResult, Value};
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use super::connect::{Connected, Finder};
use crate::{
    oauth::id::GrantId,
    store::{Notice, feed::Board},
};

/// The pause before the next attempt to subscribe.
const PAUSE: Duration = Duration::from_millis(500);
/// How often it is looked whether the connection still stands.
const PING_EVERY: Duration = Duration::from_secs(5);
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(2);

/// A notice as it goes over the channel.
pub(super) fn written(notice: Notice) -> Vec<u8> {
    match notice {
        Notice::Grant(id) => format!("grant {id}").into_bytes(),
        Notice::Feed => b"feed".to_vec(),
        Notice::Heard => b"heard".to_vec(),
        Notice::Keys => b"keys".to_vec(),
        Notice::Lost => b"lost".to_vec(),
    }
}

/// What a message says; what another build may have said that this one does not know may be anything.
fn read(message: &[u8]) -> Notice {
    match message {
        b"feed" => Notice::Feed,
        b"heard" => Notice::Heard,
        b"keys" => Notice::Keys,
        _ => {
            let id = message.strip_prefix(b"grant ").and_then(|id| std::str::from_utf8(id).ok()).and_then(GrantId::parse);
            id.map_or(Notice::Lost, Notice::Grant)
        }
    }
}

/// Listens to the channel.
pub(super) fn listen(finder: Arc<Finder>, channel: Vec<u8>, board: Board) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        loop {
            let (sender, mut heard) = mpsc::unbounded_channel();
            match subscribe(&finder, &channel, sender).await {
                Ok(mut connected) => {
                    board.tell(Notice::Lost);
                    hear(&mut connected, &mut heard, &board).await;
                    board.tell(Notice::Lost);
                }
                // The links say why there is no connection.
                Err(reason) => tracing::debug!(reason, "there is no subscription to the notices"),
            }
            sleep(PAUSE).await;
        }
    }))
}

async fn subscribe(finder: &Finder, channel: &[u8], sender: mpsc::UnboundedSender<PushInfo>) -> Result<Connected, String> {
    let mut connected = finder.connect(Some(sender)).await.map_err(|error| error.to_string())?;
    answered(connected.connection.subscribe(channel)).await?;
    Ok(connected)
}

async fn answered<T>(question: impl Future<Output = RedisResult<T>>) -> Result<T, String> {
    let answer = timeout(ANSWER, question).await.map_err(|elapsed| elapsed.to_string())?;
    answer.map_err(|error| error.to_string())
}

/// Tells what it hears, for as long as the connection stands.
async fn hear(connected: &mut Connected, heard: &mut mpsc::UnboundedReceiver<PushInfo>, board: &Board) {
    loop {
        let push = tokio::select! {
            push = heard.recv() => push,
            // A connection that died in silence looks like one on which nothing happens.
            () = sleep(PING_EVERY) => match answered(redis::cmd("PING").query_async::<Value>(&mut connected.connection)).await {
                Ok(_) => continue,
                Err(reason) => return tracing::debug!(reason, "the subscription to the notices is given up"),
            },
        };
        match push.as_ref().map(|push| (&push.kind, push.data.get(1))) {
            Some((PushKind::Message, Some(Value::BulkString(message)))) => board.tell(read(message)),
            None | Some((PushKind::Disconnection, _)) => return,
            Some(_) => {}
        }
    }
}
