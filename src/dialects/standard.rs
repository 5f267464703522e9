//! The standard: OAuth 2.1 as MCP clients and common libraries speak it.
//!
//! 1. **Discover.** `GET /.well-known/oauth-authorization-server` (RFC 8414).
//! 2. **Ask.** A browser takes the question to `/oauth/authorize` (RFC 6749 section 4.1.1, RFC 7636),
//!    which is one of the pages for people; a device asks at `POST /oauth/device_authorization` (RFC
//!    8628).
//! 3. **Redeem and refresh.** `POST /oauth/token`: `authorization_code`, the device code,
//!    `refresh_token`, and `client_credentials` for clients that ask for themselves.
//! 4. **Who is it?** `GET` or `POST /oauth/userinfo` with an access token.
//! 5. **What is it worth?** `POST /oauth/introspect` (RFC 7662), for resource servers.
//! 6. **Give back.** `POST /oauth/revoke` (RFC 7009).
//!
//! Errors are flat (RFC 6749 section 5.2).

mod answers;
mod clients;
mod metadata;
mod options;

use std::{sync::Arc, time::Duration};

use http::{
    Method, Response, StatusCode,
    header::{AUTHORIZATION, USER_AGENT},
    request::Parts,
};
use secrecy::{ExposeSecret, SecretString};

pub use self::options::{ROW, Standard};
use super::{
    Apps, Authorizes, Dialect, Documents, House, PageAt, authorize, client_auth,
    rfc::{self, Problem, TokenEndpoint, scopes},
};
use crate::{
    engine::{ClientIds, Engine, Spelling, Start, fingerprint},
    message::{Body, Call, Endpoint, Fields, Need, Peer, Takes, endpoint, reply},
    oauth::{
        claim::Claim,
        client::{Client, GrantType, UNKNOWN},
        grant::{Channel, Requester},
    },
};

const NAME: &str = "standard";
/// How clients are spelled that users make.
const SPELLING: Spelling = Spelling { dialect: NAME, id: ClientIds::After("client_"), secret: "secret_" };
const AUTHORIZE: &str = "/oauth/authorize";
const TOKEN: &str = "/oauth/token";
const DEVICE_AUTHORIZATION: &str = "/oauth/device_authorization";
const REVOKE: &str = "/oauth/revoke";
const INTROSPECT: &str = "/oauth/introspect";
const USERINFO: &str = "/oauth/userinfo";
const REGISTER: &str = "/oauth/register";

/// Every path below the mount, with its methods and what it needs.
const PATHS: [(&str, &str, &[Method], Need); 5] = [
    ("standard.token", TOKEN, &[Method::POST], Need::Nothing),
    ("standard.device_authorization", DEVICE_AUTHORIZATION, &[Method::POST], Need::Nothing),
    ("standard.revoke", REVOKE, &[Method::POST], Need::Nothing),
    ("standard.introspect", INTROSPECT, &[Method::POST], Need::Nothing),
    ("standard.userinfo", USERINFO, &[Method::GET, Method::POST], Need::Bearer(NAME)),
];

/// The dialect in its house.
struct Desk {
    options: Arc<Standard>,
    house: House,
    token: TokenEndpoint,
}

type Answer = Result<Response<Body>, Problem>;

impl Dialect for Standard {
    fn endpoints(self: Arc<Self>, house: &House) -> Vec<Endpoint> {
        let token = TokenEndpoint {
            house: house.clone(),
            style: self.style.clone(),
            grant_types: &GrantType::ALL,
            takes: Takes::Form,
            interval: self.interval,
            hold: self.hold,
        };
        let register = self
            .registration
            .as_ref()
            .map(|registration| registration.endpoint(self.mount.host.clone(), self.mount.path(REGISTER), SPELLING, house));
        let desk = Arc::new(Desk { options: Arc::clone(&self), house: house.clone(), token });
        let endpoint = |(name, path, methods, need): (&'static str, &str, &[Method], Need)| {
            let desk = Arc::clone(&desk);
            Endpoint {
                name,
                host: self.mount.host.clone(),
                path: self.mount.path(path),
                methods: methods.to_vec(),
                need,
                shape: rfc::flat,
                cors: matches!(path, TOKEN | REVOKE | USERINFO),
                handler: endpoint::handler(move |call| answer(Arc::clone(&desk), name, call)),
            }
        };
        PATHS.into_iter().map(endpoint).chain(metadata::endpoints(&self, house)).chain(register).collect()
    }

    fn authorizes(&self, house: &House) -> Option<Arc<dyn Authorizes>> {
        Some(authorize::endpoint(authorize::Endpoint {
            house: house.clone(),
            at: PageAt::on(&self.mount, AUTHORIZE),
            style: self.style.clone(),
            prefix: "gp_ac_",
            code_life: self.code_life,
            documents: self.documents.as_ref().map(|documents| documents.scopes.clone()),
        }))
    }

    fn apps(&self) -> Option<Apps> {
        let scopes = self.scopes.clone()?;
        let grant_types = &[GrantType::AuthorizationCode, GrantType::RefreshToken];
        Some(Apps { label: "OAuth", spelling: SPELLING, scopes, grant_types, may_be_public: true })
    }

    fn documents(&self) -> Option<&Documents> {
        self.documents.as_ref()
    }

    fn signs_for(&self) -> Option<Duration> {
        Some(self.style.access_life)
    }
}

async fn answer(desk: Arc<Desk>, name: &'static str, call: Call) -> Response<Body> {
    let id = call.id;
    let answer = match name {
        "standard.token" => desk.token.answer(call).await,
        "standard.device_authorization" => desk.device_authorization(call).await,
        "standard.revoke" => desk.revoke(call).await,
        "standard.introspect" => desk.introspect(call).await,
        _ => return answers::userinfo(&call),
    };
    answer.unwrap_or_else(|problem| problem.answer(rfc::flat, id))
}

impl Desk {
    /// RFC 8628 section 3.1.
    async fn device_authorization(&self, Call { head, body, peer, .. }: Call) -> Answer {
        let (client, fields) = self.read(&head, body, peer).await?;
        let agent = head.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
        let start = Start {
            style: &self.options.style,
            prefix: "gp_dc_",
            client: &client,
            scopes: scopes(&fields)?,
            audience: self.house.audience(&fields)?.unwrap_or_default(),
            requester: Requester { app: None, device: None, platform: agent.and_then(Claim::cleaned), network: peer.ip },
            channel: Channel::Polled,
            life: self.options.device_code_life,
        };
        let started = self.house.engine.start(start).await?;
        let answer = rfc::started(&started, &self.house.device_page, self.options.device_code_life, self.options.interval);
        Ok(reply::noted(answer, Some(started.grant), "started"))
    }

    /// RFC 7009 section 2. The hint is not needed: a token says of itself what it is.
    async fn revoke(&self, Call { head, body, peer, .. }: Call) -> Answer {
        let (client, fields) = self.read(&head, body, peer).await?;
        let token = SecretString::from(fields.required("token")?);
        let what = format!("the token {} of client {}", fingerprint(&token), client.id);
        let revoke = move |engine: Arc<Engine>| {
            let (client, token) = (client.clone(), token.clone());
            async move { engine.revoke_token(&client, token.expose_secret()).await }
        };
        let grant = self.house.engine.insist(what, revoke).await?;
        Ok(reply::noted(reply::no_store(reply::empty(StatusCode::OK)), grant, "revoked"))
    }

    /// RFC 7662 section 2. Who may not know what a token is worth learns what he would of an unknown
    /// one, so that nothing is found out by trying (section 2.2).
    async fn introspect(&self, Call { head, body, peer, .. }: Call) -> Answer {
        // Here it is always 401 (section 2.3).
        let unauthorized = |problem| match problem {
            Problem::Client { refusal, .. } => Problem::Client { refusal, challenged: true },
            other => other,
        };
        let fields = Fields::read(&head.headers, body, Takes::Form).await?;
        if !head.headers.contains_key(AUTHORIZATION) && fields.text("client_id")?.is_none() {
            return Err(Problem::Client { refusal: UNKNOWN, challenged: true });
        }
        let client = client_auth::authenticate(&self.house.engine, NAME, &head.headers, &fields, peer.ip).await;
        let client = client.map_err(Problem::from).map_err(unauthorized)?;
        if client.is_public() {
            // A name alone authorizes nobody (section 2.1).
            return Err(Problem::Client { refusal: UNKNOWN, challenged: true });
        }
        let worth = self.house.engine.introspect(&client, fields.required("token")?).await?;
        let grant = worth.as_ref().map(|worth| worth.subject.grant);
        Ok(reply::noted(answers::introspected(worth.as_ref(), &self.house.issuer), grant, "introspected"))
    }

    /// What is asked, and by which client.
    async fn read(&self, head: &Parts, body: Body, peer: Peer) -> Result<(Client, Fields), Problem> {
        let fields = Fields::read(&head.headers, body, Takes::Form).await?;
        let client = client_auth::authenticate(&self.house.engine, NAME, &head.headers, &fields, peer.ip).await?;
        Ok((client, fields))
    }
}
