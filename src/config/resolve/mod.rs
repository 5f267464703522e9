//! From what is written in a file to what it means: a [`Config`], or everything that is wrong.
//!
//! Each part of the file has one function that asks its section for every key it knows. What two
//! parts must agree on (scopes that are named and declared, paths that are claimed) is looked at
//! once all are read.

mod admin;
mod claims;
mod connections;
mod limits;
mod pages;
mod redis_url;
mod resources;
mod roots;
mod routes;
mod store;
mod upstreams;

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, SocketAddr},
    num::NonZeroUsize,
    path::Path,
    time::Duration,
};

use super::{
    Claim, Config, DialectRow, Environment, Log, LogFormat, Mount, Mounted, Pages, Problems, PublicUrl, Route, Section, Store,
    UnderscoreHeaders, Written,
    file::{self, instead, nearest},
    path,
    problem::{Flaw, Place},
};
use crate::oauth::client::Declared;
pub(super) use pages::SESSION;

/// The most threads that forward.
const MOST_THREADS: u32 = 1024;
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Reads a configuration file. Relative paths in it start at its folder. `reserved` is what the
/// gateway itself claims.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load<D: Mounted>(
    path: &Path,
    rows: &[DialectRow<D>],
    reserved: fn(&Pages) -> Vec<Claim>,
    environment: &Environment,
) -> Result<(Config, Vec<D>), Problems> {
    let name = path.display().to_string();
    match environment.read(path) {
        Ok(text) => {
            let folder = path.parent().unwrap_or(Path::new(""));
            load_text(Written { name: &name, text: &text, folder }, rows, reserved, environment)
        }
        Err(error) => Err(Problems::unreadable(&name, &error)),
    }
}

/// Reads a configuration that is not in a file.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load_text<D: Mounted>(
    written: Written<'_>,
    rows: &[DialectRow<D>],
    reserved: fn(&Pages) -> Vec<Claim>,
    environment: &Environment,
) -> Result<(Config, Vec<D>), Problems> {
    file::read(written, environment, |root| read(root, rows, reserved))
}

/// Every key that a configuration may have: dotted, without indices, and with `*` for a name that
/// operators choose.
pub fn known_keys<D: Mounted>(rows: &[DialectRow<D>]) -> BTreeSet<String> {
    file::known_keys(|root| read(root, rows, |_pages| Vec::new()))
}

fn read<D: Mounted>(root: &mut Section<'_>, rows: &[DialectRow<D>], reserved: fn(&Pages) -> Vec<Claim>) -> Option<(Config, Vec<D>)> {
    let public_url = root.required("public_url", "\"https://ai.example.com\"", public_url);
    let listen = root.parsed("listen", listen).unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)));
    let trusted_proxies = root.networks("trusted_proxies", "this is everybody, and then everybody can say that he is somebody else");
    let threads = threads(root);
    let drain = root.duration("drain", Duration::ZERO..=HOUR).unwrap_or(Duration::from_secs(30));
    let underscores = [("refuse", UnderscoreHeaders::Refuse), ("drop", UnderscoreHeaders::Drop)];
    let underscore_headers = root.choice("underscore_headers", &underscores).unwrap_or(UnderscoreHeaders::Refuse);
    let connections = root.table("connections", connections::read);
    let store = root.table("store", store::read);
    let folder = store.as_ref().and_then(Store::folder);
    let admin_socket = root.table("admin", |section| admin::socket(section, folder));
    let roots = root.table("keys", |keys| roots::read(keys, folder.is_none()));
    let log = root.table("log", log);
    let limits = root.table("limits", limits::read);
    let declared = root.named_sentences("scopes");
    root.declare_scopes(declared.iter().map(|sentences| sentences.name.clone()).collect());
    let default_scopes = root.table("users", |users| users.scopes("default_scopes")).unwrap_or_default();
    let pages = root.table("pages", pages::read);
    let (upstreams, names) = upstreams::read(root);
    let routes = routes::read(root, &names);
    let dialects = dialects(root, rows);

    let scopes = pages::scopes(root, declared, pages.language);
    let mut claims: Vec<(Claim, Place)> = Vec::new();
    let pages_place = root.place_of("pages");
    claims.extend(reserved(&pages).into_iter().map(|claim| (claim, pages_place.clone())));
    for (dialect, place) in &dialects {
        claims.extend(dialect.claims().into_iter().map(|claim| (claim, place.clone())));
    }
    claims.extend(routes.iter().map(|(route, place)| (route.claim.clone(), place.clone())));
    claims::refuse_shared(root, &claims);

    let dialects: Vec<D> = dialects.into_iter().map(|(dialect, _)| dialect).collect();
    let clients: Vec<Declared> = dialects.iter().flat_map(Mounted::clients).collect();
    let routes: Vec<Route> = routes.into_iter().map(|(route, _)| route).collect();
    let (public_url, store) = (public_url?, store?);
    resources::check(root, &public_url, &routes);
    let config = Config {
        public_url,
        listen,
        trusted_proxies,
        threads,
        drain,
        underscore_headers,
        connections,
        store,
        admin_socket,
        roots,
        log,
        limits,
        scopes,
        default_scopes,
        pages,
        upstreams,
        routes,
        clients,
    };
    Some((config, dialects))
}

fn public_url(root: &mut Section<'_>, key: &'static str) -> Option<PublicUrl> {
    match PublicUrl::new(root.url(key)?) {
        Ok(url) => Some(url),
        Err((message, remedy)) => {
            root.problem(key, message, remedy);
            None
        }
    }
}

fn listen(text: &str) -> Result<SocketAddr, Flaw> {
    text.parse().map_err(|error| {
        (
            format!("this is nowhere to listen: {error}"),
            "write an IP address and a port, like \"127.0.0.1:8080\" or \"[::]:8080\"".to_owned(),
        )
    })
}

fn threads(root: &mut Section<'_>) -> NonZeroUsize {
    let written = root.integer("threads", 1..=MOST_THREADS).and_then(|threads| usize::try_from(threads).ok());
    written.and_then(NonZeroUsize::new).unwrap_or_else(|| root.environment().cores())
}

fn log(log: &mut Section<'_>) -> Log {
    let formats = [("auto", LogFormat::Auto), ("json", LogFormat::Json), ("pretty", LogFormat::Pretty)];
    let format = log.choice("format", &formats).unwrap_or(LogFormat::Auto);
    let filter = log.parsed("level", log_filter).unwrap_or_else(|| "info".to_owned());
    Log { format, filter }
}

/// `level` or `target=level`, separated by commas. A mistyped level would be taken for a target.
fn log_filter(text: &str) -> Result<String, Flaw> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    for directive in text.split(',') {
        let (target, level) = directive.rsplit_once('=').unwrap_or(("gatepost", directive));
        if !LEVELS.contains(&level) {
            return Err((format!("`{level}` is not a level of the log"), instead(level, LEVELS)));
        }
        if target.is_empty() || !target.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':')) {
            return Err((format!("`{target}` is not a part of the program"), "write it like \"info,gatepost::proxy=debug\"".to_owned()));
        }
    }
    Ok(text.to_owned())
}

/// A prefix before paths; `""` says that there is none.
fn mount_prefix(section: &mut Section<'_>) -> String {
    section.parsed("prefix", path::mount).unwrap_or_default()
}

fn dialects<D>(root: &mut Section<'_>, rows: &[DialectRow<D>]) -> Vec<(D, Place)> {
    root.table("dialects", |dialects| {
        let mut mounted = Vec::new();
        for row in rows {
            mounted.extend(dialects.optional_table(row.name, |section| {
                let mount = Mount { host: section.parsed("host", path::host), prefix: mount_prefix(section) };
                ((row.read)(mount, section), section.place().clone())
            }));
        }
        mounted
    })
}
