//! Who asks for what, and the two buttons: what every page of consent is made of.

use jiff::Timestamp;
use maud::{Markup, Render, html};

use super::{
    Desk,
    csrf::{self, Purpose},
};
use crate::{
    engine::SignedIn,
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
    let (app, user, place) = (html! { b { (consent.app) } }, html! { b { (who.user.name) } }, &desk.pages.name);
    html! {
        section class="card" {
            @if may {
                h1 { (words.heading.fill(&[("app", &app)])) }
                p class="lead" { (words.as_you.fill(&[("place", place), ("user", &user)])) }
                h2 { (words.able_to) }
                (scope_list(desk, consent.scopes))
                @if consent.narrowed { p class="note" { (words.narrowed) } }
            } @else {
                h1 { (words.cannot.fill(&[("app", &app)])) }
                p class="error" role="alert" { (words.nothing_to_grant.fill(&[("place", place), ("user", &user)])) }
            }
            h2 { (words.request) }
            dl class="facts" {
                dt { (words.app) } dd { (consent.app) @if !consent.verified { " " (unverified(desk)) } }
                (consent.facts)
            }
            @if may { p class="warning" { (words.warning) } }
            form class="decision" method="post" action=(consent.action) {
                (csrf::field(desk, consent.purpose))
                @for (name, value) in consent.hidden { input type="hidden" name=(name) value=(value); }
                @if may { button class="primary" name="decision" value="approve" { (words.approve) } }
                button name="decision" value="deny" { (words.deny) }
            }
        }
    }
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
pub(super) fn requester(desk: &Desk, requester: &Requester) -> Markup {
    let words = &desk.words().consent;
    let claims = [(&words.device, &requester.device), (&words.system, &requester.platform)];
    html! {
        @for (name, claim) in claims {
            @if let Some(claim) = claim {
                dt { (name) } dd { bdi { (claim) } " " span class="tag" { (words.as_it_says) } }
            }
        }
        dt { (words.network) } dd { (requester.network) }
    }
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
        (requester(desk, &grant.requester))
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
