//! The frame of every page, and the header fields that guard it.

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use maud::{DOCTYPE, Markup, html};
use url::{Host, Url};

use super::{
    ACCOUNT, APPLICATIONS, APPS, DEVICE, Desk, HOME, LOGO, SCRIPT, SIGN_OUT, STYLE,
    csrf::{self, Purpose},
    language,
    next::Next,
};
use crate::{engine::SignedIn, message::Body};

/// Nothing but our own style sheet, script, logo and forms; nobody frames the page.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; \
                      frame-ancestors 'none'; base-uri 'none'";

/// The same for a page whose form's answer leads on to this address, or to an app by its scheme:
/// Chromium asks the policy of the form about that, too, and about wherever the app leads the browser
/// from there: that is the app's to say, as long as it is https.
pub(super) fn policy_towards(uri: &str) -> HeaderValue {
    // It was an address when it was registered; one that is none leads nowhere.
    let source = Url::parse(uri).ok().map(|url| match (url.scheme(), url.host()) {
        // No source can name an address of this kind (CSP Level 3, "host-source").
        ("http", Some(Host::Ipv6(_))) => "http: https:".to_owned(),
        ("http", _) => format!("{} https:", url.origin().ascii_serialization()),
        ("https", _) => "https:".to_owned(),
        (scheme, _) => format!("{scheme}: https:"),
    });
    // Whatever could begin another source or directive is in no host that we take.
    let source = source.filter(|source| source.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-._:/ ".contains(&byte)));
    let policy = source.map(|source| POLICY.replace("form-action 'self'", &format!("form-action 'self' {source}")));
    policy.and_then(|policy| HeaderValue::try_from(policy).ok()).unwrap_or(HeaderValue::from_static(POLICY))
}

/// A page for whoever is signed in, or for nobody yet.
pub(super) fn page(desk: &Desk, title: &str, who: Option<&SignedIn>, main: &Markup) -> String {
    let body = html! {
        a class="skip" href="#main" { (desk.words().frame.skip) }
        header {
            div class="top" {
                a class="brand" href=(desk.path(HOME)) { (mark(desk)) span { (desk.pages.name) } }
                @if let Some(who) = who { (sign_out(desk, who)) }
            }
            @if who.is_some() { (navigation(desk)) }
        }
        main id="main" tabindex="-1" { (main) }
        footer {
            (language::links(desk))
            @if desk.pages.terms.is_some() || desk.pages.privacy.is_some() { (legal(desk)) }
        }
    };
    let head = html! {
        link rel="stylesheet" href=(desk.path(STYLE));
        link rel="icon" href=(desk.path(LOGO));
        script src=(desk.path(SCRIPT)) defer {}
    };
    frame(desk.language.tag(), &format!("{title} · {}", desk.pages.name), &head, &body)
}

fn sign_out(desk: &Desk, who: &SignedIn) -> Markup {
    html! {
        form class="who" method="post" action=(desk.path(SIGN_OUT)) {
            input type="hidden" name=(csrf::FIELD) value=(csrf::token(desk, Purpose::SignOut(who.session)));
            span title=(who.user.name) { (who.user.name) }
            button class="link" { (desk.words().frame.sign_out) }
        }
    }
}

fn navigation(desk: &Desk) -> Markup {
    let words = desk.words();
    let has_apps = !desk.offered.apps.is_empty();
    let pages = [
        Some((APPLICATIONS, &words.frame.applications, desk.here == Next::Applications)),
        Some((DEVICE, &words.device.title, matches!(desk.here, Next::Device(_)))),
        has_apps.then_some((APPS, &words.apps.title, desk.here == Next::Apps)),
        Some((ACCOUNT, &words.account.title, desk.here == Next::Account)),
    ];
    html! {
        nav aria-label=(words.frame.pages) {
            ul {
                @for (path, title, here) in pages.into_iter().flatten() {
                    li { a href=(desk.path(path)) aria-current=[here.then_some("page")] { (title) } }
                }
            }
        }
    }
}

fn legal(desk: &Desk) -> Markup {
    let words = &desk.words().frame;
    html! {
        ul aria-label=(words.legal) {
            @for (link, name) in [(&desk.pages.terms, &words.terms), (&desk.pages.privacy, &words.privacy)] {
                @if let Some(link) = link { li { a href=(link.as_str()) { (name) } } }
            }
        }
    }
}

/// A page with one message.
pub(super) fn message(desk: &Desk, heading: &str, words: &Markup) -> String {
    let main = html! {
        section class="card" {
            h1 { (heading) }
            (words)
            p { a class="button" href=(desk.path(HOME)) { (desk.words().problem.back) } }
        }
    };
    page(desk, heading, None, &main)
}

/// A page that knows nothing of the operator's settings.
pub(super) fn bare(status: StatusCode, words: &str) -> String {
    let title = status.canonical_reason().unwrap_or("Error");
    let style = html! { link rel="stylesheet" href=(STYLE); };
    frame("en", title, &style, &html! { main { section class="card" { h1 { (title) } p { (words) } } } })
}

fn frame(language: &str, title: &str, head: &Markup, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang=(language) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (title) }
                (head)
            }
            body { (body) }
        }
    };
    page.into_string()
}

/// The operator's logo, or a gatepost: two posts and the bars between them.
fn mark(desk: &Desk) -> Markup {
    html! {
        @if desk.pages.logo.is_some() {
            img src=(desk.path(LOGO)) alt="";
        } @else {
            svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true" {
                path d="M5 3v18M19 3v18M5 9h14M5 15h14" fill="none" stroke="currentColor" stroke-width="2.4" stroke-linecap="round" {}
            }
        }
    }
}

/// Adds what keeps a page from being framed, cached, sniffed or told on.
pub(super) fn guarded(mut answer: Response<Body>) -> Response<Body> {
    let headers: &mut HeaderMap = answer.headers_mut();
    // A page may have had a policy of its own made for it.
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(POLICY));
    for (name, value) in [
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_of_a_question_lets_its_answer_go_where_it_goes() {
        for (uri, source) in [
            ("https://app.example.com:8443/cb?x=1", " https:"),
            ("https://[2001:db8::1]/", " https:"),
            ("http://127.0.0.1:5000/cb", " http://127.0.0.1:5000 https:"),
            ("http://localhost:5000/cb", " http://localhost:5000 https:"),
            ("http://[::1]:5000/cb", " http: https:"),
            ("com.example.app:/cb", " com.example.app: https:"),
            ("http://a;sandbox/", ""),
            ("http://a,b.example/", ""),
            ("http://'none'/", ""),
            ("http://*.example/", ""),
            ("/cb", ""),
        ] {
            let policy = policy_towards(uri);
            let expected = format!("form-action 'self'{source}; frame-ancestors");
            assert!(policy.to_str().unwrap().contains(&expected), "{uri}: {policy:?}");
            assert_eq!(policy.to_str().unwrap().split(';').count(), POLICY.split(';').count(), "{uri}");
        }
    }
}
