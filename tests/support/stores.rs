//! Every kind of store, made for one test.

use std::{pin::Pin, sync::Arc, time::Duration};

use gatepost::{
    clock::Manual,
    config::{self, store::Redis},
    store::{self, Key, Store, Swept, Version, memory::Memory},
};
use jiff::Timestamp;
use tempfile::TempDir;

use super::{
    records::START,
    redis::{Server, realm},
};

/// A store of its own for one test, and the clock that it looks at.
pub(crate) struct Stand {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Manual,
    place: Place,
}

/// Where the store lies. What is only for the test goes with it.
enum Place {
    Memory,
    Embedded(TempDir),
    Redis(Box<Redis>, Option<Arc<Server>>),
}

/// A test that every store has to pass.
pub(crate) type Contract = (&'static str, for<'a> fn(&'a Stand) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>);

impl Stand {
    pub(crate) async fn memory() -> Option<Self> {
        Some(Self::at(Place::Memory, Manual::starting_at(START)).await)
    }

    pub(crate) async fn embedded() -> Option<Self> {
        Some(Self::at(Place::Embedded(TempDir::new().unwrap()), Manual::starting_at(START)).await)
    }

    /// A realm of its own in the Redis that the tests of this process share; `None`, where there is none.
    pub(crate) async fn redis() -> Option<Self> {
        let server = Server::shared()?;
        Some(Self::at(Place::Redis(Box::new(realm(server.place())), Some(server)), Manual::starting_at(START)).await)
    }

    /// In this realm.
    pub(crate) async fn over(realm: Redis) -> Self {
        Self::at(Place::Redis(Box::new(realm), None), Manual::starting_at(START)).await
    }

    /// An empty one of the same kind, with the same clock.
    pub(crate) async fn another(&self) -> Self {
        let place = match &self.place {
            Place::Memory => Place::Memory,
            Place::Embedded(_) => Place::Embedded(TempDir::new().unwrap()),
            Place::Redis(config, server) => Place::Redis(Box::new(realm(config.servers.clone())), server.clone()),
        };
        Self::at(place, self.clock.clone()).await
    }

    async fn at(place: Place, clock: Manual) -> Self {
        let config = match &place {
            Place::Memory => return Self { store: Arc::new(Memory::new(clock.clock())), clock, place },
            Place::Embedded(folder) => config::Store::Embedded(folder.path().to_owned()),
            Place::Redis(realm, _) => config::Store::Redis(realm.clone()),
        };
        Self { store: store::open(&config, clock.clock()).await.unwrap(), clock, place }
    }

    /// So many seconds from now.
    pub(crate) fn soon(&self, seconds: u64) -> Timestamp {
        self.clock.clock().now() + Duration::from_secs(seconds)
    }

    /// Lets so many seconds pass.
    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// What a sweep answers that had so much to remove; where the backend removes by itself, nothing.
    pub(crate) fn swept(&self, removed: u64) -> Swept {
        Swept { removed: if matches!(self.place, Place::Redis(..)) { 0 } else { removed } }
    }

    /// The version of what lies under a key, if anything does.
    pub(crate) async fn version(&self, key: &Key) -> Option<Version> {
        self.store.load(key).await.unwrap().map(|loaded| loaded.version)
    }
}

/// Makes each test one for every store: `memory::the_name`, `embedded::the_name`, `redis::the_name`. `all` has
/// them together, for those that are expensive to make.
macro_rules! on_every_store {
    ($($test:ident),+ $(,)?) => {
        $crate::support::stores::on_every_store!(@ memory: $($test),+);
        $crate::support::stores::on_every_store!(@ embedded: $($test),+);
        $crate::support::stores::on_every_store!(@ redis: $($test),+);

        pub(super) fn all() -> Vec<$crate::support::stores::Contract> {
            vec![$((stringify!($test), |on| Box::pin($test(on)))),+]
        }
    };
    // What only those keep that several processes use.
    (of_replicas: $($test:ident),+ $(,)?) => {
        $crate::support::stores::on_every_store!(@ redis: $($test),+);

        pub(super) fn all() -> Vec<$crate::support::stores::Contract> {
            vec![$((stringify!($test), |on| Box::pin($test(on)))),+]
        }
    };
    (@ $store:ident: $($test:ident),+) => {
        mod $store {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $test() {
                    if let Some(stand) = $crate::support::stores::Stand::$store().await {
                        super::$test(&stand).await;
                    }
                }
            )+
        }
    };
}
pub(crate) use on_every_store;
