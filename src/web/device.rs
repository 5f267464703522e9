//! Connect a device: enter the code that it shows, see who asks for what, and decide.

use http::{StatusCode, request::Parts};
use maud::{Markup, html};

use super::{
    APPLICATIONS, Answer, DECISION, DEVICE, Desk, Problem, browser,
    consent::{self, Consent},
    csrf::{self, Purpose},
    layout,
    sign_in::Next,
};
use crate::{
    engine::{Decision, Engine, Error, SignedIn},
    message::{BadInput, Call, Fields, Takes, reply},
    oauth::{code::UserCode, grant::Grant, id::GrantId},
};

/// Where the code in the form comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// There is none yet.
    Nowhere,
    /// The link that the app or device showed.
    Link,
    /// The person, and it is unknown.
    Wrong,
}

/// The field for the code; filled in where the link brought one, and still to be confirmed.
pub(super) async fn show(desk: &Desk, head: &Parts) -> Answer {
    let query = Fields::from_query(head.uri.query())?;
    let code = query.text("user_code")?.and_then(UserCode::parse);
    let Some(who) = browser::signed_in(desk, &head.headers).await? else {
        return Ok(Next::Device(code).sign_in_first(desk));
    };
    let (typed, from) = code.map_or((String::new(), Origin::Nowhere), |code| (code.shown(), Origin::Link));
    let page = layout::page(desk, &desk.words().device.title, Some(&who), &form(desk, &who, &typed, from));
    Ok(reply::html(StatusCode::OK, page))
}

/// A code was entered: who asks for what?
pub(super) async fn submit(desk: &Desk, call: Call) -> Answer {
    let Some(who) = browser::signed_in(desk, &call.head.headers).await? else {
        return Ok(Next::Device(None).sign_in_first(desk));
    };
    let fields = Fields::read(&call.head.headers, call.body, Takes::Form).await?;
    csrf::check(desk, Purpose::EnterCode(who.session), &fields)?;
    let typed = fields.text("user_code")?.unwrap_or_default();
    match desk.engine.find_by_user_code(typed, who.user.id, call.peer.ip).await {
        Ok(grant) => {
            // Whoever changes the language here need not type the code again.
            let desk = &Desk { here: Next::Device(UserCode::parse(typed)), ..desk.clone() };
            let page = layout::page(desk, &desk.words().consent.title, Some(&who), &question(desk, &who, &grant));
            Ok(reply::noted(reply::html(StatusCode::OK, page), Some(grant.id), "shown"))
        }
        Err(Error::Refused(_)) => {
            let page = layout::page(desk, &desk.words().device.title, Some(&who), &form(desk, &who, typed, Origin::Wrong));
            Ok(reply::noted(reply::html(StatusCode::BAD_REQUEST, page), None, "unknown_code"))
        }
        Err(error) => Err(error.into()),
    }
}

/// The decision. Only the session that saw the request can send it.
pub(super) async fn decide(desk: &Desk, call: Call) -> Answer {
    let Some(who) = browser::signed_in(desk, &call.head.headers).await? else {
        return Ok(Next::Device(None).sign_in_first(desk));
    };
    let fields = Fields::read(&call.head.headers, call.body, Takes::Form).await?;
    let grant = fields.text("grant")?.and_then(GrantId::parse).ok_or(Problem::Forged)?;
    csrf::check(desk, Purpose::Decide(who.session, grant), &fields)?;
    let words = &desk.words().decided;
    let (decision, outcome, title) = match fields.text("decision")? {
        Some("approve") => (Decision::Approve, "approved", &words.approved_title),
        Some("deny") => (Decision::Deny, "denied", &words.denied_title),
        _ => return Err(BadInput::Malformed("There is no decision in the form.".into()).into()),
    };
    let decided = match desk.engine.decide(grant, who.decider(), decision).await {
        // A button may be pressed twice: whoever said yes is shown that yes again.
        Err(Error::Refused(refusal)) if decision == Decision::Approve => {
            desk.engine.approved_by(who.user.id, grant).await?.ok_or(Problem::Refused(refusal))?
        }
        decided => decided?,
    };
    let page = layout::page(desk, title, Some(&who), &done(desk, &decided, decision));
    Ok(reply::noted(reply::html(StatusCode::OK, page), Some(grant), outcome))
}

fn form(desk: &Desk, who: &SignedIn, typed: &str, from: Origin) -> Markup {
    let words = &desk.words().device;
    let wrong = from == Origin::Wrong;
    let described = match from {
        Origin::Nowhere => Some("spelling"),
        Origin::Link => None,
        Origin::Wrong => Some("error spelling"),
    };
    html! {
        section class="card" {
            h1 { (words.title) }
            @match from {
                Origin::Nowhere => p class="lead" { (words.enter) },
                Origin::Link => p class="lead" { (words.check) },
                Origin::Wrong => p class="error" id="error" role="alert" { (words.wrong) },
            }
            form method="post" action=(desk.path(DEVICE)) {
                (csrf::field(desk, Purpose::EnterCode(who.session)))
                label for="user_code" { (words.code) }
                @if from != Origin::Link {
                    p class="note" id="spelling" { (words.spelling) }
                }
                input class="code" id="user_code" name="user_code" value=(typed) maxlength="20"
                    autocomplete="off" autocapitalize="characters" spellcheck="false" required
                    aria-describedby=[described] aria-invalid=[wrong.then_some("true")]
                    autofocus[from != Origin::Link];
                button class="primary" autofocus[from == Origin::Link] { (words.submit) }
            }
        }
    }
}

fn question(desk: &Desk, who: &SignedIn, grant: &Grant) -> Markup {
    let scopes = Engine::grantable(grant, &who.user);
    let question = Consent {
        app: &consent::app(grant),
        verified: consent::is_verified(grant),
        scopes: &scopes,
        narrowed: !scopes.cover(&grant.requested),
        facts: &consent::facts(desk, grant),
        action: &desk.path(DECISION),
        purpose: Purpose::Decide(who.session, grant.id),
        hidden: &[("grant", &grant.id.to_string())],
    };
    consent::card(desk, who, &question)
}

/// What came of it.
pub(super) fn done(desk: &Desk, grant: &Grant, decision: Decision) -> Markup {
    let words = &desk.words().decided;
    let app = html! { b { (consent::app(grant)) } };
    let list = html! { a href=(desk.path(APPLICATIONS)) { (desk.words().applications.title) } };
    html! {
        section class="card" {
            @match decision {
                Decision::Approve => {
                    h1 { (words.connected.fill(&[("app", &app)])) }
                    p { (words.go_back) }
                    p { (words.later.fill(&[("list", &list)])) }
                }
                Decision::Deny => {
                    h1 { (words.denied_title) }
                    p { (words.denied.fill(&[("app", &app)])) }
                }
            }
        }
    }
}
