//! TLS, with a certificate on both sides.

use std::{fs, path::Path, process::Command};

use super::{echo, link, redis, refusal, server::Server};
use crate::config::store::{Host, Redis, RedisTls, Servers};

/// An authority, and what it signed: a server and a client.
fn certificates(dir: &Path) {
    let openssl = |words: &str| {
        let ran = Command::new("openssl").args(words.split(' ')).current_dir(dir).output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    };
    openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.pem");
    fs::write(dir.join("names"), "subjectAltName=DNS:localhost").unwrap();
    for name in ["server", "client"] {
        openssl(&format!("req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN={name} -keyout {name}.key -out {name}.csr"));
        openssl(&format!("x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out {name}.pem"));
    }
}

#[tokio::test]
async fn a_server_and_a_client_show_each_other_their_certificates() {
    let dir = tempfile::tempdir().unwrap();
    certificates(dir.path());
    let file = |name: &str| fs::read(dir.path().join(name)).unwrap();
    let server = Server::on_a_port(|port| {
        let path = |name: &str| dir.path().join(name).display().to_string();
        let words = ["--port", "0", "--tls-port", &port.to_string(), "--tls-auth-clients", "yes"].map(str::to_owned);
        let files = ["--tls-cert-file", &path("server.pem"), "--tls-key-file", &path("server.key"), "--tls-ca-cert-file", &path("ca.pem")];
        words.into_iter().chain(files.map(str::to_owned)).collect()
    });
    let to = |name: &str, ca: Option<Vec<u8>>, certificate: bool| Redis {
        tls: Some(RedisTls {
            ca,
            certificate: certificate.then(|| (file("client.pem"), String::from_utf8(file("client.key")).unwrap().into())),
        }),
        ..redis(Servers::One(Host { name: name.to_owned(), port: server.port }))
    };
    let link = link(to("localhost", Some(file("ca.pem")), true)).await.unwrap();
    assert_eq!(echo(&link, 7).await.unwrap(), 7);

    let why = refusal(to("localhost", None, true)).await;
    assert!(why.contains("UnknownIssuer"), "{why}");
    let why = refusal(to("127.0.0.1", Some(file("ca.pem")), true)).await;
    assert!(why.contains("not valid for name"), "{why}");
    let why = refusal(to("localhost", Some(file("ca.pem")), false)).await;
    assert!(why.contains("CertificateRequired"), "{why}");
    let why = refusal(to("localhost", Some(b"nothing".to_vec()), false)).await;
    assert!(why.contains("no certificate is in it"), "{why}");
}
