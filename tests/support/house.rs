//! The engine without a socket: over any store, with a clock that the test moves.

use std::{
    net::{IpAddr, Ipv4Addr},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll as Progress, Waker},
    time::Duration,
};

use gatepost::{
    clock::Manual,
    config::limits::Rates,
    engine::{
        Ask, Asked, Decider, Decision, Engine, Error, Exchange, LoggedOut, Poll, Refresh, RefreshStyle, Start, Started, Style, Tokens,
    },
    limit::Limits,
    oauth::{
        audience::Audience,
        claim::Claim,
        client::{Client, Declared},
        grant::{Channel, Grant, Requester, Wanted},
        id::{ClientId, GrantId, UserId},
        refusal::ErrorCode,
        scope::Scopes,
        secret::{Keyring, RootId},
        signing::TokenFormat,
        step::TakesBack,
        subject::Subject,
        token::Kind,
        typed::{AskId, TypedCode},
        user::User,
    },
    store::{Change, Clients, Expect, Key, Record, Store, memory::Memory},
    verify::{Denied, OpenStream, Verifier},
};
use secrecy::{ExposeSecret, SecretString};
use tokio_util::sync::CancellationToken;

use super::records::{START, scopes, user, user_id};

pub(crate) const ISSUER: &str = "https://ai.example.com";
pub(crate) const DIALECT: &str = "bootspring";
/// The client that asks.
pub(crate) const CLIENT: &str = "cli";
/// Another client of the same dialect.
pub(crate) const STRANGER: &str = "stranger";
/// The number of the user who approves.
pub(crate) const USER: u64 = 1;
pub(crate) const CODE_LIFE: Duration = Duration::from_secs(900);
pub(crate) const ASK_LIFE: Duration = Duration::from_secs(600);
pub(crate) const TYPED_LIFE: Duration = Duration::from_secs(300);
pub(crate) const ACCESS_LIFE: Duration = Duration::from_secs(900);
pub(crate) const REFRESH_LIFE: Duration = Duration::from_secs(30 * 24 * 3600);
pub(crate) const INTERVAL: Duration = Duration::from_secs(5);
pub(crate) const STYLE: Style = Style {
    dialect: DIALECT,
    access: "at_",
    access_life: ACCESS_LIFE,
    format: TokenFormat::Opaque,
    refresh: Some(RefreshStyle::Rotating { prefix: "rt_", life: REFRESH_LIFE }),
};

pub(crate) struct House {
    pub(crate) engine: Engine,
    pub(crate) verifier: Arc<Verifier>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) time: Manual,
    asked: AtomicU32,
}

/// An answer with tokens, as it goes out.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct Given {
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) expires_in: u64,
    pub(crate) scopes: String,
    pub(crate) user: UserId,
}

impl From<Tokens> for Given {
    fn from(tokens: Tokens) -> Self {
        Self {
            access: tokens.access.expose_secret().to_owned(),
            refresh: tokens.refresh.unwrap().expose_secret().to_owned(),
            expires_in: tokens.expires_in,
            scopes: tokens.scopes.to_string(),
            user: tokens.user.unwrap().id,
        }
    }
}

/// A login under way: the grant, and what each side of it holds.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    pub(crate) grant: GrantId,
    pub(crate) device_code: String,
    pub(crate) user_code: String,
}

impl From<Started> for Login {
    fn from(started: Started) -> Self {
        let device_code = started.device_code.expose_secret().to_owned();
        Self { grant: started.grant, device_code, user_code: started.user_code.shown() }
    }
}

pub(crate) fn keyring() -> Keyring {
    Keyring::new(&[(RootId::DEFAULT, SecretString::from("r".repeat(32)))]).unwrap()
}

fn client(id: &str) -> Client {
    Client::declared(DIALECT, ClientId::new(id), id.to_owned(), scopes())
}

impl House {
    /// Over a store in memory, with the user [`USER`] in it.
    pub(crate) async fn new() -> Self {
        let time = Manual::starting_at(START);
        let store = Arc::new(Memory::new(time.clock()));
        put_user(store.as_ref(), &user(USER)).await;
        Self::over(store, time)
    }

    /// Over a store that the test chose.
    pub(crate) fn over(store: Arc<dyn Store>, time: Manual) -> Self {
        let keyring = Arc::new(keyring());
        let declared = [CLIENT, STRANGER].map(|id| Declared { client: client(id), secret: None });
        let clients = Arc::new(Clients::new(Arc::clone(&store), declared));
        let limits = Arc::new(Limits::new(&Rates::default(), store.counter(), Arc::clone(&keyring), &time.clock()));
        let verifier =
            Arc::new(Verifier::new(Arc::clone(&store), Arc::clone(&keyring), Arc::clone(&clients), ISSUER.to_owned(), time.clock()));
        let engine = Engine::new(Arc::clone(&store), keyring, clients, Arc::clone(&verifier), limits, time.clock());
        Self { engine, verifier, store, time, asked: AtomicU32::new(0) }
    }

    /// A device asks, each time from another address.
    pub(crate) async fn start(&self) -> Result<Login, Error> {
        let requester = Requester { app: None, device: None, platform: None, network: self.another_address() };
        let client = client(CLIENT);
        Ok(self
            .engine
            .start(Start {
                style: &STYLE,
                prefix: "dc_",
                client: &client,
                scopes: None,
                audience: Audience::default(),
                requester,
                channel: Channel::Polled,
                life: CODE_LIFE,
            })
            .await?
            .into())
    }

    /// An app asks for a code to be typed, each time from another address.
    pub(crate) async fn ask(&self) -> Result<Asked, Error> {
        let requester = Requester { app: Claim::cleaned("An app"), device: None, platform: None, network: self.another_address() };
        let client = client(CLIENT);
        self.engine.ask(Ask { style: &STYLE, client: &client, requester, life: ASK_LIFE, code_life: TYPED_LIFE }).await
    }

    /// It tries a code, each time from another address.
    pub(crate) async fn exchange(&self, ask: AskId, code: TypedCode) -> Result<Given, Error> {
        let client = client(CLIENT);
        let exchange = Exchange { style: &STYLE, client: &client, ask: Some(ask), code, peer: self.another_address() };
        Ok(self.engine.exchange(exchange).await?.into())
    }

    fn another_address(&self) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + self.asked.fetch_add(1, Ordering::Relaxed)))
    }

    /// A device polls and wants its answer at once.
    pub(crate) async fn poll(&self, device_code: &str) -> Result<Given, Error> {
        self.poll_as(CLIENT, device_code, Duration::ZERO, &CancellationToken::new()).await
    }

    /// A device polls and waits for a while.
    pub(crate) async fn held_poll(&self, device_code: &str, hold: Duration) -> Result<Given, Error> {
        self.poll_as(CLIENT, device_code, hold, &CancellationToken::new()).await
    }

    pub(crate) async fn poll_as(&self, client: &str, device_code: &str, hold: Duration, gone: &CancellationToken) -> Result<Given, Error> {
        let client = self::client(client);
        let poll = Poll { style: &STYLE, client: &client, device_code, interval: INTERVAL, hold, peer: Ipv4Addr::LOCALHOST.into(), gone };
        Ok(self.engine.poll(poll).await?.into())
    }

    pub(crate) async fn refresh(&self, refresh_token: &str) -> Result<Given, Error> {
        self.refresh_as(CLIENT, refresh_token, None).await
    }

    pub(crate) async fn refresh_as(&self, client: &str, refresh_token: &str, scopes: Option<&Scopes>) -> Result<Given, Error> {
        let client = self::client(client);
        let wanted = Wanted { scopes, audience: None };
        Ok(self
            .engine
            .refresh(Refresh { style: &STYLE, client: &client, refresh_token, peer: Ipv4Addr::LOCALHOST.into(), wanted })
            .await?
            .into())
    }

    /// The user [`USER`], as he was made, decides.
    pub(crate) async fn decide(&self, grant: GrantId, decision: Decision) -> Result<Grant, Error> {
        self.engine.decide(grant, Decider { user: &user(USER), session: None }, decision).await
    }

    pub(crate) async fn approve(&self, grant: GrantId) -> Result<Grant, Error> {
        self.decide(grant, Decision::Approve).await
    }

    pub(crate) async fn revoke(&self, grant: GrantId) -> Result<(), Error> {
        self.engine.revoke_own(grant, user_id(USER)).await
    }

    pub(crate) async fn logout(&self, kind: Kind, token: &str) -> Result<LoggedOut, Error> {
        self.engine.logout(DIALECT, kind, token).await
    }

    /// Shows an access token, as a protected request does.
    pub(crate) async fn show(&self, access_token: &str) -> Result<(Arc<Subject>, OpenStream), Denied> {
        self.verifier.verify(access_token, Duration::ZERO).await
    }

    /// A device that has been let in, and its first tokens.
    pub(crate) async fn let_in(&self) -> (Login, Given) {
        let login = self.start().await.unwrap();
        self.approve(login.grant).await.unwrap();
        let given = self.poll(&login.device_code).await.unwrap();
        (login, given)
    }

    /// Makes a user another one, as whoever disables him or takes back what he granted does.
    pub(crate) async fn change_user(&self, user: &User) {
        let record = Record::User(Box::new(user.clone()));
        let put = Change::Put { key: Key::User(user.id), expect: Expect::Any, record, until: None };
        let what = if user.enabled { TakesBack::UserBefore(user.id, user.generation) } else { TakesBack::User(user.id) };
        self.verifier.commit(vec![put, Change::TakeBack(what)]).await.unwrap().unwrap().known().await;
    }

    pub(crate) fn pass(&self, span: Duration) {
        self.time.advance(span);
    }
}

/// Writes a user over whatever there was of him.
pub(crate) async fn put_user(store: &dyn Store, user: &User) {
    let record = Record::User(Box::new(user.clone()));
    let put = Change::Put { key: Key::User(user.id), expect: Expect::Any, record, until: None };
    store.commit(vec![put]).await.unwrap();
}

/// The protocol's word for what was refused.
pub(crate) fn word<T: std::fmt::Debug>(answer: &Result<T, Error>) -> ErrorCode {
    match answer {
        Err(Error::Refused(refusal)) => refusal.code,
        other => panic!("not refused: {other:?}"),
    }
}

/// Lets a future run as far as it comes, and answers what came out, if anything did.
pub(crate) fn run<F: Future>(future: Pin<&mut F>) -> Option<F::Output> {
    // Without tokio's budget, which would have it pause now and then for the sake of others.
    let future = std::pin::pin!(tokio::task::unconstrained(future));
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Progress::Ready(output) => Some(output),
        Progress::Pending => None,
    }
}
