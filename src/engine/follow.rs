//! What other replicas did, as this one hears of it.

use std::{pin::pin, time::Duration};

use super::Engine;
use crate::store::{Notice, Position};

/// How often it is looked for what was taken back, whether there was a notice of it or not.
const LOOK_EVERY: Duration = Duration::from_millis(400);

impl Engine {
    /// Hears of what happens in other processes that use the store, and does here what has to be done:
    /// held polls look again, streams end, new signing keys verify. What the feed has up to `applied` is
    /// known. Runs until it is dropped.
    pub async fn follow(&self, mut applied: Position) {
        let mut notices = self.store.notices();
        let mut was_read = true;
        loop {
            match self.verifier.follow(applied).await {
                Ok(position) => (applied, was_read) = (position, true),
                // What came in between is in the feed.
                Err(error) => {
                    if was_read {
                        tracing::warn!(%error, "the feed cannot be read: streams do not end when what they run under is taken back elsewhere");
                    }
                    was_read = false;
                }
            }
            let mut due = pin!(self.clock.sleep(LOOK_EVERY));
            loop {
                tokio::select! {
                    // However many there are of the others, they wait for no feed, and it for none of them.
                    notice = notices.next() => {
                        self.heed(notice).await;
                        if matches!(notice, Notice::Feed | Notice::Lost) {
                            break;
                        }
                    }
                    () = &mut due => break,
                }
            }
        }
    }

    async fn heed(&self, notice: Notice) {
        match notice {
            Notice::Grant(id) => self.holds.release(id),
            // What was taken back, the feed says.
            Notice::Feed => {}
            Notice::Keys => self.look_at_keys().await,
            Notice::Lost => {
                self.holds.release_all();
                self.look_at_keys().await;
            }
        }
    }

    async fn look_at_keys(&self) {
        if let Err(error) = self.verifier.look_at_keys().await {
            tracing::debug!(%error, "the signing keys could not be read");
        }
    }
}
