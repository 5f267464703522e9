//! `grant`: what apps were given.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::Serialize;

use super::{Admin, AdminAnswer, AdminError, Argument, Arguments, Form, Noun, Says, Verb, to_the_second, users};
use crate::{
    engine::{Application, Error},
    oauth::{
        claim::Claim,
        grant::{Grant, RevokedBecause, State},
        id::{ClientId, GrantId},
        scope::Scopes,
        user::{User, UserName},
    },
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
            about: "Show what opens something now, the newest of each user first. Personal tokens have the client `personal`",
            arguments: &[
                Argument { name: "user", form: Form::Optional, value: "NAME", about: "Only what this user granted." },
                Argument { name: "client", form: Form::Optional, value: "ID", about: "Only what clients of this id were granted." },
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
            says: Says::Words("Grant {id} is {state}. It opens nothing now."),
            run: |admin, arguments| Box::pin(revoke(admin, arguments)),
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
    fn of(grant: &'a Grant, user: Option<&'a User>, now: Timestamp, last_used: Option<Timestamp>) -> Self {
        let (approval, requester) = (grant.approval(), &grant.requester);
        Self {
            id: grant.id,
            state: state(grant, user, now),
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

/// How far it has come, in one word. A user who is disabled or took back everything decides before
/// the record does.
fn state(grant: &Grant, user: Option<&User>, now: Timestamp) -> &'static str {
    let withdrawn = grant
        .approval()
        .is_some_and(|approval| approval.user.is_some() && user.is_none_or(|user| user.generation != approval.user_generation));
    match &grant.state {
        State::Approved { .. } | State::Live { .. } if withdrawn => "revoked",
        State::Pending { .. } | State::Approved { .. } | State::Live { .. } if grant.ends() <= now => "expired",
        State::Approved { .. } | State::Live { .. } if user.is_some_and(|user| !user.enabled) => "suspended",
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
    let client = arguments.optional("client");
    let mut found: Vec<(&User, Application)> = Vec::new();
    for user in &users {
        let live = admin.engine.live_grants(user).await?.into_iter();
        found.extend(live.filter(|live| client.is_none_or(|client| live.grant.client.as_str() == client)).map(|live| (user, live)));
    }
    let now = admin.clock.now();
    AdminAnswer::of(&found.iter().map(|(user, live)| Shown::of(&live.grant, Some(user), now, live.last_used)).collect::<Vec<_>>())
}

async fn show(admin: &Admin, arguments: Arguments) -> Result<AdminAnswer, AdminError> {
    let id = arguments.grant_id("id")?;
    let grant = admin.engine.grant(id).await?.ok_or_else(|| unknown(id))?;
    shown(admin, &grant).await
}

async fn revoke(admin: &Admin, arguments: Arguments) -> Result<AdminAnswer, AdminError> {
    let grant = revoked(admin, arguments.grant_id("id")?).await?;
    shown(admin, &grant).await
}

/// Takes it back.
pub(super) async fn revoked(admin: &Admin, id: GrantId) -> Result<Grant, AdminError> {
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
    let last_used = admin.engine.last_used(grant.id).await?;
    AdminAnswer::of(&Shown::of(grant, user.as_ref(), admin.clock.now(), last_used))
}

/// There is none of that id.
pub(super) fn unknown(id: GrantId) -> AdminError {
    AdminError::not_found(format!("there is no grant {id}"))
}
