//! JWTs, access tokens (RFC 9068) and Serble's refresh tokens: signed here, and read with the mistrust
//! of RFC 8725.
//!
//! A signature never admits by itself: it proves which issue of which grant the token is, and the
//! grant decides, also whether its time is over.

mod claims;

use std::{borrow::Cow, collections::HashMap};

use bytes::Bytes;
use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{
    DecodingKey, EncodingKey, Validation,
    jwk::{Jwk, JwkSet, PublicKeyUse},
};
use secrecy::SecretString;
use serde::Deserialize;

use super::{
    id::GrantId,
    secret::Keyring,
    signing::{Algorithm, KeyId, Pair, SigningKey, SigningKeys},
    token::Proof,
};
pub use claims::{Claims, Jti};

/// The longest JWT that is made, or looked at, in bytes.
pub const MAX_BYTES: usize = 8 * 1024;

/// What a JWT is for. One that is for something else is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Typ {
    /// RFC 9068 section 2.1.
    AccessToken,
    /// A refresh token that lasts (Serble).
    RefreshToken,
}

impl Typ {
    /// `typ` of RFC 7519 section 5.1.
    const fn as_str(self) -> &'static str {
        match self {
            Self::AccessToken => "at+jwt",
            Self::RefreshToken => "serble-rt+jwt",
        }
    }
}

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// There is no such key, or it was revoked.
    #[error("the signing key {0} signs nothing")]
    NoKey(KeyId),
    /// Nobody could read it.
    #[error("a JWT would be longer than {MAX_BYTES} bytes")]
    TooLong,
    /// The library.
    #[error("a JWT could not be signed: {0}")]
    Failed(#[from] jsonwebtoken::errors::Error),
}

/// The library does not take a key that it made.
#[derive(Debug, thiserror::Error)]
#[error("the signing keys cannot be used: {0}")]
pub struct Unusable(#[from] jsonwebtoken::errors::Error);

/// The signing keys, opened: what signs, what verifies, and what is published of them.
pub struct Signing {
    issuer: String,
    keys: HashMap<KeyId, Opened>,
    jwks: Bytes,
}

struct Opened {
    algorithm: Algorithm,
    /// Whether it signs what is issued.
    current: bool,
    private: EncodingKey,
    public: DecodingKey,
    validation: Validation,
}

/// A JWT that one of our keys signed, for this issuer.
#[derive(Debug)]
pub struct ReadJwt {
    kid: KeyId,
    claims: Claims,
}

impl ReadJwt {
    /// The key that signed it.
    pub const fn kid(&self) -> KeyId {
        self.kid
    }

    /// What it says of itself.
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The grant that it names.
    pub const fn grant(&self) -> GrantId {
        self.claims.jti.grant
    }

    /// Evidence that the caller holds this issue of the grant.
    pub const fn proof(&self) -> Proof {
        Proof::signed(self.claims.jti.number)
    }
}

/// The header of a JWT of ours, and not a field more: whoever writes `jwk`, `jku`, `x5u` or `crit`
/// wants something else (RFC 8725 section 3.10).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header<'a> {
    #[serde(borrow)]
    typ: Cow<'a, str>,
    alg: Algorithm,
    kid: KeyId,
}

impl Header<'_> {
    /// RFC 9068 section 4; media types know no case, and may leave out their first half (RFC 7515
    /// section 4.1.9).
    fn is(&self, typ: Typ) -> bool {
        let (first, second) = self.typ.split_once('/').unwrap_or(("application", &self.typ));
        first.eq_ignore_ascii_case("application") && second.eq_ignore_ascii_case(typ.as_str())
    }
}

impl Signing {
    /// No key: signs and reads nothing.
    pub fn none(issuer: String) -> Self {
        Self { issuer, keys: HashMap::new(), jwks: Bytes::from_static(br#"{"keys":[]}"#) }
    }

    /// Opens the keys. Those that are revoked are left out, and those that cannot be opened.
    ///
    /// # Errors
    /// [`Unusable`].
    pub fn open(keys: &SigningKeys, keyring: &Keyring, issuer: &str) -> Result<Self, Unusable> {
        let mut opened = HashMap::new();
        let mut published = JwkSet::default();
        for key in keys.iter() {
            let Some(pair) = key.open(keyring) else { continue };
            let pair = Opened::new(key, &pair, issuer);
            published.keys.push(pair.jwk(key.id)?);
            opened.insert(key.id, pair);
        }
        let jwks = serde_json::to_vec(&published).map_err(jsonwebtoken::errors::Error::from)?;
        Ok(Self { issuer: issuer.to_owned(), keys: opened, jwks: jwks.into() })
    }

    /// `iss` of every token.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The public halves: a JWK set (RFC 7517 section 5), as JSON.
    pub const fn jwks(&self) -> &Bytes {
        &self.jwks
    }

    /// Whether the key verifies what it signed: it is there, and was not revoked.
    pub fn holds(&self, kid: KeyId) -> bool {
        self.keys.contains_key(&kid)
    }

    /// The key that signed a text, as it says, where that is not among these.
    pub fn lacks_key_of(&self, text: &str) -> Option<KeyId> {
        named_key(text).filter(|kid| !self.holds(*kid))
    }

    /// The key that signs what is issued now with this algorithm.
    pub fn current(&self, algorithm: Algorithm) -> Option<KeyId> {
        self.keys.iter().find(|(_, key)| key.current && key.algorithm == algorithm).map(|(id, _)| *id)
    }

    /// Writes out a token. A retired key signs as well, for an answer that is given again.
    ///
    /// # Errors
    /// [`SignError`].
    pub fn sign(&self, typ: Typ, kid: KeyId, claims: &Claims) -> Result<SecretString, SignError> {
        let key = self.keys.get(&kid).ok_or(SignError::NoKey(kid))?;
        let mut header = jsonwebtoken::Header::new(library(key.algorithm));
        header.typ = Some(typ.as_str().to_owned());
        header.kid = Some(kid.to_string());
        let text = jsonwebtoken::encode(&header, claims, &key.private)?;
        if text.len() > MAX_BYTES { Err(SignError::TooLong) } else { Ok(text.into()) }
    }

    /// Reads a token that we signed for this; `None` for everything else. Does not look at its times.
    pub fn read(&self, typ: Typ, text: &str) -> Option<ReadJwt> {
        if text.len() > MAX_BYTES {
            return None;
        }
        // Why a text is none of ours is of no use to anybody.
        let header = BASE64URL_NOPAD.decode(text.split_once('.')?.0.as_bytes()).ok()?;
        let header: Header<'_> = serde_json::from_slice(&header).ok()?;
        let key = self.keys.get(&header.kid).filter(|key| key.algorithm == header.alg && header.is(typ))?;
        let read = jsonwebtoken::decode(text, &key.public, &key.validation).ok()?;
        Some(ReadJwt { kid: header.kid, claims: read.claims })
    }
}

/// The key that a text names, if it has the header of a JWT of ours.
fn named_key(text: &str) -> Option<KeyId> {
    let header = text.get(..MAX_BYTES.min(text.len()))?.split_once('.')?.0;
    // As in `Signing::read`.
    let header = BASE64URL_NOPAD.decode(header.as_bytes()).ok()?;
    serde_json::from_slice::<Header<'_>>(&header).ok().map(|header| header.kid)
}

impl Opened {
    fn new(key: &SigningKey, pair: &Pair, issuer: &str) -> Self {
        let (private, public) = match key.algorithm {
            Algorithm::EdDsa => (EncodingKey::from_ed_der(&pair.private), DecodingKey::from_ed_der(&pair.public)),
            Algorithm::Es256 => (EncodingKey::from_ec_der(&pair.private), DecodingKey::from_ec_der(&pair.public)),
        };
        let mut validation = Validation::new(library(key.algorithm));
        validation.set_issuer(&[issuer]);
        validation.set_required_spec_claims(&["iss"]);
        // The grant knows the times and the audience.
        validation.validate_exp = false;
        validation.validate_aud = false;
        Self { algorithm: key.algorithm, current: key.is_signing(), private, public, validation }
    }

    fn jwk(&self, kid: KeyId) -> Result<Jwk, jsonwebtoken::errors::Error> {
        let mut jwk = Jwk::from_decoding_key(&self.public, Some(library(self.algorithm)))?;
        jwk.common.key_id = Some(kid.to_string());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(jwk)
    }
}

const fn library(algorithm: Algorithm) -> jsonwebtoken::Algorithm {
    match algorithm {
        Algorithm::EdDsa => jsonwebtoken::Algorithm::EdDSA,
        Algorithm::Es256 => jsonwebtoken::Algorithm::ES256,
    }
}

impl std::fmt::Debug for Signing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signing").field("issuer", &self.issuer).field("keys", &self.keys.keys()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
