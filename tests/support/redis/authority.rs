//! A certificate authority of a test's own, with a certificate for the server and one for its client.

use std::{
    fs,
    process::{Command, Stdio},
};

use ::redis::{ClientTlsConfig, TlsCertificates};
use tempfile::TempDir;

use crate::support::skipped;

/// `ca.pem`, `server.pem` (for `localhost` and 127.0.0.1), `client.pem`, and a `.key` for each.
pub(crate) struct Authority {
    folder: TempDir,
}

impl Authority {
    /// `None`, and a note, where there is no `openssl`.
    pub(crate) fn new() -> Option<Self> {
        let authority = Self { folder: TempDir::new().unwrap() };
        let made = authority.make("ca", &["-addext", "basicConstraints=critical,CA:TRUE"]);
        if made.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
            skipped("TLS to Redis: openssl is not installed");
            return None;
        }
        let names = "subjectAltName=DNS:localhost,IP:127.0.0.1";
        for name in ["server", "client"] {
            let signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-addext", names, "-addext", "basicConstraints=critical,CA:FALSE"];
            authority.make(name, &signed).unwrap();
        }
        Some(authority)
    }

    fn make(&self, name: &str, how: &[&str]) -> std::io::Result<()> {
        let mut command = Command::new("openssl");
        command.current_dir(&self.folder).stdin(Stdio::null());
        command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "36500"]);
        command.args(["-subj", &format!("/CN={name}"), "-keyout", &format!("{name}.key"), "-out", &format!("{name}.pem")]);
        let made = command.args(how).output()?;
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Ok(())
    }

    /// Where one of the files lies.
    pub(crate) fn path(&self, file: &str) -> String {
        self.folder.path().join(file).to_str().unwrap().to_owned()
    }

    /// What a client of the server needs.
    pub(crate) fn certificates(&self) -> TlsCertificates {
        // Somebody else in this process may have chosen it already.
        let _chosen = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let read = |file| fs::read(self.path(file)).unwrap();
        let client_tls = Some(ClientTlsConfig { client_cert: read("client.pem"), client_key: read("client.key") });
        TlsCertificates { client_tls, root_cert: Some(read("ca.pem")) }
    }
}
