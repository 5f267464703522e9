//! Step 5: a key looks at itself and at others of its user, gives them other secrets, and takes them
//! back.

use std::{sync::Arc, time::Duration};

use http::StatusCode;
use secrecy::ExposeSecret;

use super::{
    Answer, Desk, NAME,
    answers::{self, Problem, not_found},
    fields::given,
    options::MAX_KEY_DAYS,
};
use crate::{
    engine::{Engine, Error, Holder, KEYS_WRITE},
    message::{Call, Fields, Lacking, Takes, reply},
    oauth::{claim::Claim, grant::Rotation, guid, id::GrantId, refusal::ErrorCode, scope::Scopes, subject::Subject},
};

const DAY: Duration = Duration::from_secs(24 * 3600);

impl Desk {
    /// All that the caller may see.
    pub(super) async fn keys(&self, call: Call) -> Answer {
        let holder = self.holder(call.segment("tenant"), call.subject.as_deref())?;
        let keys = self.house.engine.device_keys(NAME, holder).await?;
        let listed: Vec<_> = keys.iter().map(|key| answers::key(key, &self.dialect)).collect();
        Ok(reply::noted(reply::no_store(reply::json(StatusCode::OK, &listed)), Some(holder.key), "keys_listed"))
    }

    /// The one that asks.
    pub(super) async fn current_key(&self, call: Call) -> Answer {
        let holder = self.holder(call.segment("tenant"), call.subject.as_deref())?;
        let key = self.house.engine.device_key(NAME, holder, holder.key).await?;
        let answer = reply::json(StatusCode::OK, &answers::key(&key, &self.dialect));
        Ok(reply::noted(reply::no_store(answer), Some(holder.key), "key_shown"))
    }

    pub(super) async fn revoke_key(&self, call: Call) -> Answer {
        let holder = self.holder(call.segment("tenant"), call.subject.as_deref())?;
        let id = key_id(call.segment("id"))?;
        let Holder { key, user, .. } = holder;
        let (tenant, scopes) = (holder.tenant.to_owned(), holder.scopes.clone());
        let revoke = move |engine: Arc<Engine>| {
            let (tenant, scopes) = (tenant.clone(), scopes.clone());
            async move { engine.revoke_device_key(NAME, Holder { key, user, tenant: &tenant, scopes: &scopes }, id).await }
        };
        let revoked = self.house.engine.insist(format!("the key {id}, for key {key}"), revoke).await;
        revoked.map_err(|error| refused(error, holder, id))?;
        Ok(reply::noted(reply::no_store(reply::empty(StatusCode::NO_CONTENT)), Some(id), "key_revoked"))
    }

    /// Another secret under the same id. It is told here and never again.
    pub(super) async fn rotate_key(&self, call: Call) -> Answer {
        let (tenant, id) = (call.segment("tenant").to_owned(), key_id(call.segment("id"))?);
        let holder = self.holder(&tenant, call.subject.as_deref())?;
        let fields = Fields::read(&call.head.headers, call.body, Takes::Json).await?;
        let (scopes, name) = (self.wanted(&fields)?, name(&fields)?);
        let days = fields.integer("expirationDays", 1..=MAX_KEY_DAYS);
        let life = days.map_err(|bad| Problem::Field("expirationDays", bad.to_string()))?.map(|days| days * DAY);
        let rotation = Rotation { scopes: scopes.as_ref(), life, name: name.as_ref() };
        let rotated = self.house.engine.rotate_device_key(&self.dialect.style, &self.dialect.client, holder, id, rotation).await;
        let (key, secret) = rotated.map_err(|error| refused(error, holder, id))?;
        let mut body = answers::key(&key, &self.dialect);
        body["token"] = secret.expose_secret().into();
        Ok(reply::noted(reply::no_store(reply::json(StatusCode::OK, &body)), Some(id), "key_rotated"))
    }

    /// The key that asks, at home in the tenant that the path names.
    fn holder<'a>(&'a self, tenant: &str, subject: Option<&'a Subject>) -> Result<Holder<'a>, Problem> {
        let subject = subject.ok_or_else(not_found)?;
        let (Some(user), Some(_)) = (&subject.user, &subject.tenant) else { return Err(not_found()) };
        let tenant = self.tenant(tenant, subject)?;
        Ok(Holder { key: subject.grant, user: user.id, tenant: tenant.slug.as_str(), scopes: &subject.scopes })
    }

    /// What a key is to be allowed from now on, by a preset or one by one.
    fn wanted(&self, fields: &Fields) -> Result<Option<Scopes>, Problem> {
        let scopes = fields.list("scopes").map_err(|bad| Problem::Field("scopes", bad.to_string()))?;
        match (given(fields, "preset")?, scopes) {
            (Some(_), Some(_)) => Err(Problem::Field("preset", "preset and scopes cannot both be given.".to_owned())),
            (Some(preset), None) => self.preset(preset).map(|(_, scopes)| Some(scopes.clone())),
            (None, Some(scopes)) if scopes.is_empty() => Err(Problem::Field("scopes", "scopes must name one or more.".to_owned())),
            (None, scopes) => Ok(scopes.map(|scopes| scopes.into_iter().map(str::to_owned).collect())),
        }
    }
}

fn name(fields: &Fields) -> Result<Option<Claim>, Problem> {
    let Some(name) = given(fields, "name")? else { return Ok(None) };
    Claim::cleaned(name).map(Some).ok_or_else(|| Problem::Field("name", "name must show something.".to_owned()))
}

/// 32 hexadecimal digits, or the same as a GUID.
fn key_id(text: &str) -> Result<GrantId, Problem> {
    let text = text.to_ascii_lowercase();
    let id = GrantId::parse(&text).or_else(|| guid::parse(&text).map(GrantId::from_random));
    id.ok_or_else(not_found)
}

/// What somebody else's key would need is a scope that programs can be told.
fn refused(error: Error, holder: Holder<'_>, id: GrantId) -> Problem {
    match error {
        Error::Refused(refusal) if refusal.code == ErrorCode::AccessDenied && id != holder.key && !holder.scopes.contains(KEYS_WRITE) => {
            let required = [KEYS_WRITE.to_owned()].into_iter().collect();
            Problem::Lacking(Lacking { required, granted: holder.scopes.clone() })
        }
        error => error.into(),
    }
}
