//! Clients that nobody made by hand: those that register themselves, and those that a document at
//! their id describes.

mod documents;
mod fetching;
mod mcp;
mod options;
mod registration;

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use gatepost::{
    config::{Claim, Mounted},
    dialects::{Authorizes, Dialect, Documents, House, PageAt, Unanswered, authorize, registration::Registration, rfc::TokenEndpoint},
    engine::{Authorization, ClientIds, Decider, Decision, RefreshStyle, Spelling, Style},
    message::{Endpoint, Need, Takes, endpoint},
    oauth::{
        client::{Declared, GrantType},
        grant::{Grant, Requester},
        id::GrantId,
        refusal::Refusal,
        scope::Scopes,
        signing::TokenFormat,
    },
};
use http::Method;
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::{
    proxy::stand::Stand,
    support::{gateway::CONFIG, http::Reply},
};

const NAME: &str = "walk";
const ISSUER: &str = "http://127.0.0.1:8080";
const STYLE: Style = Style {
    dialect: NAME,
    access: "wa_",
    access_life: Duration::from_secs(3600),
    format: TokenFormat::Opaque,
    refresh: Some(RefreshStyle::Rotating { prefix: "wr_", life: Duration::from_secs(90 * 24 * 3600) }),
};
const SPELLING: Spelling = Spelling { dialect: NAME, id: ClientIds::After("wc_"), secret: "ws_" };
/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A dialect with nothing but the endpoints that such clients need.
#[derive(Default)]
struct Walk {
    registration: Option<Registration>,
    documents: Option<Documents>,
}

impl Mounted for Walk {
    fn claims(&self) -> Vec<Claim> {
        Vec::new()
    }

    fn clients(&self) -> Vec<Declared> {
        Vec::new()
    }
}

impl Dialect for Walk {
    fn endpoints(self: Arc<Self>, house: &House) -> Vec<Endpoint> {
        let (interval, hold) = (Duration::from_secs(5), Duration::ZERO);
        let token = TokenEndpoint { house: house.clone(), style: STYLE, grant_types: &GrantType::ALL, takes: Takes::Form, interval, hold };
        let token = Arc::new(token);
        let answer = move |call: gatepost::message::Call| {
            let token = Arc::clone(&token);
            async move {
                let id = call.id;
                token.answer(call).await.unwrap_or_else(|problem| problem.answer(gatepost::dialects::rfc::flat, id))
            }
        };
        let token = Endpoint {
            name: "walk.token",
            host: None,
            path: "/oauth/token".into(),
            methods: vec![Method::POST],
            need: Need::Nothing,
            shape: gatepost::dialects::rfc::flat,
            cors: true,
            handler: endpoint::handler(answer),
        };
        let registration =
            self.registration.as_ref().map(|registration| registration.endpoint(None, "/oauth/register".into(), SPELLING, house));
        registration.into_iter().chain([token]).collect()
    }

    fn authorizes(&self, house: &House) -> Option<Arc<dyn Authorizes>> {
        Some(authorize::endpoint(authorize::Endpoint {
            house: house.clone(),
            at: PageAt { host: None, path: "/oauth/authorize".into() },
            style: STYLE,
            prefix: "wo_",
            code_life: Duration::from_secs(60),
            documents: self.documents.as_ref().map(|documents| documents.scopes.clone()),
        }))
    }

    fn documents(&self) -> Option<&Documents> {
        self.documents.as_ref()
    }
}

/// A gateway that speaks it, and what its pages would do.
struct Bench {
    stand: Stand,
    page: Arc<dyn Authorizes>,
}

impl Bench {
    async fn new(walk: Walk) -> Self {
        let walk = Arc::new(walk);
        let stand = Stand::speaking(CONFIG, vec![Arc::<Walk>::clone(&walk)]).await;
        let engine = Arc::clone(&stand.gateway.engine);
        let house = House {
            engine,
            device_page: String::new(),
            issuer: ISSUER.into(),
            public_url: gatepost::config::PublicUrl::new(ISSUER.parse().unwrap()).unwrap(),
            place: String::new(),
            protected: Vec::new(),
            resources: Vec::new(),
        };
        let page = walk.authorizes(&house).unwrap();
        Self { stand, page }
    }

    /// A browser comes with a question of this client, and its user says yes: the code.
    async fn approve(&self, client_id: &str, redirect_uri: &str) -> String {
        let query = query(client_id, redirect_uri);
        let question = match self.page.read(Some(&query), here()).await {
            Ok(question) => question,
            Err(unanswered) => panic!("{unanswered:?}"),
        };
        let user = self.stand.user("ada").await.record;
        let authorization = Authorization {
            style: &STYLE,
            client: &question.client,
            scopes: question.scopes.as_ref(),
            audience: question.audience.clone(),
            redirect: question.redirect.clone(),
            requester: Requester { app: None, device: None, platform: None, network: here() },
            id: GrantId::from_random(rand::random()),
            asked: self.stand.gateway.time.clock().now(),
        };
        let by = Decider { user: &user, session: None };
        let authorized = self.stand.gateway.engine.authorize(&authorization, "wo_", by, Decision::Approve).await.unwrap();
        authorized.code.unwrap().expose_secret().to_owned()
    }

    /// Why the browser is not asked anything.
    async fn unaskable(&self, client_id: &str, redirect_uri: &str) -> Refusal {
        match self.page.read(Some(&query(client_id, redirect_uri)), here()).await {
            Err(Unanswered::Here(refusal)) => refusal,
            other => panic!("{:?}", other.map(|question| question.client)),
        }
    }

    /// A public client redeems its code.
    async fn redeem(&self, client_id: &str, redirect_uri: &str, code: &str) -> (u16, Value) {
        let fields = [
            ("grant_type", "authorization_code"),
            ("client_id", client_id),
            ("redirect_uri", redirect_uri),
            ("code", code),
            ("code_verifier", VERIFIER),
        ];
        self.stand.gateway.post_form("/oauth/token", &fields).await
    }

    /// The next pair for a public client.
    async fn refresh(&self, client_id: &str, token: &Value) -> (u16, Value) {
        let fields = [("grant_type", "refresh_token"), ("client_id", client_id), ("refresh_token", token.as_str().unwrap())];
        self.stand.gateway.post_form("/oauth/token", &fields).await
    }

    /// What the first user has allowed.
    async fn allowed(&self) -> Vec<Grant> {
        let user = self.stand.user("ada").await.record;
        let list = self.stand.gateway.engine.applications(&user).await.unwrap();
        list.into_iter().map(|application| application.grant).collect()
    }

    fn pass(&self, span: Duration) {
        self.stand.gateway.time.advance(span);
    }
}

/// What an app asks for.
fn query(client_id: &str, redirect_uri: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let fixed = [("response_type", "code"), ("code_challenge", CHALLENGE), ("code_challenge_method", "S256")];
    query.extend_pairs(fixed).extend_pairs([("client_id", client_id), ("redirect_uri", redirect_uri)]).finish()
}

fn here() -> IpAddr {
    Ipv4Addr::LOCALHOST.into()
}

fn inference() -> Scopes {
    Scopes::parse("inference").unwrap()
}

fn told(reply: &Reply) -> (u16, String) {
    (reply.status.as_u16(), reply.json()["error"].as_str().unwrap_or_default().to_owned())
}
