//! How access tokens are written, and which keys sign those that are JWTs.
use serde::{Deserialize, Serialize};
/// What a key signs with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Algorithm {
    /// Ed25519 (RFC 8037).
    EdDsa,
    /// P-256 (RFC 7518 section 3.4).
    Es256,
}
/// Names a key: `kid`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KeyId(String);
/// How an access token is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum TokenFormat {
    /// As a credential of ours.
    #[default]
    Opaque,
    /// As a JWT (RFC 9068).
    Jwt(Algorithm),
}
