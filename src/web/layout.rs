//! The frame of every page, and the header fields that guard it.

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use maud::{DOCTYPE, Markup, html};

use super::{
    Desk, SIGN_OUT, STYLE,
    csrf::{self, Purpose},
};
use crate::{
    engine::SignedIn,
    message::{Body, reply},
};

const CSS: &str = include_str!("style.css");
/// Nothing but our own style sheet and forms to ourselves; nobody frames the page.
const POLICY: &str = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// A page for whoever is signed in, or for nobody yet.
pub(super) fn page(desk: &Desk, title: &str, who: Option<&SignedIn>, main: &Markup) -> String {
    let name = &desk.pages.name;
    let sign_out = who.map(|who| (who, csrf::token(desk, Purpose::SignOut(who.session))));
    frame(
        &format!("{title} · {name}"),
        &desk.path(STYLE),
        &html! {
            header {
                a class="brand" href=(desk.path("/")) { (mark()) span { (name) } }
                @if let Some((who, token)) = sign_out {
                    form class="who" method="post" action=(desk.path(SIGN_OUT)) {
                        input type="hidden" name=(csrf::FIELD) value=(token);
                        span title=(who.user.name) { (who.user.name) }
                        button class="link" { "Sign out" }
                    }
                }
            }
            main { (main) }
        },
    )
}

/// A page with one message.
pub(super) fn message(desk: &Desk, heading: &str, words: &str) -> String {
    page(
        desk,
        heading,
        None,
        &html! {
            section class="card" {
                h1 { (heading) }
                p { (words) }
                p { a class="button" href=(desk.path("/")) { "Back to the start" } }
            }
        },
    )
}

/// A page that knows nothing of the operator's settings.
pub(super) fn bare(status: StatusCode, words: &str) -> String {
    let title = status.canonical_reason().unwrap_or("Error");
    frame(title, STYLE, &html! { main { section class="card" { h1 { (title) } p { (words) } } } })
}

fn frame(title: &str, style: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (title) }
                link rel="stylesheet" href=(style);
            }
            body { (body) }
        }
    };
    page.into_string()
}

/// A gatepost: two posts and the bar between them.
fn mark() -> Markup {
    html! {
        svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true" {
            path d="M5 3v18M19 3v18M5 9h14M5 15h14" fill="none" stroke="currentColor" stroke-width="2.4" stroke-linecap="round" {}
        }
    }
}

/// The style sheet.
pub(super) fn style() -> Response<Body> {
    let mut answer = reply::text(StatusCode::OK, "text/css; charset=utf-8", CSS);
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    answer.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

/// Adds what keeps a page from being framed, cached, sniffed or told on.
pub(super) fn guarded(mut answer: Response<Body>) -> Response<Body> {
    let headers: &mut HeaderMap = answer.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}
