//! The one log line of a request: what happened to it, why, and how long each phase took. It is
//! written when the answer's last byte is out, or when the caller has gone.

use std::{sync::Arc, time::Duration};

use http::{Method, StatusCode};

use super::{
    reject::{Fault, Rejection},
    route::Route,
    stream::Received,
};
use crate::{
    clock::{BootTime, Clock},
    message::{Note, Peer, RequestId, Shape, refused},
    oauth::{id::GrantId, subject::Subject},
};

/// What is known of a request so far. Dropping it writes the line.
pub struct Line {
    clock: Clock,
    id: RequestId,
    method: Method,
    peer: Peer,
    route: Option<Arc<str>>,
    shape: Shape,
    cors: bool,
    grant: Option<GrantId>,
    client: Option<String>,
    outcome: &'static str,
    reason: Option<&'static str>,
    fault: Option<Fault>,
    cause: Option<String>,
    status: Option<StatusCode>,
    began: BootTime,
    authenticated: Option<BootTime>,
    answered: Option<BootTime>,
    received: Arc<Received>,
    bytes_out: u64,
}

impl Line {
    /// A request has come.
    pub fn begin(id: RequestId, method: &Method, peer: Peer, clock: &Clock) -> Self {
        Self {
            clock: clock.clone(),
            id,
            method: method.clone(),
            peer,
            route: None,
            shape: refused::openai,
            cors: false,
            grant: None,
            client: None,
            // What it stays if the caller goes away first.
            outcome: "caller_left",
            reason: None,
            fault: None,
            cause: None,
            status: None,
            began: clock.boot_now(),
            authenticated: None,
            answered: None,
            received: Arc::default(),
            bytes_out: 0,
        }
    }

    /// This route claims it.
    pub fn routed(&mut self, route: &Route) {
        self.route = Some(Arc::clone(&route.name));
        self.shape = route.shape;
        self.cors = route.cors;
    }

    /// The credential was checked.
    pub fn authenticated(&mut self, subject: Option<&Subject>) {
        self.authenticated = Some(self.clock.boot_now());
        if let Some(subject) = subject {
            self.grant = Some(subject.grant);
            self.client = Some(subject.client.to_string());
        }
    }

    /// It does not get through.
    pub fn rejected(&mut self, rejection: &Rejection) {
        self.reason = Some(rejection.reason);
        self.fault = Some(rejection.fault);
        self.cause.clone_from(&rejection.cause);
        self.grant = rejection.grant.or(self.grant);
        self.cors |= rejection.cors;
        if let Some(shape) = rejection.shape {
            self.shape = shape;
        }
    }

    /// Whether the answer is to have no body.
    pub fn is_of_head(&self) -> bool {
        self.method == Method::HEAD
    }

    /// How its route says no.
    pub const fn shape(&self) -> Shape {
        self.shape
    }

    /// Whether scripts of any origin may read the answer.
    pub const fn cors(&self) -> bool {
        self.cors
    }

    /// Counts the bytes that the caller sends.
    pub fn incoming(&self) -> Arc<Received> {
        Arc::clone(&self.received)
    }

    /// The answer's head is there.
    pub fn answered(&mut self, status: StatusCode, note: Option<&Note>) {
        self.answered = Some(self.clock.boot_now());
        self.status = Some(status);
        if let Some(note) = note {
            self.grant = note.grant.or(self.grant);
            self.reason = note.outcome.or(self.reason);
        }
    }

    /// So many bytes of the answer are out.
    pub const fn sent(&mut self, bytes: u64) {
        self.bytes_out += bytes;
    }

    /// The answer ended so.
    pub const fn ended(&mut self, outcome: &'static str) {
        self.outcome = outcome;
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let now = self.clock.boot_now();
        let authenticated = self.authenticated.map(|at| micros(at.saturating_sub(self.began)));
        let answered = self.answered.map(|at| micros(at.saturating_sub(self.authenticated.unwrap_or(self.began))));
        tracing::info!(
            target: "gatepost::request",
            id = %self.id,
            method = %self.method,
            route = self.route.as_deref(),
            peer = %self.peer.ip,
            status = self.status.map(|status| status.as_u16()),
            outcome = self.outcome,
            reason = self.reason,
            fault = self.fault.map(Fault::as_str),
            cause = self.cause.as_deref(),
            grant = self.grant.map(tracing::field::display),
            client = self.client.as_deref(),
            authenticate_us = authenticated,
            answer_us = answered,
            total_us = micros(now.saturating_sub(self.began)),
            bytes_in = self.received.bytes(),
            bytes_out = self.bytes_out,
            "request"
        );
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
