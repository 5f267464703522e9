//! Asks a gateway that runs, over its admin socket.

use std::{
    io::{self, ErrorKind},
    path::Path,
    time::Duration,
};

use bytes::Bytes;
use http::{Request, StatusCode, header::HOST};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{net::UnixStream, time::timeout};

use crate::{
    cli::Failure,
    message::body::{self, BodyError},
    ops::admin::{AdminAnswer, AdminRequest, http::ErrorBody, http::path},
};

/// Longer than the gateway takes for anything.
const TIMEOUT: Duration = Duration::from_secs(150);
/// A list of everything there is may be long.
const MAX_ANSWER: usize = 1 << 30;

/// Whether somebody answers there. What a gateway that died left behind answers nobody.
pub(super) async fn answers(socket: &Path) -> Result<bool, Failure> {
    match UnixStream::connect(socket).await {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => Ok(false),
        Err(cause) => Err(Failure::Socket { path: socket.to_owned(), cause }),
    }
}

/// Nobody does, and nothing else can be asked.
pub(super) fn nobody(socket: &Path) -> Failure {
    Failure::Socket { path: socket.to_owned(), cause: io::Error::new(ErrorKind::ConnectionRefused, "no gateway answers there") }
}

/// Asks.
pub(super) async fn ask(socket: &Path, request: &AdminRequest) -> Result<AdminAnswer, Failure> {
    let failed = |cause| Failure::Socket { path: socket.to_owned(), cause };
    let (status, answer) = match timeout(TIMEOUT, exchange(socket, request)).await {
        Ok(answered) => answered.map_err(failed)?,
        Err(too_late) => return Err(failed(too_late.into())),
    };
    if status.is_success() {
        return serde_json::from_slice(&answer).map_err(|error| failed(error.into()));
    }
    let ErrorBody { error } = serde_json::from_slice(&answer).map_err(|error| failed(error.into()))?;
    Err(Failure::Admin(error))
}

async fn exchange(socket: &Path, request: &AdminRequest) -> io::Result<(StatusCode, Bytes)> {
    let arguments = serde_json::to_vec(&request.arguments)?;
    let request =
        Request::post(path(request)).header(HOST, "localhost").body(Full::new(Bytes::from(arguments))).map_err(io::Error::other)?;
    let stream = TokioIo::new(UnixStream::connect(socket).await?);
    let (mut sender, connection) = http1::handshake(stream).await.map_err(io::Error::other)?;
    // How it ends is told by the answer too.
    tokio::spawn(connection);
    let (head, body) = sender.send_request(request).await.map_err(io::Error::other)?.into_parts();
    let body = body.map_err(BodyError::because).boxed_unsync();
    let answer = body::read(body, MAX_ANSWER).await.map_err(|error| io::Error::other(error.to_string()))?;
    Ok((head.status, answer))
}
