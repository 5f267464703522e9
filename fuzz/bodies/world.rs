//! A gateway's inside without its doors: what it answers itself, over a store in memory.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use gatepost::{
    app::{Interior, Plan},
    clock::Manual,
    config::{Claim, Config, Environment, Pages, Problems, Written, load_text},
    dialects::{DIALECTS, Dialect},
    engine::{AddUser, Engine},
    message::{Call, Endpoint, Peer, RequestId, body},
    oauth::{
        secret::{Keyring, RootId},
        user::{User, UserName},
    },
    ops::health,
    store::{Store, memory::Memory},
    web,
};
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// The root secret, which stands in `ROOT`.
pub(crate) const ROOT: &str = "a-root-secret-of-more-than-32-bytes";
/// The secret of the client `service`, which stands in `SERVICE`.
pub(crate) const SERVICE: &str = "open sesame: 100 %";

const CONFIG: &str = r#"
public_url = "http://127.0.0.1:8080"
[keys]
root = "env:ROOT"
[scopes]
inference = "Use the models."
[users]
default_scopes = ["inference"]
[dialects.serechat]
[dialects.serika]
scopes = ["inference"]
[[dialects.serika.clients]]
id = "site"
name = "A site"
scopes = ["inference"]
redirect_uris = ["https://site.example/cb"]
[dialects.bootspring]
hold = "0s"
[[dialects.bootspring.clients]]
id = "bootspring-cli"
name = "Bootspring CLI"
scopes = ["inference"]
[[dialects.bootspring.clients]]
id = "service"
name = "A service"
scopes = ["inference"]
secret = "env:SERVICE"
"#;

/// Reads a configuration in a known environment.
pub(crate) fn load(text: &str) -> Result<(Config, Vec<Arc<dyn Dialect>>), Problems> {
    fn reserved(pages: &Pages) -> Vec<Claim> {
        web::claims(pages).into_iter().chain([health::claim()]).collect()
    }
    let files = [("/etc/gatepost/root-2.key", ROOT), ("/etc/gatepost/images.key", SERVICE)];
    let variables = [("ROOT", ROOT), ("GATEPOST_ROOT", ROOT), ("SERVICE", SERVICE), ("MODEL_API_KEY", SERVICE)];
    let written = Written { name: "gatepost.toml", text, folder: Path::new("/etc/gatepost") };
    load_text(written, DIALECTS, reserved, &Environment::given(variables, files))
}

pub(crate) fn keyring() -> Keyring {
    Keyring::new(&[(RootId::DEFAULT, SecretString::from(ROOT))]).unwrap()
}

/// One a thread, for all inputs.
pub(crate) struct World {
    pub(crate) endpoints: Vec<Endpoint>,
    runtime: Runtime,
    engine: Arc<Engine>,
    store: Arc<Memory>,
    user: User,
    time: Manual,
}

impl World {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let time = Manual::starting_at(Timestamp::UNIX_EPOCH);
        let store = Arc::new(Memory::new(time.clock()));
        let (config, dialects) = load(CONFIG).unwrap_or_else(|problems| panic!("{problems}"));
        let opened = Interior::over(Plan { config, dialects }, Arc::<Memory>::clone(&store), time.clock());
        let interior = runtime.block_on(opened).unwrap();
        let engine = Arc::clone(interior.engine());
        let add = AddUser {
            name: UserName::parse("ada").unwrap(),
            password: SecretString::from("correct horse"),
            email: None,
            avatar: None,
            scopes: interior.config().default_scopes.clone(),
        };
        let user = runtime.block_on(engine.add_user(add)).unwrap();
        Self { endpoints: interior.endpoints().unwrap(), runtime, engine, store, user, time }
    }

    /// Hands over this thread's world. What earlier inputs left has expired by then.
    pub(crate) fn with<T>(work: impl FnOnce(&Self) -> T) -> T {
        thread_local!(static WORLD: World = World::new());
        WORLD.with(|world| {
            world.time.advance(Duration::from_secs(16 * 60));
            world.runtime.block_on(world.store.sweep()).unwrap();
            work(world)
        })
    }

    pub(crate) fn endpoint(&self, method: &str, path: &str) -> Option<&Endpoint> {
        self.endpoints.iter().find(|endpoint| endpoint.path == path && endpoint.methods.iter().any(|known| known == method))
    }

    /// Asks an endpoint, from an address of its own.
    pub(crate) fn ask(&self, endpoint: &Endpoint, query: Option<&str>, headers: HeaderMap, sent: &[u8]) -> Response<Bytes> {
        let target = query.map_or_else(|| endpoint.path.clone(), |query| format!("{}?{query}", endpoint.path));
        // A query that is none in a target never reaches a handler.
        let method = endpoint.methods.first().cloned().unwrap_or_default();
        let request = Request::builder().method(method).uri(target).body(());
        let (mut head, ()) = request.unwrap_or_default().into_parts();
        head.headers = headers;
        let seconds = self.time.clock().now().as_second();
        let ip = IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(seconds / 960).unwrap_or_default()));
        let call = Call {
            head,
            body: body::full(sent.to_vec()),
            pattern: endpoint.path.as_str().into(),
            peer: Peer { ip },
            id: RequestId::from_random(7),
            subject: None,
            gone: CancellationToken::new(),
        };
        self.runtime.block_on(async {
            let (head, body) = (endpoint.handler)(call).await.into_parts();
            Response::from_parts(head, body.collect().await.unwrap().to_bytes())
        })
    }

    /// The cookie of a browser in which the first user has just signed in.
    pub(crate) fn session(&self) -> String {
        let opened = self.runtime.block_on(self.engine.open_session(&self.user, Duration::from_secs(60)));
        opened.unwrap().expose_secret().to_owned()
    }
}
