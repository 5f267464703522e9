//! GitHub's device flow, as its page "Authorizing OAuth apps" tells it: the example of
//! `docs/dialects.md`, written as a dialect in `src/dialects` is, and no part of the product.
//!
//! 1. **Request the codes.** `POST /login/device/code` with `client_id` and `scope`.
//! 2. **Prompt the user.** `user_code` and `verification_uri`: the page `/device`.
//! 3. **Poll.** `POST /login/oauth/access_token`. A no of the protocol is HTTP 200 with `error`.
//! 4. **Call the API.** `GET /user` is answered here; what else is protected is forwarded by routes
//!    of the operator's.
//!
//! The first two endpoints answer with a form, or with JSON where `Accept` names it. Tokens are not
//! refreshed, and the answer does not say how long they live.

use std::{sync::Arc, time::Duration};

use gatepost::{
    config::{Claim, DialectRow, Mount, Mounted, Section},
    dialects::{
        Dialect, House, client_auth,
        rfc::{self, Problem},
    },
    engine::{Error, Poll, Start, Style},
    message::{Body, Call, Endpoint, Fields, Need, Refused, RequestId, Shape, Takes, endpoint, reply},
    oauth::{
        self,
        audience::Audience,
        client::{Client, Declared, GrantType, UNKNOWN},
        grant::{Channel, Requester},
        id::GrantId,
        refusal::{ErrorCode, Refusal},
        scope::Scopes,
        signing::TokenFormat,
    },
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

const NAME: &str = "github";
/// Where people read what an error means.
const ERRORS: &str = "https://docs.github.com/developers/apps/authorizing-oauth-apps#error-codes-for-the-device-flow";
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The line in the table of dialects.
pub(crate) const ROW: DialectRow<Arc<dyn Dialect>> =
    DialectRow { name: NAME, read: |mount, section| Arc::new(GitHub::read(mount, section)) };

/// Every path with its method, what it needs, and how it says no to what never reaches a handler.
const PATHS: [(&str, &str, Method, Need, Shape); 3] = [
    ("github.code", "/login/device/code", Method::POST, Need::Nothing, form),
    ("github.token", "/login/oauth/access_token", Method::POST, Need::Nothing, form),
    ("github.user", "/user", Method::GET, Need::Bearer(NAME), message),
];

/// The dialect with its options.
struct GitHub {
    mount: Mount,
    style: Style,
    code_life: Duration,
    interval: Duration,
    clients: Vec<Declared>,
}

impl GitHub {
    fn read(mount: Mount, section: &mut Section<'_>) -> Self {
        Self {
            mount,
            style: Style {
                dialect: NAME,
                access: "gho_",
                access_life: section.duration("access", MINUTE..=366 * DAY).unwrap_or(365 * DAY),
                format: TokenFormat::Opaque,
                refresh: None,
            },
            code_life: section.duration("code", MINUTE..=DAY).unwrap_or(15 * MINUTE),
            interval: section.duration("interval", Duration::from_secs(1)..=MINUTE).unwrap_or(Duration::from_secs(5)),
            clients: section.clients(NAME, client),
        }
    }
}

/// What GitHub's apps have besides: a switch for the one flow that there is here.
fn client(section: &mut Section<'_>, client: &mut Client) {
    let device_flow = section.flag("device_flow").unwrap_or(true);
    client.grant_types = device_flow.then_some(GrantType::DeviceCode).into_iter().collect();
}

impl Mounted for GitHub {
    fn claims(&self) -> Vec<Claim> {
        let claim = |(_, path, method, _, _): (_, &str, _, _, _)| self.mount.claim(NAME, path, &[method]);
        PATHS.into_iter().map(claim).collect()
    }

    fn clients(&self) -> Vec<Declared> {
        self.clients.clone()
    }
}

impl Dialect for GitHub {
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
                // GitHub answers no script of another origin here.
                cors: false,
                handler: endpoint::handler(move |call| answer(Arc::clone(&desk), name, call)),
            }
        };
        PATHS.into_iter().map(endpoint).collect()
    }
}

/// The dialect in its house.
struct Desk {
    options: Arc<GitHub>,
    house: House,
}

/// What to write, which grant it is about, and a word for the log.
type Answer = Result<(Value, GrantId, &'static str), Problem>;

async fn answer(desk: Arc<Desk>, name: &'static str, call: Call) -> Response<Body> {
    let (id, encoding) = (call.id, Encoding::accepted(&call.head.headers));
    let answer = match name {
        "github.code" => desk.code(call).await,
        "github.token" => desk.token(call).await,
        _ => return user(&call),
    };
    match answer {
        Ok((fields, grant, outcome)) => reply::noted(reply::no_store(encoding.write(StatusCode::OK, &fields)), Some(grant), outcome),
        Err(problem) => refused(problem, encoding, id),
    }
}

impl Desk {
    /// Step 1.
    async fn code(&self, call: Call) -> Answer {
        let fields = Fields::read(&call.head.headers, call.body, Takes::FormOrJson).await?;
        let client = self.client(&call.head.headers, &fields, call.peer.ip).await?;
        let agent = call.head.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
        let platform = agent.and_then(oauth::claim::Claim::cleaned);
        let start = Start {
            style: &self.options.style,
            prefix: "ghd_",
            client: &client,
            scopes: rfc::scopes(&fields)?,
            audience: Audience::default(),
            requester: Requester { app: None, device: None, platform, network: call.peer.ip },
            channel: Channel::Polled,
            life: self.options.code_life,
        };
        let started = self.house.engine.start(start).await?;
        let fields = json!({
            "device_code": started.device_code.expose_secret(),
            "user_code": started.user_code.shown(),
            "verification_uri": self.house.device_page,
            "expires_in": self.options.code_life.as_secs(),
            "interval": self.options.interval.as_secs(),
        });
        Ok((fields, started.grant, "started"))
    }

    /// Step 3.
    async fn token(&self, call: Call) -> Answer {
        const TYPE: Refusal =
            Refusal::new(ErrorCode::UnsupportedGrantType, "The grant_type must be urn:ietf:params:oauth:grant-type:device_code.");
        let fields = Fields::read(&call.head.headers, call.body, Takes::FormOrJson).await?;
        let client = self.client(&call.head.headers, &fields, call.peer.ip).await?;
        if fields.text("grant_type")? != Some(GrantType::DeviceCode.as_str()) {
            return Err(TYPE.into());
        }
        client.may(GrantType::DeviceCode)?;
        let poll = Poll {
            style: &self.options.style,
            client: &client,
            // Without one it is as wrong as any other.
            device_code: fields.text("device_code")?.unwrap_or_default(),
            interval: self.options.interval,
            hold: Duration::ZERO,
            peer: call.peer.ip,
            gone: &call.gone,
        };
        let tokens = self.house.engine.poll(poll).await?;
        let fields = json!({"access_token": tokens.access.expose_secret(), "token_type": "bearer", "scope": with_commas(&tokens.scopes)});
        Ok((fields, tokens.grant, "issued"))
    }

    /// Who asks. A client that has a secret shows it.
    async fn client(&self, headers: &HeaderMap, fields: &Fields, peer: std::net::IpAddr) -> Result<Client, Problem> {
        if fields.text("client_id")?.is_none() {
            return Err(UNKNOWN.into());
        }
        Ok(client_auth::authenticate(&self.house.engine, NAME, headers, fields, peer).await?)
    }
}

/// Step 4: who let the app in.
fn user(call: &Call) -> Response<Body> {
    let both = call.subject.as_ref().and_then(|subject| Some((subject, subject.user.as_ref()?)));
    let Some((subject, user)) = both else { return Problem::from(UNKNOWN).answer(message, call.id) };
    let name = user.name.as_str();
    let fields = json!({"login": name, "id": user.id.to_string(), "name": name, "email": user.email, "avatar_url": user.avatar});
    let mut answer = reply::no_store(reply::json(StatusCode::OK, &fields));
    // Scopes are visible ASCII.
    if let Ok(scopes) = HeaderValue::from_str(&subject.scopes.iter().collect::<Vec<_>>().join(", ")) {
        answer.headers_mut().insert("x-oauth-scopes", scopes);
    }
    reply::noted(answer, Some(subject.grant), "user")
}

/// As GitHub lists them, where the RFC has spaces.
fn with_commas(scopes: &Scopes) -> String {
    scopes.iter().collect::<Vec<_>>().join(",")
}

/// A no in GitHub's words. Those of the protocol are HTTP 200.
fn refused(problem: Problem, encoding: Encoding, id: RequestId) -> Response<Body> {
    let interval = match &problem {
        Problem::Engine(Error::Refused(Refusal { code: ErrorCode::SlowDown { interval }, .. })) => Some(interval.as_secs()),
        _ => None,
    };
    let mut refused = problem.refused(id);
    refused.retry_after = refused.retry_after.or(interval);
    refused.code = match refused.code {
        "invalid_grant" => "incorrect_device_code",
        "invalid_client" => "incorrect_client_credentials",
        "unauthorized_client" => "device_flow_disabled",
        code => code,
    };
    // What is too large, too often or before a dead store is no answer of the protocol.
    if matches!(refused.status, StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED) {
        refused.status = StatusCode::OK;
        refused.challenge = None;
    }
    let outcome = refused.code;
    let answer = match encoding {
        Encoding::Form => refused.answer(form),
        Encoding::Json => refused.answer(object),
    };
    reply::noted(answer, None, outcome)
}

/// A no to a caller who accepts no JSON.
fn form(refused: &Refused) -> Response<Body> {
    Encoding::Form.write(refused.status, &words(refused))
}

/// A no to one who does.
fn object(refused: &Refused) -> Response<Body> {
    Encoding::Json.write(refused.status, &words(refused))
}

fn words(refused: &Refused) -> Value {
    let (error, description) = rfc::flat_parts(refused);
    let mut fields = json!({"error": error, "error_description": description, "error_uri": ERRORS});
    if error == "slow_down" {
        fields["interval"] = refused.retry_after.into();
    }
    fields
}

/// A no of the API.
fn message(refused: &Refused) -> Response<Body> {
    let status = refused.status.as_u16().to_string();
    let fields = json!({"message": refused.message, "documentation_url": "https://docs.github.com/rest", "status": status});
    reply::json(refused.status, &fields)
}

/// How an answer is written.
#[derive(Clone, Copy)]
enum Encoding {
    Form,
    Json,
}

impl Encoding {
    /// A form, unless the caller accepts JSON.
    fn accepted(headers: &HeaderMap) -> Self {
        // What is no text names no type.
        let lines = headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok());
        let mut types = lines.flat_map(|line| line.split(',')).filter_map(|range| range.split(';').next());
        if types.any(|name| name.trim().eq_ignore_ascii_case("application/json")) { Self::Json } else { Self::Form }
    }

    fn write(self, status: StatusCode, fields: &Value) -> Response<Body> {
        match self {
            Self::Json => reply::json(status, fields),
            Self::Form => {
                let mut form = form_urlencoded::Serializer::new(String::new());
                for (name, value) in fields.as_object().into_iter().flatten() {
                    form.append_pair(name, value.as_str().unwrap_or(&value.to_string()));
                }
                reply::text(status, "application/x-www-form-urlencoded; charset=utf-8", form.finish())
            }
        }
    }
}

super::golden::golden! {
    "github":
    a_device_is_let_in,
    a_device_is_let_in_with_json,
    every_no_of_the_protocol_is_200,
    mounted_elsewhere,
    slow_down_says_the_new_interval,
    what_is_no_answer_of_the_protocol,
}
