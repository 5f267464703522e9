//! May he? The only place that makes a [`Permit`], and without a permit nothing is forwarded.

use std::sync::Arc;

use super::{
    authenticate::{self, Caller},
    reject::Rejection,
    route::{Access, Route},
};
use crate::{
    config::PublicUrl,
    message::Lacking,
    oauth::{
        subject::Subject,
        tenant::{Tenant, Tenants},
    },
    verify::OpenStream,
};

/// Leave to pass one request on, on this route. It cannot be made, copied or kept elsewhere.
pub struct Permit<'a> {
    route: &'a Route,
    tenant: Option<&'a Tenant>,
    subject: Option<Arc<Subject>>,
    stream: Option<OpenStream>,
}

impl<'a> Permit<'a> {
    /// Where.
    pub const fn route(&self) -> &'a Route {
        self.route
    }

    /// For which tenant, where the path or else the token names one.
    pub const fn tenant(&self) -> Option<&'a Tenant> {
        self.tenant
    }

    /// For whom; nobody on an open route.
    pub fn subject(&self) -> Option<&Subject> {
        self.subject.as_deref()
    }

    /// Uses it up.
    pub(super) fn into_parts(self) -> (Option<Arc<Subject>>, Option<OpenStream>) {
        (self.subject, self.stream)
    }
}

/// Whether the caller may use the route, and at this path of it. Of the gateway's own endpoints a
/// token's audience says nothing: they speak for the issuer, whose token it is.
///
/// # Errors
/// 401 where nobody was recognised, or with a token that is meant for something else (RFC 8707
/// section 2) or for a tenant that its user has left; 404 for what is another tenant's, or no
/// tenant's; 403 with all the scopes that are needed.
pub fn authorize<'a>(
    route: &'a Route,
    caller: Caller,
    public_url: &PublicUrl,
    tenants: &'a Tenants,
    path: &str,
) -> Result<Permit<'a>, Rejection> {
    let challenge = |error| authenticate::challenge(public_url, route, error);
    let (subject, stream) = match (&route.access, caller) {
        // By name: the operator wrote `auth = "none"`, or the endpoint judges for itself.
        (Access::Open, _) => return Ok(Permit { route, tenant: None, subject: None, stream: None }),
        (_, Caller::Anonymous) => return Err(Rejection::unauthorized("missing_token", "This needs an access token.", challenge(None))),
        (_, Caller::Known(subject, stream)) => (subject, stream),
    };
    if matches!(route.access, Access::Scopes(_)) && !subject.audience.covers_path(public_url.as_str(), path) {
        let message = "The access token is meant for another resource.";
        let mut rejection = Rejection::unauthorized("invalid_token", message, challenge(Some("invalid_token")));
        rejection.reason = "audience";
        return Err(rejection);
    }
    let tenant = tenant(route, tenants, &subject, path, || {
        let message = "The access token is for a tenant that its user is not in.";
        let mut rejection = Rejection::unauthorized("invalid_token", message, challenge(Some("invalid_token")));
        rejection.reason = "tenant";
        rejection
    })?;
    if !admits(&route.access, &subject) {
        let lacking = Lacking { required: route.access.scopes(), granted: subject.scopes.clone() };
        let mut rejection = Rejection::insufficient_scope(challenge(Some("insufficient_scope")), lacking);
        if let Access::Personal(needed) = &route.access {
            rejection.message = format!("This needs a personal token with the scope {needed}; an app's token is not enough.").into();
        }
        return Err(rejection);
    }
    Ok(Permit { route, tenant, subject: Some(subject), stream: Some(stream) })
}

/// The tenant that the path names, or else the one that the token is for. Before the scopes are looked
/// at: they would say that it is there.
fn tenant<'a>(
    route: &Route,
    tenants: &'a Tenants,
    subject: &Subject,
    path: &str,
    gone: impl FnOnce() -> Rejection,
) -> Result<Option<&'a Tenant>, Rejection> {
    // Where nobody speaks of tenants it is a segment like any other.
    if tenants.is_empty() {
        return Ok(None);
    }
    let at = |named| tenants.find(named).filter(|tenant| tenant.opens_to(subject));
    match (route.tenant(path), &subject.tenant, &route.access) {
        (Some(named), _, _) => at(named).map(Some).ok_or_else(Rejection::no_tenant),
        // The upstream is told of it, so whoever has left it does not come in its name.
        (None, Some(own), Access::Scopes(_)) => at(own).map(Some).ok_or_else(gone),
        (None, _, _) => Ok(None),
    }
}

fn admits(access: &Access, subject: &Subject) -> bool {
    match access {
        Access::Open => true,
        Access::Scopes(needed) => subject.scopes.cover(needed),
        Access::Dialect(dialect, any) => {
            subject.dialect == *dialect && any.is_none_or(|any| any.iter().any(|scope| subject.scopes.contains(scope)))
        }
        Access::Personal(needed) => subject.is_personal() && subject.scopes.cover(needed),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
