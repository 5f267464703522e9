//! Where the realm's primary is, and how to connect to it.
//!
//! All of a realm lies in one slot, so however Redis is set up, there is one server to talk to: the one that is
//! configured, the one that a Sentinel names, or the one that the nodes of a Cluster point to. Whoever it is, it is
//! asked what it is before anything is entrusted to it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use redis::{
    AsyncConnectionConfig, ErrorKind, ProtocolVersion, RedisConnectionInfo, RedisError, ServerErrorKind, Value,
    aio::{AsyncPushSender, MultiplexedConnection},
    cmd, from_redis_value,
};
use secrecy::ExposeSecret;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;

use super::socket::{self, Heard};
use crate::{
    config::store::{Host, Login, Redis, Servers},
    store::Unavailable,
};

/// The oldest Redis that knows what the scripts use.
const MAJOR: u32 = 6;
const MINOR: u32 = 2;
/// So often the nodes of a Cluster may point elsewhere.
const MOST_REDIRECTS: usize = 5;
/// A server has at least so long to let us in: TLS and a login take longer than a call.
const LEAST_LIMIT: Duration = Duration::from_secs(1);

/// Why there is no connection to Redis.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The certificates cannot be used.
    #[error("TLS towards Redis cannot be set up: {0}")]
    Tls(String),
    /// None of the configured servers leads to a primary that we may use.
    #[error("no connection to Redis: {}", .0.iter().map(|(host, cause)| format!("{host}: {cause}")).collect::<Vec<_>>().join("; "))]
    NoPrimary(Vec<(Host, Cause)>),
    /// A replica could become the primary that has not confirmed what was answered.
    #[error(
        "Redis has {attached} attached replicas, and `wait_replicas = {wanted}` waits for fewer: after a fail-over to another one, what was \
         revoked could be open again. Write `wait_replicas = {attached}` under [store], or take the weaker promise by its name: \
         `promise = \"available\"`"
    )]
    Unconfirmed {
        /// How many there are.
        attached: u32,
        /// How many have to confirm.
        wanted: u32,
    },
    /// It was lost again.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why one server is of no use.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// It cannot be reached, or TLS fails.
    #[error(transparent)]
    Socket(#[from] std::io::Error),
    /// It lets nobody in in time.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// It says no, or breaks off.
    #[error(transparent)]
    Refused(#[from] RedisError),
    /// It lacks what the scripts use.
    #[error("Redis {}.{} or newer is needed, this is {found}", MAJOR, MINOR)]
    TooOld {
        /// What it says of itself.
        found: String,
    },
    /// It is set up in another way than the URL says.
    #[error("this is a {is}, whose URL begins with `{scheme}`")]
    OtherMode {
        /// What it is.
        is: &'static str,
        /// What would reach it.
        scheme: &'static str,
    },
    /// It takes no writes.
    #[error("this is a replica, and only a primary takes writes")]
    Replica,
    /// A Sentinel does not know the name.
    #[error("this Sentinel knows no primary called `{0}`")]
    UnknownName(String),
    /// A node of a Cluster knows where to ask.
    #[error("the realm lies on {0}")]
    Moved(Host),
    /// The nodes of a Cluster do not agree.
    #[error("the nodes point to each other")]
    Astray,
    /// The one that it points to is of no use.
    #[error("it points to {0}: {1}")]
    Elsewhere(Host, Box<Cause>),
}

/// A connection to the primary. Ends with the driver.
pub(super) struct Connected {
    pub(super) connection: MultiplexedConnection,
    /// Ends when the connection breaks, which the push sender hears of too; dropped, it breaks the connection.
    pub(super) driver: AbortOnDropHandle<()>,
    pub(super) host: Host,
    pub(super) heard: Heard,
}

type Push = Option<Arc<dyn AsyncPushSender>>;

/// Where the realm's primary is, and how to connect to it.
pub(super) struct Finder {
    servers: Servers,
    tls: Option<TlsConnector>,
    to_server: RedisConnectionInfo,
    to_sentinel: RedisConnectionInfo,
    /// A key in the realm's slot, which nothing is stored under.
    probe: String,
    /// How long one server may take to let us in.
    limit: Duration,
}

impl Finder {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// [`OpenError::Tls`].
    pub(super) fn new(redis: &Redis) -> Result<Self, OpenError> {
        Ok(Self {
            servers: redis.servers.clone(),
            tls: redis.tls.as_ref().map(socket::connector).transpose()?,
            to_server: greeting(redis.login.as_ref()).set_db(redis.db.into()),
            to_sentinel: greeting(redis.sentinel_login.as_ref()),
            probe: format!("{}{{{}}}:", redis.prefix, redis.realm),
            limit: redis.timeout.max(LEAST_LIMIT),
        })
    }

    /// Finds the primary anew and connects to it. Push messages go to `push`, and
    /// [`PushKind::Disconnection`](redis::PushKind) when the server is gone.
    ///
    /// # Errors
    /// [`OpenError::NoPrimary`].
    pub(super) async fn connect(&self, push: Option<impl AsyncPushSender>) -> Result<Connected, OpenError> {
        let push = push.map(|push| Arc::new(push) as Arc<dyn AsyncPushSender>);
        let mut failed = Vec::new();
        for seed in self.seeds() {
            match self.by(seed, &push).await {
                Ok(connected) => return Ok(connected),
                Err(cause) => failed.push((seed.clone(), cause)),
            }
        }
        Err(OpenError::NoPrimary(failed))
    }

    fn seeds(&self) -> &[Host] {
        match &self.servers {
            Servers::One(host) => std::slice::from_ref(host),
            Servers::Sentinel { sentinels: hosts, .. } | Servers::Cluster(hosts) => hosts,
        }
    }

    async fn by(&self, seed: &Host, push: &Push) -> Result<Connected, Cause> {
        let mut host = match &self.servers {
            Servers::Sentinel { name, .. } => self.within(self.named(seed, name)).await?,
            Servers::One(_) | Servers::Cluster(_) => seed.clone(),
        };
        for _ in 0..=MOST_REDIRECTS {
            match self.within(self.primary(&host, push)).await {
                Err(Cause::Moved(to)) => host = to,
                Err(cause) if host != *seed => return Err(Cause::Elsewhere(host, Box::new(cause))),
                connected_or_not => return connected_or_not,
            }
        }
        Err(Cause::Astray)
    }

    async fn within<T>(&self, work: impl Future<Output = Result<T, Cause>>) -> Result<T, Cause> {
        timeout(self.limit, work).await.unwrap_or(Err(Cause::TimedOut(self.limit)))
    }

    /// Whom a Sentinel takes for the primary.
    async fn named(&self, sentinel: &Host, name: &str) -> Result<Host, Cause> {
        let mut sentinel = self.greet(sentinel, &self.to_sentinel, &None).await?;
        let mut ask = cmd("SENTINEL");
        ask.arg("GET-MASTER-ADDR-BY-NAME").arg(name);
        let found: Option<(String, u16)> = ask.query_async(&mut sentinel.connection).await?;
        found.map(|(name, port)| Host { name, port }).ok_or_else(|| Cause::UnknownName(name.to_owned()))
    }

    /// Connects, and sees that it is the primary of the realm and may be used.
    async fn primary(&self, host: &Host, push: &Push) -> Result<Connected, Cause> {
        let mut connected = self.greet(host, &self.to_server, push).await?;
        let connection = &mut connected.connection;
        // What ROLE and INFO say too, but every user may ask HELLO.
        let mut hello: HashMap<String, Value> = cmd("HELLO").query_async(connection).await?;
        let mut said = |what: &str| from_redis_value::<String>(hello.remove(what).unwrap_or_default()).unwrap_or_default();
        let (version, mode, role) = (said("version"), said("mode"), said("role"));
        let mut numbers = version.split('.').map_while(|number| number.parse().ok());
        if !matches!((numbers.next(), numbers.next()), (Some(major), Some(minor)) if (major, minor) >= (MAJOR, MINOR)) {
            return Err(Cause::TooOld { found: version });
        }
        match mode.as_str() {
            "sentinel" => return Err(Cause::OtherMode { is: "Sentinel", scheme: "redis+sentinel://" }),
            "cluster" if !matches!(self.servers, Servers::Cluster(_)) => {
                return Err(Cause::OtherMode { is: "node of a Redis Cluster", scheme: "redis-cluster://" });
            }
            _ => {}
        }
        if let Err(error) = cmd("GET").arg(&self.probe).query_async::<Value>(connection).await {
            match error.kind() {
                // The slot is about to move, and is still here.
                ErrorKind::Server(ServerErrorKind::Ask) => {}
                ErrorKind::Server(ServerErrorKind::Moved) => return Err(pointed(&error, host).map_or(error.into(), Cause::Moved)),
                _ => return Err(error.into()),
            }
        }
        if role == "master" { Ok(connected) } else { Err(Cause::Replica) }
    }

    async fn greet(&self, host: &Host, greeting: &RedisConnectionInfo, push: &Push) -> Result<Connected, Cause> {
        let heard = Heard::default();
        let stream = socket::open(host, self.tls.as_ref(), &heard).await?;
        // Callers have time-outs of their own.
        let mut config = AsyncConnectionConfig::new().set_response_timeout(None);
        if let Some(push) = push {
            config = config.set_push_sender(Arc::clone(push));
        }
        let (connection, driver) = MultiplexedConnection::new_with_config(greeting, stream, config).await.map_err(unwelcome)?;
        let driver = AbortOnDropHandle::new(tokio::spawn(driver));
        Ok(Connected { connection, driver, host: host.clone(), heard })
    }
}

fn greeting(login: Option<&Login>) -> RedisConnectionInfo {
    let mut greeting =
        RedisConnectionInfo::default().set_protocol(ProtocolVersion::RESP3).set_lib_name(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    if let Some(Login { user, password }) = login {
        greeting = greeting.set_password(password.expose_secret());
        if let Some(user) = user {
            greeting = greeting.set_username(user);
        }
    }
    greeting
}

/// Before Redis 6 there was no HELLO.
fn unwelcome(error: RedisError) -> Cause {
    match error.kind() {
        ErrorKind::RESP3NotSupported => Cause::TooOld { found: "older than 6.0".to_owned() },
        _ => error.into(),
    }
}

/// Where MOVED points: `<host>:<port>`, where no host is the one that was asked.
fn pointed(moved: &RedisError, asked: &Host) -> Option<Host> {
    let (to, _slot) = moved.redirect_node()?;
    let (name, port) = to.rsplit_once(':')?;
    let name = if name.is_empty() { &asked.name } else { name };
    Some(Host { name: name.to_owned(), port: port.parse().ok()? })
}
