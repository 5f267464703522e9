//! One connection: what it speaks, its requests, and its end.

use std::{
    convert::Infallible,
    pin::{Pin, pin},
    rc::Rc,
};

use http::{Request, StatusCode};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::{HttpService, service_fn},
};
use hyper_util::rt::TokioIo;

use super::{
    Drain, RequestBody, Service,
    ceiling::Place,
    exchange::AnswerBody,
    http2::{Streams, builder},
    listener::{MAX_FIELDS, MAX_HEAD},
    paced::{Paced, Socket, Speaks},
    track::Track,
    upgrade::Successor,
    watch::{Verdict, Watch},
};
use crate::{config::Connections, message::Peer};

/// What is buffered of an answer before the caller has to take some of it, and of a request before
/// somebody wants it.
const MAX_BUFFER: usize = 32 << 10;

/// Serves a connection to its end.
pub(super) async fn serve<T: Socket, S: Service>(
    socket: T,
    peer: Peer,
    place: Place,
    service: Rc<S>,
    limits: Rc<Connections>,
    drain: Drain,
) {
    let track = Rc::new(Track::default());
    let mut watch = Watch::new(Rc::clone(&track), limits);
    let mut paced = Paced::new(socket, Rc::clone(&track));
    let speaks = tokio::select! {
        // First, so that what has come is answered.
        biased;
        looked = paced.look() => looked,
        _too_late = watch.verdict() => return,
        () = drain.begun() => return,
    };
    let speaks = match speaks {
        Ok(speaks) => speaks,
        Err(error) => return tracing::debug!(%error, "a connection ended before it began"),
    };
    let exchanges = Rc::clone(&track);
    let service = service_fn(move |request: Request<Incoming>| {
        let (exchange, service, track) = (exchanges.begin(), Rc::clone(&service), Rc::clone(&exchanges));
        async move {
            let request = request.map(|body| RequestBody::new(body, exchange.clone()));
            let mut answer = service.answer(request, peer).await;
            if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
                track.successor.set(answer.extensions_mut().remove::<Successor>());
            }
            Ok::<_, Infallible>(answer.map(|body| AnswerBody::new(body, exchange)))
        }
    });
    let io = TokioIo::new(paced);
    match speaks {
        Speaks::Http1 => {
            track.speaks_http1();
            let mut http1 = http1::Builder::new();
            // The watch looks after the time that a head takes.
            http1.header_read_timeout(None).max_headers(MAX_FIELDS).max_header_size(MAX_HEAD as usize).max_buf_size(MAX_BUFFER);
            let mut connection = http1.serve_connection(io, service);
            let ended = run(Pin::new(&mut connection), &track, &mut watch, drain).await;
            if let Some(successor) = track.successor.take().filter(|_| ended) {
                let parts = connection.into_parts();
                let upgraded = parts.io.into_inner().unread(&parts.read_buf);
                successor.go_on(Box::new(upgraded), Box::pin(watch.upgraded())).await;
            }
        }
        Speaks::Http2 => {
            track.speaks_http2();
            watch.speaks_http2();
            run(pin!(builder(&track, place, peer).serve_connection(io, service)), &track, &mut watch, drain).await;
        }
    }
}

/// Answers whether it has come to its own end.
async fn run(mut connection: Pin<&mut impl Serving>, track: &Track, watch: &mut Watch, drain: Drain) -> bool {
    let mut drains = false;
    let ended = loop {
        tokio::select! {
            ended = connection.as_mut() => break ended,
            verdict = watch.verdict() => match verdict {
                Verdict::Close(why) => {
                    tracing::debug!(why, "a connection is closed");
                    watch.closes();
                    connection.as_mut().close();
                }
                Verdict::Cut(why) => {
                    tracing::debug!(why, "a connection is cut");
                    track.reset.set(true);
                    track.cut();
                    return false;
                }
            },
            () = drain.begun(), if !drains => {
                drains = true;
                watch.closes();
                connection.as_mut().close();
            }
        }
    };
    if let Err(error) = &ended {
        // Callers come and go; what it meant for a request stands in its line.
        tracing::debug!(%error, "a connection ended");
    }
    ended.is_ok()
}

/// A connection that is served, whichever HTTP it speaks.
trait Serving: Future<Output = hyper::Result<()>> {
    /// Takes no further request, and ends after those that it has.
    fn close(self: Pin<&mut Self>);
}

impl<T, S> Serving for http1::Connection<TokioIo<Paced<T>>, S>
where
    T: Socket,
    S: HttpService<Incoming, ResBody = AnswerBody, Error = Infallible>,
{
    fn close(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<T, S> Serving for http2::Connection<TokioIo<Paced<T>>, S, Streams>
where
    T: Socket,
    S: HttpService<Incoming, ResBody = AnswerBody, Error = Infallible>,
    S::Future: 'static,
{
    fn close(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}
