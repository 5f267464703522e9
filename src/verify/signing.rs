//! The signing keys as they are now, for whoever signs and whoever verifies.

use std::{
    ops::Deref,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use arc_swap::{ArcSwap, Guard};
use tokio::sync::{Mutex, MutexGuard};

use crate::{
    clock::BootTime,
    oauth::{
        jwt::{ReadJwt, Signing, Typ, Unusable},
        secret::Keyring,
        signing::{Algorithm, KeyId, SigningKeys},
    },
    store::Version,
};

/// The opened keys, all at once. Reading waits for nobody.
pub struct SigningSnapshot {
    keyring: Arc<Keyring>,
    issuer: String,
    now: ArcSwap<Keys>,
    turn: Mutex<()>,
    /// For which keys it was looked lately, and when.
    missing: std::sync::Mutex<Vec<(KeyId, BootTime)>>,
    /// Whether the last look found out nothing.
    failed: AtomicBool,
}

/// The keys, and of which version of their record.
#[derive(Clone)]
pub struct Keys {
    signing: Arc<Signing>,
    version: Option<Version>,
    /// Those that were revoked here, whatever record was read since: it may have been an older one.
    revoked: Arc<[KeyId]>,
}

impl Keys {
    /// Whether there is such a key.
    pub fn holds(&self, kid: KeyId) -> bool {
        self.signing.holds(kid) && !self.revoked.contains(&kid)
    }

    /// As [`Signing::read`].
    pub fn read(&self, typ: Typ, text: &str) -> Option<ReadJwt> {
        self.signing.read(typ, text).filter(|jwt| !self.revoked.contains(&jwt.kid()))
    }

    /// As [`Signing::current`].
    pub fn current(&self, algorithm: Algorithm) -> Option<KeyId> {
        self.signing.current(algorithm).filter(|kid| !self.revoked.contains(kid))
    }

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

/// It is looked for a key at most so often, because of tokens that name it and are none of ours.
const LOOK_PAUSE: Duration = Duration::from_secs(1);
/// And for so many keys in that time.
const MOST_LOOKS: usize = 32;

/// Whether it is to be looked for a key.
pub(super) enum Look {
    /// It is.
    Due,
    /// Somebody has, or does.
    Done,
    /// It was looked for too many others: nobody can say.
    TooMany,
}

impl SigningSnapshot {
    /// No keys yet.
    pub fn new(keyring: Arc<Keyring>, issuer: String) -> Self {
        let now = ArcSwap::from_pointee(Keys { signing: Arc::new(Signing::none(issuer.clone())), version: None, revoked: Arc::default() });
        Self { keyring, issuer, now, turn: Mutex::default(), missing: std::sync::Mutex::default(), failed: AtomicBool::new(false) }
    }

    /// The keys as they are now.
    pub fn load(&self) -> Guard<Arc<Keys>> {
        self.now.load()
    }

    /// That key verifies nothing any more, and signs nothing. Waits for nobody.
    pub(super) fn revoke(&self, kid: KeyId) {
        self.now.rcu(|now| Keys {
            revoked: now.revoked.iter().copied().filter(|known| *known != kid).chain([kid]).collect(),
            ..Keys::clone(now)
        });
    }

    /// Whether it is to be looked for this key. Only one of those who ask for it at the same time is to look.
    pub(super) fn look_for(&self, kid: KeyId, now: BootTime) -> Look {
        let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        missing.retain(|(_, looked)| now.saturating_sub(*looked) < LOOK_PAUSE);
        if missing.iter().any(|(known, _)| *known == kid) {
            Look::Done
        } else if missing.len() >= MOST_LOOKS {
            Look::TooMany
        } else {
            missing.push((kid, now));
            Look::Due
        }
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
        let signing = Arc::new(Signing::open(keys, &self.snapshot.keyring, &self.snapshot.issuer)?);
        self.snapshot.now.rcu(|now| Keys { signing: Arc::clone(&signing), version, revoked: Arc::clone(&now.revoked) });
        Ok(())
    }
}
