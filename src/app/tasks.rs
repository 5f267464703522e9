//! What a gateway does besides answering, for as long as it runs.

use std::{future::Future, sync::Arc, time::Duration};

use super::Interior;
use crate::{limit::SETTLE_EVERY, net::Drain, proxy::Shared};

/// How often last uses are saved.
const SAVE_EVERY: Duration = Duration::from_secs(5);
/// How often what has expired is removed.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

impl Interior {
    /// Tells the store of last uses, and once more at the end.
    pub(super) fn save(&self, drain: Drain) -> impl Future<Output = ()> + Send + 'static {
        let (verifier, clock) = (Arc::clone(&self.verifier), self.clock.clone());
        async move {
            loop {
                let ends = tokio::select! {
                    () = clock.sleep(SAVE_EVERY) => false,
                    () = drain.begun() => true,
                };
                if let Err(error) = verifier.save_last_uses().await {
                    tracing::warn!(%error, "last uses could not be saved");
                }
                if ends {
                    return;
                }
            }
        }
    }

    /// Settles with other replicas what came through, and once more at the end.
    pub(super) fn settle(&self, shared: Arc<Shared>, drain: Drain) -> impl Future<Output = ()> + Send + 'static {
        let (limits, clock) = (Arc::clone(&self.limits), self.clock.clone());
        async move {
            loop {
                let ends = tokio::select! {
                    () = clock.sleep(SETTLE_EVERY) => false,
                    () = drain.begun() => true,
                };
                limits.settle(shared.routes.limiters()).await;
                if ends {
                    return;
                }
            }
        }
    }

    /// Removes what has expired.
    pub(super) fn sweep(&self, shared: Arc<Shared>, drain: Drain) -> impl Future<Output = ()> + Send + 'static {
        let (store, limits, engine, clock) =
            (Arc::clone(&self.store), Arc::clone(&self.limits), Arc::clone(&self.engine), self.clock.clone());
        async move {
            loop {
                tokio::select! {
                    () = clock.sleep(SWEEP_EVERY) => {}
                    () = drain.begun() => return,
                }
                limits.sweep();
                shared.routes.sweep();
                match store.sweep().await {
                    Ok(swept) => tracing::debug!(removed = swept.removed, "expired records were removed"),
                    Err(error) => tracing::warn!(%error, "expired records could not be removed"),
                }
                if let Err(error) = engine.maintain_keys().await {
                    tracing::warn!(%error, "the signing keys could not be brought up to date");
                }
            }
        }
    }
}
