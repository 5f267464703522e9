//! Proof Key for Code Exchange (RFC 7636), by `S256` alone.

use aws_lc_rs::{constant_time, digest};
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// `code_challenge`: the hash of a verifier that only the asker knows. It is no secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Challenge([u8; 32]);

impl Challenge {
    /// Reads what RFC 7636 section 4.2 calls `BASE64URL-ENCODE(SHA256(ASCII(code_verifier)))`.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        // Of another length, it is the hash of nothing.
        bytes.try_into().ok().map(Self)
    }

    /// Whether this is the verifier's challenge (RFC 7636 section 4.6). A verifier has 43 to 128
    /// unreserved characters.
    pub fn is_of(&self, verifier: &str) -> bool {
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(unreserved) {
            return false;
        }
        let hash = digest::digest(&digest::SHA256, verifier.as_bytes());
        constant_time::verify_slices_are_equal(hash.as_ref(), &self.0).is_ok()
    }
}

impl Serialize for Challenge {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Challenge {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("expected a code challenge"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// RFC 7636 appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn the_challenge_of_the_rfc_is_met_by_its_verifier_alone() {
        let challenge = Challenge::parse(CHALLENGE).unwrap();
        assert!(challenge.is_of(VERIFIER));
        assert!(!challenge.is_of(CHALLENGE));
        assert!(!challenge.is_of(&VERIFIER[1..]));
        assert!(!challenge.is_of(&VERIFIER.to_lowercase()));
    }

    #[test]
    fn a_verifier_has_43_to_128_unreserved_characters() {
        let of = |verifier: &str| {
            let hash = digest::digest(&digest::SHA256, verifier.as_bytes());
            Challenge::parse(&BASE64URL_NOPAD.encode(hash.as_ref())).unwrap().is_of(verifier)
        };
        assert!(of(&"a".repeat(43)) && of(&"~".repeat(128)));
        for bad in ["", &"a".repeat(42), &"a".repeat(129), &format!("{}+", "a".repeat(43)), &"é".repeat(43)] {
            assert!(!of(bad), "{bad}");
        }
    }

    #[test]
    fn what_is_no_hash_is_no_challenge() {
        for bad in
            ["", "plain", VERIFIER.get(1..).unwrap(), &format!("{CHALLENGE}="), &format!("{CHALLENGE}A"), &CHALLENGE.replace('-', "+")]
        {
            assert_eq!(Challenge::parse(bad), None, "{bad}");
        }
    }
}
