//! Redeem, by a typed code: the app brings the six digits that its user read on the page
//! (SereChat, "Exchange code for token").
//!
//! One request's chance is five in a million. What keeps many requests from adding up is counted
//! besides: wrong codes by address, and by the user who approved what they were tried on.

use std::net::IpAddr;

use super::{Engine, Error, SignedIn, Style, Tokens};
use crate::{
    limit::{Action, Guess, Who},
    oauth::{
        client::Client,
        grant::{Caller, Channel, Grant},
        id::UserId,
        refusal::{ErrorCode, Refusal},
        typed::{AskId, TypedCode},
    },
};

/// One try.
pub struct Exchange<'a> {
    /// How the dialect spells it.
    pub style: &'a Style,
    /// The client that tries.
    pub client: &'a Client,
    /// Which ask; `None` where what was shown names none.
    pub ask: Option<AskId>,
    /// What the user typed.
    pub code: TypedCode,
    /// From where.
    pub peer: IpAddr,
}

const UNKNOWN: Refusal = Refusal::new(ErrorCode::InvalidGrant, "The request is unknown, expired or was used already.");
const TOO_MANY: Refusal = Refusal::new(ErrorCode::AccessDenied, "Too many wrong codes were entered for this user's requests today.");

impl Engine {
    /// Answers a try. A right code is answered once.
    ///
    /// # Errors
    /// `authorization_pending`; `invalid_code` with the tries that are left; `access_denied` where
    /// the request is void, denied or taken back; `invalid_grant` where it is unknown, expired or
    /// used. Limited by address.
    pub async fn exchange(&self, exchange: Exchange<'_>) -> Result<Tokens, Error> {
        self.limits.take(Action::Redeem, Who::peer(exchange.peer)).await?;
        let mut guesses = vec![self.limits.guess(Action::GuessTypedCode, Who::peer(exchange.peer)).await?];
        let exchanged = self.exchanged(&exchange, &mut guesses).await;
        if matches!(&exchanged, Err(Error::Refused(refusal)) if matches!(refusal.code, ErrorCode::WrongCode { .. })) {
            guesses.into_iter().for_each(Guess::wrong);
            self.watch_wrong_codes().await;
        } else {
            for guess in guesses {
                guess.give_back().await;
            }
        }
        exchanged
    }

    async fn exchanged<'a>(&'a self, exchange: &Exchange<'_>, guesses: &mut Vec<Guess<'a>>) -> Result<Tokens, Error> {
        let ask = exchange.ask.ok_or(UNKNOWN)?;
        let grant = self.asked(ask).await?.ok_or(UNKNOWN)?;
        // Only what somebody approved can be guessed at.
        let approver = grant.approval().filter(|_| grant.is_open(self.clock.now())).and_then(|approval| approval.user);
        if let Some(user) = approver.map(Who::User) {
            guesses.push(self.limits.guess(Action::GuessTypedCodeOfUser, user).await.map_err(|_said_otherwise| TOO_MANY)?);
        }
        let terms = self.terms(exchange.style, exchange.client)?;
        let caller = Caller { dialect: exchange.style.dialect, client: &exchange.client.id };
        let exchanged = self.advance(grant.id, UNKNOWN, |grant, standing, now| {
            grant.exchange(exchange.code.prove(&self.keyring, grant), caller, standing, &terms, now)
        });
        let (grant, issue) = exchanged.await?;
        self.tokens(exchange.style, &grant, &issue).await?.ok_or_else(|| UNKNOWN.into())
    }

    /// Many guessers with many addresses are nobody's limit; the operator is told, once a minute.
    async fn watch_wrong_codes(&self) {
        if self.limits.take(Action::WrongTypedCodes, Who::All).await.is_err() && self.alarms.take(Who::All).is_ok() {
            tracing::error!(
                "unusually many wrong 6-digit codes are entered, from many addresses or for many users: somebody may be guessing"
            );
        }
    }

    /// For how many seconds no code counts of those that this user's yes makes.
    pub fn codes_are_refused_for(&self, user: UserId) -> Option<u64> {
        // Only the time is of interest.
        self.limits.look(Action::GuessTypedCodeOfUser, Who::User(user)).err().map(|limited| limited.retry_after)
    }

    /// The code of a grant that waits for one, for the browser in which it was approved.
    pub fn code_for(&self, grant: &Grant, who: &SignedIn) -> Option<TypedCode> {
        let approval = grant.approval().filter(|approval| approval.user == Some(who.user.id) && approval.session == Some(who.session));
        approval.filter(|_| matches!(grant.channel, Channel::Typed { .. }) && grant.is_open(self.clock.now()))?;
        TypedCode::of(&self.keyring, grant)
    }
}
