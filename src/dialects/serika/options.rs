//! `[dialects.serika]`.

use std::{sync::Arc, time::Duration};

use http::Method;

use super::{GRANT_TYPES, NAME, PAGE};
use crate::{
    config::{Claim, DialectRow, Mount, Mounted, Section},
    dialects::Dialect,
    engine::{RefreshStyle, Style},
    oauth::{
        client::{Client, Declared},
        scope::Scopes,
    },
};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// RFC 6749 section 4.1.2.
const MAX_CODE: Duration = Duration::from_secs(10 * 60);

/// The line in the table of dialects.
pub const ROW: DialectRow<Arc<dyn Dialect>> = DialectRow { name: NAME, read: |mount, section| Arc::new(Serika::read(mount, section)) };

/// The dialect with its options.
#[derive(Debug)]
pub struct Serika {
    pub(super) mount: Mount,
    pub(super) style: Style,
    /// What a client may be made for.
    pub(super) scopes: Scopes,
    pub(super) code_life: Duration,
    /// The operator's own.
    clients: Vec<Declared>,
}

impl Serika {
    fn read(mount: Mount, section: &mut Section<'_>) -> Self {
        let scopes = section.scopes_or("scopes", "profile generations characters");
        if scopes.is_empty() && section.holds("scopes") {
            section.problem("scopes", "no client could be made", "write the scopes that clients may be made for");
        }
        Self {
            mount,
            style: Style {
                dialect: NAME,
                access: "sk_at_",
                access_life: section.duration("access", MINUTE..=DAY).unwrap_or(HOUR),
                format: section.token_format().unwrap_or_default(),
                refresh: Some(RefreshStyle::Rotating {
                    prefix: "sk_rt_",
                    life: section.duration("refresh", MINUTE..=366 * DAY).unwrap_or(30 * DAY),
                }),
            },
            scopes,
            code_life: section.duration("code", Duration::from_secs(10)..=MAX_CODE).unwrap_or(MINUTE),
            clients: section.clients(NAME, client),
        }
    }
}

/// A path of the dialect.
pub(super) fn at(path: &str) -> String {
    format!("{}{path}", super::BASE)
}

impl Mounted for Serika {
    fn claims(&self) -> Vec<Claim> {
        let claim = |path: &str, methods: &[Method]| self.mount.claim(NAME, &at(path), methods);
        super::PATHS.iter().map(|(_, path, method, _, _)| claim(path, std::slice::from_ref(method))).chain([claim(PAGE, &[])]).collect()
    }

    fn clients(&self) -> Vec<Declared> {
        self.clients.clone()
    }
}

/// What the operator's clients have that users' have, too.
fn client(section: &mut Section<'_>, client: &mut Client) {
    client.redirect_uris = section.required_redirect_uris();
    client.grant_types = GRANT_TYPES.into_iter().collect();
}
