//! A gateway where everything is there that a good request needs, and a good request for each row
//! of the table.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
    time::Duration,
};

use bytes::Bytes;
use gatepost::{
    clock::Manual,
    engine::Decision,
    oauth::pattern::{self, Segment},
};
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};

use super::table::{Row, Says};
use crate::support::{
    gateway::{self, Gateway, PASSWORD, USER},
    http::{Reply, bearing, get},
    person::{Person, hidden, last_hidden},
    records::START,
    redirect::{self, CHALLENGE, VERIFIER},
    watched::Watched,
};

/// All dialects are on. A file of the configuration's folder is a client's secret as well.
pub(super) static CONFIG: LazyLock<String> =
    LazyLock::new(|| format!("{}{}\n[dialects.serechat]\n{FRUXON}{STANDARD}{SERBLE}", with_apps_control(), gateway::SERIKA));

/// With a scope besides, which users hold.
fn with_apps_control() -> String {
    let scopes = gateway::CONFIG.replace("[scopes]", "[scopes]\napps_control = \"See your apps.\"");
    scopes.replace("default_scopes = [", "default_scopes = [\"apps_control\", ")
}

const SERBLE: &str = r#"
[dialects.serble]
scopes = ["apps_control"]
[[dialects.serble.clients]]
id = "one"
name = "An app of Serble's"
scopes = ["apps_control"]
redirect_uris = ["https://app.example.com/cb"]
secret = "file:root"
"#;

const FRUXON: &str = "[dialects.fruxon]\nhold = \"0s\"\n";

const STANDARD: &str = r#"
[dialects.standard]
hold = "0s"
[[dialects.standard.clients]]
id = "both"
name = "An app in browsers and on devices"
scopes = ["inference"]
redirect_uris = ["https://app.example.com/cb"]
grant_types = ["authorization_code", "device_code", "refresh_token"]
[[dialects.standard.clients]]
id = "robot"
name = "A robot"
scopes = ["inference"]
grant_types = ["client_credentials"]
secret = "file:root"
resource_server = true
"#;

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

pub(super) struct World {
    /// Signed in.
    ada: Person,
    /// The same, in another browser.
    elsewhere: Person,
    /// Somebody who has only looked at the sign-in page.
    stranger: Person,
    /// What good requests say: by path and field, by field where the path makes no difference.
    values: BTreeMap<String, String>,
    access: String,
    /// For the standard's own.
    standard: String,
    /// A personal token that decides about logins.
    decides: String,
    /// What stands in paths for a segment that varies: by path and name, or by name.
    segments: BTreeMap<String, String>,
    /// Keys of Fruxon's: to be shown, to be rotated, to be taken back.
    keys: [String; 3],
    /// For Serble's own.
    serble: String,
}

/// The codes of a grant and, where Ada approved it, its tokens.
struct Asked {
    codes: Value,
    tokens: Value,
}

impl World {
    pub(super) async fn gateway() -> (Gateway, Arc<Watched>) {
        let time = Manual::starting_at(START);
        let store = Arc::new(Watched::new(time.clock()));
        (Gateway::over(&CONFIG, Arc::clone(&store) as _, time).await, store)
    }

    pub(super) async fn at(gateway: &Gateway) -> Self {
        let (ada, elsewhere, stranger) = (Person::signed_in(gateway).await, Person::signed_in(gateway).await, Person::at(gateway));
        let app = ask(gateway, BOOTSPRING, "app", Some(&ada)).await;
        // Twice, so that there is something to be revoked at once.
        ask(gateway, BOOTSPRING, "app", Some(&ada)).await;
        let cli = ask(gateway, BOOTSPRING, "bootspring-cli", Some(&ada)).await;
        let app_pending = ask(gateway, BOOTSPRING, "app", None).await;
        let cli_pending = ask(gateway, BOOTSPRING, "bootspring-cli", None).await;
        // What was asked for so far counts no more.
        gateway.time.advance(Duration::from_secs(60));

        let request =
            gateway.post_json("/api/auth/app/request", &json!({"app_name": "An app"})).await.1["request_id"].as_str().unwrap().to_owned();
        let authorize = ada.get(&format!("/authorize-app?request_id={request}")).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let user_code = text(&app_pending.codes["user_code"]);
        let (sign_in, device, applications) = (stranger.get("/sign-in").await, ada.get("/device").await, ada.get("/applications").await);
        let (consent, again) = (ada.enter(&user_code).await, applications.clone());
        let form = |page: &Reply, action: &str| {
            let text = page.text();
            let part = text.split_once(&format!("action=\"{action}\"")).unwrap().1.to_owned();
            Reply { body: part.into(), ..page.clone() }
        };
        let account = ada.get("/account").await;
        let token = [
            ("form", hidden(&form(&account, "/account/tokens"), "form")),
            ("name", "first".into()),
            ("scope.inference", "on".into()),
            ("days", "7".into()),
        ];
        let created = ada.post("/account/tokens", &token.each_ref().map(|(name, value)| (*name, value.as_str()))).await;
        assert_eq!(created.status, 200, "{}", created.text());
        let (account, others) = (ada.get("/account").await, elsewhere.get("/account").await);
        let new_app = ada.get("/apps/new?dialect=serika").await;
        let app_fields = [
            ("form", last_hidden(&new_app, "form")),
            ("dialect", "serika".into()),
            ("name", "An app".into()),
            ("redirect_uris", "https://app.example.com/".into()),
            ("scope.inference", "on".into()),
        ];
        let made = ada.post("/apps/new", &app_fields.each_ref().map(|(name, value)| (*name, value.as_str()))).await.text();
        let made = made.split("id=\"client-id\"").nth(1).unwrap().split('>').nth(1).unwrap().split('<').next().unwrap().to_owned();
        let on_app = async |path: &str| last_hidden(&ada.get(&format!("{path}?dialect=serika&client={made}")).await, "form");
        let (change_app, reset_app, delete_app) =
            (on_app("/apps/app").await, on_app("/apps/reset-secret").await, on_app("/apps/delete").await);
        let revoke_token = form(&account, "/account/tokens/revoke");
        let listed = Reply { body: applications.text().split_once("<article").unwrap().1.to_owned().into(), ..applications };
        // The forms above are about another dialect's.
        let (both, kept) = (ask(gateway, STANDARD_PATHS, "both", Some(&ada)).await, ask(gateway, STANDARD_PATHS, "both", Some(&ada)).await);
        let both_pending = ask(gateway, STANDARD_PATHS, "both", None).await;
        gateway.time.advance(Duration::from_secs(60));
        let begin = async |device: &str| {
            let asked = json!({"preset": "operator", "deviceId": device});
            let (status, codes) = gateway.post_json("/v1/deviceAuthorizations", &asked).await;
            assert_eq!(status, 200, "{codes}");
            [text(&codes["deviceCode"]), text(&codes["userCode"])]
        };
        let key = async |device: &str| {
            let [device_code, user_code] = begin(device).await;
            gateway.decide_login(&user_code, USER, None, Decision::Approve).await.unwrap();
            let key = gateway.send(get(&format!("/v1/deviceAuthorizations/{device_code}"))).await.json();
            let key = text(&key["apiKey"]);
            let itself = gateway.send(bearing(get("/v1/tenants/default/tokens/current"), &key)).await.json();
            (key, text(&itself["id"]))
        };
        let [(shown, _), (rotated, to_rotate), (revoked, to_revoke)] = [key("a").await, key("b").await, key("c").await];
        let ([device_code, to_approve], [_, to_deny]) = (begin("d").await, begin("e").await);
        gateway.time.advance(Duration::from_secs(60));
        let decides = gateway.personal_token(USER, "approve").await;
        let segments = [
            ("tenant", "default".to_owned()),
            ("deviceCode", device_code),
            ("/v1/deviceAuthorizations/{userCode}:lookup userCode", to_approve.clone()),
            ("/v1/tenants/{tenant}/deviceAuthorizations/{userCode}:approve userCode", to_approve),
            ("/v1/tenants/{tenant}/deviceAuthorizations/{userCode}:deny userCode", to_deny),
            ("/v1/tenants/{tenant}/tokens/{id}:rotate id", to_rotate),
            ("/v1/tenants/{tenant}/tokens/{id} id", to_revoke),
        ];
        let segments = segments.map(|(name, value)| (name.to_owned(), value)).into();
        let keys = [shown, rotated, revoked];
        let challenge = format!("code_challenge={CHALLENGE}&code_challenge_method=S256");
        let code = redirect::code(gateway, &format!("/oauth/authorize?response_type=code&client_id=both&{challenge}")).await;
        let serble = serble(gateway).await;
        let values = [
            ("client_id", "app".to_owned()),
            ("/api/v1/oauth/token/refresh code", serble_code(gateway).await),
            ("/api/v1/oauth/token/refresh2 code", serble_code(gateway).await),
            ("/api/v1/oauth/token/access refresh_token", text(&serble["refresh_token"])),
            ("/api/v1/oauth/token/access2 refresh_token", text(&serble["refresh_token"])),
            ("scope", "inference".to_owned()),
            ("device_code", text(&app_pending.codes["device_code"])),
            ("/api/v1/auth/device/token device_code", text(&cli_pending.codes["device_code"])),
            ("refresh_token", text(&app.tokens["refresh_token"])),
            ("refreshToken", text(&cli.tokens["refresh_token"])),
            ("device.platform", "linux".to_owned()),
            ("device.arch", "x64".to_owned()),
            ("device.hostname", "laptop".to_owned()),
            ("/oauth/token client_id", "both".to_owned()),
            ("/oauth/token device_code", text(&both_pending.codes["device_code"])),
            ("/oauth/token refresh_token", text(&both.tokens["refresh_token"])),
            ("/oauth/token code", code),
            ("redirect_uri", "https://app.example.com/cb".to_owned()),
            ("code_verifier", VERIFIER.to_owned()),
            ("client_secret", "r".repeat(32)),
            ("/oauth/device_authorization client_id", "both".to_owned()),
            ("token", text(&kept.tokens["access_token"])),
            ("/oauth/revoke client_id", "both".to_owned()),
            ("app_name", "An app".to_owned()),
            ("request_id", request),
            ("code", "123456".to_owned()),
            ("/authorize-app form", last_hidden(&authorize, "form")),
            ("name", USER.to_owned()),
            ("password", PASSWORD.to_owned()),
            ("to", "device".to_owned()),
            ("user_code", user_code),
            ("decision", "approve".to_owned()),
            ("/sign-in form", hidden(&sign_in, "form")),
            ("/sign-out form", hidden(&device, "form")),
            ("/device form", last_hidden(&device, "form")),
            ("/device/decision form", last_hidden(&consent, "form")),
            ("/device/decision grant", hidden(&consent, "grant")),
            ("/applications/revoke form", hidden(&listed, "form")),
            ("/applications/revoke grant", hidden(&listed, "grant")),
            ("/applications/revoke-all form", hidden(&form(&again, "/applications/revoke-all"), "form")),
            ("dialect", "bootspring".to_owned()),
            ("client", "app".to_owned()),
            ("app", "An <b>app</b>".to_owned()),
            ("/account/password form", hidden(&form(&others, "/account/password"), "form")),
            ("current", PASSWORD.to_owned()),
            ("new", "a whole new password".to_owned()),
            ("again", "a whole new password".to_owned()),
            ("/account/tokens form", hidden(&form(&account, "/account/tokens"), "form")),
            ("/account/tokens name", "script".to_owned()),
            ("scope.inference", "on".to_owned()),
            ("days", "7".to_owned()),
            ("/account/tokens/revoke form", hidden(&revoke_token, "form")),
            ("/account/tokens/revoke grant", hidden(&revoke_token, "grant")),
            ("lang", "en".to_owned()),
            ("/apps/new form", last_hidden(&new_app, "form")),
            ("/apps/app form", change_app),
            ("/apps/reset-secret form", reset_app),
            ("/apps/delete form", delete_app),
            ("description", "What it does.".to_owned()),
            ("redirect_uris", "https://app.example.com/callback".to_owned()),
            ("public", "on".to_owned()),
            ("preset", "operator".to_owned()),
            ("clientType", "CLI".to_owned()),
            ("clientName", "A program".to_owned()),
            ("deviceId", "d-1".to_owned()),
            ("deviceLabel", "laptop".to_owned()),
            ("tenant", "default".to_owned()),
            ("/v1/tenants/{tenant}/tokens/{id}:rotate name", "A program".to_owned()),
        ];
        let mut values: BTreeMap<String, String> = values.map(|(name, value)| (name.to_owned(), value)).into();
        for path in ["/apps/new", "/apps/app", "/apps/reset-secret", "/apps/delete"] {
            let here = [("dialect", "serika"), ("client", &made), ("name", "Another name")];
            values.extend(here.map(|(name, value)| (format!("{path} {name}"), value.to_owned())));
        }
        let (access, standard) = (text(&app.tokens["access_token"]), text(&kept.tokens["access_token"]));
        let serble = text(&serble["access_token"]);
        Self { ada, elsewhere, stranger, values, access, standard, decides, segments, keys, serble }
    }

    /// Sends a request as whoever would send a good one.
    pub(super) async fn send(&self, row: &Row, mut request: Request<Full<Bytes>>) -> Reply {
        let target = pattern::segments(row.path).fold(request.uri().to_string(), |target, segment| match segment {
            Segment::Varies { name, .. } => {
                let value = self.segments.get(&format!("{} {name}", row.path)).or_else(|| self.segments.get(name)).unwrap();
                target.replace(&format!("{{{name}}}"), value)
            }
            Segment::Fixed(_) => target,
        });
        *request.uri_mut() = target.parse().unwrap();
        match row.path {
            "/sign-in" => self.stranger.send(request).await,
            "/account/password" => self.elsewhere.send(request).await,
            "/api/v1/auth/me" => self.ada.send(bearing(request, &self.access)).await,
            path if path.contains("{userCode}") => self.ada.send(bearing(request, &self.decides)).await,
            "/v1/tenants/{tenant}/tokens/{id}:rotate" => self.ada.send(bearing(request, &self.keys[1])).await,
            "/v1/tenants/{tenant}/tokens/{id}" => self.ada.send(bearing(request, &self.keys[2])).await,
            path if path.contains("/tokens") => self.ada.send(bearing(request, &self.keys[0])).await,
            "/oauth/userinfo" => self.ada.send(bearing(request, &self.standard)).await,
            path if path.starts_with("/api/v1/account") => self.ada.send(bearing(request, &self.serble)).await,
            _ => self.ada.send(request).await,
        }
    }

    /// The fields of a good request.
    pub(super) fn form(&self, row: &Row) -> Vec<(&'static str, &str)> {
        let value = |name: &'static str| match name {
            "grant_type" if row.says == Says::Plain => "authorization_code",
            "client_id" if row.says == Says::Plain => "one",
            "grant_type" if row.fields.contains(&"refresh_token") => "refresh_token",
            "grant_type" if row.fields.contains(&"code") => "authorization_code",
            "grant_type" if row.fields.contains(&"client_secret") => "client_credentials",
            "grant_type" => DEVICE_CODE,
            "client_id" if row.fields.contains(&"client_secret") => "robot",
            _ => self.values.get(&format!("{} {name}", row.path)).or_else(|| self.values.get(name)).unwrap(),
        };
        row.fields.iter().map(|name| (*name, value(name))).collect()
    }

    /// The same as an object.
    pub(super) fn json(&self, row: &Row) -> Value {
        let mut object = json!({});
        for (name, value) in self.form(row) {
            let place = name.split('.').fold(&mut object, |object, name| &mut object[name]);
            *place = value.into();
        }
        object
    }

    /// What was sent and is nobody else's to know.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        let is_secret = |name: &str| {
            let secret = ["device_code", "refresh_token", "refreshToken", "password", "user_code", "current", "new", "again"];
            let of_the_standard = ["client_secret", "token", "code_verifier"];
            let of_an_endpoint = [" form", " code", " refresh_token"].iter().any(|end| name.ends_with(end));
            secret.contains(&name) || of_the_standard.contains(&name) || of_an_endpoint
        };
        let values = self.values.iter().filter(move |(name, _)| is_secret(name)).map(|(_, value)| value.as_str());
        let codes = self.segments.iter().filter(|(name, _)| name.ends_with("Code")).map(|(_, value)| value.as_str());
        values.chain(codes).chain(self.keys.iter().map(String::as_str))
    }
}

/// Where a dialect's devices ask for codes, and for tokens.
type Paths = [&'static str; 2];
const BOOTSPRING: Paths = ["/auth/device/code", "/auth/device/token"];
const STANDARD_PATHS: Paths = ["/oauth/device_authorization", "/oauth/token"];

async fn ask(gateway: &Gateway, [codes_at, tokens_at]: Paths, client: &str, approves: Option<&Person>) -> Asked {
    let (status, codes) = gateway.post_form(codes_at, &[("client_id", client)]).await;
    assert_eq!(status, 200, "{codes}");
    let Some(person) = approves else { return Asked { codes, tokens: Value::Null } };
    person.approve(codes["user_code"].as_str().unwrap()).await;
    let poll = [("grant_type", DEVICE_CODE), ("client_id", client), ("device_code", codes["device_code"].as_str().unwrap())];
    let (status, tokens) = gateway.post_form(tokens_at, &poll).await;
    assert_eq!(status, 200, "{tokens}");
    Asked { codes, tokens }
}

/// A code for Serble's app.
async fn serble_code(gateway: &Gateway) -> String {
    let callback = "https%3A%2F%2Fapp.example.com%2Fcb";
    let query = format!("response_type=token&client_id=one&scope=apps_control&state=x&redirect_uri={callback}");
    redirect::code(gateway, &format!("/oauth/authorize?{query}")).await
}

/// What it gets for one.
async fn serble(gateway: &Gateway) -> Value {
    let (code, secret) = (serble_code(gateway).await, "r".repeat(32));
    let fields = [("code", &*code), ("client_id", "one"), ("client_secret", &secret), ("grant_type", "authorization_code")];
    let (status, tokens) = gateway.post_form("/api/v1/oauth/token/refresh", &fields).await;
    assert_eq!(status, 200, "{tokens}");
    tokens
}
