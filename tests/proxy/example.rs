//! A dialect of the tests' own, which has what no other one has yet: tokens in a field of their own,
//! one of several scopes, paths with a suffix, tenants.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use gatepost::{
    config::{Claim, Mounted},
    dialects::{Dialect, House},
    engine::{ClientIds, CreateClient, Engine, OwnAccess, RefreshStyle, Spelling, Style},
    message::{Call, Endpoint, Need, endpoint, refused, reply},
    oauth::{
        audience::Audience,
        claim,
        client::{Client, Declared, GrantType, Origin},
        scope::Scopes,
        signing::TokenFormat,
        tenant::Tenants,
    },
};
use http::{Method, StatusCode};
use secrecy::ExposeSecret;
use serde_json::json;

/// The dialect whose tokens have a field of their own.
const NAME: &str = "serble";

pub(super) const fn style(format: TokenFormat) -> Style {
    let (access_life, refresh_life) = (Duration::from_secs(3600), Duration::from_secs(30 * 24 * 3600));
    Style {
        dialect: NAME,
        access: "sb_at_",
        access_life,
        format,
        refresh: Some(RefreshStyle::Rotating { prefix: "sb_rt_", life: refresh_life }),
    }
}

/// Makes an app of the dialect's that may ask for these scopes.
pub(super) async fn app(engine: &Engine, scopes: &str) -> Client {
    client(engine, scopes, &[GrantType::DeviceCode, GrantType::RefreshToken]).await
}

/// The token of a client that asked for itself.
pub(super) async fn machine(engine: &Engine, scopes: &str) -> String {
    let client = client(engine, scopes, &[GrantType::ClientCredentials]).await;
    let (style, peer) = (Style { refresh: None, ..style(TokenFormat::Opaque) }, Ipv4Addr::LOCALHOST.into());
    let own = OwnAccess { style: &style, client: &client, scopes: None, audience: Audience::default(), peer };
    engine.own_access(own).await.unwrap().access.expose_secret().to_owned()
}

async fn client(engine: &Engine, scopes: &str, grant_types: &[GrantType]) -> Client {
    let create = CreateClient {
        spelling: Spelling { dialect: NAME, id: ClientIds::After("client_"), secret: "secret_" },
        owner: None,
        origin: Origin::Managed,
        name: claim::Claim::exact("An app").unwrap(),
        description: None,
        redirect_uris: Vec::new(),
        scopes: Scopes::parse(scopes).unwrap(),
        grant_types: grant_types.iter().copied().collect(),
        public: !grant_types.contains(&GrantType::ClientCredentials),
        format: None,
        resource_server: None,
        verified: false,
    };
    engine.create_client(create).await.unwrap().0
}

/// With these tenants, if any.
#[derive(Default)]
pub(super) struct Example(pub(super) Option<Arc<Tenants>>);

/// Each answers its name, and what stands in the segments of its path.
const PATHS: [(&str, &str, Method, Need); 7] = [
    ("account", "/account", Method::GET, Need::Scope(NAME, &["images", "inference"])),
    ("gallery", "/gallery", Method::GET, Need::Scope(NAME, &["images", "drawings"])),
    ("code", "/v1/codes/{code}", Method::GET, Need::Nothing),
    ("lookUp", "/v1/codes/{code}:lookUp", Method::GET, Need::Nothing),
    ("rotate", "/v1/of/{tenant}/tokens/{id}:rotate", Method::POST, Need::Nothing),
    ("revoke", "/v1/of/{tenant}/tokens/{id}", Method::DELETE, Need::Nothing),
    ("current", "/v1/of/{tenant}/tokens/current", Method::GET, Need::Nothing),
];

impl Mounted for Example {
    fn claims(&self) -> Vec<Claim> {
        Vec::new()
    }

    fn clients(&self) -> Vec<Declared> {
        Vec::new()
    }
}

impl Dialect for Example {
    fn endpoints(self: Arc<Self>, _: &House) -> Vec<Endpoint> {
        let endpoint = |(name, path, method, need): (&'static str, &str, Method, Need)| Endpoint {
            name,
            host: None,
            path: path.to_owned(),
            methods: vec![method],
            need,
            shape: refused::problem,
            cors: false,
            handler: endpoint::handler(move |call: Call| async move {
                let found = ["tenant", "code", "id"].map(|name| call.segment(name));
                reply::json(StatusCode::OK, &json!([name, found]))
            }),
        };
        PATHS.into_iter().map(endpoint).collect()
    }

    fn tenants(&self) -> Option<Arc<Tenants>> {
        self.0.clone()
    }
}
