//! Key pairs as the library of cryptography makes them.

use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair},
};
use zeroize::Zeroizing;

use super::{Algorithm, KeyId};

/// Both halves of a key, readable. Never in a record, never in a log.
pub(in crate::oauth) struct Pair {
    /// PKCS#8 version 1 (RFC 5208).
    pub(in crate::oauth) private: Zeroizing<Vec<u8>>,
    /// As in [`super::SigningKey::public`].
    pub(in crate::oauth) public: Vec<u8>,
}

impl Pair {
    pub(super) fn generate(algorithm: Algorithm) -> Option<Self> {
        // The library says no more than that it failed.
        let private = match algorithm {
            Algorithm::EdDsa => Ed25519KeyPair::generate().and_then(|pair| pair.to_pkcs8v1()).ok()?,
            Algorithm::Es256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).and_then(|pair| pair.to_pkcs8v1()).ok()?,
        };
        Self::from_pkcs8(algorithm, Zeroizing::new(private.as_ref().to_vec()))
    }

    /// `None` for what is no private half of this algorithm.
    pub(super) fn from_pkcs8(algorithm: Algorithm, private: Zeroizing<Vec<u8>>) -> Option<Self> {
        let public = match algorithm {
            Algorithm::EdDsa => Ed25519KeyPair::from_pkcs8(&private).ok()?.public_key().as_ref().to_vec(),
            Algorithm::Es256 => EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &private).ok()?.public_key().as_ref().to_vec(),
        };
        Some(Self { private, public })
    }

    /// The key's name. It follows from the key, so that no two keys share one.
    pub(super) fn id(&self) -> KeyId {
        let mut id = [0; 16];
        id.copy_from_slice(&digest(&SHA256, &self.public).as_ref()[..16]);
        KeyId::from_random(id)
    }
}
