//! The whole way without a mouse.

use serde_json::json;

use crate::support::{
    browser::{Browser, Scripts},
    gateway::{Gateway, PASSWORD, USER},
};

const ENTER: &str = "\u{e007}";
const TAB: &str = "\u{e004}";

#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_approved_and_taken_back_with_the_keyboard_alone() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let gateway = Gateway::start().await;
    let (_, codes) = gateway.post_json("/api/v1/auth/device", &json!({"device": {"hostname": "laptop"}})).await;
    let code = codes["user_code"].as_str().unwrap();
    browser.open(&format!("http://{}/device?user_code={code}", gateway.address)).await;

    // The keyboard is where there is something to do.
    browser.page("Sign in").await;
    browser.keys(&format!("{USER}{TAB}{PASSWORD}{ENTER}")).await;
    browser.page("Connect a device").await;
    browser.keys(ENTER).await;
    browser.page("Approve Bootspring CLI?").await;

    // Not on the decision: nobody presses Enter once too often. The first key leads past the header.
    browser.tab_to("Skip to the content").await;
    browser.keys(ENTER).await;
    assert_eq!(browser.run("return document.activeElement.id").await, "main");
    browser.tab_to("Approve").await;
    browser.tab_to("Deny").await;
    browser.keys("\u{e008}\u{e004}\u{e000}").await;
    let time = browser.text("//*[@data-countdown]").await;
    assert!(time.starts_with("in 14:") || time == "in 15:00", "{time}");
    browser.keys(ENTER).await;
    browser.page("Bootspring CLI is connected").await;

    browser.tab_to("Applications").await;
    browser.keys(ENTER).await;
    browser.page("Connected applications").await;
    browser.tab_to("Revoke").await;
    browser.keys(ENTER).await;
    browser.text("//main[contains(., 'No app is connected.')]").await;

    // Every page can be walked through and left again.
    for path in ["/account", "/device", "/applications"] {
        browser.open(&format!("http://{}{path}", gateway.address)).await;
        browser.tab_to("Deutsch").await;
        browser.tab_to("Skip to the content").await;
    }
    gateway.end().await;
}
