//! Connect a device: enter the code that it shows, see who asks for what, and decide.

use http::{StatusCode, request::Parts};
use maud::{Markup, PreEscaped, html};

use super::{
    APPLICATIONS, Answer, DECISION, DEVICE, Desk, Problem, browser,
    csrf::{self, Purpose},
    layout,
    sign_in::Next,
    words,
};
use crate::{
    engine::{Decision, Engine, Error, SignedIn},
    message::{BadInput, Call, Fields, Takes, reply},
    oauth::{
        code::UserCode,
        grant::{Grant, Requester},
        id::GrantId,
        scope::Scopes,
    },
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
    Ok(reply::html(StatusCode::OK, layout::page(desk, "Connect a device", Some(&who), &form(desk, &who, &typed, from))))
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
            let page = layout::page(
                desk,
                "Approve an app",
                Some(&who),
                &consent(desk, &who, &grant, &desk.path(DECISION), ("grant", &grant.id.to_string())),
            );
            Ok(reply::noted(reply::html(StatusCode::OK, page), Some(grant.id), "shown"))
        }
        Err(Error::Refused(_)) => {
            let page = layout::page(desk, "Connect a device", Some(&who), &form(desk, &who, typed, Origin::Wrong));
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
    let (decision, outcome, title) = match fields.text("decision")? {
        Some("approve") => (Decision::Approve, "approved", "Approved"),
        Some("deny") => (Decision::Deny, "denied", "Denied"),
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
    let wrong = from == Origin::Wrong;
    let described = match from {
        Origin::Nowhere => Some("spelling"),
        Origin::Link => None,
        Origin::Wrong => Some("error spelling"),
    };
    html! {
        section class="card" {
            h1 { "Connect a device" }
            @match from {
                Origin::Nowhere => p class="lead" { "Enter the code that your app or device shows." },
                Origin::Link => p class="lead" { "Check that your app or device shows this same code." },
                Origin::Wrong => p class="error" id="error" role="alert" {
                    "This code does not work. It may be mistyped, used or expired. Check it, or get a new one from your device."
                },
            }
            form method="post" action=(desk.path(DEVICE)) {
                input type="hidden" name=(csrf::FIELD) value=(csrf::token(desk, Purpose::EnterCode(who.session)));
                label for="user_code" { "Code" }
                @if from != Origin::Link {
                    p class="note" id="spelling" { "Eight letters, such as BCDF-GHJK. You can leave out the dash." }
                }
                input class="code" id="user_code" name="user_code" value=(typed) maxlength="20"
                    autocomplete="off" autocapitalize="characters" spellcheck="false" required
                    aria-describedby=[described] aria-invalid=[wrong.then_some("true")]
                    autofocus[from != Origin::Link];
                button class="primary" autofocus[from == Origin::Link] { "Continue" }
            }
        }
        p { a href=(desk.path(APPLICATIONS)) { "Connected applications" } }
    }
}

/// The question. The answer goes to `action`, with a field that names what it is about.
pub(super) fn consent(desk: &Desk, who: &SignedIn, grant: &Grant, action: &str, (field, value): (&str, &str)) -> Markup {
    let scopes = Engine::grantable(grant, &who.user);
    let now = desk.clock.now();
    html! {
        section class="card" {
            @if scopes.is_empty() {
                h1 { "You cannot approve " b { (app(desk, grant)) } }
                p class="error" role="alert" {
                    "It asks for permissions that your account, " b { (who.user.name) } ", does not have. If you need them, ask whoever runs "
                    (desk.pages.name) "."
                }
            } @else {
                h1 { "Approve " b { (app(desk, grant)) } "?" }
                p class="lead" { "It wants to use " (desk.pages.name) " as you, " b { (who.user.name) } "." }
                h2 { "It will be able to" }
                (scope_list(desk, &scopes))
            }
            h2 { "The request" }
            dl class="facts" {
                dt { "App" } dd { (app(desk, grant)) " " span class="tag" { "unverified" } }
                (requester(&grant.requester))
                dt { "Sent" }
                dd { time datetime=(grant.created) title=(words::moment(grant.created)) { (words::ago(grant.created, now)) } }
            }
            @if !scopes.is_empty() {
                p class="warning" { "Approve only what you started yourself, just now. If someone sent you the link or the code, deny it." }
            }
            form class="decision" method="post" action=(action) {
                input type="hidden" name=(csrf::FIELD) value=(csrf::token(desk, Purpose::Decide(who.session, grant.id)));
                input type="hidden" name=(field) value=(value);
                @if !scopes.is_empty() {
                    button class="primary" name="decision" value="approve" { "Approve" }
                }
                button name="decision" value="deny" { "Deny" }
            }
        }
    }
}

/// What came of it.
pub(super) fn done(desk: &Desk, grant: &Grant, decision: Decision) -> Markup {
    html! {
        section class="card" {
            @match decision {
                Decision::Approve => {
                    h1 { b { (app(desk, grant)) } " is connected" }
                    p { "You can close this page and go back to your device." }
                    p { "To see what it may do, or to end its access, go to "
                        a href=(desk.path(APPLICATIONS)) { "Connected applications" } "." }
                }
                Decision::Deny => {
                    h1 { "Denied" }
                    p { b { (app(desk, grant)) } " gets no access. You can close this page." }
                }
            }
        }
    }
}

/// The name of the app that asks: as it says itself, or as it was registered.
pub(super) fn app_name(desk: &Desk, grant: &Grant) -> String {
    if let Some(app) = &grant.requester.app {
        return app.to_string();
    }
    let client = desk.engine.clients().get(&grant.dialect, &grant.client);
    client.map_or_else(|| grant.client.to_string(), |client| client.name.clone())
}

/// The same, kept apart from the line that it stands in: a name may run from right to left.
pub(super) fn app(desk: &Desk, grant: &Grant) -> Markup {
    html! { bdi { (app_name(desk, grant)) } }
}

/// Beside what a stranger says of himself.
const AS_IT_SAYS: PreEscaped<&str> = PreEscaped("<span class=\"tag\">as it says</span>");

/// What is known of the asker, as facts, and on whose word.
pub(super) fn requester(requester: &Requester) -> Markup {
    html! {
        @if let Some(device) = &requester.device {
            dt { "Device" } dd { bdi { (device) } " " (AS_IT_SAYS) }
        }
        @if let Some(platform) = &requester.platform {
            dt { "System" } dd { bdi { (platform) } " " (AS_IT_SAYS) }
        }
        dt { "Network" } dd { (requester.network) }
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
