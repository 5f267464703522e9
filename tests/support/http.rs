//! A plain HTTP client: one connection a request, nothing followed, nothing interpreted.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpSocket, TcpStream};

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// A request with a body of some type; an empty type means no `Content-Type`.
pub(crate) fn request(method: Method, path: &str, content_type: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let mut request = Request::builder().method(method).uri(path);
    if !content_type.is_empty() {
        request = request.header("content-type", content_type);
    }
    request.body(Full::new(body.into())).unwrap()
}

pub(crate) fn get(path: &str) -> Request<Full<Bytes>> {
    request(Method::GET, path, "", "")
}

pub(crate) fn post_json(path: &str, body: &Value) -> Request<Full<Bytes>> {
    request(Method::POST, path, "application/json", body.to_string())
}

pub(crate) fn post_form(path: &str, fields: &[(&str, &str)]) -> Request<Full<Bytes>> {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    request(Method::POST, path, "application/x-www-form-urlencoded", body)
}

/// The same request with `Authorization: Bearer`.
pub(crate) fn bearing(mut request: Request<Full<Bytes>>, token: &str) -> Request<Full<Bytes>> {
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

/// The same as [`send`], from this address of ours.
pub(crate) async fn send_from(from: IpAddr, address: SocketAddr, request: Request<Full<Bytes>>) -> Reply {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(from, 0)).unwrap();
    read(open_on(socket.connect(address).await.unwrap(), address, request).await.unwrap()).await
}

/// Sends a request and answers as soon as the head is there. Dropping the answer hangs up.
pub(crate) async fn open(address: SocketAddr, request: Request<Full<Bytes>>) -> hyper::Result<Response<Incoming>> {
    open_on(TcpStream::connect(address).await.unwrap(), address, request).await
}

async fn open_on(socket: TcpStream, address: SocketAddr, mut request: Request<Full<Bytes>>) -> hyper::Result<Response<Incoming>> {
    if !request.headers().contains_key("host") {
        request.headers_mut().insert("host", address.to_string().parse().unwrap());
    }
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(socket)).await?;
    tokio::spawn(connection);
    sender.send_request(request).await
}

/// Sends a request and reads the answer to its end.
pub(crate) async fn send(address: SocketAddr, request: Request<Full<Bytes>>) -> Reply {
    read(open(address, request).await.unwrap()).await
}

/// The same, where the answer may be cut off.
pub(crate) async fn try_send(address: SocketAddr, request: Request<Full<Bytes>>) -> hyper::Result<Reply> {
    try_read(open(address, request).await?).await
}

async fn read(response: Response<Incoming>) -> Reply {
    try_read(response).await.unwrap()
}

async fn try_read(response: Response<Incoming>) -> hyper::Result<Reply> {
    let (head, body) = response.into_parts();
    Ok(Reply { status: head.status, headers: head.headers, body: body.collect().await?.to_bytes() })
}
