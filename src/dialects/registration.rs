//! A registration endpoint: programs make clients of themselves (RFC 7591), without asking anybody.
//! What is registered stays as it is: there is no management endpoint (RFC 7592). A client that wants
//! to be another one registers anew, and the old one is forgotten when nobody uses it.

use std::sync::Arc;

use http::{Method, Response, StatusCode};
use secrecy::ExposeSecret;
use serde_json::json;

use super::{
    House,
    rfc::{self, Problem},
};
use crate::{
    config::Section,
    engine::{CreateClient, Spelling},
    message::{BadInput, Body, Call, Endpoint, Fields, Need, Refused, Takes, endpoint, reply},
    oauth::{
        claim::Claim,
        client::{Client, Origin},
        client_metadata::{AuthMethod, ClientMetadata, Described},
        redirect::RedirectUri,
        refusal::{ErrorCode, Refusal},
        scope::Scopes,
    },
};

/// What an operator who lets clients register themselves says about it.
#[derive(Clone, Debug)]
pub struct Registration {
    /// What such a client may ask for.
    pub scopes: Scopes,
}

impl Registration {
    /// Reads `registration`; `None` where it is off, as it is where nothing is said.
    pub fn read(section: &mut Section<'_>) -> Option<Self> {
        section.table_or_true("registration", |table| Self { scopes: table.scopes_or("scopes", "inference") })
    }

    /// The endpoint, for the dialect that spells its clients so.
    pub fn endpoint(&self, host: Option<String>, path: String, spelling: Spelling, house: &House) -> Endpoint {
        let desk = Arc::new(Desk { house: house.clone(), spelling, scopes: self.scopes.clone() });
        let answer = move |call: Call| {
            let desk = Arc::clone(&desk);
            async move {
                let id = call.id;
                match desk.register(call).await {
                    Ok(answer) => answer,
                    Err(Problem::Input(input)) => reply::noted(unreadable(&input, id).answer(rfc::flat), None, "unreadable"),
                    Err(problem) => problem.answer(rfc::flat, id),
                }
            }
        };
        Endpoint {
            name: "registration",
            host,
            path,
            methods: vec![Method::POST],
            need: Need::Nothing,
            shape: rfc::flat,
            cors: true,
            handler: endpoint::handler(answer),
        }
    }
}

/// Of what cannot be read, the RFC's own word says whose fault it is (RFC 7591 section 3.2.2).
fn unreadable(input: &BadInput, id: crate::message::RequestId) -> Refused {
    Refused::new(input.status(), ErrorCode::InvalidClientMetadata.as_str(), input.to_string(), id)
}

struct Desk {
    house: House,
    spelling: Spelling,
    scopes: Scopes,
}

impl Desk {
    async fn register(&self, call: Call) -> Result<Response<Body>, Problem> {
        let fields = Fields::read(&call.head.headers, call.body, Takes::Json).await?;
        let described = metadata(&fields)?.registered()?;
        let (client, secret) = self.house.engine.register_client(self.client(&described)?, call.peer.ip).await?;
        let mut answer = answer(&client, described.auth_method);
        if let Some(secret) = secret {
            answer["client_secret"] = secret.expose_secret().into();
            answer["client_secret_expires_at"] = 0.into();
        }
        Ok(reply::noted(reply::no_store(reply::json(StatusCode::CREATED, &answer)), None, "registered"))
    }

    fn client(&self, described: &Described) -> Result<CreateClient, Refusal> {
        const NO_SCOPE: Refusal =
            Refusal::new(ErrorCode::InvalidClientMetadata, "There is nothing in the scope that a client may register for.");
        const NO_NAME: Refusal = Refusal::new(ErrorCode::InvalidClientMetadata, "client_name is missing.");
        let scopes = described.scopes.as_ref().map_or_else(|| self.scopes.clone(), |wanted| wanted.narrowed_to(&self.scopes));
        if scopes.is_empty() {
            return Err(NO_SCOPE);
        }
        // Without a name it is known by where it is.
        let place = || described.redirect_uris.first().and_then(|uri| Claim::cleaned(&uri.destination()?.to_string()));
        Ok(CreateClient {
            spelling: self.spelling,
            owner: None,
            origin: Origin::Registered,
            name: described.name.clone().or_else(place).ok_or(NO_NAME)?,
            description: None,
            redirect_uris: described.redirect_uris.clone(),
            scopes,
            grant_types: described.grant_types.clone(),
            public: described.auth_method == AuthMethod::None,
            format: None,
            resource_server: None,
            verified: false,
        })
    }
}

/// What a request says, of what is of interest.
fn metadata(fields: &Fields) -> Result<ClientMetadata, BadInput> {
    let text = |name| fields.text(name).map(|text| text.map(str::to_owned));
    let texts = |name| {
        let texts = fields.texts(name)?.into_iter().map(str::to_owned).collect::<Vec<_>>();
        Ok::<_, BadInput>(Some(texts).filter(|texts| !texts.is_empty()))
    };
    Ok(ClientMetadata {
        redirect_uris: texts("redirect_uris")?,
        token_endpoint_auth_method: text("token_endpoint_auth_method")?,
        grant_types: texts("grant_types")?,
        response_types: texts("response_types")?,
        client_name: text("client_name")?,
        scope: text("scope")?,
        ..ClientMetadata::default()
    })
}

/// The client as it stands (RFC 7591 section 3.2.1).
fn answer(client: &Client, auth_method: AuthMethod) -> serde_json::Value {
    json!({
        "client_id": client.id.as_str(),
        "client_id_issued_at": client.created.map(jiff::Timestamp::as_second),
        "client_name": client.name,
        "redirect_uris": client.redirect_uris.iter().map(RedirectUri::as_str).collect::<Vec<_>>(),
        "grant_types": client.grant_types.iter().map(|grant_type| grant_type.as_str()).collect::<Vec<_>>(),
        "response_types": ["code"],
        "token_endpoint_auth_method": auth_method.as_str(),
        "scope": client.scopes.to_string(),
    })
}
