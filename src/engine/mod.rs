//! The verbs: what dialects and pages can ask for. Each loads what it needs, lets a rule of
//! [`crate::oauth`] decide, and makes the decision durable before it answers.
//!
//! A grant is begun in `ask`, born decided in `authorize`, or born live in `personal` and `machine`; from
//! then on only `Engine::advance` writes it.

mod advance;
mod apps;
mod ask;
mod authorize;
mod change_client;
mod clients;
mod decide;
mod documents;
mod exchange;
mod hold;
mod introspect;
mod keys;
mod logout;
mod machine;
mod manage;
mod open;
mod password;
mod personal;
mod poll;
mod redeem;
mod refresh;
mod register;
mod revoke;
mod sessions;
mod sign_in;
mod start;
mod turns;
mod users;

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use secrecy::SecretString;

use crate::{
    clock::Clock,
    limit::{Limited, Limiter, Limits},
    oauth::{
        client::{Client, GrantType},
        grant::{Grant, Issue, Terms},
        id::GrantId,
        jwt::{AccessClaims, Jti, SignError},
        refusal::Refusal,
        scope::Scopes,
        secret::Keyring,
        signing::{KeyId, TokenFormat},
        token::{self, Kind},
        user::User,
    },
    store::{Clients, Store},
    verify::Verifier,
};
pub use crate::{oauth::subject::PERSONAL, store::Unavailable};
pub use apps::{CreateClient, CreateClientError, MAX_OWN_CLIENTS, Spelling};
pub use ask::{Ask, Asked, requestable};
pub use authorize::{Authorization, Authorized, QUESTION_LIFE};
pub use decide::{Application, Decider, Decision};
pub use documents::{Fetch, NotFetched};
pub use exchange::Exchange;
pub use introspect::Introspected;
pub use keys::KeysError;
pub use logout::LoggedOut;
pub use machine::OwnAccess;
pub use personal::{CreateToken, CreateTokenError, MAX_PERSONAL_TOKENS, PersonalToken, personal_client};
pub use poll::Poll;
pub use redeem::RedeemCode;
pub use refresh::Refresh;
pub use register::MAX_REGISTERED_CLIENTS;
pub use sessions::SignedIn;
pub use sign_in::SignIn;
pub use start::{Start, Started};
pub use users::{AddUser, AddUserError, ChangePassword, ChangePasswordError, MAX_PASSWORD_BYTES, MIN_PASSWORD_BYTES};

/// Why a verb did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The protocol says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Too often.
    #[error("tried too often")]
    Limited(Limited),
    /// The store cannot answer; nothing is known of what was asked.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// So many change the same record at once that this one gave up.
    #[error("the record is changing too fast")]
    Contended,
}

impl From<Limited> for Error {
    fn from(limited: Limited) -> Self {
        Self::Limited(limited)
    }
}

/// How a dialect spells its credentials, and how long they live.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// The dialect's name.
    pub dialect: &'static str,
    /// Before an access token.
    pub access: &'static str,
    /// How long an access token lives.
    pub access_life: Duration,
    /// How access tokens are written, unless a client's are otherwise.
    pub format: TokenFormat,
    /// Where the dialect has refresh tokens: what stands before one, and how long it lives, counted
    /// anew at each rotation.
    pub refresh: Option<(&'static str, Duration)>,
}

/// What a grant issued, ready to be sent.
#[derive(Debug)]
pub struct Tokens {
    /// The grant.
    pub grant: GrantId,
    /// The access token.
    pub access: SecretString,
    /// The refresh token, where the dialect has them.
    pub refresh: Option<SecretString>,
    /// The access token's life in seconds.
    pub expires_in: u64,
    /// What the access token may do.
    pub scopes: Scopes,
    /// Who approved; nobody, where a client asked for itself.
    pub user: Option<User>,
}

/// The operator is alarmed at most so often.
const ALARM_PAUSE: Duration = Duration::from_secs(60);

/// The verbs over one store.
pub struct Engine {
    store: Arc<dyn Store>,
    keyring: Arc<Keyring>,
    clients: Arc<Clients>,
    verifier: Arc<Verifier>,
    limits: Arc<Limits>,
    clock: Clock,
    holds: hold::Holds,
    passwords: password::Passwords,
    /// How often the operator is alarmed.
    alarms: Limiter,
    turns: turns::Turns,
    documents: documents::Documents,
}

impl Engine {
    /// The engine over this store.
    pub fn new(
        store: Arc<dyn Store>,
        keyring: Arc<Keyring>,
        clients: Arc<Clients>,
        verifier: Arc<Verifier>,
        limits: Arc<Limits>,
        clock: Clock,
    ) -> Self {
        Self {
            store,
            keyring,
            clients,
            verifier,
            limits,
            turns: turns::Turns::new(clock.clone()),
            alarms: Limiter::new(NonZeroU32::MIN, ALARM_PAUSE, clock.clone()),
            clock,
            holds: hold::Holds::default(),
            passwords: password::Passwords::new(),
            documents: documents::Documents::default(),
        }
    }

    /// Fetches the documents about clients so. Without it, no client is described by a document.
    #[must_use]
    pub fn fetching(self, fetch: Fetch) -> Self {
        Self { documents: documents::Documents::fetched_by(fetch), ..self }
    }

    /// What a redemption issues to this client.
    fn terms(&self, style: &Style, client: &Client) -> Terms {
        let refresh = style.refresh.filter(|_| client.grant_types.contains(&GrantType::RefreshToken));
        let key = match client.format.unwrap_or(style.format) {
            TokenFormat::Opaque => None,
            TokenFormat::Jwt(algorithm) => self.verifier.signing().load().current(algorithm),
        };
        Terms { access: style.access_life, refresh: refresh.map(|(_, life)| life), root: self.keyring.minting(), key }
    }

    /// The keys, for forms that prove where they come from.
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// Writes out an issue as a JWT (RFC 9068 section 2.2); `None` where its key was revoked.
    fn sign(&self, key: KeyId, grant: &Grant, issue: &Issue) -> Result<Option<SecretString>, Unavailable> {
        let signing = self.verifier.signing().load();
        let user = grant.approval().and_then(|approval| approval.user);
        let whole = || vec![signing.issuer().to_owned()];
        let claims = AccessClaims {
            iss: signing.issuer().to_owned(),
            sub: user.map_or_else(|| grant.client.to_string(), |user| user.to_string()),
            aud: if issue.audience.is_whole() { whole() } else { issue.audience.iter().map(str::to_owned).collect() },
            client_id: grant.client.clone(),
            iat: issue.issued.as_second(),
            exp: issue.access_until.as_second(),
            jti: Jti { grant: grant.id, number: issue.number },
            scope: issue.scopes.clone(),
        };
        match signing.sign(key, &claims) {
            Ok(token) => Ok(Some(token)),
            Err(SignError::NoKey(_)) => Ok(None),
            Err(error @ (SignError::TooLong | SignError::Failed(_))) => Err(Unavailable::because(error)),
        }
    }

    /// Writes out an issue as tokens; `None` where its root was dropped, which ends it.
    async fn tokens(&self, style: &Style, grant: &Grant, issue: &Issue) -> Result<Option<Tokens>, Unavailable> {
        let mint = |prefix, kind| token::mint(&self.keyring, issue.root, prefix, kind, grant.id.as_bytes(), issue.number, &grant.salt);
        let access = match issue.key {
            None => mint(style.access, Kind::Access),
            Some(key) => self.sign(key, grant, issue)?,
        };
        let Some(access) = access else { return Ok(None) };
        let refresh = issue.refresh_until.and(style.refresh).and_then(|(prefix, _)| mint(prefix, Kind::Refresh));
        let user = match grant.approval().and_then(|approval| approval.user) {
            Some(user) => self.store.user(user).await?,
            None => None,
        };
        let life = issue.access_until.duration_since(issue.issued).unsigned_abs();
        Ok(Some(Tokens {
            grant: grant.id,
            access,
            refresh,
            // The life, not what is left of it: a repeated answer is the same answer.
            expires_in: life.as_secs(),
            scopes: issue.scopes.clone(),
            user: user.map(|user| user.record),
        }))
    }
}
