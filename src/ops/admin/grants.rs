//! `grant`: what apps were given.

use std::{collections::HashMap, net::IpAddr};

use jiff::Timestamp;
use serde::Serialize;

use super::{Admin, AdminAnswer, AdminError, Argument, Arguments, Form, Noun, Says, Verb, to_the_second, users};
use crate::{
    engine::{Application, Error},
    oauth::{
        claim::Claim,
        client::{Client, ClientKey},
        grant::{Grant, RevokedBecause, State},
        id::{ClientId, GrantId},
        scope::Scopes,
        user::{User, UserName},
    },
    verify::Receipt,
};

/// Which grant is meant.
pub(super) const ID: Argument =
    Argument { name: "id", form: Form::Positional, value: "ID", about: "The id, as lists and the log have it." };

/// The rows.
pub(super) const NOUN: Noun = Noun {
    name: "grant",
    about: "What users have let apps do",
    verbs: &[
        Verb {
            verb: "list",
            about: "Show what opens something now, the newest of each user first. Personal tokens have the client `personal`; \
                    what a client was given for itself, without a user, comes last",
            arguments: &[
                Argument { name: "user", form: Form::Optional, value: "NAME", about: "Only what this user granted." },
                Argument { name: "client", form: Form::Optional, value: "ID", about: "Only what clients of this id were given." },
            ],
            says: Says::Table { columns: &["id", "user", "client", "state", "scopes", "ends", "last_used"], none: "There are no grants." },
            run: |admin, arguments| Box::pin(list(admin, arguments)),
        },
        Verb {
            verb: "show",
            about: "Show a grant, whatever has become of it",
            arguments: &[ID],
            says: Says::Fields(&[
                "id",
                "state",
                "because",
                "user",
                "client",
                "dialect",
                "app",
                "device",
                "platform",
                "network",
                "scopes",
                "asked",
                "approved",
                "ends",
                "last_used",
            ]),
            run: |admin, arguments| Box::pin(show(admin, arguments)),
        },
        Verb {
            verb: "revoke",
            about: "Take a grant back. Answers that are on their way are cut off",
            arguments: &[ID],
            says: Says::TakenBack("Grant {id} is {state}. It opens nothing now."),
            run: |admin, arguments| Box::pin(revoke(admin, arguments)),
        },
        Verb {
            verb: "revoke-before",
            about: "Take back what was authorized before a moment. Personal tokens included, as after a restored backup. \
                    Answers that are on their way are cut off. It cannot be undone",
            arguments: &[
                Argument {
                    name: "time",
                    form: Form::Positional,
                    value: "TIME",
                    about: "As RFC 3339 has it, such as 2027-01-15T08:00:00Z.",
                },
                Argument { name: "user", form: Form::Optional, value: "NAME", about: "Only what this user granted." },
                Argument { name: "client", form: Form::Optional, value: "ID", about: "Only what clients of this id were given." },
            ],
            says: Says::TakenBack("{revoked} grants that were authorized before {before} are revoked."),
            run: |admin, arguments| Box::pin(revoke_before(admin, arguments)),
        },
    ],
};

/// A grant, as answers have it. What the app says of itself is `app`, `device` and `platform`.
#[derive(Serialize)]
struct Shown<'a> {
    id: GrantId,
    state: &'static str,
    because: Option<RevokedBecause>,
    user: Option<&'a UserName>,
    client: &'a ClientId,
    dialect: &'a str,
    app: &'a str,
    device: Option<&'a Claim>,
    platform: Option<&'a Claim>,
    network: IpAddr,
    scopes: &'a Scopes,
    asked: Timestamp,
    approved: Option<Timestamp>,
    ends: Timestamp,
    last_used: Option<Timestamp>,
}

impl<'a> Shown<'a> {
    fn of(grant: &'a Grant, user: Option<&'a User>, client: Option<&Client>, now: Timestamp, last_used: Option<Timestamp>) -> Self {
        let (approval, requester) = (grant.approval(), &grant.requester);
        Self {
            id: grant.id,
            state: state(grant, user, client, now),
            because: if let State::Revoked { why, .. } = &grant.state { Some(*why) } else { None },
            user: user.map(|user| &user.name),
            client: &grant.client,
            dialect: &grant.dialect,
            app: requester.app.as_ref().map_or(grant.app.name.as_str(), Claim::as_str),
            device: requester.device.as_ref(),
            platform: requester.platform.as_ref(),
            network: requester.network,
            scopes: approval.map_or(&grant.requested, |approval| &approval.scopes),
            asked: to_the_second(grant.created),
            approved: approval.map(|approval| to_the_second(approval.at)),
            ends: to_the_second(grant.ends()),
            last_used: last_used.map(to_the_second),
        }
    }
}

/// How far it has come, in one word. A user or a client that is disabled, or from whom everything was
/// taken back, decides before the record does.
fn state(grant: &Grant, user: Option<&User>, client: Option<&Client>, now: Timestamp) -> &'static str {
    let withdrawn = grant.approval().is_some_and(|approval| {
        client.is_none_or(|client| client.generation != approval.client_generation)
            || approval.user.is_some() && user.is_none_or(|user| user.generation != approval.user_generation)
    });
    let stopped = user.is_some_and(|user| !user.enabled) || client.is_some_and(|client| !client.enabled);
    match &grant.state {
        State::Approved { .. } | State::Live { .. } if withdrawn => "revoked",
        State::Pending { .. } | State::Approved { .. } | State::Live { .. } if grant.ends() <= now => "expired",
        State::Approved { .. } | State::Live { .. } if stopped => "suspended",
        State::Pending { .. } => "pending",
        State::Approved { .. } => "approved",
        State::Live { .. } => "live",
        State::Void { .. } => "void",
        State::Denied { .. } => "denied",
        State::Revoked { .. } => "revoked",
    }
}

async fn list(admin: &Admin, arguments: Arguments) -> Result<AdminAnswer, AdminError> {
    let users = match arguments.optional("user") {
        Some(_) => vec![users::named(admin, &arguments.user_name("user")?).await?],
        None => admin.engine.users().await?,
    };
    let mut clients = admin.engine.all_clients().await?;
    clients.retain(|client| arguments.optional("client").is_none_or(|id| client.id.as_str() == id));
    let mut found: Vec<(Option<&User>, Application)> = Vec::new();
    for user in &users {
        found.extend(admin.engine.live_grants(user).await?.into_iter().map(|live| (Some(user), live)));
    }
    if arguments.optional("user").is_none() {
        for client in &clients {
            found.extend(admin.engine.own_grants(client).await?.into_iter().map(|live| (None, live)));
        }
    }
    let clients: HashMap<ClientKey, &Client> = clients.iter().map(|client| (client.key(), client)).collect();
    let now = admin.clock.now();
    let shown = found.iter().filter_map(|(user, Application { grant, last_used, .. })| {
        let client = clients.get(&ClientKey::of(&grant.dialect, &grant.client))?;
        Some(Shown::of(grant, *user, Some(client), now, *last_used))
    });
    AdminAnswer::of(&shown.collect::<Vec<_>>())
}

async fn show(admin: &Admin, arguments: Arguments) -> Result<AdminAnswer, AdminError> {
    let id = arguments.grant_id("id")?;
    let grant = admin.engine.grant(id).await?.ok_or_else(|| unknown(id))?;
    shown(admin, &grant).await
}

async fn revoke(admin: &Admin, arguments: Arguments) -> Result<AdminAnswer, AdminError> {
    let (grant, receipt) = revoked(admin, arguments.grant_id("id")?).await?;
    shown(admin, &grant).await?.with(receipt)
}

async fn revoke_before(admin: &Admin, arguments: Arguments) -> Result<AdminAnswer, AdminError> {
    let before: Timestamp = arguments
        .text("time")?
        .parse()
        .map_err(|error| AdminError::invalid(format!("`time` is no moment such as 2027-01-15T08:00:00Z: {error}")))?;
    let user = match arguments.optional("user") {
        Some(_) => Some(users::named(admin, &arguments.user_name("user")?).await?.id),
        None => None,
    };
    let of = arguments.optional("client");
    let (revoked, receipt) = admin.engine.revoke_before(before, user, |client| of.is_none_or(|id| client.id.as_str() == id)).await?;
    AdminAnswer::of(&serde_json::json!({"revoked": revoked, "before": before}))?.with(receipt)
}

/// Takes it back.
pub(super) async fn revoked(admin: &Admin, id: GrantId) -> Result<(Grant, Option<Receipt>), AdminError> {
    admin.engine.revoke_grant(id).await.map_err(|error| match error {
        Error::Refused(_) => unknown(id),
        other => other.into(),
    })
}

async fn shown(admin: &Admin, grant: &Grant) -> Result<AdminAnswer, AdminError> {
    let user = match grant.approval().and_then(|approval| approval.user) {
        Some(user) => admin.engine.user(user).await?,
        None => None,
    };
    let client = admin.engine.find_client(&grant.dialect, &grant.client, None).await?;
    let last_used = admin.engine.last_used(grant.id).await?;
    AdminAnswer::of(&Shown::of(grant, user.as_ref(), client.as_ref(), admin.clock.now(), last_used))
}

/// There is none of that id.
pub(super) fn unknown(id: GrantId) -> AdminError {
    AdminError::not_found(format!("there is no grant {id}"))
}
