//! Pages for people: sign in, enter a device's code, say yes or no, see what has been let in, take
//! it back, look after one's account. They work without JavaScript, and nothing is decided by
//! opening a link.

mod account;
mod applications;
mod assets;
mod authorize_app;
mod browser;
mod consent;
mod csrf;
mod device;
mod language;
mod layout;
mod messages;
mod problem;
mod sign_in;
mod table;
mod tokens;
mod words;

use std::{collections::BTreeMap, ops::Deref, sync::Arc};

use bytes::Bytes;
use http::{Method, Response};

pub use self::{
    messages::BadMessages,
    table::{DEVICE, PAGES, Serves, claims},
};
use self::{
    messages::{Languages, Messages},
    problem::Problem,
    sign_in::Next,
    table::{
        ACCOUNT, APPLICATIONS, AUTHORIZE_APP, BELOW, DECISION, HOME, LANGUAGE, LOGO, NOT_ALLOWED, NOT_FOUND, PASSWORD, REOPENED, REVOKE,
        REVOKE_APP, REVOKE_TOKEN, SCRIPT, SIGN_IN, SIGN_OUT, STYLE, TOKENS, allowed, page_of, paths,
    },
};
use crate::{
    clock::Clock,
    config::{Config, Language, Pages, PublicUrl, Sentence},
    dialects::PageAt,
    engine::Engine,
    message::{Body, Call, Endpoint, Fields, Need, endpoint, reply},
    oauth::code::UserCode,
};

/// What the pages share.
pub struct House {
    engine: Arc<Engine>,
    pages: Pages,
    scopes: BTreeMap<String, Sentence>,
    public_url: PublicUrl,
    /// Where an ask is decided that wants a code to be typed, if a dialect has such asks.
    code_page: Option<PageAt>,
    clock: Clock,
    languages: Languages,
    style: Bytes,
}

impl House {
    /// The pages of this gateway.
    ///
    /// # Errors
    /// [`BadMessages`].
    pub fn new(engine: Arc<Engine>, config: &Config, code_page: Option<PageAt>, clock: Clock) -> Result<Self, BadMessages> {
        Ok(Self {
            engine,
            pages: config.pages.clone(),
            scopes: config.scopes.clone(),
            public_url: config.public_url.clone(),
            code_page,
            clock,
            languages: Languages::read()?,
            style: assets::style_sheet(config.pages.accent),
        })
    }

    fn path(&self, path: &str) -> String {
        format!("{}{path}", self.pages.prefix)
    }
}

/// Where one call is served: the house, in the caller's language.
#[derive(Clone)]
struct Desk {
    house: Arc<House>,
    language: Language,
    /// The page that the caller is on, for the way back to it.
    here: Next,
}

impl Deref for Desk {
    type Target = House;

    fn deref(&self) -> &House {
        &self.house
    }
}

impl Desk {
    fn of(house: &Arc<House>, path: &str, call: &Call) -> Self {
        let mut desk = Self { house: Arc::clone(house), language: house.pages.language, here: Next::Applications };
        let headers = &call.head.headers;
        desk.language = browser::language(&desk, headers).or_else(|| language::preferred(headers)).unwrap_or(desk.language);
        // A query that cannot be read leads nowhere; the page itself says what is wrong with it.
        let query = Fields::from_query(call.head.uri.query()).unwrap_or_default();
        desk.here = match path {
            SIGN_IN => Next::read(&query).unwrap_or(Next::Applications),
            DEVICE | DECISION => Next::Device(query.text("user_code").ok().flatten().and_then(UserCode::parse)),
            AUTHORIZE_APP => Next::authorize_app(&query).unwrap_or(Next::Applications),
            ACCOUNT | PASSWORD | TOKENS | REVOKE_TOKEN => Next::Account,
            _ => Next::Applications,
        };
        desk
    }

    /// What is said in the caller's language.
    fn words(&self) -> &Messages {
        self.house.languages.get(self.language)
    }
}

/// The pages.
pub fn endpoints(house: &Arc<House>) -> Vec<Endpoint> {
    let endpoint_for = |host: Option<String>, name: &'static str, path: &'static str, at: String, methods: &[Method]| {
        let house = Arc::clone(house);
        Endpoint {
            name,
            host,
            path: at,
            methods: methods.to_vec(),
            need: Need::Nothing,
            shape: problem::refused,
            cors: false,
            handler: endpoint::handler(move |call| {
                let house = Arc::clone(&house);
                // The caller's thread has others to serve: a page begins where it is made.
                async move { answer(&Desk::of(&house, path, &call), name, path, call).await }
            }),
        }
    };
    let endpoint = |name, path, at, methods: &[Method]| endpoint_for(None, name, path, at, methods);
    let reads = [Method::GET, Method::HEAD];
    let mut endpoints = Vec::new();
    for (name, path, serves) in PAGES {
        let methods: &[Method] = if matches!(serves, Serves::Form(_)) { &[Method::POST] } else { &reads };
        endpoints.push(endpoint(name, path, house.path(path), methods));
    }
    for path in paths() {
        if !PAGES.iter().any(|(_, other, serves)| *other == path && !matches!(serves, Serves::Form(_))) {
            endpoints.push(endpoint(REOPENED, path, house.path(path), &reads));
        }
        // After the others: no methods are all of them, and the first that takes one answers.
        endpoints.push(endpoint(NOT_ALLOWED, path, house.path(path), &[]));
    }
    if !house.pages.prefix.is_empty() {
        endpoints.push(endpoint(REOPENED, HOME, house.path(""), &reads));
        endpoints.push(endpoint(NOT_FOUND, HOME, house.path(BELOW), &[]));
    }
    if let Some(PageAt { host, path }) = &house.code_page {
        let mut at = |name, methods: &[Method]| endpoints.push(endpoint_for(host.clone(), name, AUTHORIZE_APP, path.clone(), methods));
        at("page.authorize_app", &reads);
        at("page.authorize_app.submit", &[Method::POST]);
        at(NOT_ALLOWED, &[]);
    }
    endpoints
}

type Answer = Result<Response<Body>, Problem>;

async fn answer(desk: &Desk, name: &'static str, path: &'static str, call: Call) -> Response<Body> {
    let answer = match name {
        "page.home" => Ok(reply::see_other(&desk.path(APPLICATIONS))),
        "page.sign_in" => sign_in::show(desk, &call.head).await,
        "page.sign_in.submit" => sign_in::submit(desk, call).await,
        "page.sign_out" => sign_in::sign_out(desk, call).await,
        "page.device" => device::show(desk, &call.head).await,
        "page.device.submit" => device::submit(desk, call).await,
        "page.decision" => device::decide(desk, call).await,
        "page.authorize_app" => authorize_app::show(desk, &call.head).await,
        "page.authorize_app.submit" => authorize_app::decide(desk, call).await,
        "page.applications" => applications::show(desk, &call.head).await,
        "page.revoke" => applications::revoke(desk, call).await,
        "page.revoke_app" => applications::revoke_app(desk, call).await,
        "page.account" => account::show(desk, &call.head).await,
        "page.password" => account::change_password(desk, call).await,
        "page.token" => tokens::create(desk, call).await,
        "page.revoke_token" => tokens::revoke(desk, call).await,
        "page.language" => language::choose(desk, &call.head),
        "page.style" => return assets::style(desk),
        "page.script" => return assets::script(),
        "page.logo" => return assets::logo(desk),
        REOPENED => Ok(reply::see_other(&desk.path(page_of(path)))),
        NOT_ALLOWED => Err(Problem::Method(allowed(path))),
        _ => Err(Problem::NotFound),
    };
    layout::guarded(answer.unwrap_or_else(|problem| problem.page(desk)))
}
