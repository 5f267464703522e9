//! Refresh, by a token that lasts: an app shows the same one again and again, and gets the access token
//! that it has or the next one (Serble).

use std::net::IpAddr;

use super::{Engine, Error, Style, Tokens};
use crate::{
    limit::{Action, Who},
    oauth::{
        client::{Client, GrantType},
        grant::{Caller, Grant, Issue},
        jwt::Typ,
        refusal::{ErrorCode, Refusal},
    },
};

/// One request for an access token.
pub struct Renew<'a> {
    /// How the dialect spells it.
    pub style: &'a Style,
    /// The client that asks, authenticated.
    pub client: &'a Client,
    /// What it shows.
    pub refresh_token: &'a str,
    /// From where.
    pub peer: IpAddr,
}

const UNKNOWN: Refusal = Refusal::new(ErrorCode::InvalidGrant, "The refresh token is unknown, expired or revoked.");

impl Engine {
    /// Gives the access token that the app has, while more than half of its life is left, or the next
    /// one. The refresh token stays as it is, and is not among the answer.
    ///
    /// # Errors
    /// `invalid_grant`, as [`ErrorCode::UserGone`] or [`ErrorCode::TakenBack`] where it is known that the
    /// token was good once.
    pub async fn renew(&self, renew: Renew<'_>) -> Result<Tokens, Error> {
        self.limits.take(Action::Redeem, Who::peer(renew.peer)).await?;
        renew.client.may(GrantType::RefreshToken)?;
        // In a statement of its own: the snapshot of the keys is not to be held over what follows.
        let read = self.verifier.signing().load().read(Typ::RefreshToken, renew.refresh_token);
        let token = read.ok_or(UNKNOWN)?;
        let terms = self.terms(renew.style, renew.client)?;
        let caller = Caller { dialect: renew.style.dialect, client: &renew.client.id };
        let rule = |grant: &Grant, standing, now| grant.renew(token.proof(), token.kid(), caller, standing, &terms, now);
        let (grant, issue) = self.advance(token.grant(), UNKNOWN, rule).await?;
        // The app has its refresh token, which need not be signed once more.
        let issue = Issue { lasting: None, ..issue };
        let tokens = self.tokens(renew.style, &grant, &issue).await?.ok_or(UNKNOWN)?;
        Ok(tokens.left(&issue, self.clock.now()))
    }
}
