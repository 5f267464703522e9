//! A Chromium of a test's own, driven through a chromedriver of its own.

use std::{
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use fantoccini::{
    Client, ClientBuilder, Locator,
    elements::Element,
    error::{CmdError, ErrorStatus},
    wd::WebDriverCompatibleCommand,
};
use http::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tempfile::TempDir;
use url::Url;

use super::skipped;

const DRIVER: &str = "GATEPOST_CHROMEDRIVER";
/// How often a driver may fail to find a port.
const TRIES: usize = 10;
/// Longer than the driver's own waits.
const PATIENCE: Duration = Duration::from_secs(60);
const FLAGS: [&str; 8] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// Whether pages may run scripts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scripts {
    On,
    Off,
}

pub(crate) struct Browser {
    client: Client,
    // In the order in which they end: the processes before the folder that they write to.
    _driver: Driver,
    _folder: TempDir,
}

impl Browser {
    /// Starts one with an empty profile; `None`, and a note, where there is no driver.
    pub(crate) async fn start(scripts: Scripts) -> Option<Self> {
        let Some(program) = std::env::var_os(DRIVER) else {
            skipped("Chromium: GATEPOST_CHROMEDRIVER is not set");
            return None;
        };
        let folder = TempDir::new().unwrap();
        let driver = Driver::start(Command::new(program).env("TMPDIR", folder.path()));
        let mut args: Vec<String> = FLAGS.map(str::to_owned).into();
        args.push(format!("--user-data-dir={}", folder.path().join("profile").display()));
        // 2: blocked. What the person chose in the settings, and not a start flag that also keeps
        // the driver from looking at the page.
        let prefs = match scripts {
            Scripts::On => json!({}),
            Scripts::Off => json!({"profile.managed_default_content_settings.javascript": 2}),
        };
        let options = json!({"args": args, "prefs": prefs});
        let capabilities = [("goog:chromeOptions".to_owned(), options)].into_iter().collect();
        let client = ClientBuilder::new(HttpConnector::new()).capabilities(capabilities).connect(&driver.url).await.unwrap();
        Some(Self { client, _driver: driver, _folder: folder })
    }

    pub(crate) async fn open(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    pub(crate) async fn title(&self) -> String {
        self.client.title().await.unwrap()
    }

    /// The path and query of the page.
    pub(crate) async fn place(&self) -> String {
        let url = self.client.current_url().await.unwrap();
        url[url::Position::BeforePath..].to_owned()
    }

    /// Waits for the page with this heading, and answers what it shows.
    pub(crate) async fn page(&self, heading: &str) -> String {
        let found = self.client.wait().for_element(Locator::XPath(&format!("//h1[normalize-space()=\"{heading}\"]"))).await;
        let shown = self.text("//body").await;
        assert!(found.is_ok(), "no page \"{heading}\", but: {shown}");
        shown
    }

    /// What the first such element shows.
    pub(crate) async fn text(&self, xpath: &str) -> String {
        self.on(xpath, async |element| element.text().await).await
    }

    /// Types into the field with this label, over what stands there.
    pub(crate) async fn fill(&self, label: &str, text: &str) {
        let fill = async |field: Element| {
            field.clear().await?;
            field.send_keys(text).await
        };
        self.on(&field(label), fill).await;
    }

    /// What stands in the field with this label.
    pub(crate) async fn filled(&self, label: &str) -> String {
        self.on(&field(label), async |field| field.prop("value").await).await.unwrap_or_default()
    }

    /// Presses the first button, or follows the first link, that says this.
    pub(crate) async fn press(&self, words: &str) {
        let xpath = format!("//*[self::button or self::a][normalize-space()=\"{words}\"]");
        self.on(&xpath, async |target| target.click().await).await;
    }

    /// Presses the button that says this within the first such element.
    pub(crate) async fn press_within(&self, xpath: &str, words: &str) {
        self.on(&format!("{xpath}//button[normalize-space()=\"{words}\"]"), async |target| target.click().await).await;
    }

    /// Ticks the box that says this, or clears it.
    pub(crate) async fn tick(&self, words: &str) {
        self.on(&format!("//label[normalize-space()=\"{words}\"]"), async |target| target.click().await).await;
    }

    /// Types where the keyboard is.
    pub(crate) async fn keys(&self, keys: &str) {
        self.client.active_element().await.unwrap().send_keys(keys).await.unwrap();
    }

    /// Presses Tab until the keyboard is at what says this, or at the field with this label.
    pub(crate) async fn tab_to(&self, words: &str) {
        let here = "const e = document.activeElement; return e === document.body ? '' : (e.labels?.[0] ?? e).textContent.trim();";
        for _ in 0..40 {
            self.keys("\u{e004}").await;
            let outlined = self.run("return getComputedStyle(document.activeElement).outlineStyle !== 'none'").await;
            let here = self.run(here).await;
            assert!(outlined == true || here == "", "nothing shows where the keyboard is: {here}");
            if here == words {
                return;
            }
        }
        panic!("no key leads to \"{words}\": {}", self.text("//body").await);
    }

    /// Signs in on the page that asks to.
    pub(crate) async fn sign_in(&self, name: &str, password: &str) {
        self.page("Sign in").await;
        self.fill("User name", name).await;
        self.fill("Password", password).await;
        self.press("Sign in").await;
    }

    /// Runs a function's body in the page.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.unwrap()
    }

    /// Sends a command of Chromium's developer tools.
    pub(crate) async fn tools(&self, command: &'static str, params: Value) -> Value {
        self.client.issue_cmd(Tools { command, params }).await.unwrap()
    }

    /// Waits for the element and does something with it; again, where the page went away meanwhile.
    async fn on<T>(&self, xpath: &str, act: impl AsyncFn(Element) -> Result<T, CmdError>) -> T {
        let again = async {
            loop {
                let done = match self.client.wait().for_element(Locator::XPath(xpath)).await {
                    Ok(element) => act(element).await,
                    Err(error) => Err(error),
                };
                match done {
                    Err(CmdError::Standard(error))
                        if matches!(error.error, ErrorStatus::StaleElementReference | ErrorStatus::UnknownError) => {}
                    done => return done.unwrap_or_else(|error| panic!("{xpath}: {error}")),
                }
            }
        };
        tokio::time::timeout(PATIENCE, again).await.unwrap_or_else(|_late| panic!("{xpath} does not stay"))
    }
}

/// The field with this label.
fn field(label: &str) -> String {
    format!("//*[self::input or self::textarea][@id=//label[normalize-space()=\"{label}\"]/@for]")
}

#[derive(Debug)]
struct Tools {
    command: &'static str,
    params: Value,
}

impl WebDriverCompatibleCommand for Tools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({"cmd": self.command, "params": self.params}).to_string()))
    }
}

/// A chromedriver, and the browser that it started: one group of processes, which ends with this.
struct Driver {
    process: Child,
    url: String,
    // Its end, and what it writes later would break the driver.
    _says: BufReader<ChildStdout>,
}

impl Driver {
    fn start(command: &mut Command) -> Self {
        command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        (0..TRIES).find_map(|_| Self::try_start(command)).expect("the driver says no port")
    }

    /// Port 0: it takes one that is free for IPv6 and says which, or ends where IPv4 has that port
    /// in use.
    fn try_start(command: &mut Command) -> Option<Self> {
        let mut process = command.spawn().unwrap();
        let mut says = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        while says.read_line(&mut line).unwrap() > 0 {
            if let Some((_, port)) = line.trim_end().trim_end_matches('.').rsplit_once("successfully on port ") {
                return Some(Self { process, url: format!("http://127.0.0.1:{port}"), _says: says });
            }
            line.clear();
        }
        process.wait().unwrap();
        None
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Its end may come before ours; then there is nobody left to end.
        let _gone = kill_process_group(Pid::from_child(&self.process), Signal::KILL);
        let _gone = self.process.wait();
    }
}
