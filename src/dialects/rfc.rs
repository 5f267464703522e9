//! What the RFC leaves no dialect to decide: its answers, and the token endpoint (RFC 6749 sections
//! 3.2 and 5).

use std::{net::IpAddr, time::Duration};

use http::{HeaderValue, Response, StatusCode};
use secrecy::ExposeSecret;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{
    House,
    client_auth::{self, ClientError},
};
use crate::{
    engine::{Error, OwnAccess, Poll, RedeemCode, Refresh, Started, Style, Tokens},
    message::{BadInput, Body, Call, Fields, Refused, RequestId, Shape, Takes, reply},
    oauth::{
        client::{Client, GrantType},
        grant::{Redemption, Wanted},
        refusal::{ErrorCode, Refusal},
        scope::Scopes,
    },
};

/// A token endpoint.
pub struct TokenEndpoint {
    /// The house.
    pub house: House,
    /// How the dialect spells what is issued.
    pub style: Style,
    /// In which ways its clients may ask.
    pub grant_types: &'static [GrantType],
    /// Which bodies it takes.
    pub takes: Takes,
    /// How long a device is told to wait between two polls.
    pub interval: Duration,
    /// How long a poll may wait for the decision.
    pub hold: Duration,
}

impl TokenEndpoint {
    /// Answers one request.
    ///
    /// # Errors
    /// [`Problem`].
    pub async fn answer(&self, call: Call) -> Result<Response<Body>, Problem> {
        const UNKNOWN_TYPE: Refusal = Refusal::new(ErrorCode::UnsupportedGrantType, "The grant_type is not one that is spoken here.");
        let fields = Fields::read(&call.head.headers, call.body, self.takes).await?;
        let grant_type = GrantType::parse(fields.required("grant_type")?).filter(|grant_type| self.grant_types.contains(grant_type));
        let grant_type = grant_type.ok_or(UNKNOWN_TYPE)?;
        let client = client_auth::authenticate(&self.house.engine, self.style.dialect, &call.head.headers, &fields, call.peer.ip).await?;
        client.may(grant_type)?;
        let (tokens, outcome) = match grant_type {
            GrantType::AuthorizationCode => (self.code(&client, &fields, call.peer.ip).await?, "issued"),
            GrantType::RefreshToken => (self.refresh(&client, &fields, call.peer.ip).await?, "refreshed"),
            GrantType::DeviceCode => (self.poll(&client, &fields, call.peer.ip, &call.gone).await?, "issued"),
            GrantType::ClientCredentials => (self.own(&client, &fields, call.peer.ip).await?, "issued"),
        };
        Ok(reply::noted(self::tokens(&tokens), Some(tokens.grant), outcome))
    }

    async fn code(&self, client: &Client, fields: &Fields, peer: IpAddr) -> Result<Tokens, Problem> {
        let audience = self.house.audience(fields)?;
        let shown = Redemption {
            redirect_uri: fields.text("redirect_uri")?,
            verifier: Some(fields.required("code_verifier")?),
            wanted: Wanted { scopes: None, audience: audience.as_ref() },
        };
        let redeem = RedeemCode { style: &self.style, client, code: fields.required("code")?, shown, peer };
        Ok(self.house.engine.redeem_code(redeem).await?)
    }

    async fn refresh(&self, client: &Client, fields: &Fields, peer: IpAddr) -> Result<Tokens, Problem> {
        let (scopes, audience) = (scopes(fields)?, self.house.audience(fields)?);
        let wanted = Wanted { scopes: scopes.as_ref(), audience: audience.as_ref() };
        let refresh = Refresh { style: &self.style, client, refresh_token: fields.required("refresh_token")?, peer, wanted };
        Ok(self.house.engine.refresh(refresh).await?)
    }

    async fn poll(&self, client: &Client, fields: &Fields, peer: IpAddr, gone: &CancellationToken) -> Result<Tokens, Problem> {
        let device_code = fields.required("device_code")?;
        let (interval, hold) = (self.interval, self.hold);
        Ok(self.house.engine.poll(Poll { style: &self.style, client, device_code, interval, hold, peer, gone }).await?)
    }

    async fn own(&self, client: &Client, fields: &Fields, peer: IpAddr) -> Result<Tokens, Problem> {
        let (scopes, audience) = (scopes(fields)?, self.house.audience(fields)?.unwrap_or_default());
        Ok(self.house.engine.own_access(OwnAccess { style: &self.style, client, scopes: scopes.as_ref(), audience, peer }).await?)
    }
}

/// The `scope` of a request; `None` where it names none.
///
/// # Errors
/// `invalid_scope`.
pub fn scopes(fields: &Fields) -> Result<Option<Scopes>, Problem> {
    const MALFORMED: Refusal = Refusal::new(ErrorCode::InvalidScope, "The scope is malformed.");
    let scopes = fields.text("scope")?.map(Scopes::parse).transpose();
    Ok(scopes.map_err(|_bad_scope| MALFORMED)?)
}

/// RFC 8628 section 3.2. `page` is where the user enters the code.
pub fn started(started: &Started, page: &str, life: Duration, interval: Duration) -> Response<Body> {
    let user_code = started.user_code.shown();
    reply::no_store(reply::json(
        StatusCode::OK,
        &json!({
            "device_code": started.device_code.expose_secret(),
            "verification_uri_complete": format!("{page}?user_code={user_code}"),
            "user_code": user_code,
            "verification_uri": page,
            "expires_in": life.as_secs(),
            "interval": interval.as_secs(),
        }),
    ))
}

/// RFC 6749 section 5.1.
pub fn tokens(tokens: &Tokens) -> Response<Body> {
    let mut body = json!({
        "access_token": tokens.access.expose_secret(),
        "token_type": "Bearer",
        "expires_in": tokens.expires_in,
        "scope": tokens.scopes.to_string(),
    });
    if let Some(refresh) = &tokens.refresh {
        body["refresh_token"] = refresh.expose_secret().into();
    }
    reply::no_store(reply::json(StatusCode::OK, &body))
}

/// Why a call got no good answer.
#[derive(Debug)]
pub enum Problem {
    /// It could not be read.
    Input(BadInput),
    /// The client is not who it says; `challenged`: it said so in `Authorization` (RFC 6749 section
    /// 5.2).
    Client {
        /// The words.
        refusal: Refusal,
        /// Whether `WWW-Authenticate` is owed.
        challenged: bool,
    },
    /// All else.
    Engine(Error),
}

impl From<BadInput> for Problem {
    fn from(input: BadInput) -> Self {
        Self::Input(input)
    }
}

impl From<ClientError> for Problem {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::BadInput(input) => Self::Input(input),
            ClientError::Engine(error) => Self::Engine(error),
            ClientError::Refused { refusal, challenged } => Self::Client { refusal, challenged },
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::Engine(Error::Refused(refusal))
    }
}

impl Problem {
    /// The answer, with a note for the log.
    pub fn answer(self, shape: Shape, id: RequestId) -> Response<Body> {
        let refused = self.refused(id);
        let outcome = refused.code;
        reply::noted(refused.answer(shape), None, outcome)
    }

    /// The no, in the RFC's words.
    pub fn refused(self, id: RequestId) -> Refused {
        match self {
            Self::Input(input) => Refused::new(input.status(), ErrorCode::InvalidRequest.as_str(), input.to_string(), id),
            Self::Client { refusal, challenged } => {
                let status = if challenged { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
                let mut refused = Refused::new(status, refusal.code.as_str(), refusal.description, id);
                refused.challenge = challenged.then(|| HeaderValue::from_static("Basic realm=\"token endpoint\""));
                refused
            }
            Self::Engine(Error::Refused(refusal)) => Refused::new(StatusCode::BAD_REQUEST, refusal.code.as_str(), refusal.description, id),
            // The one word of the RFCs for it (RFC 8628 section 3.5).
            Self::Engine(Error::Limited(limited)) => {
                let slow_down = ErrorCode::SlowDown { interval: Duration::from_secs(limited.retry_after) };
                Refused { code: slow_down.as_str(), ..Refused::too_many(limited.retry_after, id) }
            }
            Self::Engine(error @ (Error::Unavailable(_) | Error::Contended)) => {
                tracing::error!(%error, request = %id, "the store did not do what was asked");
                Refused::unavailable(id)
            }
        }
    }
}

/// RFC 6749 section 5.2.
pub fn flat(refused: &Refused) -> Response<Body> {
    let (error, words) = flat_parts(refused);
    reply::json(refused.status, &json!({"error": error, "error_description": words}))
}

/// The word and the sentence of a no.
pub fn flat_parts(refused: &Refused) -> (&'static str, String) {
    let error = match refused.status {
        StatusCode::METHOD_NOT_ALLOWED => ErrorCode::InvalidRequest.as_str(),
        StatusCode::SERVICE_UNAVAILABLE => "temporarily_unavailable",
        _ => refused.code,
    };
    (error, printable(&refused.message))
}

/// `error_description` holds printable ASCII without `"` and `\` only.
fn printable(words: &str) -> String {
    words.chars().map(|c| if matches!(c, ' '..='~') && !matches!(c, '"' | '\\') { c } else { '?' }).collect()
}
