//! Streams that are open when their grant is revoked.

use std::{
    convert::Infallible,
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Either, Full, StreamBody};
use hyper::{
    body::{Frame, Incoming},
    server,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use secrecy::SecretString;
use tokio::{
    net::TcpListener,
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};

use crate::{Outcome, figures::Times, grants::shown, http::Connection, revoke::revoke, stand::Stand};

/// So many are open at each replica.
pub(crate) const AT_A_REPLICA: usize = 20;
/// From one event to the next.
const PAUSE: Duration = Duration::from_millis(20);
/// So long all of them run before they are revoked.
const RUN: Duration = Duration::from_millis(300);
const STREAM: &str = "/v1/stream";

type Events = StreamBody<BoxStream<'static, Result<Frame<Bytes>, Infallible>>>;

/// How long streams went on.
#[derive(Default)]
pub(crate) struct Ends {
    /// Since the revocation was sent.
    pub(crate) since_sent: Times,
    /// Since it was answered; zero if they had ended by then.
    pub(crate) since_answered: Times,
}

/// Opens streams at all replicas and revokes their grant, at each replica in turn.
pub(crate) async fn revoke_all(stand: &mut Stand, rounds: usize) -> Outcome<Ends> {
    let addresses = stand.addresses()?;
    let mut ends = Ends::default();
    for round in 0..rounds {
        let token = stand.token()?;
        let mut open = JoinSet::new();
        for address in addresses {
            for _ in 0..AT_A_REPLICA {
                let body = opened(address, &token).await?;
                open.spawn(ended(body));
            }
        }
        let mut at = Connection::open(addresses[round % addresses.len()]).await?;
        sleep(RUN).await;
        let sent = Instant::now();
        let answered = sent + revoke(&mut at, &token).await?;
        while let Some(end) = open.join_next().await {
            let end = end??;
            ends.since_sent.add(end.checked_duration_since(sent).ok_or("a stream ended before it was revoked")?);
            ends.since_answered.add(end.saturating_duration_since(answered));
        }
    }
    Ok(ends)
}

async fn opened(at: SocketAddr, token: &SecretString) -> Outcome<Incoming> {
    let mut connection = Connection::open(at).await?;
    let request = connection.request(Method::GET, STREAM).header(header::AUTHORIZATION, format!("Bearer {}", shown(token)));
    let answer = connection.open_answer(request.body(Full::default())?).await?;
    match answer.status() {
        StatusCode::OK => Ok(answer.into_body()),
        status => Err(format!("a stream was answered {status}").into()),
    }
}

/// When it ended, with an event that says why.
async fn ended(mut body: Incoming) -> Outcome<Instant> {
    let mut last = Bytes::new();
    while let Some(frame) = body.frame().await {
        last = frame?.into_data().unwrap_or(last);
    }
    let end = Instant::now();
    if String::from_utf8_lossy(&last).contains("token_revoked") { Ok(end) } else { Err("a stream ended, and did not say why".into()) }
}

/// A server with streams without end at one path, and a short answer at all others, for as long as the process lives.
pub(crate) async fn upstream() -> Outcome<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answer = service_fn(async |request| Outcome::Ok(answer(&request)));
            // A gateway that hangs up is no fault.
            tokio::spawn(server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
        }
    });
    Ok(address)
}

fn answer(request: &Request<Incoming>) -> Response<Either<Full<Bytes>, Events>> {
    if request.uri().path() != STREAM {
        return Response::new(Either::Left(Full::from(&br#"{"object":"list","data":[]}"#[..])));
    }
    let mut ticks = interval(PAUSE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let events = stream::unfold(ticks, |mut ticks| async {
        ticks.tick().await;
        let event = Bytes::from_static(b"data: {\"choices\":[{\"delta\":{\"content\":\"word \"}}]}\n\n");
        Some((Ok(Frame::data(event)), ticks))
    });
    let mut response = Response::new(Either::Right(StreamBody::new(events.boxed())));
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/event-stream"));
    response
}
