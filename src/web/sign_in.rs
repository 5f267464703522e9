//! Sign in and out.
//!
//! Whoever is about to give much away, and signed in a while ago, signs in once more, and comes back to
//! the question. Somebody else may do so instead, and then it is his question.

use std::time::Duration;

use http::{StatusCode, request::Parts};
use maud::{Markup, html};
use secrecy::SecretString;

use super::{
    Answer, Desk, SIGN_IN, browser,
    csrf::{self, Purpose},
    layout,
    next::Next,
};
use crate::{
    engine::{SignIn, SignedIn},
    message::{Call, Fields, Takes, reply},
    oauth::grant::after,
};

/// Says that whoever is signed in signs in once more.
pub(super) const AGAIN: &str = "again";
/// For so long after a sign-in it is still the same person who sits there.
const RECENT: Duration = Duration::from_secs(5 * 60);

/// Whether somebody has signed in just now, and not only some time.
pub(super) fn is_recent(desk: &Desk, who: &SignedIn) -> bool {
    desk.clock.now() <= after(who.since, RECENT)
}

/// The form.
pub(super) async fn show(desk: &Desk, head: &Parts) -> Answer {
    let fields = Fields::from_query(head.uri.query())?;
    let next = Next::read(&fields)?;
    let again = fields.text(AGAIN)?.is_some();
    let name = match browser::signed_in(desk, &head.headers).await? {
        Some(who) if !again || is_recent(desk, &who) => return Ok(reply::see_other(&next.path(desk))),
        Some(who) => who.user.name.as_str().to_owned(),
        None => String::new(),
    };
    let visit = browser::visit(desk, &head.headers);
    let form = Form { next: &next, again, name: &name, wrong: false };
    let page = layout::page(desk, &desk.words().sign_in.title, None, &form.card(desk, &visit));
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
            let form = Form { next: &next, again: fields.text(AGAIN)?.is_some(), name, wrong: true };
            let page = layout::page(desk, &desk.words().sign_in.title, None, &form.card(desk, &visit));
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

/// What the form says.
struct Form<'a> {
    /// Where it leads to.
    next: &'a Next,
    /// Whether somebody is signed in, who signs in once more.
    again: bool,
    /// What stands in the field for the name.
    name: &'a str,
    /// Whether it was sent with a wrong password.
    wrong: bool,
}

impl Form<'_> {
    fn card(&self, desk: &Desk, visit: &str) -> Markup {
        let words = &desk.words().sign_in;
        let Self { next, again, name, wrong } = *self;
        let (described, invalid) = (wrong.then_some("error"), wrong.then_some("true"));
        let lead = match next {
            _ if again => Some(&words.again),
            Next::Applications | Next::Apps | Next::Account => None,
            Next::Device(_) | Next::Login(_) => Some(&words.for_a_device),
            Next::AuthorizeApp(_) | Next::Authorize { .. } => Some(&words.for_an_app),
        };
        html! {
            section class="card" {
                h1 { (words.title) }
                @if let Some(lead) = lead { p class="lead" { (lead) } }
                @if wrong {
                    p class="error" id="error" role="alert" { (words.wrong) }
                }
                form method="post" action=(desk.path(SIGN_IN)) {
                    input type="hidden" name=(csrf::FIELD) value=(csrf::token(desk, Purpose::SignIn(visit)));
                    @for (name, value) in next.fields() { input type="hidden" name=(name) value=(value); }
                    @if again { input type="hidden" name=(AGAIN) value="1"; }
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
}
