//! What a token says of itself (RFC 9068 section 2.2).

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::oauth::{
    id::{ClientId, GrantId},
    scope::Scopes,
};

/// The claims of a token. No name, no e-mail: whoever may know those asks `userinfo`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Claims {
    /// Who issued it: the gateway's issuer, letter by letter.
    pub iss: String,
    /// For whom it speaks.
    pub sub: String,
    /// Where it is meant to be used (RFC 8707): an access token at resources, a refresh token at the token
    /// endpoint. On the wire one is a text, more are a list.
    #[serde(with = "audience")]
    pub aud: Vec<String>,
    /// Whom it was issued to.
    pub client_id: ClientId,
    /// When it was issued, in seconds since 1970.
    pub iat: i64,
    /// When it ends, in seconds since 1970.
    pub exp: i64,
    /// Which issue of which grant it is.
    pub jti: Jti,
    /// What it may do.
    #[serde(default, skip_serializing_if = "Scopes::is_empty")]
    pub scope: Scopes,
}

/// Names an issue of a grant: the grant's id, a dot, the number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Jti {
    /// The grant.
    pub grant: GrantId,
    /// The issue.
    pub number: u32,
}

impl Jti {
    /// Reads what [`Display`](fmt::Display) writes, in that one spelling.
    pub fn parse(text: &str) -> Option<Self> {
        let (grant, number) = text.split_once('.')?;
        // A text that is no number names no issue.
        let jti = Self { grant: GrantId::parse(grant)?, number: number.parse().ok()? };
        (jti.number.to_string() == number).then_some(jti)
    }
}

impl fmt::Display for Jti {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.grant, self.number)
    }
}

impl Serialize for Jti {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Jti {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("expected a grant's id, a dot and a number"))
    }
}

/// RFC 7519 section 4.1.3: one audience may be written as a text.
mod audience {
    use super::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        One(String),
        Many(Vec<String>),
    }

    pub(super) fn serialize<S: Serializer>(audience: &[String], serializer: S) -> Result<S::Ok, S::Error> {
        match audience {
            [one] => one.serialize(serializer),
            many => many.serialize(serializer),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
        Ok(match Written::deserialize(deserializer)? {
            Written::One(one) => vec![one],
            Written::Many(many) => many,
        })
    }
}
