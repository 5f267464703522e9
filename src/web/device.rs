//! Connect a device: enter the code that it shows, see who asks for what, and decide.

use http::{StatusCode, request::Parts};
use maud::{Markup, html};

use super::{
    APPLICATIONS, Answer, DECISION, DEVICE, Desk, Problem, browser,
    csrf::{self, Purpose},
    layout,
    sign_in::Next,
    words,
};
use crate::{
    engine::{Decision, Engine, SignedIn},
    message::{BadInput, Call, Fields, Takes, reply},
    oauth::{
        code::UserCode,
        grant::{Grant, Requester},
        id::GrantId,
        scope::Scopes,
    },
};

/// The field for the code; filled in where the link brought one, and still to be confirmed.
pub(super) async fn show(desk: &Desk, head: &Parts) -> Answer {
    let query = Fields::from_query(head.uri.query())?;
    let code = query.text("user_code")?.and_then(UserCode::parse);
    let Some(who) = browser::signed_in(desk, &head.headers).await? else {
        return Ok(Next::Device(code).sign_in_first(desk));
    };
    let typed = code.map(|code| code.shown()).unwrap_or_default();
    Ok(reply::html(StatusCode::OK, layout::page(desk, "Connect a device", Some(&who), &form(desk, &who, &typed, None))))
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
            let page = layout::page(desk, "Connect an app", Some(&who), &consent(desk, &who, &grant));
            Ok(reply::noted(reply::html(StatusCode::OK, page), Some(grant.id), "shown"))
        }
        Err(crate::engine::Error::Refused(_)) => {
            let error = "This code is not known. It may have expired, or have been used. Check it, or ask the device for a new one.";
            let page = layout::page(desk, "Connect a device", Some(&who), &form(desk, &who, typed, Some(error)));
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
    let (decision, outcome) = match fields.text("decision")? {
        Some("approve") => (Decision::Approve, "approved"),
        Some("deny") => (Decision::Deny, "denied"),
        _ => return Err(BadInput::Malformed("There is no decision in the form.".into()).into()),
    };
    let decided = desk.engine.decide(grant, &who.user, decision).await?;
    let page = layout::page(desk, "Done", Some(&who), &done(desk, &decided, decision));
    Ok(reply::noted(reply::html(StatusCode::OK, page), Some(grant), outcome))
}

fn form(desk: &Desk, who: &SignedIn, typed: &str, error: Option<&str>) -> Markup {
    html! {
        section class="card" {
            h1 { "Connect a device" }
            p class="lead" { "Enter the code that your device or app is showing." }
            @if let Some(error) = error {
                p class="error" role="alert" { (error) }
            }
            form method="post" action=(desk.path(DEVICE)) {
                input type="hidden" name=(csrf::FIELD) value=(csrf::token(desk, Purpose::EnterCode(who.session)));
                label for="user_code" { "Code" }
                input class="code" id="user_code" name="user_code" value=(typed) placeholder="XXXX-XXXX" maxlength="20"
                    autocomplete="one-time-code" autocapitalize="characters" spellcheck="false" required autofocus[typed.is_empty()];
                button class="primary" autofocus[!typed.is_empty()] { "Continue" }
            }
        }
    }
}

fn consent(desk: &Desk, who: &SignedIn, grant: &Grant) -> Markup {
    let scopes = Engine::grantable(grant, &who.user);
    let now = desk.clock.now();
    html! {
        section class="card" {
            h1 { "Let " b { (app(desk, grant)) } " in?" }
            p class="lead" { "It wants to act for you, " b { (who.user.name) } ", at " (desk.pages.name) "." }
            @if scopes.is_empty() {
                p class="error" role="alert" { "You hold none of the permissions that this app asks for, so you cannot let it in." }
            } @else {
                h2 { "It will be able to" }
                (scope_list(desk, &scopes))
            }
            h2 { "Who is asking" }
            (requester(&grant.requester))
            dl class="facts" {
                dt { "App" } dd { (app(desk, grant)) " " span class="tag" { "unverified" } }
                dt { "Asked" } dd { time datetime=(grant.created) title=(words::moment(grant.created)) { (words::ago(grant.created, now)) } }
            }
            p class="warning" { "Approve only if you started this yourself, just now. If somebody sent you this code or link, deny it." }
            form class="decision" method="post" action=(desk.path(DECISION)) {
                input type="hidden" name=(csrf::FIELD) value=(csrf::token(desk, Purpose::Decide(who.session, grant.id)));
                input type="hidden" name="grant" value=(grant.id);
                @if !scopes.is_empty() {
                    button class="primary" name="decision" value="approve" { "Approve" }
                }
                button name="decision" value="deny" { "Deny" }
            }
        }
    }
}

fn done(desk: &Desk, grant: &Grant, decision: Decision) -> Markup {
    html! {
        section class="card done" {
            @match decision {
                Decision::Approve => {
                    h1 { b { (app(desk, grant)) } " is connected" }
                    p { "You can close this page and go back to your device. You can take the access back at any time under "
                        a href=(desk.path(APPLICATIONS)) { "Connected applications" } "." }
                }
                Decision::Deny => {
                    h1 { "Denied" }
                    p { b { (app(desk, grant)) } " was not let in. You can close this page." }
                }
            }
        }
    }
}

/// The registered name of the app that asks.
pub(super) fn app_name(desk: &Desk, grant: &Grant) -> String {
    let client = desk.engine.clients().get(&grant.dialect, &grant.client);
    client.map_or_else(|| grant.client.to_string(), |client| client.name.clone())
}

/// The same, kept apart from the line that it stands in: a name may run from right to left.
pub(super) fn app(desk: &Desk, grant: &Grant) -> Markup {
    html! { bdi { (app_name(desk, grant)) } }
}

/// What is known of the asker, and on whose word.
pub(super) fn requester(requester: &Requester) -> Markup {
    html! {
        dl class="facts" {
            @if let Some(device) = &requester.device {
                dt { "Device" } dd { bdi { (device) } " " span class="tag" { "as it says" } }
            }
            @if let Some(platform) = &requester.platform {
                dt { "System" } dd { bdi { (platform) } " " span class="tag" { "as it says" } }
            }
            dt { "Network" } dd { (requester.network) }
        }
    }
}

/// The scopes in the operator's words.
pub(super) fn scope_list(desk: &Desk, scopes: &Scopes) -> Markup {
    html! {
        ul class="scopes" {
            @for scope in scopes.iter() {
                li { (desk.scopes.get(scope).map_or(scope, String::as_str)) }
            }
        }
    }
}
