//! Connected applications: what has been let in, when it was last used, and the button that takes
//! it back.

use std::{collections::BTreeMap, sync::Arc};

use http::{StatusCode, request::Parts};
use maud::{Markup, html};

use super::{
    APPLICATIONS, Answer, Desk, Problem, REVOKE, REVOKE_APP, browser, consent,
    csrf::{self, Purpose},
    layout, login,
    next::Next,
};
use crate::{
    engine::{Application, Engine, SignedIn},
    message::{Call, Fields, Takes, reply},
    oauth::{grant::Channel, id::GrantId, redirect::Destination},
};

/// What makes two grants those of one app: its dialect, its client and the name that people see.
type App = [String; 3];

fn app_of(application: &Application) -> App {
    let grant = &application.grant;
    [grant.dialect.clone(), grant.client.to_string(), consent::app_name(grant).to_owned()]
}

/// The list.
pub(super) async fn show(desk: &Desk, head: &Parts) -> Answer {
    let Some(who) = browser::signed_in(desk, &head.headers).await? else {
        return Ok(Next::Applications.sign_in_first(desk));
    };
    let applications = desk.engine.applications(&who.user).await?;
    let page = layout::page(desk, &desk.words().applications.title, Some(&who), &list(desk, &who, &applications));
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
    let user = who.user.id;
    desk.engine
        .insist(format!("the grant {grant} of user {user}"), move |engine| async move { engine.revoke_own(grant, user).await })
        .await?;
    Ok(reply::noted(reply::see_other(&desk.path(APPLICATIONS)), Some(grant), "revoked"))
}

/// Takes all back that an app has, also what it got since the page was made.
pub(super) async fn revoke_app(desk: &Desk, call: Call) -> Answer {
    let Some(who) = browser::signed_in(desk, &call.head.headers).await? else {
        return Ok(Next::Applications.sign_in_first(desk));
    };
    let fields = Fields::read(&call.head.headers, call.body, Takes::Form).await?;
    let text = |name| Ok::<_, Problem>(fields.text(name)?.unwrap_or_default());
    let app = [text("dialect")?, text("client")?, text("app")?];
    csrf::check(desk, Purpose::RevokeApp(who.session, app), &fields)?;
    // One that cannot be taken back keeps none of the others.
    let mut all = Ok(());
    for application in desk.engine.applications(&who.user).await? {
        if app_of(&application) == app {
            let (grant, user) = (application.grant.id, who.user.id);
            let revoke = move |engine: Arc<Engine>| async move { engine.revoke_own(grant, user).await };
            all = all.and(desk.engine.insist(format!("the grant {grant} of user {user}"), revoke).await);
        }
    }
    all?;
    Ok(reply::noted(reply::see_other(&desk.path(APPLICATIONS)), None, "revoked_app"))
}

fn list(desk: &Desk, who: &SignedIn, applications: &[Application]) -> Markup {
    let words = &desk.words().applications;
    html! {
        h1 { (words.title) }
        @if applications.is_empty() {
            section class="card" { p { (words.none) } }
        } @else {
            p class="lead" { (words.lead.fill(&[("place", &desk.pages.name)])) }
            @for (app, grants) in grouped(applications) {
                (card(desk, who, &app, &grants))
            }
        }
    }
}

/// The apps, each with what it has. The one that was let in last comes first.
fn grouped(applications: &[Application]) -> Vec<(App, Vec<&Application>)> {
    let mut places = BTreeMap::new();
    let mut groups: Vec<(App, Vec<&Application>)> = Vec::new();
    for application in applications {
        let app = app_of(application);
        let place = *places.entry(app.clone()).or_insert(groups.len());
        match groups.get_mut(place) {
            Some((_, grants)) => grants.push(application),
            None => groups.push((app, vec![application])),
        }
    }
    groups
}

fn card(desk: &Desk, who: &SignedIn, app: &App, grants: &[&Application]) -> Markup {
    let words = &desk.words().applications;
    let [dialect, client, name] = app;
    html! {
        article class="card app" {
            div class="head" {
                h2 {
                    bdi { (name) }
                    @if !grants.iter().all(|application| consent::is_verified(&application.grant)) { " " (consent::unverified(desk)) }
                }
                @if grants.len() > 1 { span class="tag" { (words.count.of(grants.len() as u64)) } }
            }
            ul class="rows" {
                @for application in grants { li { (row(desk, who, name, application)) } }
            }
            @if grants.len() > 1 {
                form class="all" method="post" action=(desk.path(REVOKE_APP)) {
                    (csrf::field(desk, Purpose::RevokeApp(who.session, [dialect, client, name])))
                    input type="hidden" name="dialect" value=(dialect);
                    input type="hidden" name="client" value=(client);
                    input type="hidden" name="app" value=(name);
                    button class="danger" aria-label=(words.revoke_all_named.fill(&[("app", name)])) { (words.revoke_all) }
                }
            }
        }
    }
}

fn row(desk: &Desk, who: &SignedIn, app: &str, application: &Application) -> Markup {
    let words = &desk.words().applications;
    let grant = &application.grant;
    // What tells this one from the app's others, for who does not see where the button stands.
    let from = grant.requester.device.as_ref().map_or_else(|| grant.requester.network.to_string(), ToString::to_string);
    let label = words.revoke_named.fill(&[("app", &app), ("device", &from)]);
    html! {
        dl class="facts" {
            (consent::requester(desk, grant))
            @if let Channel::Redirect(redirect) = &grant.channel
                && let Some(Destination::Host(host)) = Destination::of(&redirect.uri)
            {
                dt { (words.website) } dd { bdi { (host) } }
            }
            (consent::resources(desk, &grant.audience))
            (login::connected(desk, grant))
            dt { (words.access) } dd { (consent::scope_list(desk, &application.scopes)) }
            dt { (words.connected) } dd { (consent::past(desk, application.approved)) }
            (consent::last_used(desk, application.last_used))
        }
        form method="post" action=(desk.path(REVOKE)) {
            (csrf::field(desk, Purpose::Revoke(who.session, grant.id)))
            input type="hidden" name="grant" value=(grant.id);
            button class="danger" aria-label=(label) { (words.revoke) }
        }
    }
}
