//! Names that mean harm, as a browser draws them.

use std::{sync::Arc, time::Duration};

use gatepost::{clock::Manual, oauth::claim::Claim, store::memory::Memory};
use serde_json::json;

use super::AUDIT;
use crate::support::{
    authorize,
    browser::{Browser, Scripts},
    gateway::{CONFIG, Gateway, PASSWORD, SERIKA, USER},
    login::{Device, Logins},
    records::START,
};

/// Whether what a stranger named stays in its place: it is text, it runs in its own direction, and
/// its block cuts off what is piled above it and below.
const CONTAINED: &str = "
    const wrong = [];
    for (const bdi of document.querySelectorAll('bdi')) {
      const block = bdi.closest('h1, h2, h3, p, dd');
      if (bdi.children.length > 0) wrong.push(`markup: ${bdi.innerHTML}`);
      if (getComputedStyle(bdi).unicodeBidi !== 'isolate') wrong.push('not isolated');
      if (block && getComputedStyle(block).overflowY !== 'clip') wrong.push(`not cut off: ${block.tagName}`);
    }
    if (document.querySelectorAll('bdi').length === 0) wrong.push('no name at all');
    if (document.querySelectorAll('main script, main img, main iframe, main style').length > 0) wrong.push('an element of a stranger');
    if (window.harmed) wrong.push('a script of a stranger ran');
    return wrong;";

fn names() -> Vec<String> {
    vec![
        "<script>window.harmed = 1</script><img src=x onerror='window.harmed = 1'>".to_owned(),
        "\"><svg onload=window.harmed=1>' autofocus onfocus=window.harmed=1 x='".to_owned(),
        "</bdi></dd></dl></main><h1>Approve?</h1>".to_owned(),
        "\u{202e}evorppa\u{202c} \u{2066}\u{2067}laptop\u{200b}\u{feff}\u{00ad}".to_owned(),
        "العربية שלום 123 abc".to_owned(),
        "W".repeat(80),
        format!("Z{}", "\u{0336}\u{0310}\u{0489}".repeat(26)),
        "👩‍👩‍👧‍👦🏳️‍🌈".repeat(8),
        "﷽".repeat(60),
        "&lt;b&gt; {user} {{ 7*7 }} %s ${x}".to_owned(),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_name_is_text_in_its_own_place_whatever_it_holds() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let time = Manual::starting_at(START);
    let store = Arc::new(Memory::new(time.clock()));
    let logins = Logins::to(&[("default", "Default", &[])]);
    let gateway = Gateway::speaking(&format!("{CONFIG}{SERIKA}"), vec![Arc::new(logins)], store, time).await;
    let editor = Device::at(&gateway).await;
    let at = |path: &str| format!("http://{}{path}", gateway.address);
    browser.open(&at("/account")).await;
    browser.sign_in(USER, PASSWORD).await;
    browser.page("Account").await;
    let metrics = json!({"width": 360, "height": 720, "deviceScaleFactor": 1, "mobile": false});
    browser.tools("Emulation.setDeviceMetricsOverride", metrics).await;
    let check = async |what: &str| {
        assert_eq!(browser.run(CONTAINED).await, json!([]), "{what}");
        assert_eq!(browser.run(AUDIT).await, json!([]), "{what}");
    };
    for name in names() {
        gateway.time.advance(Duration::from_secs(12));
        let device = json!({"device": {"hostname": name, "platform": name}});
        let (_, codes) = gateway.post_json("/api/v1/auth/device", &device).await;
        browser.open(&at(&format!("/device?user_code={}", codes["user_code"].as_str().unwrap()))).await;
        browser.run("document.querySelector('main form').submit()").await;
        browser.page("Approve Bootspring CLI?").await;
        check(&name).await;
        // As if the person had pressed the button; it may lie below the window.
        browser.run("document.querySelector('button[value=approve]').click()").await;
        browser.page("Bootspring CLI is connected").await;
        browser.open(&at("/account")).await;
        let fill =
            "document.getElementById('token-name').value = arguments; document.querySelector('[name=\"scope.inference\"]').checked = true;";
        let fill = fill.replace("arguments", &json!(name).to_string());
        browser.run(&format!("{fill} document.querySelector('[action=\"/account/tokens\"]').submit()")).await;
        browser.page("Your new token").await;
        check(&name).await;
    }
    for name in names() {
        let editor = editor.named(&name);
        // The second time it has a key already.
        for _ in 0..2 {
            let codes = editor.ask(&gateway).await;
            browser.open(&at(&codes.link())).await;
            browser.page("Connect a device").await;
            browser.run("document.querySelector('main form').submit()").await;
            browser.text("//h1[starts-with(., 'Authorize ')]").await;
            check(&format!("a login by {name}")).await;
            browser.run("document.querySelector('button[value=approve]').click()").await;
            browser.text("//h1[contains(., 'is connected')]").await;
            check(&format!("the login of {name}")).await;
            editor.poll(&gateway, &codes).await.unwrap();
        }
    }
    // Apps refuse what devices are only cleaned of.
    let accepted = names().into_iter().filter(|name| Claim::exact(name).is_ok());
    for name in accepted {
        browser.open(&at("/apps/new")).await;
        browser.page("New app").await;
        let fill = "document.getElementById('name').value = named; document.getElementById('description').value = named;
            document.getElementById('redirect_uris').value = 'http://127.0.0.1/'; document.querySelector('[name=\"scope.images\"]').checked = true;
            document.querySelector('[action=\"/apps/new\"]').submit()";
        browser.run(&fill.replace("named", &json!(name).to_string())).await;
        browser.page("Your new app").await;
        check(&name).await;
        let client = browser.text("//*[@id='client-id']").await;
        for path in ["/apps/app", "/apps/reset-secret", "/apps/delete"] {
            browser.open(&at(&format!("{path}?dialect=serika&client={client}"))).await;
            browser.text("//h1").await;
            check(&format!("{path} of {name}")).await;
        }
        browser.open(&at(&authorize::address(&client, "http://127.0.0.1/", &[]))).await;
        browser.text("//h1").await;
        check(&format!("the question of {name}")).await;
    }
    for (path, heading) in [("/apps", "My apps"), ("/applications", "Connected applications"), ("/account", "Account")] {
        browser.open(&at(path)).await;
        browser.page(heading).await;
        check(path).await;
    }
    if let Some(folder) = std::env::var_os("GATEPOST_SCREENSHOTS") {
        let shot = browser.tools("Page.captureScreenshot", json!({"captureBeyondViewport": true})).await;
        let png = data_encoding::BASE64.decode(shot["data"].as_str().unwrap().as_bytes()).unwrap();
        std::fs::write(std::path::Path::new(&folder).join("hostile-names.png"), png).unwrap();
    }
    gateway.end().await;
}
