//! Pages for people: sign in, enter a device's code, say yes or no, see what has been let in, take
//! it back. They work without JavaScript, and nothing is decided by opening a link.

mod applications;
mod authorize_app;
mod browser;
mod csrf;
mod device;
mod layout;
mod sign_in;
mod words;

use std::{collections::BTreeMap, sync::Arc};

use http::{Method, Response, StatusCode};

use crate::{
    clock::Clock,
    config::{Claim, Pages, Paths, PublicUrl},
    dialects::CodePage,
    engine::{Engine, Error, Unavailable},
    message::{BadInput, Body, Call, Endpoint, Need, Refused, endpoint, reply},
    oauth::refusal::{ErrorCode, Refusal},
};

/// The path of the page where a code is entered, below the pages' prefix.
pub const DEVICE: &str = "/device";
const SIGN_IN: &str = "/sign-in";
const SIGN_OUT: &str = "/sign-out";
const DECISION: &str = "/device/decision";
const APPLICATIONS: &str = "/applications";
const REVOKE: &str = "/applications/revoke";
const STYLE: &str = "/gatepost.css";

/// What the pages need.
pub struct Desk {
    /// The verbs.
    pub engine: Arc<Engine>,
    /// What the operator says about the pages.
    pub pages: Pages,
    /// The scopes in words.
    pub scopes: BTreeMap<String, String>,
    /// Whether browsers come over TLS.
    pub public_url: PublicUrl,
    /// Where an app's ask is decided that wants a code to be typed, if a dialect has such asks.
    pub code_page: Option<CodePage>,
    /// For "two minutes ago".
    pub clock: Clock,
}

/// Every page: its name in logs, its path, its method.
const PATHS: [(&str, &str, Method); 10] = [
    ("page.home", "/", Method::GET),
    ("page.sign_in", SIGN_IN, Method::GET),
    ("page.sign_in.submit", SIGN_IN, Method::POST),
    ("page.sign_out", SIGN_OUT, Method::POST),
    ("page.device", DEVICE, Method::GET),
    ("page.device.submit", DEVICE, Method::POST),
    ("page.decision", DECISION, Method::POST),
    ("page.applications", APPLICATIONS, Method::GET),
    ("page.revoke", REVOKE, Method::POST),
    ("page.style", STYLE, Method::GET),
];

/// The page of a dialect whose users carry a code: its name in logs.
const AUTHORIZE_APP: &str = "page.authorize_app";
const AUTHORIZE_APP_SUBMIT: &str = "page.authorize_app.submit";

/// The paths that the pages claim.
pub fn claims(pages: &Pages) -> Vec<Claim> {
    let claim = |(_, path, method)| Claim {
        owner: "the pages".into(),
        host: None,
        paths: Paths::Exact(format!("{}{path}", pages.prefix)),
        methods: vec![method],
    };
    PATHS.into_iter().map(claim).collect()
}

/// The pages.
pub fn endpoints(desk: &Arc<Desk>) -> Vec<Endpoint> {
    let endpoint = |name: &'static str, host: Option<String>, path: String, method: Method| {
        let desk = Arc::clone(desk);
        Endpoint {
            name,
            host,
            path,
            methods: vec![method],
            need: Need::Nothing,
            shape: refused,
            handler: endpoint::handler(move |call| {
                let desk = Arc::clone(&desk);
                async move { answer(&desk, name, call).await }
            }),
        }
    };
    let own = PATHS.into_iter().map(|(name, path, method)| endpoint(name, None, desk.path(path), method));
    let code_pages = desk.code_page.iter().flat_map(|page| {
        let page = |name, method| endpoint(name, page.host.clone(), page.path.clone(), method);
        [page(AUTHORIZE_APP, Method::GET), page(AUTHORIZE_APP_SUBMIT, Method::POST)]
    });
    own.chain(code_pages).collect()
}

async fn answer(desk: &Desk, name: &'static str, call: Call) -> Response<Body> {
    let answer = match name {
        "page.home" => Ok(reply::see_other(&desk.path(APPLICATIONS))),
        "page.sign_in" => sign_in::show(desk, &call.head).await,
        "page.sign_in.submit" => sign_in::submit(desk, call).await,
        "page.sign_out" => sign_in::sign_out(desk, call).await,
        "page.device" => device::show(desk, &call.head).await,
        "page.device.submit" => device::submit(desk, call).await,
        "page.decision" => device::decide(desk, call).await,
        AUTHORIZE_APP => authorize_app::show(desk, &call.head).await,
        AUTHORIZE_APP_SUBMIT => authorize_app::decide(desk, call).await,
        "page.applications" => applications::show(desk, &call.head).await,
        "page.revoke" => applications::revoke(desk, call).await,
        _ => return layout::style(),
    };
    layout::guarded(answer.unwrap_or_else(|problem| problem.page(desk)))
}

type Answer = Result<Response<Body>, Problem>;

/// Why a page cannot be shown.
enum Problem {
    /// What was sent is no form of ours.
    Input(BadInput),
    /// The form was not made for this browser, or too long ago.
    Forged,
    /// The protocol says no.
    Refused(Refusal),
    /// Too often.
    Limited(u64),
    /// The store is away.
    Unavailable(String),
}

impl From<BadInput> for Problem {
    fn from(input: BadInput) -> Self {
        Self::Input(input)
    }
}

impl From<Unavailable> for Problem {
    fn from(unavailable: Unavailable) -> Self {
        Self::Unavailable(unavailable.to_string())
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(refusal) => Self::Refused(refusal),
            Error::Limited(limited) => Self::Limited(limited.retry_after),
            error @ (Error::Unavailable(_) | Error::Contended) => Self::Unavailable(error.to_string()),
        }
    }
}

impl Problem {
    fn page(self, desk: &Desk) -> Response<Body> {
        let (status, heading, words, outcome) = match self {
            Self::Input(input) => (input.status(), "That did not work", input.to_string(), "bad_input"),
            Self::Forged => {
                let words = "This form is no longer valid. You may have signed in or out since it was opened. Go back, reload the page and try again.";
                (StatusCode::FORBIDDEN, "Please try again", words.to_owned(), "forged_form")
            }
            Self::Refused(Refusal { code: ErrorCode::InvalidGrant, .. }) => {
                let words = "This request has expired, or it was already answered. To connect a device, get a new code from it.";
                (StatusCode::BAD_REQUEST, "Too late", words.to_owned(), "refused")
            }
            Self::Refused(refusal) => (StatusCode::BAD_REQUEST, "That did not work", refusal.description.into_owned(), "refused"),
            Self::Limited(seconds) => {
                let words = format!("Wait {}, then try again.", words::span(seconds));
                let page = layout::message(desk, "Too many tries", &words);
                let mut answer = reply::noted(reply::html(StatusCode::TOO_MANY_REQUESTS, page), None, "rate_limited");
                answer.headers_mut().insert(http::header::RETRY_AFTER, seconds.into());
                return answer;
            }
            Self::Unavailable(cause) => {
                tracing::error!(cause, "a page could not be shown");
                let words = "This service is not available right now. Try again in a moment.";
                let page = layout::message(desk, "Not available", words);
                let mut answer = reply::noted(reply::html(StatusCode::SERVICE_UNAVAILABLE, page), None, "store_unavailable");
                answer.headers_mut().insert(http::header::RETRY_AFTER, 1.into());
                return answer;
            }
        };
        reply::noted(reply::html(status, layout::message(desk, heading, &words)), None, outcome)
    }
}

/// What never reaches a page, such as a wrong method.
fn refused(refused: &Refused) -> Response<Body> {
    layout::guarded(reply::html(refused.status, layout::bare(refused.status, &refused.message)))
}

impl Desk {
    fn path(&self, path: &str) -> String {
        format!("{}{path}", self.pages.prefix)
    }
}
