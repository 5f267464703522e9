//! How every page looks: in light and dark, on a desk and on a narrow phone, and to axe-core.

mod login;

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use data_encoding::BASE64;
use gatepost::{clock::Manual, store::memory::Memory};
use serde_json::{Value, json};

use super::AUDIT;
use crate::support::{
    authorize,
    axe::axe,
    browser::{Browser, Scripts},
    gateway::{Gateway, PASSWORD, SERIKA, USER, forwarding},
    http::{bearing, get, post_form},
    records::START,
    upstream::Upstream,
};

/// Names a folder for pictures of every page.
const PICTURES: &str = "GATEPOST_SCREENSHOTS";
/// What axe finds, one line a rule.
const AXE: &str = "const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    return axe.run(document, { runOnly: tags, resultTypes: ['violations'] }).then(({ violations }) =>
      violations.map(({ impact, help, nodes }) => `${impact}: ${help}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' ')}`));";
/// Letters twice as large stay within the window (WCAG 2.2, success criterion 1.4.4).
const ENLARGED: &str = "const { style } = document.documentElement;
    style.fontSize = '200%';
    const [needed, there] = [document.documentElement.scrollWidth, document.documentElement.clientWidth];
    style.fontSize = '';
    return needed <= there ? [] : [`${needed} px wide in ${there} px`];";

/// The looks: a name, a width, and which colours the person prefers.
const LOOKS: [(&str, u32, &str); 4] =
    [("light", 1000, "light"), ("dark", 1000, "dark"), ("phone", 360, "light"), ("phone-dark", 360, "dark")];

const APP: &str = "Bootspring CLI";
/// The longest name that a user can have, and one of an app that can be broken nowhere.
const LONG_USER: &str = "augusta.ada.king-noel.countess.of.lovelace@analytical-engine.org";
const LONG_APP: &str = "Donaudampfschifffahrtselektrizitaetenhauptbetriebswerkbauunterbeamtengesellschaft";
const HOSTILE: &str = "<script>alert(1)</script> \u{202e}approve\u{202c} & log in: https://evil.example/aaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
/// The operator's, in a colour that is not ours.
const LOGO: &str =
    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 32 32\"><circle cx=\"16\" cy=\"16\" r=\"14\" fill=\"#7c3aed\"/></svg>";

pub(super) struct Studio {
    pub(super) browser: Browser,
    pub(super) gateway: Gateway,
    folder: Option<PathBuf>,
    has_axe: bool,
}

impl Studio {
    pub(super) async fn start(browser: Browser) -> Self {
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
        let axe = axe();
        if let Some(script) = &axe {
            browser.tools("Page.addScriptToEvaluateOnNewDocument", json!({"source": script})).await;
        }
        Self { browser, gateway, folder, has_axe: axe.is_some() }
    }

    pub(super) async fn open(&self, path: &str) {
        self.browser.open(&format!("http://{}{path}", self.gateway.address)).await;
    }

    /// Looks at the page with this heading in every way, and takes pictures where they are wanted.
    pub(super) async fn look(&self, picture: &str, heading: &str) {
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
            if self.has_axe && width > 360 {
                assert_eq!(self.browser.run(AXE).await, json!([]), "{picture} in {look}, by axe");
            }
        }
        let metrics = json!({"width": 640, "height": 720, "deviceScaleFactor": 1, "mobile": false});
        self.browser.tools("Emulation.setDeviceMetricsOverride", metrics).await;
        assert_eq!(self.browser.run(ENLARGED).await, json!([]), "{picture}, enlarged");
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
    studio.browser.run("const form = document.createElement('form'); form.method = 'post'; form.action = '/gatepost.css'; document.body.append(form); form.submit();").await;
    studio.browser.text("//p[.='This address cannot be used in that way.']").await;
    studio.look("wrong-method", "That did not work").await;
    studio.browser.run("const form = document.createElement('form'); form.method = 'post'; form.action = '/device'; document.body.append(form); form.submit();").await;
    studio.look("forged-form", "Please try again").await;
    studio.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_is_legible_and_so_are_all_pages_in_german_and_in_an_operators_colours() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let mut studio = Studio::start(browser).await;
    studio.open("/account").await;
    studio.browser.sign_in(USER, PASSWORD).await;
    studio.look("account", "Account").await;

    // The password.
    let change = async |studio: &Studio, current: &str, again: &str| {
        studio.browser.fill("Current password", current).await;
        studio.browser.fill("New password", "a whole new password").await;
        studio.browser.fill("New password, again", again).await;
        studio.browser.press("Change password").await;
    };
    change(&studio, "wrong", "a whole new password").await;
    studio.browser.text("//*[@role='alert']").await;
    studio.look("account-wrong-password", "Account").await;
    change(&studio, PASSWORD, "another").await;
    studio.browser.text("//*[@role='alert'][contains(., 'not the same')]").await;
    studio.look("account-passwords-differ", "Account").await;
    change(&studio, PASSWORD, "a whole new password").await;
    studio.browser.text("//*[@role='status']").await;
    studio.look("account-password-changed", "Account").await;

    // Tokens.
    studio.browser.fill("Name", "backup script").await;
    studio.browser.press("Create token").await;
    studio.browser.text("//*[@role='alert']").await;
    studio.look("token-without-scope", "Account").await;
    studio.browser.tick("Use the models.").await;
    studio.browser.press("Create token").await;
    studio.look("token-created", "Your new token").await;
    studio.browser.press("Done").await;
    studio.gateway.time.advance(Duration::from_secs(3 * 86_400));
    studio.browser.page("Account").await;
    studio.browser.fill("Name", HOSTILE).await;
    for scope in ["Use the models.", "Draw pictures.", "Manage your apps through the API."] {
        studio.browser.tick(scope).await;
    }
    studio.browser.press("Create token").await;
    studio.look("token-created-hostile", "Your new token").await;
    studio.open("/account").await;
    studio.look("account-with-tokens", "Account").await;

    // The same in German.
    let laptop = json!({"hostname": "adas-laptop", "platform": "linux", "arch": "x86_64"});
    studio.browser.press("Deutsch").await;
    studio.look("german-account", "Konto").await;
    studio.open("/device").await;
    studio.look("german-device", "Gerät verbinden").await;
    for _ in 0..2 {
        let login = studio.ask(laptop.clone()).await;
        studio.open(&format!("/device?user_code={}", login["user_code"].as_str().unwrap())).await;
        studio.browser.press("Weiter").await;
        studio.look("german-consent", &format!("{APP} zulassen?")).await;
        studio.browser.press("Zulassen").await;
        studio.look("german-approved", &format!("{APP} ist verbunden")).await;
    }
    studio.open("/").await;
    // Approved and not fetched yet is connected too.
    studio.look("german-applications", "Verbundene Apps").await;
    studio.open("/device?user_code=a&user_code=b").await;
    studio.look("german-error", "Das hat nicht geklappt").await;
    studio.open("/").await;
    studio.browser.press("Abmelden").await;
    studio.look("german-sign-in", "Anmelden").await;
    studio.browser.press("English").await;

    // An operator's own look, below a prefix.
    studio.gateway.end().await;
    studio.gateway = branded().await;
    studio.open("/auth/device").await;
    studio.look("branded-sign-in", "Sign in").await;
    studio.browser.sign_in(USER, PASSWORD).await;
    studio.look("branded-device", "Connect a device").await;
    studio.open("/auth/nothing").await;
    studio.look("not-found", "Page not found").await;
    studio.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_of_an_app_whose_code_is_typed_are_legible() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let mut studio = Studio::start(browser).await;
    studio.gateway.end().await;
    studio.gateway = Gateway::with(&format!("{}\n[dialects.serechat]\n", crate::support::gateway::CONFIG)).await;
    let ask = async |studio: &Studio, name: &str| {
        studio.gateway.time.advance(Duration::from_secs(12));
        let (status, asked) = studio.gateway.post_json("/api/auth/app/request", &json!({"app_name": name})).await;
        assert_eq!(status, 200, "{asked}");
        let request = asked["request_id"].as_str().unwrap().to_owned();
        studio.open(&format!("/authorize-app?request_id={request}")).await;
        request
    };
    let exchange = async |studio: &Studio, request: &str, code: &str| {
        studio.gateway.post_json("/api/auth/app/exchange", &json!({"request_id": request, "code": code})).await.0
    };
    let code = async |studio: &Studio| studio.browser.run("return document.getElementById('typed-code').textContent").await;
    let wrong = |code: &Value| format!("{:06}", (code.as_str().unwrap().parse::<u32>().unwrap() + 1) % 1_000_000);

    // As long as a name may be here.
    let long = &LONG_APP[..80];

    ask(&studio, "Tinker").await;
    studio.look("typed-sign-in", "Sign in").await;
    studio.browser.sign_in(USER, PASSWORD).await;
    studio.look("typed-consent", "Approve Tinker?").await;
    studio.browser.press("Approve").await;
    studio.look("typed-code", "Enter this code in Tinker").await;
    let elsewhere = ask(&studio, long).await;
    studio.look("typed-consent-long", &format!("Approve {long}?")).await;
    studio.browser.press("Approve").await;
    studio.look("typed-code-long", &format!("Enter this code in {long}")).await;
    studio.browser.press("Sign out").await;
    studio.open(&format!("/authorize-app?request_id={elsewhere}")).await;
    studio.browser.sign_in(USER, PASSWORD).await;
    studio.look("typed-elsewhere", &format!("You approved {long} in another browser")).await;

    let used = ask(&studio, "Tinker").await;
    studio.browser.press("Approve").await;
    studio.browser.page("Enter this code in Tinker").await;
    let right = code(&studio).await;
    assert_eq!(exchange(&studio, &used, right.as_str().unwrap()).await, 200);
    studio.open(&format!("/authorize-app?request_id={used}")).await;
    studio.look("typed-connected", "Tinker is connected").await;
    let void = ask(&studio, "Tinker").await;
    studio.browser.press("Approve").await;
    studio.browser.page("Enter this code in Tinker").await;
    let wrong = wrong(&code(&studio).await);
    for _ in 0..5 {
        assert_ne!(exchange(&studio, &void, &wrong).await, 200);
    }
    studio.open(&format!("/authorize-app?request_id={void}")).await;
    studio.look("typed-void", "Too many wrong codes").await;
    for _ in 0..3 {
        ask(&studio, "Tinker").await;
        studio.browser.press("Approve").await;
        studio.browser.page("Enter this code in Tinker").await;
    }
    ask(&studio, "Tinker").await;
    studio.browser.press("Approve").await;
    studio.look("typed-too-many", "Too many codes").await;
    studio.open("/authorize-app?request_id=unknown").await;
    studio.look("typed-too-late", "Too late").await;
    studio.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_of_apps_that_send_browsers_are_legible() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let mut studio = Studio::start(browser).await;
    studio.gateway.end().await;
    let upstream = Upstream::start().await;
    studio.gateway = Gateway::with(&format!("{}{SERIKA}", forwarding(upstream.address)).replace("A <b>web</b> app", "Tinker")).await;
    studio.gateway.add_user(LONG_USER, "inference").await;
    studio.gateway.add_user("guest", "other").await;
    let callback = "https://app.example.com/callback?tenant=1";
    let question = authorize::address("web", callback, &[]);

    studio.open(&authorize::address("nobody", callback, &[])).await;
    studio.look("unaskable", "This link does not work").await;
    studio.open(&question).await;
    studio.look("authorize-sign-in", "Sign in").await;
    studio.browser.sign_in("guest", PASSWORD).await;
    studio.look("authorize-with-nothing-to-grant", "You cannot approve Tinker").await;
    studio.browser.press("Sign out").await;
    studio.browser.sign_in(USER, PASSWORD).await;
    studio.browser.page("Connected applications").await;
    studio.open(&question).await;
    studio.look("authorize", "Approve Tinker?").await;
    let narrow = [("resource", "http://127.0.0.1:8080/v1"), ("scope", "inference")];
    studio.open(&authorize::address("web", "http://127.0.0.1:5000/callback", &narrow)).await;
    studio.look("authorize-for-a-resource", "Approve Tinker?").await;
    studio.open(&authorize::address("known", "https://known.example.com:8443/", &[])).await;
    studio.look("authorize-verified", "Approve A known app?").await;
    studio.open(&authorize::address("web", &format!("http://127.0.0.1:{}/callback", upstream.address.port()), &[])).await;
    studio.browser.press("Approve").await;
    studio.browser.text("//body[contains(., '\"ok\":true')]").await;
    studio.open("/applications").await;
    studio.look("applications-by-redirect", "Connected applications").await;

    // One's own apps.
    studio.open("/apps").await;
    studio.look("apps-empty", "My apps").await;
    studio.browser.press("New app").await;
    studio.look("app-new", "New app").await;
    studio.browser.fill("Name", HOSTILE).await;
    studio.browser.fill("Description", &"x".repeat(301)).await;
    studio.browser.fill("Redirect URIs", "http://app.example.com/\n\njavascript:alert(1)").await;
    studio.browser.press("Create app").await;
    studio.browser.text("//*[@id='scopes-error']").await;
    studio.look("app-new-wrong", "New app").await;
    studio.browser.fill("Name", &LONG_APP[..80]).await;
    studio.browser.fill("Description", "It draws what you tell it to.").await;
    let long = format!("https://{}.example.com/callback", "a".repeat(60));
    studio.browser.fill("Redirect URIs", &format!("{long}\nhttp://127.0.0.1/callback")).await;
    studio.browser.tick("Use the models.").await;
    studio.browser.tick("Draw pictures.").await;
    studio.browser.press("Create app").await;
    studio.look("app-created", "Your new app").await;
    let client = studio.browser.text("//*[@id='client-id']").await;
    studio.browser.press("Done").await;
    studio.look("app", &LONG_APP[..80]).await;
    studio.browser.press("Save").await;
    studio.browser.text("//*[@role='status']").await;
    studio.look("app-saved", &LONG_APP[..80]).await;
    studio.browser.press("Delete the app").await;
    studio.look("app-delete", &format!("Delete {}?", &LONG_APP[..80])).await;
    studio.browser.press("Cancel").await;
    studio.browser.press("Reset the secret").await;
    studio.look("app-reset", &format!("Reset the secret of {}?", &LONG_APP[..80])).await;
    studio.browser.press("Reset the secret").await;
    studio.look("app-secret", "The new secret").await;
    studio.open("/apps/new").await;
    studio.browser.fill("Name", "Tinker").await;
    studio.browser.fill("Redirect URIs", "com.example.tinker:/callback").await;
    studio.browser.tick("Draw pictures.").await;
    studio.browser.tick("It runs on people's own devices, where it can keep no secret.").await;
    studio.browser.press("Create app").await;
    studio.look("app-created-public", "Your new app").await;
    studio.open("/apps").await;
    studio.look("apps", "My apps").await;

    // The same in German.
    studio.browser.press("Deutsch").await;
    studio.look("german-apps", "Eigene Apps").await;
    studio.browser.press("Neue App").await;
    studio.browser.fill("Name", "Tinker").await;
    studio.browser.fill("Redirect-URIs", "http://app.example.com/").await;
    studio.browser.press("App erstellen").await;
    studio.browser.text("//*[@id='scopes-error']").await;
    studio.look("german-app-new-wrong", "Neue App").await;
    studio.open(&format!("/apps/app?dialect=serika&client={client}")).await;
    studio.look("german-app", &LONG_APP[..80]).await;
    studio.browser.press("App löschen").await;
    studio.look("german-app-delete", &format!("{} löschen?", &LONG_APP[..80])).await;
    studio.open(&question).await;
    studio.look("german-authorize", "Tinker zulassen?").await;
    studio.open(&authorize::address("nobody", callback, &[])).await;
    studio.look("german-unaskable", "Dieser Link funktioniert nicht").await;
    studio.open("/").await;
    studio.browser.press("Abmelden").await;
    studio.browser.press("English").await;

    // Somebody with a long name, who holds less than an app with a long name asks for.
    studio.open(&authorize::address(&client, &long, &[])).await;
    studio.browser.sign_in(LONG_USER, PASSWORD).await;
    studio.look("authorize-long", &format!("Approve {}?", &LONG_APP[..80])).await;
    studio.gateway.end().await;
}

async fn branded() -> Gateway {
    let folder = tempfile::tempdir().unwrap();
    let logo = folder.path().join("logo.svg");
    fs::write(&logo, LOGO).unwrap();
    let pages = format!(
        "[pages]\nname = \"Violet Inference\"\nprefix = \"/auth\"\nlogo = \"{}\"\naccent = {{ light = \"#6d28d9\", dark = \"#c4b5fd\" }}\n\
         terms = \"https://example.com/terms\"\nprivacy = \"https://example.com/privacy\"\n",
        logo.display()
    );
    let time = Manual::starting_at(START);
    let store = Arc::new(Memory::new(time.clock()));
    Gateway::over(&format!("{}\n{pages}", crate::support::gateway::CONFIG), store, time).await
}
