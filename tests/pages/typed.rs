//! A code that a person carries: the whole way in a real browser.

use std::time::Duration;

use serde_json::json;

use crate::support::{
    browser::{Browser, Scripts},
    gateway::{Gateway, PASSWORD, USER, forwarding},
    http::{bearing, get},
    upstream::Upstream,
};

const APP: &str = "Ada's terminal";

async fn walk(scripts: Scripts) {
    let Some(browser) = Browser::start(scripts).await else { return };
    let upstream = Upstream::start().await;
    let gateway = Gateway::with(&format!("{}\n[dialects.serechat]\n", forwarding(upstream.address))).await;
    let ask = async || {
        let (status, asked) = gateway.post_json("/api/auth/app/request", &json!({"app_name": APP})).await;
        assert_eq!(status, 200, "{asked}");
        asked["request_id"].as_str().unwrap().to_owned()
    };
    let exchange =
        async |request: &str, code: &str| gateway.post_json("/api/auth/app/exchange", &json!({"request_id": request, "code": code})).await;
    let page = |request: &str| format!("http://{}/authorize-app?request_id={request}", gateway.address);

    // The address asks to sign in first, and comes back.
    let request = ask().await;
    browser.open(&page(&request)).await;
    browser.sign_in(USER, PASSWORD).await;
    let shown = browser.page(&format!("Approve {APP}?")).await;
    for words in ["unverified", "Use the models.", "as you, ada.", "127.0.0.1", "someone sent you"] {
        assert!(shown.contains(words), "no {words} in {shown}");
    }
    assert_eq!(exchange(&request, "123456").await.1["error"], "authorization_pending");

    // Yes: the code, with its time, and the same after a reload.
    browser.press("Approve").await;
    let heading = format!("Enter this code in {APP}");
    let shown = browser.page(&heading).await;
    // The clock of the gateway stands still; where scripts run, the page's does not.
    let left = if scripts == Scripts::On { shown.contains("in 5:00") || shown.contains("in 4:5") } else { shown.contains("in 5 minutes") };
    assert!(left, "{shown}");
    let code = browser.text("//*[@id='typed-code']").await;
    browser.open(&page(&request)).await;
    browser.page(&heading).await;
    assert_eq!(browser.text("//*[@id='typed-code']").await, code);
    let has_copy = browser.run("return !document.querySelector('[data-copy]').hidden").await;
    assert_eq!(has_copy, json!(scripts == Scripts::On));

    // Another browser of the same person is not shown it.
    let (status, tokens) = exchange(&request, &code).await;
    assert_eq!(status, 200, "{tokens}");
    let token = tokens["access_token"].as_str().unwrap();
    assert_eq!(gateway.send(bearing(get("/v1/models"), token)).await.status, 200);
    browser.open(&page(&request)).await;
    let shown = browser.page(&format!("{APP} is connected")).await;
    assert!(!shown.contains(&code), "{shown}");

    // It stands on the list as it called itself, and is taken back there.
    browser.press("Connected applications").await;
    let shown = browser.page("Connected applications").await;
    assert!(shown.contains(APP), "{shown}");
    browser.press("Revoke").await;
    browser.text("//main[not(.//article)]//h1[.='Connected applications']").await;
    assert_eq!(gateway.send(bearing(get("/v1/models"), token)).await.status, 401);

    // No, to another one; and one whose time is over.
    let request = ask().await;
    browser.open(&page(&request)).await;
    browser.press("Deny").await;
    browser.page("Denied").await;
    assert_eq!(exchange(&request, "123456").await.1["error"], "request_invalidated");
    let request = ask().await;
    gateway.time.advance(Duration::from_secs(600));
    browser.open(&page(&request)).await;
    browser.page("Too late").await;
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_carries_a_code_from_the_page_to_the_app() {
    walk(Scripts::On).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_whose_browser_runs_no_scripts_carries_a_code_too() {
    walk(Scripts::Off).await;
}
