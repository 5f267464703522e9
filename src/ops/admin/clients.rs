//! `client`: the apps that may ask.

mod add;
mod change;

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Serialize;

use super::{Admin, AdminAnswer, AdminError, Argument, Arguments, Form, Noun, Says, Verb, to_the_second, users};
use crate::{
    engine::PERSONAL,
    oauth::{
        client::{Client, GrantType, Origin},
        id::{ClientId, UserId},
        scope::Scopes,
        signing::TokenFormat,
        user::UserName,
    },
};
pub use add::MakesClients;

const ID: Argument = Argument { name: "id", form: Form::Positional, value: "ID", about: "Its client_id." };
const DIALECT: Argument =
    Argument { name: "dialect", form: Form::Optional, value: "NAME", about: "Which dialect's, where several have a client of that id." };
const ONE: &[Argument] = &[ID, DIALECT];

/// The rows.
pub(super) const NOUN: Noun = Noun {
    name: "client",
    about: "The apps that may ask",
    verbs: &[
        Verb {
            verb: "list",
            about: "Show all clients, those of the configuration and those that were made",
            arguments: &[
                Argument { name: "user", form: Form::Optional, value: "NAME", about: "Only what this user made." },
                Argument { name: "dialect", form: Form::Optional, value: "NAME", about: "Only this dialect's." },
            ],
            says: Says::Table {
                columns: &["id", "dialect", "name", "origin", "user", "enabled", "verified", "scopes"],
                none: "There are no clients.",
            },
            run: |admin, arguments| Box::pin(list(admin, arguments)),
        },
        Verb {
            verb: "show",
            about: "Show a client",
            arguments: ONE,
            says: Says::Fields(&[
                "id",
                "dialect",
                "name",
                "description",
                "origin",
                "user",
                "enabled",
                "verified",
                "public",
                "scopes",
                "grant_types",
                "redirect_uris",
                "tokens",
                "resource_server",
                "created",
                "expires",
            ]),
            run: |admin, arguments| Box::pin(show(admin, arguments)),
        },
        add::VERB,
        change::DISABLE,
        change::ENABLE,
        change::RESET,
        change::REVOKE,
        change::VERIFY,
        change::UNVERIFY,
        change::DELETE,
    ],
};

/// A client, as answers have it.
#[derive(Serialize)]
struct Shown<'a> {
    id: &'a ClientId,
    dialect: &'a str,
    name: &'a str,
    description: Option<&'a str>,
    origin: Origin,
    user: Option<&'a UserName>,
    enabled: bool,
    verified: bool,
    public: bool,
    scopes: &'a Scopes,
    grant_types: String,
    redirect_uris: String,
    /// How its access tokens are written, if not as the dialect's.
    tokens: Option<&'static str>,
    resource_server: bool,
    created: Option<Timestamp>,
    expires: Option<Timestamp>,
}

impl<'a> Shown<'a> {
    fn of(client: &'a Client, user: Option<&'a UserName>) -> Self {
        Self {
            id: &client.id,
            dialect: &client.dialect,
            name: &client.name,
            description: client.description.as_deref(),
            origin: client.origin,
            user,
            enabled: client.enabled,
            verified: client.verified,
            public: client.is_public(),
            scopes: &client.scopes,
            grant_types: spaced(client.grant_types.iter().copied().map(GrantType::as_str)),
            redirect_uris: spaced(client.redirect_uris.iter().map(|uri| uri.as_str())),
            tokens: client.format.map(|format| match format {
                TokenFormat::Opaque => "opaque",
                TokenFormat::Jwt(algorithm) => algorithm.as_str(),
            }),
            resource_server: client.resource_server.is_some(),
            created: client.created.map(to_the_second),
            expires: client.expires.map(to_the_second),
        }
    }
}

fn spaced<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(" ")
}

async fn list(admin: &Admin, arguments: Arguments) -> Result<AdminAnswer, AdminError> {
    let mut clients = match arguments.optional("user") {
        Some(_) => admin.engine.clients_of(users::named(admin, &arguments.user_name("user")?).await?.id).await?,
        None => all(admin).await?,
    };
    clients.retain(|client| arguments.optional("dialect").is_none_or(|dialect| client.dialect == dialect));
    clients.sort_by(|one, other| (&one.dialect, one.created, &one.id).cmp(&(&other.dialect, other.created, &other.id)));
    let users: HashMap<UserId, UserName> = admin.engine.users().await?.into_iter().map(|user| (user.id, user.name)).collect();
    let shown = clients.iter().map(|client| Shown::of(client, client.owner.and_then(|owner| users.get(&owner))));
    AdminAnswer::of(&shown.collect::<Vec<_>>())
}

async fn show(admin: &Admin, arguments: Arguments) -> Result<AdminAnswer, AdminError> {
    shown(admin, &named(admin, &arguments).await?).await
}

/// The answer about one.
async fn shown(admin: &Admin, client: &Client) -> Result<AdminAnswer, AdminError> {
    let user = owner(admin, client).await?;
    AdminAnswer::of(&Shown::of(client, user.as_ref()))
}

async fn owner(admin: &Admin, client: &Client) -> Result<Option<UserName>, AdminError> {
    Ok(match client.owner {
        Some(owner) => admin.engine.user(owner).await?.map(|user| user.name),
        None => None,
    })
}

/// All but the one that stands for users' personal tokens, which is no app.
async fn all(admin: &Admin) -> Result<Vec<Client>, AdminError> {
    let mut clients = admin.engine.all_clients().await?;
    clients.retain(|client| client.dialect != PERSONAL);
    Ok(clients)
}

/// The one client that is meant.
async fn named(admin: &Admin, arguments: &Arguments) -> Result<Client, AdminError> {
    let (id, dialect) = (arguments.text("id")?, arguments.optional("dialect"));
    let mut found = all(admin).await?;
    found.retain(|client| client.id.as_str() == id && dialect.is_none_or(|dialect| client.dialect == dialect));
    match (found.pop(), found.as_slice()) {
        (Some(client), []) => Ok(client),
        (None, _) => Err(unknown(&ClientId::new(id))),
        (Some(last), others) => {
            let mut dialects: Vec<&str> = others.iter().chain([&last]).map(|client| client.dialect.as_str()).collect();
            dialects.sort_unstable();
            Err(AdminError::invalid(format!("there is a client of that id in {}; name one of these as `dialect`", dialects.join(" and "))))
        }
    }
}

fn unknown(id: &ClientId) -> AdminError {
    AdminError::not_found(format!("there is no client {:?}", id.as_str()))
}
