//! What a person carries from a page into an app: six digits (SereChat). And the name under which
//! the app asked, since six digits name nothing.

use std::fmt;

use aws_lc_rs::{constant_time, hmac};

use super::{
    grant::Grant,
    guid,
    secret::{Keyring, first},
    token::Proof,
};

/// How many digits a code has.
pub const DIGITS: usize = 6;

/// Names an ask to whoever made it: a version 4 UUID (RFC 9562 section 5.4). A name and no
/// credential, and still in no log: with it comes the right to try codes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AskId([u8; 16]);

impl AskId {
    /// The id made of 16 random bytes.
    pub const fn from_random(bytes: [u8; 16]) -> Self {
        Self(guid::of_random(bytes))
    }

    /// Reads the one spelling that [`AskId::shown`] has; `None` for what names nothing.
    pub fn parse(text: &str) -> Option<Self> {
        guid::parse(text).map(Self)
    }

    /// As it stands on the wire: `xxxxxxxx-xxxx-4xxx-xxxx-xxxxxxxxxxxx`.
    pub fn shown(&self) -> String {
        guid::shown(&self.0)
    }

    /// The 16 bytes, for the look-up.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for AskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AskId(..)")
    }
}

/// Six digits. They are derived from the key and the grant, so that nothing readable is kept and
/// the page can show them again.
#[derive(Clone, PartialEq, Eq)]
pub struct TypedCode([u8; DIGITS]);

impl TypedCode {
    /// The code of a grant; `None` where its root was dropped.
    pub fn of(keyring: &Keyring, grant: &Grant) -> Option<Self> {
        let mut context = hmac::Context::with_key(&keyring.root(grant.root)?.typed);
        context.update(grant.id.as_bytes());
        context.update(grant.salt.as_bytes());
        // 64 bits over a million: no code is likelier than another by more than 1 in 10^13.
        let mut number = u64::from_be_bytes(first(&context.sign()));
        let mut digits = [0; DIGITS];
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
        }
        Some(Self(digits))
    }

    /// Reads six digits.
    pub fn parse(text: &str) -> Option<Self> {
        // Another length is the only error.
        let digits: [u8; DIGITS] = text.as_bytes().try_into().ok()?;
        digits.iter().all(u8::is_ascii_digit).then_some(Self(digits))
    }

    /// The six digits.
    pub fn shown(&self) -> String {
        self.0.iter().map(|digit| char::from(*digit)).collect()
    }

    /// Compares with the grant's own code, in constant time.
    pub fn prove(&self, keyring: &Keyring, grant: &Grant) -> Option<Proof> {
        let right = Self::of(keyring, grant)?;
        constant_time::verify_slices_are_equal(&self.0, &right.0).ok()?;
        Some(Proof::CODE)
    }
}

impl fmt::Debug for TypedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TypedCode(******)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_id_is_a_version_4_uuid_and_is_read_back(bytes in prop::array::uniform16(any::<u8>())) {
            let id = AskId::from_random(bytes);
            let shown = id.shown();
            prop_assert_eq!(shown.len(), 36);
            prop_assert_eq!(&shown[14..15], "4");
            prop_assert!("89ab".contains(&shown[19..20]));
            prop_assert_eq!(AskId::parse(&shown), Some(id));
            for other in [shown.to_uppercase(), shown.replace('-', ""), format!("{shown} "), format!("{{{shown}}}")] {
                prop_assert!(other == shown || AskId::parse(&other).is_none(), "{}", other);
            }
        }

        #[test]
        fn what_is_no_id_or_code_is_refused(text in "\\PC{0,40}") {
            prop_assert!(AskId::parse(&text).is_none());
            let digits = text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
            prop_assert_eq!(TypedCode::parse(&text).is_some(), digits);
        }
    }

    #[test]
    fn neither_shows_in_debug() {
        let shown = format!("{:?} {:?}", AskId::from_random([0xab; 16]), TypedCode::parse("123456"));
        assert!(!shown.contains("ab") && !shown.contains("123"), "{shown}");
    }
}
