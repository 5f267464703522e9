//! The browser's cookies: the session of who is signed in, the visit of who is not yet, and the proof
//! that somebody has signed in here before, which outlives the session.

use cookie::{Cookie, SameSite};
use data_encoding::HEXLOWER;
use http::{
    HeaderMap, HeaderValue, Response,
    header::{COOKIE, SET_COOKIE},
};
use secrecy::{ExposeSecret, SecretString};

use super::{Desk, Problem};
use crate::{config::Language, engine::SignedIn, message::Body};

const SESSION: &str = "gatepost_session";
const VISIT: &str = "gatepost_visit";
const KNOWN: &str = "gatepost_known";
/// The longest that browsers keep a cookie.
const KNOWN_FOR: cookie::time::Duration = cookie::time::Duration::days(400);
const LANGUAGE: &str = "gatepost_language";

/// Who is signed in; `None` where nobody is.
pub(super) async fn signed_in(desk: &Desk, headers: &HeaderMap) -> Result<Option<SignedIn>, Problem> {
    match read(desk, headers, SESSION) {
        Some(value) => Ok(desk.engine.session(&value).await?),
        None => Ok(None),
    }
}

/// The browser's visit, which ties the sign-in form to it; a new one where it has none.
pub(super) fn visit(desk: &Desk, headers: &HeaderMap) -> String {
    read(desk, headers, VISIT).filter(|visit| visit.len() == 32).unwrap_or_else(|| HEXLOWER.encode(&rand::random::<[u8; 16]>()))
}

/// Gives the browser its visit.
pub(super) fn remember_visit(desk: &Desk, answer: Response<Body>, visit: String) -> Response<Body> {
    set(answer, &cookie(desk, VISIT, visit))
}

/// Gives the browser its session.
pub(super) fn remember_session(desk: &Desk, answer: Response<Body>, session: &SecretString) -> Response<Body> {
    let mut cookie = cookie(desk, SESSION, session.expose_secret().to_owned());
    cookie.set_max_age(cookie::time::Duration::try_from(desk.pages.session).unwrap_or(cookie::time::Duration::DAY));
    set(answer, &cookie)
}

/// What makes this a known browser, for whomever it does.
pub(super) fn known(desk: &Desk, headers: &HeaderMap) -> Option<String> {
    read(desk, headers, KNOWN)
}

/// Makes this a known browser of whoever signed in.
pub(super) fn remember_known(desk: &Desk, answer: Response<Body>, known: &SecretString) -> Response<Body> {
    let mut cookie = cookie(desk, KNOWN, known.expose_secret().to_owned());
    cookie.set_max_age(KNOWN_FOR);
    set(answer, &cookie)
}

/// Takes the session from the browser.
pub(super) fn forget_session(desk: &Desk, answer: Response<Body>) -> Response<Body> {
    let mut cookie = cookie(desk, SESSION, String::new());
    cookie.set_max_age(cookie::time::Duration::ZERO);
    set(answer, &cookie)
}

/// The language that was chosen in this browser.
pub(super) fn language(desk: &Desk, headers: &HeaderMap) -> Option<Language> {
    read(desk, headers, LANGUAGE).and_then(|tag| Language::of_tag(&tag))
}

/// Gives the browser its language.
pub(super) fn remember_language(desk: &Desk, answer: Response<Body>, language: Language) -> Response<Body> {
    let mut cookie = cookie(desk, LANGUAGE, language.tag().to_owned());
    cookie.set_max_age(cookie::time::Duration::days(365));
    set(answer, &cookie)
}

/// Over TLS the name has a prefix with which browsers refuse the cookie to other hosts and to http.
fn name(desk: &Desk, name: &str) -> String {
    if desk.public_url.is_https() { format!("__Host-{name}") } else { name.to_owned() }
}

fn read(desk: &Desk, headers: &HeaderMap, cookie: &str) -> Option<String> {
    let wanted = name(desk, cookie);
    // A line that is no text holds no cookie of ours.
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut found = lines.flat_map(Cookie::split_parse).flatten().filter(|cookie| cookie.name() == wanted);
    found.next().map(|cookie| cookie.value().to_owned())
}

fn cookie(desk: &Desk, cookie: &str, value: String) -> Cookie<'static> {
    // Lax: the link that an app shows leads here from elsewhere, and decisions are POSTs with a
    // token of their own.
    Cookie::build((name(desk, cookie), value)).path("/").http_only(true).same_site(SameSite::Lax).secure(desk.public_url.is_https()).build()
}

fn set(mut answer: Response<Body>, cookie: &Cookie<'_>) -> Response<Body> {
    match HeaderValue::from_str(&cookie.to_string()) {
        Ok(value) => drop(answer.headers_mut().append(SET_COOKIE, value)),
        // Our names, hexadecimal digits and base32: all of them printable.
        Err(error) => tracing::error!(%error, "a cookie could not be set"),
    }
    answer
}
