//! Who asks for what, and the two buttons: what every page of consent is made of.

use jiff::Timestamp;
use maud::{Markup, Render, html};

use super::{
    Desk,
    csrf::{self, Purpose},
    login, sign_in,
};
use crate::{
    engine::{Engine, SignedIn},
    oauth::{
        audience::Audience,
        claim::Claim,
        grant::{Grant, Requester, State},
        redirect::Destination,
        scope::{self, Scopes},
    },
};

/// A question to whoever is signed in.
pub(super) struct Consent<'a> {
    /// Who asks, as [`app`] shows it.
    pub(super) app: &'a Markup,
    /// Whether the operator vouches for that name.
    pub(super) verified: bool,
    /// What a yes would give; where it is nothing, there can only be a no.
    pub(super) scopes: &'a Scopes,
    /// Whether that is less than what is asked for.
    pub(super) narrowed: bool,
    /// What else is to be said, where it is a login to a tenant.
    pub(super) login: Option<&'a login::Terms<'a>>,
    /// What is known of the request: rows of a list of facts, after the app's.
    pub(super) facts: &'a Markup,
    /// Where the decision goes, in a field `decision`: `approve` or `deny`.
    pub(super) action: &'a str,
    /// What the form is for.
    pub(super) purpose: Purpose<'a>,
    /// What goes with the decision.
    pub(super) hidden: &'a [(&'a str, &'a dyn Render)],
}

/// The question.
pub(super) fn card(desk: &Desk, who: &SignedIn, consent: &Consent<'_>) -> Markup {
    let words = &desk.words().consent;
    let may = !consent.scopes.is_empty();
    let login = consent.login;
    let heading = if login.is_some() { &desk.words().login.heading } else { &words.heading };
    let (app, user, place) = (html! { b { (consent.app) } }, html! { b { (who.user.name) } }, &desk.pages.name);
    html! {
        section class="card" {
            @if may {
                h1 { (heading.fill(&[("app", &app)])) }
                p class="lead" { (words.as_you.fill(&[("place", place), ("user", &user)])) }
                h2 { @if let Some(login) = login { (login.heading(desk)) } @else { (words.able_to) } }
                (scope_list(desk, consent.scopes))
                @if consent.narrowed { p class="note" { (words.narrowed) } }
                @if let Some(login) = login { (login.notes(desk)) }
            } @else {
                h1 { (words.cannot.fill(&[("app", &app)])) }
                p class="error" role="alert" {
                    @if let Some(obstacle) = login.and_then(|login| login.obstacle(desk)) { (obstacle) }
                    @else { (words.nothing_to_grant.fill(&[("place", place), ("user", &user)])) }
                }
            }
            h2 { (words.request) }
            dl class="facts" {
                dt { (words.app) } dd { (consent.app) @if !consent.verified { " " (unverified(desk)) } }
                @if let Some(login) = login { (login.facts(desk)) }
                (consent.facts)
            }
            @if may { p class="warning" { (words.warning) } }
            form class="decision" method="post" action=(consent.action) {
                (csrf::field(desk, consent.purpose))
                @for (name, value) in consent.hidden { input type="hidden" name=(name) value=(value); }
                @if may { @if let Some(login) = login { (login.field(desk)) } }
                div {
                    @if may { button class="primary" name="decision" value="approve" { (words.approve) } }
                    button name="decision" value="deny" { (words.deny) }
                }
            }
        }
    }
}

/// What a user would give by saying yes: of a login to a tenant all that is asked for, or nothing.
pub(super) fn given(desk: &Desk, grant: &Grant, who: &SignedIn) -> Scopes {
    let scopes = Engine::grantable(grant, &who.user);
    let may = login::asked(grant).is_none() || scopes.cover(&grant.requested) && desk.offered.tenants.of(&who.user.name).next().is_some();
    if may { scopes } else { Scopes::default() }
}

/// Whether whoever is signed in has to show the password again before deciding about this grant.
pub(super) fn asks_again(desk: &Desk, grant: &Grant, who: &SignedIn) -> bool {
    let scopes = given(desk, grant, who);
    let presets = desk.offered.login_page.as_ref().map(|page| page.sign_in_again.as_slice()).unwrap_or_default();
    let is_wide = login::asked(grant).is_some_and(|login| !scopes.is_empty() && presets.contains(&login.preset));
    is_wide && !sign_in::is_recent(desk, who) || asks_again_for(desk, &grant.dialect, &scopes, who)
}

/// The same where a yes gives these scopes in this dialect.
pub(super) fn asks_again_for(desk: &Desk, dialect: &str, scopes: &Scopes, who: &SignedIn) -> bool {
    let is_wide = scopes.iter().any(|scope| desk.pages.sign_in_again.contains(scope) || desk.engine.is_wide(dialect, scope));
    is_wide && !sign_in::is_recent(desk, who)
}

/// The name of the app that asks: as it says itself where apps are not registered.
pub(super) fn app_name(grant: &Grant) -> &str {
    grant.requester.app.as_ref().map_or(grant.app.name.as_str(), Claim::as_str)
}

/// The same, kept apart from the line that it stands in: a name may run from right to left.
pub(super) fn app(grant: &Grant) -> Markup {
    html! { bdi { (app_name(grant)) } }
}

/// Whether the operator vouches for that name. Nobody does for one that the app gave itself.
pub(super) const fn is_verified(grant: &Grant) -> bool {
    grant.app.verified && grant.requester.app.is_none()
}

/// What stands after a name for which nobody vouches.
pub(super) fn unverified(desk: &Desk) -> Markup {
    html! { span class="tag" { (desk.words().consent.unverified) } }
}

/// Where the browser takes the answer, as a fact.
pub(super) fn destination(desk: &Desk, uri: &str) -> Markup {
    let words = &desk.words().consent;
    html! {
        @if let Some(destination) = Destination::of(uri) {
            dt { (words.answer_to) }
            dd {
                @match destination {
                    Destination::Host(host) => bdi { (host) },
                    Destination::Loopback => (words.this_computer),
                    Destination::Scheme(scheme) => (words.this_device.fill(&[("scheme", &html! { bdi { (scheme) } })])),
                }
            }
        }
    }
}

/// For which resources, as a fact, where it is not for all.
pub(super) fn resources(desk: &Desk, audience: &Audience) -> Markup {
    html! {
        @if !audience.is_whole() {
            dt { (desk.words().consent.only_for) }
            dd { ul class="scopes" { @for resource in audience.iter() { li { (resource) } } } }
        }
    }
}

/// What is known of the asker, as facts, and on whose word.
pub(super) fn requester(desk: &Desk, grant: &Grant) -> Markup {
    let words = &desk.words().consent;
    let Requester { device, platform, network, .. } = &grant.requester;
    let login = login::asked(grant);
    // What a login says of the kind of program stands for its platform.
    let claims = [(&words.device, device), (&words.system, if login.is_some() { &None } else { platform })];
    html! {
        @if let Some(login) = login { (login::kind(desk, login)) }
        @for (name, claim) in claims {
            @if let Some(claim) = claim { dt { (name) } dd { bdi { (claim) } " " (as_it_says(desk)) } }
        }
        dt { (words.network) } dd { (network) }
    }
}

/// What stands after what nobody but the app says.
pub(super) fn as_it_says(desk: &Desk) -> Markup {
    html! { span class="tag" { (desk.words().consent.as_it_says) } }
}

/// The scopes in the operator's words, and the gateway's own in ours.
pub(super) fn scope_list(desk: &Desk, scopes: &Scopes) -> Markup {
    html! {
        ul class="scopes" {
            @for scope in scopes.iter() { li { (scope_words(desk, scope)) } }
        }
    }
}

/// What a scope lets its holder do.
pub(super) fn scope_words<'a>(desk: &'a Desk, scope: &'a str) -> &'a str {
    let tokens = &desk.words().tokens;
    match scope {
        scope::CLIENTS => &tokens.clients,
        scope::APPROVE => &tokens.approve,
        _ => desk.scopes.get(scope).map_or(scope, |sentence| sentence.within(desk.language)),
    }
}

/// What is known of a request that waits for a decision.
pub(super) fn facts(desk: &Desk, grant: &Grant) -> Markup {
    let words = &desk.words().consent;
    html! {
        (requester(desk, grant))
        dt { (words.sent) } dd { (past(desk, grant.created)) }
        @if let State::Pending { expires } = grant.state {
            dt { (words.expires) } dd { (deadline(desk, expires)) }
        }
    }
}

/// How long ago something was.
pub(super) fn past(desk: &Desk, at: Timestamp) -> Markup {
    let time = &desk.words().time;
    html! { time datetime=(at) title=(time.moment(at)) { (time.ago(at, desk.clock.now())) } }
}

/// When something last opened, as a fact.
pub(super) fn last_used(desk: &Desk, at: Option<Timestamp>) -> Markup {
    let words = &desk.words().applications;
    html! {
        dt { (words.last_used) }
        dd { @if let Some(at) = at { (past(desk, at)) } @else { (words.never) } }
    }
}

/// How long there is left: it runs where scripts do.
pub(super) fn deadline(desk: &Desk, at: Timestamp) -> Markup {
    let time = &desk.words().time;
    let now = desk.clock.now();
    let left = at.duration_since(now).as_secs().max(0);
    html! {
        time datetime=(at) title=(time.moment(at)) data-countdown=(left) data-within=(time.within.fill(&[("span", &"{span}")])) data-over=(time.over) {
            (time.until(at, now))
        }
    }
}
