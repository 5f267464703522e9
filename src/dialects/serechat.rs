//! SereChat: the page shows a 6-digit code, and the user types it into the app.
//!
//! 1. **Create a request.** `POST /api/auth/app/request` with the app's name, and no registration.
//! 2. **The user authorizes in the browser.** The page `/authorize-app?request_id=...` shows the
//!    app's name, which nobody verified, and after a yes the code.
//! 3. **The user enters the code** in the app.
//! 4. **Exchange the code for a token.** `POST /api/auth/app/exchange`, five tries. The token is
//!    good for a year, and the user can revoke it at any time.
//!
//! Errors are flat, `{"error", "message"}`, and clients go by the word.

use std::{sync::Arc, time::Duration};

use http::{Method, Response, StatusCode};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{Dialect, House, PageAt, rfc::Problem};
use crate::{
    config::{self, DialectRow, Mount, Mounted, Section},
    engine::{Ask, Error, Exchange, Style},
    message::{BadInput, Body, Call, Endpoint, Fields, Need, Refused, RequestId, Takes, endpoint, reply},
    oauth::{
        claim::Claim,
        client::{Client, Declared, UNKNOWN},
        grant::Requester,
        id::ClientId,
        refusal::ErrorCode,
        signing::TokenFormat,
        typed::{AskId, TypedCode},
    },
};

const NAME: &str = "serechat";
const REQUEST: &str = "/api/auth/app/request";
const EXCHANGE: &str = "/api/auth/app/exchange";
const PAGE: &str = "/authorize-app";

/// A request is valid for 10 minutes.
const REQUEST_LIFE: Duration = Duration::from_secs(10 * 60);
/// Codes expire 5 minutes after the user approves.
const CODE_LIFE: Duration = Duration::from_secs(5 * 60);
/// The longest `Retry-After` that clients heed, in seconds.
const MAX_RETRY_AFTER: u64 = 600;

/// Seconds until expiry. Currently 31 536 000 (one year).
const STYLE: Style =
    Style { dialect: NAME, access: "sc_at_", access_life: Duration::from_secs(31_536_000), format: TokenFormat::Opaque, refresh: None };

/// The line in the table of dialects.
pub const ROW: DialectRow<Arc<dyn Dialect>> = DialectRow { name: NAME, read: |mount, section| Arc::new(SereChat::read(mount, section)) };

/// The dialect with its options.
#[derive(Debug)]
pub struct SereChat {
    mount: Mount,
    /// The one client that stands for all apps, since none is registered.
    client: Client,
}

impl SereChat {
    fn read(mount: Mount, section: &mut Section<'_>) -> Self {
        let scopes = section.scopes_or("scopes", "inference");
        let client = Client::declared(NAME, ClientId::new(NAME), "SereChat app".to_owned(), scopes);
        Self { mount, client }
    }
}

impl Mounted for SereChat {
    fn claims(&self) -> Vec<config::Claim> {
        let claim = |path, methods: &[Method]| self.mount.claim(NAME, path, methods);
        vec![claim(REQUEST, &[Method::POST]), claim(EXCHANGE, &[Method::POST]), claim(PAGE, &[])]
    }

    fn clients(&self) -> Vec<Declared> {
        vec![Declared { client: self.client.clone(), secret: None }]
    }
}

impl Dialect for SereChat {
    fn endpoints(self: Arc<Self>, house: &House) -> Vec<Endpoint> {
        let desk = Arc::new(Desk { dialect: Arc::clone(&self), house: house.clone() });
        let endpoint = |(name, path)| {
            let desk = Arc::clone(&desk);
            Endpoint {
                name,
                host: self.mount.host.clone(),
                path: self.mount.path(path),
                methods: vec![Method::POST],
                need: Need::Nothing,
                shape: flat,
                cors: false,
                handler: endpoint::handler(move |call| answer(Arc::clone(&desk), name, call)),
            }
        };
        [("serechat.request", REQUEST), ("serechat.exchange", EXCHANGE)].into_iter().map(endpoint).collect()
    }

    fn code_page(&self) -> Option<PageAt> {
        Some(PageAt::on(&self.mount, PAGE))
    }
}

/// The dialect in its house.
struct Desk {
    dialect: Arc<SereChat>,
    house: House,
}

type Answer = Result<Response<Body>, Problem>;

async fn answer(desk: Arc<Desk>, name: &'static str, call: Call) -> Response<Body> {
    let id = call.id;
    let answer = match name {
        "serechat.request" => desk.request(call).await,
        _ => desk.exchange(call).await,
    };
    answer.unwrap_or_else(|problem| refused(problem, id))
}

impl Desk {
    /// Step 1.
    async fn request(&self, call: Call) -> Answer {
        let fields = Fields::read(&call.head.headers, call.body, Takes::Json).await?;
        let app = Claim::exact(fields.required("app_name")?);
        let app = app.map_err(|bad| BadInput::Malformed(format!("app_name {bad}.")))?;
        let requester = Requester { app: Some(app), device: None, platform: None, network: call.peer.ip };
        let client = self.client().await?;
        let ask = Ask { style: &STYLE, client: &client, requester, life: REQUEST_LIFE, code_life: CODE_LIFE };
        let asked = self.house.engine.ask(ask).await?;
        let answer = reply::json(StatusCode::OK, &json!({"request_id": asked.id.shown()}));
        Ok(reply::noted(reply::no_store(answer), Some(asked.grant), "asked"))
    }

    /// The one client, unless the operator disabled it.
    async fn client(&self) -> Result<Client, Problem> {
        let client = self.house.engine.client(NAME, &self.dialect.client.id).await?;
        Ok(client.ok_or(Error::Refused(UNKNOWN))?)
    }

    /// Step 4. What has not the shape of a try is none.
    async fn exchange(&self, call: Call) -> Answer {
        let fields = Fields::read(&call.head.headers, call.body, Takes::Json).await?;
        let ask = AskId::parse(fields.required("request_id")?);
        let code = TypedCode::parse(fields.required("code")?);
        let code = code.ok_or_else(|| BadInput::Malformed("code must be six digits.".to_owned()))?;
        let client = self.client().await?;
        let exchange = Exchange { style: &STYLE, client: &client, ask, code, peer: call.peer.ip };
        let tokens = self.house.engine.exchange(exchange).await?;
        let body = json!({
            "access_token": tokens.access.expose_secret(),
            "token_type": "bearer",
            "expires_in": tokens.expires_in,
        });
        Ok(reply::noted(reply::no_store(reply::json(StatusCode::OK, &body)), Some(tokens.grant), "issued"))
    }
}

/// A no in SereChat's words, with a note for the log.
fn refused(problem: Problem, id: RequestId) -> Response<Body> {
    let mut left = None;
    let refused = match problem {
        Problem::Engine(Error::Refused(refusal)) => {
            let (status, word) = match refusal.code {
                ErrorCode::WrongCode { left: 0 } | ErrorCode::AccessDenied => (StatusCode::GONE, "request_invalidated"),
                ErrorCode::WrongCode { left: tries } => {
                    left = Some(tries);
                    (StatusCode::BAD_REQUEST, "invalid_code")
                }
                ErrorCode::AuthorizationPending => (StatusCode::NOT_FOUND, "authorization_pending"),
                ErrorCode::InvalidGrant => (StatusCode::NOT_FOUND, "request_not_found"),
                code => (StatusCode::BAD_REQUEST, code.as_str()),
            };
            Refused::new(status, word, refusal.description, id)
        }
        Problem::Engine(Error::Limited(limited)) => Refused::too_many(limited.retry_after.min(MAX_RETRY_AFTER), id),
        other => other.refused(id),
    };
    let outcome = refused.code;
    let answer = match left {
        Some(left) => {
            let mut body = words(&refused);
            body["attempts_remaining"] = left.into();
            reply::no_store(reply::json(refused.status, &body))
        }
        None => refused.answer(flat),
    };
    reply::noted(answer, None, outcome)
}

/// A word for programs and a sentence for people.
fn flat(refused: &Refused) -> Response<Body> {
    reply::json(refused.status, &words(refused))
}

fn words(refused: &Refused) -> Value {
    json!({"error": refused.code, "message": refused.message})
}
