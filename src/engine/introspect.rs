//! What is this token worth (RFC 7662)?

use std::sync::Arc;

use jiff::Timestamp;

use super::{Engine, Error};
use crate::{
    oauth::{
        client::Client,
        grant::{Standing, State},
        subject::{Person, Subject},
        token::{Kind, Presented},
    },
    verify::{Denied, Issued},
};

/// A token that is worth something.
#[derive(Clone, Debug)]
pub struct Introspected {
    /// For whom it speaks, and what it may do.
    pub subject: Arc<Subject>,
    /// The number of its issue.
    pub number: u32,
    /// When it was made.
    pub issued: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
    /// Whether it is an access token; otherwise it is a refresh token.
    pub is_access: bool,
}

impl Engine {
    /// What a token is worth to whoever asks: an access token to a resource server that it is meant
    /// for, a refresh token to its own client. `None` is all that anybody learns of any other.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn introspect(&self, client: &Client, token: &str) -> Result<Option<Introspected>, Error> {
        if let Some(refresh) = Presented::read(&self.keyring, Kind::Refresh, token) {
            return self.introspect_refresh(client, &refresh).await;
        }
        let meant_for = client.resource_server.as_ref();
        match self.verifier.inspect(token).await {
            Ok((subject, Issued { number, at, until })) if meant_for.is_some_and(|resources| resources.meets(&subject.audience)) => {
                Ok(Some(Introspected { subject, number, issued: at, expires: until, is_access: true }))
            }
            Ok(_) | Err(Denied::Unknown | Denied::Expired(_) | Denied::Revoked(_)) => Ok(None),
            Err(Denied::Unavailable(unavailable)) => Err(unavailable.into()),
        }
    }

    async fn introspect_refresh(&self, client: &Client, refresh: &Presented) -> Result<Option<Introspected>, Error> {
        let Some(full) = self.verifier.full_grant(refresh.grant(), false).await? else { return Ok(None) };
        let grant = full.grant.record;
        let proof = refresh.prove(&self.keyring, &grant.salt);
        let (Some(proof), State::Live { approval, issues }) = (proof, &grant.state) else { return Ok(None) };
        let user = full.user.map(|user| user.record);
        let standing = Standing {
            user: user.as_ref().filter(|user| user.enabled).map(|user| user.generation),
            client: client.enabled.then_some(client.generation),
        };
        let is_own = grant.dialect == client.dialect && grant.client == client.id;
        let newest = issues.last().filter(|newest| is_own && newest.number == proof.number() && standing.upholds(approval));
        let live = newest.and_then(|newest| newest.refresh_until.filter(|until| self.clock.now() < *until).map(|until| (newest, until)));
        Ok(live.map(|(newest, expires)| Introspected {
            subject: Arc::new(Subject {
                grant: grant.id,
                number: newest.number,
                dialect: grant.dialect.clone(),
                user: user.map(Person::from),
                client: grant.client.clone(),
                scopes: approval.scopes.clone(),
                audience: grant.audience.clone(),
                tenant: grant.key.as_ref().map(|key| key.tenant.clone()),
            }),
            number: newest.number,
            issued: newest.issued,
            expires,
            is_access: false,
        }))
    }
}
