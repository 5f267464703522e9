//! Authorize an app that asked for a code to be typed: see who asks for what, decide, and read the
//! code. The code is shown again to the browser that approved, and to no other.

use http::{StatusCode, request::Parts};
use maud::{Markup, html};

use super::{
    APPLICATIONS, Answer, Desk, Problem, browser,
    csrf::{self, Purpose},
    device, layout,
    sign_in::Next,
    words,
};
use crate::{
    engine::{Decision, Error, SignedIn},
    message::{BadInput, Call, Fields, Takes, reply},
    oauth::{
        grant::{Grant, State},
        refusal::{ErrorCode, Refusal},
        typed::{AskId, TypedCode},
    },
};

const OVER: Refusal = Refusal::new(ErrorCode::InvalidGrant, "The request is unknown, expired or decided.");
/// The field and the parameter that names the ask, as the dialect calls it.
const ASK: &str = "request_id";

/// Whatever there is to see: the question, or the code.
pub(super) async fn show(desk: &Desk, head: &Parts) -> Answer {
    let ask = Fields::from_query(head.uri.query())?.text(ASK)?.and_then(AskId::parse).ok_or(Problem::Refused(OVER))?;
    let Some(who) = browser::signed_in(desk, &head.headers).await? else {
        return Ok(Next::AuthorizeApp(ask).sign_in_first(desk));
    };
    let grant = desk.engine.asked(ask).await?.ok_or(Problem::Refused(OVER))?;
    let is_own = grant.approval().is_some_and(|approval| approval.user == who.user.id);
    let (title, main, outcome) = match &grant.state {
        _ if grant.is_pending(desk.clock.now()) => ("Authorize an app", question(desk, &who, &grant, ask), "shown"),
        State::Approved { redeem_by, .. } if is_own => match desk.engine.code_for(&grant, &who) {
            Some(code) => ("Your code", answered(desk, &grant, &code, *redeem_by), "code_shown"),
            None if grant.is_open(desk.clock.now()) => ("Your code", elsewhere(desk, &grant), "approved_elsewhere"),
            None => return Err(Problem::Refused(OVER)),
        },
        State::Live { .. } if is_own => ("Connected", connected(desk, &grant), "connected"),
        _ => return Err(Problem::Refused(OVER)),
    };
    let page = layout::page(desk, title, Some(&who), &main);
    Ok(reply::noted(reply::html(StatusCode::OK, page), Some(grant.id), outcome))
}

/// The decision. Only the session that saw the question can send it.
pub(super) async fn decide(desk: &Desk, call: Call) -> Answer {
    let fields = Fields::read(&call.head.headers, call.body, Takes::Form).await?;
    let ask = fields.text(ASK)?.and_then(AskId::parse).ok_or(Problem::Refused(OVER))?;
    let Some(who) = browser::signed_in(desk, &call.head.headers).await? else {
        return Ok(Next::AuthorizeApp(ask).sign_in_first(desk));
    };
    let grant = desk.engine.asked(ask).await?.ok_or(Problem::Refused(OVER))?;
    csrf::check(desk, Purpose::Decide(who.session, grant.id), &fields)?;
    match fields.text("decision")? {
        Some("approve") => approve(desk, &who, &grant, ask).await,
        Some("deny") => {
            let denied = desk.engine.decide(grant.id, who.decider(), Decision::Deny).await?;
            let page = layout::page(desk, "Denied", Some(&who), &device::done(desk, &denied, Decision::Deny));
            Ok(reply::noted(reply::html(StatusCode::OK, page), Some(grant.id), "denied"))
        }
        _ => Err(BadInput::Malformed("There is no decision in the form.".into()).into()),
    }
}

async fn approve(desk: &Desk, who: &SignedIn, grant: &Grant, ask: AskId) -> Answer {
    let outcome = match desk.engine.decide(grant.id, who.decider(), Decision::Approve).await {
        Ok(_) => "approved",
        // A button may be pressed twice. The first press stands, and its code is shown again.
        Err(Error::Refused(refusal)) if refusal.code == ErrorCode::InvalidGrant => {
            desk.engine.approved_by(who.user.id, grant.id).await?.ok_or(Problem::Refused(refusal))?;
            "approved"
        }
        Err(error) => return Err(error.into()),
    };
    Ok(reply::noted(reply::see_other(&path(desk, ask)), Some(grant.id), outcome))
}

/// The page's address for this ask.
pub(super) fn path(desk: &Desk, ask: AskId) -> String {
    format!("{}?{ASK}={}", action(desk), ask.shown())
}

fn action(desk: &Desk) -> &str {
    desk.code_page.as_ref().map_or("", |page| page.path.as_str())
}

fn question(desk: &Desk, who: &SignedIn, grant: &Grant, ask: AskId) -> Markup {
    device::consent(desk, who, grant, action(desk), (ASK, &ask.shown()))
}

fn answered(desk: &Desk, grant: &Grant, code: &TypedCode, until: jiff::Timestamp) -> Markup {
    let left = until.duration_since(desk.clock.now()).as_secs().max(0).unsigned_abs();
    html! {
        section class="card" {
            h1 { "Enter this code in " b { (device::app(desk, grant)) } }
            p class="typed-code" { (code.shown()) }
            p class="note" { "It is good for " time datetime=(until) data-countdown { (words::span(left)) } " and for this app only. Tell it to nobody who calls or writes." }
            p { "To see what the app may do, or to end its access, go to " a href=(desk.path(APPLICATIONS)) { "Connected applications" } "." }
        }
    }
}

fn elsewhere(desk: &Desk, grant: &Grant) -> Markup {
    html! {
        section class="card" {
            h1 { "You approved " b { (device::app(desk, grant)) } " elsewhere" }
            p { "The code is shown only in the browser in which you approved. Look there, or start again in the app." }
        }
    }
}

fn connected(desk: &Desk, grant: &Grant) -> Markup {
    html! {
        section class="card" {
            h1 { b { (device::app(desk, grant)) } " is connected" }
            p { "You can close this page and go back to the app." }
            p { "To see what it may do, or to end its access, go to " a href=(desk.path(APPLICATIONS)) { "Connected applications" } "." }
        }
    }
}
