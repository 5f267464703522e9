//! The whole way in a real browser, and what a person reads on it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    browser::{Browser, Scripts},
    gateway::{Gateway, PASSWORD, USER, forwarding},
    http::{bearing, post_json},
    upstream::Upstream,
};

const APP: &str = "Bootspring CLI";

/// A device asks; answers its code for polling, and the link that it shows.
async fn ask(gateway: &Gateway) -> (Value, String) {
    let device = json!({"hostname": "adas-laptop", "platform": "linux", "arch": "x86_64"});
    let (status, login) = gateway.post_json("/api/v1/auth/device", &json!({"device": device})).await;
    assert_eq!(status, 200, "{login}");
    // The configuration says where browsers find the gateway; the port is a free one.
    let link = login["verification_uri_complete"].as_str().unwrap();
    let path = link.strip_prefix("http://127.0.0.1:8080").unwrap_or_else(|| panic!("{link}"));
    (json!({"device_code": login["device_code"]}), format!("http://{}{path}", gateway.address))
}

async fn walk(scripts: Scripts) {
    let Some(browser) = Browser::start(scripts).await else { return };
    browser.open("data:text/html,<title>no</title><script>document.title = 'yes'</script>").await;
    assert_eq!(browser.title().await, if scripts == Scripts::On { "yes" } else { "no" });
    let upstream = Upstream::start().await;
    let gateway = Gateway::with(&forwarding(upstream.address)).await;
    let poll = |codes: Value| async { gateway.post_json("/api/v1/auth/device/token", &{ codes }).await };
    let chat = |token: String| {
        let request = bearing(post_json("/v1/chat/completions", &json!({"messages": []})), &token);
        async { gateway.send(request).await.status.as_u16() }
    };

    // The link asks to sign in first, and keeps the code.
    let (codes, link) = ask(&gateway).await;
    let code = link.rsplit_once('=').unwrap().1;
    browser.open(&link).await;
    browser.sign_in(USER, "wrong").await;
    assert_eq!(browser.text("//*[@role='alert']").await, "The user name or the password is wrong.");
    assert_eq!((browser.filled("User name").await.as_str(), browser.filled("Password").await.as_str()), (USER, ""));
    browser.sign_in(USER, PASSWORD).await;
    browser.page("Connect a device").await;
    assert_eq!(browser.filled("Code").await, code);
    browser.press("Continue").await;

    // Who asks for what.
    let shown = browser.page(&format!("Approve {APP}?")).await;
    assert_eq!(browser.title().await, "Approve an app · Gatepost");
    for words in ["as you, ada.", "Use the models.", "adas-laptop", "linux x86_64", "127.0.0.1", "Just now", "someone sent you"] {
        assert!(shown.contains(words), "no {words} in {shown}");
    }
    assert!(!shown.contains("Draw pictures."), "{shown}");
    assert_eq!(poll(codes.clone()).await.1["error"], "authorization_pending");

    // Yes, and its token opens.
    browser.press("Approve").await;
    browser.page(&format!("{APP} is connected")).await;
    let (status, tokens) = poll(codes).await;
    assert_eq!(status, 200, "{tokens}");
    let token = tokens["token"].as_str().or(tokens["access_token"].as_str()).unwrap().to_owned();
    assert_eq!(chat(token.clone()).await, 200);

    // The list has it, until it is taken back.
    gateway.time.advance(Duration::from_secs(5 * 60));
    browser.press("Connected applications").await;
    let shown = browser.page("Connected applications").await;
    for words in [APP, "adas-laptop", "Use the models.", "Connected\n5 minutes ago", "Last used\n5 minutes ago"] {
        assert!(shown.contains(words), "no {words} in {shown}");
    }
    browser.press("Revoke").await;
    browser.text("//main[not(.//article)]//h1[.='Connected applications']").await;
    assert_eq!(chat(token).await, 401);
    assert_eq!(upstream.seen().len(), 1);

    // No, to another one.
    let (codes, link) = ask(&gateway).await;
    browser.open(&link).await;
    browser.press("Continue").await;
    browser.press("Deny").await;
    browser.page("Denied").await;
    assert_eq!(poll(codes).await.1["error"], "access_denied");

    // Out: every page asks to sign in again, and brings back to where one was.
    browser.press("Sign out").await;
    browser.page("Sign in").await;
    for (path, asks) in [("/", "/sign-in"), ("/applications", "/sign-in"), ("/device", "/sign-in?to=device")] {
        browser.open(&format!("http://{}{path}", gateway.address)).await;
        browser.page("Sign in").await;
        assert_eq!(browser.place().await, asks, "{path}");
    }
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_with_a_browser_approves_a_device_and_takes_it_back() {
    walk(Scripts::On).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_whose_browser_runs_no_scripts_can_do_the_same() {
    walk(Scripts::Off).await;
}
