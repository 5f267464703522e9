//! Fruxon: a device-authorization (browser-login) flow that ends with a key.
//!
//! 1. **Begin.** `POST /v1/deviceAuthorizations` with the preset that the client wants its key scoped
//!    to, and what it says of itself and its device. Unauthenticated: the client has no credentials
//!    yet. It gets a `deviceCode` that it keeps secret, a `userCode`, and the URL to open.
//! 2. **The user sees and approves** or denies, on the page `/device-auth?user_code=...`. It is not
//!    for the user to choose. Programs of the user's do the same with a personal token:
//!    `GET /v1/deviceAuthorizations/{userCode}:lookup`, then
//!    `POST /v1/tenants/{tenant}/deviceAuthorizations/{userCode}:approve` or `:deny`.
//! 3. **Poll.** `GET /v1/deviceAuthorizations/{deviceCode}`: 202 while nobody has decided, 200 with
//!    the key, once, and 410 from then on.
//! 4. **Log in again** from the same device: its credential is rotated in place.
//! 5. **Look after the key.** `/v1/tenants/{tenant}/tokens`; see [`tokens`].
//!
//! Errors are problems (RFC 9457) with a `code`. No answer is to be kept, and nothing takes HEAD: a
//! cache would eat the only delivery.

mod answers;
mod fields;
mod options;
mod presets;
pub mod tokens;

use std::sync::Arc;

use http::{Method, Response, StatusCode};
use secrecy::ExposeSecret;
use serde_json::json;

pub use self::options::{Fruxon, ROW};
use self::{
    answers::{Problem, not_found, over},
    fields::{client_type, device_id, preset, text},
    presets::PRESETS,
};
use super::{Dialect, House, LoginPage};
use crate::{
    engine::{Decider, Decision, Deliver, Error, Start},
    message::{Body, Call, Endpoint, Fields, Need, Peer, Takes, endpoint, refused::problem, reply},
    oauth::{
        audience::Audience,
        claim::Claim,
        client::UNKNOWN,
        code::UserCode,
        grant::{Channel, Grant, Login, Requester},
        refusal::ErrorCode,
        scope::{APPROVE, Scopes},
        subject::Subject,
        tenant::{Tenant, Tenants},
    },
};

const NAME: &str = "fruxon";
const PAGE: &str = "/device-auth";

/// Every path with its method and what it needs.
const PATHS: [(&str, &str, Method, Need); 9] = [
    ("fruxon.begin", "/v1/deviceAuthorizations", Method::POST, Need::Nothing),
    ("fruxon.poll", "/v1/deviceAuthorizations/{deviceCode}", Method::GET, Need::Nothing),
    ("fruxon.lookup", "/v1/deviceAuthorizations/{userCode}:lookup", Method::GET, Need::Personal(APPROVE)),
    ("fruxon.approve", "/v1/tenants/{tenant}/deviceAuthorizations/{userCode}:approve", Method::POST, Need::Personal(APPROVE)),
    ("fruxon.deny", "/v1/tenants/{tenant}/deviceAuthorizations/{userCode}:deny", Method::POST, Need::Personal(APPROVE)),
    ("fruxon.keys", "/v1/tenants/{tenant}/tokens", Method::GET, Need::Bearer(NAME)),
    ("fruxon.keys.current", "/v1/tenants/{tenant}/tokens/current", Method::GET, Need::Bearer(NAME)),
    ("fruxon.keys.revoke", "/v1/tenants/{tenant}/tokens/{id}", Method::DELETE, Need::Bearer(NAME)),
    ("fruxon.keys.rotate", "/v1/tenants/{tenant}/tokens/{id}:rotate", Method::POST, Need::Bearer(NAME)),
];

impl Dialect for Fruxon {
    fn endpoints(self: Arc<Self>, house: &House) -> Vec<Endpoint> {
        let desk = Arc::new(Desk { dialect: Arc::clone(&self), house: house.clone() });
        let endpoint = |(name, path, method, need): (&'static str, &str, Method, Need)| {
            let desk = Arc::clone(&desk);
            Endpoint {
                name,
                host: self.mount.host.clone(),
                path: self.mount.path(path),
                methods: vec![method],
                need,
                shape: problem,
                cors: false,
                handler: endpoint::handler(move |call| answer(Arc::clone(&desk), name, call)),
            }
        };
        PATHS.into_iter().map(endpoint).collect()
    }

    fn login_page(&self) -> Option<LoginPage> {
        Some(LoginPage { at: self.page(), sign_in_again: self.sign_in_again.clone() })
    }

    fn tenants(&self) -> Option<Arc<Tenants>> {
        Some(Arc::clone(&self.tenants))
    }
}

/// The dialect in its house.
struct Desk {
    dialect: Arc<Fruxon>,
    house: House,
}

type Answer = Result<Response<Body>, Problem>;

async fn answer(desk: Arc<Desk>, name: &'static str, call: Call) -> Response<Body> {
    let id = call.id;
    let answer = match name {
        "fruxon.begin" => desk.begin(call).await,
        "fruxon.poll" => desk.poll(call).await,
        "fruxon.lookup" => desk.lookup(call).await,
        "fruxon.approve" => desk.approve(call).await,
        "fruxon.deny" => desk.deny(call).await,
        "fruxon.keys" => desk.keys(call).await,
        "fruxon.keys.current" => desk.current_key(call).await,
        "fruxon.keys.revoke" => desk.revoke_key(call).await,
        _ => desk.rotate_key(call).await,
    };
    answer.unwrap_or_else(|problem| problem.answer(id))
}

impl Desk {
    /// Step 1.
    async fn begin(&self, call: Call) -> Answer {
        let fields = Fields::read(&call.head.headers, call.body, Takes::Json).await?;
        let (preset, scopes) = self.preset(preset(&fields)?)?;
        let (client_type, platform) = client_type(&fields)?;
        let login = Login {
            preset: preset.to_owned(),
            client_type: client_type.to_owned(),
            device: device_id(&fields)?,
            // A wish. What names no tenant is none.
            tenant: text(&fields, "tenant")?.and_then(|tenant| Some(self.dialect.tenants.find(tenant)?.slug.as_str().to_owned())),
        };
        let requester = Requester {
            app: text(&fields, "clientName")?.and_then(Claim::cleaned),
            device: text(&fields, "deviceLabel")?.and_then(Claim::cleaned),
            platform: platform.and_then(Claim::cleaned),
            network: call.peer.ip,
        };
        let options = &self.dialect;
        let client = self.house.engine.client(NAME, &options.client.id).await?.ok_or(UNKNOWN)?;
        let start = Start {
            style: &options.style,
            prefix: "fx_dc_",
            client: &client,
            scopes: Some(scopes.clone()),
            audience: Audience::default(),
            requester,
            channel: Channel::Delivered(login),
            life: options.login_life,
        };
        let started = self.house.engine.start(start).await?;
        let (page, user_code) = (self.house.public_url.join(&options.page().path), started.user_code.letters());
        let body = json!({
            "deviceCode": started.device_code.expose_secret(),
            "verificationUriComplete": format!("{page}?user_code={user_code}"),
            "userCode": user_code,
            "verificationUri": page,
            "expiresInSeconds": options.login_life.as_secs(),
            "pollIntervalSeconds": options.interval.as_secs(),
        });
        Ok(reply::noted(reply::no_store(reply::json(StatusCode::OK, &body)), Some(started.grant), "started"))
    }

    /// Step 2: what a code stands for.
    async fn lookup(&self, call: Call) -> Answer {
        let (subject, typed) = (call.subject.as_deref().ok_or_else(not_found)?, call.segment("userCode"));
        let (grant, login) = self.asked(typed, subject, call.peer).await?;
        let body = json!({
            "userCode": UserCode::parse(typed).map(|code| code.letters()),
            "clientType": login.client_type,
            "clientName": grant.requester.app,
            "requestedPreset": login.preset,
            "expiresAt": grant.ends().as_millisecond(),
        });
        Ok(reply::noted(reply::no_store(reply::json(StatusCode::OK, &body)), Some(grant.id), "shown"))
    }

    /// Step 2: yes. Whoever says so says to what.
    async fn approve(&self, call: Call) -> Answer {
        let (tenant, typed) = (call.segment("tenant").to_owned(), call.segment("userCode").to_owned());
        let subject = call.subject.as_deref().ok_or_else(not_found)?;
        let tenant = self.tenant(&tenant, subject)?;
        let fields = Fields::read(&call.head.headers, call.body, Takes::Json).await?;
        let preset = preset(&fields)?;
        let (grant, login) = self.asked(&typed, subject, call.peer).await?;
        if preset != login.preset {
            return Err(Problem::Field("preset", "preset is not the one that was asked for.".to_owned()));
        }
        self.decide(tenant, subject, &grant, Decision::Approve).await
    }

    /// Step 2: no.
    async fn deny(&self, call: Call) -> Answer {
        let subject = call.subject.as_deref().ok_or_else(not_found)?;
        let tenant = self.tenant(call.segment("tenant"), subject)?;
        let (grant, _) = self.asked(call.segment("userCode"), subject, call.peer).await?;
        self.decide(tenant, subject, &grant, Decision::Deny).await
    }

    async fn decide(&self, tenant: &Tenant, subject: &Subject, grant: &Grant, decision: Decision) -> Answer {
        let engine = &self.house.engine;
        let user = subject.user.as_ref().ok_or_else(not_found)?;
        let user = engine.user(user.id).await.map_err(Error::from)?.ok_or_else(not_found)?;
        engine.decide_in(Some(tenant), grant.id, Decider { user: &user, session: None }, decision).await?;
        let outcome = if decision == Decision::Approve { "approved" } else { "denied" };
        Ok(reply::noted(reply::no_store(reply::empty(StatusCode::OK)), Some(grant.id), outcome))
    }

    /// Step 3.
    async fn poll(&self, call: Call) -> Answer {
        let options = &self.dialect;
        let deliver = Deliver {
            style: &options.style,
            // Whether it may still do anything, is found out with the rest.
            client: &options.client,
            device_code: call.segment("deviceCode"),
            hold: options.hold,
            peer: call.peer.ip,
            gone: &call.gone,
        };
        let delivered = match self.house.engine.deliver(deliver).await {
            Err(Error::Refused(refusal)) if refusal.code == ErrorCode::AuthorizationPending => {
                return Ok(reply::noted(reply::no_store(reply::empty(StatusCode::ACCEPTED)), None, "authorization_pending"));
            }
            Err(Error::Refused(refusal)) => return Err(over(refusal)),
            delivered => delivered?,
        };
        // One that the operator has closed since the yes.
        let tenant = options.tenants.find(&delivered.tenant).ok_or_else(not_found)?;
        let body = json!({
            "apiKey": delivered.secret.expose_secret(),
            "tenantId": tenant.id.to_string(),
            "tenantSlug": tenant.slug.as_str(),
            "tenantName": tenant.name,
        });
        Ok(reply::noted(reply::no_store(reply::json(StatusCode::OK, &body)), Some(delivered.grant), "issued"))
    }

    /// The login that a code stands for. Another dialect's is none, and wrong codes are counted.
    async fn asked(&self, typed: &str, subject: &Subject, peer: Peer) -> Result<(Grant, Login), Problem> {
        let user = subject.user.as_ref().ok_or_else(not_found)?.id;
        let grant = self.house.engine.find_by_user_code(typed, user, peer.ip).await?;
        match grant.channel.clone() {
            Channel::Delivered(login) if grant.dialect == NAME => Ok((grant, login)),
            _ => Err(not_found()),
        }
    }

    /// The tenant that a path names, where the caller is at home.
    fn tenant(&self, named: &str, subject: &Subject) -> Result<&Tenant, Problem> {
        self.dialect.tenants.find(named).filter(|tenant| tenant.opens_to(subject)).ok_or_else(not_found)
    }

    /// What a preset stands for, and its name.
    fn preset(&self, name: &str) -> Result<(&'static str, &Scopes), Problem> {
        let no = |why: String| Problem::Field("preset", why);
        let found = self.dialect.presets.find(name).ok_or_else(|| no(format!("preset must be one of {}.", PRESETS.join(", "))));
        match found? {
            (preset, scopes) if scopes.is_empty() => Err(no(format!("The preset {preset} stands for no scope here: choose another one."))),
            found => Ok(found),
        }
    }
}
