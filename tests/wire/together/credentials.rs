//! A house where every dialect is on, and all that its user holds there: each got by a real login.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use gatepost::{clock::Manual, engine::Error, oauth::user::UserName};
use http::{Method, Request};
use serde_json::{Value, json};

use crate::support::{
    gateway::{Gateway, PASSWORD, USER, root},
    http::{Reply, bearing, get, post_form, post_json, request},
    person::{Person, hidden, last_hidden},
    records::START,
    redirect::{CHALLENGE, VERIFIER, code_of},
    upstream::Upstream,
    watched::Watched,
};

const DAY: Duration = Duration::from_secs(24 * 3600);
pub(super) const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
pub(super) const CALLBACK: &str = "https://app.example.com/cb";
/// The cookie of a browser that is signed in.
pub(super) const COOKIE: &str = "gatepost_session";
/// The second user.
const GRACE: &str = "grace";
/// The secrets of the operator's clients. The file of the root is at hand, and so are those of the golden
/// files.
const PHOTOS: &str = "photos-secret_1";
const SECOND: &str = "power-secret_1";
const ROBOT: &str = "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr";

/// Every dialect is on. Each client has a second one beside it, and each route another shape or need.
const CONFIG: &str = r#"
public_url = "http://127.0.0.1:8080"
listen = "127.0.0.1:0"
threads = 1
drain = "2s"
[limits]
start = false
poll = false
guess_user_code = { times = 100, per = "1m" }
guess_client_secret = { times = 100, per = "1m" }
[scopes]
inference = "Use the models."
profile = "See your name."
user_info = "See your name and e-mail address."
apps_control = "See and end what other apps may do."
"vault:open" = "Open the vault."
[users]
default_scopes = ["inference", "profile", "user_info", "apps_control"]
[upstreams.model]
url = "http://{upstream}"
[[routes]]
prefix = "/models"
scopes = ["inference"]
[[routes]]
prefix = "/problems"
scopes = ["inference"]
errors = "problem"
[[routes]]
prefix = "/vault"
scopes = ["vault:open"]
[[routes]]
prefix = "/safe"
scopes = ["vault:open"]
errors = "problem"
[[routes]]
prefix = "/v1/tenants/{tenant}/agents"
scopes = ["inference"]
errors = "problem"

[dialects.bootspring]
hold = "0s"
[[dialects.bootspring.clients]]
id = "bootspring-cli"
name = "Bootspring CLI"
scopes = ["inference"]
[[dialects.bootspring.clients]]
id = "second"
name = "Another tool"
scopes = ["inference"]

[dialects.fruxon]
hold = "0s"
[dialects.fruxon.tenants.acme]
name = "Acme"
[dialects.fruxon.tenants.others]
name = "Others"
members = ["grace"]

[dialects.serble]
scopes = ["inference", "user_info", "apps_control"]
code = "10m"
[[dialects.serble.clients]]
id = "photos"
name = "Photo desk"
scopes = ["inference", "user_info", "apps_control"]
redirect_uris = ["https://app.example.com/cb"]
secret = "file:{folder}/photos.secret"
[[dialects.serble.clients]]
id = "second"
name = "Another desk"
scopes = ["inference"]
redirect_uris = ["https://app.example.com/cb"]
secret = "file:{folder}/power.secret"

[dialects.serechat]

[dialects.serika]
scopes = ["inference", "profile"]
code = "10m"
[[dialects.serika.clients]]
id = "web"
name = "A web app"
scopes = ["inference", "profile"]
redirect_uris = ["https://app.example.com/cb"]
[[dialects.serika.clients]]
id = "second"
name = "Another web app"
scopes = ["inference"]
redirect_uris = ["https://app.example.com/cb"]

[dialects.standard]
hold = "0s"
code = "10m"
registration = true
[[dialects.standard.clients]]
id = "both"
name = "An agent"
scopes = ["inference"]
redirect_uris = ["https://app.example.com/cb"]
grant_types = ["authorization_code", "device_code", "refresh_token"]
[[dialects.standard.clients]]
id = "signed"
name = "An agent with signed tokens"
scopes = ["inference"]
tokens = "EdDSA"
[[dialects.standard.clients]]
id = "second"
name = "Another agent"
scopes = ["inference"]
redirect_uris = ["https://app.example.com/cb"]
grant_types = ["authorization_code", "device_code", "refresh_token"]
[[dialects.standard.clients]]
id = "robot"
name = "A resource server"
scopes = ["inference"]
grant_types = ["client_credentials"]
secret = "file:root"
resource_server = true
"#;

/// What a credential is good for, in its own dialect. In the order in which they are used.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Kind {
    UserCode,
    /// An access token, or a key.
    Access,
    Refresh,
    DeviceCode,
    /// An authorization code.
    Code,
    /// SereChat's name of a request.
    Request,
    /// And the digits that go with it.
    Typed,
    ClientSecret,
    /// A personal token with this scope.
    Personal(&'static str),
    /// The session of who is signed in.
    Cookie,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum State {
    /// Good: a code is approved.
    Live,
    /// Nobody has decided yet.
    Pending,
    Expired,
    Revoked,
    /// A good one with one character changed.
    Tampered,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Credential {
    /// Whose login it came of: with another one a dialect may have two of a kind.
    pub(crate) client: &'static str,
    pub(crate) dialect: &'static str,
    pub(crate) kind: Kind,
    pub(crate) state: State,
    pub(crate) text: String,
}

impl fmt::Display for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?} of {} ({})", self.state, self.kind, self.dialect, self.client)
    }
}

/// The names that only requests have which are right but for the credential.
pub(super) type Values = BTreeMap<&'static str, String>;

pub(super) struct House {
    pub(super) gateway: Gateway,
    pub(super) store: Arc<Watched>,
    pub(super) upstream: Upstream,
    pub(super) credentials: Vec<Credential>,
    pub(super) values: Values,
    pub(super) ada: Person,
}

pub(crate) fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}")).to_owned()
}

fn fields<'a, const N: usize>(fields: &'a [(&'a str, String); N]) -> [(&'a str, &'a str); N] {
    fields.each_ref().map(|(name, value)| (*name, value.as_str()))
}

/// Logs in everywhere, as one person.
struct Logins<'a> {
    gateway: &'a Gateway,
    person: Person,
    state: State,
    /// Whether codes are got besides that nobody fetches anything with.
    spares: bool,
    got: Vec<Credential>,
}

impl<'a> Logins<'a> {
    async fn of(gateway: &'a Gateway, name: &str, state: State) -> Self {
        let person = Person::at(gateway);
        assert_eq!(person.sign_in(name, PASSWORD).await.status, 303);
        Self { gateway, person, state, spares: true, got: Vec::new() }
    }

    fn keep(&mut self, dialect: &'static str, client: &'static str, kind: Kind, text: String) {
        self.got.push(Credential { client, dialect, kind, state: self.state, text });
    }

    fn keep_pending(&mut self, dialect: &'static str, client: &'static str, kind: Kind, text: String) {
        // What is revoked was approved; what has expired was never decided about.
        let state = if self.state == State::Live { State::Pending } else { State::Expired };
        self.got.push(Credential { client, dialect, kind, state, text });
    }

    async fn good(&self, request: Request<http_body_util::Full<bytes::Bytes>>) -> Value {
        let at = request.uri().path().to_owned();
        let reply = self.gateway.send(request).await;
        assert!(reply.status.is_success(), "{at}: {} {}", reply.status, reply.text());
        reply.json()
    }

    fn keep_tokens(&mut self, dialect: &'static str, client: &'static str, tokens: &Value) {
        self.keep(dialect, client, Kind::Access, text(tokens, "access_token"));
        self.keep(dialect, client, Kind::Refresh, text(tokens, "refresh_token"));
    }

    /// Bootspring, or a device of the standard's.
    async fn devices(&mut self, dialect: &'static str, client: &'static str, codes_at: &str, tokens_at: &str) {
        let used = self.device(codes_at, client, true).await;
        let device_code = text(&used, "device_code");
        let poll = [("grant_type", DEVICE_CODE), ("client_id", client), ("device_code", &device_code)];
        let tokens = self.good(post_form(tokens_at, &poll)).await;
        self.keep_tokens(dialect, client, &tokens);
        if self.spares {
            let approved = self.device(codes_at, client, true).await;
            self.keep(dialect, client, Kind::DeviceCode, text(&approved, "device_code"));
        }
        if self.spares && self.state != State::Revoked {
            let pending = self.device(codes_at, client, false).await;
            self.keep_pending(dialect, client, Kind::DeviceCode, text(&pending, "device_code"));
            self.keep_pending(dialect, client, Kind::UserCode, text(&pending, "user_code"));
        }
    }

    /// A device asks: its codes.
    async fn device(&self, codes_at: &str, client: &str, is_approved: bool) -> Value {
        let codes = self.good(post_form(codes_at, &[("client_id", client)])).await;
        if is_approved {
            self.person.approve(&text(&codes, "user_code")).await;
        }
        codes
    }

    async fn bootspring(&mut self) {
        self.devices("bootspring", "bootspring-cli", "/auth/device/code", "/auth/device/token").await;
    }

    /// A browser takes a question to a page, the person says yes, and it brings back a code.
    async fn code(&self, page: &str, query: &[(&str, &str)]) -> String {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
        let target = format!("{page}?{query}");
        let page = self.person.get(&target).await;
        assert_eq!(page.status, 200, "{target}: {}", page.text());
        let said = [
            ("form", last_hidden(&page, "form")),
            ("grant", hidden(&page, "grant")),
            ("asked", hidden(&page, "asked")),
            ("decision", "approve".to_owned()),
        ];
        let decided = self.person.post(&target, &fields(&said)).await;
        code_of(decided.header("location")).unwrap_or_else(|| panic!("no code in {decided:?}"))
    }

    /// The code grant with PKCE.
    async fn pkce(&mut self, dialect: &'static str, client: &'static str, page: &str, tokens_at: &str) {
        let query = [
            ("response_type", "code"),
            ("client_id", client),
            ("redirect_uri", CALLBACK),
            ("state", "x"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        let used = self.code(page, &query).await;
        let redeem = [
            ("grant_type", "authorization_code"),
            ("client_id", client),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
            ("code", &used),
        ];
        let tokens = self.good(post_form(tokens_at, &redeem)).await;
        self.keep_tokens(dialect, client, &tokens);
        if self.spares {
            let kept = self.code(page, &query).await;
            self.keep(dialect, client, Kind::Code, kept);
        }
    }

    async fn serika(&mut self) {
        self.pkce("serika", "web", "/api/openai/v1/oauth/authorize", "/api/openai/v1/oauth/token").await;
    }

    async fn standard(&mut self) {
        self.pkce("standard", "both", "/oauth/authorize", "/oauth/token").await;
        for client in ["both", "signed"] {
            self.devices("standard", client, "/oauth/device_authorization", "/oauth/token").await;
        }
    }

    async fn serble(&mut self) {
        let query = [
            ("response_type", "token"),
            ("client_id", "photos"),
            ("redirect_uri", CALLBACK),
            ("scope", "inference user_info apps_control"),
            ("state", "x"),
        ];
        let used = self.code("/oauth/authorize", &query).await;
        let redeem = format!("code={used}&client_id=photos&client_secret={PHOTOS}&grant_type=authorization_code");
        let tokens = self.good(request(Method::POST, &format!("/api/v1/oauth/token/refresh?{redeem}"), "", "")).await;
        self.keep_tokens("serble", "photos", &tokens);
        if self.spares {
            let kept = self.code("/oauth/authorize", &query).await;
            self.keep("serble", "photos", Kind::Code, kept);
        }
    }

    async fn serechat(&mut self) {
        let ask = async || text(&self.good(post_json("/api/auth/app/request", &json!({"app_name": "A chat"}))).await, "request_id");
        let used = ask().await;
        let exchange = json!({"request_id": used, "code": self.person.authorize(&used).await});
        let tokens = self.good(post_json("/api/auth/app/exchange", &exchange)).await;
        let (mut got, live) = (vec![(Kind::Access, text(&tokens, "access_token"))], self.state == State::Live);
        let mut pending = None;
        if self.spares {
            let approved = ask().await;
            let typed = self.person.authorize(&approved).await;
            got.push((Kind::Request, approved));
            got.extend(live.then_some((Kind::Typed, typed)));
            pending = Some(ask().await).filter(|_| self.state != State::Revoked);
        }
        got.into_iter().for_each(|(kind, text)| self.keep("serechat", "serechat", kind, text));
        pending.into_iter().for_each(|text| self.keep_pending("serechat", "serechat", Kind::Request, text));
    }

    /// A login of a device of this name: its codes.
    async fn begin(&self, device: &str) -> [String; 2] {
        let asked = json!({"preset": "operator", "clientType": "CLI", "clientName": "A program", "deviceId": device});
        let codes = self.good(post_json("/v1/deviceAuthorizations", &asked)).await;
        [text(&codes, "deviceCode"), text(&codes, "userCode")]
    }

    /// The same, which the person lets into the tenant.
    async fn let_in(&self, device: &str) -> String {
        let [device_code, user_code] = self.begin(device).await;
        let page = self.person.get(&format!("/device-auth?user_code={user_code}")).await;
        let page = self.person.post("/device-auth", &[("form", &last_hidden(&page, "form")), ("user_code", &user_code)]).await;
        let mut said: Vec<_> = ["form", "grant", "to", "user_code"].map(|name| (name, last_hidden(&page, name))).into();
        said.extend([("tenant", "acme".to_owned()), ("decision", "approve".to_owned())]);
        let said: Vec<(&str, &str)> = said.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let done = self.person.post("/device/decision", &said).await;
        assert_eq!(done.status, 200, "{}", done.text());
        device_code
    }

    async fn fruxon(&mut self) {
        let used = self.let_in(&format!("used-{:?}", self.state)).await;
        let key = self.good(get(&format!("/v1/deviceAuthorizations/{used}"))).await;
        self.keep("fruxon", "fruxon", Kind::Access, text(&key, "apiKey"));
        if self.spares {
            let approved = self.let_in(&format!("approved-{:?}", self.state)).await;
            self.keep("fruxon", "fruxon", Kind::DeviceCode, approved);
        }
        if self.spares && self.state != State::Revoked {
            let [pending, user_code] = self.begin("pending").await;
            self.keep_pending("fruxon", "fruxon", Kind::DeviceCode, pending);
            self.keep_pending("fruxon", "fruxon", Kind::UserCode, user_code);
        }
    }

    async fn personal(&mut self) {
        for scope in ["approve", "clients", "inference"] {
            let token = self.gateway.personal_token(USER, scope).await;
            self.keep("personal", scope, Kind::Personal(scope), token);
        }
    }

    async fn everywhere(&mut self) {
        self.bootspring().await;
        self.serika().await;
        self.standard().await;
        self.serble().await;
        self.serechat().await;
        self.fruxon().await;
        self.personal().await;
    }
}

/// The configuration, in front of this upstream.
pub(crate) fn config(upstream: &str) -> String {
    let folder = root().join("tests/wire/serble");
    CONFIG.replace("{upstream}", upstream).replace("{folder}", folder.to_str().unwrap())
}

/// One login of the first user's in each dialect: access tokens, and refresh tokens where there are any.
pub(crate) async fn one_of_each(gateway: &Gateway) -> Vec<Credential> {
    let mut ada = Logins { spares: false, ..Logins::of(gateway, USER, State::Live).await };
    ada.bootspring().await;
    ada.serika().await;
    ada.pkce("standard", "both", "/oauth/authorize", "/oauth/token").await;
    ada.serble().await;
    ada.serechat().await;
    ada.fruxon().await;
    ada.got
}

impl House {
    pub(super) async fn start() -> Self {
        let upstream = Upstream::start().await;
        let time = Manual::starting_at(START);
        let store = Arc::new(Watched::new(time.clock()));
        let gateway = Gateway::over(&config(&upstream.address.to_string()), Arc::clone(&store) as _, time).await;
        gateway.add_user(GRACE, "inference profile user_info apps_control").await;
        let mut credentials = expired(&gateway).await;
        credentials.extend(revoked(&gateway).await);

        let mut ada = Logins::of(&gateway, USER, State::Live).await;
        ada.everywhere().await;
        let mut graces = Logins::of(&gateway, GRACE, State::Live).await;
        let cookie = ada.person.cookie(COOKIE);
        ada.keep("pages", "pages", Kind::Cookie, cookie);
        let values = values(&mut ada, &mut graces).await;
        credentials.extend(ada.got.iter().filter(|credential| credential.kind != Kind::Typed).filter_map(tampered));
        credentials.append(&mut ada.got);
        let ada = ada.person;
        Self { gateway, store, upstream, credentials, values, ada }
    }
}

/// What was never fetched, and what is over: the longest life first.
async fn expired(gateway: &Gateway) -> Vec<Credential> {
    let mut got = Vec::new();
    let mut ada = Logins::of(gateway, USER, State::Expired).await;
    ada.serechat().await;
    got.append(&mut ada.got);
    gateway.time.advance(DAY * (365 - 90));
    let mut ada = Logins::of(gateway, USER, State::Expired).await;
    ada.fruxon().await;
    got.append(&mut ada.got);
    gateway.time.advance(DAY * (90 - 30));
    let mut ada = Logins::of(gateway, USER, State::Expired).await;
    ada.bootspring().await;
    ada.serika().await;
    ada.standard().await;
    ada.personal().await;
    let cookie = ada.person.cookie(COOKIE);
    ada.keep("pages", "pages", Kind::Cookie, cookie);
    got.append(&mut ada.got);
    gateway.time.advance(DAY * 30 - Duration::from_secs(3600));
    let mut ada = Logins::of(gateway, USER, State::Expired).await;
    ada.serble().await;
    // It lives for ten years.
    ada.got.retain(|credential| credential.kind != Kind::Refresh);
    got.append(&mut ada.got);
    gateway.time.advance(Duration::from_secs(3600));
    got
}

/// What was good, until its user took it back.
async fn revoked(gateway: &Gateway) -> Vec<Credential> {
    let user = gateway.store.user_named(&UserName::parse(USER).unwrap()).await.unwrap().unwrap().record;
    let before = gateway.store.grants_of(user.id).await.unwrap();
    let mut ada = Logins::of(gateway, USER, State::Revoked).await;
    ada.everywhere().await;
    for grant in gateway.store.grants_of(user.id).await.unwrap() {
        if !before.contains(&grant) {
            match gateway.engine.revoke_own(grant, user.id).await {
                // A login whose key was fetched is over.
                Ok(()) | Err(Error::Refused(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
    ada.got
}

/// With one character changed, far from its beginning and its end.
fn tampered(credential: &Credential) -> Option<Credential> {
    if credential.state == State::Pending {
        return None;
    }
    let at = credential.text.len() / 2;
    let mut text = credential.text.clone();
    let other = if &text[at..=at] == "a" { "b" } else { "a" };
    text.replace_range(at..=at, other);
    Some(Credential { state: State::Tampered, text, ..credential.clone() })
}

/// What requests say beside a credential, and clients and keys of each user's own.
async fn values(ada: &mut Logins<'_>, grace: &mut Logins<'_>) -> Values {
    let find = |kind, dialect| {
        let found =
            ada.got.iter().find(|credential| (credential.kind, credential.dialect) == (kind, dialect) && credential.state == State::Live);
        found.unwrap_or_else(|| panic!("{kind:?} of {dialect}")).text.clone()
    };
    let is_login = |credential: &&Credential| credential.dialect == "fruxon" && credential.kind == Kind::UserCode;
    let pending = ada.got.iter().find(is_login).unwrap();
    let mut values: Values = [
        ("challenge", CHALLENGE.to_owned()),
        ("verifier", VERIFIER.to_owned()),
        ("photos", PHOTOS.to_owned()),
        ("second", SECOND.to_owned()),
        ("robot", ROBOT.to_owned()),
        ("callback", CALLBACK.to_owned()),
        ("device grant", DEVICE_CODE.to_owned()),
        ("approve", find(Kind::Personal("approve"), "personal")),
        ("clients", find(Kind::Personal("clients"), "personal")),
        ("key", find(Kind::Access, "fruxon")),
        ("serble", find(Kind::Access, "serble")),
        ("serble code", find(Kind::Code, "serble")),
        ("serble refresh", find(Kind::Refresh, "serble")),
        ("request", find(Kind::Request, "serechat")),
        ("typed", find(Kind::Typed, "serechat")),
        ("user code", pending.text.clone()),
    ]
    .into();
    let key_of =
        async |logins: &Logins<'_>, key: &str| text(&logins.good(bearing(get("/v1/tenants/acme/tokens/current"), key)).await, "id");
    values.insert("key id", key_of(ada, &values["key"]).await);
    grace.fruxon().await;
    let hers = grace.got.iter().find(|credential| credential.kind == Kind::Access).unwrap().text.clone();
    values.insert("another's key id", key_of(grace, &hers).await);
    let asked = json!({"name": "An app", "redirectUris": [CALLBACK], "scopes": ["inference"]});
    for (name, user) in [("client", USER), ("another's client", GRACE)] {
        let token = grace.gateway.personal_token(user, "clients").await;
        let made = grace.good(bearing(post_json("/api/openai/v1/oauth/clients", &asked), &token)).await;
        values.insert(name, text(&made, "clientId"));
        if user == USER {
            ada.keep("serika", "made", Kind::ClientSecret, text(&made, "clientSecret"));
        }
    }
    ada.keep("serble", "photos", Kind::ClientSecret, PHOTOS.to_owned());
    ada.keep("standard", "robot", Kind::ClientSecret, ROBOT.to_owned());
    values
}

/// How the browser shows that it is signed in.
pub(super) fn is_signed_in(reply: &Reply) -> bool {
    reply.status == 200 && reply.text().contains("action=\"/sign-out\"")
}
