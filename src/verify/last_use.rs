//! When each grant was last used: noted here, and told to the store now and then.

use std::time::Duration;

use dashmap::DashMap;
use jiff::{SignedDuration, Timestamp};

use crate::{
    oauth::{grant::after, id::GrantId},
    store::{Soft, SoftKey, Store, Unavailable},
};

/// Last use is noted this often at most.
const STEP: SignedDuration = SignedDuration::from_secs(10);
/// A last use is of interest as long as a grant can be remembered.
const KEEP: Duration = Duration::from_secs(400 * 24 * 3600);

/// The last use of each grant, and whether the store knows it.
#[derive(Default)]
pub(super) struct LastUses(DashMap<GrantId, LastUse>);

struct LastUse {
    at: Timestamp,
    saved: bool,
}

impl LastUses {
    /// It is used now.
    pub(super) fn note(&self, id: GrantId, now: Timestamp) {
        if self.0.get(&id).is_none_or(|last| now.duration_since(last.at) >= STEP) {
            self.0.insert(id, LastUse { at: now, saved: false });
        }
    }

    /// When it was used, here or elsewhere.
    pub(super) async fn last(&self, store: &dyn Store, id: GrantId) -> Result<Option<Timestamp>, Unavailable> {
        let here = self.0.get(&id).map(|last| last.at);
        let there = match store.soft_load(SoftKey::LastUsed(id)).await? {
            Some(Soft::LastUsed(at)) => Some(at),
            Some(Soft::Pace(_)) | None => None,
        };
        Ok(here.max(there))
    }

    /// Tells the store of those that it does not know, and forgets those it does.
    pub(super) async fn save(&self, store: &dyn Store, now: Timestamp) -> Result<(), Unavailable> {
        let unsaved: Vec<(GrantId, Timestamp)> = self.0.iter().filter(|last| !last.saved).map(|last| (*last.key(), last.at)).collect();
        let pieces = unsaved.iter().map(|(id, at)| (SoftKey::LastUsed(*id), Soft::LastUsed(*at), after(*at, KEEP))).collect();
        store.soft_save(pieces).await?;
        for (id, at) in unsaved {
            if let Some(mut last) = self.0.get_mut(&id).filter(|last| last.at == at) {
                last.saved = true;
            }
        }
        self.0.retain(|_, last| !last.saved || now.duration_since(last.at) < STEP);
        Ok(())
    }
}
