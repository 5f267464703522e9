//! Why a page cannot be shown, and the page that says so.

use http::{HeaderValue, Response, StatusCode, header};
use maud::{Markup, Render, html};

use super::{Desk, layout};
use crate::{
    engine::{Error, Unavailable},
    message::{BadInput, Body, Refused, reply},
    oauth::refusal::{ErrorCode, Refusal},
};

/// Why a page cannot be shown.
pub(super) enum Problem {
    /// What was sent is no form of ours.
    Input(BadInput),
    /// The form was not made for this browser, or too long ago.
    Forged,
    /// The protocol says no.
    Refused(Refusal),
    /// What an app asks cannot be put to anybody, and the app cannot be told.
    Unaskable(Refusal),
    /// Too often.
    Limited(u64),
    /// The store is away.
    Unavailable(String),
    /// There is no such page.
    NotFound,
    /// The page does not take that method, but these.
    Method(&'static str),
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
    pub(super) fn page(self, desk: &Desk) -> Response<Body> {
        let words = &desk.words().problem;
        let told = |heading: &str, words: &dyn Render, status, outcome| {
            let words = html! { p { (words) } };
            reply::noted(reply::html(status, layout::message(desk, heading, &words)), None, outcome)
        };
        match self {
            Self::Input(BadInput::TooLarge) => told(&words.failed, &words.too_large, StatusCode::PAYLOAD_TOO_LARGE, "bad_input"),
            Self::Input(input) => told(&words.failed, &words.not_a_form, input.status(), "bad_input"),
            Self::Forged => told(&words.forged, &words.forged_words, StatusCode::FORBIDDEN, "forged_form"),
            Self::Refused(refusal) => {
                let (heading, sentence) = match refusal.code {
                    ErrorCode::InvalidGrant => (&words.too_late, &words.too_late_words),
                    ErrorCode::AccessDenied => (&words.failed, &words.nothing_to_grant),
                    _ => (&words.failed, &words.refused),
                };
                told(heading, sentence, StatusCode::BAD_REQUEST, "refused")
            }
            Self::Unaskable(refusal) => {
                let main = html! {
                    p { (words.unaskable_words) }
                    dl class="facts" { dt { (words.unaskable_why) } dd lang="en" { (refusal.description) } }
                };
                let page = layout::message(desk, &words.unaskable, &main);
                reply::noted(reply::html(StatusCode::BAD_REQUEST, page), None, "unaskable")
            }
            Self::Limited(seconds) => {
                let sentence: Markup = words.too_many_words.fill(&[("span", &desk.words().time.span(seconds))]);
                let mut answer = told(&words.too_many, &sentence, StatusCode::TOO_MANY_REQUESTS, "rate_limited");
                answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
                answer
            }
            Self::Unavailable(cause) => {
                tracing::error!(cause, "a page could not be shown");
                let mut answer = told(&words.away, &words.away_words, StatusCode::SERVICE_UNAVAILABLE, "store_unavailable");
                answer.headers_mut().insert(header::RETRY_AFTER, 1.into());
                answer
            }
            Self::NotFound => told(&words.not_found, &words.not_found_words, StatusCode::NOT_FOUND, "not_found"),
            Self::Method(allowed) => {
                let mut answer = told(&words.method, &words.method_words, StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed");
                answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
                answer
            }
        }
    }
}

/// What never reaches a page, such as TRACE.
pub(super) fn refused(refused: &Refused) -> Response<Body> {
    layout::guarded(reply::html(refused.status, layout::bare(refused.status, &refused.message)))
}
