//! Clients: the apps that ask (RFC 6749 section 2).

use std::collections::BTreeSet;

use aws_lc_rs::digest;
use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{
    audience::Audience,
    id::{ClientId, UserId},
    redirect::RedirectUri,
    refusal::{ErrorCode, Refusal},
    scope::Scopes,
    secret::{RootId, Salt},
    signing::TokenFormat,
};

/// An app, as one dialect knows it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Client {
    /// `client_id`.
    pub id: ClientId,
    /// The dialect that made it, and to every other dialect it is unknown.
    pub dialect: String,
    /// The name that people see.
    pub name: String,
    /// What its owner says of it.
    #[serde(default)]
    pub description: Option<String>,
    /// What it may ask for, and what it gets where it asks for nothing.
    pub scopes: Scopes,
    /// Where answers may be sent (RFC 6749 section 3.1.2.2).
    #[serde(default)]
    pub redirect_uris: Vec<RedirectUri>,
    /// In which ways it may ask (RFC 7591 section 2).
    pub grant_types: BTreeSet<GrantType>,
    /// How it says who it is.
    pub authentication: Authentication,
    /// How its access tokens are written; `None`: as the dialect's are.
    #[serde(default)]
    pub format: Option<TokenFormat>,
    /// Where it may ask what a token is worth (RFC 7662): for which resources it stands.
    #[serde(default)]
    pub resource_server: Option<Audience>,
    /// The user who made it.
    #[serde(default)]
    pub owner: Option<UserId>,
    /// Where it comes from.
    pub origin: Origin,
    /// Whether the operator vouches for its name.
    #[serde(default)]
    pub verified: bool,
    /// Whether it may do anything, and whether its grants are honoured.
    pub enabled: bool,
    /// Counts how often all of its access was taken back at once.
    pub generation: u64,
    /// When it was made; the configuration's were always there.
    #[serde(default)]
    pub created: Option<Timestamp>,
    /// When it is gone, unless it is used before; `None`: it stays.
    #[serde(default)]
    pub expires: Option<Timestamp>,
}

/// A way in which a client may ask: `grant_type` of RFC 6749 and RFC 8628.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantType {
    /// RFC 6749 section 4.1.
    AuthorizationCode,
    /// RFC 6749 section 6.
    RefreshToken,
    /// RFC 8628.
    DeviceCode,
    /// RFC 6749 section 4.4.
    ClientCredentials,
}

impl GrantType {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::AuthorizationCode, Self::RefreshToken, Self::DeviceCode, Self::ClientCredentials];

    /// As it stands on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::DeviceCode => "urn:ietf:params:oauth:grant-type:device_code",
            Self::ClientCredentials => "client_credentials",
        }
    }

    /// Reads what stands on the wire.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grant_type| grant_type.as_str() == text)
    }
}

/// How a client says who it is (RFC 6749 section 2.3).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authentication {
    /// It cannot: a public client (RFC 6749 section 2.1).
    Public,
    /// By the secret that the configuration gives it.
    Declared,
    /// By a secret that was made here and is kept nowhere.
    Issued {
        /// From which it is derived.
        salt: Salt,
        /// Counts up from 1: a reset makes the next, and the last is worth nothing.
        number: u32,
        /// Under which root it was made.
        root: RootId,
    },
}

/// Where a client comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The configuration.
    Declared,
    /// A user or an operator made it.
    Managed,
    /// It registered itself (RFC 7591).
    Registered,
    /// It is described by the document at its id (OAuth Client ID Metadata Document).
    Document,
}

impl Client {
    /// A client of the configuration that has nothing but a name and may ask in any way: the rest is
    /// set where it is declared.
    pub fn declared(dialect: &str, id: ClientId, name: String, scopes: Scopes) -> Self {
        Self {
            id,
            dialect: dialect.to_owned(),
            name,
            description: None,
            scopes,
            redirect_uris: Vec::new(),
            grant_types: GrantType::ALL.into_iter().collect(),
            authentication: Authentication::Public,
            format: None,
            resource_server: None,
            owner: None,
            origin: Origin::Declared,
            verified: false,
            enabled: true,
            generation: 0,
            created: None,
            expires: None,
        }
    }

    /// Under which name it is kept.
    pub fn key(&self) -> ClientKey {
        ClientKey::of(&self.dialect, &self.id)
    }

    /// Whether nothing proves who it is.
    pub const fn is_public(&self) -> bool {
        matches!(self.authentication, Authentication::Public)
    }

    /// Whether it may ask in this way.
    ///
    /// # Errors
    /// `unauthorized_client`.
    pub fn may(&self, grant_type: GrantType) -> Result<(), Refusal> {
        const MAY_NOT: Refusal = Refusal::new(ErrorCode::UnauthorizedClient, "The client may not use this grant_type.");
        if self.grant_types.contains(&grant_type) { Ok(()) } else { Err(MAY_NOT) }
    }

    /// The registered redirect URI that a request means: the one it names, or the only one (RFC 6749
    /// section 3.1.2.3).
    pub fn redirect_uri<'a>(&'a self, named: Option<&'a str>) -> Option<&'a str> {
        let meant = |uri: &RedirectUri, named: &str| match self.origin {
            Origin::Declared | Origin::Managed => uri.is_meant_by(named),
            Origin::Registered | Origin::Document => uri.is_loosely_meant_by(named),
        };
        match (named, self.redirect_uris.as_slice()) {
            (Some(named), registered) => registered.iter().any(|uri| meant(uri, named)).then_some(named),
            (None, [only]) => Some(only.as_str()),
            (None, _) => None,
        }
    }
}

/// The one answer for a client that is unknown, disabled, or did not prove who it is.
pub const UNKNOWN: Refusal = Refusal::new(ErrorCode::InvalidClient, "The client is unknown or did not authenticate.");

/// Under which name a client is kept: 16 bytes, of whatever length its id is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct ClientKey([u8; 16]);

impl ClientKey {
    /// The client of this dialect with this id.
    pub fn of(dialect: &str, id: &ClientId) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(&(dialect.len() as u64).to_be_bytes());
        context.update(dialect.as_bytes());
        context.update(id.as_str().as_bytes());
        let mut key = [0; 16];
        key.copy_from_slice(&context.finish().as_ref()[..16]);
        Self(key)
    }

    /// The key of these bytes, from a list or a credential.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// A client of the configuration, with the secret that stands there.
#[derive(Clone, Debug)]
pub struct Declared {
    /// The client.
    pub client: Client,
    /// What it authenticates with, if it is not public.
    pub secret: Option<SecretString>,
}
