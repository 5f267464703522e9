//! A gateway with one dialect, in a known environment.

use std::{
    path::{Path, PathBuf},
    sync::LazyLock,
    time::Duration,
};

use gatepost::{
    config::{Claim, Config, DialectRow, Environment, Mount, Mounted, Pages, Paths, Problems, Section, Written, load_text},
    oauth::client::Declared,
};
use http::Method;

use crate::proxy::tls::Certificate;

/// A secret that must never be shown.
pub(super) const SECRET: &str = "correct-horse-battery-staple-0123456789";

/// The dialects that the tests know.
pub(super) const ROWS: [DialectRow<Bootspring>; 1] = [DialectRow { name: "bootspring", read: Bootspring::read }];

/// A dialect with options of its own.
#[derive(Debug)]
pub(super) struct Bootspring {
    pub(super) mount: Mount,
    pub(super) default_client: Option<String>,
    pub(super) tier: String,
    pub(super) access: Duration,
    pub(super) refresh: Duration,
    pub(super) clients: Vec<Declared>,
}

impl Bootspring {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn read(mount: Mount, section: &mut Section<'_>) -> Self {
        let minute = Duration::from_secs(60);
        let default_client = section.text_or_false("default_client");
        let tier = section.text("tier").unwrap_or_else(|| "free".to_owned());
        let access = section.duration("access", minute..=Self::DAY).unwrap_or(15 * minute);
        let refresh = section.duration("refresh", 60 * minute..=400 * Self::DAY).unwrap_or(30 * Self::DAY);
        let clients = section.clients("bootspring", |_, _| {});
        if let Some(Some(id)) = &default_client
            && !clients.iter().any(|declared| declared.client.id.as_str() == id)
        {
            section.problem("default_client", format!("there is no client `{id}`"), "declare it under clients, or write false");
        }
        let default_client = default_client.unwrap_or_else(|| Some("bootspring-cli".to_owned()));
        Self { mount, default_client, tier, access, refresh, clients }
    }
}

impl Mounted for Bootspring {
    fn claims(&self) -> Vec<Claim> {
        let path = |path| format!("{}{path}", self.mount.prefix);
        vec![
            claim("dialect bootspring", self.mount.host.clone(), path("/auth/device/code"), Method::POST),
            claim("dialect bootspring", self.mount.host.clone(), path("/api/device"), Method::GET),
        ]
    }

    fn clients(&self) -> Vec<Declared> {
        self.clients.clone()
    }
}

fn claim(owner: &str, host: Option<String>, path: String, method: Method) -> Claim {
    Claim { owner: owner.to_owned(), host, paths: Paths::Exact(path), methods: vec![method], only: None }
}

/// What the gateway answers itself.
pub(super) fn reserved(pages: &Pages) -> Vec<Claim> {
    vec![
        claim("the pages", None, format!("{}/device", pages.prefix), Method::GET),
        claim("the health checks", None, "/livez".to_owned(), Method::GET),
    ]
}

/// One with its key, and another one.
static CERTIFICATES: LazyLock<[Certificate; 2]> = LazyLock::new(|| [Certificate::new(), Certificate::new()]);

/// An environment in which all references of the examples lead somewhere.
pub(super) fn environment() -> Environment {
    let [client, other] = &*CERTIFICATES;
    let (certificate, key, other_key) = (client.pem(), client.key_pem(), other.key_pem());
    let in_one_file = format!("{key}{certificate}");
    let in_one_line = key.replace('\n', " ");
    let large = format!("<svg>{}</svg>", " ".repeat(256 * 1024));
    Environment::given(
        [
            ("ROOT", SECRET),
            ("GATEPOST_ROOT", SECRET),
            ("MODEL_API_KEY", "sk-model"),
            ("BOOTSPRING_SECRET", SECRET),
            ("RESEARCH_TOOL_SECRET", SECRET),
            ("MY_APP_SECRET", SECRET),
            ("EMPTY", "\n"),
            ("SHORT", "too-short"),
            ("TWO_LINES", "one\ntwo"),
            ("REDIS_USER", "ada"),
            ("REDIS_PASSWORD", SECRET),
            ("KEY_IN_ONE_LINE", in_one_line.as_str()),
        ],
        [
            ("/etc/gatepost/root-2.key", "another-root-secret-of-enough-bytes\n"),
            ("/etc/gatepost/images.key", "images\r\n"),
            ("/etc/gatepost/large.svg", large.as_str()),
            ("/etc/gatepost/redis-ca.pem", certificate.as_str()),
            ("/etc/gatepost/redis-client.pem", in_one_file.as_str()),
            ("/etc/gatepost/redis-client.key", key.as_str()),
            ("/etc/gatepost/other.key", other_key.as_str()),
        ],
    )
}

pub(super) fn load(text: &str) -> Result<(Config, Vec<Bootspring>), Problems> {
    load_text(Written { name: "gatepost.toml", text, folder: Path::new("/etc/gatepost") }, &ROWS, reserved, &environment())
}

/// What is wrong with a text, a line each: `line:column key: message; remedy`.
pub(super) fn mistakes(text: &str) -> Vec<String> {
    told(load(text))
}

/// The same of what was read.
pub(super) fn told<T>(read: Result<T, Problems>) -> Vec<String> {
    let Err(problems) = read else { return Vec::new() };
    let told = |problem: &gatepost::config::Problem| {
        format!("{}:{} {}: {}; {}", problem.line, problem.column, problem.key, problem.message, problem.remedy)
    };
    problems.iter().map(told).collect()
}

/// A file of the repository.
pub(super) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
