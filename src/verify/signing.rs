//! The signing keys as they are now, for whoever signs and whoever verifies.

use std::{
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::{ArcSwap, Guard};
use tokio::sync::{Mutex, MutexGuard};

use crate::{
    clock::BootTime,
    oauth::{
        jwt::{Signing, Unusable},
        secret::Keyring,
        signing::SigningKeys,
    },
    store::Version,
};

/// The opened keys, all at once. Reading waits for nobody.
pub struct SigningSnapshot {
    keyring: Arc<Keyring>,
    issuer: String,
    now: ArcSwap<Keys>,
    turn: Mutex<()>,
    /// When it was last looked for new keys, in milliseconds.
    looked: AtomicU64,
    /// Whether the last look found out nothing.
    failed: AtomicBool,
}

/// The keys, and of which version of their record.
pub struct Keys {
    signing: Signing,
    version: Option<Version>,
}

impl Keys {
    /// Whether they are those of that version. Of which version those are that were changed here is not
    /// known.
    pub fn is(&self, version: Option<Version>) -> bool {
        version.is_some() && self.version == version
    }
}

impl Deref for Keys {
    type Target = Signing;

    fn deref(&self) -> &Signing {
        &self.signing
    }
}

/// It is looked for new keys at most so often because of a token that names an unknown one.
const LOOK_PAUSE: Duration = Duration::from_secs(1);

impl SigningSnapshot {
    /// No keys yet.
    pub fn new(keyring: Arc<Keyring>, issuer: String) -> Self {
        let now = ArcSwap::from_pointee(Keys { signing: Signing::none(issuer.clone()), version: None });
        Self { keyring, issuer, now, turn: Mutex::default(), looked: AtomicU64::new(0), failed: AtomicBool::new(false) }
    }

    /// The keys as they are now.
    pub fn load(&self) -> Guard<Arc<Keys>> {
        self.now.load()
    }

    /// Whether it may be looked for new keys. Only one of those who ask at the same time may.
    pub(super) fn may_look(&self, now: BootTime) -> bool {
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let last = self.looked.load(Ordering::Relaxed);
        let is_due = last == 0 || now.saturating_sub(last) >= LOOK_PAUSE.as_millis() as u64;
        is_due && self.looked.compare_exchange(last, now.max(1), Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Whether nobody knows which keys there are now.
    pub(super) fn could_not_look(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
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
    /// Whether the keys could be read.
    pub(super) fn note(&self, could: bool) {
        self.snapshot.failed.store(!could, Ordering::Relaxed);
    }

    /// These are the keys from now on, of this version of their record, where that is known.
    ///
    /// # Errors
    /// [`Unusable`]; the keys stay what they were.
    pub fn install(&self, keys: &SigningKeys, version: Option<Version>) -> Result<(), Unusable> {
        let signing = Signing::open(keys, &self.snapshot.keyring, &self.snapshot.issuer)?;
        self.snapshot.now.store(Arc::new(Keys { signing, version }));
        Ok(())
    }
}
