//! Sign in and out.

use http::{Response, StatusCode, request::Parts};
use maud::{Markup, html};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use secrecy::SecretString;

use super::{
    ACCOUNT, APPLICATIONS, APPS, Answer, DEVICE, Desk, Problem, SIGN_IN, authorize, authorize_app, browser,
    csrf::{self, Purpose},
    layout,
};
use crate::{
    engine::SignIn,
    message::{Body, Call, Fields, Takes, reply},
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
            Some("device") => Self::Device(fields.text("user_code")?.and_then(UserCode::parse)),
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

    pub(super) fn path(&self, desk: &Desk) -> String {
        match self {
            Self::Applications => desk.path(APPLICATIONS),
            Self::Device(None) => desk.path(DEVICE),
            Self::Device(Some(code)) => format!("{}?user_code={}", desk.path(DEVICE), code.shown()),
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

    fn fields(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Applications => Vec::new(),
            Self::Device(None) => vec![("to", "device".to_owned())],
            Self::Device(Some(code)) => vec![("to", "device".to_owned()), ("user_code", code.shown())],
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
}

/// The form.
pub(super) async fn show(desk: &Desk, head: &Parts) -> Answer {
    let next = Next::read(&Fields::from_query(head.uri.query())?)?;
    if browser::signed_in(desk, &head.headers).await?.is_some() {
        return Ok(reply::see_other(&next.path(desk)));
    }
    let visit = browser::visit(desk, &head.headers);
    let page = layout::page(desk, &desk.words().sign_in.title, None, &form(desk, &visit, &next, "", false));
    Ok(browser::remember_visit(desk, reply::html(StatusCode::OK, page), visit))
}

/// The form, sent.
pub(super) async fn submit(desk: &Desk, call: Call) -> Answer {
    let headers = &call.head.headers;
    let fields = Fields::read(headers, call.body, Takes::Form).await?;
    let visit = browser::visit(desk, headers);
    csrf::check(desk, Purpose::SignIn(&visit), &fields)?;
    let next = Next::read(&fields)?;
    let name = fields.text("name")?.unwrap_or_default();
    let password = SecretString::from(fields.text("password")?.unwrap_or_default());
    let known = browser::known(desk, headers);
    match desk.engine.check_password(SignIn { name, password, peer: call.peer.ip, known: known.as_deref() }).await? {
        Some(user) => {
            // The session that this browser may have had is not the new one's.
            let before = browser::signed_in(desk, headers).await?;
            let session = desk.engine.open_session(&user, desk.pages.session).await?;
            if let Some(before) = before {
                desk.engine.close_session(before.session).await?;
            }
            let known = desk.engine.known_browser(&user, known.as_deref());
            let answer = browser::remember_session(desk, reply::see_other(&next.path(desk)), &session);
            Ok(reply::noted(browser::remember_known(desk, answer, &known), None, "signed_in"))
        }
        None => {
            let desk = &Desk { here: next.clone(), ..desk.clone() };
            let page = layout::page(desk, &desk.words().sign_in.title, None, &form(desk, &visit, &next, name, true));
            Ok(reply::noted(reply::html(StatusCode::UNAUTHORIZED, page), None, "wrong_password"))
        }
    }
}

/// Ends the session.
pub(super) async fn sign_out(desk: &Desk, call: Call) -> Answer {
    let Some(who) = browser::signed_in(desk, &call.head.headers).await? else {
        return Ok(reply::see_other(&desk.path(SIGN_IN)));
    };
    let fields = Fields::read(&call.head.headers, call.body, Takes::Form).await?;
    csrf::check(desk, Purpose::SignOut(who.session), &fields)?;
    desk.engine.close_session(who.session).await?;
    Ok(reply::noted(browser::forget_session(desk, reply::see_other(&desk.path(SIGN_IN))), None, "signed_out"))
}

fn form(desk: &Desk, visit: &str, next: &Next, name: &str, wrong: bool) -> Markup {
    let words = &desk.words().sign_in;
    let (described, invalid) = (wrong.then_some("error"), wrong.then_some("true"));
    html! {
        section class="card" {
            h1 { (words.title) }
            @match next {
                Next::Applications | Next::Apps | Next::Account => {},
                Next::Device(_) => p class="lead" { (words.for_a_device) },
                Next::AuthorizeApp(_) | Next::Authorize { .. } => p class="lead" { (words.for_an_app) },
            }
            @if wrong {
                p class="error" id="error" role="alert" { (words.wrong) }
            }
            form method="post" action=(desk.path(SIGN_IN)) {
                input type="hidden" name=(csrf::FIELD) value=(csrf::token(desk, Purpose::SignIn(visit)));
                @for (name, value) in next.fields() { input type="hidden" name=(name) value=(value); }
                label for="name" { (words.name) }
                input id="name" name="name" value=(name) autocomplete="username" autocapitalize="none" spellcheck="false" required
                    aria-describedby=[described] aria-invalid=[invalid] autofocus[name.is_empty()];
                label for="password" { (words.password) }
                input id="password" name="password" type="password" autocomplete="current-password" required
                    aria-describedby=[described] aria-invalid=[invalid] autofocus[!name.is_empty()];
                button class="primary" { (words.submit) }
            }
        }
    }
}
