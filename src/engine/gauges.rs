//! Where this replica stands, and where the others do, for those who look after them.

use super::Engine;
use crate::{
    store::{FeedNow, Unavailable},
    verify::Gauges,
};

impl Engine {
    /// Where this process stands.
    pub fn gauges(&self) -> Gauges {
        self.verifier.gauges()
    }

    /// Where the feed and all members stand; `None` where nobody else uses the store.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn feed_now(&self) -> Result<Option<FeedNow>, Unavailable> {
        match self.verifier.replicas() {
            Some(replicas) => replicas.now().await.map(Some),
            None => Ok(None),
        }
    }
}
