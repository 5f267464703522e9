//! Administration: what an operator may do to users, clients, grants, tokens and signing keys.
//!
//! Each thing that can be done is a row of a table: a [`Noun`] has [`Verb`]s, a verb says which
//! arguments it takes, how its answer reads, and what it does. The command line, its help and the
//! API are made of these rows, so a new verb is a row and its function, and a new noun is a file
//! with its rows and a line in [`NOUNS`].
//!
//! Two carriers bring a request here and the answer back: the socket of a running gateway
//! ([`http`]), and the command line itself where none runs. The answer is the same.
//!
//! # The API
//!
//! `POST /<noun>/<verb>` with a JSON object, each argument a text, such as `{"name": "ada"}` for
//! `POST /user/show`. 200 and the answer: an object, or a list of objects. Otherwise
//! `{"error": {"code": "...", "message": "..."}}`, where the code ([`AdminCode`]) is for programs
//! and keeps its meaning, and the message is for people. Fields may be added to answers; those that
//! are there stay. Times are of RFC 3339, in UTC; scopes are one text, separated by spaces
//! (RFC 6749 section 3.3). 202 instead of 200: it is taken back, and a replica may serve it until the time that the
//! `receipt` names.
//!
//! `GET /metrics`: how the gateway stands, in Prometheus's text format.

mod arguments;
mod clients;
mod grants;
pub mod http;
mod insist;
mod keys;
mod metrics;
mod receipt;
mod replicas;
mod tokens;
mod users;
mod verb;

use std::{collections::BTreeSet, fmt, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    clock::Clock,
    config::Config,
    engine::{Engine, Error, Unavailable},
    oauth::scope::Scopes,
};
pub use arguments::Arguments;
pub use clients::MakesClients;
pub use verb::{Argument, Form, NAME, Noun, Says, Verb};

/// Everything that can be done.
pub const NOUNS: &[Noun] = &[users::NOUN, clients::NOUN, grants::NOUN, tokens::NOUN, keys::NOUN, replicas::NOUN];

/// Does what the operator asks for.
pub struct Admin {
    engine: Arc<Engine>,
    clock: Clock,
    /// Those that the configuration declares.
    scopes: BTreeSet<String>,
    default_scopes: Scopes,
    makes_clients: Vec<MakesClients>,
}

/// Something to be done.
#[derive(Clone, Debug)]
pub struct AdminRequest {
    /// To what.
    pub noun: String,
    /// What.
    pub verb: String,
    /// The particulars.
    pub arguments: Arguments,
}

/// What came out: a JSON object, or a list of them. Silent in `Debug`: it may hold a new token.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AdminAnswer(pub Value);

impl AdminAnswer {
    fn of(answer: &impl Serialize) -> Result<Self, AdminError> {
        let value = serde_json::to_value(answer);
        value.map(Self).map_err(|error| AdminError::new(AdminCode::Unavailable, format!("the answer cannot be written: {error}")))
    }
}

impl fmt::Debug for AdminAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminAnswer(..)")
    }
}

/// Why nothing came out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct AdminError {
    /// For programs.
    pub code: AdminCode,
    /// For people.
    pub message: String,
}

/// The kinds of errors.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdminCode {
    /// The request cannot be understood, or asks for what cannot be.
    InvalidRequest,
    /// What was named is not there.
    NotFound,
    /// What was to be made is there already.
    AlreadyExists,
    /// The store cannot answer now. It is not known whether anything was done: look before
    /// something is made a second time.
    Unavailable,
    /// The same, where something is to be taken back: the gateway that was asked tries on until it is. To ask
    /// again meanwhile is no mistake.
    Pending,
}

impl AdminError {
    fn new(code: AdminCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// The request is to blame.
    fn invalid(message: impl Into<String>) -> Self {
        Self::new(AdminCode::InvalidRequest, message)
    }

    /// Something that was named is not there.
    fn not_found(message: impl Into<String>) -> Self {
        Self::new(AdminCode::NotFound, message)
    }
}

impl From<Unavailable> for AdminError {
    fn from(unavailable: Unavailable) -> Self {
        Self::new(AdminCode::Unavailable, unavailable.to_string())
    }
}

impl From<Error> for AdminError {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::Refused(_) => AdminCode::InvalidRequest,
            Error::Limited(_) | Error::Unavailable(_) | Error::Contended => AdminCode::Unavailable,
        };
        Self::new(code, error.to_string())
    }
}

impl Admin {
    /// Over this engine, under this configuration, with the dialects in which clients can be made.
    pub fn new(engine: Arc<Engine>, config: &Config, makes_clients: Vec<MakesClients>, clock: Clock) -> Self {
        let (scopes, default_scopes) = (config.scopes.keys().cloned().collect(), config.default_scopes.clone());
        Self { engine, clock, scopes, default_scopes, makes_clients }
    }

    /// Does what is asked for, and notes that in the log.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn answer(&self, request: AdminRequest) -> Result<AdminAnswer, AdminError> {
        let AdminRequest { noun, verb, arguments } = request;
        let verb = NOUNS.iter().filter(|row| row.name == noun).flat_map(|row| row.verbs).find(|row| row.verb == verb);
        let verb = verb.ok_or_else(|| AdminError::not_found("there is no such command"))?;
        arguments.check(verb.arguments)?;
        let on = verb.arguments.first().and_then(|argument| arguments.optional(argument.name)).map(str::to_owned);
        let answer = (verb.run)(self, arguments).await?;
        // The first argument names whom it was done to, and has been found good by then.
        tracing::info!(noun, verb = verb.verb, on, "administered");
        Ok(answer)
    }

    /// Reads scopes, all of which the configuration declares.
    fn known_scopes(&self, text: &str) -> Result<Scopes, AdminError> {
        let scopes = Scopes::parse(text).map_err(|error| AdminError::invalid(error.to_string()))?;
        if let Some(unknown) = scopes.iter().find(|scope| !self.scopes.contains(*scope)) {
            return Err(AdminError::invalid(format!("there is no scope \"{unknown}\" in the configuration's [scopes]")));
        }
        Ok(scopes)
    }
}

/// Times are told without what is below a second.
fn to_the_second(time: Timestamp) -> Timestamp {
    Timestamp::new(time.as_second(), 0).unwrap_or(time)
}
