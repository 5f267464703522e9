//! What is issued: how a dialect spells it, and how an issue is written out.

use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;

use super::Engine;
use crate::{
    oauth::{
        client::{Client, GrantType},
        grant::{Grant, Issue, Terms},
        id::GrantId,
        jwt::{Claims, Jti, SignError, Typ},
        scope::Scopes,
        signing::{KeyId, TokenFormat},
        token::{self, Kind},
        user::User,
    },
    store::Unavailable,
};

/// How a dialect spells its credentials, and how long they live.
#[derive(Clone, Debug)]
pub struct Style {
    /// The dialect's name.
    pub dialect: &'static str,
    /// Before an access token.
    pub access: &'static str,
    /// How long an access token lives.
    pub access_life: Duration,
    /// How access tokens are written, unless a client's are otherwise.
    pub format: TokenFormat,
    /// What gets the next access token, where the dialect has that.
    pub refresh: Option<RefreshStyle>,
}

/// How a dialect spells what gets the next access token, and how long it lives.
#[derive(Clone, Debug)]
pub enum RefreshStyle {
    /// It is good for one use, which gives the next one (RFC 6749 section 6).
    Rotating {
        /// What stands before it.
        prefix: &'static str,
        /// Counted anew at each rotation.
        life: Duration,
    },
    /// It is a JWT, and the same for every access token until its time is over (Serble).
    Lasting {
        /// Counted from the redemption.
        life: Duration,
        /// The token endpoint, where it is meant to be shown.
        audience: String,
    },
}

impl RefreshStyle {
    /// How long it lives.
    pub const fn life(&self) -> Duration {
        match self {
            Self::Rotating { life, .. } | Self::Lasting { life, .. } => *life,
        }
    }
}

/// What a grant issued, ready to be sent.
#[derive(Debug)]
pub struct Tokens {
    /// The grant.
    pub grant: GrantId,
    /// The access token.
    pub access: SecretString,
    /// The refresh token, where the dialect has them; none where the app has it already and keeps it.
    pub refresh: Option<SecretString>,
    /// The access token's life in seconds.
    pub expires_in: u64,
    /// What the access token may do.
    pub scopes: Scopes,
    /// Who approved; nobody, where a client asked for itself.
    pub user: Option<User>,
}

impl Tokens {
    /// The same, told later than when they were issued: what counts is what is left of them.
    pub(super) fn left(self, issue: &Issue, now: Timestamp) -> Self {
        let left = issue.access_until.duration_since(now).as_secs();
        Self { expires_in: left.try_into().unwrap_or(0), ..self }
    }
}

impl Engine {
    /// What a redemption issues to this client.
    ///
    /// # Errors
    /// [`Unavailable`] where JWTs are to be issued, and no key is there to sign them.
    pub(super) fn terms(&self, style: &Style, client: &Client) -> Result<Terms, Unavailable> {
        let refresh = style.refresh.as_ref().filter(|_| client.grant_types.contains(&GrantType::RefreshToken));
        let key_of = |format| match format {
            TokenFormat::Opaque => Ok(None),
            TokenFormat::Jwt(algorithm) => {
                let key = self.verifier.signing().load().current(algorithm);
                key.map(Some).ok_or_else(|| Unavailable::because("there is no key that signs"))
            }
        };
        let lasting = match refresh {
            // Whatever the client's access tokens are.
            Some(RefreshStyle::Lasting { .. }) => key_of(style.format)?,
            Some(RefreshStyle::Rotating { .. }) | None => None,
        };
        let key = key_of(client.format.unwrap_or(style.format))?;
        Ok(Terms { access: style.access_life, refresh: refresh.map(RefreshStyle::life), root: self.keyring.minting(), key, lasting })
    }

    /// Writes out an issue's access token as a JWT (RFC 9068 section 2.2); `None` where its key was
    /// revoked.
    fn sign_access(&self, key: KeyId, grant: &Grant, issue: &Issue) -> Result<Option<SecretString>, Unavailable> {
        let audience = if issue.audience.is_whole() { None } else { Some(issue.audience.iter().map(str::to_owned).collect()) };
        self.sign(Typ::AccessToken, key, grant, issue, audience, issue.access_until)
    }

    /// Writes out a refresh token that lasts, with the issue that it is made with.
    fn sign_refresh(&self, grant: &Grant, issue: &Issue, audience: &str) -> Result<Option<SecretString>, Unavailable> {
        match (issue.lasting, issue.refresh_until) {
            (Some(lasting), Some(until)) if lasting.number == issue.number => {
                self.sign(Typ::RefreshToken, lasting.key, grant, issue, Some(vec![audience.to_owned()]), until)
            }
            // Its app has it.
            _ => Ok(None),
        }
    }

    fn sign(
        &self,
        typ: Typ,
        key: KeyId,
        grant: &Grant,
        issue: &Issue,
        audience: Option<Vec<String>>,
        until: Timestamp,
    ) -> Result<Option<SecretString>, Unavailable> {
        let signing = self.verifier.signing().load();
        let user = grant.approval().and_then(|approval| approval.user);
        let claims = Claims {
            iss: signing.issuer().to_owned(),
            sub: user.map_or_else(|| grant.client.to_string(), |user| user.to_string()),
            aud: audience.unwrap_or_else(|| vec![signing.issuer().to_owned()]),
            client_id: grant.client.clone(),
            iat: issue.issued.as_second(),
            exp: until.as_second(),
            jti: Jti { grant: grant.id, number: issue.number },
            scope: issue.scopes.clone(),
        };
        match signing.sign(typ, key, &claims) {
            Ok(token) => Ok(Some(token)),
            Err(SignError::NoKey(_)) => Ok(None),
            Err(error @ (SignError::TooLong | SignError::Failed(_))) => Err(Unavailable::because(error)),
        }
    }

    /// Writes out an issue as tokens; `None` where its root was dropped, which ends it.
    pub(super) async fn tokens(&self, style: &Style, grant: &Grant, issue: &Issue) -> Result<Option<Tokens>, Unavailable> {
        let mint = |prefix, kind| token::mint(&self.keyring, issue.root, prefix, kind, grant.id.as_bytes(), issue.number, &grant.salt);
        let access = match issue.key {
            None => mint(style.access, Kind::Access),
            Some(key) => self.sign_access(key, grant, issue)?,
        };
        let Some(access) = access else { return Ok(None) };
        let refresh = match style.refresh.as_ref().filter(|_| issue.refresh_until.is_some()) {
            Some(RefreshStyle::Rotating { prefix, .. }) => mint(prefix, Kind::Refresh),
            Some(RefreshStyle::Lasting { audience, .. }) => self.sign_refresh(grant, issue, audience)?,
            None => None,
        };
        let user = match grant.approval().and_then(|approval| approval.user) {
            Some(user) => self.store.user(user).await?,
            None => None,
        };
        let life = issue.access_until.duration_since(issue.issued).unsigned_abs();
        Ok(Some(Tokens {
            grant: grant.id,
            access,
            refresh,
            // The life, not what is left of it: a repeated answer is the same answer.
            expires_in: life.as_secs(),
            scopes: issue.scopes.clone(),
            user: user.map(|user| user.record),
        }))
    }
}
