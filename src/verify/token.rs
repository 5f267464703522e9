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
    Signed {
        /// The key.
        kid: KeyId,
        /// The grant that it names.
        grant: GrantId,
        /// What the signature proves.
        proof: Proof,
    },
}

impl AccessToken {
    /// The grant that it names.
    pub const fn grant(&self) -> GrantId {
        match self {
            Self::Opaque(presented) => presented.grant(),
            Self::Signed { grant, .. } => *grant,
        }
    }

    /// The number of the issue that it claims to be.
    pub const fn number(&self) -> u32 {
        match self {
            Self::Opaque(presented) => presented.number(),
            Self::Signed { proof, .. } => proof.number(),
        }
    }

    /// Whether it is what it claims to be, of the grant with this salt.
    pub fn prove(&self, keyring: &Keyring, salt: &Salt) -> Option<Proof> {
        match self {
            Self::Opaque(presented) => presented.prove(keyring, salt),
            Self::Signed { proof, .. } => Some(*proof),
        }
    }

    /// The key that signed it, if one did.
    pub const fn key(&self) -> Option<KeyId> {
        match self {
            Self::Opaque(_) => None,
            Self::Signed { kid, .. } => Some(*kid),
        }
    }
}
