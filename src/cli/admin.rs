//! `gatepost admin`: on the store's file, while no server has it.

use std::io::{self, IsTerminal, Read};

use secrecy::{ExposeSecret, SecretString};

use super::{AddUser, Failure, control, say};
use crate::{
    app::{Interior, Plan},
    clock::Clock,
    engine,
    oauth::{scope::Scopes, user::UserName},
};

/// `gatepost admin user add`.
pub(super) fn add_user(arguments: AddUser) -> Result<(), Failure> {
    let plan = Plan::load(&arguments.config)?;
    let name = UserName::parse(&arguments.name).map_err(|error| Failure::Usage(error.to_string()))?;
    let scopes = match &arguments.scopes {
        Some(text) => known_scopes(text, &plan)?,
        None => plan.config.default_scopes.clone(),
    };
    control()?.block_on(async {
        let interior = Interior::open(plan, Clock::system()).await?;
        let password = password(arguments.password_stdin)?;
        let add = engine::AddUser { name, password, email: arguments.email, scopes };
        let user = interior.engine().add_user(add).await.map_err(|error| Failure::Usage(error.to_string()))?;
        say(&format!("User {} can sign in now, and may grant: {}.", user.name, user.scopes))
    })
}

fn known_scopes(text: &str, plan: &Plan) -> Result<Scopes, Failure> {
    let scopes = Scopes::parse(text).map_err(|error| Failure::Usage(error.to_string()))?;
    if let Some(unknown) = scopes.iter().find(|scope| !plan.config.scopes.contains_key(*scope)) {
        return Err(Failure::Usage(format!("there is no scope \"{unknown}\" in the configuration's [scopes]")));
    }
    Ok(scopes)
}

fn password(from_stdin: bool) -> Result<SecretString, Failure> {
    let failed = |cause| Failure::Io { what: "cannot read the password", cause };
    let password = if from_stdin || !io::stdin().is_terminal() {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map_err(failed)?;
        SecretString::from(text.trim_end_matches(['\r', '\n']).to_owned())
    } else {
        let first = SecretString::from(rpassword::prompt_password("Password: ").map_err(failed)?);
        let again = SecretString::from(rpassword::prompt_password("Again: ").map_err(failed)?);
        if first.expose_secret() != again.expose_secret() {
            return Err(Failure::Usage("the two passwords differ".into()));
        }
        first
    };
    match password.expose_secret().len() {
        engine::MIN_PASSWORD_BYTES..=engine::MAX_PASSWORD_BYTES => Ok(password),
        _ => Err(Failure::Usage(format!("a password has {} to {} bytes", engine::MIN_PASSWORD_BYTES, engine::MAX_PASSWORD_BYTES))),
    }
}
