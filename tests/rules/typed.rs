//! Codes that are typed, against a model: any sequence of decisions, tries and time.

use std::{sync::Arc, time::Duration};

use gatepost::{
    clock::Manual,
    engine::{Asked, Decision, Error},
    oauth::{
        grant::Grant,
        refusal::{
            ErrorCode,
            ErrorCode::{AccessDenied, AuthorizationPending, InvalidGrant, WrongCode},
        },
        typed::TypedCode,
    },
    store::{Store, memory::Memory},
};
use proptest::{collection::vec, prelude::*};

use crate::support::{
    house::{ASK_LIFE, Given, House, TYPED_LIFE, keyring, put_user},
    records::{START, user},
};

#[derive(Clone, Debug)]
enum Event {
    Approve,
    Deny,
    Right,
    Wrong,
    Revoke,
    Pass(Duration),
}

fn event() -> impl Strategy<Value = Event> {
    let edges = [1, 299, 300, 599, 600, 899, 900].map(Duration::from_secs);
    prop_oneof![
        3 => Just(Event::Approve),
        1 => Just(Event::Deny),
        2 => Just(Event::Right),
        6 => Just(Event::Wrong),
        1 => Just(Event::Revoke),
        3 => (0..120_u64).prop_map(Duration::from_secs).prop_map(Event::Pass),
        1 => proptest::sample::select(edges.to_vec()).prop_map(Event::Pass),
    ]
}

/// What happened, with the time since the ask.
#[derive(Default)]
struct Model {
    now: Duration,
    approved: Option<Duration>,
    denied: bool,
    wrong: u8,
    used: bool,
    revoked: bool,
}

impl Model {
    fn is_undecided(&self) -> bool {
        self.approved.is_none() && !self.denied && self.now < ASK_LIFE
    }

    /// The answer to a try.
    fn expected(&self, right: bool) -> Result<(), ErrorCode> {
        if self.now >= ASK_LIFE + TYPED_LIFE {
            return Err(InvalidGrant);
        }
        match self.approved {
            None if self.denied => Err(AccessDenied),
            None => Err(if self.now < ASK_LIFE { AuthorizationPending } else { InvalidGrant }),
            Some(_) if self.used => Err(InvalidGrant),
            Some(_) if self.revoked => Err(AccessDenied),
            Some(at) if self.now >= at + TYPED_LIFE => Err(InvalidGrant),
            Some(_) if self.wrong == 5 => Err(AccessDenied),
            Some(_) if right => Ok(()),
            Some(_) => Err(WrongCode { left: 4 - self.wrong }),
        }
    }
}

struct Run {
    house: House,
    store: Arc<Memory>,
    asked: Asked,
    model: Model,
}

impl Run {
    async fn begin() -> Self {
        let time = Manual::starting_at(START);
        let store = Arc::new(Memory::new(time.clock()));
        put_user(store.as_ref(), &user(1)).await;
        let house = House::over(Arc::clone(&store) as _, time);
        let asked = house.ask().await.unwrap();
        Self { house, store, asked, model: Model::default() }
    }

    async fn grant(&self) -> Grant {
        let store: &dyn Store = self.store.as_ref();
        store.grant(self.asked.grant).await.unwrap().unwrap().record
    }

    async fn happens(&mut self, event: &Event) {
        match event {
            Event::Approve | Event::Deny => {
                let decision = if matches!(event, Event::Approve) { Decision::Approve } else { Decision::Deny };
                let decided = self.house.decide(self.asked.grant, decision).await.is_ok();
                assert_eq!(decided, self.model.is_undecided(), "{event:?}");
                match decision {
                    Decision::Approve if decided => self.model.approved = Some(self.model.now),
                    Decision::Deny if decided => self.model.denied = true,
                    Decision::Approve | Decision::Deny => {}
                }
            }
            Event::Right => self.tries(true).await,
            Event::Wrong => self.tries(false).await,
            Event::Revoke => {
                let revoked = self.house.revoke(self.asked.grant).await.is_ok();
                // What is void was nobody's any more.
                self.model.revoked |= revoked && self.model.approved.is_some();
            }
            Event::Pass(span) => {
                self.house.pass(*span);
                self.model.now += *span;
            }
        }
    }

    async fn tries(&mut self, right: bool) {
        let code = TypedCode::of(&keyring(), &self.grant().await).unwrap();
        let code = if right { code } else { another(&code) };
        let answer: Result<Given, Error> = self.house.exchange(self.asked.id, code).await;
        let got = match answer {
            Ok(_) => Ok(()),
            Err(Error::Refused(refusal)) => Err(refusal.code),
            Err(error) => panic!("{error:?}"),
        };
        assert_eq!(got, self.model.expected(right), "right: {right}");
        match got {
            Ok(()) => self.model.used = true,
            Err(WrongCode { .. }) => self.model.wrong += 1,
            Err(_) => {}
        }
    }
}

fn another(code: &TypedCode) -> TypedCode {
    let number: u32 = code.shown().parse().unwrap();
    TypedCode::parse(&format!("{:06}", (number + 1) % 1_000_000)).unwrap()
}

proptest! {
    #[test]
    fn a_typed_code_is_answered_as_the_model_says(events in vec(event(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut run = Run::begin().await;
            for event in &events {
                run.happens(event).await;
            }
        });
    }
}
