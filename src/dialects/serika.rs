//! Serika.dev: users make clients by an API, and an app gets its token by an authorization code with
//! PKCE. All paths are below `/api/openai/v1/oauth`.
//!
//! 1. **Create a client.** `POST /clients` with the user's personal token; see [`clients`].
//! 2. **The user authorizes in the browser.** The page `/authorize`, which goes back to the app with
//!    a code.
//! 3. **Exchange the code.** `POST /token`, and again with the refresh token.
//! 4. **Use the token.** `GET /userinfo` is answered here; what else is protected is forwarded by
//!    routes of the operator's.

pub mod clients;
mod options;

use std::{sync::Arc, time::Duration};

use http::{Method, Response, StatusCode};
use serde_json::json;

use self::clients::{Problem, nested};
use self::options::at;
pub use self::options::{ROW, Serika};
use super::{
    Apps, Authorizes, Dialect, House, PageAt, authorize,
    rfc::{self, TokenEndpoint},
};
use crate::{
    engine::{ClientIds, Spelling},
    message::{Body, Call, Endpoint, Need, Shape, Takes, endpoint, reply},
    oauth::{
        client::GrantType,
        scope::CLIENTS,
        subject::{Person, Subject},
    },
};

const NAME: &str = "serika";
const BASE: &str = "/api/openai/v1/oauth";
const PAGE: &str = "/authorize";
/// Opens what the gateway knows of the user.
const PROFILE: &str = "profile";
const SPELLING: Spelling = Spelling { dialect: NAME, id: ClientIds::After("client_"), secret: "secret_" };
/// What a client that a user makes may do.
const GRANT_TYPES: [GrantType; 2] = [GrantType::AuthorizationCode, GrantType::RefreshToken];

/// Every path with its method, what it needs, and how it says no.
const PATHS: [(&str, &str, Method, Need, Shape); 6] = [
    ("serika.token", "/token", Method::POST, Need::Nothing, rfc::flat),
    ("serika.userinfo", "/userinfo", Method::GET, Need::Scope(NAME, &[PROFILE]), nested),
    ("serika.clients.create", "/clients", Method::POST, Need::Personal(CLIENTS), nested),
    ("serika.clients.list", "/clients", Method::GET, Need::Personal(CLIENTS), nested),
    ("serika.clients.reset_secret", "/clients/{id}/reset-secret", Method::POST, Need::Personal(CLIENTS), nested),
    ("serika.clients.delete", "/clients/{id}", Method::DELETE, Need::Personal(CLIENTS), nested),
];

impl Dialect for Serika {
    fn endpoints(self: Arc<Self>, house: &House) -> Vec<Endpoint> {
        let desk = Arc::new(Desk {
            token: TokenEndpoint {
                house: house.clone(),
                style: self.style.clone(),
                grant_types: &GRANT_TYPES,
                takes: Takes::FormOrJson,
                // No device asks here.
                interval: Duration::ZERO,
                hold: Duration::ZERO,
            },
            dialect: Arc::clone(&self),
            house: house.clone(),
        });
        let endpoint = |(name, path, method, need, shape): (&'static str, &str, Method, Need, Shape)| {
            let desk = Arc::clone(&desk);
            Endpoint {
                name,
                host: self.mount.host.clone(),
                path: self.mount.path(&at(path)),
                methods: vec![method],
                need,
                shape,
                cors: matches!(name, "serika.token" | "serika.userinfo"),
                handler: endpoint::handler(move |call| answer(Arc::clone(&desk), name, call)),
            }
        };
        PATHS.into_iter().map(endpoint).collect()
    }

    fn authorizes(&self, house: &House) -> Option<Arc<dyn Authorizes>> {
        Some(authorize::endpoint(authorize::Endpoint {
            house: house.clone(),
            at: PageAt::on(&self.mount, &at(PAGE)),
            style: self.style.clone(),
            prefix: "sk_co_",
            code_life: self.code_life,
            documents: None,
        }))
    }

    fn signs_for(&self) -> Option<Duration> {
        // Whatever the dialect's own format, the operator may give a client another.
        Some(self.style.access_life)
    }

    fn apps(&self) -> Option<Apps> {
        let scopes = self.scopes.clone();
        Some(Apps { label: "Serika.dev", spelling: SPELLING, scopes, grant_types: &GRANT_TYPES, may_be_public: true })
    }
}

/// The dialect in its house.
struct Desk {
    dialect: Arc<Serika>,
    token: TokenEndpoint,
    house: House,
}

type Answer = Result<Response<Body>, Problem>;

async fn answer(desk: Arc<Desk>, name: &'static str, call: Call) -> Response<Body> {
    let id = call.id;
    let answer = match name {
        "serika.token" => return desk.token.answer(call).await.unwrap_or_else(|problem| problem.answer(rfc::flat, id)),
        "serika.userinfo" => userinfo(&call),
        "serika.clients.create" => desk.create_client(call).await,
        "serika.clients.list" => desk.list_clients(call).await,
        "serika.clients.reset_secret" => desk.reset_client_secret(call).await,
        _ => desk.delete_client(call).await,
    };
    answer.unwrap_or_else(|problem| problem.answer(id))
}

/// Step 4: who let the app in.
fn userinfo(call: &Call) -> Answer {
    let (user, subject) = user(call)?;
    let (id, name) = (user.id.to_string(), user.name.as_str());
    let body = json!({
        "sub": id,
        "id": id,
        "username": name,
        "preferred_username": name,
        "avatar": user.avatar,
        "picture": user.avatar,
    });
    Ok(reply::noted(reply::no_store(reply::json(StatusCode::OK, &body)), Some(subject.grant), "userinfo"))
}

/// The user for whom the token speaks.
fn user(call: &Call) -> Result<(&Person, &Subject), Problem> {
    let subject = call.subject.as_deref();
    let both = subject.and_then(|subject| Some((subject.user.as_ref()?, subject)));
    both.ok_or(Problem::No(StatusCode::FORBIDDEN, "insufficient_scope", "The access token speaks for no user.".to_owned()))
}
