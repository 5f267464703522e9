//! An HTTP client for whom nothing is certain: servers die, stand still, and come back.

use std::{fmt, net::SocketAddr, path::Path, time::Duration};

use bytes::Bytes;
use http::{Request, header::HOST};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::Incoming,
    client::conn::http1::{SendRequest, handshake},
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    time::timeout,
};

/// Longer than any server stands still.
const PATIENCE: Duration = Duration::from_secs(12);

pub(crate) type Asked = Request<Full<Bytes>>;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) struct Silence(String);

impl Silence {
    /// There is nobody to ask.
    pub(crate) fn down() -> Self {
        Self("it is down".to_owned())
    }
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn silence(error: impl fmt::Display) -> Silence {
    Silence(error.to_string())
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: http::HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A text in an object.
    pub(crate) fn said(&self, name: &str) -> Option<String> {
        let json: Value = serde_json::from_slice(&self.body).ok()?;
        Some(json[name].as_str()?.to_owned())
    }
}

/// A connection that is kept from one request to the next.
pub(crate) struct Connection(SendRequest<Full<Bytes>>);

impl Connection {
    pub(crate) async fn to(address: SocketAddr) -> Result<Self, Silence> {
        let stream = TcpStream::connect(address).await.map_err(silence)?;
        stream.set_nodelay(true).map_err(silence)?;
        Self::over(stream).await
    }

    async fn over(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Result<Self, Silence> {
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(silence)?;
        // What breaks it, the request says.
        tokio::spawn(connection);
        Ok(Self(sender))
    }

    /// Sends, and answers as soon as the head is there.
    pub(crate) async fn open(&mut self, mut request: Asked) -> Result<http::Response<Incoming>, Silence> {
        request.headers_mut().entry(HOST).or_insert(http::HeaderValue::from_static("127.0.0.1"));
        let answered = async {
            self.0.ready().await?;
            self.0.send_request(request).await
        };
        timeout(PATIENCE, answered).await.map_err(silence)?.map_err(silence)
    }

    pub(crate) async fn ask(&mut self, request: Asked) -> Result<Answer, Silence> {
        let (head, body) = self.open(request).await?.into_parts();
        let body = timeout(PATIENCE, body.collect()).await.map_err(silence)?.map_err(silence)?;
        Ok(Answer { status: head.status.as_u16(), head: head.headers, body: body.to_bytes() })
    }
}

/// One request on a connection of its own.
pub(crate) async fn ask(address: SocketAddr, request: Asked) -> Result<Answer, Silence> {
    Connection::to(address).await?.ask(request).await
}

/// The same on a Unix socket.
pub(crate) async fn ask_socket(socket: &Path, request: Asked) -> Result<Answer, Silence> {
    let stream = UnixStream::connect(socket).await.map_err(silence)?;
    Connection::over(stream).await?.ask(request).await
}
