//! An app sends the browser here, and it comes back with the answer: the whole way in a real browser.

use gatepost::message::body;
use http::{Response, header};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::support::{
    authorize::{STATE, address, parameter},
    browser::{Browser, Scripts},
    gateway::{CONFIG, Gateway, PASSWORD, SERIKA, USER},
    skipped,
    upstream::{Seen, Upstream},
};

const APP: &str = "A <b>web</b> app";
const BACK: &str = "Back in the app";

/// A program on this computer that waits for the answer.
async fn app() -> Upstream {
    let page = |_: Seen| async { html(&format!("<title>App</title><link rel=icon href=data:,><h1>{BACK}</h1>")) };
    Upstream::answering(page).await
}

fn html(page: &str) -> Response<gatepost::message::Body> {
    Response::builder().header(header::CONTENT_TYPE, "text/html").body(body::full(page.to_owned())).unwrap()
}

/// What the app was told, one after the other.
fn told(app: &Upstream) -> Vec<String> {
    app.seen().into_iter().map(|seen| seen.target).filter(|target| target.starts_with("/callback?")).collect()
}

struct Scene {
    browser: Browser,
    gateway: Gateway,
    app: Upstream,
}

impl Scene {
    async fn set(scripts: Scripts) -> Option<Self> {
        let browser = Browser::start(scripts).await?;
        Some(Self { browser, gateway: Gateway::with(&format!("{CONFIG}{SERIKA}")).await, app: app().await })
    }

    /// The app opens the browser.
    async fn open(&self, over: &[(&str, &str)]) {
        let callback = format!("http://127.0.0.1:{}/callback", self.app.address.port());
        self.browser.open(&format!("http://{}{}", self.gateway.address, address("web", &callback, over))).await;
    }

    async fn question(&self) -> String {
        self.browser.page(&format!("Approve {APP}?")).await
    }
}

async fn walk(scripts: Scripts) {
    let Some(scene) = Scene::set(scripts).await else { return };
    let Scene { browser, gateway, app } = &scene;

    // Sign in first, and come back.
    scene.open(&[("scope", "inference")]).await;
    browser.sign_in(USER, "wrong").await;
    browser.text("//*[@role='alert']").await;
    browser.sign_in(USER, PASSWORD).await;
    let shown = scene.question().await;
    for words in ["unverified", "Use the models.", "as you, ada.", "An app on this computer", "127.0.0.1", "someone sent you"] {
        assert!(shown.contains(words), "no {words} in {shown}");
    }
    assert!(!shown.contains("Draw pictures."), "{shown}");

    // Yes: the app has it.
    browser.press("Approve").await;
    browser.page(BACK).await;
    let answers = told(app);
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(parameter(&answers[0], "code").is_some_and(|code| code.starts_with("sk_co_")), "{answers:?}");
    assert_eq!(parameter(&answers[0], "state").as_deref(), Some(STATE));
    assert_eq!(parameter(&answers[0], "iss").as_deref(), Some("http://127.0.0.1:8080"));
    // Nobody tells the app where the browser came from.
    assert!(app.seen().iter().all(|seen| !seen.headers.contains_key(header::REFERER)));

    // Whoever goes back and says yes again is let in again: with the same answer where the browser
    // kept the question, with another where it asked anew.
    browser.run("history.back()").await;
    scene.question().await;
    browser.press("Approve").await;
    browser.page(BACK).await;
    assert!(parameter(&told(app)[1], "code").is_some(), "{:?}", told(app));

    // No, to another question.
    scene.open(&[]).await;
    scene.question().await;
    browser.press("Deny").await;
    browser.page(BACK).await;
    let denied = told(app).pop().unwrap();
    assert_eq!(parameter(&denied, "error").as_deref(), Some("access_denied"), "{denied}");
    assert_eq!(parameter(&denied, "state").as_deref(), Some(STATE));

    // It stands on the list.
    browser.open(&format!("http://{}/applications", gateway.address)).await;
    let shown = browser.page("Connected applications").await;
    assert!(shown.contains(APP) && shown.contains("Connected\nJust now"), "{shown}");

    // What cannot be asked.
    for (over, why) in
        [(&[("client_id", "nobody")][..], "no app of this client_id"), (&[("redirect_uri", "http://127.0.0.1:1/other")], "does not match")]
    {
        scene.open(over).await;
        let shown = browser.page("This link does not work").await;
        assert!(shown.contains(why) && shown.contains("sent you here made a mistake"), "{shown}");
    }
    scene.open(&[("scope", "other")]).await;
    browser.page(BACK).await;
    assert_eq!(parameter(&told(app).pop().unwrap(), "error").as_deref(), Some("invalid_scope"));
    scene.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_lets_an_app_in_that_sent_the_browser() {
    walk(Scripts::On).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_whose_browser_runs_no_scripts_lets_it_in_too() {
    walk(Scripts::Off).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_button_that_is_pressed_twice_gives_one_code() {
    let Some(scene) = Scene::set(Scripts::On).await else { return };
    scene.open(&[]).await;
    scene.browser.sign_in(USER, PASSWORD).await;
    scene.question().await;
    scene.browser.run("const yes = document.querySelector('button[value=approve]'); yes.click(); yes.click();").await;
    scene.browser.page(BACK).await;
    let answers = told(&scene.app);
    assert!(
        !answers.is_empty() && answers.iter().all(|answer| *answer == answers[0] && parameter(answer, "code").is_some()),
        "{answers:?}"
    );
    scene.browser.open(&format!("http://{}/applications", scene.gateway.address)).await;
    scene.browser.page("Connected applications").await;
    assert_eq!(scene.browser.run("return document.querySelectorAll('article .rows > li').length").await, json!(1));
    scene.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_let_in_with_the_keyboard_alone() {
    let Some(scene) = Scene::set(Scripts::On).await else { return };
    scene.open(&[]).await;
    scene.browser.page("Sign in").await;
    scene.browser.keys(&format!("{USER}\u{e004}{PASSWORD}\u{e007}")).await;
    scene.question().await;
    // Not on the decision: nobody presses Enter once too often.
    scene.browser.tab_to("Skip to the content").await;
    scene.browser.tab_to("Approve").await;
    scene.browser.keys("\u{e007}").await;
    scene.browser.page(BACK).await;
    assert!(parameter(&told(&scene.app)[0], "code").is_some());
    scene.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_reaches_an_app_that_listens_on_ipv6_alone() {
    let Ok(listener) = TcpListener::bind("[::1]:0").await else { return skipped("IPv6: there is no [::1]") };
    let Some(scene) = Scene::set(Scripts::On).await else { return };
    let callback = format!("http://[::1]:{}/callback", listener.local_addr().unwrap().port());
    let answered = tokio::spawn(async move {
        loop {
            // Browsers open connections that they then do not use.
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut head = vec![0; 8192];
            let size = socket.read(&mut head).await.unwrap();
            let page = format!("<title>App</title><h1>{BACK}</h1>");
            let answer =
                format!("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{page}", page.len());
            socket.write_all(answer.as_bytes()).await.unwrap();
            if head[..size].starts_with(b"GET /callback?code=") {
                return;
            }
        }
    });
    scene.browser.open(&format!("http://{}{}", scene.gateway.address, address("web", &callback, &[]))).await;
    scene.browser.sign_in(USER, PASSWORD).await;
    scene.question().await;
    scene.browser.press("Approve").await;
    scene.browser.page(BACK).await;
    answered.await.unwrap();
    scene.gateway.end().await;
}
