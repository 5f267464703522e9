//! The composition root: a configuration becomes a store, an engine, routes and listeners, which
//! run until they are told to end. Whatever lives long is started here.

mod moving;
mod plan;
mod roots;
mod start_error;
mod tasks;

use std::{net::SocketAddr, sync::Arc};

use tokio::{runtime::Handle, sync::mpsc, task::JoinHandle};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    clock::Clock,
    config::{self, Config},
    dialects::{Apps, Authorizes, Documents, House, metadata},
    engine::{Engine, Fetch, personal_client},
    limit::{Limits, RouteLimiter},
    net::{
        Ceiling, Drain,
        fetch::{FetchSettings, Fetcher},
        local::LocalListener,
        peer::Proxies,
        runtime::{Listeners, Threads},
        tls,
    },
    oauth::{client::Declared, secret::Keyring, tenant::Tenants},
    ops::{
        admin::{self, Admin, MakesClients},
        health,
    },
    proxy::{Gate, Shared, route::Routes, upstream::Upstreams},
    store::{self, Clients, Store},
    verify::{Membership, Verifier},
    web,
};
pub use moving::{MovingError, export, import};
pub use plan::Plan;
pub use roots::RootsError;
pub use start_error::StartError;

/// Fetches the documents that a dialect takes.
fn fetch(documents: &Documents, clock: Clock) -> Result<Fetch, rustls::Error> {
    let settings = FetchSettings { networks: documents.networks.clone(), roots: documents.roots.clone() };
    let fetcher = Arc::new(Fetcher::new(settings, clock)?);
    Ok(Arc::new(move |url| {
        let fetcher = Arc::clone(&fetcher);
        Box::pin(async move { Ok(fetcher.get(&url).await?) })
    }))
}

/// Everything but the doors: enough to run a command on the store while no server does.
pub struct Interior {
    plan: Plan,
    clock: Clock,
    store: Arc<dyn Store>,
    limits: Arc<Limits>,
    verifier: Arc<Verifier>,
    engine: Arc<Engine>,
}

impl Interior {
    /// Opens the store that the configuration names.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn open(plan: Plan, clock: Clock) -> Result<Self, StartError> {
        let store = store::open(&plan.config.store, clock.clone()).await?;
        Self::over(plan, store, clock).await
    }

    /// Stands on this store.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn over(plan: Plan, store: Arc<dyn Store>, clock: Clock) -> Result<Self, StartError> {
        let keyring: Arc<Keyring> = Arc::new(roots::keyring(&plan.config, store.as_ref()).await?);
        let personal = Declared { client: personal_client(), secret: None };
        let declared = plan.config.clients.iter().cloned().chain([personal]);
        let clients = Arc::new(Clients::new(Arc::clone(&store), declared));
        let limits = Arc::new(Limits::new(&plan.config.limits, store.counter(), Arc::clone(&keyring), &clock));
        let issuer = plan.config.public_url.as_str().to_owned();
        let verifier = Arc::new(Verifier::new(Arc::clone(&store), Arc::clone(&keyring), Arc::clone(&clients), issuer, clock.clone()));
        let mut engine = Engine::new(Arc::clone(&store), keyring, clients, Arc::clone(&verifier), Arc::clone(&limits), clock.clone());
        if let Some(documents) = plan.dialects.iter().find_map(|dialect| dialect.documents()) {
            engine = engine.fetching(fetch(documents, clock.clone())?);
        }
        let wide = plan.dialects.iter().flat_map(|dialect| dialect.wide()).collect();
        let jwt_life = plan.dialects.iter().filter_map(|dialect| dialect.signs_for()).max().unwrap_or_default();
        let engine = Arc::new(engine.widening(wide).signing_for(jwt_life));
        engine.maintain_keys().await?;
        Ok(Self { plan, clock, store, limits, verifier, engine })
    }

    /// The verbs.
    pub const fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// What the operator decided.
    pub const fn config(&self) -> &Config {
        &self.plan.config
    }

    /// What an operator can do.
    pub fn admin(&self) -> Admin {
        let apps = self.plan.dialects.iter().filter_map(|dialect| dialect.apps());
        let makes_clients = apps.map(|Apps { spelling, scopes, grant_types, may_be_public, .. }| MakesClients {
            spelling,
            scopes,
            grant_types,
            may_be_public,
        });
        Admin::new(Arc::clone(&self.engine), &self.plan.config, makes_clients.collect(), self.clock.clone())
    }

    /// Opens the doors: binds, and starts to answer. What may block runs on `control`.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn serve(self, control: &Handle) -> Result<Gateway, StartError> {
        let config = &self.plan.config;
        let routes = Routes::new(self.endpoints()?, &config.routes, &self.clock)?;
        let shared = Arc::new(Shared {
            routes,
            limits: Arc::clone(&self.limits),
            proxies: self.proxies(),
            verifier: Arc::clone(&self.verifier),
            tenants: self.tenants(),
            control: control.clone(),
            clock: self.clock.clone(),
            public_url: config.public_url.clone(),
            underscore_headers: config.underscore_headers,
        });
        let listeners =
            Listeners::bind(config.listen, config.threads).map_err(|cause| StartError::Listen { address: config.listen, cause })?;
        let address = listeners.address;
        let admin_socket = config.admin_socket.as_deref().map(LocalListener::bind).transpose()?;
        let drain = Drain::new(config.drain);
        let engine = Arc::clone(&self.engine);
        let serve_known = config.routes.iter().map(|route| route.serve_known).max().unwrap_or_default();
        if let config::Store::Redis(redis) = &config.store {
            self.verifier.join(Membership { mode: redis.mode, patience: redis.timeout * 2 / 5 });
        }
        self.verifier.begin_to_serve();
        let (loses, lost) = mpsc::unbounded_channel();
        let follower = AbortOnDropHandle::new(control.spawn(async move { engine.follow(serve_known, loses).await }));
        let engine = Arc::clone(&self.engine);
        let puts_back = AbortOnDropHandle::new(control.spawn(engine.put_back(lost)));
        let threads = self.threads(listeners, &shared, &drain)?;
        let mut tasks = vec![control.spawn(self.save(drain.clone())), control.spawn(self.sweep(Arc::clone(&shared), drain.clone()))];
        if shared.routes.limiters().any(RouteLimiter::is_shared) {
            tasks.push(control.spawn(self.settle(Arc::clone(&shared), drain.clone())));
        }
        if let Some(socket) = admin_socket {
            let admin = Arc::new(self.admin());
            tasks.push(control.spawn(socket.serve(move |request| admin::http::respond(Arc::clone(&admin), request), drain.clone())));
        }
        Ok(Gateway { address, engine: self.engine, verifier: self.verifier, drain, threads, tasks, follower, _puts_back: puts_back })
    }

    fn tenants(&self) -> Arc<Tenants> {
        self.plan.dialects.iter().find_map(|dialect| dialect.tenants()).unwrap_or_default()
    }

    fn proxies(&self) -> Proxies {
        Proxies::new(self.plan.config.trusted_proxies.clone().unwrap_or_default())
    }

    /// What the gateway answers itself: dialects, pages, health.
    ///
    /// # Errors
    /// [`web::BadMessages`].
    pub fn endpoints(&self) -> Result<Vec<crate::message::Endpoint>, web::BadMessages> {
        let house = self.house();
        let dialects = &self.plan.dialects;
        let offered = web::Offered {
            code_page: dialects.iter().find_map(|dialect| dialect.code_page()),
            login_page: dialects.iter().find_map(|dialect| dialect.login_page()),
            tenants: self.tenants(),
            authorizes: self.authorizes(),
            apps: dialects.iter().filter_map(|dialect| dialect.apps()).collect(),
        };
        let pages = Arc::new(web::House::new(Arc::clone(&self.engine), &self.plan.config, offered, self.clock.clone())?);
        let dialects = dialects.iter().flat_map(|dialect| Arc::clone(dialect).endpoints(&house));
        let keys = self.plan.dialects.iter().any(|dialect| dialect.signs_for().is_some()).then(|| metadata::keys(&self.engine));
        Ok(dialects.chain(web::endpoints(&pages)).chain([health::endpoint()]).chain(keys).collect())
    }

    /// Where users decide about what a browser brought, one for each dialect whose answers travel so.
    pub fn authorizes(&self) -> Vec<Arc<dyn Authorizes>> {
        let house = self.house();
        self.plan.dialects.iter().filter_map(|dialect| dialect.authorizes(&house)).collect()
    }

    fn house(&self) -> House {
        let config = &self.plan.config;
        House {
            engine: Arc::clone(&self.engine),
            device_page: config.public_url.join(&format!("{}{}", config.pages.prefix, web::DEVICE)),
            issuer: config.public_url.as_str().to_owned(),
            public_url: config.public_url.clone(),
            place: config.pages.name.clone(),
            protected: config.resources(),
            resources: config.protected_paths().map(str::to_owned).collect(),
        }
    }

    fn threads(&self, listeners: Listeners, shared: &Arc<Shared>, drain: &Drain) -> Result<Threads, StartError> {
        let tls = tls::client_config(&[])?;
        let mut gates = Vec::new();
        for _ in 0..listeners.count() {
            let upstreams = Upstreams::new(&self.plan.config.upstreams, &tls, &self.clock)?;
            gates.push(Gate::new(Arc::clone(shared), upstreams));
        }
        let ceiling = Ceiling::new(&self.plan.config.connections, self.proxies(), self.clock.clone());
        listeners.serve(gates, &self.plan.config.connections, &ceiling, drain).map_err(StartError::Thread)
    }
}

/// A gateway that answers.
pub struct Gateway {
    /// Where it listens.
    pub address: SocketAddr,
    /// The verbs.
    pub engine: Arc<Engine>,
    verifier: Arc<Verifier>,
    drain: Drain,
    threads: Threads,
    tasks: Vec<JoinHandle<()>>,
    /// Goes on as long as there may be an open stream.
    follower: AbortOnDropHandle<()>,
    _puts_back: AbortOnDropHandle<()>,
}

impl Gateway {
    /// Ends in order: no new connections, open requests go on for as long as the configuration
    /// says, and what is only in memory is saved.
    pub async fn end(self) {
        self.drain.begin();
        let threads = self.threads;
        if let Err(error) = tokio::task::spawn_blocking(move || threads.join()).await {
            tracing::error!(%error, "the forwarding threads could not be waited for");
        }
        self.engine.tell_of_insisted();
        self.follower.abort();
        // What it may have sent comes before the farewell.
        drop(self.follower.await);
        if let Some(replicas) = self.verifier.replicas()
            && let Err(error) = replicas.leave().await
        {
            tracing::debug!(%error, "the other replicas were not told that this one has ended");
        }
        for task in self.tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a task broke down");
            }
        }
    }
}
