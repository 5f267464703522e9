//! The data plane. A request's way, from the first look at it to the last byte of its answer, is
//! `Gate::pass`, a line a stage:
//!
//! [`http2`] (where it came so) → [`strict`] → [`cors`] (where a browser asks first) → [`route`] →
//! [`authenticate`] → [`authorize`] (which alone makes a [`authorize::Permit`]) → [`limit`] →
//! [`forward`] (which takes the permit) → [`stream`], unless a [`cut`] ends it, or [`tunnel`] after a 101; and
//! [`reject`] for whatever does not get through.

pub mod authenticate;
pub mod authorize;
pub mod cors;
pub mod cut;
pub mod forward;
pub mod http2;
pub mod limit;
pub mod line;
pub mod path;
pub mod reject;
pub mod route;
pub mod stream;
pub mod strict;
pub mod tree;
pub mod tunnel;
pub mod upstream;

use std::sync::Arc;

use http::{HeaderName, HeaderValue, Request, Response, Version, header::CONNECTION};
use tokio::runtime::Handle;

use self::{
    line::Line,
    reject::Rejection,
    route::{Found, Routes, Target},
    stream::Inbound,
    upstream::Upstreams,
};
use crate::{
    clock::Clock,
    config::UnderscoreHeaders,
    limit::Limits,
    message::{Body, Peer, RequestId},
    net::{RequestBody, Service, peer::Proxies},
    oauth::tenant::Tenants,
    verify::Verifier,
};

/// Names the request in the answer, for asking the operator.
static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What all forwarding threads share: nothing in it is locked on a request's way.
pub struct Shared {
    /// Who answers what.
    pub routes: Routes,
    /// How often somebody may do something.
    pub limits: Arc<Limits>,
    /// Whose word on who calls counts.
    pub proxies: Proxies,
    /// Checks tokens.
    pub verifier: Arc<Verifier>,
    /// Who is at home where.
    pub tenants: Arc<Tenants>,
    /// Where dialects and pages run.
    pub control: Handle,
    /// The time.
    pub clock: Clock,
    /// The gateway's own address, for challenges and `X-Forwarded-*`.
    pub public_url: crate::config::PublicUrl,
    /// What becomes of header names with `_`.
    pub underscore_headers: UnderscoreHeaders,
}

/// One thread's gate: what is shared, and connections of its own.
pub struct Gate {
    shared: Arc<Shared>,
    upstreams: Upstreams,
}

impl Gate {
    /// A gate with no connection open yet. To be made on its thread.
    pub fn new(shared: Arc<Shared>, upstreams: Upstreams) -> Self {
        Self { shared, upstreams }
    }

    async fn pass(&self, mut request: Request<Inbound>, peer: Peer, id: RequestId, line: &mut Line) -> Result<stream::Answer, Rejection> {
        // Whatever it came by: from here on it is one of HTTP/1.1.
        http2::translate(&mut request)
            // Does it say one thing only? Whatever two servers could read differently ends here.
            .and_then(|()| strict::check(&mut request, self.shared.underscore_headers))
            .map_err(|refused| self.shared.routes.shaped_for(&request, refused))?;
        // Does a browser ask first, for a page of elsewhere? It shows no credential then.
        if let Some(preflight) = cors::preflight(&self.shared.routes, &request)? {
            line.routed(preflight.route);
            return Ok(stream::Answer::own(preflight.answer()));
        }
        // Which route claims it? What none claims is not there.
        let Found { route, target } = self.shared.routes.find(&request)?;
        line.routed(route);
        // Whose token is it? Exactly one credential, or none.
        let caller = authenticate::authenticate(&self.shared, route, &request).await?;
        line.authenticated(caller.subject());
        // May he? From here on a permit is in hand, and there is no other way to one.
        let permit = authorize::authorize(route, caller, &self.shared.public_url, &self.shared.tenants, request.uri().path())?;
        // Not too often? After the check, so that a stranger uses up nobody's share.
        limit::limit(&self.shared.limits, route, target, &permit, peer)?;
        match target {
            Target::Local(handler) => forward::to_handler(&self.shared, permit, handler, request, peer, id).await,
            Target::Upstream(index) => forward::to_upstream(&self.shared, permit, self.upstreams.get(*index)?, request, peer, id).await,
        }
    }
}

impl Service for Gate {
    /// Answers one request, whatever becomes of it, and sees that it is logged once its answer has
    /// ended.
    async fn answer(&self, request: Request<RequestBody>, socket: Peer) -> Response<Body> {
        let peer = self.shared.proxies.caller(socket, request.headers());
        let id = RequestId::from_random(rand::random());
        let mut line = Line::begin(id, request.method(), peer, &self.shared.clock);
        let (closable, progress) = (request.version() < Version::HTTP_2, request.body().progress());
        let request = Inbound::of(request, line.incoming());
        let passed = self.pass(request, peer, id, &mut line).await;
        // Whoever was waiting for the body can only say that it broke off.
        let passed = if progress.has_stalled() { Err(Rejection::request_timeout()) } else { passed };
        let mut closes = false;
        let answer = match passed {
            Ok(answer) => answer,
            Err(rejection) => {
                line.rejected(&rejection);
                closes = rejection.closes && closable;
                stream::Answer::own(rejection.answer(id, line.shape()))
            }
        };
        let cors = line.cors();
        let mut response = answer.logged(line);
        if cors {
            cors::share(response.headers_mut());
        }
        if let Ok(value) = HeaderValue::try_from(id.to_string()) {
            response.headers_mut().insert(REQUEST_ID.clone(), value);
        }
        if closes {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    async fn tend(&self) {
        loop {
            self.shared.clock.sleep(upstream::SWEEP_EVERY).await;
            self.upstreams.sweep();
        }
    }
}
