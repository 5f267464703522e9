//! The pages, by plain HTTP: what holds of all of them.

mod account;
mod again;
mod apps;
mod authorize;
mod branding;
mod codes;
mod consent;
mod entrance;
mod forms;
mod guessing;
mod language;
mod login;
mod signing_in;
mod tokens;

use std::sync::Arc;

use gatepost::{
    clock::Manual,
    dialects::Dialect,
    web::{PAGES, Serves},
};
use http::{Method, Request};
use serde_json::{Value, json};

use crate::support::{
    gateway::{CONFIG, Gateway, PASSWORD, SERIKA, USER},
    http::{Reply, get, post_form, request},
    pages::check_guarded,
    person::{Person, hidden, last_hidden},
    records::START,
    watched::Watched,
};

/// A gateway and its store.
struct House {
    gateway: Gateway,
    store: Arc<Watched>,
}

/// A device's codes.
struct Codes {
    device_code: String,
    user_code: String,
}

impl House {
    async fn start() -> Self {
        Self::with(&format!("{CONFIG}{SERIKA}")).await
    }

    async fn with(config: &str) -> Self {
        Self::speaking(config, Vec::new()).await
    }

    /// The same with dialects of the test's own besides.
    async fn speaking(config: &str, dialects: Vec<Arc<dyn Dialect>>) -> Self {
        let time = Manual::starting_at(START);
        let store = Arc::new(Watched::new(time.clock()));
        Self { gateway: Gateway::speaking(config, dialects, Arc::clone(&store) as _, time).await, store }
    }

    /// A device that says this of itself asks.
    async fn ask_as(&self, device: Value) -> Codes {
        let (status, codes) = self.gateway.post_json("/api/v1/auth/device", &json!({ "device": device })).await;
        assert_eq!(status, 200, "{codes}");
        let text = |name: &str| codes[name].as_str().unwrap().to_owned();
        Codes { device_code: text("device_code"), user_code: text("user_code") }
    }

    async fn ask(&self) -> Codes {
        self.ask_as(json!({"hostname": "laptop", "platform": "linux"})).await
    }

    /// What the device is told now: the error's word, or its tokens.
    async fn poll(&self, codes: &Codes) -> Result<Value, String> {
        let (status, reply) = self.gateway.post_json("/api/v1/auth/device/token", &json!({"device_code": codes.device_code})).await;
        if status == 200 { Ok(reply) } else { Err(reply["error"].as_str().unwrap().to_owned()) }
    }

    /// A device is let in by Ada; its tokens.
    async fn let_in(&self) -> Value {
        let codes = self.ask().await;
        Person::signed_in(&self.gateway).await.approve(&codes.user_code).await;
        self.poll(&codes).await.unwrap()
    }

    async fn me(&self, tokens: &Value) -> u16 {
        let request = crate::support::http::bearing(get("/api/v1/auth/me"), tokens["token"].as_str().unwrap());
        self.gateway.send(request).await.status.as_u16()
    }

    fn writes(&self) -> u64 {
        self.store.counts().writes
    }
}

/// The cookies that an answer sets, as a browser sends them back.
fn cookies(reply: &Reply) -> String {
    let lines = reply.headers.get_all("set-cookie").iter();
    lines.map(|line| line.to_str().unwrap().split(';').next().unwrap()).collect::<Vec<_>>().join("; ")
}

/// The same request with these cookies.
fn with_cookies<B>(mut request: Request<B>, cookies: &str) -> Request<B> {
    request.headers_mut().insert("cookie", cookies.parse().unwrap());
    request
}

/// Every page and every form, with its method.
fn all() -> Vec<(Method, &'static str)> {
    let method = |(_, path, serves)| match serves {
        Serves::Page => Some((Method::GET, path)),
        Serves::Form(_) => Some((Method::POST, path)),
        Serves::Part => None,
    };
    PAGES.into_iter().filter_map(method).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_guarded_whoever_asks_and_whatever_becomes_of_it() {
    let house = House::start().await;
    let (stranger, ada) = (Person::at(&house.gateway), Person::signed_in(&house.gateway).await);
    let mut methods: Vec<(Method, &str)> = all();
    // What a page does not take is answered by a page too.
    methods.extend(
        PAGES
            .into_iter()
            .flat_map(|(_, path, _)| [Method::GET, Method::HEAD, Method::PUT, Method::DELETE, Method::TRACE].map(|method| (method, path))),
    );
    methods.retain(|(method, path)| !is_part(path) || !matches!(*method, Method::GET | Method::HEAD));
    for (method, path) in methods {
        for (who, person) in [("a stranger", &stranger), ("Ada", &ada)] {
            let request = match method {
                Method::POST => post_form(path, &[]),
                _ => request(method.clone(), path, "", ""),
            };
            let reply = person.send(request).await;
            check_guarded(&reply, &format!("{method} {path} by {who}: {}", reply.status));
            assert!(!reply.status.is_server_error(), "{method} {path}");
        }
    }
    house.gateway.end().await;
}

fn is_part(path: &str) -> bool {
    PAGES.into_iter().any(|(_, other, serves)| other == path && serves == Serves::Part)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_pages_consist_of_is_what_it_says_and_nothing_else() {
    let house = House::start().await;
    for (path, content_type) in [
        ("/gatepost.css", "text/css; charset=utf-8"),
        ("/gatepost.js", "text/javascript; charset=utf-8"),
        ("/gatepost-logo", "image/svg+xml"),
    ] {
        let part = house.gateway.send(get(path)).await;
        assert_eq!((part.status.as_u16(), part.header("content-type")), (200, content_type));
        assert_eq!((part.header("x-content-type-options"), part.header("cache-control")), ("nosniff", "public, max-age=300"), "{path}");
    }
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forms_address_that_is_opened_leads_to_its_page_and_other_methods_are_refused_on_a_page() {
    let house = House::start().await;
    let ada = Person::signed_in(&house.gateway).await;
    for (_, path, serves) in PAGES {
        let page = PAGES.into_iter().any(|(_, other, serves)| other == path && serves == Serves::Page);
        if let (Serves::Form(on), false) = (serves, page) {
            let reply = ada.get(path).await;
            assert_eq!((reply.status.as_u16(), reply.header("location")), (303, on), "{path}");
        }
        let reply = ada.send(request(Method::PUT, path, "", "")).await;
        let allow = if PAGES.into_iter().any(|(_, other, serves)| other == path && matches!(serves, Serves::Form(_))) {
            "GET, HEAD, POST"
        } else {
            "GET, HEAD"
        };
        assert_eq!((reply.status.as_u16(), reply.header("allow")), (405, allow), "{path}");
        assert!(reply.text().contains("<link rel=\"stylesheet\" href=\"/gatepost.css\">"), "{path}: {}", reply.text());
    }
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_sent_to_sign_in_and_changes_nothing() {
    let house = House::start().await;
    let before = house.writes();
    for (method, path) in all() {
        let request = if method == Method::GET { get(path) } else { post_form(path, &[("decision", "approve")]) };
        let to = match path {
            "/sign-in" | "/language" => continue,
            "/" => "/applications",
            path if path.starts_with("/device") => "/sign-in?to=device",
            path if path.starts_with("/account") => "/sign-in?to=account",
            path if path.starts_with("/apps") => "/sign-in?to=apps",
            _ => "/sign-in",
        };
        let reply = house.gateway.send(request).await;
        assert_eq!((reply.status.as_u16(), reply.header("location")), (303, to), "{method} {path}");
    }
    assert_eq!(house.writes(), before);
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_store_is_away_pages_say_so_with_503() {
    let house = House::start().await;
    let codes = house.ask().await;
    let (stranger, ada) = (Person::at(&house.gateway), Person::signed_in(&house.gateway).await);
    let sign_in = hidden(&stranger.get("/sign-in").await, "form");
    let consent = ada.enter(&codes.user_code).await;
    let (form, grant) = (last_hidden(&consent, "form"), hidden(&consent, "grant"));
    house.store.be_away(true);
    for (method, path) in all().into_iter().filter(|(_, path)| !matches!(*path, "/" | "/language")) {
        let fields = [("form", form.as_str()), ("grant", &grant), ("decision", "approve")];
        let reply = match (method, path) {
            (Method::GET, path) => ada.get(path).await,
            (_, "/sign-in") => stranger.post("/sign-in", &[("form", &sign_in), ("name", USER), ("password", PASSWORD)]).await,
            (_, path) => ada.post(path, &fields).await,
        };
        assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (503, "1"), "{path}: {}", reply.text());
        check_guarded(&reply, path);
    }
    house.store.be_away(false);
    assert_eq!(house.poll(&codes).await.unwrap_err(), "authorization_pending");
    assert_eq!(ada.post("/device/decision", &[("form", &form), ("grant", &grant), ("decision", "approve")]).await.status, 200);
    assert!(house.poll(&codes).await.is_ok());
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_stand_below_their_prefix_and_lead_nowhere_else() {
    let house = House::with(&format!("{CONFIG}\n[pages]\nprefix = \"/account\"\nname = \"Example AI\"\n")).await;
    let (_, codes) = house.gateway.post_form("/auth/device/code", &[("client_id", "app")]).await;
    assert_eq!(codes["verification_uri"], "http://127.0.0.1:8080/account/device");
    let first = house.gateway.send(get("/account/device")).await;
    assert_eq!(first.header("location"), "/account/sign-in?to=device");
    let page = house.gateway.send(get("/account/sign-in?to=device")).await;
    assert!(page.text().contains("Example AI"), "{}", page.text());
    for part in page.text().split(['<', ' ', '>']) {
        for attribute in ["href=\"", "action=\"", "src=\""] {
            let to = part.strip_prefix(attribute).unwrap_or("/account/");
            assert!(to.starts_with("/account/") || to.starts_with("#main"), "{part}");
        }
    }
    assert_eq!(house.gateway.send(get("/device")).await.status, 404);
    let home = house.gateway.send(get("/account")).await;
    assert_eq!((home.status.as_u16(), home.header("location")), (303, "/account/"));
    // Whatever else is below the prefix is nobody's, and a page says so.
    for path in ["/account/nothing", "/account/device/nothing/at/all"] {
        let reply = house.gateway.send(get(path)).await;
        assert_eq!(reply.status, 404, "{path}");
        check_guarded(&reply, path);
        assert!(reply.text().contains("href=\"/account/gatepost.css\"") && reply.text().contains("Page not found"), "{}", reply.text());
    }
    house.gateway.end().await;
}
