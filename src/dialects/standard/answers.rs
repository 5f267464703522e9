//! What the standard's clients read besides tokens.

use http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

use crate::{
    dialects::rfc,
    engine::Introspected,
    message::{Body, Call, Refused, reply},
    oauth::{audience::Audience, subject::Subject},
};

/// Who the user is (OpenID Connect Core section 5.3, without its ID token). Where a client speaks for
/// itself there is none, and 403 says that fetching another such token is of no use (RFC 6750
/// section 3.1).
pub(super) fn userinfo(call: &Call) -> Response<Body> {
    let Some(Subject { user: Some(user), grant, .. }) = call.subject.as_deref() else {
        let message = "The access token is a client's own: there is no user behind it.";
        let mut refused = Refused::new(StatusCode::FORBIDDEN, "insufficient_scope", message, call.id);
        refused.challenge = Some(HeaderValue::from_static("Bearer error=\"insufficient_scope\""));
        return reply::noted(refused.answer(rfc::flat), call.subject.as_deref().map(|subject| subject.grant), "no_user");
    };
    let mut claims = json!({"sub": user.id.to_string(), "preferred_username": user.name.to_string()});
    put(&mut claims, "email", user.email.as_deref());
    put(&mut claims, "picture", user.avatar.as_deref());
    reply::noted(reply::no_store(reply::json(StatusCode::OK, &claims)), Some(*grant), "userinfo")
}

/// RFC 7662 section 2.2. `token_type` is a word for access tokens alone (RFC 6749 section 5.1).
pub(super) fn introspected(worth: Option<&Introspected>, issuer: &str) -> Response<Body> {
    let claims = match worth {
        None => json!({"active": false}),
        Some(worth) => active(worth, issuer),
    };
    reply::no_store(reply::json(StatusCode::OK, &claims))
}

fn active(worth: &Introspected, issuer: &str) -> Value {
    let subject = &worth.subject;
    let user = subject.user.as_ref();
    let mut claims = json!({
        "active": true,
        "scope": subject.scopes.to_string(),
        "client_id": subject.client.as_str(),
        // Without a user the client is the subject (RFC 9068 section 2.2).
        "sub": user.map_or_else(|| subject.client.to_string(), |user| user.id.to_string()),
        "exp": worth.expires.as_second(),
        "iat": worth.issued.as_second(),
        "iss": issuer,
        "aud": audience(&subject.audience, issuer),
        "jti": format!("{}.{}", subject.grant, worth.number),
    });
    put(&mut claims, "username", user.map(|user| user.name.as_str()));
    put(&mut claims, "token_type", worth.is_access.then_some("Bearer"));
    claims
}

/// One as a text, several as a list; all that the gateway stands in front of is the gateway.
fn audience(audience: &Audience, issuer: &str) -> Value {
    match audience.iter().collect::<Vec<_>>().as_slice() {
        [] => issuer.into(),
        [only] => (*only).into(),
        several => several.into(),
    }
}

fn put(claims: &mut Value, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        claims[name] = value.into();
    }
}
