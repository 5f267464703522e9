//! On whose behalf a verified request comes.

use super::{
    id::{ClientId, GrantId, UserId},
    scope::Scopes,
    user::UserName,
};

/// The one for whom a valid access token speaks, and what it may do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subject {
    /// The grant behind the token.
    pub grant: GrantId,
    /// Which dialect issued it.
    pub dialect: String,
    /// Who approved.
    pub user: UserId,
    /// That user's name.
    pub user_name: UserName,
    /// That user's address, where it is known.
    pub email: Option<String>,
    /// The app.
    pub client: ClientId,
    /// What this token may do.
    pub scopes: Scopes,
}
