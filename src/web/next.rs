//! The way back to a page, over a sign-in or a choice of language.

use http::Response;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::{ACCOUNT, APPLICATIONS, APPS, DEVICE, Desk, Problem, SIGN_IN, authorize, authorize_app, sign_in::AGAIN};
use crate::{
    message::{Body, Fields, reply},
    oauth::{code::UserCode, typed::AskId},
};

/// Where a browser goes once somebody is signed in. Never an address from the request: only one of
/// our pages, with a code in our spelling or the query that it was opened with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Next {
    /// The list of applications.
    Applications,
    /// The device page, with the code that the link brought.
    Device(Option<UserCode>),
    /// The page for logins to a tenant, with the code that the link brought.
    Login(Option<UserCode>),
    /// The page on which this ask is decided.
    AuthorizeApp(AskId),
    /// The authorization page of this dialect, with the query that an app sent the browser with.
    Authorize {
        /// The dialect.
        dialect: String,
        /// The query, with nothing in it that has no place in one.
        query: String,
    },
    /// The user's own apps.
    Apps,
    /// The account.
    Account,
}

/// The longest query that is kept over a sign-in, as it stands in our own addresses, where it is
/// encoded once more. In bytes.
const MAX_QUERY: usize = 7 * 1024;
/// What a browser would encode in a query, so that the one that it sends back is the same (URL
/// Standard, "special-query percent-encode set").
const NOT_IN_A_QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>').add(b'\'');

impl Next {
    pub(super) fn read(fields: &Fields) -> Result<Self, Problem> {
        Ok(match fields.text("to")? {
            Some("device") => Self::Device(code(fields)?),
            Some("login") => Self::Login(code(fields)?),
            Some("authorize-app") => Self::authorize_app(fields)?,
            Some("authorize") => {
                let (dialect, query) = (fields.text("dialect")?, fields.text("query")?);
                dialect.and_then(|dialect| Self::authorize(dialect, query.unwrap_or_default())).unwrap_or(Self::Applications)
            }
            Some("apps") => Self::Apps,
            Some("account") => Self::Account,
            _ => Self::Applications,
        })
    }

    /// The page of the ask that is named in a query or form.
    pub(super) fn authorize_app(fields: &Fields) -> Result<Self, Problem> {
        let ask = fields.text(authorize_app::ASK)?.and_then(AskId::parse);
        Ok(ask.map_or(Self::Applications, Self::AuthorizeApp))
    }

    /// The authorization page of a dialect with this query; `None` where the query is too long to be
    /// kept.
    pub(super) fn authorize(dialect: &str, query: &str) -> Option<Self> {
        let next = Self::Authorize { dialect: dialect.to_owned(), query: utf8_percent_encode(query, NOT_IN_A_QUERY).to_string() };
        (next.query().len() <= MAX_QUERY).then_some(next)
    }

    /// The page on which a code is entered, this one or the usual one, with that code.
    pub(super) fn with_code(&self, code: Option<UserCode>) -> Self {
        if matches!(self, Self::Login(_)) { Self::Login(code) } else { Self::Device(code) }
    }

    pub(super) fn path(&self, desk: &Desk) -> String {
        match self {
            Self::Applications => desk.path(APPLICATIONS),
            Self::Device(None) => desk.path(DEVICE),
            Self::Device(Some(code)) => format!("{}?user_code={}", desk.path(DEVICE), code.shown()),
            Self::Login(code) => {
                // Where there is no such page, a code is as good on the other.
                let page = desk.offered.login_page.as_ref().map_or_else(|| desk.path(DEVICE), |page| page.at.path.clone());
                code.as_ref().map_or(page.clone(), |code| format!("{page}?user_code={}", code.letters()))
            }
            Self::AuthorizeApp(ask) => authorize_app::path(desk, *ask),
            // A dialect that has no such page leads to none.
            Self::Authorize { dialect, query } => match authorize::page_of(desk, dialect) {
                Some(page) => format!("{}?{query}", page.page().path),
                None => desk.path(APPLICATIONS),
            },
            Self::Apps => desk.path(APPS),
            Self::Account => desk.path(ACCOUNT),
        }
    }

    /// The way there, as [`Next::read`] reads it.
    pub(super) fn query(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(self.fields()).finish()
    }

    /// The same, as fields of a form.
    pub(super) fn fields(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Applications => Vec::new(),
            Self::Device(code) => coded("device", code.as_ref()),
            Self::Login(code) => coded("login", code.as_ref()),
            Self::AuthorizeApp(ask) => vec![("to", "authorize-app".to_owned()), ("request_id", ask.shown())],
            Self::Authorize { dialect, query } => {
                vec![("to", "authorize".to_owned()), ("dialect", dialect.clone()), ("query", query.clone())]
            }
            Self::Apps => vec![("to", "apps".to_owned())],
            Self::Account => vec![("to", "account".to_owned())],
        }
    }

    /// Sends a browser to the sign-in page, and later back.
    pub(super) fn sign_in_first(&self, desk: &Desk) -> Response<Body> {
        let query = self.query();
        let query = if query.is_empty() { query } else { format!("?{query}") };
        reply::see_other(&format!("{}{query}", desk.path(SIGN_IN)))
    }

    /// The same for a browser in which somebody is signed in, but not recently enough.
    pub(super) fn sign_in_again(&self, desk: &Desk) -> Response<Body> {
        let answer = reply::see_other(&format!("{}?{AGAIN}=1&{}", desk.path(SIGN_IN), self.query()));
        reply::noted(answer, None, "sign_in_again")
    }
}

fn code(fields: &Fields) -> Result<Option<UserCode>, Problem> {
    Ok(fields.text("user_code")?.and_then(UserCode::parse))
}

fn coded(to: &str, code: Option<&UserCode>) -> Vec<(&'static str, String)> {
    let mut fields = vec![("to", to.to_owned())];
    fields.extend(code.map(|code| ("user_code", code.shown())));
    fields
}
