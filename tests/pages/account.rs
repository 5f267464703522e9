//! What a person does to the account, and how the language is changed.

use std::time::Duration;

use serde_json::json;

use crate::support::{
    browser::{Browser, Scripts},
    gateway::{Gateway, PASSWORD, USER, forwarding},
    http::{bearing, get},
    person::Person,
    upstream::Upstream,
};

const NEW: &str = "a whole new password";

async fn open(gateway: &Gateway, token: &str) -> u16 {
    gateway.send(bearing(get("/v1/models"), token)).await.status.as_u16()
}

/// A device of this name is let in; its token.
async fn let_in(gateway: &Gateway, person: &Person, device: &str) -> String {
    gateway.time.advance(Duration::from_secs(12));
    let (_, codes) = gateway.post_json("/api/v1/auth/device", &json!({"device": {"hostname": device}})).await;
    person.approve(codes["user_code"].as_str().unwrap()).await;
    let (status, tokens) = gateway.post_json("/api/v1/auth/device/token", &json!({"device_code": codes["device_code"]})).await;
    assert_eq!(status, 200, "{tokens}");
    tokens["token"].as_str().unwrap().to_owned()
}

async fn walk(scripts: Scripts) {
    let Some(browser) = Browser::start(scripts).await else { return };
    let upstream = Upstream::start().await;
    let gateway = Gateway::with(&forwarding(upstream.address)).await;
    let at = |path: &str| format!("http://{}{path}", gateway.address);

    // Whoever wants the account signs in first.
    browser.open(&at("/account")).await;
    browser.sign_in(USER, PASSWORD).await;
    let shown = browser.page("Account").await;
    assert!(shown.contains("ada@example.org") && shown.contains("You have no personal tokens."), "{shown}");

    // The password.
    for (current, again, said) in
        [("wrong", NEW, "This is not your current password."), (PASSWORD, "another one", "The two new passwords are not the same.")]
    {
        browser.fill("Current password", current).await;
        browser.fill("New password", NEW).await;
        browser.fill("New password, again", again).await;
        browser.press("Change password").await;
        assert_eq!(browser.text(&format!("//*[@role='alert'][.='{said}']")).await, said);
        assert_eq!(browser.filled("Current password").await, "");
    }
    browser.fill("Current password", PASSWORD).await;
    browser.fill("New password", NEW).await;
    browser.fill("New password, again", NEW).await;
    browser.press("Change password").await;
    assert!(browser.text("//*[@role='status']").await.starts_with("Your password is changed"));

    // A token, which is shown once, opens and is taken back.
    browser.fill("Name", "nightly script").await;
    browser.press("Create token").await;
    assert_eq!(browser.text("//*[@role='alert']").await, "Choose at least one thing that the token may do.");
    browser.tick("Use the models.").await;
    browser.press("Create token").await;
    let shown = browser.page("Your new token").await;
    let token = browser.text("//*[@id='token']").await;
    assert!(token.starts_with("gpp_") && browser.place().await == "/account/tokens", "{token}");
    assert_eq!(shown.contains("Copy\n"), scripts == Scripts::On, "{shown}");
    if scripts == Scripts::On {
        browser.press("Copy").await;
        assert_eq!(browser.text("//*[@id='said'][.!='']").await, "Copied");
    }
    assert_eq!(open(&gateway, &token).await, 200);
    browser.press("Done").await;
    let shown = browser.page("Account").await;
    assert!(shown.contains("nightly script") && shown.contains("Last used\nJust now") && !shown.contains("gpp_"), "{shown}");
    if scripts == Scripts::On {
        // What was copied is the token.
        browser.fill("Name", "\u{e009}v\u{e000}").await;
        assert!(token.starts_with(&browser.filled("Name").await) && browser.filled("Name").await.starts_with("gpp_"));
    }
    browser.press("Revoke").await;
    browser.text("//main[contains(., 'You have no personal tokens.')]").await;
    assert_eq!(open(&gateway, &token).await, 401);

    // One device of an app is taken back, and then the rest.
    let person = Person::at(&gateway);
    person.sign_in(USER, NEW).await;
    let mut tokens = Vec::new();
    for device in ["desk", "laptop", "phone"] {
        tokens.push(let_in(&gateway, &person, device).await);
    }
    browser.press("Applications").await;
    let shown = browser.page("Connected applications").await;
    assert!(shown.contains("3 connections") && shown.matches("Bootspring CLI").count() == 1, "{shown}");
    browser.press("Revoke").await;
    browser.text("//main[contains(., '2 connections')]").await;
    let mut left = Vec::new();
    for token in &tokens {
        left.push(open(&gateway, token).await);
    }
    assert_eq!(left, [200, 200, 401], "the newest stands first");
    browser.press("Revoke all").await;
    browser.text("//main[contains(., 'No app is connected.')]").await;
    for token in &tokens {
        assert_eq!(open(&gateway, token).await, 401);
    }

    // The language, here and from now on.
    browser.press("Deutsch").await;
    browser.page("Verbundene Apps").await;
    browser.press("Konto").await;
    assert!(browser.page("Konto").await.contains("Sie haben keine persönlichen Token."));
    browser.press("Abmelden").await;
    browser.page("Anmelden").await;
    browser.press("English").await;
    browser.sign_in(USER, NEW).await;
    browser.page("Connected applications").await;
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_looks_after_the_account() {
    walk(Scripts::On).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_whose_browser_runs_no_scripts_looks_after_the_account_too() {
    walk(Scripts::Off).await;
}
