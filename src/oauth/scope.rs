//! Scopes: what a grant lets an app do (RFC 6749 section 3.3).

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Opens the gateway's own API for clients.
pub const CLIENTS: &str = "clients";
/// Opens the gateway's own API for approvals.
pub const APPROVE: &str = "approve";
/// The scopes that the gateway itself gives a meaning. Users give them to their personal tokens,
/// and no app may ask for them.
pub const OWN: [&str; 2] = [APPROVE, CLIENTS];

/// A set of scope tokens. Written as one text, separated by spaces, in alphabetical order.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Scopes(BTreeSet<String>);

/// The text is not a list of scope tokens.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a scope holds printable ASCII characters other than space, '\"' and '\\'")]
pub struct BadScope;

impl Scopes {
    /// Reads a list separated by single spaces; more spaces are forgiven.
    ///
    /// # Errors
    /// [`BadScope`] where a token holds a character that RFC 6749 section 3.3 does not allow.
    pub fn parse(text: &str) -> Result<Self, BadScope> {
        text.split(' ').filter(|token| !token.is_empty()).map(Self::token).collect()
    }

    fn token(token: &str) -> Result<String, BadScope> {
        let allowed = |byte| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E);
        if token.bytes().all(allowed) { Ok(token.to_owned()) } else { Err(BadScope) }
    }

    /// The scopes that are in both sets: nobody grants more than he holds.
    #[must_use]
    pub fn narrowed_to(&self, cap: &Self) -> Self {
        Self(self.0.intersection(&cap.0).cloned().collect())
    }

    /// Whether every scope of `other` is in this set.
    pub fn cover(&self, other: &Self) -> bool {
        other.0.is_subset(&self.0)
    }

    /// Whether this scope is in the set.
    pub fn contains(&self, scope: &str) -> bool {
        self.0.contains(scope)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One after the other, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl FromIterator<String> for Scopes {
    fn from_iter<I: IntoIterator<Item = String>>(tokens: I) -> Self {
        Self(tokens.into_iter().collect())
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, token) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(token)?;
        }
        Ok(())
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}
