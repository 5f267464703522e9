//! Credentials: device codes, tokens and session cookies, all in one form.
//!
//! ```text
//! prefix · root id · record id · issue number · secret · MAC
//! ```
//!
//! The MAC refuses what we never made with no look-up at all; the id makes every look-up one read
//! of one key; the secret is derived from the record's salt, so that neither the store nor the
//! keys alone can make a credential. After the prefix it is base32 in lower case, so that a
//! credential has exactly one spelling, no `-`, and a double click selects it.

use aws_lc_rs::{constant_time, hmac};
use data_encoding::{Encoding, Specification};
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::{
    client::ClientKey,
    id::{GrantId, SessionId},
    secret::{Keyring, RootId, Salt, first},
};

const SECRET: usize = 25;
const MAC: usize = 8;
/// Root id, record id, issue number.
const NAMES: usize = 2 + 16 + 4;
const BYTES: usize = NAMES + SECRET + MAC;
/// Characters after the prefix.
const CHARS: usize = BYTES * 8 / 5;

/// What a credential is good for. Each kind has secrets and MACs of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Kind {
    /// RFC 8628 section 3.2.
    DeviceCode = 1,
    /// RFC 6749 section 1.4.
    Access = 2,
    /// RFC 6749 section 1.5.
    Refresh = 3,
    /// The cookie of a signed-in browser.
    Session = 4,
    /// An authorization code, RFC 6749 section 1.3.1.
    Code = 5,
    /// What a client authenticates with, RFC 6749 section 2.3.1.
    ClientSecret = 6,
}

/// Makes the credential of a record's issue `number`. The same arguments give the same text.
/// `None` where the keyring has dropped `root`.
pub fn mint(keyring: &Keyring, root: RootId, prefix: &str, kind: Kind, id: &[u8; 16], number: u32, salt: &Salt) -> Option<SecretString> {
    let keys = keyring.root(root)?;
    let mut bytes = Zeroizing::new([0; BYTES]);
    bytes[..2].copy_from_slice(root.as_bytes());
    bytes[2..18].copy_from_slice(id);
    bytes[18..NAMES].copy_from_slice(&number.to_be_bytes());
    bytes[NAMES..NAMES + SECRET].copy_from_slice(&*secret(&keys.secrets, kind, id, number, salt));
    let mac = mac(&keys.macs, kind, prefix, &bytes[..NAMES + SECRET]);
    bytes[NAMES + SECRET..].copy_from_slice(&mac);
    Some(SecretString::from(format!("{prefix}{}", base32().encode(&*bytes))))
}

/// How the credentials of a record begin, for telling them apart: nothing of it is secret.
pub fn beginning(prefix: &str, root: RootId, id: &[u8; 16]) -> String {
    const SHOWN: usize = 12;
    let mut names = [0; 20];
    names[..2].copy_from_slice(root.as_bytes());
    names[2..18].copy_from_slice(id);
    format!("{prefix}{}", &base32().encode(&names)[..SHOWN])
}

/// A credential that we made: its MAC is right. Whether it is still worth anything, its record
/// tells.
pub struct Presented {
    kind: Kind,
    root: RootId,
    id: [u8; 16],
    number: u32,
    secret: Zeroizing<[u8; SECRET]>,
}

/// Evidence that a caller holds issue `number` of a record. Only [`Presented::prove`] makes it,
/// [`super::typed::TypedCode::prove`] for a code, which is issue 0, and [`super::jwt::ReadJwt::proof`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Proof {
    number: u32,
}

impl Proof {
    pub(super) const CODE: Self = Self { number: 0 };

    /// For a JWT whose signature is right.
    pub(super) const fn signed(number: u32) -> Self {
        Self { number }
    }

    /// The issue's number.
    pub const fn number(self) -> u32 {
        self.number
    }
}

impl Presented {
    /// Reads a credential of this kind; `None` for everything that we did not make.
    pub fn read(keyring: &Keyring, kind: Kind, text: &str) -> Option<Self> {
        let (prefix, body) = text.split_at_checked(text.len().checked_sub(CHARS)?)?;
        let mut bytes = Zeroizing::new([0; BYTES]);
        // The reason is of no use: what cannot be read is none of ours.
        base32().decode_mut(body.as_bytes(), &mut *bytes).ok()?;
        let root = RootId::from_bytes([bytes[0], bytes[1]]);
        let mac = mac(&keyring.root(root)?.macs, kind, prefix, &bytes[..NAMES + SECRET]);
        constant_time::verify_slices_are_equal(&mac, &bytes[NAMES + SECRET..]).ok()?;
        let mut presented = Self { kind, root, id: [0; 16], number: 0, secret: Zeroizing::new([0; SECRET]) };
        presented.id.copy_from_slice(&bytes[2..18]);
        presented.number = u32::from_be_bytes([bytes[18], bytes[19], bytes[20], bytes[21]]);
        presented.secret.copy_from_slice(&bytes[NAMES..NAMES + SECRET]);
        Some(presented)
    }

    /// The grant that this credential names.
    pub const fn grant(&self) -> GrantId {
        GrantId::from_random(self.id)
    }

    /// The session that this credential names.
    pub const fn session(&self) -> SessionId {
        SessionId::from_random(self.id)
    }

    /// The client that this credential names.
    pub const fn client(&self) -> ClientKey {
        ClientKey::from_bytes(self.id)
    }

    /// The number of the issue that it claims to be.
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// Compares the secret with the one that belongs to the record with this salt, in constant
    /// time.
    pub fn prove(&self, keyring: &Keyring, salt: &Salt) -> Option<Proof> {
        let expected = secret(&keyring.root(self.root)?.secrets, self.kind, &self.id, self.number, salt);
        constant_time::verify_slices_are_equal(&*expected, &*self.secret).ok()?;
        Some(Proof { number: self.number })
    }
}

impl std::fmt::Debug for Presented {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Presented").field("kind", &self.kind).field("number", &self.number).finish_non_exhaustive()
    }
}

fn secret(key: &hmac::Key, kind: Kind, id: &[u8; 16], number: u32, salt: &Salt) -> Zeroizing<[u8; SECRET]> {
    let mut context = hmac::Context::with_key(key);
    context.update(&[kind as u8]);
    context.update(id);
    context.update(&number.to_be_bytes());
    context.update(salt.as_bytes());
    Zeroizing::new(first(&context.sign()))
}

fn mac(key: &hmac::Key, kind: Kind, prefix: &str, bytes: &[u8]) -> [u8; MAC] {
    let mut context = hmac::Context::with_key(key);
    context.update(&[kind as u8]);
    context.update(bytes);
    context.update(prefix.as_bytes());
    first(&context.sign())
}

fn base32() -> &'static Encoding {
    static BASE32: std::sync::LazyLock<Encoding> = std::sync::LazyLock::new(|| {
        let mut specification = Specification::new();
        specification.symbols.push_str("abcdefghijklmnopqrstuvwxyz234567");
        // These symbols are right, and a test encodes with them; the fallback differs in case only.
        specification.encoding().unwrap_or(data_encoding::BASE32_NOPAD)
    });
    &BASE32
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    use super::*;

    fn keyring(roots: &[(&str, u8)]) -> Keyring {
        let roots: Vec<_> = roots
            .iter()
            .map(|(id, byte)| (RootId::parse(id).unwrap(), SecretString::from(char::from(*byte).to_string().repeat(32))))
            .collect();
        Keyring::new(&roots).unwrap()
    }

    fn token(ring: &Keyring, kind: Kind) -> String {
        let text = mint(ring, ring.minting(), "bs_at_", kind, &[7; 16], 3, &Salt::from_random([9; 32])).unwrap();
        text.expose_secret().to_owned()
    }

    #[test]
    fn what_was_minted_is_read_back_and_proves_its_issue() {
        let ring = keyring(&[("k1", b'a')]);
        let text = token(&ring, Kind::Access);
        assert!(text.starts_with("bs_at_") && text.len() == 6 + CHARS, "{text}");
        assert!(text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_')));
        let presented = Presented::read(&ring, Kind::Access, &text).unwrap();
        assert_eq!(presented.grant(), GrantId::from_random([7; 16]));
        assert_eq!(presented.prove(&ring, &Salt::from_random([9; 32])).map(Proof::number), Some(3));
        assert_eq!(presented.prove(&ring, &Salt::from_random([8; 32])), None);
    }

    #[test]
    fn a_credential_of_one_kind_is_unknown_as_another() {
        let ring = keyring(&[("k1", b'a')]);
        assert!(Presented::read(&ring, Kind::Access, &token(&ring, Kind::Refresh)).is_none());
        assert!(Presented::read(&ring, Kind::Refresh, &token(&ring, Kind::DeviceCode)).is_none());
    }

    #[test]
    fn a_root_that_was_replaced_still_verifies_and_one_that_was_dropped_does_not() {
        let text = token(&keyring(&[("k1", b'a')]), Kind::Access);
        assert!(Presented::read(&keyring(&[("k2", b'b'), ("k1", b'a')]), Kind::Access, &text).is_some());
        assert!(Presented::read(&keyring(&[("k2", b'b')]), Kind::Access, &text).is_none());
        assert!(Presented::read(&keyring(&[("k1", b'c')]), Kind::Access, &text).is_none());
    }

    #[test]
    fn nothing_secret_shows_in_debug() {
        let ring = keyring(&[("k1", b'a')]);
        let text = token(&ring, Kind::Access);
        let shown = format!("{:?} {ring:?} {:?}", Presented::read(&ring, Kind::Access, &text), Salt::from_random([0x41; 32]));
        assert!(!shown.contains("aaaa") && !shown.contains("65, 65") && !shown.contains(&text[20..40]), "{shown}");
    }

    proptest! {
        #[test]
        fn a_credential_changed_anywhere_is_none_of_ours(at in 0..(6 + CHARS), to in "[ -~]") {
            let ring = keyring(&[("k1", b'a')]);
            let text = token(&ring, Kind::Access);
            let mut changed = text.clone();
            changed.replace_range(at..=at, &to);
            prop_assert_eq!(Presented::read(&ring, Kind::Access, &changed).is_some(), changed == text);
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,200}") {
            prop_assert!(Presented::read(&keyring(&[("k1", b'a')]), Kind::Access, &text).is_none());
        }
    }
}
