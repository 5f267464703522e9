//! The orderly end: no new connections, open requests go on for a while.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// Tells everybody that the end has begun, and how long it may take.
#[derive(Clone, Debug)]
pub struct Drain {
    begun: CancellationToken,
    /// How long open requests may go on.
    pub grace: Duration,
}

impl Drain {
    /// Not begun.
    pub fn new(grace: Duration) -> Self {
        Self { begun: CancellationToken::new(), grace }
    }

    /// Begins.
    pub fn begin(&self) {
        self.begun.cancel();
    }

    /// Completes when it has begun.
    pub async fn begun(&self) {
        self.begun.cancelled().await;
    }
}
