//! A client's access of its own, without any user (RFC 6749 section 4.4).

use std::net::IpAddr;

use aws_lc_rs::digest;

use super::{
    Engine, Error, Style, Tokens,
    advance::{MAX_TRIES, links},
};
use crate::{
    limit::{Action, Who},
    oauth::{
        audience::Audience,
        client::{Client, GrantType, UNKNOWN},
        grant::{App, Approval, Channel, Grant, Requester, State, Terms},
        id::GrantId,
        refusal::{ErrorCode, Refusal},
        scope::Scopes,
        secret::Salt,
    },
    store::{Change, CommitError, Expect, Key, Record},
};

/// What a client wants for itself.
pub struct OwnAccess<'a> {
    /// How the dialect spells it.
    pub style: &'a Style,
    /// The client, authenticated.
    pub client: &'a Client,
    /// What it wants; `None` for all that it may have.
    pub scopes: Option<&'a Scopes>,
    /// For which resources.
    pub audience: Audience,
    /// From where.
    pub peer: IpAddr,
}

impl Engine {
    /// Gives a client the token that it has, while more than half of its life is left, or the next
    /// one. There is one grant for each client, scopes and resources.
    ///
    /// # Errors
    /// `unauthorized_client`, also of a public client (RFC 6749 section 4.4); `invalid_scope`.
    pub async fn own_access(&self, own: OwnAccess<'_>) -> Result<Tokens, Error> {
        const PUBLIC: Refusal = Refusal::new(ErrorCode::UnauthorizedClient, "A client without a secret has no access of its own.");
        self.limits.take(Action::Redeem, Who::peer(own.peer)).await?;
        own.client.may(GrantType::ClientCredentials)?;
        if own.client.is_public() {
            return Err(PUBLIC.into());
        }
        let scopes = self.requestable(own.client, own.scopes)?;
        let terms = Terms { refresh: None, lasting: None, ..self.terms(own.style, own.client)? };
        let name = name(own.client, &scopes, &own.audience);
        for _ in 0..MAX_TRIES {
            let pointer = self.store.machine(name).await?;
            if let Some(pointer) = &pointer {
                let current = self.advance(pointer.record, UNKNOWN, |grant, standing, now| grant.current(standing, &terms, now));
                match current.await {
                    Ok((grant, issue)) => {
                        if let Some(tokens) = self.tokens(own.style, &grant, &issue).await? {
                            return Ok(tokens.left(&issue, self.clock.now()));
                        }
                    }
                    // It was taken back, and what is asked for now is another one.
                    Err(Error::Refused(_)) => {}
                    Err(error) => return Err(error),
                }
            }
            let client = self.clients.find(&own.client.dialect, &own.client.id).await?;
            let client = client.filter(|found| found.client.enabled).ok_or(UNKNOWN)?;
            let grant = self.born_of(&own, &client.client, &scopes, &terms);
            let until = grant.keep_until();
            let expect = pointer.map_or(Expect::Absent, |pointer| Expect::Version(pointer.version));
            let mut changes = vec![
                client.unchanged(),
                Change::Put { key: Key::Machine(name), expect, record: Record::ToGrant(grant.id), until: Some(until) },
                Change::Put {
                    key: Key::Grant(grant.id),
                    expect: Expect::Absent,
                    record: Record::Grant(Box::new(grant.clone())),
                    until: Some(until),
                },
            ];
            if let Some(approval) = grant.approval() {
                changes.extend(links(&grant, approval, until));
            }
            match self.store.commit(changes).await {
                // What is there now is answered.
                Ok(()) | Err(CommitError::Conflict) => {}
                Err(CommitError::Unavailable(unavailable)) => return Err(unavailable.into()),
            }
        }
        Err(Error::Contended)
    }

    fn born_of(&self, own: &OwnAccess<'_>, client: &Client, scopes: &Scopes, terms: &Terms) -> Grant {
        let now = self.clock.now();
        let approval = Approval {
            user: None,
            user_generation: 0,
            client_generation: client.generation,
            scopes: scopes.clone(),
            at: now,
            session: None,
            tenant: None,
        };
        Grant {
            id: GrantId::from_random(rand::random()),
            dialect: own.style.dialect.to_owned(),
            client: client.id.clone(),
            app: App { name: client.name.clone(), verified: client.verified },
            requested: scopes.clone(),
            audience: own.audience.clone(),
            requester: Requester { app: None, device: None, platform: None, network: own.peer },
            channel: Channel::default(),
            salt: Salt::from_random(rand::random()),
            root: terms.root,
            key: None,
            created: now,
            state: State::born_live(approval, own.audience.clone(), terms, now),
        }
    }
}

/// Under which name the store knows a client's access of its own.
fn name(client: &Client, scopes: &Scopes, audience: &Audience) -> [u8; 16] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(client.key().as_bytes());
    context.update(scopes.to_string().as_bytes());
    for resource in audience.iter() {
        // No scope and no URI has a line feed.
        context.update(b"\n");
        context.update(resource.as_bytes());
    }
    let mut name = [0; 16];
    name.copy_from_slice(&context.finish().as_ref()[..16]);
    name
}
