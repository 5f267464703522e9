//! A question to each endpoint that needs the store, with what is good there.

use std::time::{Duration, Instant};

use gatepost::engine::Decision;
use http::{Method, Request};
use http_body_util::Full;
use serde_json::json;

use crate::{
    replicas::{House, good},
    support::{
        gateway::{PASSWORD, USER},
        http::{Reply, bearing, get, post_form, post_json, request},
        person::{Person, hidden},
        redirect::{CHALLENGE, VERIFIER, code},
    },
    wire::together::credentials::{self, Credential, Kind, text},
};

type Sent = Request<Full<bytes::Bytes>>;

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const CALLBACK: &str = "https://app.example.com/cb";
const ROBOT: &str = "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr";
/// Longer than it takes to come back on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// How a protocol says no; in an outage nobody does.
const NOES: [&str; 12] = [
    "invalid_grant",
    "invalid_client",
    "invalid_token",
    "invalid_request",
    "authorization_pending",
    "access_denied",
    "expired",
    "revoked",
    "unauthorized",
    "not_found",
    "consumed",
    "slow_down",
];

/// A question, and the words that an answer has there which says that nobody can answer now.
pub(super) struct Ask {
    method: Method,
    at: String,
    content: (&'static str, String),
    bearer: Option<String>,
    cookie: Option<String>,
    words: &'static str,
}

const RFC: &str = "\"error\":\"temporarily_unavailable\"";
const ROUTE: &str = "\"code\":\"store_unavailable\"";
const PAGE: &str = "<html";
const ANY: &str = "temporarily unavailable";

impl Ask {
    fn new(method: Method, at: impl Into<String>, words: &'static str) -> Self {
        Self { method, at: at.into(), content: ("", String::new()), bearer: None, cookie: None, words }
    }

    fn form(at: &str, fields: &[(&str, &str)], words: &'static str) -> Self {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        Self { content: ("application/x-www-form-urlencoded", body), ..Self::new(Method::POST, at, words) }
    }

    fn json(at: &str, body: &serde_json::Value, words: &'static str) -> Self {
        Self { content: ("application/json", body.to_string()), ..Self::new(Method::POST, at, words) }
    }

    fn by(self, bearer: &str) -> Self {
        Self { bearer: Some(bearer.to_owned()), ..self }
    }

    fn from(self, cookie: &str) -> Self {
        Self { cookie: Some(cookie.to_owned()), ..self }
    }

    pub(super) fn request(&self) -> Sent {
        let mut sent = request(self.method.clone(), &self.at, self.content.0, self.content.1.clone());
        if let Some(bearer) = &self.bearer {
            sent = bearing(sent, bearer);
        }
        if let Some(cookie) = &self.cookie {
            sent.headers_mut().insert("cookie", cookie.parse().unwrap());
        }
        sent
    }

    /// What is wrong with an answer in an outage, if anything is.
    pub(super) fn wrong(&self, reply: &Reply) -> Option<String> {
        let body = reply.text();
        let is_away = reply.status == 503 && reply.header("retry-after").parse().is_ok_and(|seconds: u32| seconds > 0);
        let no = NOES.iter().find(|no| body.contains(**no));
        let is_right = is_away && no.is_none() && body.replace("\": ", "\":").contains(self.words);
        (!is_right).then(|| format!("{} {}: {} {:?} {body}", self.method, self.at, reply.status, reply.headers.get("retry-after")))
    }
}

/// What is good, got before the outage.
pub(super) struct Known {
    got: Vec<Credential>,
    device_code: String,
    code: String,
    request_id: String,
    typed: String,
    key_code: String,
    personal: String,
    clients: String,
    cookie: String,
    form: String,
}

impl Known {
    /// Gets it at the first replica.
    pub(super) async fn gather(house: &House) -> Self {
        let gateway = house.gateway(0);
        let got = credentials::one_of_each(gateway).await;
        let ada = Person::signed_in(gateway).await;
        let codes = good(gateway, post_form("/auth/device/code", &[("client_id", "bootspring-cli")])).await.json();
        ada.approve(&text(&codes, "user_code")).await;
        let question = [
            ("response_type", "code"),
            ("client_id", "both"),
            ("redirect_uri", CALLBACK),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        let question = form_urlencoded::Serializer::new(String::new()).extend_pairs(question).finish();
        let asked = good(gateway, post_json("/api/auth/app/request", &json!({"app_name": "A chat"}))).await.json();
        let request_id = text(&asked, "request_id");
        let begin = json!({"preset": "operator", "clientType": "CLI", "deviceId": "another-device"});
        let login = good(gateway, post_json("/v1/deviceAuthorizations", &begin)).await.json();
        assert!(gateway.decide_login(&text(&login, "userCode"), USER, Some("acme"), Decision::Approve).await.is_some());
        let visit = Person::at(gateway);
        let form = hidden(&visit.get("/sign-in").await, "form");
        Self {
            got,
            device_code: text(&codes, "device_code"),
            code: code(gateway, &format!("/oauth/authorize?{question}")).await,
            typed: ada.authorize(&request_id).await,
            request_id,
            key_code: text(&login, "deviceCode"),
            personal: gateway.personal_token(USER, "inference").await,
            clients: gateway.personal_token(USER, "clients").await,
            cookie: format!("gatepost_session={}; gatepost_visit={}", ada.cookie("gatepost_session"), visit.cookie("gatepost_visit")),
            form,
        }
    }

    fn find(&self, dialect: &str, kind: Kind) -> &str {
        &self.got.iter().find(|credential| credential.dialect == dialect && credential.kind == kind).unwrap().text
    }

    /// What nothing in the outage ends.
    pub(super) fn personal(&self) -> &str {
        &self.personal
    }

    pub(super) fn access(&self, dialect: &str) -> &str {
        self.find(dialect, Kind::Access)
    }

    pub(super) fn asks(&self) -> Vec<Ask> {
        let calls = ["bootspring", "standard", "serika", "serble", "serechat", "fruxon"].map(|dialect| self.access(dialect));
        let calls = calls.into_iter().chain([self.personal.as_str()]);
        let mut asks: Vec<Ask> = calls.map(|token| Ask::new(Method::POST, "/models/x", ROUTE).by(token)).collect();
        asks.push(Ask::new(Method::GET, "/problems/x", ROUTE).by(&self.personal));
        asks.extend(self.of_devices());
        asks.extend(self.of_codes());
        asks.extend(self.of_fruxon());
        asks.extend(self.of_pages());
        asks
    }

    fn of_devices(&self) -> [Ask; 8] {
        let poll = [("grant_type", DEVICE_CODE), ("client_id", "bootspring-cli"), ("device_code", self.device_code.as_str())];
        let refresh_token = self.find("bootspring", Kind::Refresh);
        let refresh = [("grant_type", "refresh_token"), ("client_id", "bootspring-cli"), ("refresh_token", refresh_token)];
        [
            Ask::form("/auth/device/code", &[("client_id", "bootspring-cli")], RFC),
            Ask::json("/api/v1/auth/device", &json!({"device": {}}), RFC),
            Ask::form("/auth/device/token", &poll, RFC),
            Ask::json("/api/v1/auth/device/token", &json!({"device_code": self.device_code}), RFC),
            Ask::form("/auth/device/token", &refresh, RFC),
            Ask::json("/api/v1/auth/refresh", &json!({"refreshToken": refresh_token}), ANY),
            Ask::json("/api/v1/auth/logout", &json!({"refreshToken": refresh_token}), ANY),
            Ask::new(Method::GET, "/api/v1/auth/me", ANY).by(self.access("bootspring")),
        ]
    }

    fn of_codes(&self) -> Vec<Ask> {
        let redeem = [
            ("grant_type", "authorization_code"),
            ("client_id", "both"),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
            ("code", self.code.as_str()),
        ];
        let refresh = |client: &'static str, dialect| {
            [("grant_type", "refresh_token"), ("client_id", client), ("refresh_token", self.find(dialect, Kind::Refresh))]
        };
        let robot = [("client_id", "robot"), ("client_secret", ROBOT)];
        let access = self.access("standard");
        let renew = format!(
            "/api/v1/oauth/token/access?refresh_token={}&client_id=photos&client_secret=photos-secret_1&grant_type=authorization_code",
            self.find("serble", Kind::Refresh)
        );
        vec![
            Ask::form("/oauth/device_authorization", &[("client_id", "both")], RFC),
            Ask::form("/oauth/token", &redeem, RFC),
            Ask::form("/oauth/token", &refresh("both", "standard"), RFC),
            Ask::form("/oauth/token", &[robot[0], robot[1], ("grant_type", "client_credentials")], RFC),
            Ask::form("/oauth/introspect", &[robot[0], robot[1], ("token", access)], RFC),
            Ask::form("/oauth/revoke", &[("client_id", "both"), ("token", access)], RFC),
            Ask::json("/oauth/register", &json!({"redirect_uris": [CALLBACK], "client_name": "An app"}), RFC),
            Ask::new(Method::GET, "/oauth/userinfo", ANY).by(access),
            Ask::form("/api/openai/v1/oauth/token", &refresh("web", "serika"), RFC),
            Ask::new(Method::GET, "/api/openai/v1/oauth/userinfo", ANY).by(self.access("serika")),
            Ask::new(Method::GET, "/api/openai/v1/oauth/clients", ANY).by(&self.clients),
            Ask::new(Method::POST, renew, ANY),
            Ask::new(Method::GET, "/api/v1/account", ANY).by(self.access("serble")),
            Ask::new(Method::GET, "/api/v1/account/authorizedApps", ANY).by(self.access("serble")),
            Ask::new(Method::DELETE, "/api/v1/account/authorizedApps/photos", ANY).by(self.access("serble")),
            Ask::json("/api/auth/app/request", &json!({"app_name": "A chat"}), ANY),
            Ask::json("/api/auth/app/exchange", &json!({"request_id": self.request_id, "code": self.typed}), ANY),
        ]
    }

    fn of_fruxon(&self) -> [Ask; 4] {
        let begin = json!({"preset": "operator", "clientType": "CLI"});
        [
            Ask::json("/v1/deviceAuthorizations", &begin, ANY),
            Ask::new(Method::GET, format!("/v1/deviceAuthorizations/{}", self.key_code), ANY),
            Ask::new(Method::GET, "/v1/tenants/acme/tokens", ANY).by(self.access("fruxon")),
            Ask::new(Method::GET, "/v1/tenants/acme/tokens/current", ANY).by(self.access("fruxon")),
        ]
    }

    fn of_pages(&self) -> Vec<Ask> {
        let sign_in = [("form", self.form.as_str()), ("name", USER), ("password", PASSWORD)];
        let pages = ["/account", "/applications", "/device"].map(|path| Ask::new(Method::GET, path, PAGE).from(&self.cookie));
        let sign_in = Ask::form("/sign-in", &sign_in, PAGE).from(&self.cookie);
        pages.into_iter().chain([sign_in]).collect()
    }

    /// Whatever was asked in the outage can be had after it: at worst it was done once.
    pub(super) async fn are_good(&self, house: &House) {
        let (gateway, began) = (house.gateway(super::BROKEN), Instant::now());
        // An end that nobody heard of may have been carried out.
        let ended = ["/api/v1/auth/logout", "/oauth/revoke", "authorizedApps/photos", "/oauth/token", "app/exchange"];
        for ask in self.asks() {
            let reply = loop {
                let reply = gateway.send(ask.request()).await;
                // Each connection to Redis comes back by itself.
                if reply.status != 503 {
                    break reply;
                }
                assert!(began.elapsed() < PATIENCE, "{} {}: {}", ask.method, ask.at, reply.text());
                tokio::time::sleep(Duration::from_millis(20)).await;
            };
            let may_be_over = ended.iter().any(|path| ask.at.contains(path)) || self.was_ended(&ask);
            assert!(reply.status.as_u16() < 400 || may_be_over, "{} {}: {} {}", ask.method, ask.at, reply.status, reply.text());
        }
        let again = house.token().await.access;
        assert_eq!(gateway.send(bearing(get("/models/x"), &again)).await.status, 200);
    }

    /// Whether it rests on what another question of the outage ended.
    fn was_ended(&self, ask: &Ask) -> bool {
        let rests_on = ["bootspring", "standard", "serble"].map(|dialect| self.access(dialect));
        let is_by = ask.bearer.as_deref().is_some_and(|bearer| rests_on.contains(&bearer));
        is_by || ask.at.contains("/auth/") || ask.at.contains("/oauth/token") || ask.at.contains("/v1/deviceAuthorizations/")
    }
}
