//! Step 5, as far as the gateway answers itself: the user's account, the apps that he let in, and what
//! anybody may know of an app.

use std::{collections::BTreeMap, sync::Arc};

use http::StatusCode;
use serde_json::{Value, json};

use super::{Answer, Desk, FULL_ACCESS, NAME, SCOPES, USER_INFO, plain, tokens};
use crate::{
    dialects::rfc::Problem,
    engine::{Engine, Error},
    message::{Call, Refused, refused, reply},
    oauth::{
        id::ClientId,
        refusal::{ErrorCode, Refusal},
        scope::Scopes,
        subject::{Person, Subject},
    },
};

/// `GET /account`: who let the app in. What is unknown of him is null.
pub(super) fn account(call: &Call) -> Answer {
    let (user, subject) = caller(call)?;
    let mut account = json!({"id": user.id.to_string()});
    if [USER_INFO, FULL_ACCESS].iter().any(|scope| subject.scopes.contains(scope)) {
        account["username"] = user.name.as_str().into();
        account["email"] = user.email.as_deref().into();
        account["plan"] = "free".into();
        for unknown in ["verifiedEmail", "permLevel", "language"] {
            account[unknown] = Value::Null;
        }
    }
    Ok(reply::noted(reply::no_store(reply::json(StatusCode::OK, &account)), Some(subject.grant), "account"))
}

impl Desk {
    /// `GET /account/authorizedApps`: an entry for each app, however often it was let in.
    pub(super) async fn authorized_apps(&self, call: Call) -> Answer {
        let (user, subject) = caller(&call)?;
        let user = self.house.engine.user(user.id).await.map_err(Error::from)?.ok_or(NOBODY)?;
        let mut apps: BTreeMap<ClientId, Vec<Scopes>> = BTreeMap::new();
        for application in self.house.engine.applications(&user).await? {
            if application.grant.dialect == NAME {
                apps.entry(application.grant.client).or_default().push(application.scopes);
            }
        }
        let entry = |(app, scopes): (&ClientId, &Vec<Scopes>)| json!({"appId": app.as_str(), "scopes": bits(scopes)});
        let listed: Vec<Value> = apps.iter().map(entry).collect();
        Ok(reply::noted(reply::no_store(reply::json(StatusCode::OK, &listed)), Some(subject.grant), "apps_listed"))
    }

    /// `DELETE /account/authorizedApps/{id}`: from the answer on nothing opens with what that app has, the
    /// caller's own token included where it is that app's.
    pub(super) async fn deauthorize(&self, call: Call) -> Answer {
        let (user, subject) = caller(&call)?;
        let (user, app) = (user.id, ClientId::new(call.segment("id")));
        let what = format!("all that client {app} has of user {user}");
        let deauthorize = move |engine: Arc<Engine>| {
            let app = app.clone();
            async move { engine.deauthorize(user, NAME, &app).await }
        };
        match self.house.engine.insist(what, deauthorize).await {
            Ok(()) => Ok(reply::noted(reply::no_store(reply::empty(StatusCode::OK)), Some(subject.grant), "deauthorized")),
            // A sentence, as where tokens are issued.
            Err(error @ Error::Refused(_)) => Ok(Problem::from(tokens::said(error)).answer(plain, call.id)),
            Err(error) => Err(error.into()),
        }
    }

    /// `GET /app/{id}/public`.
    pub(super) async fn app(&self, call: Call) -> Answer {
        let Some(client) = self.house.engine.client(NAME, &ClientId::new(call.segment("id"))).await? else {
            let refused = Refused::new(StatusCode::NOT_FOUND, "app_not_found", "There is no app with this id.", call.id);
            return Ok(reply::noted(refused.answer(refused::openai), None, refused.code));
        };
        let app = json!({"id": client.id.as_str(), "name": client.name, "description": client.description});
        Ok(reply::noted(reply::json(StatusCode::OK, &app), None, "app"))
    }
}

/// Between the check of the token and now he was deleted.
const NOBODY: Refusal = Refusal::new(ErrorCode::UserGone, "User not found");

/// For whom the token speaks: every one of this dialect speaks for somebody.
fn caller(call: &Call) -> Result<(&Person, &Subject), Problem> {
    let subject = call.subject.as_deref();
    let both = subject.and_then(|subject| Some((subject.user.as_ref()?, subject)));
    Ok(both.ok_or(NOBODY)?)
}

/// A digit for each scope, as Serble numbers them: `1` for what any of the grants holds. Full access is
/// one digit: what it brings along was not asked for by name.
fn bits(grants: &[Scopes]) -> String {
    let holds = |scopes: &Scopes, scope: &str| scopes.contains(scope) && (scope == FULL_ACCESS || !scopes.contains(FULL_ACCESS));
    let is_held = |scope: &&str| grants.iter().any(|scopes| holds(scopes, scope));
    SCOPES.iter().map(|scope| if is_held(scope) { '1' } else { '0' }).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn several_grants_of_an_app_are_one_string_of_bits() {
        let scopes = |text| Scopes::parse(text).unwrap();
        assert_eq!(bits(&[scopes("user_info"), scopes("apps_control"), scopes("inference")]), "0011");
        assert_eq!(bits(&[scopes("full_access file_host")]), "1000");
        assert_eq!(bits(&[scopes("full_access file_host"), scopes("user_info")]), "1010");
    }
}
