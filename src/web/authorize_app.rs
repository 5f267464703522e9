//! Authorize an app that asked for a code to be typed: see who asks for what, decide, and read the
//! code. The code is shown again to the browser that approved, and to no other.

use http::{StatusCode, request::Parts};
use jiff::Timestamp;
use maud::{Markup, html};

use super::{
    APPLICATIONS, Answer, Desk, Problem, browser,
    consent::{self, Consent},
    csrf::{self, Purpose},
    device, layout,
    next::Next,
};
use crate::{
    engine::{Decision, Engine, Error, SignedIn},
    message::{BadInput, Call, Fields, Takes, reply},
    oauth::{
        grant::{Grant, State},
        refusal::{ErrorCode, Refusal},
        typed::{AskId, TypedCode},
    },
};

const OVER: Refusal = Refusal::new(ErrorCode::InvalidGrant, "The request is unknown, expired or decided.");
/// The field and the parameter that names the ask, as the dialect calls it.
pub(super) const ASK: &str = "request_id";

/// Whatever there is to see: the question, or the code.
pub(super) async fn show(desk: &Desk, head: &Parts) -> Answer {
    let ask = Fields::from_query(head.uri.query())?.text(ASK)?.and_then(AskId::parse).ok_or(Problem::Refused(OVER))?;
    let Some(who) = browser::signed_in(desk, &head.headers).await? else {
        return Ok(Next::AuthorizeApp(ask).sign_in_first(desk));
    };
    let grant = desk.engine.asked(ask).await?.ok_or(Problem::Refused(OVER))?;
    if consent::asks_again(desk, &grant, &who) && grant.is_pending(desk.clock.now()) {
        return Ok(desk.here.sign_in_again(desk));
    }
    let is_own = grant.approval().is_some_and(|approval| approval.user == Some(who.user.id));
    let words = desk.words();
    let (title, main, outcome) = match &grant.state {
        State::Pending { .. } if grant.is_pending(desk.clock.now()) => (&words.consent.title, question(desk, &who, &grant, ask), "shown"),
        State::Approved { redeem_by, .. } if is_own && grant.is_open(desk.clock.now()) => match desk.engine.code_for(&grant, &who) {
            Some(code) => (&words.code.title, answered(desk, &who, &grant, &code, *redeem_by), "code_shown"),
            None => (&words.code.title, elsewhere(desk, &grant), "approved_elsewhere"),
        },
        // The grant no longer says who approved; whoever knows the request may know why it is over.
        State::Void { until } if desk.clock.now() < *until => (&words.code.void_title, void(desk), "void"),
        State::Live { .. } if is_own => (&words.decided.approved_title, connected(desk, &grant), "connected"),
        _ => return Err(Problem::Refused(OVER)),
    };
    let page = layout::page(desk, title, Some(&who), &main);
    Ok(reply::noted(reply::html(StatusCode::OK, page), Some(grant.id), outcome))
}

/// The decision. Only the session that saw the question can send it.
pub(super) async fn decide(desk: &Desk, call: Call) -> Answer {
    let fields = Fields::read(&call.head.headers, call.body, Takes::Form).await?;
    let ask = fields.text(ASK)?.and_then(AskId::parse).ok_or(Problem::Refused(OVER))?;
    let desk = &Desk { here: Next::AuthorizeApp(ask), ..desk.clone() };
    let Some(who) = browser::signed_in(desk, &call.head.headers).await? else {
        return Ok(desk.here.sign_in_first(desk));
    };
    let grant = desk.engine.asked(ask).await?.ok_or(Problem::Refused(OVER))?;
    csrf::check(desk, Purpose::Decide(who.session, grant.id), &fields)?;
    if consent::asks_again(desk, &grant, &who) && grant.is_pending(desk.clock.now()) {
        return Ok(desk.here.sign_in_again(desk));
    }
    match fields.text("decision")? {
        Some("approve") => approve(desk, &who, &grant, ask).await,
        Some("deny") => {
            let denied = desk.engine.decide(grant.id, who.decider(), Decision::Deny).await?;
            let page = layout::page(desk, &desk.words().decided.denied_title, Some(&who), &device::done(desk, &denied, Decision::Deny));
            Ok(reply::noted(reply::html(StatusCode::OK, page), Some(grant.id), "denied"))
        }
        _ => Err(BadInput::Malformed("There is no decision in the form.".into()).into()),
    }
}

async fn approve(desk: &Desk, who: &SignedIn, grant: &Grant, ask: AskId) -> Answer {
    match desk.engine.decide(grant.id, who.decider(), Decision::Approve).await {
        Ok(_) => {}
        // A button may be pressed twice. The first press stands, and its code is shown again.
        Err(Error::Refused(refusal)) if refusal.code == ErrorCode::InvalidGrant => {
            desk.engine.approved_by(who.user.id, grant.id).await?.ok_or(Problem::Refused(refusal))?;
        }
        // There is something to give, so what is refused is one more code.
        Err(Error::Refused(refusal)) if refusal.code == ErrorCode::AccessDenied && !Engine::grantable(grant, &who.user).is_empty() => {
            let main = too_many(desk);
            let page = layout::page(desk, &desk.words().code.too_many_title, Some(who), &main);
            return Ok(reply::noted(reply::html(StatusCode::CONFLICT, page), Some(grant.id), "too_many_codes"));
        }
        Err(error) => return Err(error.into()),
    }
    Ok(reply::noted(reply::see_other(&path(desk, ask)), Some(grant.id), "approved"))
}

/// The page's address for this ask.
pub(super) fn path(desk: &Desk, ask: AskId) -> String {
    format!("{}?{ASK}={}", action(desk), ask.shown())
}

fn action(desk: &Desk) -> &str {
    desk.offered.code_page.as_ref().map_or("", |page| page.path.as_str())
}

fn question(desk: &Desk, who: &SignedIn, grant: &Grant, ask: AskId) -> Markup {
    let scopes = consent::given(desk, grant, who);
    let question = Consent {
        app: &consent::app(grant),
        verified: consent::is_verified(grant),
        scopes: &scopes,
        narrowed: !scopes.cover(&grant.requested),
        login: None,
        facts: &consent::facts(desk, grant),
        action: action(desk),
        purpose: Purpose::Decide(who.session, grant.id),
        hidden: &[(ASK, &ask.shown())],
    };
    consent::card(desk, who, &question)
}

fn answered(desk: &Desk, who: &SignedIn, grant: &Grant, code: &TypedCode, until: Timestamp) -> Markup {
    let (words, tokens) = (&desk.words().code, &desk.words().tokens);
    let code = code.shown();
    let spoken: Vec<String> = code.chars().map(String::from).collect();
    html! {
        section class="card" {
            h1 { (words.enter.fill(&[("app", &html! { b { (consent::app(grant)) } })])) }
            @if let Some(seconds) = desk.engine.codes_are_refused_for(who.user.id) {
                p class="error" role="alert" { (words.blocked.fill(&[("span", &desk.words().time.span(seconds))])) }
            }
            // Six digits are read out as a number, which nobody could type.
            p class="typed-code" { span id="typed-code" aria-hidden="true" { (code) } span class="spoken" { (spoken.join(" ")) } }
            p class="actions" {
                button type="button" data-copy="typed-code" data-says="said" data-copied=(tokens.copied) data-by-hand=(tokens.copy_by_hand) hidden {
                    (words.copy)
                }
                span id="said" role="status" {}
            }
            dl class="facts" {
                dt { (desk.words().consent.expires) } dd { (consent::deadline(desk, until)) }
            }
            p class="warning" { (words.warning) }
        }
    }
}

fn elsewhere(desk: &Desk, grant: &Grant) -> Markup {
    let words = &desk.words().code;
    html! {
        section class="card" {
            h1 { (words.elsewhere_title.fill(&[("app", &html! { b { (consent::app(grant)) } })])) }
            p { (words.elsewhere) }
        }
    }
}

fn connected(desk: &Desk, grant: &Grant) -> Markup {
    let words = &desk.words().decided;
    html! {
        section class="card" {
            h1 { (words.connected.fill(&[("app", &html! { b { (consent::app(grant)) } })])) }
            p { (desk.words().code.go_back) }
            p { (words.later.fill(&[("list", &list(desk))])) }
        }
    }
}

fn too_many(desk: &Desk) -> Markup {
    let words = &desk.words().code;
    html! {
        section class="card" {
            h1 { (words.too_many_title) }
            p { (words.too_many.fill(&[("list", &list(desk))])) }
        }
    }
}

fn void(desk: &Desk) -> Markup {
    let words = &desk.words().code;
    html! {
        section class="card" {
            h1 { (words.void_title) }
            p { (words.void) }
        }
    }
}

fn list(desk: &Desk) -> Markup {
    html! { a href=(desk.path(APPLICATIONS)) { (desk.words().applications.title) } }
}
