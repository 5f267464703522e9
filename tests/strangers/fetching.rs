//! When a document about a client is fetched, and what is made of it: over a web that the test makes up.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use gatepost::{
    clock::Manual,
    engine::{Authorization, Decider, Decision, Engine, Error, Fetch, RedeemCode},
    oauth::{
        audience::Audience,
        client::{Client, Origin},
        grant::{Redemption, Redirect, Requester, Wanted},
        id::{ClientId, GrantId},
        pkce::Challenge,
        refusal::ErrorCode,
        scope::Scopes,
        user::User,
    },
    store::{Store, memory::Memory},
    verify::Denied,
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::{CHALLENGE, DAY, VERIFIER, here};
use crate::support::{
    house::{DIALECT, House, STYLE, put_user, word},
    records::{START, scopes, user},
};

const ID: &str = "https://app.example/client.json";
const CALLBACK: &str = "http://127.0.0.1/cb";
const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

/// What stands everywhere; nothing can be fetched where there is nothing.
#[derive(Clone)]
struct Web {
    page: Arc<Mutex<Option<Value>>>,
    asked: Arc<AtomicUsize>,
    /// How many may be answered.
    answers: Arc<Semaphore>,
}

impl Web {
    fn with(page: Value) -> Self {
        Self { page: Arc::new(Mutex::new(Some(page))), asked: Arc::default(), answers: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)) }
    }

    fn show(&self, page: Option<Value>) {
        *self.page.lock().unwrap() = page;
    }

    /// How often somebody came since the last question.
    fn asked(&self) -> usize {
        self.asked.swap(0, Ordering::Relaxed)
    }

    fn fetch(&self) -> Fetch {
        let web = self.clone();
        Arc::new(move |url| {
            let web = web.clone();
            Box::pin(async move {
                web.asked.fetch_add(1, Ordering::Relaxed);
                web.answers.acquire().await.unwrap().forget();
                let mut page = web.page.lock().unwrap().clone().ok_or("nobody is there: 10.0.0.7 said so")?;
                if page["client_id"] == "here" {
                    page["client_id"] = url.as_str().into();
                }
                Ok(page.to_string().into())
            })
        })
    }
}

/// A document that is right at whatever address.
fn document(name: &str) -> Value {
    json!({"client_id": "here", "client_name": name, "redirect_uris": [CALLBACK], "grant_types": ["authorization_code", "refresh_token"]})
}

struct Bench {
    house: House,
    web: Web,
}

impl Bench {
    async fn new() -> Self {
        Self::of(House::new().await)
    }

    fn of(mut house: House) -> Self {
        let web = Web::with(document("First"));
        house.engine = house.engine.fetching(web.fetch());
        Self { house, web }
    }

    fn engine(&self) -> &Engine {
        &self.house.engine
    }

    async fn ask_from(&self, id: &str, peer: IpAddr) -> Result<Option<Client>, Error> {
        self.engine().client_or_document(DIALECT, &ClientId::new(id), &scopes(), peer).await
    }

    async fn ask(&self) -> Result<Option<Client>, Error> {
        self.ask_from(ID, here()).await
    }

    /// What the client calls itself.
    async fn name(&self) -> String {
        self.ask().await.unwrap().unwrap().description.unwrap()
    }

    /// As the token endpoint finds it.
    async fn known(&self) -> Option<Client> {
        self.engine().client(DIALECT, &ClientId::new(ID)).await.unwrap()
    }

    /// A user says yes: an access token.
    async fn let_in(&self) -> String {
        let client = self.ask().await.unwrap().unwrap();
        let challenge = Challenge::parse(CHALLENGE).unwrap();
        let redirect = Redirect { uri: CALLBACK.into(), named: true, challenge: Some(challenge), life: MINUTE };
        let authorization = Authorization {
            style: &STYLE,
            client: &client,
            scopes: None,
            audience: Audience::default(),
            redirect,
            requester: Requester { app: None, device: None, platform: None, network: here() },
            id: GrantId::from_random(rand::random()),
            asked: self.house.time.clock().now(),
        };
        let by = Decider { user: &user(crate::support::house::USER), session: None };
        let code = self.engine().authorize(&authorization, "co_", by, Decision::Approve).await.unwrap().code.unwrap();
        let client = self.known().await.unwrap();
        let shown = Redemption { redirect_uri: Some(CALLBACK), verifier: Some(VERIFIER), wanted: Wanted { scopes: None, audience: None } };
        let redeem = RedeemCode { style: &STYLE, client: &client, code: code.expose_secret(), shown, peer: here() };
        self.engine().redeem_code(redeem).await.unwrap().access.expose_secret().to_owned()
    }

    async fn is_let_in(&self, access: &str) -> bool {
        match self.house.show(access).await {
            Ok(_) => true,
            Err(Denied::Revoked(_)) => false,
            Err(other) => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_client_goes_by_the_host_of_its_document() {
    let bench = Bench::new().await;
    bench
        .web
        .show(Some(json!({"client_id": "here", "client_name": "Your \u{202e}bank", "redirect_uris": [CALLBACK], "scope": "chat admin"})));
    let client = bench.ask().await.unwrap().unwrap();
    assert_eq!((client.name.as_str(), client.description.as_deref(), client.verified), ("app.example", Some("Your bank"), false));
    assert_eq!((client.id.as_str(), client.scopes.to_string(), client.is_public()), (ID, "chat".to_owned(), true));
    assert_eq!((client.origin, client.owner, client.resource_server), (Origin::Document, None, None));
}

#[tokio::test]
async fn a_document_may_ask_for_what_the_operator_names_and_no_more() {
    for (scope, may) in [(json!(null), "chat models:read"), (json!("chat admin"), "chat"), (json!("openid email"), "chat models:read")] {
        let bench = Bench::new().await;
        let mut document = document("First");
        document["scope"] = scope;
        bench.web.show(Some(document));
        assert_eq!(bench.ask().await.unwrap().unwrap().scopes.to_string(), may);
    }
}

#[tokio::test]
async fn what_strangers_ask_for_is_not_written_down() {
    let bench = Bench::new().await;
    bench.ask().await.unwrap().unwrap();
    let all = bench.engine().all_clients().await.unwrap();
    assert!(bench.known().await.is_none() && all.iter().all(|client| client.origin == Origin::Declared), "{all:?}");
}

#[tokio::test]
async fn where_nothing_is_fetched_such_a_client_is_unknown() {
    let house = House::new().await;
    let client = house.engine.client_or_document(DIALECT, &ClientId::new(ID), &scopes(), here()).await;
    assert_eq!(client.unwrap(), None);
    let bench = Bench::new().await;
    for id in ["http://app.example/client.json", "https://app.example", "https://app.example/a/../b", "other"] {
        assert_eq!(bench.ask_from(id, here()).await.unwrap(), None, "{id}");
    }
    assert!(bench.ask_from("cli", here()).await.unwrap().is_some());
    assert_eq!(bench.web.asked(), 0);
}

#[tokio::test]
async fn a_document_is_fetched_again_after_an_hour() {
    let bench = Bench::new().await;
    assert_eq!(bench.name().await, "First");
    bench.web.show(Some(document("Second")));
    bench.house.pass(HOUR - SECOND);
    assert_eq!((bench.name().await.as_str(), bench.web.asked()), ("First", 1));
    bench.house.pass(SECOND);
    assert_eq!((bench.name().await.as_str(), bench.web.asked()), ("Second", 1));
}

#[tokio::test]
async fn a_document_that_cannot_be_fetched_again_counts_for_a_day() {
    let bench = Bench::new().await;
    bench.name().await;
    bench.web.show(None);
    bench.house.pass(HOUR);
    assert_eq!((bench.name().await.as_str(), bench.web.asked()), ("First", 2));
    // Nobody tries again at once.
    assert_eq!((bench.name().await.as_str(), bench.web.asked()), ("First", 0));
    bench.house.pass(23 * HOUR - SECOND);
    assert_eq!((bench.name().await.as_str(), bench.web.asked()), ("First", 1));
    bench.house.pass(SECOND);
    assert_eq!(word(&bench.ask().await), ErrorCode::InvalidClient);
    bench.web.show(Some(document("Second")));
    bench.house.pass(MINUTE);
    assert_eq!(bench.name().await, "Second");
}

#[tokio::test]
async fn a_document_that_is_another_one_now_counts_at_once() {
    let bench = Bench::new().await;
    bench.name().await;
    bench.web.show(Some(json!({"client_id": "https://other.example/a", "redirect_uris": [CALLBACK]})));
    bench.house.pass(HOUR);
    assert_eq!(word(&bench.ask().await), ErrorCode::InvalidClient);
}

#[tokio::test]
async fn what_failed_is_told_without_a_reason_and_not_tried_again_for_a_minute() {
    let bench = Bench::new().await;
    bench.web.show(None);
    for _ in 0..3 {
        let Err(Error::Refused(refusal)) = bench.ask().await else { panic!("not refused") };
        assert_eq!(refusal.code, ErrorCode::InvalidClient);
        assert!(!refusal.description.contains("10.0.0.7"), "{refusal}");
    }
    assert_eq!(bench.web.asked(), 1);
    bench.web.show(Some(document("First")));
    bench.house.pass(MINUTE - SECOND);
    assert_eq!(word(&bench.ask().await), ErrorCode::InvalidClient);
    bench.house.pass(SECOND);
    assert_eq!((bench.name().await.as_str(), bench.web.asked()), ("First", 1));
}

#[tokio::test]
async fn of_many_who_ask_at_once_one_fetches() {
    let mut bench = Bench::new().await;
    bench.web.answers = Arc::new(Semaphore::new(0));
    let engine = Arc::new(House::new().await.engine.fetching(bench.web.fetch()));
    let crowd: Vec<_> = (0..64)
        .map(|_| {
            let engine = Arc::clone(&engine);
            tokio::spawn(async move { engine.client_or_document(DIALECT, &ClientId::new(ID), &scopes(), here()).await })
        })
        .collect();
    // On one thread: everybody has come as far as he can before this goes on.
    tokio::task::yield_now().await;
    assert_eq!(bench.web.asked.load(Ordering::Relaxed), 1);
    bench.web.answers.add_permits(64);
    for one in crowd {
        assert!(one.await.unwrap().unwrap().is_some());
    }
    assert_eq!(bench.web.asked(), 1);
}

#[tokio::test]
async fn one_who_leaves_while_it_is_fetched_keeps_nobody_else_from_it() {
    let mut bench = Bench::new().await;
    bench.web.answers = Arc::new(Semaphore::new(0));
    let engine = Arc::new(House::new().await.engine.fetching(bench.web.fetch()));
    let ask = || {
        let engine = Arc::clone(&engine);
        tokio::spawn(async move { engine.client_or_document(DIALECT, &ClientId::new(ID), &scopes(), here()).await })
    };
    let (first, second) = (ask(), ask());
    tokio::task::yield_now().await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    bench.web.answers.add_permits(1);
    assert!(second.await.unwrap().unwrap().is_some());
    assert_eq!(bench.web.asked(), 2);
}

#[tokio::test]
async fn one_address_has_twenty_documents_fetched_in_ten_minutes() {
    let bench = Bench::new().await;
    let peer: IpAddr = Ipv4Addr::new(192, 0, 2, 1).into();
    let id = |n: usize| format!("https://app.example/{n}");
    for n in 0..20 {
        assert!(bench.ask_from(&id(n), peer).await.unwrap().is_some());
    }
    assert!(matches!(bench.ask_from(&id(20), peer).await, Err(Error::Limited(limited)) if limited.retry_after == 30));
    // What is known is told, and others are not kept from anything.
    assert!(bench.ask_from(&id(3), peer).await.unwrap().is_some());
    assert!(bench.ask_from(&id(20), here()).await.unwrap().is_some());
    assert_eq!(bench.web.asked(), 21);
}

#[tokio::test]
async fn of_more_than_a_thousand_documents_the_oldest_is_forgotten() {
    let bench = Bench::new().await;
    let ask =
        async |n: u32| bench.ask_from(&format!("https://app.example/{n}"), IpAddr::V4(Ipv4Addr::from_bits(n))).await.unwrap().unwrap();
    for n in 0..1001 {
        bench.house.pass(Duration::from_millis(1));
        ask(n).await;
    }
    assert_eq!(bench.web.asked(), 1001);
    ask(1).await;
    assert_eq!(bench.web.asked(), 0);
    ask(0).await;
    assert_eq!(bench.web.asked(), 1);
}

#[tokio::test]
async fn with_a_decision_a_client_is_known_and_asks_for_no_document() {
    let bench = Bench::new().await;
    let access = bench.let_in().await;
    assert!(bench.is_let_in(&access).await);
    bench.web.show(None);
    bench.house.pass(30 * DAY - SECOND);
    assert_eq!((bench.known().await.map(|client| client.name), bench.web.asked()), (Some("app.example".into()), 1));
    bench.house.pass(SECOND);
    assert!(bench.known().await.is_none());
}

#[tokio::test]
async fn a_client_that_is_disabled_stays_so_however_long_nobody_uses_it() {
    let bench = Bench::new().await;
    bench.let_in().await;
    let id = ClientId::new(ID);
    bench.engine().change_client(DIALECT, &id, None, |client| client.enabled = false).await.unwrap().unwrap();
    bench.house.pass(400 * DAY);
    assert_eq!(bench.ask().await.unwrap(), None);
    assert!(bench.engine().all_clients().await.unwrap().iter().any(|client| client.id == id));
    bench.engine().change_client(DIALECT, &id, None, |client| client.enabled = true).await.unwrap().unwrap();
    assert!(bench.ask().await.unwrap().is_some());
    bench.house.pass(30 * DAY);
    assert!(bench.known().await.is_none());
}

#[tokio::test]
async fn a_client_whose_name_the_operator_vouches_for_stays_so_after_another_yes() {
    let bench = Bench::new().await;
    bench.let_in().await;
    bench.engine().change_client(DIALECT, &ClientId::new(ID), None, |client| client.verified = true).await.unwrap().unwrap();
    assert!(bench.ask().await.unwrap().unwrap().verified);
    bench.let_in().await;
    assert!(bench.known().await.unwrap().verified);
}

#[tokio::test]
async fn what_a_user_may_grant_counts_as_it_is_at_the_decision() {
    let time = Manual::starting_at(START);
    let store: Arc<dyn Store> = Arc::new(Memory::new(time.clock()));
    // Whoever decides was read when it was more.
    put_user(&*store, &User { scopes: Scopes::parse("chat").unwrap(), ..user(crate::support::house::USER) }).await;
    let bench = Bench::of(House::over(store, time));
    let access = bench.let_in().await;
    assert_eq!(bench.house.show(&access).await.unwrap().0.scopes.to_string(), "chat");
}

#[tokio::test]
async fn what_was_deleted_stays_taken_back_when_the_client_comes_again() {
    let bench = Bench::new().await;
    let before = bench.let_in().await;
    bench.engine().delete_client(DIALECT, &ClientId::new(ID), None).await.unwrap().unwrap();
    assert!(!bench.is_let_in(&before).await);
    let after = bench.let_in().await;
    assert_eq!((bench.is_let_in(&before).await, bench.is_let_in(&after).await), (false, true));
}

#[tokio::test]
async fn what_was_taken_back_of_a_client_at_once_stays_so_after_another_yes() {
    let bench = Bench::new().await;
    let before = bench.let_in().await;
    bench.engine().change_client(DIALECT, &ClientId::new(ID), None, |client| client.generation += 1).await.unwrap().unwrap();
    let after = bench.let_in().await;
    assert_eq!((bench.is_let_in(&before).await, bench.is_let_in(&after).await), (false, true));
}
