//! Whose token is it?

use std::sync::Arc;

use http::{HeaderName, HeaderValue, Request};

use super::{
    Shared,
    reject::Rejection,
    route::{Access, Route},
};
use crate::{
    config::PublicUrl,
    message::Credential,
    oauth::{id::GrantId, subject::Subject},
    verify::{Denied, OpenStream},
};

/// Who calls, as far as the route wants to know.
pub enum Caller {
    /// Nobody asked.
    Anonymous,
    /// The token's subject, and the entry of the answer among the open streams.
    Known(Arc<Subject>, OpenStream),
}

impl Caller {
    /// The token's subject.
    pub fn subject(&self) -> Option<&Subject> {
        match self {
            Self::Anonymous => None,
            Self::Known(subject, _) => Some(subject),
        }
    }
}

/// Checks the one credential of a request, where the route wants one.
///
/// # Errors
/// 400 for more than one credential, 401 for none or a bad one, 503 where nobody can say.
pub async fn authenticate<B>(shared: &Shared, route: &Route, request: &Request<B>) -> Result<Caller, Rejection> {
    let doubled = |words| {
        let mut rejection = Rejection::bad_request("two_credentials", words);
        rejection.challenge = Some(challenge(&shared.public_url, route, Some("invalid_request")));
        rejection
    };
    if route.access == Access::Open {
        // It would go upstream as it stands there.
        let in_query = request.uri().query().is_some_and(|query| names_a_token(shared, query));
        return if in_query { Err(doubled("The access token stands in the query.")) } else { Ok(Caller::Anonymous) };
    }
    let two = |_ambiguous| doubled("There is more than one credential.");
    let no = |code: &'static str, words: &'static str, error: Option<&str>| {
        Err(Rejection::unauthorized(code, words, challenge(&shared.public_url, route, error)))
    };
    let (place, token) = match Credential::of(request.headers()).map_err(two)? {
        Credential::Token { place, text } => (place, text),
        // A challenge without an error: nothing was tried, or nothing that is known here (RFC 6750
        // section 3.1).
        Credential::None => return no("missing_token", "This needs an access token: Authorization: Bearer <token>.", None),
        Credential::Basic { place, .. } | Credential::Other(place) => return no("invalid_token", place.usage, None),
    };
    match shared.verifier.verify(token, route.serve_known).await {
        Ok((subject, stream)) => match route.access {
            Access::Dialect(dialect, _) if subject.dialect != dialect => no("invalid_token", UNKNOWN, Some("invalid_token")),
            _ if !place.takes(&subject.dialect) => no("invalid_token", UNKNOWN, Some("invalid_token")),
            _ if stands_elsewhere(token, &place.field, request) => Err(doubled("The access token stands in more than one place.")),
            _ => Ok(Caller::Known(subject, stream)),
        },
        Err(Denied::Unknown) => no("invalid_token", UNKNOWN, Some("invalid_token")),
        Err(Denied::Expired(grant)) => Err(over(shared, route, grant, "token_expired", "The access token has expired.")),
        Err(Denied::Revoked(grant)) => Err(taken_back(shared, route, grant)),
        Err(Denied::Unavailable(unavailable)) => Err(Rejection::store_unavailable(unavailable.to_string())),
    }
}

/// Whether a query hands over one of our access tokens (RFC 6750 section 2.3, which is not spoken here).
fn names_a_token(shared: &Shared, query: &str) -> bool {
    let mut fields = form_urlencoded::parse(query.as_bytes());
    fields.any(|(name, value)| name == "access_token" && shared.verifier.read(&value).is_some())
}

/// Whether the token stands in the target or in a field besides this one, which would take it upstream.
fn stands_elsewhere<B>(token: &str, field: &HeaderName, request: &Request<B>) -> bool {
    let holds = |value: &HeaderValue| value.as_bytes().windows(token.len()).any(|part| part == token.as_bytes());
    request.uri().path_and_query().is_some_and(|target| target.as_str().contains(token))
        || request.headers().iter().any(|(name, value)| name != field && holds(value))
}

const UNKNOWN: &str = "The access token is unknown.";

/// The word and the sentence for access that was taken back.
pub const TAKEN_BACK: (&str, &str) = ("token_revoked", "The access was taken back.");

/// Why a call ends that was let in.
pub fn cut(shared: &Shared, route: &Route, stream: &OpenStream) -> Rejection {
    match stream.is_unknown() {
        true => Rejection::store_unavailable("the store has lost what this replica knew".to_owned()),
        false => taken_back(shared, route, stream.grant()),
    }
}

/// 401: the access was taken back, before the request or while it was on its way.
pub fn taken_back(shared: &Shared, route: &Route, grant: GrantId) -> Rejection {
    let (code, words) = TAKEN_BACK;
    over(shared, route, grant, code, words)
}

fn over(shared: &Shared, route: &Route, grant: GrantId, code: &'static str, words: &'static str) -> Rejection {
    let challenge = challenge(&shared.public_url, route, Some("invalid_token"));
    let mut rejection = Rejection::unauthorized(code, words, challenge);
    rejection.grant = Some(grant);
    rejection
}

/// `WWW-Authenticate` (RFC 6750 section 3, RFC 9728 section 5.1).
pub fn challenge(public_url: &PublicUrl, route: &Route, error: Option<&str>) -> HeaderValue {
    let mut text = format!("Bearer realm=\"{}\"", public_url.as_str());
    if let Some(metadata) = &route.metadata {
        text.push_str(&format!(", resource_metadata=\"{}\"", public_url.join(metadata)));
    }
    if let Some(scopes) = Some(route.access.scopes()).filter(|scopes| !scopes.is_empty()) {
        text.push_str(&format!(", scope=\"{scopes}\""));
    }
    if let Some(error) = error {
        text.push_str(&format!(", error=\"{error}\""));
    }
    // A URL, scope tokens and our own words: all of them printable.
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("Bearer"))
}
