//! `[dialects.serble]`.

use std::{sync::Arc, time::Duration};

use http::Method;

use super::{ACCESS, ENTRANCE, GRANT_TYPES, NAME, PAGE, SCOPES};
use crate::{
    config::{Claim, DialectRow, Mount, Mounted, Section},
    dialects::{Dialect, House},
    engine::{RefreshStyle, Style},
    oauth::{
        client::{Client, Declared},
        scope::Scopes,
        signing::{Algorithm, TokenFormat},
    },
};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// RFC 6749 section 4.1.2.
const MAX_CODE: Duration = Duration::from_secs(10 * 60);
/// "Technically it expires in 10 years."
const TEN_YEARS: Duration = Duration::from_secs(3650 * 24 * 3600);
/// What Serble says of how long a refresh token lives, in seconds.
const EXPIRES_IN: u32 = 3_153_600_000;

/// The line in the table of dialects.
pub const ROW: DialectRow<Arc<dyn Dialect>> = DialectRow { name: NAME, read: |mount, section| Arc::new(Serble::read(mount, section)) };

/// The dialect with its options.
#[derive(Debug)]
pub struct Serble {
    pub(super) mount: Mount,
    /// What an app may be made for.
    pub(super) scopes: Scopes,
    /// What `full_access` opens besides what is the dialect's own.
    pub(super) full_access: Scopes,
    pub(super) access_life: Duration,
    pub(super) refresh_life: Duration,
    pub(super) code_life: Duration,
    /// What answers say, in seconds; nothing here goes by it. A number of 32 bits with a sign is too
    /// small for what Serble says.
    pub(super) expires_in: u64,
    format: TokenFormat,
    /// The operator's own.
    clients: Vec<Declared>,
}

impl Serble {
    fn read(mount: Mount, section: &mut Section<'_>) -> Self {
        let scopes = section.scopes_or("scopes", &SCOPES.join(" "));
        if scopes.is_empty() && section.holds("scopes") {
            section.problem("scopes", "no app could be made", "write the scopes that apps may be made for");
        }
        Self {
            mount,
            scopes,
            full_access: section.scopes("full_access").unwrap_or_default(),
            access_life: section.duration("access", MINUTE..=DAY).unwrap_or(HOUR),
            refresh_life: section.duration("refresh", DAY..=TEN_YEARS).unwrap_or(TEN_YEARS),
            code_life: section.duration("code", Duration::from_secs(10)..=MAX_CODE).unwrap_or(5 * MINUTE),
            expires_in: section.integer("expires_in", 1..=u32::MAX).unwrap_or(EXPIRES_IN).into(),
            format: format(section),
            clients: section.clients(NAME, client),
        }
    }

    /// How it spells what it issues, in this house.
    pub(super) fn style(&self, house: &House) -> Style {
        let audience = house.public_url.join(&self.mount.path(ACCESS));
        Style {
            dialect: NAME,
            access: "sb_at_",
            access_life: self.access_life,
            format: self.format,
            refresh: Some(RefreshStyle::Lasting { life: self.refresh_life, audience }),
        }
    }
}

impl Mounted for Serble {
    fn claims(&self) -> Vec<Claim> {
        let claim = |path, methods: &[Method]| self.mount.claim(NAME, path, methods);
        let answered = super::PATHS.into_iter().map(|(_, path, method, _, _)| claim(path, &[method, Method::OPTIONS]));
        // The standard's page lies there, too (the path map of the contracts).
        let page = Claim { only: Some("response_type=token"), ..claim(PAGE, &[]) };
        answered.chain([claim(ENTRANCE, &[Method::GET, Method::HEAD]), page]).collect()
    }

    fn clients(&self) -> Vec<Declared> {
        self.clients.clone()
    }
}

/// Serble's refresh token is a JWT, and with the same key its access token is one.
fn format(section: &mut Section<'_>) -> TokenFormat {
    let format = section.token_format().unwrap_or(TokenFormat::Jwt(Algorithm::EdDsa));
    if format == TokenFormat::Opaque {
        section.problem("tokens", "Serble's tokens are JWTs", "write \"EdDSA\" or \"ES256\", or leave `tokens` out");
    }
    format
}

/// What the operator's apps have that users' have, too.
fn client(section: &mut Section<'_>, client: &mut Client) {
    client.redirect_uris = section.required_redirect_uris();
    client.grant_types = GRANT_TYPES.into_iter().collect();
    if !section.holds("secret") {
        section.problem("secret", "`secret` is missing", "an app of Serble's always has one: write `secret = \"env:MY_APP_SECRET\"`");
    }
}
