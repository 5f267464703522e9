//! Upstreams behind TLS: only those whose certificate the machine trusts get to see a request.

use std::{net::SocketAddr, sync::Arc};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivatePkcs8KeyDer},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::mpsc,
};
use tokio_rustls::TlsAcceptor;

use super::{
    raw::soon,
    stand::{Stand, config},
};
use crate::support::http::get;

/// A certificate for `localhost` that vouches for itself, with its key.
pub(crate) struct Certificate {
    der: Vec<u8>,
    key: Vec<u8>,
}

fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let mut bytes = match content.len() {
        0..128 => vec![tag, length[1]],
        128..256 => vec![tag, 0x81, length[1]],
        _ => vec![tag, 0x82, length[0], length[1]],
    };
    bytes.extend(content);
    bytes
}

impl Certificate {
    /// RFC 5280 section 4.1.
    pub(crate) fn new() -> Self {
        const SEQUENCE: u8 = 0x30;
        const ECDSA_WITH_SHA256: &[u8] = b"\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02";
        const EC_PUBLIC_KEY: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01";
        const P256: &[u8] = b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
        const COMMON_NAME: &[u8] = b"\x06\x03\x55\x04\x03";
        const SUBJECT_ALT_NAME: &[u8] = b"\x06\x03\x55\x1d\x11";
        let keys = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let algorithm = der(SEQUENCE, &[ECDSA_WITH_SHA256]);
        let name = der(SEQUENCE, &[&der(0x31, &[&der(SEQUENCE, &[COMMON_NAME, &der(0x0c, &[b"stand-in"])])])]);
        let validity = der(SEQUENCE, &[&der(0x17, &[b"200101000000Z"]), &der(0x17, &[b"491231235959Z"])]);
        let public = der(SEQUENCE, &[&der(SEQUENCE, &[EC_PUBLIC_KEY, P256]), &der(0x03, &[b"\0", keys.public_key().as_ref()])]);
        let names = der(SEQUENCE, &[&der(0x82, &[b"localhost"])]);
        let extension = der(SEQUENCE, &[SUBJECT_ALT_NAME, &der(0x04, &[&names])]);
        let extensions = der(0xa3, &[&der(SEQUENCE, &[&extension])]);
        let version = der(0xa0, &[b"\x02\x01\x02"]);
        let body = der(SEQUENCE, &[&version, b"\x02\x01\x01", &algorithm, &name, &validity, &name, &public, &extensions]);
        let signature = keys.sign(&SystemRandom::new(), &body).unwrap();
        let der = der(SEQUENCE, &[&body, &algorithm, &der(0x03, &[b"\0", signature.as_ref()])]);
        Self { der, key: keys.to_pkcs8v1().unwrap().as_ref().to_vec() }
    }

    /// What trusts it.
    pub(crate) fn root(&self) -> CertificateDer<'static> {
        CertificateDer::from(self.der.clone())
    }

    /// Serves with it.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let tls = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.root()], PrivatePkcs8KeyDer::from(self.key.clone()).into())
            .unwrap();
        TlsAcceptor::from(Arc::new(tls))
    }

    pub(crate) fn pem(&self) -> String {
        pem("CERTIFICATE", &self.der)
    }

    pub(crate) fn key_pem(&self) -> String {
        pem("PRIVATE KEY", &self.key)
    }
}

/// RFC 7468.
fn pem(label: &str, der: &[u8]) -> String {
    let base64 = data_encoding::BASE64_MIME.encode(der);
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", base64.trim_end().replace("\r\n", "\n"))
}

/// Answers every request on a TLS connection of its own; what came of each connection is told: the
/// first line of the request, or nothing where the other side did not like the certificate.
pub(super) async fn upstream(certificate: &Certificate) -> (SocketAddr, mpsc::UnboundedReceiver<Option<String>>) {
    let acceptor = certificate.acceptor();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, told) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let mut asked = None;
            if let Ok(mut tls) = acceptor.accept(socket).await {
                let mut bytes = Vec::new();
                while !bytes.windows(4).any(|four| four == b"\r\n\r\n") && tls.read_buf(&mut bytes).await.is_ok_and(|count| count > 0) {}
                asked = String::from_utf8(bytes).unwrap().lines().next().map(str::to_owned);
                // The other side may have gone: a handshake of TLS 1.3 ends on this side first.
                let _ = tls.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
                let _ = tls.shutdown().await;
            }
            let _ = tell.send(asked);
        }
    });
    (address, told)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_nobody_vouches_for_is_a_bad_gateway_and_is_told_nothing() {
    let (address, mut told) = upstream(&Certificate::new()).await;
    let url = format!("url = \"https://localhost:{}\"\nconnect_timeout = \"1m\"", address.port());
    let stand = Stand::with(&config(&url, "prefix = \"/v1\"\nauth = \"none\"")).await;
    let reply = stand.gateway.send(get("/v1/x")).await;
    assert_eq!((reply.status.as_u16(), &reply.json()["error"]["code"]), (502, &"upstream_unavailable".into()));
    assert_eq!(soon(told.recv()).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_without_tls_where_it_is_wanted_is_a_bad_gateway() {
    let upstream = super::raw::RawUpstream::start().await;
    let url = format!("url = \"https://{}\"\nconnect_timeout = \"1m\"", upstream.address);
    let stand = Stand::with(&config(&url, "prefix = \"/v1\"\nauth = \"none\"")).await;
    let ask = stand.gateway.send(get("/v1/x"));
    let answer = async {
        let mut wire = upstream.accept().await;
        wire.bytes(1).await;
        wire.send("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
        wire
    };
    let (reply, _wire) = tokio::join!(ask, answer);
    assert_eq!(reply.status, 502);
}
