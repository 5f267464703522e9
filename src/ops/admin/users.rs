//! `user`: the people who may sign in.

use jiff::Timestamp;
use serde::Serialize;
use url::Url;

use super::{Admin, AdminAnswer, AdminCode, AdminError, Argument, Arguments, Form, NAME, Noun, Says, Verb};
use crate::{
    engine::{AddUser, AddUserError, Error},
    oauth::{
        id::UserId,
        scope::Scopes,
        user::{User, UserName},
    },
    verify::Receipt,
};

const PASSWORD: Argument = Argument {
    name: "password",
    form: Form::Secret { from_stdin: "password-stdin" },
    value: "PASSWORD",
    about: "Read the password from standard input instead of asking for it.",
};
const FIELDS: &[&str] = &["name", "id", "email", "avatar", "scopes", "enabled", "created"];

/// The rows.
pub(super) const NOUN: Noun = Noun {
    name: "user",
    about: "The people who may sign in",
    verbs: &[
        Verb {
            verb: "add",
            about: "Make an account",
            arguments: &[
                NAME,
                Argument { name: "email", form: Form::Optional, value: "ADDRESS", about: "The user's e-mail address." },
                Argument { name: "avatar", form: Form::Optional, value: "URL", about: "The https address of the user's picture." },
                Argument {
                    name: "scopes",
                    form: Form::Optional,
                    value: "SCOPES",
                    about: "What the user may grant, separated by spaces; the configuration's `default_scopes` if absent.",
                },
                PASSWORD,
            ],
            says: Says::Words("User {name} can sign in now, and may grant: {scopes}."),
            run: |admin, arguments| Box::pin(add(admin, arguments)),
        },
        Verb {
            verb: "list",
            about: "Show all accounts",
            arguments: &[],
            says: Says::Table { columns: &["name", "enabled", "scopes", "created"], none: "There are no users." },
            run: |admin, _| Box::pin(list(admin)),
        },
        Verb {
            verb: "show",
            about: "Show an account",
            arguments: &[NAME],
            says: Says::Fields(FIELDS),
            run: |admin, arguments| Box::pin(show(admin, arguments)),
        },
        Verb {
            verb: "disable",
            about: "Stop a user: no sign-in, and nothing that he granted opens anything. \
                    Sessions end, and answers that are on their way are cut off. `enable` undoes it, but for these",
            arguments: &[NAME],
            says: Says::TakenBack("User {name} is disabled. Nothing that the user granted opens anything now."),
            run: |admin, arguments| {
                Box::pin(async move {
                    let name = arguments.user_name("name")?;
                    taken_back(&name, admin.engine.disable_user(&name).await)
                })
            },
        },
        Verb {
            verb: "enable",
            about: "Let a disabled user go on. What the user granted before opens what it opened",
            arguments: &[NAME],
            says: Says::Words("User {name} is enabled."),
            run: |admin, arguments| {
                Box::pin(async move {
                    let name = arguments.user_name("name")?;
                    changed(&name, admin.engine.enable_user(&name).await)
                })
            },
        },
        Verb {
            verb: "reset",
            about: "Give a user a new password. All sessions end; apps that were let in stay so",
            arguments: &[NAME, PASSWORD],
            says: Says::Words("User {name} has the new password, and is signed out everywhere."),
            run: |admin, arguments| Box::pin(reset(admin, arguments)),
        },
        Verb {
            verb: "revoke",
            about: "Take back everything that a user granted, personal tokens included. \
                    Sessions end, and answers that are on their way are cut off. It cannot be undone",
            arguments: &[NAME],
            says: Says::TakenBack("Everything that user {name} granted is taken back, and the user is signed out everywhere."),
            run: |admin, arguments| {
                Box::pin(async move {
                    let name = arguments.user_name("name")?;
                    taken_back(&name, admin.engine.revoke_user(&name).await)
                })
            },
        },
        Verb {
            verb: "scopes",
            about: "Say what a user may grant from now on. What was granted before stays; `revoke` takes it back",
            arguments: &[
                NAME,
                Argument { name: "scopes", form: Form::Positional, value: "SCOPES", about: "Separated by spaces; \"\" for none." },
            ],
            says: Says::Words("User {name} may grant: {scopes}."),
            run: |admin, arguments| Box::pin(scopes(admin, arguments)),
        },
    ],
};

/// A user, as answers have it.
#[derive(Serialize)]
struct Shown<'a> {
    name: &'a UserName,
    id: UserId,
    email: Option<&'a str>,
    avatar: Option<&'a str>,
    scopes: &'a Scopes,
    enabled: bool,
    created: Timestamp,
}

impl<'a> Shown<'a> {
    fn of(user: &'a User) -> Self {
        let User { name, id, email, avatar, scopes, enabled, created, .. } = user;
        let (email, avatar) = (email.as_deref(), avatar.as_deref());
        Self { name, id: *id, email, avatar, scopes, enabled: *enabled, created: super::to_the_second(*created) }
    }
}

async fn add(admin: &Admin, arguments: Arguments) -> Result<AdminAnswer, AdminError> {
    let name = arguments.user_name("name")?;
    let password = arguments.password("password")?;
    let scopes = arguments.optional("scopes").map(|text| admin.known_scopes(text)).transpose()?;
    let scopes = scopes.unwrap_or_else(|| admin.default_scopes.clone());
    let email = arguments.optional("email").map(email).transpose()?;
    let avatar = arguments.optional("avatar").map(avatar).transpose()?;
    let add = AddUser { name, password, email, avatar, scopes };
    match admin.engine.add_user(add).await {
        Ok(user) => AdminAnswer::of(&Shown::of(&user)),
        Err(error @ AddUserError::NameTaken) => Err(AdminError::new(AdminCode::AlreadyExists, error.to_string())),
        Err(AddUserError::Unavailable(unavailable)) => Err(unavailable.into()),
    }
}

async fn list(admin: &Admin) -> Result<AdminAnswer, AdminError> {
    let users = admin.engine.users().await?;
    AdminAnswer::of(&users.iter().map(Shown::of).collect::<Vec<_>>())
}

async fn show(admin: &Admin, arguments: Arguments) -> Result<AdminAnswer, AdminError> {
    let user = named(admin, &arguments.user_name("name")?).await?;
    AdminAnswer::of(&Shown::of(&user))
}

async fn reset(admin: &Admin, arguments: Arguments) -> Result<AdminAnswer, AdminError> {
    let (name, password) = (arguments.user_name("name")?, arguments.password("password")?);
    changed(&name, admin.engine.reset_password(&name, password).await)
}

async fn scopes(admin: &Admin, arguments: Arguments) -> Result<AdminAnswer, AdminError> {
    let (name, scopes) = (arguments.user_name("name")?, admin.known_scopes(arguments.text("scopes")?)?);
    changed(&name, admin.engine.set_user_scopes(&name, &scopes).await)
}

/// The user of that name.
pub(super) async fn named(admin: &Admin, name: &UserName) -> Result<User, AdminError> {
    admin.engine.user_named(name).await?.ok_or_else(|| unknown(name))
}

/// What could be one (RFC 5321 section 4.5.3.1.3): nobody is asked whether there is such a mailbox.
fn email(text: &str) -> Result<String, AdminError> {
    let named = text.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
    if named && text.len() <= 254 && !text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        Ok(text.to_owned())
    } else {
        Err(AdminError::invalid("this is no e-mail address"))
    }
}

/// Browsers fetch it from pages that are themselves fetched by https.
fn avatar(text: &str) -> Result<String, AdminError> {
    const LONGEST: usize = 2000;
    let no_address = |_| AdminError::invalid("the avatar is no absolute URL");
    let url = Url::parse(text).map_err(no_address)?;
    if url.scheme() != "https" || !url.username().is_empty() || url.password().is_some() || url.as_str().len() > LONGEST {
        return Err(AdminError::invalid(format!("the avatar is an https URL without a user name, of at most {LONGEST} characters")));
    }
    Ok(url.into())
}

fn changed(name: &UserName, user: Result<Option<User>, Error>) -> Result<AdminAnswer, AdminError> {
    let user = user?.ok_or_else(|| unknown(name))?;
    AdminAnswer::of(&Shown::of(&user))
}

fn taken_back(name: &UserName, user: Result<Option<(User, Option<Receipt>)>, Error>) -> Result<AdminAnswer, AdminError> {
    let (user, receipt) = user?.ok_or_else(|| unknown(name))?;
    AdminAnswer::of(&Shown::of(&user))?.with(receipt)
}

fn unknown(name: &UserName) -> AdminError {
    AdminError::not_found(format!("there is no user \"{name}\""))
}
