//! The keys that sign JWTs (RFC 7515, RFC 7517), one record, and the rules by which they change.
//!
//! ```text
//! Signing ──rotate, retire──► Retired ──its last JWT has expired──► dropped
//!    └────────revoke────────────┴──────► Revoked ──30 days──► dropped
//! ```
//!
//! Each algorithm has one key that signs. A retired one signs nothing new and verifies what it
//! signed; a revoked one takes all of that with it.

mod key;
mod pair;
mod sealed;

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use super::id::KeyId;
use super::{grant::after, secret::Keyring};
pub use key::{KeyState, SigningKey};
pub(super) use pair::Pair;
pub use sealed::Sealed;

/// How long a revoked key is remembered, so that an operator sees what became of it.
const REMEMBER_REVOKED: Duration = Duration::from_secs(30 * 24 * 3600);

/// What signs: `alg` of RFC 7515 section 4.1.1. No other algorithm is ever accepted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Algorithm {
    /// Ed25519 (RFC 8037 section 3.1).
    #[serde(rename = "EdDSA")]
    EdDsa,
    /// ECDSA on P-256 with SHA-256 (RFC 7518 section 3.4).
    #[serde(rename = "ES256")]
    Es256,
}

impl Algorithm {
    /// All that there are.
    pub const ALL: [Self; 2] = [Self::EdDsa, Self::Es256];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
        }
    }
}

impl std::fmt::Display for Algorithm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an access token looks like.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenFormat {
    /// A text that says nothing to anybody but the gateway.
    #[default]
    Opaque,
    /// A JWT (RFC 9068), signed so.
    Jwt(Algorithm),
}

impl TokenFormat {
    /// All that there are.
    pub const ALL: [Self; 3] = [Self::Opaque, Self::Jwt(Algorithm::EdDsa), Self::Jwt(Algorithm::Es256)];

    /// As operators write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opaque => "opaque",
            Self::Jwt(algorithm) => algorithm.as_str(),
        }
    }
}

/// Why the keys did not change.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeyError {
    /// There is no key of that name.
    #[error("there is no signing key of that id")]
    Unknown,
    /// The library would not make or seal one.
    #[error("a signing key could not be made")]
    NotMade,
}

/// All signing keys, the oldest first.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct SigningKeys(Vec<SigningKey>);

impl SigningKeys {
    /// One after the other, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &SigningKey> {
        self.0.iter()
    }

    /// The key of that name.
    pub fn get(&self, id: KeyId) -> Option<&SigningKey> {
        self.0.iter().find(|key| key.id == id)
    }

    /// The key that signs with this algorithm.
    pub fn signing(&self, algorithm: Algorithm) -> Option<&SigningKey> {
        self.0.iter().find(|key| key.algorithm == algorithm && key.is_signing())
    }

    /// Brings the keys up to date: drops what nobody needs any more, reseals, and sees to it that
    /// each algorithm has a key that signs. Answers as [`SigningKeys::reseal`].
    ///
    /// # Errors
    /// [`KeyError::NotMade`].
    pub fn ensure(&mut self, keyring: &Keyring, now: Timestamp) -> Result<Vec<KeyId>, KeyError> {
        self.0.retain(|key| match key.state {
            KeyState::Signing { .. } => true,
            KeyState::Retired { published_until, .. } => now < published_until,
            KeyState::Revoked { at } => now < after(at, REMEMBER_REVOKED),
        });
        let lost = self.reseal(keyring, now)?;
        self.complete(keyring, now)?;
        Ok(lost)
    }

    fn complete(&mut self, keyring: &Keyring, now: Timestamp) -> Result<(), KeyError> {
        for algorithm in Algorithm::ALL {
            if self.signing(algorithm).is_none() {
                self.0.push(SigningKey::generate(algorithm, keyring, now)?);
            }
        }
        Ok(())
    }

    /// Seals every private half under the minting root, so that the others can be dropped. A key
    /// that cannot be opened is revoked, and named in the answer: its root was dropped, which ends
    /// what it minted.
    ///
    /// # Errors
    /// [`KeyError::NotMade`].
    pub fn reseal(&mut self, keyring: &Keyring, now: Timestamp) -> Result<Vec<KeyId>, KeyError> {
        let mut lost = Vec::new();
        for key in &mut self.0 {
            let pair = key.open(keyring);
            let (KeyState::Signing { private } | KeyState::Retired { private, .. }) = &mut key.state else { continue };
            match pair {
                Some(_) if private.root() == keyring.minting() => {}
                Some(pair) => *private = Sealed::seal(keyring, key.id, key.algorithm, &pair.private).ok_or(KeyError::NotMade)?,
                None => {
                    key.state = KeyState::Revoked { at: now };
                    lost.push(key.id);
                }
            }
        }
        Ok(lost)
    }

    /// A new key signs from now on. The old one stays published for as long as a JWT may live that
    /// it has signed.
    ///
    /// # Errors
    /// [`KeyError::NotMade`].
    pub fn rotate(&mut self, algorithm: Algorithm, keyring: &Keyring, now: Timestamp, longest_life: Duration) -> Result<(), KeyError> {
        for key in self.0.iter_mut().filter(|key| key.algorithm == algorithm) {
            key.retire(now, longest_life);
        }
        self.complete(keyring, now)
    }

    /// As [`SigningKeys::rotate`], for the key of that name. One that signs nothing stays as it is.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn retire(&mut self, id: KeyId, keyring: &Keyring, now: Timestamp, longest_life: Duration) -> Result<(), KeyError> {
        self.get_mut(id)?.retire(now, longest_life);
        self.complete(keyring, now)
    }

    /// Takes a key back, with everything that it signed. If it was the one that signs, a new one
    /// takes its place.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn revoke(&mut self, id: KeyId, keyring: &Keyring, now: Timestamp) -> Result<(), KeyError> {
        let key = self.get_mut(id)?;
        if !matches!(key.state, KeyState::Revoked { .. }) {
            key.state = KeyState::Revoked { at: now };
        }
        self.complete(keyring, now)
    }

    fn get_mut(&mut self, id: KeyId) -> Result<&mut SigningKey, KeyError> {
        self.0.iter_mut().find(|key| key.id == id).ok_or(KeyError::Unknown)
    }
}

#[cfg(test)]
pub(super) mod tests;
