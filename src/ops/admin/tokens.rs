//! `token`: personal tokens, which stand for a user in his own scripts.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde::Serialize;

use super::{
    Admin, AdminAnswer, AdminError, Argument, Arguments, Form, Noun, Says, Verb,
    grants::{self, ID},
    to_the_second, users,
};
use crate::{
    engine::{CreateToken, CreateTokenError, Engine, PERSONAL, PersonalToken},
    oauth::{claim::Claim, id::GrantId, scope::Scopes},
};

const USER: Argument = Argument { name: "user", form: Form::Required, value: "NAME", about: "For whom the token speaks." };
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const USUAL_LIFE: Duration = Duration::from_secs(90 * DAY.as_secs());
const SHORTEST_LIFE: Duration = Duration::from_secs(60);
const LONGEST_LIFE: Duration = Duration::from_secs(400 * DAY.as_secs());

/// The rows.
pub(super) const NOUN: Noun = Noun {
    name: "token",
    about: "Personal tokens, for users' own scripts",
    verbs: &[
        Verb {
            verb: "create",
            about: "Make a token. It is shown this once",
            arguments: &[
                USER,
                Argument { name: "name", form: Form::Required, value: "TEXT", about: "What its user will know it by." },
                Argument {
                    name: "scopes",
                    form: Form::Required,
                    value: "SCOPES",
                    about: "What it may do, separated by spaces: what the user may grant, and the gateway's own.",
                },
                Argument { name: "expires", form: Form::Optional, value: "TIME", about: "How long it lives, 1m to 400d; 90d if absent." },
            ],
            says: Says::Words("Token {id} speaks for {user} until {expires}. It is shown this once:\n{token}"),
            run: |admin, arguments| Box::pin(create(admin, arguments)),
        },
        Verb {
            verb: "list",
            about: "Show a user's tokens, the newest first",
            arguments: &[USER],
            says: Says::Table { columns: &["id", "name", "scopes", "created", "expires", "last_used"], none: "The user has no tokens." },
            run: |admin, arguments| Box::pin(list(admin, arguments)),
        },
        Verb {
            verb: "revoke",
            about: "Take a token back. Answers that are on their way are cut off",
            arguments: &[ID],
            says: Says::TakenBack("Token {id} opens nothing now."),
            run: |admin, arguments| Box::pin(revoke(admin, arguments)),
        },
    ],
};

/// A token, as answers have it. The id is that of its grant.
#[derive(Serialize)]
struct Shown<'a> {
    id: GrantId,
    name: Option<&'a Claim>,
    scopes: &'a Scopes,
    created: Timestamp,
    expires: Timestamp,
    last_used: Option<Timestamp>,
}

impl<'a> Shown<'a> {
    fn of(token: &'a PersonalToken) -> Self {
        Self {
            id: token.grant,
            name: token.name.as_ref(),
            scopes: &token.scopes,
            created: to_the_second(token.created),
            expires: to_the_second(token.expires),
            last_used: token.last_used.map(to_the_second),
        }
    }
}

/// A token that has just been made.
#[derive(Serialize)]
struct Made<'a> {
    id: GrantId,
    user: &'a str,
    name: &'a Claim,
    scopes: &'a Scopes,
    expires: Timestamp,
    token: &'a str,
}

async fn create(admin: &Admin, arguments: Arguments) -> Result<AdminAnswer, AdminError> {
    let user = users::named(admin, &arguments.user_name("user")?).await?;
    let name = Claim::exact(arguments.text("name")?).map_err(|flaw| AdminError::invalid(format!("the name {flaw}")))?;
    let life = arguments.duration("expires", SHORTEST_LIFE, LONGEST_LIFE)?.unwrap_or(USUAL_LIFE);
    let scopes = Scopes::parse(arguments.text("scopes")?).map_err(|error| AdminError::invalid(error.to_string()))?;
    let offered = Engine::offered(&user);
    if !user.enabled {
        return Err(AdminError::invalid(format!("user {} is disabled", user.name)));
    }
    if scopes.is_empty() || !offered.cover(&scopes) {
        return Err(AdminError::invalid(format!("a token of user {} may have some of these scopes: {offered}", user.name)));
    }
    let create = CreateToken { name: name.clone(), scopes: scopes.clone(), life, network: IpAddr::V4(Ipv4Addr::LOCALHOST) };
    let (id, token) = admin.engine.create_token(&user, create).await.map_err(|error| match error {
        CreateTokenError::TooMany => AdminError::invalid(error.to_string()),
        CreateTokenError::Other(error) => error.into(),
    })?;
    let expires = admin.engine.grant(id).await?.map(|grant| grant.ends()).ok_or_else(|| grants::unknown(id))?;
    let (user, token) = (user.name.as_str(), token.expose_secret());
    AdminAnswer::of(&Made { id, user, name: &name, scopes: &scopes, expires: to_the_second(expires), token })
}

async fn list(admin: &Admin, arguments: Arguments) -> Result<AdminAnswer, AdminError> {
    let user = users::named(admin, &arguments.user_name("user")?).await?;
    let tokens = admin.engine.personal_tokens(&user).await?;
    AdminAnswer::of(&tokens.iter().map(Shown::of).collect::<Vec<_>>())
}

async fn revoke(admin: &Admin, arguments: Arguments) -> Result<AdminAnswer, AdminError> {
    let id = arguments.grant_id("id")?;
    let grant = admin.engine.grant(id).await?.filter(|grant| grant.dialect == PERSONAL);
    if grant.is_none() {
        return Err(AdminError::not_found(format!("there is no token {id}")));
    }
    let (grant, receipt) = grants::revoked(admin, id).await?;
    AdminAnswer::of(&serde_json::json!({"id": grant.id, "name": grant.requester.device}))?.with(receipt)
}
