//! Bootspring: the device grant of RFC 8628, in two families of paths.
//!
//! 1. **Request a device code.** `POST /auth/device/code` (also `/v1/auth/device/code`) with
//!    `client_id`; or, as the published command line does, `POST /api/v1/auth/device` with JSON
//!    about the device and no client.
//! 2. **Display to the user.** `user_code` and `verification_uri`: the page `/device`.
//! 3. **Poll for the token.** `POST /auth/device/token` (also `/v1/...`), or
//!    `POST /api/v1/auth/device/token`. Errors are flat, with HTTP 400.
//! 4. **Refresh.** `grant_type=refresh_token` at the token endpoint, or `POST /api/v1/auth/refresh`.
//! 5. **Log out.** `POST /api/v1/auth/logout`. **Who am I?** `GET /api/v1/auth/me`.
//!
//! The paths below `/api/v1/auth` name no client: one public client stands for it.

mod answers;
mod options;

use std::{net::IpAddr, sync::Arc};

use http::{Method, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use self::answers::Family;
pub use self::options::{Bootspring, ROW};
use super::{
    Dialect, House, client_auth,
    rfc::{self, Problem, scopes},
};
use crate::{
    engine::{Engine, Error, Poll, Refresh, Start, fingerprint},
    message::{BadInput, Body, Call, Credential, Endpoint, Fields, Need, Shape, Takes, endpoint, reply},
    oauth::{
        audience::Audience,
        claim::Claim,
        client::{Client, UNKNOWN},
        grant::{Channel, Requester, Wanted},
        id::GrantId,
        refusal::{ErrorCode, Refusal},
        scope::Scopes,
        subject::Subject,
        token::Kind,
    },
};

const NAME: &str = "bootspring";
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// The dialect in its house.
struct Desk {
    options: Arc<Bootspring>,
    house: House,
}

type Answer = Result<Response<Body>, Problem>;

/// Every path with its method, what it needs, and how it says no to what never reaches a handler.
const PATHS: [(&str, &str, Method, Need, Shape); 9] = [
    ("bootspring.code", "/auth/device/code", Method::POST, Need::Nothing, rfc::flat),
    ("bootspring.code", "/v1/auth/device/code", Method::POST, Need::Nothing, rfc::flat),
    ("bootspring.token", "/auth/device/token", Method::POST, Need::Nothing, rfc::flat),
    ("bootspring.token", "/v1/auth/device/token", Method::POST, Need::Nothing, rfc::flat),
    ("bootspring.cli.code", "/api/v1/auth/device", Method::POST, Need::Nothing, answers::flat_and_message),
    ("bootspring.cli.token", "/api/v1/auth/device/token", Method::POST, Need::Nothing, answers::flat_and_message),
    ("bootspring.cli.refresh", "/api/v1/auth/refresh", Method::POST, Need::Nothing, answers::nested),
    ("bootspring.cli.logout", "/api/v1/auth/logout", Method::POST, Need::Nothing, answers::nested),
    ("bootspring.cli.me", "/api/v1/auth/me", Method::GET, Need::Bearer(NAME), answers::nested),
];

/// Apps in browsers may fetch and refresh tokens. They may not start: whoever opens a page would
/// start as often as its author likes.
const SHARED: [&str; 3] = ["bootspring.token", "bootspring.cli.token", "bootspring.cli.refresh"];

impl Dialect for Bootspring {
    fn endpoints(self: Arc<Self>, house: &House) -> Vec<Endpoint> {
        let desk = Arc::new(Desk { options: Arc::clone(&self), house: house.clone() });
        let endpoint = |(name, path, method, need, shape): (&'static str, &str, Method, Need, Shape)| {
            let desk = Arc::clone(&desk);
            Endpoint {
                name,
                host: self.mount.host.clone(),
                path: self.mount.path(path),
                methods: vec![method],
                need,
                shape,
                cors: SHARED.contains(&name),
                handler: endpoint::handler(move |call| answer(Arc::clone(&desk), name, call)),
            }
        };
        PATHS.into_iter().map(endpoint).collect()
    }
}

async fn answer(desk: Arc<Desk>, name: &'static str, call: Call) -> Response<Body> {
    let id = call.id;
    let (answer, family) = match name {
        "bootspring.code" => (desk.code(call).await, Family::Start),
        "bootspring.token" => (desk.token(call).await, Family::Token),
        "bootspring.cli.code" => (desk.cli_code(call).await, Family::CliStart),
        "bootspring.cli.token" => (desk.cli_token(call).await, Family::CliToken),
        "bootspring.cli.refresh" => (desk.cli_refresh(call).await, Family::CliRefresh),
        "bootspring.cli.logout" => (desk.cli_logout(call).await, Family::CliApi),
        _ => (desk.me(&call), Family::CliApi),
    };
    answer.unwrap_or_else(|problem| answers::refused(problem, family, id))
}

impl Desk {
    /// Step 1, by the RFC.
    async fn code(&self, call: Call) -> Answer {
        let fields = Fields::read(&call.head.headers, call.body, Takes::FormOrJson).await?;
        let client = client_auth::authenticate(&self.house.engine, NAME, &call.head.headers, &fields, call.peer.ip).await?;
        let agent = call.head.headers.get(http::header::USER_AGENT).and_then(|agent| agent.to_str().ok());
        let requester = Requester { app: None, device: None, platform: agent.and_then(Claim::cleaned), network: call.peer.ip };
        self.start(&client, scopes(&fields)?, requester).await
    }

    /// Step 1, as the command line does it.
    async fn cli_code(&self, call: Call) -> Answer {
        let client = self.default_client().await?;
        let fields = Fields::read(&call.head.headers, call.body, Takes::Json).await?;
        let device = fields.object("device")?;
        let platform: Vec<&str> = [device.text("platform")?, device.text("arch")?].into_iter().flatten().collect();
        let requester = Requester {
            app: None,
            device: device.text("hostname")?.and_then(Claim::cleaned),
            platform: Claim::cleaned(&platform.join(" ")),
            network: call.peer.ip,
        };
        self.start(&client, scopes(&fields)?, requester).await
    }

    async fn start(&self, client: &Client, scopes: Option<Scopes>, requester: Requester) -> Answer {
        let options = &self.options;
        let start = Start {
            style: &options.style,
            prefix: "bs_dc_",
            client,
            scopes,
            audience: Audience::default(),
            requester,
            channel: Channel::Polled,
            life: options.code_life,
        };
        let started = self.house.engine.start(start).await?;
        let answer = rfc::started(&started, &self.house.device_page, options.code_life, options.interval);
        Ok(reply::noted(answer, Some(started.grant), "started"))
    }

    /// Steps 3 and 4, by the RFC.
    async fn token(&self, call: Call) -> Answer {
        let fields = Fields::read(&call.head.headers, call.body, Takes::FormOrJson).await?;
        let grant_type = fields.required("grant_type")?;
        if !matches!(grant_type, DEVICE_CODE | "refresh_token") {
            const UNKNOWN_TYPE: Refusal = Refusal::new(ErrorCode::UnsupportedGrantType, "The grant_type is not one that is spoken here.");
            return Err(UNKNOWN_TYPE.into());
        }
        let client = client_auth::authenticate(&self.house.engine, NAME, &call.head.headers, &fields, call.peer.ip).await?;
        if grant_type == DEVICE_CODE {
            self.poll(&client, fields.required("device_code")?, call.peer.ip, &call.gone).await
        } else {
            let scopes = scopes(&fields)?;
            self.refresh(&client, fields.required("refresh_token")?, call.peer.ip, scopes.as_ref()).await
        }
    }

    /// Step 3, as the command line does it.
    async fn cli_token(&self, call: Call) -> Answer {
        let client = self.default_client().await?;
        let fields = Fields::read(&call.head.headers, call.body, Takes::Json).await?;
        self.poll(&client, fields.required("device_code")?, call.peer.ip, &call.gone).await
    }

    async fn poll(&self, client: &Client, device_code: &str, peer: IpAddr, gone: &tokio_util::sync::CancellationToken) -> Answer {
        let options = &self.options;
        let poll = Poll { style: &options.style, client, device_code, interval: options.interval, hold: options.hold, peer, gone };
        let tokens = self.house.engine.poll(poll).await?;
        Ok(reply::noted(answers::tokens(&tokens, options), Some(tokens.grant), "issued"))
    }

    /// Step 4, as the command line does it.
    async fn cli_refresh(&self, call: Call) -> Answer {
        let client = self.default_client().await?;
        let fields = Fields::read(&call.head.headers, call.body, Takes::Json).await?;
        self.refresh(&client, fields.required("refreshToken")?, call.peer.ip, None).await
    }

    async fn refresh(&self, client: &Client, refresh_token: &str, peer: IpAddr, scopes: Option<&Scopes>) -> Answer {
        let wanted = Wanted { scopes, audience: None };
        let refresh = Refresh { style: &self.options.style, client, refresh_token, peer, wanted };
        let tokens = self.house.engine.refresh(refresh).await?;
        Ok(reply::noted(answers::tokens(&tokens, &self.options), Some(tokens.grant), "refreshed"))
    }

    /// Step 5. Each token ends its own grant, whatever the other is.
    async fn cli_logout(&self, call: Call) -> Answer {
        let fields = Fields::read(&call.head.headers, call.body, Takes::Json).await?;
        let bearer = match Credential::of(&call.head.headers) {
            Ok(Credential::Token { place, text }) if place.takes(NAME) => Some(text),
            Ok(_) => None,
            Err(_ambiguous) => return Err(BadInput::Malformed("There are two credentials.".into()).into()),
        };
        let shown = [(Kind::Access, bearer), (Kind::Refresh, fields.text("refreshToken")?)];
        let (mut ended, mut all) = (None, Ok(()));
        for (kind, token) in shown {
            // One that cannot be ended keeps not the other.
            if let Some(token) = token {
                match self.log_out(kind, SecretString::from(token)).await {
                    Ok(grant) => ended = grant.or(ended),
                    Err(error) => all = Err(error),
                }
            }
        }
        all?;
        Ok(reply::noted(reply::json(StatusCode::OK, &json!({"success": true})), ended, "logged_out"))
    }

    async fn log_out(&self, kind: Kind, token: SecretString) -> Result<Option<GrantId>, Error> {
        let what = format!("the login of token {}", fingerprint(&token));
        let logout = move |engine: Arc<Engine>| {
            let token = token.clone();
            async move { engine.logout(NAME, kind, token.expose_secret()).await }
        };
        Ok(self.house.engine.insist(what, logout).await?.grant)
    }

    /// Step 5.
    fn me(&self, call: &Call) -> Answer {
        let Some(Subject { user: Some(user), grant, .. }) = call.subject.as_deref() else { return Err(UNKNOWN.into()) };
        let user = json!({"id": user.id.to_string(), "email": user.email, "tier": self.options.tier});
        Ok(reply::noted(reply::no_store(reply::json(StatusCode::OK, &json!({ "user": user }))), Some(*grant), "me"))
    }

    /// The client that stands for a caller who names none.
    async fn default_client(&self) -> Result<Client, Problem> {
        let id = self.options.default_client.as_ref().ok_or(UNKNOWN)?;
        Ok(self.house.engine.client(NAME, id).await?.ok_or(UNKNOWN)?)
    }
}
