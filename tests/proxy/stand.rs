//! A gateway with a user, tokens on demand, and a store that can be taken away.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};
use std::{net::Ipv4Addr, time::Duration};

use gatepost::{
    clock::Manual,
    dialects::Dialect,
    engine::{Decider, Decision, Engine, Poll, RefreshStyle, Start, Style},
    oauth::{
        audience::Audience,
        client::Client,
        grant::{Channel, Requester},
        id::{ClientId, GrantId},
        signing::TokenFormat,
        token::Kind,
        user::{User, UserName},
    },
    store::{Change, Expect, Key, Loaded, Record, Store},
};
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;

use crate::support::{
    gateway::{CONFIG, Gateway, forwarding},
    records::START,
    watched::Watched,
};

/// As Bootspring spells its credentials.
const STYLE: Style = Style {
    dialect: "bootspring",
    access: "bs_at_",
    access_life: Duration::from_secs(15 * 60),
    format: TokenFormat::Opaque,
    refresh: Some(RefreshStyle::Rotating { prefix: "bs_rt_", life: Duration::from_secs(30 * 24 * 3600) }),
};

/// What a person's yes led to.
pub(crate) struct Token {
    pub(crate) grant: GrantId,
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) device_code: String,
}

/// The whole life from the ask to the token, without a socket. `client` asks for all it may have.
pub(crate) async fn issue(engine: &Engine, user: &User, client: &str) -> Token {
    let client = engine.client(STYLE.dialect, &ClientId::new(client)).await.unwrap().unwrap();
    issue_as(&STYLE, engine, user, &client).await
}

/// The same in the style of any dialect.
pub(crate) async fn issue_as(style: &Style, engine: &Engine, user: &User, client: &Client) -> Token {
    // Starts are counted by address, and this is not what is tested here.
    static ADDRESSES: AtomicU8 = AtomicU8::new(0);
    let network = Ipv4Addr::new(192, 0, 2, ADDRESSES.fetch_add(1, Ordering::Relaxed)).into();
    let requester = Requester { app: None, device: None, platform: None, network };
    let channel = Channel::Polled;
    let life = Duration::from_secs(60);
    let start = Start { style, prefix: "bs_dc_", client, scopes: None, audience: Audience::default(), requester, channel, life };
    let started = engine.start(start).await.unwrap();
    engine.decide(started.grant, Decider { user, session: None }, Decision::Approve).await.unwrap();
    let device_code = started.device_code.expose_secret();
    let (interval, hold, gone) = (Duration::from_secs(5), Duration::ZERO, &CancellationToken::new());
    let tokens = engine.poll(Poll { style, client, device_code, interval, hold, peer: network, gone }).await.unwrap();
    Token {
        grant: tokens.grant,
        access: tokens.access.expose_secret().to_owned(),
        refresh: tokens.refresh.unwrap().expose_secret().to_owned(),
        device_code: device_code.to_owned(),
    }
}

/// A gateway over a store that the test holds too.
pub(crate) struct Stand {
    pub(crate) gateway: Gateway,
    pub(crate) store: Arc<dyn Store>,
    switch: Arc<Watched>,
}

impl Stand {
    /// With this configuration.
    pub(crate) async fn with(config: &str) -> Self {
        Self::speaking(config, Vec::new()).await
    }

    /// With dialects of the test's own besides.
    pub(crate) async fn speaking(config: &str, dialects: Vec<Arc<dyn Dialect>>) -> Self {
        let time = Manual::starting_at(START);
        let switch = Arc::new(Watched::new(time.clock()));
        let store: Arc<dyn Store> = Arc::<Watched>::clone(&switch);
        let gateway = Gateway::speaking(config, dialects, Arc::clone(&store), time).await;
        Self { gateway, store, switch }
    }

    /// Forwards `/v1`, for which a token with `inference` is needed.
    pub(crate) async fn before(upstream: std::net::SocketAddr) -> Self {
        Self::with(&forwarding(upstream)).await
    }

    /// A token of the first user's for `app`, which may have both scopes.
    pub(crate) async fn token(&self) -> Token {
        self.token_of("ada", "app").await
    }

    pub(crate) async fn token_of(&self, user: &str, client: &str) -> Token {
        issue(&self.gateway.engine, &self.user(user).await.record, client).await
    }

    pub(crate) async fn user(&self, name: &str) -> Loaded<User> {
        self.store.user_named(&UserName::parse(name).unwrap()).await.unwrap().unwrap()
    }

    /// Writes a changed user, as an operator's command would.
    pub(crate) async fn change_user(&self, name: &str, change: impl FnOnce(&mut User)) {
        let Loaded { version, mut record } = self.user(name).await;
        change(&mut record);
        let (key, record) = (Key::User(record.id), Record::User(Box::new(record)));
        self.store.commit(vec![Change::Put { key, expect: Expect::Version(version), record, until: None }]).await.unwrap();
    }

    pub(crate) async fn revoke(&self, token: &Token) {
        assert!(self.gateway.engine.logout(STYLE.dialect, Kind::Access, &token.access).await.unwrap().grant.is_some());
    }

    /// From now on the store answers nothing.
    pub(crate) fn take_store_away(&self) {
        self.switch.be_away(true);
    }

    pub(crate) fn bring_store_back(&self) {
        self.switch.be_away(false);
    }
}

/// Settings of one upstream and conditions of one route to it, in the configuration's words.
pub(crate) fn config(upstream: &str, route: &str) -> String {
    format!("{CONFIG}\n[upstreams.model]\n{upstream}\n[[routes]]\n{route}\n")
}
