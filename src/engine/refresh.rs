//! Refresh: an app trades its refresh token for the next pair (RFC 6749 section 6).

use std::net::IpAddr;

use super::{Engine, Error, Style, Tokens};
use crate::limit::{Action, Who};
use crate::oauth::{
    client::Client,
    grant::{Caller, Wanted},
    refusal::{ErrorCode, Refusal},
    step::Step,
    token::{Kind, Presented},
};

/// One request for the next pair.
pub struct Refresh<'a> {
    /// How the dialect spells it.
    pub style: &'a Style,
    /// The client that asks, authenticated where it can.
    pub client: &'a Client,
    /// What it shows.
    pub refresh_token: &'a str,
    /// From where.
    pub peer: IpAddr,
    /// What it wants for it.
    pub wanted: Wanted<'a>,
}

const UNKNOWN: Refusal = Refusal::new(ErrorCode::InvalidGrant, "The refresh token is unknown, expired or revoked.");

impl Engine {
    /// Rotates. A retry within ten seconds gets the same answer; a token that comes again later
    /// ends the grant.
    ///
    /// # Errors
    /// `invalid_grant`, `invalid_scope`, `invalid_target`.
    pub async fn refresh(&self, refresh: Refresh<'_>) -> Result<Tokens, Error> {
        self.limits.take(Action::Redeem, Who::peer(refresh.peer)).await?;
        let token = Presented::read(&self.keyring, Kind::Refresh, refresh.refresh_token).ok_or(UNKNOWN)?;
        let terms = self.terms(refresh.style, refresh.client)?;
        let caller = Caller { dialect: refresh.style.dialect, client: &refresh.client.id };
        let refreshed = self.advance(token.grant(), UNKNOWN, |grant, standing, now| match token.prove(&self.keyring, &grant.salt) {
            Some(proof) => grant.refresh(proof, caller, refresh.wanted, standing, &terms, now),
            None => Step::unchanged(Err(UNKNOWN)),
        });
        let (grant, issue) = refreshed.await?;
        self.keep_client(refresh.client).await;
        self.tokens(refresh.style, &grant, &issue).await?.ok_or_else(|| UNKNOWN.into())
    }
}
