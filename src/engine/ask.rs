//! Ask: an app wants access. What every ask has in common, and the ask whose answer a person
//! carries to the app as six digits (SereChat, "Create a request").

use std::time::Duration;

use jiff::Timestamp;

use super::{Engine, Error, Style};
use crate::{
    limit::{Action, Who},
    oauth::{
        audience::Audience,
        client::Client,
        grant::{App, Channel, Grant, Requester, State, after},
        id::GrantId,
        refusal::{ErrorCode, Refusal},
        scope::Scopes,
        secret::Salt,
        typed::AskId,
    },
    store::{Change, CommitError, Expect, Key, Record},
};

/// Any ask.
pub(super) struct Request<'a> {
    pub(super) style: &'a Style,
    pub(super) client: &'a Client,
    pub(super) scopes: Option<Scopes>,
    pub(super) requester: Requester,
    pub(super) audience: Audience,
    pub(super) channel: Channel,
    pub(super) life: Duration,
}

/// An ask to be answered with a typed code.
pub struct Ask<'a> {
    /// How the dialect spells it.
    pub style: &'a Style,
    /// The client that asks.
    pub client: &'a Client,
    /// What it says of itself.
    pub requester: Requester,
    /// How long a user has to decide.
    pub life: Duration,
    /// How long the code is good for from then on.
    pub code_life: Duration,
}

/// What the app gets.
#[derive(Debug)]
pub struct Asked {
    /// The grant.
    pub grant: GrantId,
    /// By what the app knows it.
    pub id: AskId,
}

impl Engine {
    /// Begins a grant whose code is carried by the user.
    ///
    /// # Errors
    /// `invalid_scope` where the client has none; limited by address.
    pub async fn ask(&self, ask: Ask<'_>) -> Result<Asked, Error> {
        let Ask { style, client, requester, life, code_life } = ask;
        let channel = Channel::Typed { life: code_life };
        let audience = Audience::default();
        let (grant, expires) = self.pending(Request { style, client, scopes: None, audience, requester, channel, life }).await?;
        let id = AskId::from_random(rand::random());
        let name = self.keyring.lookups(id.as_bytes()).next().ok_or(Error::Contended)?;
        // As long as the latest code may be good.
        match self.begin(&grant, Key::Ask(name), after(expires, code_life)).await {
            Ok(()) => Ok(Asked { grant: grant.id, id }),
            Err(CommitError::Conflict) => Err(Error::Contended),
            Err(CommitError::Unavailable(unavailable)) => Err(unavailable.into()),
        }
    }

    /// The grant that an app's ask made.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn asked(&self, id: AskId) -> Result<Option<Grant>, Error> {
        for name in self.keyring.lookups(id.as_bytes()) {
            if let Some(id) = self.store.ask(name).await? {
                return Ok(self.store.grant(id).await?.map(|grant| grant.record));
            }
        }
        Ok(None)
    }

    /// A grant that nobody has decided about, and when the ask is over.
    pub(super) async fn pending(&self, request: Request<'_>) -> Result<(Grant, Timestamp), Error> {
        self.limits.take(Action::Start, Who::peer(request.requester.network)).await?;
        let requested = self.requestable(request.client, request.scopes.as_ref())?;
        let now = self.clock.now();
        let expires = after(now, request.life);
        let grant = Grant {
            id: GrantId::from_random(rand::random()),
            dialect: request.style.dialect.to_owned(),
            client: request.client.id.clone(),
            app: App { name: request.client.name.clone(), verified: request.client.verified },
            requested,
            audience: request.audience,
            requester: request.requester,
            channel: request.channel,
            salt: Salt::from_random(rand::random()),
            root: self.keyring.minting(),
            key: None,
            created: now,
            state: State::Pending { expires },
        };
        Ok((grant, expires))
    }

    /// Writes a new grant down, together with the pointer that leads to it.
    pub(super) async fn begin(&self, grant: &Grant, pointer: Key, until: Timestamp) -> Result<(), CommitError> {
        let put = |key, record, until| Change::Put { key, expect: Expect::Absent, record, until: Some(until) };
        let pointer = put(pointer, Record::ToGrant(grant.id), until);
        let record = put(Key::Grant(grant.id), Record::Grant(Box::new(grant.clone())), grant.keep_until());
        self.store.commit(vec![pointer, record]).await
    }

    /// What a client can be granted of what it wants; of all that it may have, where it does not say.
    /// A scope that stands for others brings them along, so that they are asked for, shown and given
    /// like any other.
    ///
    /// # Errors
    /// `invalid_scope` where nothing is left.
    pub fn requestable(&self, client: &Client, wanted: Option<&Scopes>) -> Result<Scopes, Refusal> {
        const NOTHING: Refusal = Refusal::new(ErrorCode::InvalidScope, "The client may not ask for any of these scopes.");
        let may = self.widened(&client.dialect, &client.scopes);
        let scopes = wanted.map_or_else(|| may.clone(), |wanted| self.widened(&client.dialect, &wanted.narrowed_to(&may)));
        if scopes.is_empty() { Err(NOTHING) } else { Ok(scopes) }
    }

    /// Whether a scope stands for others in this dialect.
    pub fn is_wide(&self, dialect: &str, scope: &str) -> bool {
        self.wide.iter().any(|wide| wide.dialect == dialect && wide.scope == scope)
    }

    /// These scopes, and all that they stand for.
    fn widened(&self, dialect: &str, scopes: &Scopes) -> Scopes {
        let wide = self.wide.iter().filter(|wide| wide.dialect == dialect && scopes.contains(wide.scope));
        let implied = wide.flat_map(|wide| wide.implies.iter());
        scopes.iter().chain(implied).map(str::to_owned).collect()
    }
}

/// A scope that stands for others (Serble's `full_access`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wide {
    /// In which dialect.
    pub dialect: &'static str,
    /// The scope.
    pub scope: &'static str,
    /// What it stands for besides itself.
    pub implies: Scopes,
}
