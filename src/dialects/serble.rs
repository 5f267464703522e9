//! Serble: an app sends the user's browser here, it comes back with `authorized` and a code, and the app
//! trades that for tokens by what stands in a query.
//!
//! 1. **Create an app**, on the page of one's apps. It has an ID and a client secret.
//! 2. **Send the user to be asked**: `/oauth/authorize`, or `GET /api/v1/oauth/auth`, which leads there;
//!    with `redirect_uri`, `client_id`, `response_type=token`, `scope` and `state`. The browser comes back
//!    with `state`, `authorized` and, if that is `true`, `code`; see `authorize`.
//! 3. **Get the refresh token**: `POST /api/v1/oauth/token/refresh` with the code; see `tokens`.
//! 4. **Get an access token**: `POST /api/v1/oauth/token/access` with the refresh token, again and again.
//! 5. **Make requests**: `SerbleAuth: App <ACCESS_TOKEN>`. The user's account is answered here, see
//!    `account`; what else is protected is forwarded by routes of the operator's.
//!
//! Browsers of every origin may call what is asked in steps 3 to 5. Tokens are JWTs. Where they are
//! issued, a no is one plain sentence.

mod account;
mod authorize;
mod options;
mod tokens;

use std::{sync::Arc, time::Duration};

use http::{
    HeaderValue, Method, Response, StatusCode,
    header::{ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_MAX_AGE, ALLOW},
};

pub use self::options::{ROW, Serble};
use super::{Apps, Authorizes, Dialect, House, rfc::Problem};
use crate::{
    engine::{ClientIds, Spelling, Style, Wide},
    message::{Body, Call, Endpoint, Need, Refused, Shape, endpoint, refused, reply},
    oauth::{client::GrantType, scope::Scopes},
};

const NAME: &str = "serble";
const SPELLING: Spelling = Spelling { dialect: NAME, id: ClientIds::Guid, secret: "sb_cs_" };
/// In which ways an app may ask.
const GRANT_TYPES: [GrantType; 2] = [GrantType::AuthorizationCode, GrantType::RefreshToken];

/// Gives full access over the user's account: it is as good as every other.
const FULL_ACCESS: &str = "full_access";
const FILE_HOST: &str = "file_host";
/// Opens what is known of the user.
const USER_INFO: &str = "user_info";
/// Opens the list of the user's apps.
const APPS_CONTROL: &str = "apps_control";
/// The scopes, in the order that Serble numbers them.
const SCOPES: [&str; 4] = [FULL_ACCESS, FILE_HOST, USER_INFO, APPS_CONTROL];

const PAGE: &str = "/oauth/authorize";
const ENTRANCE: &str = "/api/v1/oauth/auth";
const ACCESS: &str = "/api/v1/oauth/token/access";
const MANAGES_APPS: Need = Need::Scope(NAME, &[APPS_CONTROL, FULL_ACCESS]);

/// Every path with its method, what it needs, and how it says no.
const PATHS: [(&str, &str, Method, Need, Shape); 8] = [
    ("serble.refresh", "/api/v1/oauth/token/refresh", Method::POST, Need::Nothing, plain),
    ("serble.refresh", "/api/v1/oauth/token/refresh2", Method::POST, Need::Nothing, plain),
    ("serble.access", ACCESS, Method::POST, Need::Nothing, plain),
    ("serble.access", "/api/v1/oauth/token/access2", Method::POST, Need::Nothing, plain),
    ("serble.account", "/api/v1/account", Method::GET, Need::Bearer(NAME), refused::openai),
    ("serble.authorized_apps", "/api/v1/account/authorizedApps", Method::GET, MANAGES_APPS, refused::openai),
    ("serble.deauthorize", "/api/v1/account/authorizedApps/{id}", Method::DELETE, MANAGES_APPS, refused::openai),
    ("serble.app", "/api/v1/app/{id}/public", Method::GET, Need::Nothing, refused::openai),
];

impl Dialect for Serble {
    fn endpoints(self: Arc<Self>, house: &House) -> Vec<Endpoint> {
        let desk = Arc::new(Desk { style: self.style(house), dialect: Arc::clone(&self), house: house.clone() });
        let endpoints = |(name, path, method, need, shape): (&'static str, &str, Method, Need, Shape)| {
            let (desk, allowed) = (Arc::clone(&desk), format!("{method}, {}", Method::OPTIONS));
            let asked = Endpoint {
                name,
                host: self.mount.host.clone(),
                path: self.mount.path(path),
                methods: vec![method],
                need,
                shape,
                cors: true,
                handler: endpoint::handler(move |call| answer(Arc::clone(&desk), name, shape, call)),
            };
            let options = Endpoint {
                name: "serble.options",
                methods: vec![Method::OPTIONS],
                need: Need::Nothing,
                handler: endpoint::handler(move |_| std::future::ready(options(&allowed))),
                ..asked.clone()
            };
            [asked, options]
        };
        PATHS.into_iter().flat_map(endpoints).collect()
    }

    fn authorizes(&self, house: &House) -> Option<Arc<dyn Authorizes>> {
        Some(Arc::new(authorize::Page::of(self, house)))
    }

    fn signs_for(&self) -> Option<Duration> {
        Some(self.refresh_life.max(self.access_life))
    }

    fn wide(&self) -> Vec<Wide> {
        let others = SCOPES.into_iter().filter(|scope| *scope != FULL_ACCESS);
        let implies: Scopes = others.chain(self.full_access.iter()).map(str::to_owned).collect();
        vec![Wide { dialect: NAME, scope: FULL_ACCESS, implies }]
    }

    fn apps(&self) -> Option<Apps> {
        let scopes = self.scopes.clone();
        Some(Apps { label: "Serble", spelling: SPELLING, scopes, grant_types: &GRANT_TYPES, may_be_public: false })
    }
}

/// The dialect in its house.
struct Desk {
    dialect: Arc<Serble>,
    style: Style,
    house: House,
}

type Answer = Result<Response<Body>, Problem>;

async fn answer(desk: Arc<Desk>, name: &'static str, shape: Shape, call: Call) -> Response<Body> {
    let id = call.id;
    let answer = match name {
        "serble.refresh" => desk.refresh(call).await,
        "serble.access" => desk.access(call).await,
        "serble.account" => account::account(&call),
        "serble.authorized_apps" => desk.authorized_apps(call).await,
        "serble.deauthorize" => desk.deauthorize(call).await,
        _ => desk.app(call).await,
    };
    answer.unwrap_or_else(|problem| problem.answer(shape, id))
}

/// What browsers want to know before they send `SerbleAuth`, whatever they ask it with.
fn options(allowed: &str) -> Response<Body> {
    let mut answer = reply::empty(StatusCode::NO_CONTENT);
    let headers = answer.headers_mut();
    // Names of methods, so it is a value.
    if let Ok(allowed) = HeaderValue::from_str(allowed) {
        headers.insert(ALLOW, allowed.clone());
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, allowed);
    }
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("SerbleAuth, Authorization, Content-Type"));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("7200"));
    answer
}

/// A sentence.
fn plain(refused: &Refused) -> Response<Body> {
    reply::text(refused.status, "text/plain; charset=utf-8", refused.message.clone().into_owned())
}
