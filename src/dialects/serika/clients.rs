//! The API by which users make clients: `POST` and `GET /clients`, `POST /clients/{id}/reset-secret`,
//! `DELETE /clients/{id}`. Everybody sees and changes his own alone.

use std::sync::Arc;

use http::{Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::{Answer, Desk, GRANT_TYPES, NAME, SPELLING, user};
use crate::{
    engine::{CreateClient, CreateClientError, Engine, Error},
    message::{BadInput, Body, Call, Fields, Refused, RequestId, Takes, refused::openai_type, reply},
    oauth::{
        claim::Claim,
        client::{Client, Origin},
        id::{ClientId, GrantId, UserId},
        redirect::RedirectUri,
        refusal::ErrorCode,
        scope::Scopes,
    },
};

/// So many redirect URIs a client may have.
const MAX_REDIRECT_URIS: usize = 20;

impl Desk {
    /// Makes a client, and tells its secret once.
    pub(super) async fn create_client(&self, call: Call) -> Answer {
        let (owner, grant) = caller(&call)?;
        let create = self.asked(&Fields::read(&call.head.headers, call.body, Takes::Json).await?, owner)?;
        let (client, secret) = self.house.engine.create_client(create).await?;
        let answer = reply::json(StatusCode::CREATED, &told(&client, secret.as_ref()));
        Ok(reply::noted(reply::no_store(answer), Some(grant), "client_created"))
    }

    /// What a user asks for, checked.
    fn asked(&self, fields: &Fields, owner: UserId) -> Result<CreateClient, Problem> {
        let name = Claim::exact(fields.required("name")?).map_err(|bad| BadInput::Malformed(format!("name {bad}.")))?;
        Ok(CreateClient {
            spelling: SPELLING,
            owner: Some(owner),
            origin: Origin::Managed,
            name,
            description: None,
            redirect_uris: redirect_uris(fields)?,
            scopes: self.scopes(fields)?,
            grant_types: GRANT_TYPES.into_iter().collect(),
            public: fields.flag("public")?.unwrap_or(false),
            format: None,
            resource_server: None,
            verified: false,
        })
    }

    fn scopes(&self, fields: &Fields) -> Result<Scopes, Problem> {
        let refused = |words: String| Problem::No(StatusCode::BAD_REQUEST, ErrorCode::InvalidScope.as_str(), words);
        let named: Scopes = fields.list("scopes")?.unwrap_or_default().into_iter().map(str::to_owned).collect();
        let known = &self.dialect.scopes;
        if named.is_empty() {
            return Err(refused(format!("scopes must name one or more of: {known}.")));
        }
        if !known.cover(&named) {
            return Err(refused(format!("scopes names one that clients cannot be made for. There are: {known}.")));
        }
        Ok(named)
    }

    /// The caller's own clients, the newest last.
    pub(super) async fn list_clients(&self, call: Call) -> Answer {
        let (owner, grant) = caller(&call)?;
        let clients = self.house.engine.clients_of(owner).await?;
        let listed: Vec<Value> = clients.iter().filter(|client| client.dialect == NAME).map(listed).collect();
        Ok(reply::noted(reply::no_store(reply::json(StatusCode::OK, &listed)), Some(grant), "clients_listed"))
    }

    /// Gives a client another secret. The old one is worth nothing at once; tokens stay.
    pub(super) async fn reset_client_secret(&self, call: Call) -> Answer {
        let ((owner, grant), id) = (caller(&call)?, ClientId::new(call.segment("id")));
        let client = self.house.engine.find_client(NAME, &id, Some(owner)).await?.ok_or_else(no_client)?;
        if client.is_public() {
            let words = "A public client has no secret.".to_owned();
            return Err(Problem::No(StatusCode::BAD_REQUEST, ErrorCode::InvalidRequest.as_str(), words));
        }
        let (client, secret) = self.house.engine.reset_client_secret(SPELLING, &id, Some(owner)).await?.ok_or_else(no_client)?;
        let body = json!({"clientId": client.id.as_str(), "clientSecret": secret.expose_secret()});
        Ok(reply::noted(reply::no_store(reply::json(StatusCode::OK, &body)), Some(grant), "client_secret_reset"))
    }

    /// Deletes a client, and everything that was issued to it with it.
    pub(super) async fn delete_client(&self, call: Call) -> Answer {
        let ((owner, grant), id) = (caller(&call)?, ClientId::new(call.segment("id")));
        let what = format!("the client {id} of user {owner}");
        let delete = move |engine: Arc<Engine>| {
            let id = id.clone();
            async move { engine.delete_client(NAME, &id, Some(owner)).await }
        };
        self.house.engine.insist(what, delete).await?.ok_or_else(no_client)?;
        Ok(reply::noted(reply::no_store(reply::empty(StatusCode::NO_CONTENT)), Some(grant), "client_deleted"))
    }
}

/// Whose clients it is about, and the grant of his token.
fn caller(call: &Call) -> Result<(UserId, GrantId), Problem> {
    user(call).map(|(user, subject)| (user.id, subject.grant))
}

fn redirect_uris(fields: &Fields) -> Result<Vec<RedirectUri>, Problem> {
    let refused = |words: String| Problem::No(StatusCode::BAD_REQUEST, ErrorCode::InvalidRedirectUri.as_str(), words);
    let named = fields.list("redirectUris")?.unwrap_or_default();
    if !(1..=MAX_REDIRECT_URIS).contains(&named.len()) {
        return Err(refused(format!("redirectUris must hold 1 to {MAX_REDIRECT_URIS} addresses.")));
    }
    let mut uris = Vec::with_capacity(named.len());
    for (index, text) in named.into_iter().enumerate() {
        let uri = RedirectUri::parse(text).map_err(|bad| refused(format!("redirectUris[{index}] {bad}.")))?;
        if !uris.contains(&uri) {
            uris.push(uri);
        }
    }
    Ok(uris)
}

fn told(client: &Client, secret: Option<&SecretString>) -> Value {
    let mut body = common(client);
    if let Some(secret) = secret {
        body["clientSecret"] = secret.expose_secret().into();
    }
    body
}

fn listed(client: &Client) -> Value {
    let mut body = common(client);
    body["createdAt"] = client.created.map(|created| format!("{created:.3}")).into();
    body
}

fn common(client: &Client) -> Value {
    let uris: Vec<&str> = client.redirect_uris.iter().map(RedirectUri::as_str).collect();
    let scopes: Vec<&str> = client.scopes.iter().collect();
    json!({"clientId": client.id.as_str(), "name": client.name, "redirectUris": uris, "scopes": scopes})
}

/// Why a call got no good answer.
pub(super) enum Problem {
    /// It could not be read.
    Input(BadInput),
    /// Status, word for programs, sentence for people.
    No(StatusCode, &'static str, String),
    /// All else.
    Engine(Error),
}

/// Another user's client looks like one that is not there.
fn no_client() -> Problem {
    Problem::No(StatusCode::NOT_FOUND, "client_not_found", "You have no client with this id.".to_owned())
}

impl From<BadInput> for Problem {
    fn from(input: BadInput) -> Self {
        Self::Input(input)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

impl From<CreateClientError> for Problem {
    fn from(error: CreateClientError) -> Self {
        match error {
            CreateClientError::TooMany => {
                let words = format!("There can be no more: {error}. Delete one that is no longer used.");
                Self::No(StatusCode::CONFLICT, "too_many_clients", words)
            }
            CreateClientError::Other(error) => Self::Engine(error),
        }
    }
}

impl Problem {
    /// The answer, with a note for the log.
    pub(super) fn answer(self, id: RequestId) -> Response<Body> {
        let refused = match self {
            Self::No(status, code, words) => Refused::new(status, code, words, id),
            Self::Input(input) => super::rfc::Problem::Input(input).refused(id),
            Self::Engine(error) => super::rfc::Problem::Engine(error).refused(id),
        };
        let outcome = refused.code;
        reply::noted(refused.answer(nested), None, outcome)
    }
}

/// A sentence for people, a kind and a word for programs, within `error`.
pub(super) fn nested(refused: &Refused) -> Response<Body> {
    let error = json!({"message": refused.message, "type": openai_type(refused.status), "code": refused.code});
    reply::json(refused.status, &json!({ "error": error }))
}
