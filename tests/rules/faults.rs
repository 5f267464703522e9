//! Many at once, over a store that dawdles, fails, or does what it was told and does not say so.

mod crowds;
mod delivery;
mod mixes;
mod one_by_one;
mod races;
mod renewals;

use std::sync::Arc;

use gatepost::{
    clock::Manual,
    engine::{Decision, Error},
    oauth::{
        grant::{Grant, State},
        id::GrantId,
        token::Kind,
    },
    store::{Store, memory::Memory},
    verify::{Denied, OpenStream},
};
use tokio::task::JoinSet;

use super::history::{Ask, History, Told};
use crate::support::{
    faulty::{Faulty, Weather},
    house::{Given, House, Login, USER, put_user},
    records::{START, user},
};

/// The engine over a faulty store, and the sound one below it.
struct Site {
    house: House,
    faulty: Arc<Faulty>,
    sound: Arc<dyn Store>,
    history: History,
}

impl Site {
    async fn new(weather: Weather, seed: u64) -> Arc<Self> {
        let time = Manual::starting_at(START);
        let sound: Arc<dyn Store> = Arc::new(Memory::new(time.clock()));
        put_user(sound.as_ref(), &user(USER)).await;
        let faulty = Faulty::over(Arc::clone(&sound), weather, seed);
        Arc::new(Self { house: House::over(Arc::clone(&faulty) as _, time), faulty, sound, history: History::default() })
    }

    /// Runs in fair weather and then sets it as it was wanted.
    async fn prepared<T>(weather: Weather, seed: u64, prepare: impl AsyncFnOnce(&Self) -> T) -> (Arc<Self>, T) {
        let site = Self::new(Weather::FAIR, seed).await;
        let prepared = prepare(&site).await;
        site.faulty.set(weather);
        (site, prepared)
    }

    /// A device that waits for a decision.
    async fn asked(&self) -> Login {
        self.house.start().await.unwrap()
    }

    /// A device that was let in and does not know it.
    async fn approved(&self) -> Login {
        let login = self.asked().await;
        self.decide(login.grant, Decision::Approve).await.unwrap();
        login
    }

    /// A device that has its first tokens.
    async fn let_in(&self) -> (Login, Given) {
        let login = self.approved().await;
        let given = self.poll(&login.device_code).await.unwrap();
        (login, given)
    }

    /// The grant as it lies in the store.
    async fn grant(&self, id: GrantId) -> Grant {
        self.sound.grant(id).await.unwrap().unwrap().record
    }

    /// How many access tokens the grant knows, and the number of the newest.
    async fn issues(&self, id: GrantId) -> (usize, u32) {
        match self.grant(id).await.state {
            State::Live { issues, .. } => (issues.len(), issues.last().unwrap().number),
            other => panic!("not live: {other:?}"),
        }
    }

    async fn poll(&self, device_code: &str) -> Result<Given, Error> {
        let began = self.history.begin();
        let answer = self.house.poll(device_code).await;
        self.history.record(began, Ask::Poll, given(&answer));
        answer
    }

    async fn refresh(&self, refresh_token: &str) -> Result<Given, Error> {
        let began = self.history.begin();
        let answer = self.house.refresh(refresh_token).await;
        self.history.record(began, Ask::Refresh(refresh_token.to_owned()), given(&answer));
        answer
    }

    async fn decide(&self, grant: GrantId, decision: Decision) -> Result<(), Error> {
        let began = self.history.begin();
        let answer = self.house.decide(grant, decision).await.map(|_| ());
        self.history.record(began, Ask::Decide(decision), told(&answer));
        answer
    }

    async fn revoke(&self, grant: GrantId) -> Result<(), Error> {
        let began = self.history.begin();
        let answer = self.house.revoke(grant).await;
        self.history.record(began, Ask::Revoke, told(&answer));
        answer
    }

    async fn logout(&self, kind: Kind, token: &str) -> Result<(), Error> {
        let began = self.history.begin();
        let answer = self.house.logout(kind, token).await;
        let told = if answer.is_ok() { Told::Yes } else { Told::Unavailable };
        self.history.record(began, Ask::Logout(kind, token.to_owned()), told);
        answer.map(|_| ())
    }

    async fn show(&self, access_token: &str) -> Result<OpenStream, Denied> {
        let began = self.history.begin();
        let answer = self.house.show(access_token).await.map(|(_, stream)| stream);
        let told = match &answer {
            Ok(_) => Told::Yes,
            Err(Denied::Unavailable(_)) => Told::Unavailable,
            Err(Denied::Unknown | Denied::Expired(_) | Denied::Revoked(_)) => Told::Shut,
        };
        self.history.record(began, Ask::Use(access_token.to_owned()), told);
        answer
    }

    /// Shows a good access token until the store can be asked.
    async fn open(&self, access_token: &str) -> OpenStream {
        loop {
            match self.show(access_token).await {
                Ok(stream) => return stream,
                Err(Denied::Unavailable(_)) => {}
                Err(denied) => panic!("{denied:?}"),
            }
        }
    }
}

const CROWD: usize = 64;

/// Has so many call at once, and waits for all of their answers.
async fn all<T, F>(count: usize, call: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let mut calls = JoinSet::new();
    for number in 0..count {
        calls.spawn(call(number));
    }
    calls.join_all().await
}

fn told<T: std::fmt::Debug>(answer: &Result<T, Error>) -> Told {
    match answer {
        Ok(_) => Told::Yes,
        Err(Error::Refused(refusal)) => Told::Refused(refusal.code),
        Err(Error::Unavailable(_)) => Told::Unavailable,
        Err(error) => panic!("{error:?}"),
    }
}

fn given(answer: &Result<Given, Error>) -> Told {
    match answer {
        Ok(given) => Told::Tokens(given.clone()),
        refused => told(refused),
    }
}

/// So many seeds, and many more in the long suites.
fn seeds(few: u64) -> std::ops::Range<u64> {
    0..if std::env::var_os("GATEPOST_TEST_ALL").is_some() { few * 50 } else { few }
}

/// Runs a test on one thread, where a seed alone decides who comes in between.
fn on_one_thread(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(test);
}

/// Runs a test where the machine decides.
fn on_many_threads(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap().block_on(test);
}
