//! One connection, from the moment it stands until it is given up.

use std::{
    mem,
    pin::pin,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use redis::{Value, aio::MultiplexedConnection, cmd};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{connect::Connected, socket::Heard};
use crate::config::store::Host;

/// Why a connection is given up.
#[derive(Debug)]
pub(super) enum Fault {
    /// It broke. The next one may well stand in a moment.
    Broken(String),
    /// The server says that it is not the one to ask. The next one may well be.
    NotPrimary(String),
    /// Nothing comes back. Nobody knows when something will.
    Silent(Duration),
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Broken(reason) | Self::NotPrimary(reason) => f.write_str(reason),
            Self::Silent(limit) => write!(f, "nothing was answered for {limit:?}"),
        }
    }
}

/// A connection that calls are sent on.
pub(super) struct Line {
    connection: MultiplexedConnection,
    pub(super) host: Host,
    pub(super) heard: Heard,
    fault: OnceLock<Fault>,
    given_up: CancellationToken,
    left: Mutex<Vec<OwnedSemaphorePermit>>,
    leaving: Notify,
}

impl Line {
    /// On this connection, which ends with the handle.
    pub(super) fn over(connected: Connected) -> (Self, AbortOnDropHandle<()>) {
        let Connected { connection, driver, host, heard } = connected;
        let line = Self {
            connection,
            host,
            heard,
            fault: OnceLock::new(),
            given_up: CancellationToken::new(),
            left: Mutex::default(),
            leaving: Notify::new(),
        };
        (line, driver)
    }

    /// To send on.
    pub(super) fn connection(&self) -> MultiplexedConnection {
        self.connection.clone()
    }

    /// Nothing is to be sent on it any more. What is under way on it fails, but where the server still answers. The
    /// first fault counts.
    pub(super) fn give_up(&self, fault: Fault) {
        let _later_fault = self.fault.set(fault);
        self.given_up.cancel();
    }

    /// Whether it was.
    pub(super) fn is_given_up(&self) -> bool {
        self.given_up.is_cancelled()
    }

    /// Why it was.
    pub(super) fn fault(&self) -> Option<&Fault> {
        self.fault.get()
    }

    /// Keeps the place of a call whose caller has gone, until the answer has come: what is under way is bounded,
    /// whether or not somebody waits for it.
    pub(super) fn leave(&self, place: OwnedSemaphorePermit) {
        self.left().push(place);
        self.leaving.notify_one();
    }

    fn left(&self) -> MutexGuard<'_, Vec<OwnedSemaphorePermit>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks after it, until it is given up.
    pub(super) async fn tend(&self, mut driver: AbortOnDropHandle<()>, limit: Duration) {
        tokio::select! {
            () = self.given_up.cancelled() => if let Some(Fault::NotPrimary(_)) = self.fault() {
                // Others are about to be told the same, and can be sure then that nothing was done.
                tokio::spawn(timeout(limit, driver));
            },
            _ended = &mut driver => self.give_up(Fault::Broken("the server closed the connection".to_owned())),
            () = self.settle(limit) => {}
        }
    }

    /// Gives back the places of those who left. Answers come in the order of the questions, so once a PING is
    /// answered everything before it is. That also finds a dead connection whose callers never wait for long.
    async fn settle(&self, limit: Duration) {
        loop {
            self.leaving.notified().await;
            let left = mem::take(&mut *self.left());
            let (ping, mut connection) = (cmd("PING"), self.connection());
            let mut answer = pin!(ping.query_async::<Value>(&mut connection));
            loop {
                let heard = self.heard.so_far();
                match timeout(limit, &mut answer).await {
                    Ok(_any_answer) => break,
                    Err(_elapsed) if self.heard.so_far() == heard => return self.give_up(Fault::Silent(limit)),
                    Err(_elapsed) => {}
                }
            }
            drop(left);
        }
    }
}
