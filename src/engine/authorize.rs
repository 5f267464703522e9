//! Decide, where a browser carries the answer to the app (RFC 6749 section 4.1).
//!
//! Nothing is kept of a question: whatever the app asked for stands in the address that the browser
//! opened, and comes back with the decision. The page chose the grant's name when it asked, so that
//! one question has one answer, however often its buttons are pressed: the first decision stands.

use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;

use super::{
    Decider, Decision, Engine, Error, Style,
    advance::{MAX_TRIES, links},
    documents::settled,
};
use crate::{
    oauth::{
        audience::Audience,
        client::{Client, GrantType, UNKNOWN},
        grant::{App, Approval, Channel, Grant, Redirect, Requester, State, after},
        id::GrantId,
        refusal::{ErrorCode, Refusal},
        scope::Scopes,
        secret::Salt,
        token::{self, Kind},
    },
    store::{Change, CommitError, Expect, Key, Record},
};

/// How long a question may stand on a page before it is answered.
pub const QUESTION_LIFE: Duration = Duration::from_secs(10 * 60);

/// What an app asks for.
pub struct Authorization<'a> {
    /// How the dialect spells it.
    pub style: &'a Style,
    /// The client that asks.
    pub client: &'a Client,
    /// What it wants; `None` for all that it may have.
    pub scopes: Option<&'a Scopes>,
    /// For which resources.
    pub audience: Audience,
    /// Where the answer goes.
    pub redirect: Redirect,
    /// The browser that brought the question.
    pub requester: Requester,
    /// The name of the grant that a yes makes.
    pub id: GrantId,
    /// When the question was shown.
    pub asked: Timestamp,
}

/// What the browser takes to the app.
#[derive(Debug)]
pub struct Authorized {
    /// The grant.
    pub grant: GrantId,
    /// The code; `None` where the user said no.
    pub code: Option<SecretString>,
}

const OVER: Refusal = Refusal::new(ErrorCode::InvalidGrant, "The request is unknown, expired or decided.");

impl Engine {
    /// Records a user's decision. `prefix` stands before a code. The same decision by the same
    /// user has the same answer again.
    ///
    /// # Errors
    /// `invalid_grant` where the question is over or was decided otherwise; `invalid_scope`,
    /// `unauthorized_client`, `invalid_client`; `access_denied` where the user holds nothing of what
    /// is asked for.
    pub async fn authorize(
        &self,
        authorization: &Authorization<'_>,
        prefix: &str,
        by: Decider<'_>,
        decision: Decision,
    ) -> Result<Authorized, Error> {
        for _ in 0..MAX_TRIES {
            if let Some(before) = self.store.grant(authorization.id).await? {
                return self.answer_again(&before.record, prefix, by, decision);
            }
            let found = self.clients.find(&authorization.client.dialect, &authorization.client.id).await?;
            let (client, mut changes) = settled(authorization.client, found).ok_or(UNKNOWN)?;
            client.may(GrantType::AuthorizationCode)?;
            let user = self.store.user(by.user.id).await?;
            let user = user.filter(|user| user.record.enabled && user.record.generation == by.user.generation).ok_or(OVER)?;
            let decided = self.decided(authorization, &client, Decider { user: &user.record, ..by }, decision)?;
            let until = decided.keep_until();
            changes.extend([
                Change::Compare { key: Key::User(by.user.id), expect: Expect::Version(user.version) },
                Change::Put {
                    key: Key::Grant(decided.id),
                    expect: Expect::Absent,
                    record: Record::Grant(Box::new(decided.clone())),
                    until: Some(until),
                },
            ]);
            if let Some(approval) = decided.approval() {
                changes.extend(links(&decided, approval, until));
            }
            match self.store.commit(changes).await {
                Ok(()) => {
                    self.keep_client(&client).await;
                    return Ok(Authorized { grant: decided.id, code: self.code_of(&decided, prefix) });
                }
                Err(CommitError::Conflict) => {}
                Err(CommitError::Unavailable(unavailable)) => return Err(unavailable.into()),
            }
        }
        Err(Error::Contended)
    }

    /// The grant as the decision leaves it.
    fn decided(&self, asked: &Authorization<'_>, client: &Client, by: Decider<'_>, decision: Decision) -> Result<Grant, Error> {
        const NOTHING: Refusal = Refusal::new(ErrorCode::AccessDenied, "You hold none of the permissions that this app asks for.");
        let now = self.clock.now();
        let grant = Grant {
            id: asked.id,
            dialect: asked.style.dialect.to_owned(),
            client: client.id.clone(),
            app: App { name: client.name.clone(), verified: client.verified },
            requested: self.requestable(client, asked.scopes)?,
            audience: asked.audience.clone(),
            requester: asked.requester.clone(),
            channel: Channel::Redirect(asked.redirect.clone()),
            salt: Salt::from_random(rand::random()),
            root: self.keyring.minting(),
            key: None,
            created: asked.asked,
            state: State::Pending { expires: after(asked.asked, QUESTION_LIFE) },
        };
        let step = match decision {
            Decision::Deny => grant.deny(now),
            Decision::Approve => {
                let scopes = Self::grantable(&grant, by.user);
                if scopes.is_empty() {
                    return Err(NOTHING.into());
                }
                let approval = Approval {
                    user: Some(by.user.id),
                    user_generation: by.user.generation,
                    client_generation: client.generation,
                    scopes,
                    at: now,
                    session: by.session,
                    tenant: None,
                };
                grant.approve(approval, now)
            }
        };
        step.outcome?;
        step.next.ok_or_else(|| OVER.into())
    }

    fn answer_again(&self, before: &Grant, prefix: &str, by: Decider<'_>, decision: Decision) -> Result<Authorized, Error> {
        let same = match (&before.state, decision) {
            (State::Approved { approval, .. }, Decision::Approve) => {
                approval.user == Some(by.user.id) && approval.session == by.session && before.is_open(self.clock.now())
            }
            (State::Denied { .. }, Decision::Deny) => true,
            _ => false,
        };
        if !same {
            return Err(OVER.into());
        }
        Ok(Authorized { grant: before.id, code: self.code_of(before, prefix) })
    }

    fn code_of(&self, grant: &Grant, prefix: &str) -> Option<SecretString> {
        matches!(grant.state, State::Approved { .. })
            .then(|| token::mint(&self.keyring, grant.root, prefix, Kind::Code, grant.id.as_bytes(), 0, &grant.salt))
            .flatten()
    }
}
