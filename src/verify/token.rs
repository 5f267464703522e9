//! An access token that is one of ours.

use crate::oauth::{
    id::GrantId,
    secret::{Keyring, Salt},
    signing::KeyId,
    token::{Presented, Proof},
};

/// An access token that we made. Whether it is still worth anything, its grant tells.
pub enum AccessToken {
    /// A credential of ours.
    Opaque(Presented),
    /// A JWT that one of our keys signed.
    Signed(Signed),
}

/// What a JWT says of itself, and our signature proves.
#[derive(Clone, Copy, Debug)]
pub struct Signed {
    /// The key.
    pub kid: KeyId,
    /// The grant that it names.
    pub grant: GrantId,
    /// What the signature proves.
    pub proof: Proof,
}

impl AccessToken {
    /// The grant that it names.
    pub const fn grant(&self) -> GrantId {
        match self {
            Self::Opaque(presented) => presented.grant(),
            Self::Signed(signed) => signed.grant,
        }
    }

    /// The number of the issue that it claims to be.
    pub const fn number(&self) -> u32 {
        match self {
            Self::Opaque(presented) => presented.number(),
            Self::Signed(signed) => signed.proof.number(),
        }
    }

    /// Whether it is what it claims to be, of the grant with this salt.
    pub fn prove(&self, keyring: &Keyring, salt: &Salt) -> Option<Proof> {
        match self {
            Self::Opaque(presented) => presented.prove(keyring, salt),
            Self::Signed(signed) => Some(signed.proof),
        }
    }

    /// The key that signed it, if one did.
    pub const fn key(&self) -> Option<KeyId> {
        match self {
            Self::Opaque(_) => None,
            Self::Signed(signed) => Some(signed.kid),
        }
    }
}
