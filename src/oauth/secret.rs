//! Keys. One root secret, and under it a sub-key for each purpose, so that nothing made for one
//! purpose can serve another. Secrets are derived from these, never stored; a key pair cannot be
//! derived, and is sealed under one.
//!
//! There may be several roots while one replaces another: the first mints, all verify. Whatever is
//! minted names its root.

use std::fmt;

use aws_lc_rs::{aead, constant_time, hkdf, hmac};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The shortest root secret that is accepted, in bytes.
pub const MIN_ROOT_BYTES: usize = 32;

/// Names a root secret: two letters or digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RootId([u8; 2]);

impl RootId {
    /// The name of a root that was given none.
    pub const DEFAULT: Self = Self(*b"k1");

    /// Reads two lower-case letters or digits.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 2] = text.as_bytes().try_into().ok()?;
        bytes.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9')).then_some(Self(bytes))
    }

    pub(super) const fn from_bytes(bytes: [u8; 2]) -> Self {
        Self(bytes)
    }

    pub(super) const fn as_bytes(&self) -> &[u8; 2] {
        &self.0
    }
}

impl fmt::Display for RootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", char::from(self.0[0]), char::from(self.0[1]))
    }
}

impl fmt::Debug for RootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RootId({self})")
    }
}

impl Serialize for RootId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RootId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("expected two lower-case letters or digits"))
    }
}

/// Random bytes of a record, from which, with a key, its secrets are derived. Worthless without
/// the key, and still kept out of `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Salt([u8; 32]);

impl Salt {
    /// The salt made of 32 random bytes.
    pub const fn from_random(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(super) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(..)")
    }
}

impl Serialize for Salt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&data_encoding::BASE64.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Salt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        let bytes = data_encoding::BASE64.decode(text.as_bytes()).map_err(de::Error::custom)?;
        let bytes = bytes.try_into().map_err(|_wrong_length| de::Error::custom("expected 32 bytes"))?;
        Ok(Self(bytes))
    }
}

/// One root and its sub-keys.
pub(super) struct Root {
    id: RootId,
    /// Tells what we made from what we never made.
    pub(super) macs: hmac::Key,
    /// Derives the secrets of credentials.
    pub(super) secrets: hmac::Key,
    /// Derives the codes that people type into apps.
    pub(super) typed: hmac::Key,
    /// Seals the secrets that cannot be derived.
    pub(super) seal: aead::RandomizedNonceKey,
    /// Seals the frames of an export.
    pub(super) exports: aead::RandomizedNonceKey,
    lookups: hmac::Key,
    forms: hmac::Key,
    counts: hmac::Key,
    check: [u8; 16],
}

/// HKDF's output length, as its API wants it.
struct Bytes<const N: usize>;

impl<const N: usize> hkdf::KeyType for Bytes<N> {
    fn len(&self) -> usize {
        N
    }
}

/// A root secret cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadRoot {
    /// Not enough to guess against.
    #[error("a root secret has at least {MIN_ROOT_BYTES} bytes")]
    TooShort,
    /// Two roots of one name.
    #[error("two root secrets have the same id")]
    SameId,
    /// There is none.
    #[error("there is no root secret")]
    None,
    /// The library would not derive a key.
    #[error("a sub-key could not be derived")]
    Derivation,
}

impl Root {
    fn derive(id: RootId, secret: &SecretString) -> Result<Self, BadRoot> {
        let secret = secret.expose_secret().as_bytes();
        if secret.len() < MIN_ROOT_BYTES {
            return Err(BadRoot::TooShort);
        }
        let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, b"gatepost 1").extract(secret);
        let bytes = |label: &[u8]| {
            let mut key = zeroize::Zeroizing::new([0; 32]);
            extracted
                .expand(&[label], Bytes::<32>)
                .and_then(|okm| okm.fill(key.as_mut_slice()))
                .map_err(|_unspecified| BadRoot::Derivation)?;
            Ok(key)
        };
        let sub_key = |label: &[u8]| Ok(hmac::Key::new(hmac::HMAC_SHA256, bytes(label)?.as_slice()));
        let sealing_key = |label: &[u8]| {
            aead::RandomizedNonceKey::new(&aead::AES_256_GCM, bytes(label)?.as_slice()).map_err(|_unspecified| BadRoot::Derivation)
        };
        let check = hmac::sign(&sub_key(b"check")?, b"check");
        Ok(Self {
            id,
            macs: sub_key(b"mac")?,
            secrets: sub_key(b"secret")?,
            typed: sub_key(b"typed code")?,
            seal: sealing_key(b"seal")?,
            exports: sealing_key(b"export")?,
            lookups: sub_key(b"lookup")?,
            forms: sub_key(b"form")?,
            counts: sub_key(b"count")?,
            check: first(&check),
        })
    }
}

pub(super) fn first<const N: usize>(tag: &hmac::Tag) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&tag.as_ref()[..N]);
    bytes
}

/// The root secrets in force, the minting one first.
pub struct Keyring(Vec<Root>);

impl Keyring {
    /// Derives the sub-keys of each root; the first is the one that mints.
    ///
    /// # Errors
    /// [`BadRoot`] where there is no root, two have one id, or one is too short.
    pub fn new(roots: &[(RootId, SecretString)]) -> Result<Self, BadRoot> {
        if roots.is_empty() {
            return Err(BadRoot::None);
        }
        let mut ring: Vec<Root> = Vec::with_capacity(roots.len());
        for (id, secret) in roots {
            if ring.iter().any(|root| root.id == *id) {
                return Err(BadRoot::SameId);
            }
            ring.push(Root::derive(*id, secret)?);
        }
        Ok(Self(ring))
    }

    /// The root that new credentials and records name.
    pub fn minting(&self) -> RootId {
        self.0[0].id
    }

    /// The root of that name; `None` once it was dropped, which ends all it minted.
    pub(super) fn root(&self, id: RootId) -> Option<&Root> {
        self.0.iter().find(|root| root.id == id)
    }

    /// A value for each root that tells it from any other and tells nothing about it. The store
    /// keeps them, so that a start under other roots is noticed.
    pub fn checks(&self) -> impl Iterator<Item = (RootId, [u8; 16])> {
        self.0.iter().map(|root| (root.id, root.check))
    }

    /// Under which names the store may know something that is not to be read in it (a user code, a
    /// request's id), the newest root's first.
    pub fn lookups(&self, name: &[u8]) -> impl Iterator<Item = [u8; 16]> {
        self.0.iter().map(|root| first(&hmac::sign(&root.lookups, name)))
    }

    /// Proof that a form was made by us for exactly these parts (a session, an action, a record).
    pub fn form_token(&self, parts: &[&[u8]]) -> [u8; 16] {
        sign(&self.0[0].forms, parts)
    }

    /// Whether `token` is what [`Keyring::form_token`] gave for these parts, in constant time.
    pub fn is_form_token(&self, token: &[u8], parts: &[&[u8]]) -> bool {
        self.0.iter().any(|root| constant_time::verify_slices_are_equal(token, &sign(&root.forms, parts)).is_ok())
    }

    /// Under which name exactly these parts (an action, an address) are counted: the same wherever the
    /// first root is the same, and nothing can be read from it.
    pub fn count_name(&self, parts: &[&[u8]]) -> [u8; 16] {
        sign(&self.0[0].counts, parts)
    }
}

fn sign(key: &hmac::Key, parts: &[&[u8]]) -> [u8; 16] {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    first(&context.sign())
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|root| root.id)).finish()
    }
}
