//! The server behind the gateways: it answers at once, or never ends its answer.

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::{
    body::{Body, Frame, Incoming},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpListener,
    time::{Interval, interval},
};
use tokio_util::task::AbortOnDropHandle;

/// Whose answer never ends.
pub(crate) const STREAM: &str = "/v1/stream";
const TICK: Duration = Duration::from_millis(100);

pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    _accepting: AbortOnDropHandle<()>,
}

impl Upstream {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let accepting = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let answer = service_fn(|request: Request<Incoming>| async move { Ok::<_, Infallible>(answer(&request)) });
                // A gateway that hangs up is no fault.
                tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), answer));
            }
        });
        Self { address, _accepting: AbortOnDropHandle::new(accepting) }
    }
}

fn answer(request: &Request<Incoming>) -> Response<UnsyncBoxBody<Bytes, Infallible>> {
    let streams = request.uri().path() == STREAM;
    let body = if streams { Ticks(interval(TICK)).boxed_unsync() } else { Full::from("{\"ok\":true}").boxed_unsync() };
    let mut response = Response::new(body);
    let kind = if streams { "text/event-stream" } else { "application/json" };
    response.headers_mut().insert("content-type", http::HeaderValue::from_static(kind));
    response
}

/// Events without an end.
struct Ticks(Interval);

impl Body for Ticks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        ready!(self.0.poll_tick(cx));
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"data: tick\n\n")))))
    }
}
