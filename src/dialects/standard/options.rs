//! `[dialects.standard]`.

use std::{sync::Arc, time::Duration};

use http::Method;

use super::{AUTHORIZE, NAME, REGISTER, clients, metadata};
use crate::{
    config::{Claim, DialectRow, Mount, Mounted, Section},
    dialects::{Dialect, Documents, registration::Registration},
    engine::{RefreshStyle, Style},
    oauth::{client::Declared, scope::Scopes},
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// RFC 6749 section 4.1.2.
const MAX_CODE_LIFE: Duration = Duration::from_secs(10 * 60);
/// The longest that a poll may wait for its answer: below any client's time-out.
const MAX_HOLD: Duration = Duration::from_millis(2500);

/// The line in the table of dialects.
pub const ROW: DialectRow<Arc<dyn Dialect>> = DialectRow { name: NAME, read: |mount, section| Arc::new(Standard::read(mount, section)) };

/// The dialect with its options.
#[derive(Debug)]
pub struct Standard {
    pub(super) mount: Mount,
    pub(super) style: Style,
    /// How long an authorization code is good for.
    pub(super) code_life: Duration,
    pub(super) device_code_life: Duration,
    pub(super) interval: Duration,
    pub(super) hold: Duration,
    /// What users may make apps for, if they may.
    pub(super) scopes: Option<Scopes>,
    /// Whether clients may register themselves.
    pub(super) registration: Option<Registration>,
    /// Whether a client's id may be the address of a document about it.
    pub(super) documents: Option<Documents>,
    pub(super) clients: Vec<Declared>,
}

impl Standard {
    fn read(mount: Mount, section: &mut Section<'_>) -> Self {
        let interval = section.duration("interval", SECOND..=MINUTE).unwrap_or(5 * SECOND);
        Self {
            mount,
            style: Style {
                dialect: NAME,
                access: "gp_at_",
                access_life: section.duration("access", MINUTE..=DAY).unwrap_or(60 * MINUTE),
                format: section.token_format().unwrap_or_default(),
                refresh: Some(RefreshStyle::Rotating {
                    prefix: "gp_rt_",
                    life: section.duration("refresh", MINUTE..=366 * DAY).unwrap_or(30 * DAY),
                }),
            },
            code_life: section.duration("code", 10 * SECOND..=MAX_CODE_LIFE).unwrap_or(MINUTE),
            device_code_life: section.duration("device_code", MINUTE..=DAY).unwrap_or(15 * MINUTE),
            interval,
            hold: section.duration("hold", Duration::ZERO..=MAX_HOLD).unwrap_or(MAX_HOLD).min(interval / 2),
            scopes: section.scopes("scopes").filter(|scopes| !scopes.is_empty()),
            registration: Registration::read(section),
            documents: Documents::read(section),
            clients: section.clients(NAME, clients::read),
        }
    }
}

impl Mounted for Standard {
    fn claims(&self) -> Vec<Claim> {
        let claim = |path, methods: &[Method]| self.mount.claim(NAME, path, methods);
        let paths = super::PATHS.into_iter().map(|(_, path, methods, _)| claim(path, methods));
        // Serble's page lies there, too (the path map of the contracts).
        let page = Claim { only: Some("response types other than token"), ..claim(AUTHORIZE, &[]) };
        let register = self.registration.as_ref().map(|_| claim(REGISTER, &[Method::POST]));
        paths.chain([page]).chain(register).chain(metadata::claims(self)).collect()
    }

    fn clients(&self) -> Vec<Declared> {
        self.clients.clone()
    }
}
