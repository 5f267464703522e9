//! The client that asks the gateways, and the server behind them.

use std::{convert::Infallible, net::SocketAddr};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, client, server, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};

use crate::Outcome;

/// One connection to a gateway.
pub(crate) struct Connection {
    sender: client::conn::http1::SendRequest<Full<Bytes>>,
    host: String,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Outcome<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = client::conn::http1::handshake(TokioIo::new(stream)).await?;
        // What breaks it, the next request says.
        tokio::spawn(connection);
        Ok(Self { sender, host: address.to_string() })
    }

    /// A request with a token.
    pub(crate) async fn get(&mut self, path: &str, token: &str) -> Outcome<StatusCode> {
        let request = self.request(Method::GET, path).header(header::AUTHORIZATION, format!("Bearer {token}")).body(Full::default())?;
        Ok(self.ask(request).await?.0)
    }

    /// A request with JSON, and with a token where there is one.
    pub(crate) async fn post(&mut self, path: &str, token: Option<&str>, json: &Value) -> Outcome<(StatusCode, Value)> {
        let mut request = self.request(Method::POST, path).header(header::CONTENT_TYPE, "application/json");
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let (status, body) = self.ask(request.body(Full::from(json.to_string()))?).await?;
        Ok((status, serde_json::from_slice(&body)?))
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> http::request::Builder {
        Request::builder().method(method).uri(path).header(header::HOST, &self.host)
    }

    /// Answers as soon as the head has come.
    pub(crate) async fn open_answer(&mut self, request: Request<Full<Bytes>>) -> Outcome<Response<Incoming>> {
        self.sender.ready().await?;
        Ok(self.sender.send_request(request).await?)
    }

    pub(crate) async fn ask(&mut self, request: Request<Full<Bytes>>) -> Outcome<(StatusCode, Bytes)> {
        let response = self.open_answer(request).await?;
        let status = response.status();
        Ok((status, response.into_body().collect().await?.to_bytes()))
    }
}

/// A server that always answers the same, for as long as the process lives.
pub(crate) async fn upstream() -> Outcome<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answer = service_fn(|_| async {
                let list = Bytes::from_static(br#"{"object":"list","data":[]}"#);
                Ok::<_, Infallible>(Response::new(Full::new(list)))
            });
            // A gateway that hangs up is no fault.
            tokio::spawn(server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
        }
    });
    Ok(address)
}
