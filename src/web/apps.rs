//! My apps: the clients that a user has made, a new one, and what can be done with each. A secret is
//! shown in the answer to the form that made it, and nowhere else.

mod draft;

use std::sync::Arc;

use http::{StatusCode, request::Parts};
use maud::{Markup, Render, html};
use secrecy::{ExposeSecret, SecretString};

use self::draft::Draft;
use super::{
    APP, APPS, Answer, DELETE_APP, Desk, NEW_APP, Problem, RESET_SECRET, browser, consent,
    csrf::{self, Purpose},
    layout,
    messages::Template,
    next::Next,
};
use crate::{
    dialects::Apps,
    engine::{CreateClient, CreateClientError, Engine, SignedIn},
    message::{Call, Fields, Takes, reply},
    oauth::{
        client::{Authentication, Client, Origin},
        id::ClientId,
    },
};

/// What is asked about before it is done.
#[derive(Clone, Copy)]
pub(super) enum Deed {
    ResetSecret,
    Delete,
}

/// The apps that there are.
pub(super) async fn list(desk: &Desk, head: &Parts) -> Answer {
    let Some(who) = browser::signed_in(desk, &head.headers).await? else {
        return Ok(Next::Apps.sign_in_first(desk));
    };
    let words = &desk.words().apps;
    let clients = desk.engine.clients_of(who.user.id).await?;
    // Of a dialect that is off nothing can be done with an app.
    let apps: Vec<(&Apps, &Client)> =
        clients.iter().rev().filter_map(|client| Some((offered(desk, &client.dialect).ok()?, client))).collect();
    let main = html! {
        h1 { (words.title) }
        p class="lead" { (words.lead.fill(&[("place", &desk.pages.name)])) }
        section class="card" {
            @if apps.is_empty() {
                p { (words.none) }
            } @else {
                ul class="rows" { @for (kind, client) in apps { li { (row(desk, kind, client)) } } }
            }
        }
        p class="actions" {
            @for apps in &desk.offered.apps {
                a class="button" href=(address(desk, NEW_APP, &[("dialect", apps.spelling.dialect)])) { (new(desk, apps)) }
            }
        }
    };
    Ok(reply::html(StatusCode::OK, layout::page(desk, &words.title, Some(&who), &main)))
}

fn row(desk: &Desk, kind: &Apps, client: &Client) -> Markup {
    let words = &desk.words().apps;
    html! {
        h2 { bdi { (client.name) } (tags(desk, client)) }
        dl class="facts" {
            @if desk.offered.apps.len() > 1 { dt { (words.kind) } dd { (kind.label) } }
            dt { (words.client_id) } dd { (client.id) }
        }
        p class="actions" {
            a class="button" href=(page_of(desk, APP, client)) aria-label=(words.open_named.fill(&[("name", &client.name)])) { (words.open) }
        }
    }
}

/// What stands after an app's name.
fn tags(desk: &Desk, client: &Client) -> Markup {
    html! {
        @if !client.verified { " " (consent::unverified(desk)) }
        @if !client.enabled { " " span class="tag" { (desk.words().apps.disabled) } }
    }
}

/// The form for a new one.
pub(super) async fn draft(desk: &Desk, head: &Parts) -> Answer {
    let Some(who) = browser::signed_in(desk, &head.headers).await? else {
        return Ok(Next::Apps.sign_in_first(desk));
    };
    let query = Fields::from_query(head.uri.query())?;
    let apps = match query.text("dialect")? {
        Some(dialect) => offered(desk, dialect)?,
        None => desk.offered.apps.first().ok_or(Problem::NotFound)?,
    };
    Ok(reply::html(StatusCode::OK, drafted(desk, &who, apps, &Draft::default())))
}

fn drafted(desk: &Desk, who: &SignedIn, apps: &Apps, draft: &Draft) -> String {
    let purpose = Purpose::CreateApp(who.session, apps.spelling.dialect);
    let main = html! {
        section class="card" {
            h1 { (new(desk, apps)) }
            (draft.form(desk, apps, &desk.path(NEW_APP), purpose, None))
        }
    };
    layout::page(desk, &desk.words().apps.create_title, Some(who), &main)
}

/// Makes an app and shows its secret, this once.
pub(super) async fn create(desk: &Desk, call: Call) -> Answer {
    let Some(who) = browser::signed_in(desk, &call.head.headers).await? else {
        return Ok(Next::Apps.sign_in_first(desk));
    };
    let fields = Fields::read(&call.head.headers, call.body, Takes::Form).await?;
    let dialect = fields.text("dialect")?.unwrap_or_default();
    csrf::check(desk, Purpose::CreateApp(who.session, dialect), &fields)?;
    let apps = offered(desk, dialect)?;
    let mut draft = Draft::read(&fields, &apps.scopes)?;
    if let Some(checked) = draft.check() {
        let create = CreateClient {
            spelling: apps.spelling,
            owner: Some(who.user.id),
            origin: Origin::Managed,
            name: checked.name,
            description: checked.description,
            redirect_uris: checked.redirect_uris,
            scopes: checked.scopes,
            grant_types: apps.grant_types.iter().copied().collect(),
            public: draft.public && apps.may_be_public,
            format: None,
            resource_server: None,
            verified: false,
        };
        match desk.engine.create_client(create).await {
            Ok((client, secret)) => {
                let words = &desk.words().apps;
                let told = if secret.is_some() { &words.created } else { &words.created_public };
                return Ok(shown(desk, &who, (&words.created_title, told), &client, secret.as_ref(), "app_created"));
            }
            Err(CreateClientError::TooMany) => draft.is_one_too_many(),
            Err(CreateClientError::Other(error)) => return Err(error.into()),
        }
    }
    Ok(reply::noted(reply::html(StatusCode::BAD_REQUEST, drafted(desk, &who, apps, &draft)), None, "no_app"))
}

/// What an app goes by, with the secret that it has from now on.
fn shown(
    desk: &Desk,
    who: &SignedIn,
    (title, told): (&str, &Template),
    client: &Client,
    secret: Option<&SecretString>,
    outcome: &'static str,
) -> http::Response<crate::message::Body> {
    let words = &desk.words().apps;
    let main = html! {
        section class="card" {
            h1 { (title) }
            p class="lead" { (told.fill(&[("name", &named(client))])) }
            (copyable(desk, "client-id", &words.client_id, &client.id.to_string()))
            @if let Some(secret) = secret { (copyable(desk, "secret", &words.secret, secret.expose_secret())) }
            p class="actions" { a class="button" href=(page_of(desk, APP, client)) { (desk.words().tokens.done) } }
        }
    };
    reply::noted(reply::html(StatusCode::OK, layout::page(desk, title, Some(who), &main)), None, outcome)
}

fn copyable(desk: &Desk, id: &str, label: &str, text: &str) -> Markup {
    let words = &desk.words().tokens;
    html! {
        h2 id={ (id) "-label" } { (label) }
        p { code class="token" id=(id) tabindex="0" aria-labelledby={ (id) "-label" } { (text) } }
        p class="actions" {
            button type="button" aria-label={ (words.copy) ": " (label) } data-copy=(id) data-says={ (id) "-said" }
                data-copied=(words.copied) data-by-hand=(words.copy_by_hand) hidden { (words.copy) }
            span id={ (id) "-said" } role="status" {}
        }
    }
}

/// One app, with its settings.
pub(super) async fn show(desk: &Desk, head: &Parts) -> Answer {
    let Some(who) = browser::signed_in(desk, &head.headers).await? else {
        return Ok(Next::Apps.sign_in_first(desk));
    };
    let query = Fields::from_query(head.uri.query())?;
    let (apps, client) = own(desk, &who, &query).await?;
    Ok(reply::html(StatusCode::OK, opened(desk, &who, apps, &client, &Draft::of(&client), false)))
}

/// Changes an app's settings.
pub(super) async fn change(desk: &Desk, call: Call) -> Answer {
    let Some(who) = browser::signed_in(desk, &call.head.headers).await? else {
        return Ok(Next::Apps.sign_in_first(desk));
    };
    let fields = Fields::read(&call.head.headers, call.body, Takes::Form).await?;
    csrf::check(desk, Purpose::ChangeApp(who.session, key(&fields)?), &fields)?;
    let (apps, client) = own(desk, &who, &fields).await?;
    let mut draft = Draft::read(&fields, &apps.scopes)?;
    let Some(checked) = draft.check() else {
        let page = opened(desk, &who, apps, &client, &draft, false);
        return Ok(reply::noted(reply::html(StatusCode::BAD_REQUEST, page), None, "not_changed"));
    };
    let change = |client: &mut Client| {
        // The operator vouched for another name.
        client.verified &= client.name == checked.name.as_str();
        checked.name.as_str().clone_into(&mut client.name);
        client.description.clone_from(&checked.description);
        client.redirect_uris.clone_from(&checked.redirect_uris);
        client.scopes.clone_from(&checked.scopes);
    };
    let changed = desk.engine.change_client(&client.dialect, &client.id, Some(who.user.id), change).await?;
    let (client, _) = changed.ok_or(Problem::NotFound)?;
    let page = opened(desk, &who, apps, &client, &Draft::of(&client), true);
    Ok(reply::noted(reply::html(StatusCode::OK, page), None, "app_changed"))
}

fn opened(desk: &Desk, who: &SignedIn, apps: &Apps, client: &Client, draft: &Draft, saved: bool) -> String {
    let words = &desk.words().apps;
    let id = client.id.to_string();
    let purpose = Purpose::ChangeApp(who.session, [&client.dialect, &id]);
    let has_secret = matches!(client.authentication, Authentication::Issued { .. });
    let main = html! {
        h1 { bdi { (client.name) } }
        @if saved { p class="notice" role="status" { (words.saved) } }
        section class="card" {
            dl class="facts" {
                dt { (words.name) } dd { bdi { (client.name) } (tags(desk, client)) }
                dt { (words.client_id) } dd { (id) }
                dt { (words.kind) } dd { (if has_secret { &words.confidential } else { &words.public }) }
                @if let Some(created) = client.created { dt { (desk.words().tokens.made) } dd { (consent::past(desk, created)) } }
            }
        }
        section class="card" aria-labelledby="settings" {
            h2 id="settings" { (words.settings) }
            (draft.form(desk, apps, &desk.path(APP), purpose, Some(&id)))
        }
        section class="card" aria-labelledby="more" {
            h2 id="more" { (words.more_title) }
            p class="actions" {
                @if has_secret { a class="button" href=(page_of(desk, RESET_SECRET, client)) { (words.reset) } }
                a class="button danger" href=(page_of(desk, DELETE_APP, client)) { (words.delete) }
            }
        }
    };
    layout::page(desk, &client.name, Some(who), &main)
}

/// Asks whether that is meant.
pub(super) async fn ask(desk: &Desk, head: &Parts, deed: Deed) -> Answer {
    let Some(who) = browser::signed_in(desk, &head.headers).await? else {
        return Ok(Next::Apps.sign_in_first(desk));
    };
    let query = Fields::from_query(head.uri.query())?;
    let (_, client) = own(desk, &who, &query).await?;
    let words = &desk.words().apps;
    let id = client.id.to_string();
    let app = [client.dialect.as_str(), &id];
    let (path, purpose, title, told, button) = match deed {
        Deed::ResetSecret => (RESET_SECRET, Purpose::ResetSecret(who.session, app), &words.reset_title, &words.reset_words, &words.reset),
        Deed::Delete => (DELETE_APP, Purpose::DeleteApp(who.session, app), &words.delete_title, &words.delete_words, &words.delete),
    };
    let main = html! {
        section class="card" {
            h1 { (title.fill(&[("name", &named(&client))])) }
            p { (told) }
            form class="actions" method="post" action=(desk.path(path)) {
                (csrf::field(desk, purpose))
                input type="hidden" name="dialect" value=(client.dialect);
                input type="hidden" name="client" value=(id);
                button class="danger" { (button) }
                a class="button" href=(page_of(desk, APP, &client)) { (words.cancel) }
            }
        }
    };
    Ok(reply::html(StatusCode::OK, layout::page(desk, button, Some(&who), &main)))
}

/// Gives an app another secret and shows it, this once.
pub(super) async fn reset_secret(desk: &Desk, call: Call) -> Answer {
    let Some(who) = browser::signed_in(desk, &call.head.headers).await? else {
        return Ok(Next::Apps.sign_in_first(desk));
    };
    let fields = Fields::read(&call.head.headers, call.body, Takes::Form).await?;
    csrf::check(desk, Purpose::ResetSecret(who.session, key(&fields)?), &fields)?;
    let (apps, client) = own(desk, &who, &fields).await?;
    let reset = desk.engine.reset_client_secret(apps.spelling, &client.id, Some(who.user.id)).await?;
    let (client, secret) = reset.ok_or(Problem::NotFound)?;
    let words = &desk.words().apps;
    Ok(shown(desk, &who, (&words.reset_done, &words.reset_told), &client, Some(&secret), "secret_reset"))
}

/// Deletes an app. From the answer on nothing opens with what it was given.
pub(super) async fn delete(desk: &Desk, call: Call) -> Answer {
    let Some(who) = browser::signed_in(desk, &call.head.headers).await? else {
        return Ok(Next::Apps.sign_in_first(desk));
    };
    let fields = Fields::read(&call.head.headers, call.body, Takes::Form).await?;
    let [dialect, client] = key(&fields)?;
    csrf::check(desk, Purpose::DeleteApp(who.session, [dialect, client]), &fields)?;
    // One that is gone already is no mistake: a button may be pressed twice.
    let (owner, what) = (who.user.id, format!("the client {client} of {dialect} and user {}", who.user.id));
    let (dialect, client) = (dialect.to_owned(), ClientId::new(client));
    let delete = move |engine: Arc<Engine>| {
        let (dialect, client) = (dialect.clone(), client.clone());
        async move { engine.delete_client(&dialect, &client, Some(owner)).await }
    };
    desk.engine.insist(what, delete).await?;
    Ok(reply::noted(reply::see_other(&desk.path(APPS)), None, "app_deleted"))
}

/// The apps that a dialect has.
fn offered<'a>(desk: &'a Desk, dialect: &str) -> Result<&'a Apps, Problem> {
    desk.offered.apps.iter().find(|apps| apps.spelling.dialect == dialect).ok_or(Problem::NotFound)
}

/// Which app a query or form is about: its dialect and its client.
fn key(fields: &Fields) -> Result<[&str; 2], Problem> {
    Ok([fields.text("dialect")?.unwrap_or_default(), fields.text("client")?.unwrap_or_default()])
}

/// That app, where it is of whoever is signed in.
async fn own<'a>(desk: &'a Desk, who: &SignedIn, fields: &Fields) -> Result<(&'a Apps, Client), Problem> {
    let [dialect, client] = key(fields)?;
    let apps = offered(desk, dialect)?;
    let client = desk.engine.find_client(dialect, &ClientId::new(client), Some(who.user.id)).await?;
    Ok((apps, client.ok_or(Problem::NotFound)?))
}

fn address(desk: &Desk, path: &str, query: &[(&str, &str)]) -> String {
    format!("{}?{}", desk.path(path), form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish())
}

fn page_of(desk: &Desk, path: &str, client: &Client) -> String {
    address(desk, path, &[("dialect", &client.dialect), ("client", &client.id.to_string())])
}

/// What the form for a new app is called; one of several names its dialect.
fn new(desk: &Desk, apps: &Apps) -> Markup {
    let words = &desk.words().apps;
    if desk.offered.apps.len() > 1 { words.create_for.fill(&[("kind", &apps.label)]) } else { words.create_title.render() }
}

fn named(client: &Client) -> Markup {
    html! { b { bdi { (client.name) } } }
}
