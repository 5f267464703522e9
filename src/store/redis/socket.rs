//! A byte stream to a server: TCP, and TLS where it is asked for.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use secrecy::ExposeSecret;
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;
use tokio_util::{either::Either, io::InspectReader};

use super::OpenError;
use crate::config::store::{Host, RedisTls};

/// A connection on which nothing is sent is looked after that often, so that no firewall forgets it.
const KEEPALIVE: Duration = Duration::from_secs(10);
/// What was sent and is not acknowledged for so long breaks the connection.
const UNACKNOWLEDGED: Duration = Duration::from_secs(10);

/// Counts what was heard on a connection: it grows with every read.
#[derive(Clone, Default, Debug)]
pub(super) struct Heard(Arc<AtomicU64>);

impl Heard {
    /// Differs from an earlier one where something was heard in between.
    pub(super) fn so_far(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Connects, and resolves the name anew.
///
/// # Errors
/// Of the name, TCP or TLS.
pub(super) async fn open(
    host: &Host,
    tls: Option<&TlsConnector>,
    heard: &Heard,
) -> io::Result<impl AsyncRead + AsyncWrite + Unpin + Send + 'static> {
    let tcp = TcpStream::connect((host.name.as_str(), host.port)).await?;
    tcp.set_nodelay(true)?;
    let socket = SockRef::from(&tcp);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE))?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED))?;
    let stream = match tls {
        None => Either::Left(tcp),
        Some(tls) => {
            let name = ServerName::try_from(host.name.clone()).map_err(io::Error::other)?;
            Either::Right(tls.connect(name, tcp).await?)
        }
    };
    let heard = Arc::clone(&heard.0);
    Ok(InspectReader::new(stream, move |_: &[u8]| {
        heard.fetch_add(1, Relaxed);
    }))
}

/// What is trusted, and what we show: without a CA of its own the system's certificates, or where there are
/// none (an image made from scratch) Mozilla's.
///
/// # Errors
/// [`OpenError::Tls`].
pub(super) fn connector(tls: &RedisTls) -> Result<TlsConnector, OpenError> {
    let bad = |what: &str, error: &dyn std::error::Error| OpenError::Tls(format!("{what}: {error}"));
    let mut roots = RootCertStore::empty();
    if let Some(ca) = &tls.ca {
        for certificate in CertificateDer::pem_slice_iter(ca) {
            let certificate = certificate.map_err(|error| bad("the CA", &error))?;
            roots.add(certificate).map_err(|error| bad("the CA", &error))?;
        }
        if roots.is_empty() {
            return Err(OpenError::Tls("the CA: no certificate is in it".to_owned()));
        }
    } else {
        let (_, _ignored) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| bad("the library's defaults", &error))?
        .with_root_certificates(roots);
    let config = match &tls.certificate {
        None => config.with_no_client_auth(),
        Some((chain, key)) => {
            let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
            let chain = chain.map_err(|error| bad("the client certificate", &error))?;
            let key = PrivateKeyDer::from_pem_slice(key.expose_secret().as_bytes());
            let key = key.map_err(|error| bad("the client certificate's key", &error))?;
            config.with_client_auth_cert(chain, key).map_err(|error| bad("the client certificate", &error))?
        }
    };
    Ok(Arc::new(config).into())
}
