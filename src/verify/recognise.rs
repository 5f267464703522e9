//! Is it one of ours? By its MAC, or by the signature of a key that may be new here.

use std::sync::Arc;

use aws_lc_rs::digest;

use super::{
    AccessToken, Denied, Signed, Verifier,
    judge::NO_LEASE,
    signing::{Look, Turn},
};
use crate::{
    oauth::{
        jwt::Typ,
        token::{Kind, Presented},
    },
    store::{Loaded, Unavailable, Version},
};

impl Verifier {
    /// An access token that we made. One whose key is not known here may be signed with one that is new.
    pub(super) async fn recognise(&self, token: &str) -> Result<AccessToken, Denied> {
        if let Some(read) = self.read(token) {
            return Ok(read);
        }
        let Some(kid) = self.signing.load().lacks_key_of(token) else { return Err(Denied::Unknown) };
        match self.signing.look_for(kid, self.clock.boot_now()) {
            Look::Due => self.look_at_keys().await.map_err(Denied::Unavailable)?,
            // Who asks while somebody looks gets what that one finds.
            Look::Done => drop(self.signing.turn().await),
            Look::TooMany => return Err(Denied::Unavailable(Unavailable::because("too many unknown signing keys are asked for"))),
        }
        match self.read(token) {
            Some(read) => Ok(read),
            None if self.signing.could_not_look() => Err(Denied::Unavailable(Unavailable::because("the signing keys could not be read"))),
            // Whoever was asked may not be the server any more that counts.
            None if !self.lease.holds(self.clock.boot_now()) => Err(Denied::Unavailable(Unavailable::because(NO_LEASE))),
            None => Err(Denied::Unknown),
        }
    }

    /// Takes the signing keys into use that the store holds.
    ///
    /// # Errors
    /// [`Unavailable`], also where they cannot be used.
    pub async fn look_at_keys(&self) -> Result<(), Unavailable> {
        self.take_keys(&self.signing.turn().await).await
    }

    /// The same, where it is known of which version they are.
    pub(super) async fn look_at_keys_of(&self, version: Option<Version>) -> Result<(), Unavailable> {
        let turn = self.signing.turn().await;
        // Somebody else may have done it meanwhile.
        if self.signing.load().is(version) { Ok(()) } else { self.take_keys(&turn).await }
    }

    async fn take_keys(&self, turn: &Turn<'_>) -> Result<(), Unavailable> {
        let taken = match self.store.signing_keys().await {
            Ok(Some(Loaded { version, record })) => turn.install(&record, Some(version)).map_err(Unavailable::because),
            Ok(None) => Ok(()),
            Err(unavailable) => Err(unavailable),
        };
        turn.note(taken.is_ok());
        taken
    }

    /// An access token that we made; `None` for everything else.
    pub fn read(&self, token: &str) -> Option<AccessToken> {
        // Ours have no dots, and a JWT has two.
        if token.contains('.') {
            self.read_signed(token)
        } else {
            Presented::read(&self.keyring, Kind::Access, token).map(AccessToken::Opaque)
        }
    }

    /// A JWT that was read before needs no second look at its signature: what was signed stays so, and whether the
    /// key is still good is asked each time.
    fn read_signed(&self, token: &str) -> Option<AccessToken> {
        let digest = digest::digest(&digest::SHA256, token.as_bytes());
        let name: [u8; 32] = digest.as_ref().try_into().ok()?;
        if let Some(read) = self.signed.get(&name).filter(|read| self.signing.load().holds(read.kid)) {
            return Some(AccessToken::Signed(*read));
        }
        let jwt = self.signing.load().read(Typ::AccessToken, token)?;
        let read = Signed { kid: jwt.kid(), grant: jwt.grant(), proof: jwt.proof() };
        self.signed.fill(self.signed.turn(), name, Arc::new(read));
        Some(AccessToken::Signed(read))
    }
}
