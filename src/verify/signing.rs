//! The signing keys as they are now, for whoever signs and whoever verifies.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use tokio::sync::{Mutex, MutexGuard};

use crate::oauth::{
    jwt::{Signing, Unusable},
    secret::Keyring,
    signing::SigningKeys,
};

/// The opened keys, all at once. Reading waits for nobody.
pub struct SigningSnapshot {
    keyring: Arc<Keyring>,
    issuer: String,
    now: ArcSwap<Signing>,
    turn: Mutex<()>,
}

impl SigningSnapshot {
    /// No keys yet.
    pub fn new(keyring: Arc<Keyring>, issuer: String) -> Self {
        let now = ArcSwap::from_pointee(Signing::none(issuer.clone()));
        Self { keyring, issuer, now, turn: Mutex::default() }
    }

    /// The keys as they are now.
    pub fn load(&self) -> Guard<Arc<Signing>> {
        self.now.load()
    }

    /// Waits until nobody else changes the keys. To be held from reading the record until what was
    /// committed is installed, so that no older state comes after a newer one.
    pub async fn turn(&self) -> Turn<'_> {
        Turn { snapshot: self, _held: self.turn.lock().await }
    }
}

/// The right to say what the keys are now.
pub struct Turn<'a> {
    snapshot: &'a SigningSnapshot,
    _held: MutexGuard<'a, ()>,
}

impl Turn<'_> {
    /// These are the keys from now on.
    ///
    /// # Errors
    /// [`Unusable`]; the keys stay what they were.
    pub fn install(&self, keys: &SigningKeys) -> Result<(), Unusable> {
        let opened = Signing::open(keys, &self.snapshot.keyring, &self.snapshot.issuer)?;
        self.snapshot.now.store(Arc::new(opened));
        Ok(())
    }
}
