//! `[dialects.fruxon]`.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use http::Method;

use super::{
    NAME, PAGE,
    presets::{PRESETS, Presets},
};
use crate::{
    config::{Claim, DialectRow, Mount, Mounted, Section},
    dialects::{Dialect, PageAt},
    engine::Style,
    oauth::{
        client::{Client, Declared},
        id::ClientId,
        signing::TokenFormat,
        tenant::{Slug, Tenant, TenantId, Tenants},
        user::UserName,
    },
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// The longest that a key may live, in days.
pub(super) const MAX_KEY_DAYS: u32 = 3650;
/// The longest that a poll may wait for its answer: below any client's time-out.
const MAX_HOLD: Duration = Duration::from_millis(2500);

/// The line in the table of dialects.
pub const ROW: DialectRow<Arc<dyn Dialect>> = DialectRow { name: NAME, read: |mount, section| Arc::new(Fruxon::read(mount, section)) };

/// The dialect with its options.
#[derive(Debug)]
pub struct Fruxon {
    pub(super) mount: Mount,
    pub(super) style: Style,
    /// The one client that stands for all programs, since none is registered.
    pub(super) client: Client,
    pub(super) presets: Presets,
    pub(super) tenants: Arc<Tenants>,
    pub(super) sign_in_again: Vec<String>,
    pub(super) login_life: Duration,
    pub(super) interval: Duration,
    pub(super) hold: Duration,
}

impl Fruxon {
    fn read(mount: Mount, section: &mut Section<'_>) -> Self {
        let presets = Presets::read(section);
        let interval = section.duration("interval", SECOND..=MINUTE).unwrap_or(2 * SECOND);
        Self {
            mount,
            style: Style {
                dialect: NAME,
                access: "fx_pat_",
                access_life: section.duration("key", DAY..=MAX_KEY_DAYS * DAY).unwrap_or(90 * DAY),
                format: TokenFormat::Opaque,
                refresh: None,
            },
            client: Client::declared(NAME, ClientId::new(NAME), "Fruxon client".to_owned(), presets.scopes()),
            presets,
            tenants: Arc::new(tenants(section)),
            sign_in_again: section.list("sign_in_again", preset).unwrap_or_else(|| vec!["admin".to_owned()]),
            login_life: section.duration("login", MINUTE..=60 * MINUTE).unwrap_or(10 * MINUTE),
            interval,
            hold: section.duration("hold", Duration::ZERO..=MAX_HOLD).unwrap_or(MAX_HOLD).min(interval / 2),
        }
    }

    /// Where users decide.
    pub(super) fn page(&self) -> PageAt {
        PageAt::on(&self.mount, PAGE)
    }
}

fn preset(text: &str) -> Result<String, (String, String)> {
    let is_preset = PRESETS.contains(&text);
    is_preset.then(|| text.to_owned()).ok_or_else(|| (format!("`{text}` is no preset"), format!("there is `{}`", PRESETS.join("`, `"))))
}

/// `[dialects.fruxon.tenants.<slug>]`. Where there is none written, there is one, with everybody in it.
fn tenants(section: &mut Section<'_>) -> Tenants {
    let written = section.named_tables("tenants", |slug, section| {
        let named = slug.to_owned();
        let slug =
            Slug::parse(slug).map_err(|bad| section.problem_at(section.place().clone(), bad.to_string(), "name it like \"acme\"")).ok();
        let name = section.text("name").unwrap_or(named);
        let id = section.parsed("id", |text| {
            let remedy = || "write a UUID, or leave `id` out for one that is made of the name".to_owned();
            TenantId::parse(text).ok_or_else(|| ("this is no UUID".to_owned(), remedy()))
        });
        let members: Option<BTreeSet<UserName>> = section.list("members", member).map(|members| members.into_iter().collect());
        if members.as_ref().is_some_and(BTreeSet::is_empty) {
            section.problem("members", "nobody is in this tenant", "name its users, or leave `members` out for everybody");
        }
        slug.map(|slug| Tenant { id: id.unwrap_or_else(|| TenantId::from(&slug)), slug, name, members })
    });
    let everybodys = || {
        let slug = Slug::default();
        Tenant { id: TenantId::from(&slug), slug, name: "Default".to_owned(), members: None }
    };
    let unwritten = written.is_empty().then(everybodys);
    let tenants = written.into_iter().flatten().chain(unwritten).collect();
    Tenants::new(tenants).unwrap_or_else(|same| {
        section.problem("tenants", same.to_string(), "give each tenant an id of its own");
        Tenants::default()
    })
}

fn member(text: &str) -> Result<UserName, (String, String)> {
    UserName::parse(text).map_err(|bad| (bad.to_string(), "write the name that the user signs in with".to_owned()))
}

impl Mounted for Fruxon {
    fn claims(&self) -> Vec<Claim> {
        let claim = |path, methods: &[Method]| self.mount.claim(NAME, path, methods);
        super::PATHS.into_iter().map(|(_, path, method, _)| claim(path, &[method])).chain([claim(PAGE, &[])]).collect()
    }

    fn clients(&self) -> Vec<Declared> {
        vec![Declared { client: self.client.clone(), secret: None }]
    }
}
