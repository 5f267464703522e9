//! Redeem, by a code that a browser took to the app (RFC 6749 section 4.1.3).

use std::net::IpAddr;

use super::{Engine, Error, Style, Tokens};
use crate::{
    limit::{Action, Who},
    oauth::{
        client::{Client, GrantType},
        grant::{Caller, Redemption},
        refusal::{ErrorCode, Refusal},
        step::Step,
        token::{Kind, Presented},
    },
};

/// One code.
pub struct RedeemCode<'a> {
    /// How the dialect spells it.
    pub style: &'a Style,
    /// The client that asks, authenticated where it can.
    pub client: &'a Client,
    /// What it shows.
    pub code: &'a str,
    /// And with it.
    pub shown: Redemption<'a>,
    /// From where.
    pub peer: IpAddr,
}

const UNKNOWN: Refusal = Refusal::new(ErrorCode::InvalidGrant, "The code is unknown, expired or was used already.");

impl Engine {
    /// Redeems a code. It mints once; whoever shows it again, with all that belongs to it, is refused
    /// at first and later ends the grant.
    ///
    /// # Errors
    /// `invalid_grant`, `unauthorized_client`, `invalid_scope`, `invalid_target`.
    pub async fn redeem_code(&self, redeem: RedeemCode<'_>) -> Result<Tokens, Error> {
        self.limits.take(Action::Redeem, Who::peer(redeem.peer)).await?;
        redeem.client.may(GrantType::AuthorizationCode)?;
        let code = Presented::read(&self.keyring, Kind::Code, redeem.code).ok_or(UNKNOWN)?;
        let terms = self.terms(redeem.style, redeem.client)?;
        let caller = Caller { dialect: redeem.style.dialect, client: &redeem.client.id };
        let redeemed = self.advance(code.grant(), UNKNOWN, |grant, standing, now| match code.prove(&self.keyring, &grant.salt) {
            Some(proof) => grant.redeem_code(proof, caller, &redeem.shown, standing, &terms, now),
            None => Step::unchanged(Err(UNKNOWN)),
        });
        let (grant, issue) = redeemed.await?;
        self.keep_client(redeem.client).await;
        self.tokens(redeem.style, &grant, &issue).await?.ok_or_else(|| UNKNOWN.into())
    }
}
