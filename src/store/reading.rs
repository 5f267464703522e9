//! Reading a store by what lies in it.

use super::{Kept, Key, List, Loaded, Open, Owned, Position, ReadError, Record, Roots, Session, Store, Unavailable, Version, Whole};
use crate::oauth::{
    client::ClientKey,
    grant::Grant,
    id::{GrantId, SessionId, UserId},
    signing::SigningKeys,
    user::{User, UserName},
};

/// A grant, and those on whom it rests, as of one moment.
#[derive(Clone, Debug)]
pub struct FullGrant {
    /// The grant.
    pub grant: Loaded<Grant>,
    /// What is kept of its client.
    pub client: Option<Loaded<Kept>>,
    /// The user who approved it, if one did.
    pub user: Option<Loaded<User>>,
    /// The version of the signing keys, where it was asked for.
    pub keys: Option<Version>,
}

const OTHER_KIND: &str = "a record of another kind lies under this key";

/// Typed reading. A key that holds a record of another kind is damage, and says so.
impl dyn Store {
    /// The grant of that id.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn grant(&self, id: GrantId) -> Result<Option<Loaded<Grant>>, Unavailable> {
        self.typed(Key::Grant(id), |record| if let Record::Grant(grant) = record { Some(*grant) } else { None }).await
    }

    /// The grant of that id with those on whom it rests and, where `keys` are asked for, the version of
    /// the signing keys: in one read, of a store that has the entry `applied` in its feed.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn full_grant(&self, id: GrantId, keys: bool, applied: Option<Position>) -> Result<Option<FullGrant>, ReadError> {
        let watch = keys.then_some(&Key::SigningKeys);
        let Some(Whole { loaded, rests_on, watched }) = self.load_whole(&Key::Grant(id), watch, applied).await? else { return Ok(None) };
        let Record::Grant(grant) = loaded.record else { return Err(Unavailable::because(OTHER_KIND).into()) };
        let mut full = FullGrant { grant: Loaded { version: loaded.version, record: *grant }, client: None, user: None, keys: watched };
        for Loaded { version, record } in rests_on.into_iter().flatten() {
            match record {
                Record::Client(record) => full.client = Some(Loaded { version, record }),
                Record::User(user) => full.user = Some(Loaded { version, record: *user }),
                _ => return Err(Unavailable::because(OTHER_KIND).into()),
            }
        }
        Ok(Some(full))
    }

    /// The user of that id.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn user(&self, id: UserId) -> Result<Option<Loaded<User>>, Unavailable> {
        self.typed(Key::User(id), |record| if let Record::User(user) = record { Some(*user) } else { None }).await
    }

    /// The user of that name.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn user_named(&self, name: &UserName) -> Result<Option<Loaded<User>>, Unavailable> {
        let pointer =
            self.typed(Key::UserName(name.clone()), |record| if let Record::ToUser(id) = record { Some(id) } else { None }).await?;
        match pointer {
            Some(pointer) => self.user(pointer.record).await,
            None => Ok(None),
        }
    }

    /// The grants that a user approved, as long as they are remembered.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn grants_of(&self, user: UserId) -> Result<Vec<GrantId>, Unavailable> {
        Ok(self.members(List::GrantsOf(user)).await?.into_iter().map(GrantId::from_random).collect())
    }

    /// All users.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn users(&self) -> Result<Vec<UserId>, Unavailable> {
        Ok(self.members(List::Users).await?.into_iter().map(UserId::from_random).collect())
    }

    /// The session of that id.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn session(&self, id: SessionId) -> Result<Option<Loaded<Session>>, Unavailable> {
        self.typed(Key::Session(id), |record| if let Record::Session(session) = record { Some(session) } else { None }).await
    }

    /// The grant that a user code stands for.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn user_code(&self, code: [u8; 16]) -> Result<Option<GrantId>, Unavailable> {
        self.pointer(Key::UserCode(code)).await
    }

    /// The grant that a request's id stands for.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn ask(&self, id: [u8; 16]) -> Result<Option<GrantId>, Unavailable> {
        self.pointer(Key::Ask(id)).await
    }

    /// What a user said yes to and no app has come for.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn open(&self, user: UserId) -> Result<Option<Loaded<Open>>, Unavailable> {
        self.typed(Key::Open(user), |record| if let Record::Open(open) = record { Some(open) } else { None }).await
    }

    /// What is kept under a client's key.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn client(&self, key: ClientKey) -> Result<Option<Loaded<Kept>>, Unavailable> {
        self.typed(Key::Client(key), |record| if let Record::Client(kept) = record { Some(kept) } else { None }).await
    }

    /// The clients that a user has made.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn owned(&self, user: UserId) -> Result<Option<Loaded<Owned>>, Unavailable> {
        self.typed(Key::Owned(user), |record| if let Record::Owned(owned) = record { Some(owned) } else { None }).await
    }

    /// The grant under which a client has tokens of its own.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn machine(&self, name: [u8; 16]) -> Result<Option<Loaded<GrantId>>, Unavailable> {
        self.typed(Key::Machine(name), |record| if let Record::ToGrant(id) = record { Some(id) } else { None }).await
    }

    /// The key that the logins of a device get.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn device(&self, name: [u8; 16]) -> Result<Option<Loaded<GrantId>>, Unavailable> {
        self.typed(Key::Device(name), |record| if let Record::ToGrant(id) = record { Some(id) } else { None }).await
    }

    /// The grants that a client has or had.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn grants_of_client(&self, client: ClientKey) -> Result<Vec<GrantId>, Unavailable> {
        Ok(self.members(List::GrantsOfClient(client)).await?.into_iter().map(GrantId::from_random).collect())
    }

    /// The check values of the roots that this store was used with.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn roots(&self) -> Result<Option<Loaded<Roots>>, Unavailable> {
        self.typed(Key::Roots, |record| if let Record::Roots(roots) = record { Some(roots) } else { None }).await
    }

    /// What signs JWTs.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn signing_keys(&self) -> Result<Option<Loaded<SigningKeys>>, Unavailable> {
        self.typed(Key::SigningKeys, |record| if let Record::SigningKeys(keys) = record { Some(keys) } else { None }).await
    }

    async fn pointer(&self, key: Key) -> Result<Option<GrantId>, Unavailable> {
        let pointer = self.typed(key, |record| if let Record::ToGrant(id) = record { Some(id) } else { None }).await?;
        Ok(pointer.map(|pointer| pointer.record))
    }

    async fn typed<R>(&self, key: Key, unwrap: impl FnOnce(Record) -> Option<R>) -> Result<Option<Loaded<R>>, Unavailable> {
        let Some(loaded) = self.load(&key).await? else { return Ok(None) };
        match unwrap(loaded.record) {
            Some(record) => Ok(Some(Loaded { version: loaded.version, record })),
            None => Err(Unavailable::because(OTHER_KIND)),
        }
    }
}
