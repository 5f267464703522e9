//! One signing key, as the record holds it.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Algorithm, KeyError, KeyId, Pair, Sealed};
use crate::oauth::{grant::after, secret::Keyring};

/// A key pair, its private half sealed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SigningKey {
    /// Its name: the beginning of its public half's SHA-256.
    pub id: KeyId,
    /// What it signs with, and nothing else.
    pub algorithm: Algorithm,
    /// Ed25519: 32 bytes. P-256: the uncompressed point, 65 bytes.
    #[serde(with = "base64")]
    pub public: Vec<u8>,
    /// When it was made.
    pub created: Timestamp,
    /// How far it has come.
    pub state: KeyState,
}

/// How far a signing key has come.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// Signs what is issued.
    Signing {
        /// The private half.
        private: Sealed,
    },
    /// Another one signs now.
    Retired {
        /// The private half: an answer that is given again is signed again.
        private: Sealed,
        /// Since when.
        at: Timestamp,
        /// When the last JWT that it signed has expired.
        published_until: Timestamp,
    },
    /// Its signatures are worth nothing. The private half is gone.
    Revoked {
        /// Since when.
        at: Timestamp,
    },
}

impl SigningKey {
    pub(super) fn generate(algorithm: Algorithm, keyring: &Keyring, now: Timestamp) -> Result<Self, KeyError> {
        let pair = Pair::generate(algorithm).ok_or(KeyError::NotMade)?;
        let id = pair.id();
        let private = Sealed::seal(keyring, id, algorithm, &pair.private).ok_or(KeyError::NotMade)?;
        Ok(Self { id, algorithm, public: pair.public, created: now, state: KeyState::Signing { private } })
    }

    /// Whether it signs what is issued.
    pub const fn is_signing(&self) -> bool {
        matches!(self.state, KeyState::Signing { .. })
    }

    /// The pair; `None` for a revoked key and for one that cannot be opened: its root was dropped,
    /// or the record was tampered with.
    pub(in crate::oauth) fn open(&self, keyring: &Keyring) -> Option<Pair> {
        let (KeyState::Signing { private } | KeyState::Retired { private, .. }) = &self.state else { return None };
        let pair = Pair::from_pkcs8(self.algorithm, private.open(keyring, self.id, self.algorithm)?)?;
        // The seal vouches for the public half too.
        (pair.public == self.public).then_some(pair)
    }

    pub(super) fn retire(&mut self, now: Timestamp, longest_life: Duration) {
        if let KeyState::Signing { private } = &self.state {
            let private = private.clone();
            self.state = KeyState::Retired { private, at: now, published_until: after(now, longest_life) };
        }
    }
}

/// Bytes in a record.
pub(super) mod base64 {
    use data_encoding::BASE64;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(in crate::oauth::signing) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(bytes))
    }

    pub(in crate::oauth::signing) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        BASE64.decode(text.as_bytes()).map_err(de::Error::custom)
    }
}
