//! Step 2: what an app asks for by way of a browser, and what the browser takes back: `state`,
//! `authorized` and, if that is `true`, `code`.
//!
//! An app is told nothing else: whatever is wrong with a question, the user is told. `state` must be
//! there, since nothing else keeps a stranger's code from an app.

use std::{net::IpAddr, sync::Arc, time::Duration};

use secrecy::{ExposeSecret, SecretString};

use super::{ENTRANCE, NAME, PAGE, Serble};
use crate::{
    dialects::{Authorizes, Entrance, House, PageAt, Question, Unanswered, authorize::Reading},
    engine::{Engine, Error, Style},
    message::Fields,
    oauth::{
        audience::Audience,
        client::GrantType,
        grant::Redirect,
        id::ClientId,
        redirect,
        refusal::{ErrorCode, Refusal},
        scope::Scopes,
    },
};

/// "Set this to token".
const RESPONSE_TYPE: &str = "token";

/// The page on which users decide.
pub(super) struct Page {
    engine: Arc<Engine>,
    at: PageAt,
    entrance: Entrance,
    style: Style,
    code_life: Duration,
}

impl Page {
    pub(super) fn of(serble: &Serble, house: &House) -> Self {
        Self {
            engine: Arc::clone(&house.engine),
            at: PageAt::on(&serble.mount, PAGE),
            entrance: Entrance { at: PageAt::on(&serble.mount, ENTRANCE), response_type: RESPONSE_TYPE },
            style: serble.style(house),
            code_life: serble.code_life,
        }
    }

    async fn question(&self, query: Option<&str>) -> Result<Question, Error> {
        const TYPE: Refusal = Refusal::new(ErrorCode::UnsupportedResponseType, "The response_type is not one that is spoken here: token.");
        const UNKNOWN: Refusal = Refusal::new(ErrorCode::InvalidClient, "There is no app of this client_id here.");
        const ADDRESS: Refusal = Refusal::new(
            ErrorCode::InvalidRequest,
            "The app asks for the answer at an address that is not registered for it: redirect_uri does not match.",
        );
        let fields = Fields::from_query(query).map_err(Refusal::from)?;
        let required = |name| fields.required(name).map_err(Refusal::from);
        if required("response_type")? != "token" {
            return Err(TYPE.into());
        }
        let client = self.engine.client(NAME, &ClientId::new(required("client_id")?)).await?.ok_or(UNKNOWN)?;
        client.may(GrantType::AuthorizationCode)?;
        let uri = client.redirect_uri(Some(required("redirect_uri")?)).ok_or(ADDRESS)?.to_owned();
        let state = required("state")?.to_owned();
        // What the app cannot have, of whatever name, it does not ask for. Not parsed: a name that is none
        // is one more of those.
        let wanted: Scopes = required("scope")?.split(' ').map(str::to_owned).collect();
        let scopes = self.engine.requestable(&client, Some(&wanted))?;
        let redirect = Redirect { uri, named: false, challenge: None, life: self.code_life };
        Ok(Question { client, scopes: Some(scopes), audience: Audience::default(), redirect, state: Some(state) })
    }
}

impl Authorizes for Page {
    fn page(&self) -> &PageAt {
        &self.at
    }

    fn entrance(&self) -> Option<&Entrance> {
        Some(&self.entrance)
    }

    fn takes(&self, response_type: Option<&str>) -> bool {
        response_type == Some(RESPONSE_TYPE)
    }

    fn style(&self) -> &Style {
        &self.style
    }

    fn code_prefix(&self) -> &'static str {
        "sb_ac_"
    }

    fn read<'a>(&'a self, query: Option<&'a str>, _peer: IpAddr) -> Reading<'a> {
        Box::pin(async move {
            self.question(query).await.map_err(|error| match error {
                Error::Refused(refusal) => Unanswered::Here(refusal),
                error => Unanswered::Engine(error),
            })
        })
    }

    fn granted(&self, question: &Question, code: &SecretString) -> String {
        answer(question, &[("authorized", "true"), ("code", code.expose_secret())])
    }

    fn refused(&self, question: &Question, _refusal: &Refusal) -> String {
        answer(question, &[("authorized", "false")])
    }
}

fn answer(question: &Question, parts: &[(&str, &str)]) -> String {
    let state = question.state.iter().map(|state| ("state", state.as_str()));
    redirect::with_answer(&question.redirect.uri, &state.chain(parts.iter().copied()).collect::<Vec<_>>())
}
