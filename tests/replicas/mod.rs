//! Three replicas over one Redis. What one of them was told all go by, and whatever breaks between them and
//! Redis, nothing is let in that was taken back, and nobody is told what is not so.

mod cached;
mod commands;
mod formats;
mod gauges;
mod history;
mod holds;
mod insist;
mod keys;
mod lifetimes;
mod once;
mod outage;
mod primaries;
mod processes;
mod receipts;
mod streams;
mod taking_back;

use gatepost::{
    config::store::Mode,
    oauth::user::{User, UserName},
};
use http::Request;
use http_body_util::Full;

use crate::{
    proxy::stand::{Token, issue},
    support::{
        gateway::{Gateway, USER},
        http::{Reply, bearing, get},
        replicas::Replicas,
        upstream::Upstream,
    },
    wire::together::credentials,
};

const REPLICAS: usize = 3;

/// Three replicas with every dialect, before an upstream.
struct House {
    replicas: Replicas,
    upstream: Upstream,
}

/// How what was taken back comes to be known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    /// Replicas hear of it.
    Cached,
    /// They ask for each request.
    Strict,
    /// One process did it itself, over a store of its own.
    Alone,
}

impl Way {
    /// Replicas with this configuration.
    async fn replicas(self, config: &str) -> Option<Replicas> {
        match self {
            Self::Cached => Replicas::start(REPLICAS, config).await,
            Self::Strict => Replicas::in_realm(REPLICAS, config, |realm| realm.mode = Mode::Strict).await,
            Self::Alone => Some(Replicas::alone(config).await),
        }
    }
}

/// Makes each test one for every [`Way`]: `cached::the_name`, `strict::the_name`, `alone::the_name`. Those that are
/// run `thoroughly` go the last two ways only where the long suites are wanted too.
macro_rules! in_every_way {
    (thoroughly: $($test:ident),+ $(,)?) => {
        $crate::replicas::in_every_way!(@ cached, Cached, true; $($test),+);
        $crate::replicas::in_every_way!(@ strict, Strict, $crate::support::runs_all(); $($test),+);
        $crate::replicas::in_every_way!(@ alone, Alone, $crate::support::runs_all(); $($test),+);
    };
    ($($test:ident),+ $(,)?) => {
        $crate::replicas::in_every_way!(@ cached, Cached, true; $($test),+);
        $crate::replicas::in_every_way!(@ strict, Strict, true; $($test),+);
        $crate::replicas::in_every_way!(@ alone, Alone, true; $($test),+);
    };
    (@ $module:ident, $way:ident, $if:expr; $($test:ident),+) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $test() {
                    if $if {
                        super::$test($crate::replicas::Way::$way).await;
                    }
                }
            )+
        }
    };
}
use in_every_way;

impl House {
    async fn start() -> Option<Self> {
        Self::going(Way::Cached).await
    }

    async fn going(way: Way) -> Option<Self> {
        let upstream = Upstream::start().await;
        let config = credentials::config(&upstream.address.to_string());
        Some(Self { replicas: way.replicas(&config).await?, upstream })
    }

    /// One of the replicas, and the same for the same number.
    fn gateway(&self, replica: usize) -> &Gateway {
        &self.replicas.gateways[replica % self.replicas.gateways.len()]
    }

    /// What all replicas answer a call with this token.
    async fn statuses(&self, token: &str) -> Vec<u16> {
        let mut statuses = Vec::new();
        for gateway in &self.replicas.gateways {
            statuses.push(gateway.send(bearing(get("/models/x"), token)).await.status.as_u16());
        }
        statuses
    }

    /// A token of the first user's, got at the first replica.
    async fn token(&self) -> Token {
        token(self.gateway(0)).await
    }
}

async fn ada(gateway: &Gateway) -> User {
    gateway.store.user_named(&UserName::parse(USER).unwrap()).await.unwrap().unwrap().record
}

async fn token(gateway: &Gateway) -> Token {
    issue(&gateway.engine, &ada(gateway).await, "bootspring-cli").await
}

/// Sends what must be answered well.
async fn good(gateway: &Gateway, request: Request<Full<bytes::Bytes>>) -> Reply {
    let at = request.uri().path().to_owned();
    let reply = gateway.send(request).await;
    assert!(reply.status.is_success(), "{at}: {} {}", reply.status, reply.text());
    reply
}

#[tokio::test(flavor = "multi_thread")]
async fn who_logs_in_at_one_replica_calls_at_all() {
    let Some(house) = House::start().await else { return };
    let got = credentials::one_of_each(house.gateway(0)).await;
    let access = got.iter().filter(|credential| credential.kind == credentials::Kind::Access);
    for credential in access.clone() {
        assert_eq!(house.statuses(&credential.text).await, [200; REPLICAS], "{credential}");
    }
    assert_eq!(house.upstream.seen().len(), access.count() * REPLICAS);
}
