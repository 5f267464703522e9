//! Connections that become another protocol's (RFC 9110 section 7.8). An upgrade is asked for by a
//! request like every other, and checked like it. Once the upstream has agreed, bytes go by both ways
//! and nobody looks at them, until both sides have ended, one breaks off, nothing goes either way for
//! `connections.idle_timeout`, or the access is taken back. Then both connections are closed, without a
//! word in the other protocol: half a frame may be on its way, and there is no place behind it for one
//! of ours.
//!
//! By HTTP/1.1 alone: the extended CONNECT of HTTP/2 (RFC 8441) is not spoken.

use std::{future::pending, io};

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Response,
    header::{CONNECTION, CONTENT_LENGTH, UPGRADE},
    request::Parts,
};
use http_body::Body as _;
use hyper::{body::Incoming, upgrade::OnUpgrade};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};

use super::{line::Line, reject::Rejection, route::Route, stream::Inbound, upstream::Lease};
use crate::{
    config::Upgrade,
    message::Body,
    net::upgrade::{Successor, TimeUp, Upgraded},
    verify::OpenStream,
};

/// What is held of each direction at most, besides what lies with the system.
const BUFFER: usize = 16 << 10;

/// The upgrade that a request asks for, if its route has it. Any other is passed over, as it may be.
///
/// # Errors
/// 400 for a body: the other protocol begins where it would.
pub fn asked(route: &Route, head: &Parts, body: &Inbound) -> Result<Option<Upgrade>, Rejection> {
    let is_asked = |upgrade: &&Upgrade| names(&head.headers, UPGRADE, upgrade.token());
    let Some(upgrade) = route.upgrade.iter().find(is_asked) else { return Ok(None) };
    // hyper leaves that where the connection can be given up for it.
    let can_be = head.method == Method::GET && head.extensions.get::<OnUpgrade>().is_some();
    if !can_be || !names(&head.headers, CONNECTION, "upgrade") {
        return Ok(None);
    }
    if !body.is_end_stream() {
        return Err(Rejection::bad_request("upgrade_body", "A request for an upgrade cannot have a body."));
    }
    Ok(Some(*upgrade))
}

/// Whether one of a list field's lines names this.
pub fn names(headers: &HeaderMap, field: HeaderName, token: &str) -> bool {
    let mut named = headers.get_all(field).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    named.any(|name| name.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

/// Asks for this upgrade, or agrees to it, and no other.
pub fn say(upgrade: Upgrade, headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static(upgrade.token()));
    // Neither message has a body.
    headers.remove(CONTENT_LENGTH);
}

/// An upstream's connection after its 101.
pub struct Tunnel {
    upstream: OnUpgrade,
    /// Dropping it closes the connection, until that has become another.
    lease: Lease,
    /// Where taking the access back ends it.
    stream: Option<OpenStream>,
}

impl Tunnel {
    /// On the connection of this answer, a 101.
    pub fn new(answer: &mut Response<Incoming>, lease: Lease, stream: Option<OpenStream>) -> Self {
        Self { upstream: hyper::upgrade::on(answer), lease, stream }
    }

    /// The answer, with the tunnel behind it. The line is written when that has ended.
    pub fn behind(self: Box<Self>, mut answer: Response<Body>, line: Line) -> Response<Body> {
        Successor::new(move |caller, time_up| self.run(caller, time_up, line)).succeed(&mut answer);
        answer
    }

    async fn run(self: Box<Self>, caller: Upgraded, time_up: TimeUp, mut line: Line) {
        let Self { upstream, lease: _lease, stream } = *self;
        let taken_back = async {
            match &stream {
                Some(stream) => {
                    stream.cut().cancelled().await;
                    stream.count_cut();
                }
                None => pending().await,
            }
        };
        // What it stays if the gateway ends first.
        line.ended("gateway_ended");
        let outcome = tokio::select! {
            // First, so that nothing goes by afterwards.
            biased;
            () = taken_back => "taken_back",
            why = time_up => why,
            ended = join(caller, upstream, &mut line) => match ended {
                Ok(()) => "completed",
                Err(broken) => broken.told(),
            }
        };
        line.ended(outcome);
    }
}

/// Who broke off.
enum Broken {
    Caller(io::Error),
    Upstream(io::Error),
}

impl Broken {
    fn told(self) -> &'static str {
        let (outcome, error) = match self {
            Self::Caller(error) => ("caller_left", error),
            Self::Upstream(error) => ("upstream_broke_off", error),
        };
        tracing::debug!(%error, outcome, "a tunnel broke off");
        outcome
    }
}

/// Carries bytes both ways until both sides have ended.
async fn join(caller: Upgraded, upstream: OnUpgrade, line: &mut Line) -> Result<(), Broken> {
    let upstream = TokioIo::new(upstream.await.map_err(|error| Broken::Upstream(io::Error::other(error)))?);
    let ((mut caller_says, mut to_caller), (mut upstream_says, mut to_upstream)) = (split(caller), split(upstream));
    let received = line.incoming();
    let up = carry(&mut caller_says, &mut to_upstream, |bytes| received.add(bytes), Broken::Caller, Broken::Upstream);
    let down = carry(&mut upstream_says, &mut to_caller, |bytes| line.sent(bytes), Broken::Upstream, Broken::Caller);
    tokio::try_join!(up, down).map(drop)
}

/// Carries bytes to the end, and then the end itself.
async fn carry(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    mut count: impl FnMut(u64),
    unread: fn(io::Error) -> Broken,
    unwritten: fn(io::Error) -> Broken,
) -> Result<(), Broken> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let length = from.read(&mut buffer).await.map_err(unread)?;
        if length == 0 {
            return to.shutdown().await.map_err(unwritten);
        }
        to.write_all(&buffer[..length]).await.map_err(unwritten)?;
        to.flush().await.map_err(unwritten)?;
        count(length as u64);
    }
}
