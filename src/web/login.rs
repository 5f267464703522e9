//! What is particular about a device's login to a tenant (Fruxon): which preset it asks for, which of
//! the user's tenants it may be let into, and which key it replaces there.

use jiff::Timestamp;
use maud::{Markup, html};

use super::{Desk, Problem, consent};
use crate::{
    engine::SignedIn,
    message::Fields,
    oauth::{
        grant::{Channel, Grant, Login},
        tenant::Tenant,
    },
};

const FIELD: &str = "tenant";

/// What the question says besides.
pub(super) struct Terms<'a> {
    asked: &'a Login,
    /// Those that the user is in, each with when the key was last used that a yes replaces there.
    tenants: Vec<(&'a Tenant, Option<Replaced>)>,
}

/// A key that a yes replaces.
struct Replaced {
    last_used: Option<Timestamp>,
}

impl<'a> Terms<'a> {
    /// What there is to say; `None` where the grant is no such login.
    pub(super) async fn of(desk: &'a Desk, who: &SignedIn, grant: &'a Grant) -> Result<Option<Self>, Problem> {
        let Some(asked) = asked(grant) else { return Ok(None) };
        let mut tenants = Vec::new();
        for tenant in desk.offered.tenants.of(&who.user.name) {
            let key = desk.engine.replaces(grant, who.user.id, tenant.slug.as_str()).await?;
            let replaced = match key {
                Some(key) => Some(Replaced { last_used: desk.engine.last_used(key.id).await? }),
                None => None,
            };
            tenants.push((tenant, replaced));
        }
        Ok(Some(Self { asked, tenants }))
    }

    /// Over what the login will be able to do.
    pub(super) fn heading(&self, desk: &Desk) -> Markup {
        desk.words().login.able_to.fill(&[("preset", &html! { bdi { (self.asked.preset) } })])
    }

    /// Why nobody could say yes, where that is not for want of scopes.
    pub(super) fn obstacle(&self, desk: &Desk) -> Option<Markup> {
        self.tenants.is_empty().then(|| desk.words().login.no_tenant.fill(&[("place", &desk.pages.name)]))
    }

    /// Which keys a yes replaces.
    pub(super) fn notes(&self, desk: &Desk) -> Markup {
        let words = desk.words();
        html! {
            @for (tenant, replaced) in &self.tenants {
                @if let Some(Replaced { last_used }) = replaced {
                    @let ago = last_used.map_or_else(|| html! { (words.applications.never) }, |at| consent::past(desk, at));
                    p { (words.login.replaces.fill(&[("tenant", &name(tenant)), ("ago", &ago)])) }
                }
            }
        }
    }

    /// Where it will be let in, as a fact, where there is nothing to choose.
    pub(super) fn facts(&self, desk: &Desk) -> Markup {
        html! {
            @if let [(tenant, _)] = self.tenants.as_slice() { dt { (desk.words().login.tenant) } dd { (name(tenant)) } }
        }
    }

    /// The field that says where: the one that the app would like is chosen, if the user is in it.
    pub(super) fn field(&self, desk: &Desk) -> Markup {
        let wish = self.asked.tenant.as_deref().and_then(|wish| desk.offered.tenants.find(wish));
        html! {
            @match self.tenants.as_slice() {
                [] => {},
                [(tenant, _)] => input type="hidden" name=(FIELD) value=(tenant.slug.as_str());,
                tenants => {
                    label for=(FIELD) { (desk.words().login.tenant) }
                    select id=(FIELD) name=(FIELD) {
                        @for (tenant, _) in tenants {
                            option value=(tenant.slug.as_str()) selected[wish == Some(*tenant)] { (tenant.name) }
                        }
                    }
                }
            }
        }
    }
}

/// What a login asks for; `None` for any other grant.
pub(super) const fn asked(grant: &Grant) -> Option<&Login> {
    match &grant.channel {
        Channel::Delivered(login) => Some(login),
        Channel::Polled | Channel::Typed { .. } | Channel::Redirect(_) => None,
    }
}

/// The tenant that was chosen. There is no choice but among the user's own.
pub(super) fn chosen<'a>(desk: &'a Desk, who: &SignedIn, fields: &Fields) -> Result<Option<&'a Tenant>, Problem> {
    let Some(slug) = fields.text(FIELD)? else { return Ok(None) };
    desk.offered.tenants.of(&who.user.name).find(|own| own.slug.as_str() == slug).map(Some).ok_or(Problem::Forged)
}

/// What kind of program asks, as it says, as a fact.
pub(super) fn kind(desk: &Desk, login: &Login) -> Markup {
    let words = &desk.words().login;
    let kind = match login.client_type.as_str() {
        "CLI" => &words.cli,
        "IDE" => &words.ide,
        "DESKTOP" => &words.desktop,
        "MCP" => &words.mcp,
        "OTHER" => &words.other,
        // It did not say.
        _ => return html! {},
    };
    html! { dt { (words.kind) } dd { (kind) " " (consent::as_it_says(desk)) } }
}

/// Where a login was let in, and when its key ends by itself, as facts.
pub(super) fn connected(desk: &Desk, grant: &Grant) -> Markup {
    let (words, time) = (&desk.words().login, &desk.words().time);
    html! {
        @if let Some(slug) = grant.approval().and_then(|approval| approval.tenant.as_deref()) {
            dt { (words.tenant) }
            // One that is no longer in the configuration is known by its slug.
            dd { @if let Some(tenant) = desk.offered.tenants.find(slug) { (name(tenant)) } @else { bdi { (slug) } } }
        }
        @if let Some(key) = &grant.key {
            dt { (words.ends) }
            dd { time datetime=(key.expires) title=(time.moment(key.expires)) { (time.day(key.expires)) } }
        }
    }
}

fn name(tenant: &Tenant) -> Markup {
    html! { bdi { (tenant.name) } }
}
