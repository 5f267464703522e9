//! Guessing at passwords gets nowhere, and keeps nobody out.

use std::{sync::Arc, time::Duration};

use gatepost::{
    engine::{Error, SignIn},
    limit::Limited,
    oauth::user::{User, UserName},
    store::{Change, Expect, Key, Record, Store},
};
use secrecy::SecretString;
use tokio::task::JoinSet;

use super::{House, cookies, with_cookies};
use crate::support::{
    gateway::{CONFIG, PASSWORD, USER},
    house::run,
    http::{self as client, Reply, get, post_form},
    pages::check_guarded,
    person::{Person, hidden},
};

const WRONG: &str = "a wrong password";

/// A gateway behind a proxy at this machine's own address, with more in its configuration.
async fn behind_a_proxy(more: &str) -> Arc<House> {
    let listed = CONFIG.replace("threads = 1", "threads = 1\ntrusted_proxies = [\"127.0.0.1\"]");
    Arc::new(House::with(&format!("{listed}\n{more}")).await)
}

/// Past this many wrong tries of strangers they take turns for a name.
const TWO: &str = "[limits]\nguess_password_of_name = { times = 2, per = \"1h\" }";

/// A sign-in form that is sent again and again, from wherever one likes.
#[derive(Clone)]
struct Form {
    house: Arc<House>,
    cookies: String,
    token: String,
}

impl Form {
    async fn of(house: &Arc<House>) -> Self {
        let page = house.gateway.send(get("/sign-in")).await;
        Self { house: Arc::clone(house), cookies: cookies(&page), token: hidden(&page, "form") }
    }

    /// The same form in a browser that has these cookies too.
    fn with(&self, cookies: &str) -> Self {
        Self { cookies: format!("{}; {cookies}", self.cookies), ..self.clone() }
    }

    async fn send(&self, from: &str, name: &str, password: &str) -> Reply {
        let request = post_form("/sign-in", &[("form", &self.token), ("name", name), ("password", password)]);
        let mut request = with_cookies(request, &self.cookies);
        request.headers_mut().insert("x-forwarded-for", from.parse().unwrap());
        client::send(self.house.gateway.address, request).await
    }

    async fn status(&self, from: &str, name: &str, password: &str) -> u16 {
        self.send(from, name, password).await.status.as_u16()
    }
}

/// The cookie that makes a known browser.
fn known(reply: &Reply) -> String {
    assert_eq!(reply.status, 303, "{}", reply.text());
    cookies(reply).split("; ").find(|cookie| cookie.starts_with("gatepost_known=")).unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_strangers_guess_at_the_same_address_keeps_no_known_browser_out() {
    let house = behind_a_proxy("").await;
    let stranger = Form::of(&house).await;
    let ada = stranger.with(&known(&stranger.send("192.0.2.1", USER, PASSWORD).await));
    for guess in 0..10 {
        assert_eq!(stranger.status("192.0.2.1", USER, WRONG).await, 401, "{guess}");
    }
    assert_eq!(stranger.status("192.0.2.1", USER, PASSWORD).await, 429);
    assert_eq!(ada.status("192.0.2.1", USER, PASSWORD).await, 303);
    // Its own wrong tries count, for itself alone, wherever it is.
    for guess in 0..10 {
        assert_eq!(ada.status("198.51.100.1", USER, WRONG).await, 401, "{guess}");
    }
    for from in ["198.51.100.1", "203.0.113.1"] {
        let reply = ada.send(from, USER, PASSWORD).await;
        assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (429, "60"));
        check_guarded(&reply, from);
    }
    assert_eq!(stranger.status("198.51.100.1", USER, PASSWORD).await, 303);
    house.gateway.time.advance(Duration::from_secs(60));
    let again = ada.send("198.51.100.1", USER, PASSWORD).await;
    assert_eq!(known(&again), known(&ada.send("198.51.100.1", USER, PASSWORD).await), "it stays the same browser");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_is_known_for_its_own_user_and_only_with_what_we_gave_it() {
    let house = behind_a_proxy("").await;
    house.gateway.add_user("eva", "inference").await;
    let stranger = Form::of(&house).await;
    let cookie = known(&stranger.send("192.0.2.1", "eva", PASSWORD).await);
    let value = cookie.strip_prefix("gatepost_known=").unwrap();
    let other = |c: char| if c == '0' { '1' } else { '0' };
    let first = format!("{}{}", other(value.chars().next().unwrap()), &value[1..]);
    let last = format!("{}{}", &value[..value.len() - 1], other(value.chars().last().unwrap()));
    for _ in 0..10 {
        assert_eq!(stranger.status("192.0.2.1", USER, WRONG).await, 401);
    }
    for made_up in [value, &first, &last, &value.to_uppercase(), "", "x", &"0".repeat(64), &"0".repeat(6400)] {
        let name = if made_up == value { USER } else { "eva" };
        let browser = stranger.with(&format!("gatepost_known={made_up}"));
        assert_eq!(browser.status("192.0.2.1", name, PASSWORD).await, 429, "{made_up}");
    }
    assert_eq!(stranger.with(&cookie).status("192.0.2.1", "eva", PASSWORD).await, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_is_known_no_more_once_all_of_its_user_was_taken_back() {
    let house = behind_a_proxy("").await;
    let stranger = Form::of(&house).await;
    let ada = stranger.with(&known(&stranger.send("192.0.2.1", USER, PASSWORD).await));
    change_ada(&house, |user| user.generation += 1).await;
    for _ in 0..10 {
        assert_eq!(ada.status("192.0.2.1", USER, WRONG).await, 401);
    }
    assert_eq!(stranger.status("192.0.2.1", USER, PASSWORD).await, 429, "the tries were a stranger's");
}

async fn change_ada(house: &House, change: impl FnOnce(&mut User)) {
    let store: &dyn Store = house.store.as_ref();
    let mut user = store.user_named(&UserName::parse(USER).unwrap()).await.unwrap().unwrap().record;
    change(&mut user);
    let put = Change::Put { key: Key::User(user.id), expect: Expect::Any, record: Record::User(Box::new(user)), until: None };
    store.commit(vec![put]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_user_looks_like_one_who_is_not_there() {
    let house = behind_a_proxy("").await;
    let form = Form::of(&house).await;
    change_ada(&house, |user| user.enabled = false).await;
    let (disabled, unknown) = (form.send("192.0.2.1", USER, PASSWORD).await, form.send("192.0.2.1", "eva", PASSWORD).await);
    assert_eq!((disabled.status.as_u16(), unknown.status.as_u16()), (401, 401));
    assert_eq!(disabled.text(), unknown.text().replace("value=\"eva\"", &format!("value=\"{USER}\"")));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_hundred_tries_at_once_from_one_address_ten_are_answered() {
    let house = behind_a_proxy("[limits]\nguess_password_of_name = { times = 100, per = \"1m\" }").await;
    let form = Form::of(&house).await;
    let mut tries = JoinSet::new();
    for number in 0..200 {
        let form = form.clone();
        let name = if number % 2 == 0 { USER.to_owned() } else { format!("user-{number}") };
        tries.spawn(async move { form.status("192.0.2.1", &name, WRONG).await });
    }
    let mut answers = tries.join_all().await;
    answers.sort_unstable();
    assert_eq!((&answers[..10], answers.len()), (&[401; 10][..], 200));
    assert!(answers[10..].iter().all(|status| *status == 429), "{answers:?}");
}

/// The right password, from an address that did nothing wrong.
fn from_elsewhere(name: &str) -> SignIn<'_> {
    SignIn { name, password: SecretString::from(PASSWORD), peer: [203, 0, 113, 1].into(), known: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn past_its_wrong_tries_a_name_is_guessed_at_one_by_one_and_nobody_is_kept_out() {
    let house = behind_a_proxy(TWO).await;
    let form = Form::of(&house).await;
    let ada = form.with(&known(&form.send("192.0.2.1", USER, PASSWORD).await));
    // A name that nobody has is no other.
    for name in [USER, "eva"] {
        for network in 0..3 {
            // The last of these takes the first turn, which is free.
            assert_eq!(form.status(&format!("10.0.{network}.1"), name, WRONG).await, 401);
        }
        // While time stands still, thirty wait, and there is no place for more.
        let mut tries = JoinSet::new();
        for network in 0..31 {
            let form = form.clone();
            tries.spawn(async move { form.send(&format!("10.1.{network}.1"), name, WRONG).await });
        }
        let refused = tries.join_next().await.unwrap().unwrap();
        assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, "30"), "{name}");
        check_guarded(&refused, name);
        assert!(tries.try_join_next().is_none(), "somebody did not wait");
        assert_eq!(ada.status("192.0.2.1", USER, PASSWORD).await, 303, "a known browser waits for nobody");
        house.gateway.time.advance(Duration::from_secs(1));
        assert_eq!(tries.join_next().await.unwrap().unwrap().status, 401);
        // Into the place that is free now: the right password opens once it is its turn.
        let mut last = std::pin::pin!(house.gateway.engine.check_password(from_elsewhere(name)));
        assert!(run(last.as_mut()).is_none());
        assert_eq!(form.status("203.0.114.1", name, PASSWORD).await, 429);
        house.gateway.time.advance(Duration::from_secs(30));
        assert_eq!(last.await.unwrap().is_some(), name == USER);
        assert!(tries.join_all().await.iter().all(|reply| reply.status == 401));
        house.gateway.time.advance(Duration::from_secs(60));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_typed_as_a_name_in_whatever_case_is_one_name() {
    let house = behind_a_proxy(TWO).await;
    let form = Form::of(&house).await;
    for (network, name) in ["ada", " ADA ", "Ada"].into_iter().enumerate() {
        assert_eq!(form.status(&format!("10.0.{network}.1"), name, WRONG).await, 401);
    }
    // Three of one neighbourhood may wait in one queue, and no fourth one.
    let engine = &house.gateway.engine;
    let mut waiting: Vec<_> = ["aDA", "ada ", "ADA"].map(|name| Box::pin(engine.check_password(from_elsewhere(name)))).into();
    assert!(waiting.iter_mut().all(|one| run(one.as_mut()).is_none()));
    let fourth = engine.check_password(from_elsewhere("adA")).await;
    assert!(matches!(fourth, Err(Error::Limited(Limited { retry_after: 30 }))), "{fourth:?}");
    house.gateway.time.advance(Duration::from_secs(3));
    for one in waiting {
        assert!(one.await.unwrap().is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_signs_out_is_known_when_he_comes_back() {
    let house = behind_a_proxy("").await;
    let ada = Person::signed_in(&house.gateway).await;
    let before = ada.cookie("gatepost_known");
    let page = ada.get("/applications").await;
    assert_eq!(ada.post("/sign-out", &[("form", &hidden(&page, "form"))]).await.status, 303);
    assert_eq!(ada.cookie("gatepost_known"), before);
}
