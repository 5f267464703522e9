//! The engine against a model of it: any sequence of calls and of time.

mod expected;
mod fruxon;
mod serble;

use std::{future::Future, sync::Arc, time::Duration};

use gatepost::{
    clock::Manual,
    engine::{Decider, Decision, Error},
    oauth::{refusal::ErrorCode, scope::Scopes, token::Kind, user::User},
    store::memory::Memory,
    verify::Denied,
};
use proptest::{collection::vec, prelude::*, sample::Index};
use tokio::runtime::Builder;

use self::expected::{Admission, Answer, Model};
use super::history::{Ask, History, Told};
use crate::support::{
    house::{CLIENT, DIALECT, Given, House, Login, STRANGER, put_user},
    records::{START, user, user_id},
};

/// What may happen next. An [`Index`] chooses among all tokens that were ever issued.
#[derive(Clone, Debug)]
enum Event {
    Approve,
    Deny,
    Poll,
    /// With the newest refresh token.
    RefreshNewest(Wanted),
    RefreshAny(Index, Wanted),
    UseAny(Index),
    /// With every access token there is.
    UseAll,
    Revoke,
    Logout(Index, Kind),
    /// Another client comes with what is this one's.
    Stranger(Index),
    /// Another user takes back what is not his.
    RevokeAsAnother,
    Pass(Duration),
    Enable(bool),
    /// Everything of the user is taken back.
    NextGeneration,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Wanted {
    All,
    Less,
    More,
}

impl Wanted {
    fn scopes(self) -> Option<Scopes> {
        match self {
            Self::All => None,
            Self::Less => Some(Scopes::parse("chat").unwrap()),
            Self::More => Some(Scopes::parse("chat admin").unwrap()),
        }
    }
}

fn wanted() -> impl Strategy<Value = Wanted> {
    prop_oneof![8 => Just(Wanted::All), 2 => Just(Wanted::Less), 1 => Just(Wanted::More)]
}

/// Times on both sides of every edge there is: the retry window, the lives of codes and tokens,
/// and how long things are remembered.
fn span() -> impl Strategy<Value = Duration> {
    let edges = [1, 9, 10, 899, 900, 24 * 3600, 29 * 24 * 3600, 30 * 24 * 3600].map(Duration::from_secs);
    let tick = Duration::from_nanos(1);
    prop_oneof![
        6 => (0..3_u64).prop_map(Duration::from_secs),
        3 => (3..400_u64).prop_map(Duration::from_secs),
        1 => proptest::sample::select(edges.to_vec()),
        1 => proptest::sample::select(edges.map(|edge| edge - tick).to_vec()),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => Just(Event::Approve),
        1 => Just(Event::Deny),
        8 => Just(Event::Poll),
        14 => wanted().prop_map(Event::RefreshNewest),
        3 => (any::<Index>(), wanted()).prop_map(|(index, wanted)| Event::RefreshAny(index, wanted)),
        4 => any::<Index>().prop_map(Event::UseAny),
        3 => Just(Event::UseAll),
        1 => Just(Event::Revoke),
        1 => (any::<Index>(), prop_oneof![Just(Kind::Access), Just(Kind::Refresh)]).prop_map(|(index, kind)| Event::Logout(index, kind)),
        2 => any::<Index>().prop_map(Event::Stranger),
        1 => Just(Event::RevokeAsAnother),
        10 => span().prop_map(Event::Pass),
        2 => any::<bool>().prop_map(Event::Enable),
        1 => Just(Event::NextGeneration),
    ]
}

/// One run: the engine, the model, and what was said.
struct Run {
    house: House,
    login: Login,
    user: User,
    model: Model,
    history: History,
}

impl Run {
    async fn begin() -> Self {
        let time = Manual::starting_at(START);
        let store = Arc::new(Memory::new(time.clock()));
        let user = user(1);
        put_user(store.as_ref(), &user).await;
        let house = House::over(store, time);
        let login = house.start().await.unwrap();
        Self { model: Model::asked(user.generation), house, login, user, history: History::default() }
    }

    async fn happens(&mut self, event: &Event) {
        match event {
            // A user who is disabled has no session to decide in.
            Event::Approve | Event::Deny if !self.user.enabled => {}
            Event::Approve => self.decide(Decision::Approve).await,
            Event::Deny => self.decide(Decision::Deny).await,
            Event::Poll => self.poll().await,
            Event::RefreshNewest(wanted) => {
                if let Some(newest) = self.model.issues.len().checked_sub(1) {
                    self.refresh(newest, *wanted).await;
                }
            }
            Event::RefreshAny(index, wanted) => {
                if let Some(at) = self.choose(index) {
                    self.refresh(at, *wanted).await;
                }
            }
            Event::UseAny(index) => {
                if let Some(at) = self.choose(index) {
                    self.show(at).await;
                }
            }
            Event::UseAll => {
                for at in 0..self.model.issues.len() {
                    self.show(at).await;
                }
            }
            Event::Revoke => self.revoke().await,
            Event::Logout(index, kind) => {
                if let Some(at) = self.choose(index) {
                    self.logout(at, *kind).await;
                }
            }
            Event::Stranger(index) => self.stranger(index).await,
            Event::RevokeAsAnother => {
                let answer = self.house.engine.revoke_own(self.login.grant, user_id(2)).await;
                // Of what is over already anybody may hear that it is over.
                assert!(matches!(answer, Err(Error::Refused(_))) || self.model.is_over(), "{answer:?}");
            }
            Event::Pass(span) => {
                self.house.pass(*span);
                self.model.now += *span;
            }
            Event::Enable(enabled) => {
                self.user.enabled = *enabled;
                self.model.enabled = *enabled;
                self.house.change_user(&self.user).await;
            }
            Event::NextGeneration => {
                self.user.generation += 1;
                self.model.generation += 1;
                self.house.change_user(&self.user).await;
            }
        }
    }

    fn choose(&self, index: &Index) -> Option<usize> {
        let issues = self.model.issues.len();
        (issues > 0).then(|| index.index(issues))
    }

    fn given(&self, at: usize) -> Given {
        self.model.issues[at].given.clone()
    }

    async fn decide(&mut self, decision: Decision) {
        let began = self.history.begin();
        let answer = self.house.engine.decide(self.login.grant, Decider { user: &self.user, session: None }, decision).await.map(|_| ());
        self.history.record(began, Ask::Decide(decision), told(&answer));
        let expected = if self.model.decide(decision) { Told::Yes } else { Told::Refused(ErrorCode::InvalidGrant) };
        assert_eq!(told(&answer), expected);
    }

    async fn poll(&mut self) {
        let began = self.history.begin();
        let answer = self.house.poll(&self.login.device_code).await;
        let expected = self.model.poll();
        let is_pending = expected == Answer::Refused(ErrorCode::AuthorizationPending);
        // How fast a pending code may be polled is another matter.
        if is_pending && matches!(answer, Err(Error::Limited(_))) {
            return;
        }
        self.history.record(began, Ask::Poll, tokens_told(&answer));
        if !is_pending || !matches!(tokens_told(&answer), Told::Refused(ErrorCode::SlowDown { .. })) {
            self.expect(&expected, &answer);
        }
    }

    async fn refresh(&mut self, at: usize, wanted: Wanted) {
        let token = self.given(at).refresh;
        let (began, scopes) = (self.history.begin(), wanted.scopes());
        let answer = self.house.refresh_as(CLIENT, &token, scopes.as_ref()).await;
        let expected = self.model.refresh(
            at,
            match wanted {
                Wanted::All => Some("chat models:read"),
                Wanted::Less => Some("chat"),
                Wanted::More => None,
            },
        );
        self.expect(&expected, &answer);
        self.history.record(began, Ask::Refresh(token), tokens_told(&answer));
        if let (Answer::New, Ok(given)) = (expected, &answer) {
            assert_eq!(given.scopes, if wanted == Wanted::Less { "chat" } else { "chat models:read" });
        }
    }

    /// Compares an answer with the expected one, and tells the model what is new.
    fn expect(&mut self, expected: &Answer, answer: &Result<Given, Error>) {
        match (expected, answer) {
            (Answer::New, Ok(given)) => {
                let old = |issue: &expected::Issue| issue.given.access == given.access || issue.given.refresh == given.refresh;
                assert!(!self.model.issues.iter().any(old), "an old token was issued as a new one");
                assert_eq!((given.expires_in, given.user), (900, self.user.id));
                self.model.issued(given.clone());
            }
            (Answer::Again(at), Ok(given)) => assert_eq!(*given, self.given(*at), "a repeated answer is another one"),
            (Answer::Refused(code), answer) => assert_eq!(tokens_told(answer), Told::Refused(*code)),
            (expected, answer) => panic!("expected {expected:?}, and got {answer:?}"),
        }
    }

    async fn show(&self, at: usize) {
        let given = self.given(at);
        let began = self.history.begin();
        let answer = self.house.show(&given.access).await.map(|(subject, _)| subject);
        let told = if answer.is_ok() { Told::Yes } else { Told::Shut };
        self.history.record(began, Ask::Use(given.access.clone()), told);
        match (self.model.admit(at), answer) {
            (Admission::Open, Ok(subject)) => {
                let (grant, user) = (self.login.grant, self.user.id);
                let by = subject.user.as_ref().map(|user| user.id);
                assert_eq!((subject.grant, by, subject.dialect.as_str()), (grant, Some(user), DIALECT));
                assert_eq!(subject.scopes.to_string(), given.scopes);
            }
            (Admission::Unknown, Err(Denied::Unknown))
            | (Admission::Expired, Err(Denied::Expired(_)))
            | (Admission::Revoked, Err(Denied::Revoked(_))) => {}
            (expected, answer) => panic!("expected {expected:?}, and got {answer:?}"),
        }
    }

    async fn revoke(&mut self) {
        let began = self.history.begin();
        let answer = self.house.revoke(self.login.grant).await;
        self.history.record(began, Ask::Revoke, told(&answer));
        let expected = if self.model.revoke() { Told::Yes } else { Told::Refused(ErrorCode::InvalidGrant) };
        assert_eq!(told(&answer), expected);
    }

    async fn logout(&mut self, at: usize, kind: Kind) {
        let given = self.given(at);
        let token = if kind == Kind::Access { given.access } else { given.refresh };
        let began = self.history.begin();
        let answer = self.house.logout(kind, &token).await.unwrap();
        let expected = self.model.logout().then_some(self.login.grant);
        assert_eq!(answer.grant, expected);
        if answer.grant.is_some() {
            self.history.record(began, Ask::Logout(kind, token), Told::Yes);
        }
    }

    /// Whatever another client does with this one's tokens is refused, and the model is not told.
    async fn stranger(&self, index: &Index) {
        let nothing = tokio_util::sync::CancellationToken::new();
        let answer = self.house.poll_as(STRANGER, &self.login.device_code, Duration::ZERO, &nothing).await;
        assert_eq!(tokens_told(&answer), Told::Refused(ErrorCode::InvalidGrant));
        if let Some(at) = self.choose(index) {
            let answer = self.house.refresh_as(STRANGER, &self.given(at).refresh, None).await;
            assert_eq!(tokens_told(&answer), Told::Refused(ErrorCode::InvalidGrant));
        }
    }
}

fn told(answer: &Result<(), Error>) -> Told {
    match answer {
        Ok(()) => Told::Yes,
        Err(Error::Refused(refusal)) => Told::Refused(refusal.code),
        Err(error) => panic!("{error:?}"),
    }
}

fn tokens_told(answer: &Result<Given, Error>) -> Told {
    match answer {
        Ok(given) => Told::Tokens(given.clone()),
        Err(Error::Refused(refusal)) => Told::Refused(refusal.code),
        Err(error) => panic!("{error:?}"),
    }
}

/// Runs it to its end, on a runtime of its own.
fn alone<F: Future>(future: F) -> F::Output {
    Builder::new_current_thread().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn whatever_happens_the_engine_answers_as_the_model_does(events in vec(event(), 1..80)) {
        alone(async {
            let mut run = Run::begin().await;
            for event in &events {
                run.happens(event).await;
            }
            run.history.check();
        });
    }
}
