//! The account: who one is here, the password, and the personal tokens.

use http::{StatusCode, request::Parts};
use maud::{Markup, html};
use secrecy::{ExposeSecret, SecretString};

use super::{
    Answer, Desk, PASSWORD, Problem, browser,
    csrf::{self, Purpose},
    layout,
    next::Next,
    tokens::{self, Draft},
};
use crate::{
    engine::{ChangePassword, ChangePasswordError, MAX_PASSWORD_BYTES, MIN_PASSWORD_BYTES, PersonalToken, SignedIn},
    message::{Call, Fields, Takes, reply},
};

/// What became of a change of the password.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Untried,
    Done,
    WrongCurrent,
    Length,
    Differ,
}

/// The page.
pub(super) async fn show(desk: &Desk, head: &Parts) -> Answer {
    let Some(who) = browser::signed_in(desk, &head.headers).await? else {
        return Ok(Next::Account.sign_in_first(desk));
    };
    let tokens = desk.engine.personal_tokens(&who.user).await?;
    Ok(reply::html(StatusCode::OK, page(desk, &who, Change::Untried, &tokens, &Draft::new())))
}

/// The page with a draft of a token that cannot be made as it is.
pub(super) fn with_draft(desk: &Desk, who: &SignedIn, tokens: &[PersonalToken], draft: &Draft) -> String {
    page(desk, who, Change::Untried, tokens, draft)
}

/// Changes the password. Every other session ends; this one goes on under a new cookie.
pub(super) async fn change_password(desk: &Desk, call: Call) -> Answer {
    let Some(who) = browser::signed_in(desk, &call.head.headers).await? else {
        return Ok(Next::Account.sign_in_first(desk));
    };
    let fields = Fields::read(&call.head.headers, call.body, Takes::Form).await?;
    csrf::check(desk, Purpose::ChangePassword(who.session), &fields)?;
    let secret = |name| Ok::<_, Problem>(SecretString::from(fields.text(name)?.unwrap_or_default()));
    let (current, new, again) = (secret("current")?, secret("new")?, secret("again")?);
    let changed = if new.expose_secret() == again.expose_secret() {
        let known = browser::known(desk, &call.head.headers);
        let change = ChangePassword { who: &who, current, new, session: desk.pages.session, peer: call.peer.ip, known: known.as_deref() };
        desk.engine.change_password(change).await.map_err(|error| match error {
            ChangePasswordError::WrongPassword => Ok((Change::WrongCurrent, "wrong_password")),
            ChangePasswordError::Length => Ok((Change::Length, "bad_password")),
            ChangePasswordError::Other(error) => Err(Problem::from(error)),
        })
    } else {
        Err(Ok((Change::Differ, "bad_password")))
    };
    let tokens = desk.engine.personal_tokens(&who.user).await?;
    match changed {
        Ok((who, session)) => {
            let answer = reply::html(StatusCode::OK, page(desk, &who, Change::Done, &tokens, &Draft::new()));
            Ok(reply::noted(browser::remember_session(desk, answer, &session), None, "password_changed"))
        }
        Err(refused) => {
            let (change, outcome) = refused?;
            Ok(reply::noted(reply::html(StatusCode::BAD_REQUEST, page(desk, &who, change, &tokens, &Draft::new())), None, outcome))
        }
    }
}

fn page(desk: &Desk, who: &SignedIn, change: Change, tokens: &[PersonalToken], draft: &Draft) -> String {
    let words = &desk.words().account;
    let main = html! {
        h1 { (words.title) }
        @if change == Change::Done { p class="notice" role="status" { (words.changed) } }
        section class="card" {
            dl class="facts" {
                dt { (words.name) } dd { (who.user.name) }
                @if let Some(email) = &who.user.email { dt { (words.email) } dd { bdi { (email) } } }
            }
        }
        section class="card" aria-labelledby="password-title" {
            h2 id="password-title" { (words.password) }
            @if who.user.password.is_some() { (form(desk, who, change)) } @else { p { (words.no_password) } }
        }
        (tokens::sections(desk, who, tokens, draft))
    };
    layout::page(desk, &words.title, Some(who), &main)
}

fn form(desk: &Desk, who: &SignedIn, change: Change) -> Markup {
    let words = &desk.words().account;
    let sizes: [(&str, &dyn maud::Render); 2] = [("least", &MIN_PASSWORD_BYTES), ("most", &MAX_PASSWORD_BYTES)];
    let error = match change {
        Change::WrongCurrent => Some(html! { (words.wrong_current) }),
        Change::Length => Some(words.bad_length.fill(&sizes)),
        Change::Differ => Some(html! { (words.differ) }),
        Change::Untried | Change::Done => None,
    };
    let wrong = |changes: &[Change]| changes.contains(&change);
    let described = |wrong: bool, before: &'static str| if wrong { format!("password-error {before}") } else { before.to_owned() };
    let field = |name: &str, label: &str, autocomplete: &str, wrong: bool, note: &'static str| {
        let described = described(wrong, note);
        html! {
            label for=(name) { (label) }
            @if !note.is_empty() { p class="note" id=(note) { (words.rule.fill(&sizes)) } }
            input id=(name) name=(name) type="password" autocomplete=(autocomplete) required
                aria-describedby=[Some(described.trim()).filter(|described| !described.is_empty())]
                aria-invalid=[wrong.then_some("true")] autofocus[wrong];
        }
    };
    html! {
        p class="lead" { (words.password_lead) }
        @if let Some(error) = error { p class="error" id="password-error" role="alert" { (error) } }
        form method="post" action=(desk.path(PASSWORD)) {
            (csrf::field(desk, Purpose::ChangePassword(who.session)))
            // For the browser's own store of passwords.
            input type="text" name="name" value=(who.user.name) autocomplete="username" readonly hidden;
            (field("current", &words.current, "current-password", wrong(&[Change::WrongCurrent]), ""))
            (field("new", &words.new, "new-password", wrong(&[Change::Length]), "rule"))
            (field("again", &words.again, "new-password", wrong(&[Change::Differ]), ""))
            button class="submit" { (words.change) }
        }
    }
}
