//! Steps 3 and 4: a code is traded for tokens, once, and a refresh token for the access token that is
//! good now. What is asked stands in the query, or in a form.
//!
//! What is wrong is told in a fixed order, and whoever is not the app learns nothing of its codes and
//! tokens, and uses none up.

use http::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::{Answer, Desk, NAME};
use crate::{
    dialects::rfc::Problem,
    engine::{Error, RedeemCode, Renew, Tokens},
    message::{Call, Fields, reply},
    oauth::{
        client::{Client, GrantType},
        grant::{Redemption, Wanted},
        id::ClientId,
        refusal::{ErrorCode, Refusal},
    },
};

impl Desk {
    /// Step 3.
    pub(super) async fn refresh(&self, call: Call) -> Answer {
        let peer = call.peer.ip;
        let (client, code) = self.read(call, "code").await?;
        let shown = Redemption { redirect_uri: None, verifier: None, wanted: Wanted::default() };
        let redeem = RedeemCode { style: &self.style, client: &client, code: code.expose_secret(), shown, peer };
        let tokens = self.house.engine.redeem_code(redeem).await.map_err(said)?;
        self.issued(&tokens, tokens.refresh.as_ref(), "issued")
    }

    /// Step 4. The refresh token stays the same.
    pub(super) async fn access(&self, call: Call) -> Answer {
        let peer = call.peer.ip;
        let (client, refresh_token) = self.read(call, "refresh_token").await?;
        let renew = Renew { style: &self.style, client: &client, refresh_token: refresh_token.expose_secret(), peer };
        let tokens = self.house.engine.renew(renew).await.map_err(said)?;
        self.issued(&tokens, Some(&refresh_token), "refreshed")
    }

    /// Who asks, and what is shown under this name.
    async fn read(&self, call: Call, shown: &'static str) -> Result<(Client, SecretString), Problem> {
        const CLIENT: Refusal = Refusal::new(ErrorCode::InvalidClient, "Invalid client_id");
        const SECRET: Refusal = Refusal::new(ErrorCode::InvalidClient, "Invalid client_secret");
        const GRANT_TYPE: Refusal = Refusal::new(ErrorCode::UnsupportedGrantType, "Invalid grant_type, must be 'authorization_code'");
        let fields = Fields::from_query_and_form(call.head.uri.query(), &call.head.headers, call.body).await?;
        let shown = required(&fields, shown)?;
        let id = required(&fields, "client_id")?;
        let secret = required(&fields, "client_secret")?;
        let grant_type = required(&fields, "grant_type")?;
        let client = self.house.engine.client(NAME, &ClientId::new(id)).await?.ok_or(CLIENT)?;
        let authenticated = self.house.engine.authenticate_client(&client, Some(&SecretString::from(secret)), call.peer.ip).await;
        authenticated.map_err(|error| if matches!(error, Error::Refused(_)) { SECRET.into() } else { error })?;
        // Of both endpoints.
        if grant_type != GrantType::AuthorizationCode.as_str() {
            return Err(GRANT_TYPE.into());
        }
        Ok((client, SecretString::from(shown)))
    }

    fn issued(&self, tokens: &Tokens, refresh_token: Option<&SecretString>, outcome: &'static str) -> Answer {
        let body = json!({
            "access_token": tokens.access.expose_secret(),
            "refresh_token": refresh_token.map(ExposeSecret::expose_secret),
            "token_type": "bearer",
            "expires_in": self.dialect.expires_in,
        });
        Ok(reply::noted(reply::no_store(reply::json(StatusCode::OK, &body)), Some(tokens.grant), outcome))
    }
}

fn required<'a>(fields: &'a Fields, name: &str) -> Result<&'a str, Problem> {
    let missing = || Refusal { code: ErrorCode::InvalidRequest, description: format!("Missing {name}").into() };
    Ok(fields.text(name)?.ok_or_else(missing)?)
}

/// A no of the engine's, in Serble's words.
pub(super) fn said(error: Error) -> Error {
    let Error::Refused(Refusal { code, .. }) = error else { return error };
    let words = match code {
        ErrorCode::UserGone => "User not found",
        ErrorCode::TakenBack => "App is not authorized",
        _ => "Invalid authorization code",
    };
    Refusal::new(code, words).into()
}
