//! Fetching what a stranger points at: the document about a client whose id is its address
//! (draft-ietf-oauth-client-id-metadata-document). Whoever may name an address could make the gateway
//! knock at doors that only the gateway reaches, so:
//!
//! 1. The address is https, with a path, and says nothing in a second way (user, fragment).
//! 2. The host is looked up once. If any address of it is not on the open network, none is asked.
//! 3. The connection goes to an address that was looked at, and to no other: nobody looks again.
//! 4. The certificate must be the host's.
//! 5. The answer is 200, JSON, and small. Nothing is followed, kept or tried again.
//!
//! All of it in five seconds.

use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderMap, Request, Response, StatusCode,
    header::{ACCEPT, CONNECTION, CONTENT_TYPE, HOST, USER_AGENT},
};
use http_body_util::{BodyExt, Empty};
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use ipnet::IpNet;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::{TlsConnector, client::TlsStream};
use url::{Host, Url};

use super::{public::is_public, tls};
use crate::{
    clock::Clock,
    message::body::{self, BodyError, ReadError},
};

/// The time for everything, the look-up and the last byte included.
const LIMIT: Duration = Duration::from_secs(5);
/// At most so many bytes of a document.
const MAX_DOCUMENT: usize = 5 << 10;
/// At most so many bytes of an answer's head.
const MAX_HEAD: usize = 16 << 10;
/// At most so many fields in it.
const MAX_FIELDS: usize = 100;

/// What an operator allows besides.
#[derive(Clone, Default, Debug)]
pub struct FetchSettings {
    /// Networks of his own from which documents may come.
    pub networks: Vec<IpNet>,
    /// Certificates that are trusted besides the system's.
    pub roots: Vec<CertificateDer<'static>>,
}

/// What a look-up comes to.
pub type Addresses = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Looks up the addresses of a host, to be connected to at a port.
pub type Resolve = Arc<dyn Fn(String, u16) -> Addresses + Send + Sync>;

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The address is of another kind.
    #[error("it is not an https address with a path, without user and fragment")]
    Address,
    /// The host has no address.
    #[error("the host cannot be found: {0}")]
    Resolve(io::Error),
    /// The host, or one of its addresses, is not on the open network.
    #[error("the host's address {0} is not on the open network")]
    Private(IpAddr),
    /// Nobody answers there.
    #[error("the host cannot be reached: {0}")]
    Unreachable(io::Error),
    /// The other side is not the host, or speaks no TLS.
    #[error("TLS failed: {0}")]
    Tls(io::Error),
    /// The other side speaks no proper HTTP, or broke off.
    #[error("HTTP failed: {0}")]
    Http(#[from] hyper::Error),
    /// The body broke off.
    #[error("the document broke off: {0}")]
    Broken(BodyError),
    /// Another status than 200. Redirects are not followed.
    #[error("the answer is {0}, not 200")]
    Status(StatusCode),
    /// It is no JSON.
    #[error("the answer's Content-Type is not JSON")]
    ContentType,
    /// It is longer than a document may be.
    #[error("the document is longer than {MAX_DOCUMENT} bytes")]
    TooLarge,
    /// It took too long.
    #[error("it took longer than {} seconds", LIMIT.as_secs())]
    TooSlow,
}

/// Fetches documents.
pub struct Fetcher {
    tls: TlsConnector,
    networks: Vec<IpNet>,
    resolve: Resolve,
    clock: Clock,
}

impl Fetcher {
    /// Looks hosts up as the system does.
    ///
    /// # Errors
    /// Where a certificate of the settings is none.
    pub fn new(settings: FetchSettings, clock: Clock) -> Result<Self, rustls::Error> {
        let tls = TlsConnector::from(tls::client_config(&settings.roots)?);
        let resolve: Resolve = Arc::new(|host, port| Box::pin(async move { Ok(lookup_host((host, port)).await?.collect()) }));
        Ok(Self { tls, networks: settings.networks, resolve, clock })
    }

    /// Looks hosts up so.
    #[must_use]
    pub fn resolving(self, resolve: Resolve) -> Self {
        Self { resolve, ..self }
    }

    /// Fetches the document at an address. One try, at most five seconds, at most 5 KiB.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn get(&self, url: &Url) -> Result<Bytes, FetchError> {
        tokio::select! {
            biased;
            document = self.fetch(url) => document,
            () = self.clock.sleep(LIMIT) => Err(FetchError::TooSlow),
        }
    }

    async fn fetch(&self, url: &Url) -> Result<Bytes, FetchError> {
        let target = Target::of(url).ok_or(FetchError::Address)?;
        let addresses = self.addresses(&target).await?;
        // Of addresses, not of a name: nothing is looked up here.
        let tcp = TcpStream::connect(&addresses[..]).await.map_err(FetchError::Unreachable)?;
        let tls = self.tls.connect(target.name.clone(), tcp).await.map_err(FetchError::Tls)?;
        ask(tls, target.request).await
    }

    /// The addresses of the host, all of which may be asked.
    async fn addresses(&self, target: &Target) -> Result<Vec<SocketAddr>, FetchError> {
        let addresses = match target.name {
            // Nothing to look up.
            ServerName::IpAddress(ip) => vec![SocketAddr::new(ip.into(), target.port)],
            _ => (self.resolve)(target.host.clone(), target.port).await.map_err(FetchError::Resolve)?,
        };
        match addresses.iter().map(SocketAddr::ip).find(|address| !self.may_ask(*address)) {
            Some(address) => Err(FetchError::Private(address)),
            None => Ok(addresses),
        }
    }

    fn may_ask(&self, address: IpAddr) -> bool {
        is_public(address) || self.networks.iter().any(|network| network.contains(&address.to_canonical()))
    }
}

/// Whom to ask, and what.
struct Target {
    name: ServerName<'static>,
    host: String,
    port: u16,
    request: Request<Empty<Bytes>>,
}

impl Target {
    fn of(url: &Url) -> Option<Self> {
        let is_bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        if url.scheme() != "https" || url.path() == "/" || !is_bare {
            return None;
        }
        let host = url.host()?;
        let name = match host {
            Host::Domain(name) => ServerName::try_from(name.to_owned()).ok()?,
            Host::Ipv4(address) => IpAddr::V4(address).into(),
            Host::Ipv6(address) => IpAddr::V6(address).into(),
        };
        let authority = url.port().map_or_else(|| host.to_string(), |port| format!("{host}:{port}"));
        let target = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        let request = Request::get(target)
            .header(HOST, authority)
            .header(ACCEPT, "application/json")
            .header(USER_AGENT, concat!("gatepost/", env!("CARGO_PKG_VERSION")))
            .header(CONNECTION, "close")
            .body(Empty::new())
            .ok()?;
        Some(Self { name, host: host.to_string(), port: url.port_or_known_default()?, request })
    }
}

async fn ask(tls: TlsStream<TcpStream>, request: Request<Empty<Bytes>>) -> Result<Bytes, FetchError> {
    let (sender, connection) =
        http1::Builder::new().max_buf_size(MAX_HEAD).max_headers(MAX_FIELDS).handshake::<_, Empty<Bytes>>(TokioIo::new(tls)).await?;
    let mut document = pin!(document(sender, request));
    // The connection lives as long as this future does, and does nothing that nobody waits for.
    tokio::select! {
        biased;
        read = document.as_mut() => return read,
        ended = connection => if let Err(error) = ended {
            tracing::debug!(%error, "a connection to a document's host ended");
        },
    }
    document.await
}

async fn document(mut sender: SendRequest<Empty<Bytes>>, request: Request<Empty<Bytes>>) -> Result<Bytes, FetchError> {
    let answer = sender.send_request(request).await?;
    check(&answer)?;
    let body = answer.into_body().map_err(BodyError::because).boxed_unsync();
    body::read(body, MAX_DOCUMENT).await.map_err(|error| match error {
        ReadError::TooLarge => FetchError::TooLarge,
        ReadError::Broken(cause) => FetchError::Broken(cause),
    })
}

fn check(answer: &Response<Incoming>) -> Result<(), FetchError> {
    if answer.status() != StatusCode::OK {
        return Err(FetchError::Status(answer.status()));
    }
    if is_json(answer.headers()) { Ok(()) } else { Err(FetchError::ContentType) }
}

/// `application/json`, or a type that is JSON and says of what (RFC 6839 section 3.1).
fn is_json(headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(CONTENT_TYPE).iter();
    let (Some(Ok(line)), None) = (lines.next().map(|line| line.to_str()), lines.next()) else { return false };
    let essence = line.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence.starts_with("application/") && essence.ends_with("+json")
}
