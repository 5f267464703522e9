//! The verbs: what dialects and pages can ask for. Each loads what it needs, lets a rule of
//! [`crate::oauth`] decide, and makes the decision durable before it answers.
//!
//! A grant is begun in `ask`, born decided in `authorize`, or born live in `personal`, `machine` and
//! `deliver`; from then on only `Engine::advance` writes it, and `deliver`, which writes two at once.

mod advance;
mod apps;
mod ask;
mod authorize;
mod change_client;
mod clients;
mod deauthorize;
mod decide;
mod deliver;
mod device_keys;
mod documents;
mod exchange;
mod follow;
mod gauges;
mod hold;
mod insist;
mod introspect;
mod issue;
mod keys;
mod logout;
mod machine;
mod manage;
mod open;
mod password;
mod personal;
mod poll;
mod put_back;
mod redeem;
mod refresh;
mod register;
mod renew;
mod revoke;
mod sessions;
mod sign_in;
mod start;
mod turns;
mod users;

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use crate::{
    clock::Clock,
    limit::{Limited, Limiter, Limits},
    oauth::{refusal::Refusal, secret::Keyring},
    store::{Clients, Store},
    verify::Verifier,
};
pub use crate::{oauth::subject::PERSONAL, store::Unavailable};
pub use apps::{ClientIds, CreateClient, CreateClientError, MAX_OWN_CLIENTS, Spelling};
pub use ask::{Ask, Asked, Wide};
pub use authorize::{Authorization, Authorized, QUESTION_LIFE};
pub use decide::{Application, Decider, Decision};
pub use deliver::{Deliver, Delivered};
pub use device_keys::{Holder, KEYS_WRITE, KeyInfo};
pub use documents::{Fetch, NotFetched};
pub use exchange::Exchange;
pub use insist::{Retryable, fingerprint};
pub use introspect::Introspected;
pub use issue::{RefreshStyle, Style, Tokens};
pub use keys::KeysError;
pub use logout::LoggedOut;
pub use machine::OwnAccess;
pub use personal::{CreateToken, CreateTokenError, MAX_PERSONAL_TOKENS, PersonalToken, personal_client};
pub use poll::Poll;
pub use redeem::RedeemCode;
pub use refresh::Refresh;
pub use register::MAX_REGISTERED_CLIENTS;
pub use renew::Renew;
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
    insisted: insist::Insisted,
    documents: documents::Documents,
    wide: Vec<Wide>,
    jwt_life: Duration,
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
            insisted: insist::Insisted::default(),
            alarms: Limiter::new(NonZeroU32::MIN, ALARM_PAUSE, clock.clone()),
            clock,
            holds: hold::Holds::default(),
            passwords: password::Passwords::new(),
            documents: documents::Documents::default(),
            wide: Vec::new(),
            jwt_life: Duration::ZERO,
        }
    }

    /// Knows these scopes for more than they say.
    #[must_use]
    pub fn widening(self, wide: Vec<Wide>) -> Self {
        Self { wide, ..self }
    }

    /// Publishes signing keys as long as a JWT may live that they signed.
    #[must_use]
    pub fn signing_for(self, jwt_life: Duration) -> Self {
        Self { jwt_life, ..self }
    }

    /// Fetches the documents about clients so. Without it, no client is described by a document.
    #[must_use]
    pub fn fetching(self, fetch: Fetch) -> Self {
        Self { documents: documents::Documents::fetched_by(fetch), ..self }
    }

    /// The keys, for forms that prove where they come from.
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }
}
