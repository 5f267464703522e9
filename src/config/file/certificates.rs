//! Files of certificates.

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use super::Section;

/// More than the certificates of anybody's own authorities take.
const MAX_BYTES: u64 = 256 * 1024;

impl Section<'_> {
    /// The certificates in a file, in PEM, each of which can be trusted; a relative path starts at the
    /// folder of the configuration.
    pub fn certificates(&mut self, key: &'static str) -> Option<Vec<CertificateDer<'static>>> {
        self.pem_certificates(key).map(|(_, certificates)| certificates)
    }

    /// The same, and the file itself, in which there may be more.
    pub(in crate::config) fn pem_certificates(&mut self, key: &'static str) -> Option<(Vec<u8>, Vec<CertificateDer<'static>>)> {
        let bytes = match self.bytes(key, MAX_BYTES)? {
            Ok(bytes) => bytes,
            Err((message, remedy)) => {
                self.problem(key, message, remedy);
                return None;
            }
        };
        let found: Result<Vec<CertificateDer<'static>>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
        let wrong = match &found {
            Err(error) => Some(format!("the file cannot be read as PEM: {error}")),
            Ok(none) if none.is_empty() => Some("there is no certificate in the file".to_owned()),
            Ok(certificates) => {
                let mut roots = RootCertStore::empty();
                let bad = certificates.iter().find_map(|certificate| roots.add(certificate.clone()).err());
                bad.map(|error| format!("a certificate in the file cannot be used: {error}"))
            }
        };
        match wrong {
            Some(message) => {
                self.problem(key, message, "name a file with certificates, each from BEGIN CERTIFICATE to END CERTIFICATE");
                None
            }
            // What was wrong has been said.
            None => found.ok().map(|certificates| (bytes, certificates)),
        }
    }
}
