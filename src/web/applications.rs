//! Connected applications: what has been let in, when it was last used, and the button that takes
//! it back.

use http::{StatusCode, request::Parts};
use maud::{Markup, html};

use super::{
    APPLICATIONS, Answer, DEVICE, Desk, Problem, REVOKE, browser,
    csrf::{self, Purpose},
    device, layout,
    sign_in::Next,
    words,
};
use crate::{
    engine::{Application, SignedIn},
    message::{Call, Fields, Takes, reply},
    oauth::id::GrantId,
};

/// The list.
pub(super) async fn show(desk: &Desk, head: &Parts) -> Answer {
    let Some(who) = browser::signed_in(desk, &head.headers).await? else {
        return Ok(Next::Applications.sign_in_first(desk));
    };
    let applications = desk.engine.applications(&who.user).await?;
    let page = layout::page(desk, "Connected applications", Some(&who), &list(desk, &who, &applications));
    Ok(reply::html(StatusCode::OK, page))
}

/// Takes one back. From the answer on nothing opens with it.
pub(super) async fn revoke(desk: &Desk, call: Call) -> Answer {
    let Some(who) = browser::signed_in(desk, &call.head.headers).await? else {
        return Ok(Next::Applications.sign_in_first(desk));
    };
    let fields = Fields::read(&call.head.headers, call.body, Takes::Form).await?;
    let grant = fields.text("grant")?.and_then(GrantId::parse).ok_or(Problem::Forged)?;
    csrf::check(desk, Purpose::Revoke(who.session, grant), &fields)?;
    desk.engine.revoke_own(grant, who.user.id).await?;
    Ok(reply::noted(reply::see_other(&desk.path(APPLICATIONS)), Some(grant), "revoked"))
}

fn list(desk: &Desk, who: &SignedIn, applications: &[Application]) -> Markup {
    html! {
        h1 { "Connected applications" }
        @if applications.is_empty() {
            section class="card" {
                p { "No app is connected. When you approve one, it appears here." }
            }
        } @else {
            p class="lead" { "These apps can use " (desk.pages.name) " as you. Revoke one to end its access at once." }
            @for application in applications {
                (card(desk, who, application))
            }
        }
        p { a class="button" href=(desk.path(DEVICE)) { "Connect a device" } }
    }
}

fn card(desk: &Desk, who: &SignedIn, application: &Application) -> Markup {
    let now = desk.clock.now();
    let grant = &application.grant;
    let name = device::app_name(desk, grant);
    let token = csrf::token(desk, Purpose::Revoke(who.session, grant.id));
    html! {
        article class="card app" {
            div class="head" {
                h2 { (device::app(desk, grant)) }
                form method="post" action=(desk.path(REVOKE)) {
                    input type="hidden" name=(csrf::FIELD) value=(token);
                    input type="hidden" name="grant" value=(grant.id);
                    button class="danger" aria-label=(format!("Revoke {name}")) { "Revoke" }
                }
            }
            dl class="facts" {
                (device::requester(&grant.requester))
                dt { "Access" }
                dd { (device::scope_list(desk, &application.scopes)) }
                dt { "Connected" }
                dd { time datetime=(application.approved) title=(words::moment(application.approved)) { (words::ago(application.approved, now)) } }
                dt { "Last used" }
                dd {
                    @match application.last_used {
                        Some(at) => time datetime=(at) title=(words::moment(at)) { (words::ago(at, now)) },
                        None => "Never",
                    }
                }
            }
        }
    }
}
