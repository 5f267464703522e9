//! How every page looks: in light and dark, on a desk and on a narrow phone.

use std::{fs, path::PathBuf, time::Duration};

use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::support::{
    browser::{Browser, Scripts},
    gateway::{Gateway, PASSWORD, USER, forwarding},
    http::{bearing, get, post_form},
    upstream::Upstream,
};

/// Names a folder for pictures of every page.
const PICTURES: &str = "GATEPOST_SCREENSHOTS";
const AUDIT: &str = include_str!("audit.js");

/// The looks: a name, a width, and which colours the person prefers.
const LOOKS: [(&str, u32, &str); 4] =
    [("light", 1000, "light"), ("dark", 1000, "dark"), ("phone", 360, "light"), ("phone-dark", 360, "dark")];

const APP: &str = "Bootspring CLI";
/// The longest name that a user can have, and one of an app that can be broken nowhere.
const LONG_USER: &str = "augusta.ada.king-noel.countess.of.lovelace@analytical-engine.org";
const LONG_APP: &str = "Donaudampfschifffahrtselektrizitaetenhauptbetriebswerkbauunterbeamtengesellschaft";
const HOSTILE: &str = "<script>alert(1)</script> \u{202e}approve\u{202c} & log in: https://evil.example/aaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

struct Studio {
    browser: Browser,
    gateway: Gateway,
    folder: Option<PathBuf>,
}

impl Studio {
    async fn start(browser: Browser) -> Self {
        let upstream = Upstream::start().await;
        let config = forwarding(upstream.address)
            .replace(
                &format!("name = \"{APP}\"\nscopes = [\"inference\"]"),
                &format!("name = \"{APP}\"\nscopes = [\"inference\", \"images\"]"),
            )
            .replace("An <b>app</b>", LONG_APP);
        let gateway = Gateway::with(&config).await;
        gateway.add_user(LONG_USER, "inference images").await;
        gateway.add_user("guest", "other").await;
        let folder = std::env::var_os(PICTURES).map(PathBuf::from);
        folder.iter().for_each(|folder| fs::create_dir_all(folder).unwrap());
        Self { browser, gateway, folder }
    }

    async fn open(&self, path: &str) {
        self.browser.open(&format!("http://{}{path}", self.gateway.address)).await;
    }

    /// Looks at the page with this heading in every way, and takes pictures where they are wanted.
    async fn look(&self, picture: &str, heading: &str) {
        self.browser.page(heading).await;
        for (look, width, colours) in LOOKS {
            let features = json!([{"name": "prefers-color-scheme", "value": colours}]);
            self.browser.tools("Emulation.setEmulatedMedia", json!({"features": features})).await;
            let metrics = json!({"width": width, "height": 720, "deviceScaleFactor": 1, "mobile": false});
            self.browser.tools("Emulation.setDeviceMetricsOverride", metrics).await;
            self.browser.tools("Emulation.setScrollbarsHidden", json!({"hidden": true})).await;
            if let Some(folder) = &self.folder {
                let shot = self.browser.tools("Page.captureScreenshot", json!({"captureBeyondViewport": true})).await;
                let png = BASE64.decode(shot["data"].as_str().unwrap().as_bytes()).unwrap();
                fs::write(folder.join(format!("{picture}-{look}.png")), png).unwrap();
            }
            assert_eq!(self.browser.run(AUDIT).await, json!([]), "{picture} in {look}");
        }
        // With it the driver's clicks below the window's real end go nowhere.
        self.browser.tools("Emulation.clearDeviceMetricsOverride", json!({})).await;
    }

    /// An app asks as the command line does, and answers its codes.
    async fn ask(&self, device: Value) -> Value {
        // At most five a minute.
        self.gateway.time.advance(Duration::from_secs(12));
        let (status, login) = self.gateway.post_json("/api/v1/auth/device", &json!({"device": device})).await;
        assert_eq!(status, 200, "{login}");
        login
    }

    /// The app with the long name asks, from a system with a long name.
    async fn ask_at_length(&self) -> Value {
        self.gateway.time.advance(Duration::from_secs(12));
        let mut request = post_form("/auth/device/code", &[("client_id", "app")]);
        request.headers_mut().insert("user-agent", "W".repeat(80).parse().unwrap());
        self.gateway.send(request).await.json()
    }

    async fn enter(&self, code: &str) {
        self.open("/device").await;
        self.browser.fill("Code", code).await;
        self.browser.press("Continue").await;
    }

    /// Whoever is signed in approves what the page shows, and the app gets its token.
    async fn approve(&self, client: &str, app: &str, login: &Value) -> String {
        self.browser.press("Approve").await;
        self.browser.page(&format!("{app} is connected")).await;
        let grant_type = "urn:ietf:params:oauth:grant-type:device_code";
        let poll = [("grant_type", grant_type), ("client_id", client), ("device_code", login["device_code"].as_str().unwrap())];
        let (status, tokens) = self.gateway.post_form("/auth/device/token", &poll).await;
        assert_eq!(status, 200, "{tokens}");
        tokens["access_token"].as_str().unwrap().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_legible_in_light_and_dark_and_fits_a_narrow_phone() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let studio = Studio::start(browser).await;
    let laptop = || json!({"hostname": "adas-laptop", "platform": "linux", "arch": "x86_64"});
    let code = |login: &Value| login["user_code"].as_str().unwrap().to_owned();
    let approve_app = format!("Approve {APP}?");

    studio.open("/").await;
    studio.look("sign-in", "Sign in").await;
    studio.browser.sign_in(USER, "wrong").await;
    studio.browser.text("//*[@role='alert']").await;
    studio.look("sign-in-wrong", "Sign in").await;

    // Somebody who has nothing to give.
    let login = studio.ask(laptop()).await;
    studio.open(&format!("/device?user_code={}", code(&login))).await;
    studio.look("sign-in-for-a-device", "Sign in").await;
    studio.browser.sign_in("guest", PASSWORD).await;
    studio.look("device-filled", "Connect a device").await;
    studio.browser.press("Continue").await;
    studio.look("consent-with-nothing-to-grant", &format!("You cannot approve {APP}")).await;
    studio.browser.press("Deny").await;
    studio.look("denied", "Denied").await;
    studio.open("/").await;
    studio.look("applications-empty", "Connected applications").await;
    studio.browser.press("Sign out").await;

    // Somebody who has.
    studio.browser.sign_in(USER, PASSWORD).await;
    studio.browser.page("Connected applications").await;
    studio.open("/device").await;
    studio.look("device", "Connect a device").await;
    studio.enter("BCDF-GHJK").await;
    studio.browser.text("//*[@role='alert']").await;
    studio.look("unknown-code", "Connect a device").await;
    let login = studio.ask(laptop()).await;
    studio.enter(&code(&login)).await;
    studio.look("consent", &approve_app).await;
    studio.approve("bootspring-cli", APP, &login).await;
    studio.look("approved", &format!("{APP} is connected")).await;
    studio.browser.press("Sign out").await;

    // Names as long and as bad as they come.
    studio.browser.sign_in(LONG_USER, PASSWORD).await;
    studio.browser.page("Connected applications").await;
    let login = studio.ask(laptop()).await;
    studio.enter(&code(&login)).await;
    let token = studio.approve("bootspring-cli", APP, &login).await;
    assert_eq!(studio.gateway.send(bearing(get("/v1/models"), &token)).await.status, 200);
    studio.gateway.time.advance(Duration::from_secs(3 * 86_400));
    let login = studio.ask_at_length().await;
    studio.enter(&code(&login)).await;
    studio.look("consent-long", &format!("Approve {LONG_APP}?")).await;
    studio.approve("app", LONG_APP, &login).await;
    studio.look("approved-long", &format!("{LONG_APP} is connected")).await;
    studio.gateway.time.advance(Duration::from_secs(3600));
    let login = studio.ask(json!({"hostname": HOSTILE, "platform": "שלום العربية"})).await;
    studio.enter(&code(&login)).await;
    studio.look("consent-hostile", &approve_app).await;
    studio.approve("bootspring-cli", APP, &login).await;
    studio.open("/").await;
    studio.look("applications", "Connected applications").await;

    // What went wrong.
    for _ in 0..10 {
        studio.enter("BCDF-GHJK").await;
        studio.browser.text("//*[@role='alert']").await;
    }
    studio.enter("BCDF-GHJK").await;
    studio.look("too-many-tries", "Too many tries").await;
    studio.open("/device?user_code=a&user_code=b").await;
    studio.look("error", "That did not work").await;
    let post = "const form = document.createElement('form'); form.method = 'post'; form.action = '/gatepost.css';";
    studio.browser.run(&format!("{post} document.body.append(form); form.submit();")).await;
    studio.look("plain-error", "Method Not Allowed").await;
    studio.gateway.end().await;
}
