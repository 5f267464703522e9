//! The dialects: translators at the engine's edge. Each decodes what its clients send, calls one
//! verb of the engine, and encodes the outcome. A dialect holds no rule, no store and no clock.
//!
//! A new dialect is one file and one line in [`DIALECTS`].

pub mod bootspring;
pub mod client_auth;

use std::sync::Arc;

use crate::{
    config::{Claim, DialectRow, Mounted},
    engine::Engine,
    message::Endpoint,
    oauth::client::Client,
};

/// Every dialect that there is.
pub static DIALECTS: &[DialectRow<Arc<dyn Dialect>>] = &[bootspring::ROW];

/// A dialect with its options read.
pub trait Dialect: Mounted + Send + Sync {
    /// What it answers, in this house.
    fn endpoints(self: Arc<Self>, house: &House) -> Vec<Endpoint>;
}

impl Mounted for Arc<dyn Dialect> {
    fn claims(&self) -> Vec<Claim> {
        self.as_ref().claims()
    }

    fn clients(&self) -> Vec<Client> {
        self.as_ref().clients()
    }
}

/// What every dialect may use.
#[derive(Clone)]
pub struct House {
    /// The verbs.
    pub engine: Arc<Engine>,
    /// The address of the page where a user enters a code: `verification_uri`.
    pub device_page: String,
}
