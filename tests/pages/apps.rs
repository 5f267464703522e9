//! An app of one's own: made, changed, given another secret and deleted in a real browser.

use crate::support::{
    browser::{Browser, Scripts},
    gateway::{CONFIG, Gateway, PASSWORD, SERIKA, USER},
};

async fn walk(scripts: Scripts) {
    let Some(browser) = Browser::start(scripts).await else { return };
    let gateway = Gateway::with(&format!("{CONFIG}{SERIKA}")).await;
    browser.open(&format!("http://{}/apps", gateway.address)).await;
    browser.sign_in(USER, PASSWORD).await;
    let shown = browser.page("My apps").await;
    assert!(shown.contains("You have no apps of your own."), "{shown}");

    // What is wrong is said, and what was typed stays.
    browser.press("New app").await;
    browser.page("New app").await;
    browser.fill("Name", "My tool").await;
    browser.fill("Redirect URIs", "https://tool.example.com/cb\nhttp://tool.example.com/cb").await;
    browser.press("Create app").await;
    let error = browser.text("//*[@id='redirect_uris-error']").await;
    assert_eq!(error, "Line 2: Use https. Only 127.0.0.1, [::1] and localhost may have http.");
    assert_eq!(browser.text("//*[@id='scopes-error']").await, "Choose at least one thing that the app may ask for.");
    assert_eq!(browser.filled("Name").await, "My tool");
    assert_eq!(browser.filled("Redirect URIs").await, "https://tool.example.com/cb\nhttp://tool.example.com/cb");
    assert_eq!(browser.run("return document.activeElement.id").await, "redirect_uris");

    // The secret, once.
    browser.fill("Redirect URIs", "https://tool.example.com/cb\nhttp://127.0.0.1/cb").await;
    browser.tick("Draw pictures.").await;
    browser.press("Create app").await;
    browser.page("Your new app").await;
    let (id, secret) = (browser.text("//*[@id='client-id']").await, browser.text("//*[@id='secret']").await);
    assert!(id.starts_with("client_") && secret.starts_with("secret_"), "{id}");
    assert_eq!(browser.run("return [...document.querySelectorAll('[data-copy]')].every((b) => !b.hidden)").await, scripts == Scripts::On);
    browser.press("Done").await;
    let shown = browser.page("My tool").await;
    assert!(shown.contains(&id) && !shown.contains(&secret) && shown.contains("unverified"), "{shown}");
    assert_eq!(browser.filled("Redirect URIs").await, "https://tool.example.com/cb\nhttp://127.0.0.1/cb");

    // Another name.
    browser.fill("Name", "My better tool").await;
    browser.press("Save").await;
    browser.text("//*[@role='status'][.='The settings are saved.']").await;
    browser.page("My better tool").await;

    // Another secret, after a second thought.
    browser.press("Reset the secret").await;
    browser.page("Reset the secret of My better tool?").await;
    browser.press("Cancel").await;
    browser.page("My better tool").await;
    browser.press("Reset the secret").await;
    browser.page("Reset the secret of My better tool?").await;
    browser.press("Reset the secret").await;
    browser.page("The new secret").await;
    let new = browser.text("//*[@id='secret']").await;
    assert!(new.starts_with("secret_") && new != secret);
    browser.press("Done").await;

    // And away.
    browser.press("Delete the app").await;
    browser.page("Delete My better tool?").await;
    browser.press("Delete the app").await;
    let shown = browser.page("My apps").await;
    assert!(shown.contains("You have no apps of your own."), "{shown}");
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_makes_an_app_and_deletes_it() {
    walk(Scripts::On).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_whose_browser_runs_no_scripts_makes_an_app_too() {
    walk(Scripts::Off).await;
}
