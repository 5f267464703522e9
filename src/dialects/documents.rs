//! Clients that are described by the document at their id: what an operator who takes them says about
//! it. They are looked up by [`Engine::client_or_document`](crate::engine::Engine::client_or_document).

use ipnet::IpNet;
use rustls::pki_types::CertificateDer;

use crate::{config::Section, oauth::scope::Scopes};

/// Which documents are taken, and what for.
#[derive(Clone, Default, Debug)]
pub struct Documents {
    /// What such a client may ask for.
    pub scopes: Scopes,
    /// Networks of the operator's own from which documents may come.
    pub networks: Vec<IpNet>,
    /// Certificates of the operator's own that servers of documents may have.
    pub roots: Vec<CertificateDer<'static>>,
}

impl Documents {
    /// Reads `client_id_metadata_documents`; `None` where it is off, as it is where nothing is said.
    pub fn read(section: &mut Section<'_>) -> Option<Self> {
        section.table_or_true("client_id_metadata_documents", |table| Self {
            scopes: table.scopes_or("scopes", "inference"),
            networks: table
                .networks("networks", "this is every network, and then documents may come from anywhere inside")
                .unwrap_or_default(),
            roots: table.certificates("ca_file").unwrap_or_default(),
        })
    }
}
