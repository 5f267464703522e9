//! What can be done to a client that is there.

use super::{ONE, Origin, add, named, shown, unknown};
use crate::{
    engine::Error,
    oauth::client::Client,
    ops::admin::{Admin, AdminAnswer, AdminError, Arguments, Says, Verb},
};

/// The row.
pub(super) const DISABLE: Verb = Verb {
    verb: "disable",
    about: "Stop a client: it may ask for nothing, and nothing that it was given opens anything. \
            Answers that are on their way are cut off. `enable` undoes it, but for these",
    arguments: ONE,
    says: Says::TakenBack("Client {id} is disabled. Nothing that it was given opens anything now."),
    run: |admin, arguments| Box::pin(async move { changed(admin, &arguments, |client| client.enabled = false).await }),
};

/// The row.
pub(super) const ENABLE: Verb = Verb {
    verb: "enable",
    about: "Let a disabled client go on. What it was given before opens what it opened",
    arguments: ONE,
    says: Says::Words("Client {id} is enabled."),
    run: |admin, arguments| Box::pin(async move { changed(admin, &arguments, |client| client.enabled = true).await }),
};

/// The row.
pub(super) const REVOKE: Verb = Verb {
    verb: "revoke",
    about: "Take back everything that a client was given, by whomever. \
            Answers that are on their way are cut off. It may ask anew; this cannot be undone",
    arguments: ONE,
    says: Says::TakenBack("Everything that client {id} was given is taken back."),
    run: |admin, arguments| Box::pin(async move { changed(admin, &arguments, |client| client.generation += 1).await }),
};

/// The row.
pub(super) const VERIFY: Verb = Verb {
    verb: "verify",
    about: "Vouch for a client's name: people are no longer told that nobody does",
    arguments: ONE,
    says: Says::Words("Client {id} is verified: people are shown \"{name}\" as a name that you vouch for."),
    run: |admin, arguments| Box::pin(vouch(admin, arguments, true)),
};

/// The row.
pub(super) const UNVERIFY: Verb = Verb {
    verb: "unverify",
    about: "Vouch for a client's name no longer",
    arguments: ONE,
    says: Says::Words("Client {id} is not verified: people are told that nobody vouches for \"{name}\"."),
    run: |admin, arguments| Box::pin(vouch(admin, arguments, false)),
};

/// The row.
pub(super) const RESET: Verb = Verb {
    verb: "reset",
    about: "Give a client a new secret, which is shown this once. The old one is worth nothing from then on; tokens stay",
    arguments: ONE,
    says: Says::Words("Client {id} has a new secret. It is shown this once:\n{secret}"),
    run: |admin, arguments| Box::pin(reset(admin, arguments)),
};

/// The row.
pub(super) const DELETE: Verb = Verb {
    verb: "delete",
    about: "Delete a client, and with it all that it was given. Answers that are on their way are cut off. It cannot be undone",
    arguments: ONE,
    says: Says::TakenBack("Client {id} is gone, and nothing that it was given opens anything now."),
    run: |admin, arguments| Box::pin(delete(admin, arguments)),
};

async fn changed(admin: &Admin, arguments: &Arguments, change: impl Fn(&mut Client)) -> Result<AdminAnswer, AdminError> {
    let client = named(admin, arguments).await?;
    let next = admin.engine.change_client(&client.dialect, &client.id, None, change).await;
    let (next, receipt) = there(&client, next)?;
    shown(admin, &next).await?.with(receipt)
}

async fn vouch(admin: &Admin, arguments: Arguments, verified: bool) -> Result<AdminAnswer, AdminError> {
    not_declared(&named(admin, &arguments).await?, &format!("write `verified = {verified}` there"))?;
    changed(admin, &arguments, |client| client.verified = verified).await
}

async fn reset(admin: &Admin, arguments: Arguments) -> Result<AdminAnswer, AdminError> {
    let client = named(admin, &arguments).await?;
    not_declared(&client, "write another `secret` there")?;
    if client.is_public() {
        return Err(AdminError::invalid(format!("client {} is public, and has no secret", client.id)));
    }
    let maker = add::made_in(admin, &client.dialect)
        .ok_or_else(|| AdminError::invalid(format!("no secrets are made in the dialect {} now; turn it on", client.dialect)))?;
    let reset = admin.engine.reset_client_secret(maker.spelling, &client.id, None).await;
    let (client, secret) = there(&client, reset)?;
    add::with_secret(admin, &client, Some(&secret)).await
}

async fn delete(admin: &Admin, arguments: Arguments) -> Result<AdminAnswer, AdminError> {
    let client = named(admin, &arguments).await?;
    not_declared(&client, "take it out there")?;
    let deleted = admin.engine.delete_client(&client.dialect, &client.id, None).await;
    let (deleted, receipt) = there(&client, deleted)?;
    shown(admin, &deleted).await?.with(receipt)
}

/// What the configuration says of a client stands there alone.
fn not_declared(client: &Client, remedy: &str) -> Result<(), AdminError> {
    match client.origin {
        Origin::Declared => Err(AdminError::invalid(format!(
            "client {} is declared in the configuration file: {remedy}, and start the gateway again; \
             here it can be disabled, enabled and revoked",
            client.id
        ))),
        Origin::Managed | Origin::Registered | Origin::Document => Ok(()),
    }
}

/// What became of a client, unless somebody else deleted it first.
fn there<T>(client: &Client, outcome: Result<Option<T>, Error>) -> Result<T, AdminError> {
    outcome?.ok_or_else(|| unknown(&client.id))
}
