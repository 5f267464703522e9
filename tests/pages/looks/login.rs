//! How logins to a tenant look, and signing in again for them.

use std::sync::Arc;

use gatepost::{clock::Manual, oauth::scope::Scopes, store::memory::Memory};

use super::{HOSTILE, LONG_APP, LONG_USER, Studio};
use crate::support::{
    browser::{Browser, Scripts},
    gateway::{Gateway, PASSWORD, USER, forwarding},
    http::{bearing, get},
    login::{Codes, Device, Logins},
    records::START,
    upstream::Upstream,
};

const LONG_TENANT: &str = "The Analytical Engine Company of Great Britain and Ireland (Experiments)";

/// Opens the page with the code, and goes on.
async fn enter(studio: &Studio, codes: &Codes) {
    studio.open(&codes.link()).await;
    studio.browser.text("//input[@id='user_code']").await;
    studio.browser.run("document.querySelector('main form').submit()").await;
}

async fn approve(studio: &Studio, device: &Device, codes: &Codes) -> String {
    studio.browser.run("document.querySelector('button[value=approve]').click()").await;
    studio.browser.text("//h1[contains(., 'is connected') or contains(., 'ist verbunden')]").await;
    device.poll(&studio.gateway, codes).await.unwrap().0
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_to_a_tenant_are_legible_and_so_is_signing_in_again() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let mut studio = Studio::start(browser).await;
    studio.gateway.end().await;
    let upstream = Upstream::start().await;
    let mut logins = Logins::to(&[("acme", "Acme", &[USER, LONG_USER, "guest"]), ("engine", LONG_TENANT, &[LONG_USER])]);
    logins.sign_in_again = vec!["admin".into()];
    let time = Manual::starting_at(START);
    let store = Arc::new(Memory::new(time.clock()));
    studio.gateway = Gateway::speaking(&forwarding(upstream.address), vec![Arc::new(logins)], store, time).await;
    studio.gateway.add_user(LONG_USER, "inference images").await;
    studio.gateway.add_user("guest", "inference").await;
    studio.gateway.add_user("eva", "inference images").await;
    let device = Device::at(&studio.gateway).await;

    let codes = device.ask(&studio.gateway).await;
    studio.open(&codes.link()).await;
    studio.look("login-sign-in", "Sign in").await;
    for (name, picture) in [("guest", "login-with-too-little"), ("eva", "login-with-no-workspace")] {
        studio.browser.sign_in(name, PASSWORD).await;
        studio.browser.text("//*[.='Sign out']").await;
        enter(&studio, &codes).await;
        studio.look(picture, "You cannot approve VS Code").await;
        studio.browser.press("Sign out").await;
    }

    studio.browser.sign_in(USER, PASSWORD).await;
    studio.browser.page("Connected applications").await;
    studio.open(&codes.link()).await;
    studio.look("login-filled", "Connect a device").await;
    enter(&studio, &codes).await;
    studio.look("login", "Authorize VS Code?").await;
    let key = approve(&studio, &device, &codes).await;
    studio.look("login-approved", "VS Code is connected").await;
    assert_eq!(studio.gateway.send(bearing(get("/v1/models"), &key)).await.status, 200);
    studio.gateway.time.advance(std::time::Duration::from_secs(3 * 86_400));

    // Again, with the widest preset.
    let again = device.wanting(|login| login.preset = "admin".into());
    let codes = again.ask(&studio.gateway).await;
    enter(&studio, &codes).await;
    studio.look("sign-in-again", "Sign in").await;
    studio.browser.fill("Password", "wrong").await;
    studio.browser.press("Sign in").await;
    studio.browser.text("//*[@role='alert']").await;
    studio.look("sign-in-again-wrong", "Sign in").await;
    studio.browser.sign_in(USER, PASSWORD).await;
    studio.browser.page("Connect a device").await;
    enter(&studio, &codes).await;
    studio.look("login-replaces", "Authorize VS Code?").await;
    approve(&studio, &again, &codes).await;
    let mut narrow = device.wanting(|login| (login.device, login.client_type) = (None, "CLI".into()));
    narrow.scopes = Scopes::parse("inference").unwrap();
    let codes = narrow.ask(&studio.gateway).await;
    enter(&studio, &codes).await;
    approve(&studio, &narrow, &codes).await;
    studio.open("/").await;
    studio.look("applications-with-keys", "Connected applications").await;

    // The same in German.
    studio.browser.press("Deutsch").await;
    studio.look("german-applications-with-keys", "Verbundene Apps").await;
    let codes = again.ask(&studio.gateway).await;
    enter(&studio, &codes).await;
    studio.look("german-login-replaces", "VS Code zulassen?").await;
    studio.gateway.time.advance(std::time::Duration::from_secs(360));
    studio.browser.run("document.querySelector('button[value=approve]').click()").await;
    studio.look("german-sign-in-again", "Anmelden").await;
    studio.browser.press("English").await;
    studio.browser.page("Connect a device").await;
    studio.browser.press("Sign out").await;

    // Somebody with a long name in several places, and names as long and as bad as they come.
    studio.browser.sign_in(LONG_USER, PASSWORD).await;
    studio.browser.page("Connected applications").await;
    for (picture, name) in [("login-long", LONG_APP), ("login-hostile", HOSTILE)] {
        let device = device.named(name).wanting(|login| login.tenant = Some("engine".into()));
        let codes = device.ask(&studio.gateway).await;
        enter(&studio, &codes).await;
        approve(&studio, &device, &codes).await;
        let codes = device.ask(&studio.gateway).await;
        enter(&studio, &codes).await;
        let heading = studio.browser.text("//h1").await;
        assert!(heading.starts_with("Authorize "), "{heading}");
        studio.look(picture, &heading).await;
    }
    studio.open("/").await;
    studio.look("applications-with-long-keys", "Connected applications").await;
    studio.gateway.end().await;
}
