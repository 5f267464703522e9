//! The frames of a sealed file (AES-256-GCM, RFC 5116 section 5.2): each bound to its file, its place
//! there, and whether it is the last, so that frames that were changed, reordered, left out or taken
//! from another file do not open.

use aws_lc_rs::aead::{Aad, NONCE_LEN, Nonce};
use zeroize::Zeroizing;

use super::secret::{Keyring, RootId};

/// Where a frame stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place<'a> {
    /// What the file begins with, which no other file does.
    pub header: &'a [u8],
    /// From 0 on.
    pub number: u64,
    /// Whether none follows.
    pub last: bool,
}

impl Place<'_> {
    fn bound(self) -> Aad<Vec<u8>> {
        Aad::from([self.header, &self.number.to_be_bytes(), &[u8::from(self.last)]].concat())
    }
}

impl Keyring {
    /// Seals a frame under the minting root: the nonce, the ciphertext, the tag. `None` where the
    /// library would not.
    pub fn seal_frame(&self, place: Place<'_>, content: &[u8]) -> Option<Vec<u8>> {
        let mut sealed = content.to_vec();
        let key = &self.root(self.minting())?.exports;
        // The library says no more than that it does not seal.
        let nonce = key.seal_in_place_append_tag(place.bound(), &mut sealed).ok()?;
        Some([nonce.as_ref(), sealed.as_slice()].concat())
    }

    /// Opens what [`Keyring::seal_frame`] made. `None` where the root is not there, and for what was
    /// not sealed for this place.
    pub fn open_frame(&self, root: RootId, place: Place<'_>, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut content = Zeroizing::new(sealed.to_vec());
        // As above.
        let length = self.root(root)?.exports.open_in_place(Nonce::from(nonce), place.bound(), &mut content).ok()?.len();
        content.truncate(length);
        Some(content)
    }

    /// Whether there is a root of that name.
    pub fn has(&self, root: RootId) -> bool {
        self.root(root).is_some()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use aws_lc_rs::aead::RandomizedNonceKey;
    use secrecy::SecretString;

    use super::*;

    fn keyring(id: &str, secret: &str) -> Keyring {
        Keyring::new(&[(RootId::parse(id).unwrap(), SecretString::from(secret.repeat(32)))]).unwrap()
    }

    const PLACE: Place<'_> = Place { header: b"a file", number: 3, last: false };

    #[test]
    fn a_frame_opens_only_under_its_root_in_its_place() {
        let ring = keyring("k1", "r");
        let sealed = ring.seal_frame(PLACE, b"what is in it").unwrap();
        let open = |ring: &Keyring, place| ring.open_frame(RootId::DEFAULT, place, &sealed).map(|content| content.to_vec());
        assert_eq!(open(&ring, PLACE), Some(b"what is in it".to_vec()));
        for other in [Place { header: b"b file", ..PLACE }, Place { number: 4, ..PLACE }, Place { last: true, ..PLACE }] {
            assert_eq!(open(&ring, other), None, "{other:?}");
        }
        assert_eq!(open(&keyring("k1", "s"), PLACE), None);
        assert_eq!(open(&keyring("k2", "r"), PLACE), None);
    }

    #[test]
    fn a_frame_that_was_changed_or_cut_anywhere_does_not_open() {
        let ring = keyring("k1", "r");
        let sealed = ring.seal_frame(PLACE, b"what is in it").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(ring.open_frame(RootId::DEFAULT, PLACE, &changed).is_none(), "{at}");
            assert!(ring.open_frame(RootId::DEFAULT, PLACE, &sealed[..at]).is_none(), "{at}");
        }
    }

    #[test]
    fn what_seals_signing_keys_opens_no_frame() {
        let ring = keyring("k1", "r");
        let root = ring.root(RootId::DEFAULT).unwrap();
        let sealed = ring.seal_frame(PLACE, b"x").unwrap();
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>().unwrap();
        let opens = |key: &RandomizedNonceKey| key.open_in_place(Nonce::from(nonce), PLACE.bound(), &mut sealed.to_vec()).is_ok();
        assert!(opens(&root.exports) && !opens(&root.seal));
    }
}
