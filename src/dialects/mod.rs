//! The dialects: translators at the engine's edge. Each decodes what its clients send, calls one
//! verb of the engine, and encodes the outcome. A dialect holds no rule, no store and no clock.
//!
//! A new dialect is one file and one line in [`DIALECTS`].

pub mod authorize;
pub mod bootspring;
pub mod client_auth;
pub mod documents;
pub mod fruxon;
pub mod metadata;
pub mod registration;
pub mod rfc;
pub mod serble;
pub mod serechat;
pub mod serika;
pub mod standard;

use std::{sync::Arc, time::Duration};

pub use authorize::{Authorizes, Entrance, Question, Unanswered};
pub use documents::Documents;

use crate::{
    config::{Claim, DialectRow, Mount, Mounted, PublicUrl, Resource},
    engine::{Engine, Spelling, Wide},
    message::{Endpoint, Fields},
    oauth::{
        audience::Audience,
        client::{Declared, GrantType},
        refusal::{ErrorCode, Refusal},
        resource,
        scope::Scopes,
        tenant::Tenants,
    },
};

/// Every dialect that there is.
pub static DIALECTS: &[DialectRow<Arc<dyn Dialect>>] =
    &[bootspring::ROW, fruxon::ROW, serble::ROW, serechat::ROW, serika::ROW, standard::ROW];

/// A dialect with its options read.
pub trait Dialect: Mounted + Send + Sync {
    /// What it answers, in this house.
    fn endpoints(self: Arc<Self>, house: &House) -> Vec<Endpoint>;

    /// Where its users decide and are shown a code to be typed, if that is its way. The page itself
    /// is one of the pages for people.
    fn code_page(&self) -> Option<PageAt> {
        None
    }

    /// Where its users decide about what a browser brought, if that is its way.
    fn authorizes(&self, _house: &House) -> Option<Arc<dyn Authorizes>> {
        None
    }

    /// Where its users decide about a device's login to a tenant, if that is its way. They come there
    /// with the user code, or enter it.
    fn login_page(&self) -> Option<LoginPage> {
        None
    }

    /// Whether it issues JWTs, which others may verify by the published keys: how long the longest of
    /// them lives.
    fn signs_for(&self) -> Option<Duration> {
        None
    }

    /// The scopes that stand for others.
    fn wide(&self) -> Vec<Wide> {
        Vec::new()
    }

    /// Which documents about clients it takes, if it takes any.
    fn documents(&self) -> Option<&Documents> {
        None
    }

    /// The tenants that it knows, if it knows any. Those of the first dialect that does count for the
    /// routes, too.
    fn tenants(&self) -> Option<Arc<Tenants>> {
        None
    }

    /// What users may make on the page of their apps, if they may.
    fn apps(&self) -> Option<Apps> {
        None
    }
}

/// The page on which a user decides about a device's login to a tenant.
#[derive(Clone, Debug)]
pub struct LoginPage {
    /// Where it is. The dialect claims it, for all methods.
    pub at: PageAt,
    /// The presets for which only somebody may say yes who has signed in just now.
    pub sign_in_again: Vec<String>,
}

/// The apps that users of a dialect may make.
#[derive(Clone, Debug)]
pub struct Apps {
    /// What people call the dialect.
    pub label: &'static str,
    /// How it spells what apps get.
    pub spelling: Spelling,
    /// The scopes that an app may be made for.
    pub scopes: Scopes,
    /// In which ways such an app may ask.
    pub grant_types: &'static [GrantType],
    /// Whether an app may do without a secret.
    pub may_be_public: bool,
}

/// The address of a page on which a user decides, which a dialect claims, for all methods.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PageAt {
    /// Only for this host; `None` for every host.
    pub host: Option<String>,
    /// The path.
    pub path: String,
}

impl PageAt {
    /// A page of a dialect that hangs there.
    pub fn on(mount: &Mount, path: &str) -> Self {
        Self { host: mount.host.clone(), path: mount.path(path) }
    }
}

impl Mounted for Arc<dyn Dialect> {
    fn claims(&self) -> Vec<Claim> {
        self.as_ref().claims()
    }

    fn clients(&self) -> Vec<Declared> {
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
    /// The gateway's name as an authorization server: its public URL (RFC 8414 section 2).
    pub issuer: String,
    /// The same, as a URL.
    pub public_url: PublicUrl,
    /// What people call this place.
    pub place: String,
    /// The resources that documents are about.
    pub protected: Vec<Resource>,
    /// The paths that are protected, each with all below it: a resource is one of these, or all.
    pub resources: Vec<String>,
}

impl House {
    /// The resources that a request names (RFC 8707 section 2); `None` where it names none.
    ///
    /// # Errors
    /// `invalid_target`, `invalid_request`.
    pub fn audience(&self, fields: &Fields) -> Result<Option<Audience>, Refusal> {
        const TOO_MANY: Refusal = Refusal::new(ErrorCode::InvalidTarget, "A token is for eight resources at most.");
        let named = fields.texts("resource")?;
        if named.is_empty() {
            return Ok(None);
        }
        if named.len() > 8 {
            return Err(TOO_MANY);
        }
        let paths = || self.resources.iter().map(String::as_str);
        let resources = named.into_iter().map(|text| resource::parse(text, &self.issuer, paths()));
        Ok(Some(resources.collect::<Result<_, _>>()?))
    }
}
