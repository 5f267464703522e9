//! A device logs in to a tenant: the whole way in a real browser.

use std::{sync::Arc, time::Duration};

use gatepost::{clock::Manual, store::memory::Memory};
use serde_json::json;

use crate::support::{
    browser::{Browser, Scripts},
    gateway::{Gateway, PASSWORD, USER, forwarding},
    http::{bearing, get},
    login::{Device, Logins},
    records::START,
    upstream::Upstream,
};

async fn walk(scripts: Scripts) {
    let Some(browser) = Browser::start(scripts).await else { return };
    let upstream = Upstream::start().await;
    let mut logins = Logins::to(&[("default", "Default", &[]), ("acme", "Acme", &[USER])]);
    logins.sign_in_again = vec!["operator".into()];
    let time = Manual::starting_at(START);
    let store = Arc::new(Memory::new(time.clock()));
    let gateway = Gateway::speaking(&forwarding(upstream.address), vec![Arc::new(logins)], store, time).await;
    let device = Device::at(&gateway).await;
    let at = |path: &str| format!("http://{}{path}", gateway.address);
    let opens = async |key: &str| gateway.send(bearing(get("/v1/models"), key)).await.status.as_u16();

    // The link asks to sign in first, and keeps the code, which is confirmed.
    let codes = device.ask(&gateway).await;
    browser.open(&at(&codes.link())).await;
    browser.sign_in(USER, PASSWORD).await;
    browser.page("Connect a device").await;
    assert_eq!(browser.filled("Code").await.replace('-', ""), codes.user_code);
    assert_eq!(browser.place().await, codes.link());
    browser.press("Continue").await;
    let shown = browser.page("Authorize VS Code?").await;
    for words in ["unverified", "Code editor", "adas-laptop", "As operator, it will be able to", "Use the models.", "Draw pictures."] {
        assert!(shown.contains(words), "no {words} in {shown}");
    }
    // Where: by the keyboard.
    browser.tab_to("Workspace").await;
    browser.keys("A").await;
    let chosen = "return document.querySelector('select').selectedOptions[0].textContent";
    assert_eq!(browser.run(chosen).await, json!("Acme"));
    browser.press("Approve").await;
    browser.page("VS Code is connected").await;
    let (key, tenant) = device.poll(&gateway, &codes).await.unwrap();
    assert_eq!((tenant.as_str(), opens(&key).await), ("acme", 200));

    // A while later the same device logs in again. The code is typed, and the password, too.
    gateway.time.advance(Duration::from_secs(3600));
    let codes = device.wanting(|login| login.tenant = Some("acme".into())).ask(&gateway).await;
    browser.open(&at("/device-auth")).await;
    browser.fill("Code", &codes.user_code.to_lowercase()).await;
    browser.press("Continue").await;
    let shown = browser.page("Sign in").await;
    assert!(shown.contains("An app asks for far-reaching access. Sign in once more"), "{shown}");
    assert_eq!(browser.filled("User name").await, USER);
    browser.fill("Password", PASSWORD).await;
    browser.press("Sign in").await;
    browser.page("Connect a device").await;
    browser.press("Continue").await;
    let shown = browser.page("Authorize VS Code?").await;
    assert!(shown.contains("Approving replaces the key that this device has in Acme. Last used: 1 hour ago."), "{shown}");
    assert_eq!(browser.run(chosen).await, json!("Acme"));
    // Too long on this page, and the password is asked for once more.
    gateway.time.advance(Duration::from_secs(301));
    browser.press("Approve").await;
    browser.sign_in(USER, PASSWORD).await;
    browser.page("Connect a device").await;
    browser.press("Continue").await;
    browser.page("Authorize VS Code?").await;
    browser.press("Approve").await;
    browser.page("VS Code is connected").await;
    let (next, _) = device.poll(&gateway, &codes).await.unwrap();
    assert_eq!((opens(&key).await, opens(&next).await), (401, 200));

    // The list has the one key, until it is taken back.
    browser.press("Connected applications").await;
    let shown = browser.page("Connected applications").await;
    for words in ["VS Code", "Code editor", "adas-laptop", "Workspace\nAcme", "Ends\n", "Last used\nJust now"] {
        assert!(shown.contains(words), "no {words} in {shown}");
    }
    browser.press("Revoke").await;
    browser.text("//main[not(.//article)]//h1[.='Connected applications']").await;
    assert_eq!(opens(&next).await, 401);

    // No, to another one.
    let codes = device.ask(&gateway).await;
    browser.open(&at(&codes.link())).await;
    browser.press("Continue").await;
    browser.press("Deny").await;
    browser.page("Denied").await;
    assert_eq!(device.poll(&gateway, &codes).await.unwrap_err(), "AccessDenied");
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_with_a_browser_lets_a_device_in_to_a_tenant() {
    walk(Scripts::On).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_whose_browser_runs_no_scripts_lets_a_device_in_to_a_tenant_as_well() {
    walk(Scripts::Off).await;
}
