//! The sample app of examples/serble, as it stands there, with a person in the browser's place.

use std::{
    sync::{Arc, Once},
    time::Duration,
};

use gatepost::{clock::Manual, message::body, store::memory::Memory};
use http::{Response, StatusCode};
use url::Url;

use super::script::Script;
use crate::support::{
    gateway::{Gateway, USER, root},
    http::{Reply, get, send},
    person::{Person, hidden, last_hidden},
    records::START,
    upstream::Upstream,
};

/// The example that comes with the gateway, in front of this upstream, with the app in it.
fn config(upstream: &str) -> String {
    let text = std::fs::read_to_string(root().join("config/serble.toml")).unwrap();
    let here = "public_url = \"http://127.0.0.1:8080\"\n";
    assert!(text.contains(here) && text.contains("127.0.0.1:8000"), "{text}");
    let text =
        text.replace("127.0.0.1:8000", upstream).replace(here, &format!("{here}listen = \"127.0.0.1:0\"\nthreads = 1\ndrain = \"2s\"\n"));
    format!(
        "{text}\n[[dialects.serble.clients]]\nid = \"sample\"\nname = \"A sample\"\nscopes = [\"user_info\", \"file_host\"]\n\
         redirect_uris = [\"http://127.0.0.1/callback\"]\nsecret = \"file:root\"\n"
    )
}

/// The app; `None`, and a note, where there is no Python.
fn app(gateway: &Gateway) -> Option<Script> {
    let (address, secret) = (format!("http://{}", gateway.address), super::secret());
    let environment = [("GATEWAY", &*address), ("CLIENT_ID", "sample"), ("CLIENT_SECRET", &secret)];
    Script::of_the_standard_library(&root().join("examples/serble/client.py"), &["/files/1"], &environment)
}

/// A person opens what the app prints, and decides. Answers where the browser is sent then.
async fn decide(gateway: &Gateway, app: &mut Script, decision: &str) -> Url {
    let line = app.line().await;
    let open = Url::parse(line.strip_prefix("Open ").unwrap_or_else(|| panic!("{line}"))).unwrap();
    let target = format!("{}?{}", open.path(), open.query().unwrap());
    let person = Person::signed_in(gateway).await;
    let page = person.get(&target).await;
    let fields = [
        ("form", last_hidden(&page, "form")),
        ("grant", hidden(&page, "grant")),
        ("asked", hidden(&page, "asked")),
        ("decision", decision.to_owned()),
    ];
    let decided = person.post(&target, &fields.each_ref().map(|(name, value)| (*name, value.as_str()))).await;
    Url::parse(decided.header("location")).unwrap_or_else(|error| panic!("{error}: {}", decided.text()))
}

/// The browser goes there.
async fn follow(back: &Url) -> Reply {
    let address = back.socket_addrs(|| None).unwrap()[0];
    send(address, get(&format!("{}?{}", back.path(), back.query().unwrap()))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_app_is_let_in_and_renews_its_access() {
    let time = Manual::starting_at(START);
    // While the first request is on its way, the hour is over.
    let (clock, first) = (time.clone(), Arc::new(Once::new()));
    let upstream = Upstream::answering(move |_| {
        let mut answer = Response::new(body::full("a file"));
        first.call_once(|| {
            clock.advance(Duration::from_secs(3600));
            *answer.status_mut() = StatusCode::UNAUTHORIZED;
        });
        async { answer }
    });
    let upstream = upstream.await;
    let store = Arc::new(Memory::new(time.clock()));
    let gateway = Gateway::over(&config(&upstream.address.to_string()), store, time).await;
    let Some(mut app) = app(&gateway) else { return };
    let back = decide(&gateway, &mut app, "approve").await;
    // Somebody else's answer is none.
    let mut forged = back.clone();
    forged.query_pairs_mut().clear().append_pair("state", "forged").append_pair("authorized", "true").append_pair("code", "sb_ac_x");
    assert_eq!(follow(&forged).await.status, 400);
    assert_eq!(follow(&back).await.status, 200);
    assert_eq!(app.line().await, format!("Hello, {USER}!"));
    assert_eq!(app.line().await, "/files/1 has 6 bytes.");
    assert_eq!(app.line().await, "With another access token it has 6.");
    app.ended().await;
    assert!(upstream.seen().iter().map(|seen| seen.target.as_str()).eq(["/files/1"; 3]));
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_app_hears_a_no() {
    let gateway = Gateway::with(&config("127.0.0.1:9")).await;
    let Some(mut app) = app(&gateway) else { return };
    let back = decide(&gateway, &mut app, "deny").await;
    assert!(back.query().unwrap().ends_with("&authorized=false"), "{back}");
    assert_eq!(follow(&back).await.status, 200);
    assert_eq!(app.failed().await, "You did not let the app in.\n");
    gateway.end().await;
}
