//! `[dialects.bootspring]`.

use std::{sync::Arc, time::Duration};

use super::NAME;
use crate::{
    config::{Claim, DialectRow, Mount, Mounted, Section},
    dialects::Dialect,
    engine::{RefreshStyle, Style},
    oauth::{
        client::{Client, Declared},
        id::ClientId,
        signing::TokenFormat,
    },
};

const MINUTE: Duration = Duration::from_secs(60);
/// The longest that a poll may wait for its answer: below any client's time-out.
const MAX_HOLD: Duration = Duration::from_millis(2500);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The line in the table of dialects.
pub const ROW: DialectRow<Arc<dyn Dialect>> = DialectRow { name: NAME, read: |mount, section| Arc::new(Bootspring::read(mount, section)) };

/// The dialect with its options.
#[derive(Debug)]
pub struct Bootspring {
    pub(super) mount: Mount,
    pub(super) style: Style,
    /// Who stands for a caller that names no client.
    pub(super) default_client: Option<ClientId>,
    /// What `user.tier` says.
    pub(super) tier: String,
    pub(super) code_life: Duration,
    pub(super) interval: Duration,
    pub(super) hold: Duration,
    clients: Vec<Declared>,
}

/// The client that stands for callers who name none, unless the operator says otherwise.
const DEFAULT_CLIENT: &str = "bootspring-cli";
const DEFAULT_CLIENT_NAME: &str = "Bootspring CLI";

impl Bootspring {
    fn read(mount: Mount, section: &mut Section<'_>) -> Self {
        let mut clients = section.clients(NAME, |_, _| {});
        let default_client = section.text_or_false("default_client").unwrap_or_else(|| Some(DEFAULT_CLIENT.to_owned())).map(ClientId::new);
        let scopes = section.scopes("scopes");
        if let Some(id) = &default_client
            && !clients.iter().any(|declared| declared.client.id == *id)
        {
            match scopes {
                Some(scopes) => {
                    let client = Client::declared(NAME, id.clone(), DEFAULT_CLIENT_NAME.to_owned(), scopes);
                    clients.push(Declared { client, secret: None });
                }
                None => section.problem(
                    "default_client",
                    format!("nothing says what the default client \"{id}\" may ask for"),
                    "add scopes = [\"...\"], or declare the client under [[dialects.bootspring.clients]], or write default_client = false",
                ),
            }
        } else if scopes.is_some() {
            section.problem("scopes", "these scopes belong to no client", "leave them out: the clients below have scopes of their own");
        }
        let is_default = |declared: &&Declared| Some(&declared.client.id) == default_client.as_ref();
        if let Some(declared) = clients.iter().find(is_default).filter(|declared| declared.secret.is_some()) {
            let message = format!("the default client \"{}\" has a secret, and those it stands for cannot know it", declared.client.id);
            section.problem("default_client", message, "leave the client's secret out, or name another client");
        }
        let interval = section.duration("interval", Duration::from_secs(1)..=MINUTE).unwrap_or(Duration::from_secs(5));
        let hold = section.duration("hold", Duration::ZERO..=MAX_HOLD).unwrap_or(MAX_HOLD).min(interval / 2);
        Self {
            mount,
            style: Style {
                dialect: NAME,
                access: "bs_at_",
                format: TokenFormat::Opaque,
                access_life: section.duration("access", MINUTE..=DAY).unwrap_or(15 * MINUTE),
                refresh: Some(RefreshStyle::Rotating {
                    prefix: "bs_rt_",
                    life: section.duration("refresh", MINUTE..=366 * DAY).unwrap_or(30 * DAY),
                }),
            },
            default_client,
            tier: section.text("tier").unwrap_or_else(|| "free".to_owned()),
            code_life: section.duration("code", MINUTE..=DAY).unwrap_or(15 * MINUTE),
            interval,
            hold,
            clients,
        }
    }
}

impl Mounted for Bootspring {
    fn claims(&self) -> Vec<Claim> {
        let claim = |(_, path, method, _, _)| self.mount.claim(NAME, path, &[method]);
        super::PATHS.into_iter().map(claim).collect()
    }

    fn clients(&self) -> Vec<Declared> {
        self.clients.clone()
    }
}
