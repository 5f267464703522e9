//! A gateway in a process of its own, servers behind it, and a record of every byte that comes out.

use std::{net::IpAddr, time::Duration};

use bytes::Bytes;
use gatepost::{
    app::{Interior, Plan},
    clock::Manual,
    engine::AddUser,
    message::body,
    oauth::user::UserName,
};
use http::{Request, Response};
use http_body_util::Full;
use jiff::Timestamp;
use secrecy::SecretString;
use tempfile::TempDir;

use super::{
    evidence::Evidence,
    process::{Server, run},
};
use crate::{
    proxy::{
        raw::{Head, RawUpstream},
        stand::issue,
    },
    support::{
        http::{Reply, send_from},
        upstream::{Seen, Upstream},
    },
};

pub(super) const PASSWORD: &str = "correct-horse-battery-staple";
pub(super) const SERVICE: &str = "open sesame: 100 % of it";
const ROOT: &str = "vKq8-the-root-of-everything-Zt4Mn1Lw";
const MODEL_KEY: &str = "sk-model-9f3c51d7aa20";
const RAW_KEY: &str = "sk-raw-7b1e94c2dd06";

pub(super) struct House {
    pub(super) evidence: Evidence,
    pub(super) server: Option<Server>,
    pub(super) model: Upstream,
    pub(super) raw: RawUpstream,
    pub(super) expired: crate::proxy::stand::Token,
    folder: TempDir,
    cookies: Vec<(String, String)>,
    callers: u8,
}

fn config(model: &str, raw: &str) -> String {
    format!(
        r#"
public_url = "http://127.0.0.1:8080"
listen = "127.0.0.1:0"
threads = 2
drain = "2s"
[keys]
root = "file:root"
[log]
level = "trace"
[scopes]
inference = "Use the models."
[users]
default_scopes = ["inference"]
[dialects.fruxon]
hold = "0s"
[dialects.serble]
scopes = ["inference"]
[dialects.serechat]
[dialects.serika]
scopes = ["inference"]
[dialects.bootspring]
hold = "0s"
interval = "1s"
[[dialects.bootspring.clients]]
id = "bootspring-cli"
name = "Bootspring CLI"
scopes = ["inference"]
[[dialects.bootspring.clients]]
id = "service"
name = "A service"
scopes = ["inference"]
secret = "file:service"
[upstreams.model]
url = "http://{model}"
api_key = "file:model-key"
[upstreams.raw]
url = "http://{raw}"
credential = {{ header = "x-api-key", value = "file:raw-key" }}
[upstreams.away]
url = "http://127.0.0.1:1"
api_key = "file:model-key"
[upstreams.no_tls]
url = "https://{model}"
api_key = "file:model-key"
[[routes]]
prefix = "/v1"
upstream = "model"
scopes = ["inference"]
[[routes]]
prefix = "/open"
upstream = "model"
auth = "none"
errors = "problem"
[[routes]]
prefix = "/raw"
upstream = "raw"
scopes = ["inference"]
[[routes]]
prefix = "/away"
upstream = "away"
scopes = ["inference"]
[[routes]]
prefix = "/no-tls"
upstream = "no_tls"
scopes = ["inference"]
errors = "problem"
"#
    )
}

/// Says back all that it was sent; for some paths it breaks down.
async fn echo(seen: Seen) -> Response<gatepost::message::Body> {
    let status = if seen.target.contains("breaks-down") { 500 } else { 200 };
    Response::builder().status(status).header("x-echo", "yes").body(body::full(written(&seen))).unwrap()
}

fn written(seen: &Seen) -> Vec<u8> {
    let mut text = format!("{} {}\n", seen.method, seen.target).into_bytes();
    for (name, value) in &seen.headers {
        text.extend_from_slice(&[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\n"].concat());
    }
    [text.as_slice(), &seen.body].concat()
}

impl House {
    /// With a user, and a token of another one that expired long ago; with these lines in the configuration besides.
    pub(super) async fn start(more: &str) -> Self {
        let model = Upstream::answering(echo).await;
        let raw = RawUpstream::start().await;
        let folder = TempDir::new().unwrap();
        let text = config(&model.address.to_string(), &raw.address.to_string()) + more;
        for (name, text) in
            [("gatepost.toml", text.as_str()), ("root", ROOT), ("service", SERVICE), ("model-key", MODEL_KEY), ("raw-key", RAW_KEY)]
        {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let mut evidence = Evidence::default();
        for (name, value) in [
            ("root secret", ROOT),
            ("client's secret", SERVICE),
            ("upstream's key", MODEL_KEY),
            ("other upstream's key", RAW_KEY),
            ("password", PASSWORD),
        ] {
            evidence.secret(name, value);
        }
        let expired = Self::long_ago(&folder).await;
        for token in [&expired.access, &expired.refresh, &expired.device_code] {
            evidence.secret("expired credential", token);
        }
        let added = run(
            &["admin", "user", "add", "grace", "--password-stdin", "--config", "gatepost.toml"],
            folder.path(),
            &[],
            &format!("{PASSWORD}\n"),
        );
        assert!(added.contains("can sign in now"), "{added}");
        evidence.saw("the commands' output", added);
        let server = Some(Server::start(folder.path()));
        Self { evidence, server, model, raw, expired, folder, cookies: Vec::new(), callers: 0 }
    }

    /// What a user who is gone got an hour ago.
    async fn long_ago(folder: &TempDir) -> crate::proxy::stand::Token {
        let time = Manual::starting_at(Timestamp::now() - Duration::from_secs(3600));
        let interior = Interior::open(Plan::load(&folder.path().join("gatepost.toml")).unwrap(), time.clock()).await.unwrap();
        let scopes = interior.config().default_scopes.clone();
        let add =
            AddUser { name: UserName::parse("ada").unwrap(), password: SecretString::from(PASSWORD), email: None, avatar: None, scopes };
        let user = interior.engine().add_user(add).await.unwrap();
        issue(interior.engine(), &user, "bootspring-cli").await
    }

    /// Runs a command in the gateway's folder.
    pub(super) fn command(&mut self, arguments: &[&str], environment: &[(&str, &str)], files: &[(&str, &str)]) -> String {
        for (name, text) in files {
            std::fs::write(self.folder.path().join(name), text).unwrap();
        }
        let output = run(arguments, self.folder.path(), environment, "");
        self.evidence.saw("the commands' output", &output);
        output
    }

    /// An app sends a request, each time from another address.
    pub(super) async fn call(&mut self, request: Request<Full<Bytes>>) -> Reply {
        self.callers += 1;
        let from = IpAddr::from([127, 0, 1, self.callers]);
        let at = format!("{} {}", request.method(), self.evidence.masked(request.uri().path()));
        let reply = send_from(from, self.server.as_ref().unwrap().address, request).await;
        let is_echo = reply.headers.contains_key("x-echo");
        let place = if is_echo { "what the upstream says back".to_owned() } else { format!("the body of {at}") };
        self.evidence.saw(&place, &reply.body);
        let head: String = reply
            .headers
            .iter()
            .filter(|(name, _)| *name != "location" && *name != "set-cookie")
            .map(|(name, value)| format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())))
            .collect();
        self.evidence.saw("the answers' heads", head);
        for (name, place) in [("location", "the location"), ("set-cookie", "the cookie")] {
            for value in reply.headers.get_all(name) {
                self.evidence.saw(&format!("{place} of {at}"), value.as_bytes());
            }
        }
        reply
    }

    /// The browser sends a request, with its cookies.
    pub(super) async fn browse(&mut self, mut request: Request<Full<Bytes>>) -> Reply {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            request.headers_mut().insert("cookie", cookies.join("; ").parse().unwrap());
        }
        let reply = self.call(request).await;
        for line in reply.headers.get_all("set-cookie") {
            let (name, value) = line.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
                self.evidence.secret(if name.contains("visit") { "visit" } else { "cookie of who signed in" }, value);
            }
        }
        reply
    }

    pub(super) fn cookies(&self) -> String {
        self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// What came to the upstream whose connections the test serves.
    pub(super) fn came(&mut self, head: &Head) {
        let fields: String = head.fields.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        self.evidence.saw("what came upstream", format!("{}\n{fields}", head.first));
    }

    /// Ends the gateway, and takes what it leaves behind.
    pub(super) fn end(mut self) -> Evidence {
        let (said, log) = self.server.take().unwrap().end();
        self.evidence.saw("the standard output", said);
        self.evidence.saw("the log", log);
        for seen in self.model.seen() {
            self.evidence.saw("what came upstream", written(&seen));
        }
        let folder = self.folder.path().join("gatepost-data");
        if folder.exists() {
            for file in std::fs::read_dir(folder).unwrap() {
                self.evidence.saw("the store", std::fs::read(file.unwrap().path()).unwrap());
            }
        }
        self.evidence
    }
}
