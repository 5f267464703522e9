//! The dialects: translators at the engine's edge. Each decodes what its clients send, calls one
//! verb of the engine, and encodes the outcome. A dialect holds no rule, no store and no clock.
//!
//! A new dialect is one file and one line in [`DIALECTS`].

pub mod bootspring;
pub mod client_auth;
pub mod serechat;

use std::sync::Arc;

use crate::{
    config::{Claim, DialectRow, Mounted},
    engine::Engine,
    message::Endpoint,
    oauth::client::Client,
};

/// Every dialect that there is.
pub static DIALECTS: &[DialectRow<Arc<dyn Dialect>>] = &[bootspring::ROW, serechat::ROW];

/// A dialect with its options read.
pub trait Dialect: Mounted + Send + Sync {
    /// What it answers, in this house.
    fn endpoints(self: Arc<Self>, house: &House) -> Vec<Endpoint>;

    /// Where its users decide and are shown a code to be typed, if that is its way. The page itself
    /// is one of the pages for people.
    fn code_page(&self) -> Option<CodePage> {
        None
    }
}

/// The address of the page on which a user decides about an ask and is shown the code for it. The
/// dialect claims it, for all methods.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CodePage {
    /// Only for this host; `None` for every host.
    pub host: Option<String>,
    /// The path.
    pub path: String,
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
