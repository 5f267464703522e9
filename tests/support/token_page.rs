//! A dialect of the tests' own that shares the standard's authorization page, as Serble does: what has
//! `response_type=token` there is its own, and another address leads to it.

use std::{net::IpAddr, sync::Arc, time::Duration};

use gatepost::{
    config::{Claim as Claimed, Mounted},
    dialects::{Authorizes, Dialect, Entrance, House, PageAt, Question, Unanswered, authorize::Reading},
    engine::{ClientIds, CreateClient, Spelling, Style},
    message::{Endpoint, Fields},
    oauth::{
        audience::Audience,
        claim::Claim,
        client::{Declared, GrantType, Origin},
        grant::Redirect,
        id::ClientId,
        redirect::{self, RedirectUri},
        refusal::{ErrorCode, Refusal},
        scope::Scopes,
        signing::TokenFormat,
    },
};
use secrecy::{ExposeSecret, SecretString};

use super::gateway::Gateway;

/// The page that it shares.
pub(crate) const PAGE: &str = "/oauth/authorize";
/// The address that leads there.
pub(crate) const ENTRANCE: &str = "/api/v1/oauth/auth";
/// Where its client's answers go.
pub(crate) const CALLBACK: &str = "https://tokens.example.com/back?kept=1";
const NAME: &str = "tokens";
const STYLE: Style =
    Style { dialect: NAME, access: "to_", access_life: Duration::from_secs(3600), format: TokenFormat::Opaque, refresh: None };

pub(crate) struct Tokens;

impl Mounted for Tokens {
    fn claims(&self) -> Vec<Claimed> {
        Vec::new()
    }

    fn clients(&self) -> Vec<Declared> {
        Vec::new()
    }
}

impl Dialect for Tokens {
    fn endpoints(self: Arc<Self>, _: &House) -> Vec<Endpoint> {
        Vec::new()
    }

    fn authorizes(&self, house: &House) -> Option<Arc<dyn Authorizes>> {
        let at = |path: &str| PageAt { host: None, path: path.to_owned() };
        Some(Arc::new(Page { house: house.clone(), page: at(PAGE), entrance: Entrance { at: at(ENTRANCE), response_type: "token" } }))
    }
}

/// Makes a client of it.
pub(crate) async fn client(gateway: &Gateway) -> ClientId {
    let create = CreateClient {
        spelling: Spelling { dialect: NAME, id: ClientIds::After("tokens_"), secret: "secret_" },
        owner: None,
        origin: Origin::Managed,
        name: Claim::exact("A token app").unwrap(),
        description: None,
        redirect_uris: vec![RedirectUri::parse(CALLBACK).unwrap()],
        scopes: Scopes::parse("inference").unwrap(),
        grant_types: [GrantType::AuthorizationCode].into(),
        public: false,
        format: None,
        resource_server: None,
        verified: false,
    };
    gateway.engine.create_client(create).await.unwrap().0.id
}

struct Page {
    house: House,
    page: PageAt,
    entrance: Entrance,
}

impl Page {
    async fn question(&self, query: Option<&str>) -> Result<Question, Unanswered> {
        const WRONG: Refusal = Refusal::new(ErrorCode::InvalidRequest, "This is nothing to ask.");
        const TYPE: Refusal = Refusal::new(ErrorCode::UnsupportedResponseType, "Only tokens are spoken here.");
        let fields = Fields::from_query(query).map_err(|bad| Unanswered::Here(bad.into()))?;
        let text = |name| fields.text(name).ok().flatten();
        if text("response_type") != Some("token") {
            return Err(Unanswered::Here(TYPE));
        }
        let id = ClientId::new(text("client_id").ok_or(Unanswered::Here(WRONG))?);
        let client = self.house.engine.client(NAME, &id).await.map_err(Unanswered::Engine)?.ok_or(Unanswered::Here(WRONG))?;
        let uri = client.redirect_uri(text("redirect_uri")).ok_or(Unanswered::Here(WRONG))?.to_owned();
        let redirect = Redirect { uri, named: false, challenge: None, life: Duration::from_secs(300) };
        Ok(Question { client, scopes: None, audience: Audience::default(), redirect, state: text("state").map(str::to_owned) })
    }
}

impl Authorizes for Page {
    fn page(&self) -> &PageAt {
        &self.page
    }

    fn entrance(&self) -> Option<&Entrance> {
        Some(&self.entrance)
    }

    fn takes(&self, response_type: Option<&str>) -> bool {
        response_type == Some("token")
    }

    fn style(&self) -> &Style {
        &STYLE
    }

    fn code_prefix(&self) -> &'static str {
        "to_ac_"
    }

    fn read<'a>(&'a self, query: Option<&'a str>, _: IpAddr) -> Reading<'a> {
        Box::pin(self.question(query))
    }

    fn granted(&self, question: &Question, code: &SecretString) -> String {
        let state = question.state.as_deref().unwrap_or_default();
        redirect::with_answer(&question.redirect.uri, &[("state", state), ("authorized", "true"), ("code", code.expose_secret())])
    }

    fn refused(&self, question: &Question, _: &Refusal) -> String {
        let state = question.state.as_deref().unwrap_or_default();
        redirect::with_answer(&question.redirect.uri, &[("state", state), ("authorized", "false")])
    }
}
