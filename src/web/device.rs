//! Connect a device: enter the code that it shows, see who asks for what, and decide. The page of a
//! dialect for logins to a tenant is this one at another address.

use http::{StatusCode, request::Parts};
use maud::{Markup, Render, html};

use super::{
    APPLICATIONS, Answer, DECISION, Desk, Problem, browser,
    consent::{self, Consent},
    csrf::{self, Purpose},
    layout, login,
    next::Next,
};
use crate::{
    engine::{Decision, Error, SignedIn},
    message::{BadInput, Call, Fields, Takes, reply},
    oauth::{
        code::UserCode,
        grant::Grant,
        id::GrantId,
        refusal::{ErrorCode, Refusal},
    },
};

const OVER: Refusal = Refusal::new(ErrorCode::InvalidGrant, "The request is unknown, expired or decided.");

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
        return Ok(desk.here.sign_in_first(desk));
    };
    let (typed, from) = code.map_or((String::new(), Origin::Nowhere), |code| (code.shown(), Origin::Link));
    let page = layout::page(desk, &desk.words().device.title, Some(&who), &form(desk, &who, &typed, from));
    Ok(reply::html(StatusCode::OK, page))
}

/// A code was entered: who asks for what?
pub(super) async fn submit(desk: &Desk, call: Call) -> Answer {
    let Some(who) = browser::signed_in(desk, &call.head.headers).await? else {
        return Ok(desk.here.sign_in_first(desk));
    };
    let fields = Fields::read(&call.head.headers, call.body, Takes::Form).await?;
    csrf::check(desk, Purpose::EnterCode(who.session), &fields)?;
    let typed = fields.text("user_code")?.unwrap_or_default();
    match desk.engine.find_by_user_code(typed, who.user.id, call.peer.ip).await {
        Ok(grant) => {
            // Whoever changes the language here, or signs in again, need not type the code again.
            let desk = &Desk { here: desk.here.with_code(UserCode::parse(typed)), ..desk.clone() };
            if consent::asks_again(desk, &grant, &who) {
                return Ok(desk.here.sign_in_again(desk));
            }
            question(desk, &who, &grant, StatusCode::OK).await
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
    let fields = Fields::read(&call.head.headers, call.body, Takes::Form).await?;
    // The form says on which page it was, and with which code.
    let here = match Next::read(&fields)? {
        page @ (Next::Device(_) | Next::Login(_)) => page,
        _ => desk.here.clone(),
    };
    let desk = &Desk { here, ..desk.clone() };
    let Some(who) = browser::signed_in(desk, &call.head.headers).await? else {
        return Ok(desk.here.sign_in_first(desk));
    };
    let id = fields.text("grant")?.and_then(GrantId::parse).ok_or(Problem::Forged)?;
    csrf::check(desk, Purpose::Decide(who.session, id), &fields)?;
    let words = &desk.words().decided;
    let (decision, outcome, title) = match fields.text("decision")? {
        Some("approve") => (Decision::Approve, "approved", &words.approved_title),
        Some("deny") => (Decision::Deny, "denied", &words.denied_title),
        _ => return Err(BadInput::Malformed("There is no decision in the form.".into()).into()),
    };
    let asked = desk.engine.grant(id).await?.filter(|grant| grant.is_pending(desk.clock.now()));
    let decided = match &asked {
        None => Err(OVER.into()),
        Some(grant) if consent::asks_again(desk, grant, &who) => return Ok(desk.here.sign_in_again(desk)),
        Some(grant) => {
            let is_login = decision == Decision::Approve && login::asked(grant).is_some();
            let tenant = if is_login { login::chosen(desk, &who, &fields)? } else { None };
            desk.engine.decide_in(tenant, id, who.decider(), decision).await
        }
    };
    let decided = match (decided, asked) {
        // The question says what is in the way of a yes.
        (Err(Error::Refused(refusal)), Some(grant)) if refusal.code == ErrorCode::AccessDenied && login::asked(&grant).is_some() => {
            return question(desk, &who, &grant, StatusCode::BAD_REQUEST).await;
        }
        // A button may be pressed twice: whoever said yes is shown that yes again.
        (Err(Error::Refused(refusal)), _) if decision == Decision::Approve => {
            desk.engine.approved_by(who.user.id, id).await?.ok_or(Problem::Refused(refusal))?
        }
        (decided, _) => decided?,
    };
    let page = layout::page(desk, title, Some(&who), &done(desk, &decided, decision));
    Ok(reply::noted(reply::html(StatusCode::OK, page), Some(id), outcome))
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
            form method="post" action=(desk.here.with_code(None).path(desk)) {
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

async fn question(desk: &Desk, who: &SignedIn, grant: &Grant, status: StatusCode) -> Answer {
    let scopes = consent::given(desk, grant, who);
    let login = login::Terms::of(desk, who, grant).await?;
    let (id, back) = (grant.id.to_string(), desk.here.fields());
    let mut hidden: Vec<(&str, &dyn Render)> = vec![("grant", &id)];
    hidden.extend(back.iter().map(|(name, value)| (*name, value as &dyn Render)));
    let question = Consent {
        app: &consent::app(grant),
        verified: consent::is_verified(grant),
        scopes: &scopes,
        narrowed: !scopes.cover(&grant.requested),
        login: login.as_ref(),
        facts: &consent::facts(desk, grant),
        action: &desk.path(DECISION),
        purpose: Purpose::Decide(who.session, grant.id),
        hidden: &hidden,
    };
    let page = layout::page(desk, &desk.words().consent.title, Some(who), &consent::card(desk, who, &question));
    Ok(reply::noted(reply::html(status, page), Some(grant.id), "shown"))
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
