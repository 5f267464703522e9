//! The clients that there are: those that the configuration declares, and those in the store. Of the
//! former the store keeps only whether they are enabled, and their generation.

use std::{collections::HashMap, sync::Arc};

use super::{Change, Expect, Kept, Key, List, Loaded, Record, Store, Unavailable};
use crate::oauth::{
    client::{Client, ClientKey, Declared, Origin},
    id::ClientId,
};

/// All clients.
pub struct Clients {
    declared: HashMap<ClientKey, Declared>,
    store: Arc<dyn Store>,
}

/// A client, and what its record was.
#[derive(Clone, Debug)]
pub struct Found {
    /// The client as it is now.
    pub client: Client,
    /// What a commit that rests on it may expect.
    pub expect: Expect,
}

impl Found {
    /// The part of a commit that holds only as long as the client is as it was read.
    pub fn unchanged(&self) -> Change {
        Change::Compare { key: Key::Client(self.client.key()), expect: self.expect }
    }

    /// The change that makes the client another one.
    pub fn put(&self, next: &Client) -> Change {
        let record = match next.origin {
            Origin::Declared => Kept::Standing { enabled: next.enabled, generation: next.generation },
            _ => Kept::Whole(Box::new(next.clone())),
        };
        Change::Put { key: Key::Client(next.key()), expect: self.expect, record: Record::Client(record), until: next.expires }
    }
}

impl Clients {
    /// Those, and whatever lies in the store.
    pub fn new(store: Arc<dyn Store>, declared: impl IntoIterator<Item = Declared>) -> Self {
        Self { declared: declared.into_iter().map(|declared| (declared.client.key(), declared)).collect(), store }
    }

    /// What the configuration says of a client.
    pub fn declared(&self, key: ClientKey) -> Option<&Declared> {
        self.declared.get(&key)
    }

    /// The client of this dialect with this id, whether it is enabled or not.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn find(&self, dialect: &str, id: &ClientId) -> Result<Option<Found>, Unavailable> {
        self.find_by(ClientKey::of(dialect, id)).await
    }

    /// The client of this key, whether it is enabled or not.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn find_by(&self, key: ClientKey) -> Result<Option<Found>, Unavailable> {
        self.with(key, self.store.client(key).await?)
    }

    /// The client of this key, of which this is kept.
    ///
    /// # Errors
    /// [`Unavailable`] for damage.
    pub fn with(&self, key: ClientKey, kept: Option<Loaded<Kept>>) -> Result<Option<Found>, Unavailable> {
        Ok(match (self.declared.get(&key), kept) {
            (Some(declared), None) => Some(Found { client: declared.client.clone(), expect: Expect::Absent }),
            (Some(declared), Some(Loaded { version, record: Kept::Standing { enabled, generation } })) => {
                let client = Client { enabled, generation, ..declared.client.clone() };
                Some(Found { client, expect: Expect::Version(version) })
            }
            (None, Some(Loaded { version, record: Kept::Whole(client) })) => {
                Some(Found { client: *client, expect: Expect::Version(version) })
            }
            // Declared no longer.
            (None, Some(Loaded { record: Kept::Standing { .. }, .. }) | None) => None,
            (Some(_), Some(Loaded { record: Kept::Whole(_), .. })) => {
                return Err(Unavailable::because("a client of the configuration has the id of one that was made"));
            }
        })
    }

    /// The generation of the client of this key, of which this is kept, if it is there and enabled.
    pub fn generation(&self, key: ClientKey, kept: Option<&Kept>) -> Option<u64> {
        match (kept, self.declared.get(&key)) {
            (Some(Kept::Whole(client)), None) => client.enabled.then_some(client.generation),
            (Some(Kept::Standing { enabled, generation }), Some(_)) => enabled.then_some(*generation),
            (None, Some(declared)) => Some(declared.client.generation),
            (Some(_), _) | (None, None) => None,
        }
    }

    /// All of them: the configuration's in no order, then those that were made.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn all(&self) -> Result<Vec<Client>, Unavailable> {
        let made = self.store.members(List::Clients).await?.into_iter().map(ClientKey::from_bytes);
        let mut all = Vec::new();
        for key in self.declared.keys().copied().chain(made) {
            all.extend(self.find_by(key).await?.map(|found| found.client));
        }
        Ok(all)
    }
}
