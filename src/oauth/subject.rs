//! On whose behalf a verified request comes.

use super::{
    audience::Audience,
    id::{ClientId, GrantId, UserId},
    scope::Scopes,
    user::{User, UserName},
};

/// The dialect of personal tokens, which no app speaks.
pub const PERSONAL: &str = "personal";

/// The one for whom a valid access token speaks, and what it may do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subject {
    /// The grant behind the token.
    pub grant: GrantId,
    /// Which issue of the grant it is.
    pub number: u32,
    /// Which dialect issued it.
    pub dialect: String,
    /// Who approved; nobody, where a client asked for itself.
    pub user: Option<Person>,
    /// The app.
    pub client: ClientId,
    /// What this token may do.
    pub scopes: Scopes,
    /// For which resources it is meant.
    pub audience: Audience,
    /// The slug of the tenant that it is for alone, where it is for one.
    pub tenant: Option<String>,
}

impl Subject {
    /// Whether a user made the token for himself: no app was given it.
    pub fn is_personal(&self) -> bool {
        self.dialect == PERSONAL
    }
}

/// A user, as far as apps and upstreams may know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Person {
    /// For life.
    pub id: UserId,
    /// The name.
    pub name: UserName,
    /// An address, where it is known.
    pub email: Option<String>,
    /// A picture's address, where there is one.
    pub avatar: Option<String>,
}

impl From<User> for Person {
    fn from(user: User) -> Self {
        Self { id: user.id, name: user.name, email: user.email, avatar: user.avatar }
    }
}
