//! A store that fails and dawdles as a test wants it to.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use gatepost::store::{
    Answer, Change, CommitError, Cursor, Key, List, Loaded, Notices, Page, Position, ReadError, Record, Soft, SoftKey, Store, Swept,
    Unavailable, Whole,
};
use jiff::Timestamp;
use rand::{RngExt, SeedableRng, rngs::StdRng};

/// How a commit fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// Nothing was written.
    Before,
    /// It was written, and nobody was told.
    After,
}

/// What goes wrong, and how often.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Weather {
    /// Of a hundred operations so many fail before they did anything.
    pub(crate) before: u32,
    /// Of a hundred commits so many fail although they were written.
    pub(crate) after: u32,
    /// Others come in between up to so many times, before an operation and after it.
    pub(crate) yields: u32,
}

impl Weather {
    pub(crate) const FAIR: Self = Self { before: 0, after: 0, yields: 0 };
    /// Nothing fails, and everybody gets in everybody's way.
    pub(crate) const CROWDED: Self = Self { before: 0, after: 0, yields: 3 };
    pub(crate) const STORMY: Self = Self { before: 10, after: 15, yields: 3 };
    /// The store is away.
    pub(crate) const DARK: Self = Self { before: 100, after: 0, yields: 0 };
}

pub(crate) struct Faulty {
    inner: Arc<dyn Store>,
    weather: Mutex<Weather>,
    dice: Mutex<StdRng>,
    /// The operation that is to fail, counted down.
    planned: Mutex<Option<(u32, Fault)>>,
    failed: AtomicU64,
}

impl Faulty {
    pub(crate) fn over(inner: Arc<dyn Store>, weather: Weather, seed: u64) -> Arc<Self> {
        let dice = Mutex::new(StdRng::seed_from_u64(seed));
        Arc::new(Self { inner, weather: Mutex::new(weather), dice, planned: Mutex::default(), failed: AtomicU64::new(0) })
    }

    pub(crate) fn set(&self, weather: Weather) {
        *self.weather.lock().unwrap() = weather;
    }

    /// Has the operation after `skipped` others fail, whatever the weather.
    pub(crate) fn plan(&self, skipped: u32, fault: Fault) {
        *self.planned.lock().unwrap() = Some((skipped, fault));
    }

    /// Drops a plan that came to nothing.
    pub(crate) fn unplan(&self) {
        *self.planned.lock().unwrap() = None;
    }

    /// How many operations have failed.
    pub(crate) fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Lets others come in between.
    async fn pause(&self) {
        let most = self.weather.lock().unwrap().yields;
        let times = self.dice.lock().unwrap().random_range(0..=most);
        for _ in 0..times {
            tokio::task::yield_now().await;
        }
    }

    /// Whether the next operation fails, and how.
    fn fate(&self) -> Option<Fault> {
        let weather = *self.weather.lock().unwrap();
        let mut planned = self.planned.lock().unwrap();
        let fault = match planned.take() {
            Some((0, fault)) => Some(fault),
            Some((left, fault)) => {
                *planned = Some((left - 1, fault));
                None
            }
            None => match self.dice.lock().unwrap().random_range(0..100) {
                roll if roll < weather.before => Some(Fault::Before),
                roll if roll < weather.before + weather.after => Some(Fault::After),
                _ => None,
            },
        };
        if fault.is_some() {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
        fault
    }

    /// Something that writes nothing of weight: it fails or it does not.
    async fn through<T, E: From<Unavailable>>(&self, work: Answer<'_, T, E>) -> Result<T, E> {
        self.pause().await;
        let answer = if self.fate().is_some() { Err(lost().into()) } else { work.await };
        self.pause().await;
        answer
    }
}

fn lost() -> Unavailable {
    Unavailable::because("the test wants it so")
}

impl Store for Faulty {
    fn load<'a>(&'a self, key: &'a Key) -> Answer<'a, Option<Loaded<Record>>> {
        Box::pin(self.through(self.inner.load(key)))
    }

    fn load_whole<'a>(&'a self, key: &'a Key, watch: Option<&'a Key>, applied: Option<Position>) -> Answer<'a, Option<Whole>, ReadError> {
        Box::pin(self.through(self.inner.load_whole(key, watch, applied)))
    }

    fn commit(&self, changes: Vec<Change>) -> Answer<'_, (), CommitError> {
        Box::pin(async move {
            self.pause().await;
            let answer = match self.fate() {
                None => self.inner.commit(changes).await,
                Some(Fault::Before) => Err(lost().into()),
                Some(Fault::After) => self.inner.commit(changes).await.and(Err(lost().into())),
            };
            self.pause().await;
            answer
        })
    }

    fn members(&self, list: List) -> Answer<'_, Vec<[u8; 16]>> {
        Box::pin(self.through(self.inner.members(list)))
    }

    fn soft_load(&self, key: SoftKey) -> Answer<'_, Option<Soft>> {
        Box::pin(self.through(self.inner.soft_load(key)))
    }

    fn soft_save(&self, pieces: Vec<(SoftKey, Soft, Timestamp)>) -> Answer<'_, ()> {
        Box::pin(self.through(self.inner.soft_save(pieces)))
    }

    fn sweep(&self) -> Answer<'_, Swept> {
        Box::pin(self.through(self.inner.sweep()))
    }

    fn notices(&self) -> Notices {
        self.inner.notices()
    }

    fn dump(&self, from: Option<Cursor>) -> Answer<'_, Page> {
        Box::pin(self.through(self.inner.dump(from)))
    }
}
