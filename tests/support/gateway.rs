//! A gateway of a test's own: on port 0, over a store in memory, with a clock that the test moves.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use gatepost::{
    app::{Interior, Plan},
    clock::Manual,
    config::{DialectRow, Written},
    dialects::{Authorizes, DIALECTS, Dialect},
    engine::{AddUser, AddUserError, CreateToken, Decider, Decision, Engine},
    oauth::{
        claim::Claim,
        grant::{Channel, Grant},
        scope::Scopes,
        tenant::Tenants,
        user::UserName,
    },
    ops::admin::{Admin, AdminRequest, Arguments},
    store::{Store, memory::Memory},
};
use http::Request;
use http_body_util::Full;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::runtime::Handle;

use super::{
    http::{self as client, Reply},
    records::START,
};
use crate::wire::github;

pub(crate) const USER: &str = "ada";
pub(crate) const PASSWORD: &str = "correct horse";

/// Two scopes, two clients (one with a secret), one route; polls are answered at once.
pub(crate) const CONFIG: &str = r#"
public_url = "http://127.0.0.1:8080"
listen = "127.0.0.1:0"
threads = 1
drain = "2s"
[scopes]
inference = "Use the models."
images = "Draw pictures."
[users]
default_scopes = ["inference", "images"]
[dialects.bootspring]
hold = "0s"
[[dialects.bootspring.clients]]
id = "bootspring-cli"
name = "Bootspring CLI"
scopes = ["inference"]
[[dialects.bootspring.clients]]
id = "app"
name = "An <b>app</b>"
scopes = ["inference", "images"]
"#;

/// The part of a configuration with apps that send browsers here, the users' own among them.
pub(crate) const SERIKA: &str = r#"
[dialects.serika]
scopes = ["inference", "images"]
[[dialects.serika.clients]]
id = "web"
name = "A <b>web</b> app"
scopes = ["inference", "images"]
redirect_uris = ["https://app.example.com/callback?tenant=1", "http://127.0.0.1/callback", "http://[::1]/callback", "com.example.app:/callback"]
[[dialects.serika.clients]]
id = "known"
name = "A known app"
verified = true
scopes = ["inference"]
redirect_uris = ["https://known.example.com:8443/"]
"#;

/// The part of a configuration that forwards `/v1` to this address.
pub(crate) fn forwarding(upstream: SocketAddr) -> String {
    format!("{CONFIG}\n[upstreams.model]\nurl = \"http://{upstream}\"\n[[routes]]\nprefix = \"/v1\"\nscopes = [\"inference\"]\n")
}

/// What secrets are derived from.
pub(crate) const ROOT: &str = "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr";

/// Reads a configuration. This root is in it: a store that a test hands over has no folder for one.
pub(crate) fn plan(config: &str, root: &str) -> Plan {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("root"), root).unwrap();
    let text = format!("{config}\n[keys]\nroot = \"file:root\"\n");
    let written = Written { name: "test", text: &text, folder: folder.path() };
    Plan::read_with(written, &rows()).unwrap_or_else(|p| panic!("{}", p.render(false)))
}

/// The dialects that a test may switch on: all that there are, and the example.
fn rows() -> Vec<DialectRow<Arc<dyn Dialect>>> {
    let all = DIALECTS.iter().map(|row| DialectRow { name: row.name, read: row.read });
    all.chain([github::ROW]).collect()
}

pub(crate) struct Gateway {
    pub(crate) address: SocketAddr,
    pub(crate) time: Manual,
    pub(crate) engine: Arc<Engine>,
    pub(crate) store: Arc<dyn Store>,
    /// The authorization endpoints of its dialects.
    pub(crate) authorizes: Vec<Arc<dyn Authorizes>>,
    /// Those that one of its dialects knows.
    pub(crate) tenants: Arc<Tenants>,
    admin: Admin,
    running: gatepost::app::Gateway,
}

impl Gateway {
    /// Starts with [`CONFIG`].
    pub(crate) async fn start() -> Self {
        Self::with(CONFIG).await
    }

    /// Starts with this configuration, and one user who holds all default scopes.
    pub(crate) async fn with(config: &str) -> Self {
        let time = Manual::starting_at(START);
        let store = Arc::new(Memory::new(time.clock()));
        Self::over(config, store, time).await
    }

    /// The same over a store that the test chose.
    pub(crate) async fn over(config: &str, store: Arc<dyn Store>, time: Manual) -> Self {
        Self::speaking(config, Vec::new(), store, time).await
    }

    /// The same with dialects of the test's own besides.
    pub(crate) async fn speaking(config: &str, dialects: Vec<Arc<dyn Dialect>>, store: Arc<dyn Store>, time: Manual) -> Self {
        let mut plan = plan(config, ROOT);
        plan.dialects.extend(dialects);
        Self::with_user(plan, store, time).await
    }

    /// As a plan says, with one user who holds all default scopes.
    pub(crate) async fn with_user(plan: Plan, store: Arc<dyn Store>, time: Manual) -> Self {
        let scopes = plan.config.default_scopes.clone();
        let gateway = Self::of(plan, store, time).await;
        let user = AddUser {
            name: UserName::parse(USER).unwrap(),
            password: SecretString::from(PASSWORD),
            email: Some("ada@example.org".into()),
            avatar: None,
            scopes,
        };
        match gateway.engine.add_user(user).await {
            // Another gateway over the same store.
            Ok(_) | Err(AddUserError::NameTaken) => {}
            Err(error) => panic!("{error}"),
        }
        gateway
    }

    /// As a plan says, with the users that there are in the store.
    pub(crate) async fn of(plan: Plan, store: Arc<dyn Store>, time: Manual) -> Self {
        let tenants = plan.dialects.iter().find_map(|dialect| dialect.tenants()).unwrap_or_default();
        let interior = Interior::over(plan, Arc::clone(&store), time.clock()).await.unwrap();
        let (authorizes, admin) = (interior.authorizes(), interior.admin());
        let running = interior.serve(&Handle::current()).unwrap();
        Self { address: running.address, time, engine: Arc::clone(&running.engine), store, authorizes, tenants, admin, running }
    }

    /// Does what an operator asks for.
    pub(crate) async fn admin(&self, noun: &str, verb: &str, arguments: &[(&str, &str)]) -> Value {
        let mut all = Arguments::default();
        arguments.iter().for_each(|(name, value)| all.set(name, SecretString::from(*value)));
        let request = AdminRequest { noun: noun.to_owned(), verb: verb.to_owned(), arguments: all };
        self.admin.answer(request).await.unwrap_or_else(|error| panic!("{noun} {verb}: {error}")).0
    }

    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Reply {
        client::send(self.address, request).await
    }

    /// Sends a form and answers status and JSON.
    pub(crate) async fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> (u16, Value) {
        let reply = self.send(client::post_form(path, fields)).await;
        (reply.status.as_u16(), reply.json())
    }

    /// Sends JSON and answers status and JSON.
    pub(crate) async fn post_json(&self, path: &str, body: &Value) -> (u16, Value) {
        let reply = self.send(client::post_json(path, body)).await;
        (reply.status.as_u16(), reply.json())
    }

    /// Adds another user.
    pub(crate) async fn add_user(&self, name: &str, scopes: &str) {
        let add = AddUser {
            name: UserName::parse(name).unwrap(),
            password: SecretString::from(PASSWORD),
            email: None,
            avatar: None,
            scopes: Scopes::parse(scopes).unwrap(),
        };
        self.engine.add_user(add).await.unwrap();
    }

    /// A user decides about a login to a tenant: this one, or the first that the user is in. `None`
    /// where the code stands for something else.
    pub(crate) async fn decide_login(&self, user_code: &str, user: &str, tenant: Option<&str>, decision: Decision) -> Option<Grant> {
        let name = UserName::parse(user).unwrap();
        let user = self.store.user_named(&name).await.unwrap().unwrap().record;
        let asked = self.engine.find_by_user_code(user_code, user.id, Ipv4Addr::LOCALHOST.into()).await.ok()?;
        let Channel::Delivered(_) = asked.channel else { return None };
        let first = || self.tenants.of(&name).next();
        let named = tenant.map(|tenant| self.tenants.find(tenant).unwrap());
        let by = Decider { user: &user, session: None };
        Some(self.engine.decide_in(named.or_else(first), asked.id, by, decision).await.unwrap())
    }

    /// A personal token of this user's.
    pub(crate) async fn personal_token(&self, name: &str, scopes: &str) -> String {
        let user = self.store.user_named(&UserName::parse(name).unwrap()).await.unwrap().unwrap().record;
        let create = CreateToken {
            name: Claim::exact("A script").unwrap(),
            scopes: Scopes::parse(scopes).unwrap(),
            life: Duration::from_secs(30 * 24 * 3600),
            network: Ipv4Addr::LOCALHOST.into(),
        };
        let (_, token) = self.engine.create_token(&user, create).await.unwrap();
        token.expose_secret().to_owned()
    }

    /// Ends in order.
    pub(crate) async fn end(self) {
        self.running.end().await;
    }
}

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
