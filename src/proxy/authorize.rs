//! May he? The only place that makes a [`Permit`], and without a permit nothing is forwarded.

use super::{
    authenticate::{self, Caller},
    reject::Rejection,
    route::{Access, Route},
};
use crate::{config::PublicUrl, oauth::subject::Subject, verify::OpenStream};

/// Leave to pass one request on, on this route. It cannot be made, copied or kept elsewhere.
pub struct Permit<'a> {
    route: &'a Route,
    subject: Option<Box<Subject>>,
    stream: Option<OpenStream>,
}

impl<'a> Permit<'a> {
    /// Where.
    pub const fn route(&self) -> &'a Route {
        self.route
    }

    /// For whom; nobody on an open route.
    pub fn subject(&self) -> Option<&Subject> {
        self.subject.as_deref()
    }

    /// Uses it up.
    pub(super) fn into_parts(self) -> (Option<Box<Subject>>, Option<OpenStream>) {
        (self.subject, self.stream)
    }
}

/// Whether the caller may use the route.
///
/// # Errors
/// 401 where nobody was recognised, 403 with all the scopes that are needed.
pub fn authorize<'a>(route: &'a Route, caller: Caller, public_url: &PublicUrl) -> Result<Permit<'a>, Rejection> {
    match (&route.access, caller) {
        // By name: the operator wrote `auth = "none"`, or the endpoint judges for itself.
        (Access::Open, _) => Ok(Permit { route, subject: None, stream: None }),
        (Access::Scopes(needed), Caller::Known(subject, stream)) if subject.scopes.cover(needed) => {
            Ok(Permit { route, subject: Some(subject), stream: Some(stream) })
        }
        (Access::Scopes(_), Caller::Known(..)) => {
            Err(Rejection::insufficient_scope(authenticate::challenge(public_url, route, Some("insufficient_scope"))))
        }
        (Access::Dialect(dialect), Caller::Known(subject, stream)) if subject.dialect == *dialect => {
            Ok(Permit { route, subject: Some(subject), stream: Some(stream) })
        }
        (Access::Scopes(_) | Access::Dialect(_), Caller::Anonymous | Caller::Known(..)) => {
            let challenge = authenticate::challenge(public_url, route, None);
            Err(Rejection::unauthorized("missing_token", "This needs an access token.", challenge))
        }
    }
}
