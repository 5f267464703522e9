//! The code that a person types: eight letters without vowels, so that it spells no word and
//! mistakes no digit (RFC 8628 section 6.1).

use std::fmt;

/// The letters, 20 of them: RFC 8628 section 6.1.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// How many letters a code has: 34.5 bits.
pub const LENGTH: usize = 8;

/// A user code in its one spelling: eight capital letters. Kept nowhere; the store knows it by an
/// HMAC.
#[derive(Clone, PartialEq, Eq)]
pub struct UserCode([u8; LENGTH]);

impl UserCode {
    /// The code for random bytes. More bytes than letters, since a byte that would make some
    /// letters likelier than others is passed over; `None` where too few are left.
    pub fn from_random(bytes: [u8; 64]) -> Option<Self> {
        const FAIR: u8 = (256 / LETTERS.len() * LETTERS.len() - 1) as u8;
        let mut letters = bytes.iter().filter(|byte| **byte <= FAIR).map(|byte| LETTERS[usize::from(*byte) % LETTERS.len()]);
        let mut code = [0; LENGTH];
        for place in &mut code {
            *place = letters.next()?;
        }
        Some(Self(code))
    }

    /// Reads what a person typed: any case, with `-` and spaces anywhere.
    pub fn parse(text: &str) -> Option<Self> {
        let mut typed = text.bytes().filter(|byte| !matches!(byte, b'-' | b' ')).map(|byte| byte.to_ascii_uppercase());
        let mut code = [0; LENGTH];
        for place in &mut code {
            *place = typed.next().filter(|letter| LETTERS.contains(letter))?;
        }
        typed.next().is_none().then_some(Self(code))
    }

    /// The eight letters, for the look-up.
    pub const fn as_bytes(&self) -> &[u8; LENGTH] {
        &self.0
    }

    /// The eight letters, for programs that show them in a way of their own: `XXXXXXXX`.
    pub fn letters(&self) -> String {
        self.0.iter().map(|letter| char::from(*letter)).collect()
    }

    /// As it is shown: `XXXX-XXXX`.
    pub fn shown(&self) -> String {
        let letters = self.letters();
        format!("{}-{}", &letters[..4], &letters[4..])
    }
}

impl fmt::Debug for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserCode(********)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_code_is_read_back_however_it_was_typed(bytes in prop::array::uniform32(any::<u8>())) {
            let mut random = [0; 64];
            random[..32].copy_from_slice(&bytes);
            let code = UserCode::from_random(random);
            prop_assume!(code.is_some());
            let shown = code.as_ref().map(UserCode::shown).unwrap_or_default();
            prop_assert_eq!(shown.len(), 9);
            let letters = shown.replace('-', "");
            for typed in [shown.clone(), shown.to_lowercase(), letters.clone(), format!(" {} {}", &letters[..2], &letters[2..])] {
                prop_assert_eq!(UserCode::parse(&typed), code.clone());
            }
        }

        #[test]
        fn what_is_no_code_is_refused(text in "[ -~]{0,12}") {
            let letters = text.replace(['-', ' '], "");
            let fits = letters.len() == LENGTH && letters.to_uppercase().bytes().all(|b| LETTERS.contains(&b));
            prop_assert_eq!(UserCode::parse(&text).is_some(), fits);
        }
    }

    #[test]
    fn every_letter_is_equally_likely() {
        let mut seen = std::collections::BTreeMap::new();
        for byte in 0..=u8::MAX {
            if let Some(code) = UserCode::from_random([byte; 64]) {
                *seen.entry(code.as_bytes()[0]).or_insert(0) += 1;
            }
        }
        assert_eq!(seen.len(), LETTERS.len());
        assert!(seen.values().all(|count| *count == 12), "{seen:?}");
    }
}
