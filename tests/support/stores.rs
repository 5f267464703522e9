//! Every kind of store, made for one test.

use std::{sync::Arc, time::Duration};

use gatepost::{
    clock::Manual,
    store::{Key, Store, Version, embedded::Embedded, memory::Memory},
};
use jiff::Timestamp;
use tempfile::TempDir;

use super::records::START;

/// A store of its own for one test, and the clock that it looks at.
pub(crate) struct Stand {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Manual,
    /// Where the store lies; gone with the test.
    _dir: Option<TempDir>,
}

impl Stand {
    pub(crate) fn memory() -> Self {
        let clock = Manual::starting_at(START);
        Self { store: Arc::new(Memory::new(clock.clock())), clock, _dir: None }
    }

    pub(crate) fn embedded() -> Self {
        let clock = Manual::starting_at(START);
        let dir = TempDir::new().unwrap();
        let store = Arc::new(Embedded::open(dir.path(), clock.clock()).unwrap());
        Self { store, clock, _dir: Some(dir) }
    }

    /// So many seconds from now.
    pub(crate) fn soon(&self, seconds: u64) -> Timestamp {
        self.clock.clock().now() + Duration::from_secs(seconds)
    }

    /// Lets so many seconds pass.
    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// The version of what lies under a key, if anything does.
    pub(crate) async fn version(&self, key: &Key) -> Option<Version> {
        self.store.load(key).await.unwrap().map(|loaded| loaded.version)
    }
}

/// Makes each test one for every store: `memory::the_name`, `embedded::the_name`.
macro_rules! on_every_store {
    ($($test:ident),+ $(,)?) => {
        $crate::support::stores::on_every_store!(@ memory: $($test),+);
        $crate::support::stores::on_every_store!(@ embedded: $($test),+);
    };
    (@ $store:ident: $($test:ident),+) => {
        mod $store {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $test() {
                    super::$test(&$crate::support::stores::Stand::$store()).await;
                }
            )+
        }
    };
}
pub(crate) use on_every_store;
