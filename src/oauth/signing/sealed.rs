//! A private half as the store holds it: encrypted and bound to its place (AES-256-GCM, RFC 5116
//! section 5.2), so that neither the store nor the root secret alone can sign.

use aws_lc_rs::aead::{Aad, NONCE_LEN, Nonce};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Algorithm, KeyId, key::base64};
use crate::oauth::secret::{Keyring, RootId};

/// A sealed private half. It opens only under its root, for its key and its algorithm.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    root: RootId,
    /// The nonce, the ciphertext, the tag.
    #[serde(with = "base64")]
    content: Vec<u8>,
}

impl Sealed {
    /// Under the minting root. `None` where the library would not.
    pub(super) fn seal(keyring: &Keyring, id: KeyId, algorithm: Algorithm, private: &[u8]) -> Option<Self> {
        let root = keyring.minting();
        let mut sealed = private.to_vec();
        let nonce = keyring.root(root)?.seal.seal_in_place_append_tag(bound_to(id, algorithm), &mut sealed).ok()?;
        Some(Self { root, content: [nonce.as_ref(), sealed.as_slice()].concat() })
    }

    /// `None` where the root was dropped, and for what was not sealed so.
    pub(super) fn open(&self, keyring: &Keyring, id: KeyId, algorithm: Algorithm) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = self.content.split_first_chunk::<NONCE_LEN>()?;
        let mut private = Zeroizing::new(sealed.to_vec());
        let seal = &keyring.root(self.root)?.seal;
        // The library says no more than that it does not open.
        let length = seal.open_in_place(Nonce::from(nonce), bound_to(id, algorithm), &mut private).ok()?.len();
        private.truncate(length);
        Some(private)
    }

    /// The root that opens it.
    pub const fn root(&self) -> RootId {
        self.root
    }
}

fn bound_to(id: KeyId, algorithm: Algorithm) -> Aad<Vec<u8>> {
    Aad::from([b"signing key".as_slice(), id.as_bytes(), algorithm.as_str().as_bytes()].concat())
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealed({}, ..)", self.root)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;
    use secrecy::SecretString;

    use super::*;

    const ID: KeyId = KeyId::from_random([1; 16]);

    fn keyring(secret: &str) -> Keyring {
        Keyring::new(&[(RootId::DEFAULT, SecretString::from(secret.repeat(32)))]).unwrap()
    }

    fn sealed() -> Sealed {
        Sealed::seal(&keyring("r"), ID, Algorithm::EdDsa, b"the private half").unwrap()
    }

    #[test]
    fn a_seal_opens_only_under_its_root_for_its_key_and_algorithm() {
        let open = |ring, id, algorithm| sealed().open(&ring, id, algorithm).map(|private| private.to_vec());
        assert_eq!(open(keyring("r"), ID, Algorithm::EdDsa), Some(b"the private half".to_vec()));
        assert_eq!(open(keyring("s"), ID, Algorithm::EdDsa), None);
        assert_eq!(open(keyring("r"), KeyId::from_random([2; 16]), Algorithm::EdDsa), None);
        assert_eq!(open(keyring("r"), ID, Algorithm::Es256), None);
    }

    #[test]
    fn the_same_is_sealed_otherwise_each_time() {
        assert_ne!(sealed(), sealed());
    }

    proptest! {
        #[test]
        fn a_seal_changed_anywhere_does_not_open(at in 0..(NONCE_LEN + 16 + 16), bit in 0..8u8) {
            let mut sealed = sealed();
            sealed.content[at] ^= 1u8 << bit;
            prop_assert!(sealed.open(&keyring("r"), ID, Algorithm::EdDsa).is_none());
        }

        #[test]
        fn a_seal_cut_short_does_not_open(length in 0..(NONCE_LEN + 16 + 16)) {
            let mut sealed = sealed();
            sealed.content.truncate(length);
            prop_assert!(sealed.open(&keyring("r"), ID, Algorithm::EdDsa).is_none());
        }
    }
}
