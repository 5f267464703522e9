//! `client add`.

use std::collections::BTreeSet;

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::{Shown, spaced};
use crate::{
    engine::{CreateClient, CreateClientError, Spelling},
    oauth::{
        audience::Audience,
        claim::Claim,
        client::{GrantType, Origin},
        redirect::RedirectUri,
        scope::Scopes,
        signing::TokenFormat,
    },
    ops::admin::{Admin, AdminAnswer, AdminError, Argument, Arguments, Form, Says, Verb, users},
};

/// A dialect in which clients can be made.
#[derive(Clone, Debug)]
pub struct MakesClients {
    /// How it spells what they get.
    pub spelling: Spelling,
    /// The scopes that they may have.
    pub scopes: Scopes,
    /// In which ways they may ask.
    pub grant_types: &'static [GrantType],
    /// Whether they may do without a secret.
    pub may_be_public: bool,
}

/// The longest description, in Unicode scalar values.
const MAX_DESCRIPTION: usize = 500;

/// The row.
pub(super) const VERB: Verb = Verb {
    verb: "add",
    about: "Make a client. Its secret is shown this once",
    arguments: &[
        Argument { name: "name", form: Form::Required, value: "TEXT", about: "What people will know it by." },
        Argument { name: "scopes", form: Form::Required, value: "SCOPES", about: "What it may ask for, separated by spaces." },
        Argument {
            name: "redirect_uris",
            form: Form::Optional,
            value: "REDIRECT_URIS",
            about: "Where browsers may take answers, separated by spaces.",
        },
        Argument {
            name: "grant_types",
            form: Form::Optional,
            value: "GRANT_TYPES",
            about: "In which ways it may ask, separated by spaces; if absent, in all that its dialect has for such a client, and a \
                    resource server in none.",
        },
        Argument { name: "public", form: Form::Flag, value: "PUBLIC", about: "It cannot keep a secret, and gets none." },
        Argument {
            name: "resource_server",
            form: Form::Flag,
            value: "RESOURCE_SERVER",
            about: "It may ask what a token is worth (RFC 7662).",
        },
        Argument {
            name: "dialect",
            form: Form::Optional,
            value: "NAME",
            about: "In which dialect, where several have clients that are made.",
        },
        Argument { name: "user", form: Form::Optional, value: "NAME", about: "The user whose it is; nobody's if absent." },
        Argument {
            name: "tokens",
            form: Form::Optional,
            value: "FORMAT",
            about: "How its access tokens are written: opaque, EdDSA or ES256 (JWTs, signed so); as the dialect's if absent.",
        },
        Argument { name: "verified", form: Form::Flag, value: "VERIFIED", about: "Vouch for its name." },
        Argument { name: "description", form: Form::Optional, value: "TEXT", about: "What it is for." },
    ],
    says: Says::Fields(&["id", "dialect", "name", "user", "scopes", "grant_types", "redirect_uris", "tokens", "secret"]),
    run: |admin, arguments| Box::pin(add(admin, arguments)),
};

/// A client that has just been made.
#[derive(Serialize)]
struct Made<'a> {
    #[serde(flatten)]
    client: Shown<'a>,
    secret: Option<&'a str>,
}

/// The answer about one that has a new secret.
pub(super) async fn with_secret(
    admin: &Admin,
    client: &crate::oauth::client::Client,
    secret: Option<&SecretString>,
) -> Result<AdminAnswer, AdminError> {
    let user = super::owner(admin, client).await?;
    AdminAnswer::of(&Made { client: Shown::of(client, user.as_ref()), secret: secret.map(ExposeSecret::expose_secret) })
}

async fn add(admin: &Admin, arguments: Arguments) -> Result<AdminAnswer, AdminError> {
    let maker = maker(admin, arguments.optional("dialect"))?;
    let owner = match arguments.optional("user") {
        Some(_) => Some(users::named(admin, &arguments.user_name("user")?).await?.id),
        None => None,
    };
    let (public, resource_server) = (arguments.flag("public")?, arguments.flag("resource_server")?);
    if public && resource_server {
        return Err(AdminError::invalid("a resource server says who it is with a secret, and a public client has none"));
    }
    if public && !maker.may_be_public {
        let dialect = maker.spelling.dialect;
        return Err(AdminError::invalid(format!("a client of the dialect {dialect} always has a secret; leave `public` out")));
    }
    let redirect_uris = redirect_uris(arguments.optional("redirect_uris").unwrap_or_default())?;
    let create = CreateClient {
        spelling: maker.spelling,
        owner,
        origin: Origin::Managed,
        name: Claim::exact(arguments.text("name")?).map_err(|flaw| AdminError::invalid(format!("the name {flaw}")))?,
        description: arguments.optional("description").map(description).transpose()?,
        scopes: scopes(maker, arguments.text("scopes")?)?,
        grant_types: match arguments.optional("grant_types") {
            Some(text) => grant_types(maker, text, public, !redirect_uris.is_empty())?,
            None if resource_server => BTreeSet::new(),
            None => all_grant_types(maker, public, !redirect_uris.is_empty()),
        },
        redirect_uris,
        public,
        format: arguments.optional("tokens").map(format).transpose()?,
        resource_server: resource_server.then(Audience::default),
        verified: arguments.flag("verified")?,
    };
    if create.grant_types.is_empty() && !resource_server {
        return Err(AdminError::invalid("there is no way in which it could ask; give it `redirect_uris`"));
    }
    if !create.redirect_uris.is_empty() && !create.grant_types.contains(&GrantType::AuthorizationCode) {
        return Err(AdminError::invalid("it has `redirect_uris`, which are of use with the grant type authorization_code alone"));
    }
    let (client, secret) = admin.engine.create_client(create).await.map_err(|error| match error {
        CreateClientError::TooMany => AdminError::invalid(error.to_string()),
        CreateClientError::Other(error) => error.into(),
    })?;
    with_secret(admin, &client, secret.as_ref()).await
}

/// The dialect that is named, or the only one.
fn maker<'a>(admin: &'a Admin, named: Option<&str>) -> Result<&'a MakesClients, AdminError> {
    let makers = admin.makes_clients.as_slice();
    let dialects = spaced(makers.iter().map(|maker| maker.spelling.dialect));
    match (named, makers) {
        (_, []) => Err(AdminError::invalid(
            "no dialect that is on has clients that are made here; turn one on that has, or declare the client in the configuration file",
        )),
        (None, [only]) => Ok(only),
        (None, _) => Err(AdminError::invalid(format!("several dialects have clients that are made; name one as `dialect`: {dialects}"))),
        (Some(name), _) => made_in(admin, name)
            .ok_or_else(|| AdminError::invalid(format!("`dialect` names one that is on and has clients that are made: {dialects}"))),
    }
}

/// That dialect, if clients are made in it.
pub(super) fn made_in<'a>(admin: &'a Admin, dialect: &str) -> Option<&'a MakesClients> {
    admin.makes_clients.iter().find(|maker| maker.spelling.dialect == dialect)
}

fn scopes(maker: &MakesClients, text: &str) -> Result<Scopes, AdminError> {
    let scopes = Scopes::parse(text).map_err(|error| AdminError::invalid(error.to_string()))?;
    if maker.scopes.cover(&scopes) {
        Ok(scopes)
    } else {
        let (dialect, offered) = (maker.spelling.dialect, &maker.scopes);
        Err(AdminError::invalid(format!("a client of the dialect {dialect} may have some of these scopes: {offered}")))
    }
}

fn redirect_uris(text: &str) -> Result<Vec<RedirectUri>, AdminError> {
    let mut uris = Vec::new();
    for (at, text) in text.split(' ').filter(|text| !text.is_empty()).enumerate() {
        // Not quoted: there may be a password in it.
        let uri = RedirectUri::parse(text).map_err(|flaw| AdminError::invalid(format!("redirect URI {} {flaw}", at + 1)))?;
        if !uris.contains(&uri) {
            uris.push(uri);
        }
    }
    Ok(uris)
}

/// In which ways a client of this kind can ask: nobody brings an answer where there is no redirect
/// URI (RFC 6749 section 4.1), and who has no secret has nothing of his own (section 4.4).
fn all_grant_types(maker: &MakesClients, public: bool, has_redirect_uri: bool) -> BTreeSet<GrantType> {
    let fits = |grant_type: &GrantType| match grant_type {
        GrantType::AuthorizationCode => has_redirect_uri,
        GrantType::ClientCredentials => !public,
        GrantType::DeviceCode | GrantType::RefreshToken => true,
    };
    let all: BTreeSet<GrantType> = maker.grant_types.iter().copied().filter(fits).collect();
    // With nothing to refresh.
    if all.iter().all(|grant_type| *grant_type == GrantType::RefreshToken) { BTreeSet::new() } else { all }
}

fn grant_types(maker: &MakesClients, text: &str, public: bool, has_redirect_uri: bool) -> Result<BTreeSet<GrantType>, AdminError> {
    let fitting = all_grant_types(maker, public, has_redirect_uri);
    let read = |text: &str| {
        let grant_type = GrantType::parse(text).filter(|grant_type| maker.grant_types.contains(grant_type)).ok_or_else(|| {
            let offered = spaced(maker.grant_types.iter().copied().map(GrantType::as_str));
            AdminError::invalid(format!("a client of the dialect {} may have some of these grant types: {offered}", maker.spelling.dialect))
        })?;
        match grant_type {
            _ if fitting.contains(&grant_type) => Ok(grant_type),
            GrantType::AuthorizationCode => Err(AdminError::invalid("authorization_code needs `redirect_uris`")),
            GrantType::ClientCredentials => {
                Err(AdminError::invalid("client_credentials are for clients with a secret, and it is `public`"))
            }
            GrantType::RefreshToken | GrantType::DeviceCode => Err(AdminError::invalid("there is nothing that it could refresh")),
        }
    };
    text.split(' ').filter(|text| !text.is_empty()).map(read).collect()
}

fn format(text: &str) -> Result<TokenFormat, AdminError> {
    let format = TokenFormat::ALL.into_iter().find(|format| format.as_str() == text);
    format.ok_or_else(|| AdminError::invalid("`tokens` is opaque, EdDSA or ES256"))
}

fn description(text: &str) -> Result<String, AdminError> {
    let text = text.trim();
    if text.chars().count() <= MAX_DESCRIPTION && !text.contains(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err(AdminError::invalid(format!("a description is one line of at most {MAX_DESCRIPTION} characters")))
    }
}
