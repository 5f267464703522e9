//! Passing a request on: to a handler of the gateway's own, or upstream. Both take the
//! [`Permit`], and nothing else may.

use std::{net::IpAddr, sync::Arc};

use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Uri, Version,
    header::{CONTENT_LENGTH, COOKIE, EXPECT, HOST, SET_COOKIE, TRANSFER_ENCODING, UPGRADE},
    uri::PathAndQuery,
};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio_util::sync::CancellationToken;

use super::{
    Shared, authenticate,
    authorize::Permit,
    cut::Cut,
    path,
    reject::Rejection,
    stream::{Answer, Inbound},
    tunnel::{self, Tunnel},
    upstream::{Upstream, UpstreamError},
};
use crate::{
    config::{RevokedStreams, Rewrite},
    message::{
        Call, Handler, Peer, RequestId, body,
        fields::MAX_BODY,
        header::{self, identity},
    },
    oauth::{subject::Subject, tenant::Tenant},
};

/// The gateway's own cookies begin so, after any `__Host-`.
pub const COOKIE_PREFIX: &str = "gatepost_";

/// Hands a request to the control runtime, where dialects and pages live.
///
/// # Errors
/// 500 where the handler broke down; 401.
pub async fn to_handler(
    shared: &Shared,
    permit: Permit<'_>,
    handler: &Handler,
    request: Request<Inbound>,
    peer: Peer,
    id: RequestId,
) -> Result<Answer, Rejection> {
    let (head, body) = request.into_parts();
    let pattern = Arc::clone(&permit.route().pattern);
    let route = permit.route();
    let (subject, stream) = permit.into_parts();
    // A caller may take his time over the body. Handlers start when it is here, so that a token or a
    // session which was taken back meanwhile does nothing any more.
    let body = body::arrived(body.boxed_unsync(), MAX_BODY);
    let body = match &stream {
        None => body.await,
        Some(stream) => tokio::select! {
            biased;
            () = stream.cut().cancelled() => return Err(authenticate::cut(shared, route, stream)),
            body = body => body,
        },
    };
    let gone = CancellationToken::new();
    let call = Call { head, body, pattern, peer, id, subject, gone: gone.clone() };
    // If the caller leaves, this future is dropped. The handler is told, and goes on to its end:
    // what it has begun to write down is not left half done.
    let _tells = gone.drop_guard();
    let answer = shared.control.spawn(handler(call)).await;
    answer.map(Answer::own).map_err(|broken| Rejection::internal(broken.to_string()))
}

/// Sends a request upstream and brings back the answer as soon as its head is there. If the grant
/// is taken back before that, the call is called off; later it is as the route says.
///
/// # Errors
/// 502 and 504; 400 for a body that breaks off, or that an upgrade has; 401.
pub async fn to_upstream(
    shared: &Shared,
    permit: Permit<'_>,
    upstream: &Upstream,
    request: Request<Inbound>,
    peer: Peer,
    id: RequestId,
) -> Result<Answer, Rejection> {
    let (route, tenant) = (permit.route(), permit.tenant());
    let (subject, stream) = permit.into_parts();
    let (mut head, body) = request.into_parts();
    let upgrade = tunnel::asked(route, &head, &body)?;
    head.uri = target(&upstream.settings().base_path, route.rewrite.as_ref(), &head.uri)?;
    head.version = Version::HTTP_11;
    header::remove_hop_by_hop(&mut head.headers);
    if let Some(upgrade) = upgrade {
        tunnel::say(upgrade, &mut head.headers);
    }
    header::remove_trusted(&mut head.headers);
    // The gateway has answered 100-continue itself.
    head.headers.remove(EXPECT);
    remove_own_cookies(&mut head.headers);
    if body.size_hint().exact().is_none() && !head.headers.contains_key(CONTENT_LENGTH) {
        // By itself hyper takes it that a GET has no body.
        head.headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    let asked_host = head.headers.insert(HOST, upstream.host_header().clone());
    set_forwarded(&mut head.headers, peer.ip, shared.public_url.is_https(), asked_host, id);
    if let Some(subject) = &subject {
        set_identity(&mut head.headers, subject, tenant);
    }
    if let Some((name, value)) = &upstream.settings().credential {
        head.headers.insert(name.clone(), value.clone());
    }
    let request = Request::from_parts(head, body);
    let answered = match &stream {
        None => upstream.send(request, None).await,
        Some(stream) => tokio::select! {
            // First, so that nothing goes upstream if it happened just now.
            biased;
            () = stream.cut().cancelled() => return Err(authenticate::cut(shared, route, stream)),
            answered = upstream.send(request, Some(stream.cut())) => answered,
        },
    };
    let (mut response, lease) = answered.map_err(rejection)?;
    let switched = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    let upgrade = upgrade.filter(|upgrade| switched && tunnel::names(response.headers(), UPGRADE, upgrade.token()));
    if switched && upgrade.is_none() {
        return Err(nonsense("it switched protocols, and nobody had asked for that"));
    }
    make_ours(&mut response)?;
    let stream = match route.revoked_streams {
        RevokedStreams::Cut => stream,
        RevokedStreams::Finish => {
            lease.untie();
            None
        }
    };
    Ok(match upgrade {
        Some(upgrade) => {
            tunnel::say(upgrade, response.headers_mut());
            let tunnel = Tunnel::new(&mut response, lease, stream);
            Answer::upgraded(response, tunnel)
        }
        None => {
            let cut = stream.map(|entry| Cut::new(entry, route.event, id, response.headers()));
            Answer::upstream(response, lease, cut)
        }
    })
}

fn nonsense(what: &str) -> Rejection {
    Rejection::bad_gateway("upstream_nonsense", what.to_owned())
}

/// An upstream's answer goes on as one of the gateway's: its version, its framing, its cookies.
fn make_ours(response: &mut Response<Incoming>) -> Result<(), Rejection> {
    if !header::is_framed_plainly(response.headers()) {
        return Err(nonsense("the answer has another transfer coding than chunked"));
    }
    *response.version_mut() = Version::HTTP_11;
    let headers = response.headers_mut();
    if headers.contains_key(TRANSFER_ENCODING) {
        // Beside it a length says nothing (RFC 9112 section 6.3), and alone it would be believed.
        headers.remove(CONTENT_LENGTH);
    }
    header::remove_hop_by_hop(headers);
    drop_own_cookies(headers);
    Ok(())
}

fn rejection(error: UpstreamError) -> Rejection {
    match error {
        UpstreamError::Unreachable(cause) => Rejection::bad_gateway("upstream_unreachable", cause),
        UpstreamError::BrokeOff(cause) => Rejection::bad_gateway("upstream_broke_off", cause),
        UpstreamError::CallerBroke => Rejection::bad_request("body", "The body broke off, or its framing is broken."),
        UpstreamError::ConnectTimeout => Rejection::gateway_timeout("upstream_connect_timeout"),
        UpstreamError::ResponseTimeout => Rejection::gateway_timeout("upstream_response_timeout"),
    }
}

/// Path and query of a request, as the route has them, below the upstream's own path.
fn target(base_path: &str, rewrite: Option<&Rewrite>, uri: &Uri) -> Result<Uri, Rejection> {
    let asked = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let rewritten = rewrite.map(|rewrite| rewrite.path(uri.path()));
    // `..:word` is a segment, and what is left of it without the word would lead elsewhere.
    if rewritten.as_deref().is_some_and(|path| path::normal(path).is_none()) {
        return Err(Rejection::bad_request("ambiguous_path", "The path could be read in more than one way."));
    }
    let joined = match (rewritten, uri.query()) {
        (None, _) if base_path.is_empty() => asked.parse(),
        (None, _) => format!("{base_path}{asked}").parse(),
        (Some(path), None) => format!("{base_path}{path}").parse(),
        (Some(path), Some(query)) => format!("{base_path}{path}?{query}").parse(),
    };
    joined.map_err(|_never| Rejection::bad_request("target", "The target cannot be forwarded."))
}

fn set_forwarded(headers: &mut HeaderMap, peer: IpAddr, tls: bool, host: Option<HeaderValue>, id: RequestId) {
    const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
    const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
    const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
    set(headers, FOR, &peer.to_string());
    headers.insert(PROTO, HeaderValue::from_static(if tls { "https" } else { "http" }));
    if let Some(host) = host {
        headers.insert(HOST, host);
    }
    set(headers, super::REQUEST_ID.clone(), &id.to_string());
}

fn set_identity(headers: &mut HeaderMap, subject: &Subject, tenant: Option<&Tenant>) {
    if let Some(user) = &subject.user {
        set(headers, identity::USER.clone(), user.name.as_str());
    }
    set(headers, identity::CLIENT.clone(), subject.client.as_str());
    set(headers, identity::GRANT.clone(), &subject.grant.to_string());
    set(headers, identity::SCOPE.clone(), &subject.scopes.to_string());
    if let Some(tenant) = tenant {
        set(headers, identity::TENANT.clone(), tenant.slug.as_str());
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    match HeaderValue::from_str(value) {
        Ok(value) => drop(headers.insert(name, value)),
        // Names, ids and scopes are printable; were one not, its absence says nothing false.
        Err(error) => tracing::error!(%error, %name, "a header field could not be set"),
    }
}

fn is_own_cookie(name: &str) -> bool {
    let name = name.trim();
    name.strip_prefix("__Host-").unwrap_or(name).starts_with(COOKIE_PREFIX)
}

/// The gateway's own cookies are credentials: they stay here. Others travel on.
fn remove_own_cookies(headers: &mut HeaderMap) {
    if !headers.contains_key(COOKIE) {
        return;
    }
    let lines: Vec<HeaderValue> = headers.get_all(COOKIE).iter().cloned().collect();
    headers.remove(COOKIE);
    for line in lines {
        // A cookie line that is no text holds none of ours that could be told apart: it stays here.
        let Ok(text) = line.to_str() else { continue };
        let others: Vec<&str> = text.split(';').filter(|pair| !is_own_cookie(pair.split('=').next().unwrap_or_default())).collect();
        if let Ok(value) = HeaderValue::from_str(others.join(";").trim())
            && !value.is_empty()
        {
            headers.append(COOKIE, value);
        }
    }
}

/// An upstream must not sign anybody in here.
fn drop_own_cookies(headers: &mut HeaderMap) {
    let is_own = |value: &HeaderValue| {
        // A cookie without a name comes back as its value alone, which may look like one of ours.
        let mut parts = value.as_bytes().split(|byte| *byte == b'=').filter(|part| !part.trim_ascii().is_empty());
        parts.next().is_none_or(|name| match std::str::from_utf8(name) {
            Ok(name) => is_own_cookie(name),
            Err(_no_text) => true,
        })
    };
    if headers.get_all(SET_COOKIE).iter().any(is_own) {
        let kept: Vec<HeaderValue> = headers.get_all(SET_COOKIE).iter().filter(|value| !is_own(value)).cloned().collect();
        headers.remove(SET_COOKIE);
        for value in kept {
            headers.append(SET_COOKIE, value);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_gateways_cookies_stay_here_and_others_travel() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, "a=1; gatepost_session=x; b=2".parse().unwrap());
        headers.append(COOKIE, "__Host-gatepost_session=y".parse().unwrap());
        remove_own_cookies(&mut headers);
        assert_eq!(headers.get_all(COOKIE).iter().collect::<Vec<_>>(), ["a=1; b=2"]);
    }

    #[test]
    fn an_upstream_cannot_set_the_gateways_cookies() {
        let mut headers = HeaderMap::new();
        for cookie in ["theirs=1", "gatepost_session=x; Path=/", "__Host-gatepost_session=x", " = gatepost_session=x"] {
            headers.append(SET_COOKIE, cookie.parse().unwrap());
        }
        drop_own_cookies(&mut headers);
        assert_eq!(headers.get_all(SET_COOKIE).iter().collect::<Vec<_>>(), ["theirs=1"]);
    }

    #[test]
    fn a_target_keeps_its_query_below_the_base_path() {
        let uri: Uri = "http://gateway/v1/x?a=%20b".parse().unwrap();
        assert_eq!(target("/base", None, &uri).unwrap(), "/base/v1/x?a=%20b");
        assert_eq!(target("", None, &uri).unwrap(), "/v1/x?a=%20b");
    }
}
