//! An authorization endpoint that speaks RFC 6749 section 4.1.1 with PKCE: what an app asks for by
//! way of a browser, and what the browser takes back. The page itself is one of the pages for people.

use std::{future::Future, net::IpAddr, pin::Pin, sync::Arc, time::Duration};

use secrecy::{ExposeSecret, SecretString};

use super::{House, PageAt};
use crate::{
    engine::{Error, Style},
    message::{BadInput, Fields},
    oauth::{
        audience::Audience,
        client::{Client, GrantType, Origin},
        grant::Redirect,
        id::ClientId,
        pkce::Challenge,
        redirect,
        refusal::{ErrorCode, Refusal},
        scope::Scopes,
    },
};

/// Where users decide about what a browser brought. One for each dialect whose answers travel so.
pub trait Authorizes: Send + Sync {
    /// The page's address. The dialect claims it, for all methods.
    fn page(&self) -> &PageAt;

    /// Another address that sends browsers on to the page, if there is one.
    fn entrance(&self) -> Option<&Entrance> {
        None
    }

    /// Whether it is for requests of this `response_type`, where several share a page. What nobody is
    /// for, the first is.
    fn takes(&self, response_type: Option<&str>) -> bool;

    /// How the dialect spells what is issued.
    fn style(&self) -> &Style;

    /// What stands before a code.
    fn code_prefix(&self) -> &'static str;

    /// Reads what the browser at this address brought.
    fn read<'a>(&'a self, query: Option<&'a str>, peer: IpAddr) -> Reading<'a>;

    /// Where the browser goes with the code.
    fn granted(&self, question: &Question, code: &SecretString) -> String;

    /// Where the browser goes without one.
    fn refused(&self, question: &Question, refusal: &Refusal) -> String;
}

/// An address that sends browsers on to a page, with the query that they came with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entrance {
    /// Where it is. The dialect claims it, for GET and HEAD.
    pub at: PageAt,
    /// The one `response_type` that is sent on, and said where it is absent.
    pub response_type: &'static str,
}

/// What comes of reading a question.
pub type Reading<'a> = Pin<Box<dyn Future<Output = Result<Question, Unanswered>> + Send + 'a>>;

/// What an app asks for.
#[derive(Clone, Debug)]
pub struct Question {
    /// The client that asks.
    pub client: Client,
    /// What it wants; `None` for all that it may have.
    pub scopes: Option<Scopes>,
    /// For which resources.
    pub audience: Audience,
    /// Where the answer goes, and who may use it.
    pub redirect: Redirect,
    /// What the app wants to hear again.
    pub state: Option<String>,
}

/// Why there is nothing to ask a user.
#[derive(Debug)]
pub enum Unanswered {
    /// Nobody can say who asks, or where to send the browser: people are told, and nobody else (RFC
    /// 6749 section 4.1.2.1).
    Here(Refusal),
    /// The app is told, there.
    There {
        /// The address, with what is wrong.
        location: String,
        /// Whether somebody whom the gateway knows has chosen that address. Otherwise nobody is led
        /// there who has not signed in (RFC 9700 section 4.11.2).
        trusted: bool,
    },
    /// Nobody can say now.
    Engine(Error),
}

/// The endpoint of a dialect that adds nothing to the RFC.
pub struct Endpoint {
    /// The house.
    pub house: House,
    /// Where it is.
    pub at: PageAt,
    /// How the dialect spells what is issued.
    pub style: Style,
    /// What stands before a code.
    pub prefix: &'static str,
    /// How long a code is good for, counted from the approval.
    pub code_life: Duration,
    /// What clients may ask for that are described by the document at their id; `None`: those are
    /// unknown here.
    pub documents: Option<Scopes>,
}

impl Authorizes for Endpoint {
    fn page(&self) -> &PageAt {
        &self.at
    }

    fn takes(&self, response_type: Option<&str>) -> bool {
        response_type != Some("token")
    }

    fn style(&self) -> &Style {
        &self.style
    }

    fn code_prefix(&self) -> &'static str {
        self.prefix
    }

    fn read<'a>(&'a self, query: Option<&'a str>, peer: IpAddr) -> Reading<'a> {
        Box::pin(async move {
            let (fields, bad) = Fields::from_query_in_part(query);
            // Until these two are known, nobody is told but the user.
            let (client, uri, named) = self.asker(&fields, peer).await?;
            let state = match fields.text("state") {
                Ok(state) => state.map(str::to_owned),
                Err(bad) => return Err(self.told(&client, &uri, None, &bad.into())),
            };
            let question = match bad {
                None => self.question(&fields, &client, &uri, named),
                Some(bad) => Err(bad.into()),
            };
            match question {
                Ok((scopes, audience, redirect)) => Ok(Question { client, scopes, audience, redirect, state }),
                Err(refusal) => Err(self.told(&client, &uri, state.as_deref(), &refusal)),
            }
        })
    }

    fn granted(&self, question: &Question, code: &SecretString) -> String {
        self.answer(&question.redirect.uri, question.state.as_deref(), &[("code", code.expose_secret())])
    }

    fn refused(&self, question: &Question, refusal: &Refusal) -> String {
        self.error(&question.redirect.uri, question.state.as_deref(), refusal)
    }
}

impl Endpoint {
    /// Who asks, where the answer goes, and whether the request says so.
    async fn asker(&self, fields: &Fields, peer: IpAddr) -> Result<(Client, String, bool), Unanswered> {
        const NO_CLIENT: Refusal =
            Refusal::new(ErrorCode::InvalidRequest, "The address does not say which app asks: client_id is missing.");
        const UNKNOWN: Refusal = Refusal::new(ErrorCode::InvalidClient, "There is no app of this client_id here.");
        const ADDRESS: Refusal = Refusal::new(
            ErrorCode::InvalidRequest,
            "The app asks for the answer at an address that is not registered for it: redirect_uri does not match.",
        );
        const NO_ADDRESS: Refusal = Refusal::new(
            ErrorCode::InvalidRequest,
            "The address does not say where the answer goes: redirect_uri is missing, and the app has not exactly one.",
        );
        let text = |name| fields.text(name).map_err(|bad| Unanswered::Here(bad.into()));
        let id = text("client_id")?.ok_or(Unanswered::Here(NO_CLIENT))?;
        let (dialect, id) = (self.style.dialect, ClientId::new(id));
        let client = match &self.documents {
            Some(scopes) => self.house.engine.client_or_document(dialect, &id, scopes, peer).await,
            None => self.house.engine.client(dialect, &id).await,
        };
        let client = client.map_err(|error| match error {
            Error::Refused(refusal) => Unanswered::Here(refusal),
            error => Unanswered::Engine(error),
        })?;
        let client = client.ok_or(Unanswered::Here(UNKNOWN))?;
        let named = text("redirect_uri")?;
        let missing = if named.is_some() { ADDRESS } else { NO_ADDRESS };
        let uri = client.redirect_uri(named).ok_or(Unanswered::Here(missing))?.to_owned();
        Ok((client, uri, named.is_some()))
    }

    /// What is asked for, and where the answer goes.
    fn question(&self, fields: &Fields, client: &Client, uri: &str, named: bool) -> Result<(Option<Scopes>, Audience, Redirect), Refusal> {
        const NO_TYPE: Refusal = Refusal::new(ErrorCode::InvalidRequest, "response_type is missing.");
        const TYPE: Refusal = Refusal::new(ErrorCode::UnsupportedResponseType, "The response_type is not one that is spoken here: code.");
        const METHOD: Refusal = Refusal::new(ErrorCode::InvalidRequest, "code_challenge_method must be S256.");
        const NO_CHALLENGE: Refusal = Refusal::new(ErrorCode::InvalidRequest, "code_challenge is missing.");
        const CHALLENGE: Refusal = Refusal::new(ErrorCode::InvalidRequest, "code_challenge is not a base64url-encoded SHA-256 hash.");
        const SCOPE: Refusal = Refusal::new(ErrorCode::InvalidScope, "The scope is malformed.");
        match fields.text("response_type")? {
            None => return Err(NO_TYPE),
            Some("code") => client.may(GrantType::AuthorizationCode)?,
            Some(_) => return Err(TYPE),
        }
        let challenge = fields.text("code_challenge")?.ok_or(NO_CHALLENGE)?;
        // Without it the method is plain (RFC 7636 section 4.3), which is none.
        if fields.text("code_challenge_method")? != Some("S256") {
            return Err(METHOD);
        }
        let challenge = Challenge::parse(challenge).ok_or(CHALLENGE)?;
        let scopes = fields.text("scope")?.map(Scopes::parse).transpose().map_err(|_bad_scope| SCOPE)?;
        self.house.engine.requestable(client, scopes.as_ref())?;
        let audience = self.house.audience(fields)?.unwrap_or_default();
        let redirect = Redirect { uri: uri.to_owned(), named, challenge: Some(challenge), life: self.code_life };
        Ok((scopes, audience, redirect))
    }

    fn told(&self, client: &Client, uri: &str, state: Option<&str>, refusal: &Refusal) -> Unanswered {
        let trusted = matches!(client.origin, Origin::Declared | Origin::Managed);
        Unanswered::There { location: self.error(uri, state, refusal), trusted }
    }

    fn error(&self, uri: &str, state: Option<&str>, refusal: &Refusal) -> String {
        self.answer(uri, state, &[("error", refusal.code.as_str()), ("error_description", &refusal.description)])
    }

    /// Every answer names who gives it (RFC 9207).
    fn answer(&self, uri: &str, state: Option<&str>, parts: &[(&str, &str)]) -> String {
        let mut answer = parts.to_vec();
        answer.extend(state.map(|state| ("state", state)));
        answer.push(("iss", &self.house.issuer));
        redirect::with_answer(uri, &answer)
    }
}

impl From<BadInput> for Refusal {
    fn from(bad: BadInput) -> Self {
        Self { code: ErrorCode::InvalidRequest, description: bad.to_string().into() }
    }
}

/// The endpoint as what the pages know of it.
pub fn endpoint(endpoint: Endpoint) -> Arc<dyn Authorizes> {
    Arc::new(endpoint)
}
