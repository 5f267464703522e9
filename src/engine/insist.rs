//! What cannot be taken back now is tried until it is: this replica goes on where whoever asked for it was told
//! that the store is away.

use std::{
    collections::HashMap,
    fmt::Display,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aws_lc_rs::digest;
use data_encoding::HEXLOWER;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{Engine, Error};
use crate::clock::BootTime;

/// So many things are tried at a time; one more is not.
const MOST: usize = 1000;
/// For so long.
const PATIENCE: Duration = Duration::from_secs(3600);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// An error after which the same may go well later.
pub trait Retryable: Display {
    /// Whether this is one.
    fn is_retryable(&self) -> bool;
}

impl Retryable for Error {
    fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Contended)
    }
}

/// What is tried now. Whoever does it by hand meanwhile ends that.
#[derive(Default)]
pub(super) struct Insisted(Mutex<HashMap<String, CancellationToken>>);

enum Entered {
    Anew(CancellationToken),
    Already,
    Full,
}

impl Insisted {
    fn enter(&self, what: &str) -> Entered {
        let mut all = self.all();
        if all.contains_key(what) {
            return Entered::Already;
        }
        if all.len() >= MOST {
            return Entered::Full;
        }
        Entered::Anew(all.entry(what.to_owned()).or_default().clone())
    }

    fn done(&self, what: &str) {
        let mut all = self.all();
        if let Some(done) = all.remove(what) {
            done.cancel();
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, CancellationToken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a token is called where it must not be told: the first 64 bits of its SHA-256.
pub fn fingerprint(token: &SecretString) -> String {
    let digest = digest::digest(&digest::SHA256, token.expose_secret().as_bytes());
    HEXLOWER.encode(digest.as_ref().first_chunk::<8>().map_or(&[], <[u8; 8]>::as_slice))
}

impl Engine {
    /// Does what takes something back. Where it fails because the store is away, the answer says so, and it is
    /// tried in the background until it is done. `what` names it, for the log and so that the same is tried once.
    ///
    /// # Errors
    /// Those of the verb.
    pub async fn insist<T, E: Retryable + Send, Tries: Future<Output = Result<T, E>> + Send>(
        self: &Arc<Self>,
        what: String,
        verb: impl Fn(Arc<Self>) -> Tries + Send + 'static,
    ) -> Result<T, E> {
        let outcome = verb(Arc::clone(self)).await;
        match &outcome {
            Ok(_) => self.no_longer(&what),
            Err(error) if error.is_retryable() => _ = self.keep_trying(what, verb),
            Err(_final) => {}
        }
        outcome
    }

    /// Tries in the background until it is done, for an hour at most. Says whether it is tried: not where too much
    /// is already.
    pub fn keep_trying<T, E: Retryable + Send, Tries: Future<Output = Result<T, E>> + Send>(
        self: &Arc<Self>,
        what: String,
        verb: impl Fn(Arc<Self>) -> Tries + Send + 'static,
    ) -> bool {
        match self.insisted.enter(&what) {
            Entered::Already => true,
            Entered::Full => {
                tracing::warn!(what, "it could not be taken back, and too much is tried already; take it back again");
                false
            }
            Entered::Anew(done) => {
                tracing::warn!(what, "it could not be taken back yet, and is tried until it is");
                let until = self.clock.boot_now().saturating_add(PATIENCE);
                let trying = Trying { engine: Arc::clone(self), what, done, until };
                tokio::spawn(async move { trying.run(verb).await });
                true
            }
        }
    }

    /// It was done otherwise.
    pub fn no_longer(&self, what: &str) {
        self.insisted.done(what);
    }

    /// How many things are tried in the background now.
    pub fn insisted(&self) -> usize {
        self.insisted.all().len()
    }

    /// Says in the log what is not taken back yet. To be called at the end: nobody goes on with it.
    pub fn tell_of_insisted(&self) {
        for what in self.insisted.all().keys() {
            tracing::warn!(what, "it is not taken back, and the gateway ends; take it back again");
        }
    }
}

/// One thing that is tried.
struct Trying {
    engine: Arc<Engine>,
    what: String,
    done: CancellationToken,
    until: BootTime,
}

impl Trying {
    async fn run<T, E: Retryable + Send, Tries: Future<Output = Result<T, E>> + Send>(self, verb: impl Fn(Arc<Engine>) -> Tries + Send) {
        let (what, clock) = (self.what.as_str(), &self.engine.clock);
        let mut pause = FIRST_PAUSE;
        loop {
            tokio::select! {
                () = sleep(pause) => {}
                () = self.done.cancelled() => return,
            }
            match verb(Arc::clone(&self.engine)).await {
                Ok(_) => return tracing::info!(what, "taken back after all"),
                Err(error) if !error.is_retryable() => {
                    return tracing::warn!(what, %error, "it is tried no more: there is nothing left to take back");
                }
                Err(error) if clock.boot_now() >= self.until => {
                    return tracing::warn!(what, %error, "it is tried no more; take it back again");
                }
                Err(error) => tracing::debug!(what, %error, "it cannot be taken back yet"),
            }
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    }
}

impl Drop for Trying {
    fn drop(&mut self) {
        let mut all = self.engine.insisted.all();
        // Otherwise the place is somebody else's by now.
        if !self.done.is_cancelled() {
            all.remove(&self.what);
        }
    }
}
