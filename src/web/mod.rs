//! Pages for people: sign in, enter a device's code, say yes or no, see what has been let in, take
//! it back, look after one's account. They work without JavaScript, and nothing is decided by
//! opening a link.

mod account;
mod applications;
mod apps;
mod assets;
mod authorize;
mod authorize_app;
mod browser;
mod consent;
mod csrf;
mod device;
mod language;
mod layout;
mod login;
mod messages;
mod next;
mod problem;
mod sign_in;
mod table;
mod tokens;
mod words;

use std::{collections::BTreeMap, ops::Deref, sync::Arc};

use bytes::Bytes;
use http::{Method, Response};

use self::{
    apps::Deed,
    messages::{Languages, Messages},
    next::Next,
    problem::Problem,
    table::{
        ACCOUNT, APP, APPLICATIONS, APPS, AUTHORIZE_APP, BELOW, DECISION, DELETE_APP, HOME, LANGUAGE, LOGIN, LOGO, NEW_APP, NOT_ALLOWED,
        NOT_FOUND, PASSWORD, REOPENED, RESET_SECRET, REVOKE, REVOKE_APP, REVOKE_TOKEN, SCRIPT, SIGN_IN, SIGN_OUT, STYLE, TOKENS, allowed,
        page_of, paths,
    },
};
pub use self::{
    messages::BadMessages,
    table::{DEVICE, PAGES, Serves, claims},
};
use crate::{
    clock::Clock,
    config::{Config, Language, Pages, PublicUrl, Sentence},
    dialects::{Apps, Authorizes, Entrance, LoginPage, PageAt},
    engine::Engine,
    message::{Body, Call, Endpoint, Fields, Need, endpoint, reply},
    oauth::{code::UserCode, tenant::Tenants},
};

/// What the dialects that are on have for the pages to show.
#[derive(Default)]
pub struct Offered {
    /// Where an ask is decided that wants a code to be typed, if a dialect has such asks.
    pub code_page: Option<PageAt>,
    /// Where a device's login to a tenant is decided, if a dialect has such.
    pub login_page: Option<LoginPage>,
    /// The tenants to which that may be.
    pub tenants: Arc<Tenants>,
    /// Where users decide about what a browser brought, one for each dialect that has that.
    pub authorizes: Vec<Arc<dyn Authorizes>>,
    /// The apps that users may make, one for each dialect that has such.
    pub apps: Vec<Apps>,
}

/// What the pages share.
pub struct House {
    engine: Arc<Engine>,
    pages: Pages,
    scopes: BTreeMap<String, Sentence>,
    public_url: PublicUrl,
    offered: Offered,
    clock: Clock,
    languages: Languages,
    style: Bytes,
}

impl House {
    /// The pages of this gateway.
    ///
    /// # Errors
    /// [`BadMessages`].
    pub fn new(engine: Arc<Engine>, config: &Config, offered: Offered, clock: Clock) -> Result<Self, BadMessages> {
        Ok(Self {
            engine,
            pages: config.pages.clone(),
            scopes: config.scopes.clone(),
            public_url: config.public_url.clone(),
            offered,
            clock,
            languages: Languages::read()?,
            style: assets::style_sheet(config.pages.accent),
        })
    }

    fn path(&self, path: &str) -> String {
        format!("{}{path}", self.pages.prefix)
    }
}

/// What a call is for.
#[derive(Clone, Copy)]
enum Place {
    /// One of [`PAGES`], or what stands for the page of a dialect.
    Path(&'static str),
    /// The authorization page of this dialect, and of those that share it.
    Authorize(&'static str),
    /// What leads to the authorization page of this dialect.
    Entrance(&'static str),
}

impl Place {
    /// The methods that it takes, as `Allow` has them.
    fn allowed(self) -> &'static str {
        match self {
            Self::Path(path) => allowed(path),
            Self::Authorize(_) => "GET, HEAD, POST",
            Self::Entrance(_) => "GET, HEAD",
        }
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
    fn of(house: &Arc<House>, place: Place, call: &Call) -> Self {
        let mut desk = Self { house: Arc::clone(house), language: house.pages.language, here: Next::Applications };
        let headers = &call.head.headers;
        desk.language = browser::language(&desk, headers).or_else(|| language::preferred(headers)).unwrap_or(desk.language);
        desk.here = match place {
            Place::Authorize(dialect) => {
                let query = call.head.uri.query();
                let dialect = authorize::meant_by(house, dialect, query);
                Next::authorize(dialect, query.unwrap_or_default()).unwrap_or(Next::Applications)
            }
            Place::Entrance(dialect) => Next::authorize(dialect, call.head.uri.query().unwrap_or_default()).unwrap_or(Next::Applications),
            // A query that cannot be read leads nowhere; the page itself says what is wrong with it.
            Place::Path(path) => Self::page(path, &Fields::from_query(call.head.uri.query()).unwrap_or_default()),
        };
        desk
    }

    /// The page of this path, or the one that its form is on.
    fn page(path: &str, query: &Fields) -> Next {
        let code = || query.text("user_code").ok().flatten().and_then(UserCode::parse);
        match path {
            SIGN_IN => Next::read(query).unwrap_or(Next::Applications),
            DEVICE | DECISION => Next::Device(code()),
            LOGIN => Next::Login(code()),
            AUTHORIZE_APP => Next::authorize_app(query).unwrap_or(Next::Applications),
            ACCOUNT | PASSWORD | TOKENS | REVOKE_TOKEN => Next::Account,
            APPS | APP | NEW_APP | RESET_SECRET | DELETE_APP => Next::Apps,
            _ => Next::Applications,
        }
    }

    /// What is said in the caller's language.
    fn words(&self) -> &Messages {
        self.house.languages.get(self.language)
    }
}

/// The names in logs of a dialect's page: what shows it, and what takes the decision.
const CODE_PAGE: [&str; 2] = ["page.authorize_app", "page.authorize_app.submit"];
const LOGIN_PAGE: [&str; 2] = ["page.login", "page.login.submit"];
const ENTRANCE: &str = "page.authorize.enter";
const AUTHORIZE: [&str; 2] = ["page.authorize", "page.authorize.submit"];

/// The pages.
pub fn endpoints(house: &Arc<House>) -> Vec<Endpoint> {
    let endpoint_for = |host: Option<String>, name: &'static str, place: Place, at: String, methods: &[Method]| {
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
                async move { answer(&Desk::of(&house, place, &call), name, place, call).await }
            }),
        }
    };
    let endpoint = |name, path, at, methods: &[Method]| endpoint_for(None, name, Place::Path(path), at, methods);
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
    let code_page = house.offered.code_page.iter().map(|page| (page, Place::Path(AUTHORIZE_APP), CODE_PAGE));
    let login_page = house.offered.login_page.iter().map(|page| (&page.at, Place::Path(LOGIN), LOGIN_PAGE));
    // Of several that share a page the first stands for all.
    let authorizes = &house.offered.authorizes;
    let firsts = authorizes.iter().enumerate().filter(|(at, page)| authorizes[..*at].iter().all(|other| other.page() != page.page()));
    let pages = firsts.map(|(_, page)| (page.page(), Place::Authorize(page.style().dialect), AUTHORIZE));
    for (PageAt { host, path }, place, [shows, decides]) in code_page.chain(login_page).chain(pages) {
        let mut at = |name, methods: &[Method]| endpoints.push(endpoint_for(host.clone(), name, place, path.clone(), methods));
        at(shows, &reads);
        at(decides, &[Method::POST]);
        at(NOT_ALLOWED, &[]);
    }
    for page in authorizes {
        if let Some(Entrance { at: PageAt { host, path }, .. }) = page.entrance() {
            let place = Place::Entrance(page.style().dialect);
            endpoints.push(endpoint_for(host.clone(), ENTRANCE, place, path.clone(), &reads));
            endpoints.push(endpoint_for(host.clone(), NOT_ALLOWED, place, path.clone(), &[]));
        }
    }
    endpoints
}

type Answer = Result<Response<Body>, Problem>;

async fn answer(desk: &Desk, name: &'static str, place: Place, call: Call) -> Response<Body> {
    let answer = match name {
        "page.home" => Ok(reply::see_other(&desk.path(APPLICATIONS))),
        "page.sign_in" => sign_in::show(desk, &call.head).await,
        "page.sign_in.submit" => sign_in::submit(desk, call).await,
        "page.sign_out" => sign_in::sign_out(desk, call).await,
        "page.device" | "page.login" => device::show(desk, &call.head).await,
        "page.device.submit" | "page.login.submit" => device::submit(desk, call).await,
        "page.decision" => device::decide(desk, call).await,
        "page.authorize_app" => authorize_app::show(desk, &call.head).await,
        "page.authorize_app.submit" => authorize_app::decide(desk, call).await,
        ENTRANCE => authorize::enter(desk, &call.head),
        "page.authorize" => authorize::show(desk, &call.head, call.peer.ip).await,
        "page.authorize.submit" => authorize::decide(desk, call).await,
        "page.apps" | "page.new_app" | "page.app" | "page.reset_secret" | "page.delete_app" if desk.offered.apps.is_empty() => {
            Err(Problem::NotFound)
        }
        "page.apps" => apps::list(desk, &call.head).await,
        "page.new_app" => apps::draft(desk, &call.head).await,
        "page.new_app.submit" => apps::create(desk, call).await,
        "page.app" => apps::show(desk, &call.head).await,
        "page.app.submit" => apps::change(desk, call).await,
        "page.reset_secret" => apps::ask(desk, &call.head, Deed::ResetSecret).await,
        "page.reset_secret.submit" => apps::reset_secret(desk, call).await,
        "page.delete_app" => apps::ask(desk, &call.head, Deed::Delete).await,
        "page.delete_app.submit" => apps::delete(desk, call).await,
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
        REOPENED => Ok(reply::see_other(&desk.path(match place {
            Place::Path(path) => page_of(path),
            Place::Authorize(_) | Place::Entrance(_) => HOME,
        }))),
        NOT_ALLOWED => Err(Problem::Method(place.allowed())),
        _ => Err(Problem::NotFound),
    };
    layout::guarded(answer.unwrap_or_else(|problem| problem.page(desk)))
}
