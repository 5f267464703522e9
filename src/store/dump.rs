//! All that lies in a store, page by page, for moving it into another one.

use jiff::Timestamp;

use super::{Change, CommitError, Expect, Key, List, Record, Soft, SoftKey, Store, Unavailable};

/// Where a dump goes on. What it says is the store's own affair.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cursor(pub Vec<u8>);

/// A part of what lies in a store. It names nothing twice; another page may name it again.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Page {
    /// In no order.
    pub entries: Vec<Entry>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<Cursor>,
}

/// Something that lies in a store, as it can be put into another one.
#[derive(Clone, PartialEq, Debug)]
pub enum Entry {
    /// See [`Change::Put`].
    Record {
        /// Where.
        key: Key,
        /// What.
        record: Record,
        /// Absent from then on; `None` for records that stay.
        until: Option<Timestamp>,
    },
    /// See [`Change::Link`].
    Member {
        /// The list.
        list: List,
        /// The id's bytes.
        member: [u8; 16],
        /// Off the list from then on; `Timestamp::MAX` for what stays.
        until: Timestamp,
    },
    /// A piece of soft state that is worth keeping.
    Soft {
        /// Where.
        key: SoftKey,
        /// What.
        soft: Soft,
        /// Absent from then on.
        until: Timestamp,
    },
}

impl Entry {
    /// The entry's name: the key's bytes, or the list's with the member's behind them.
    pub fn name(&self) -> Vec<u8> {
        match self {
            Self::Record { key, .. } => key.encode(),
            Self::Member { list, member, .. } => list.name_of(member),
            Self::Soft { key, .. } => key.encode(),
        }
    }

    /// What it says, and until when.
    ///
    /// # Errors
    /// As [`Record::encode`].
    pub fn content(&self) -> Result<(Vec<u8>, Option<Timestamp>), Unavailable> {
        Ok(match self {
            Self::Record { record, until, .. } => (record.encode()?, *until),
            Self::Member { until, .. } => (Vec::new(), Some(*until)),
            Self::Soft { soft, until, .. } => (soft.encode()?, Some(*until)),
        })
    }

    /// Reads an entry as it was written down. `None` for soft state that is not worth keeping or
    /// cannot be read.
    ///
    /// # Errors
    /// [`Unavailable`] for what this build cannot read: it is never left out.
    pub fn decode(name: &[u8], content: &[u8], until: Option<Timestamp>) -> Result<Option<Self>, Unavailable> {
        if let Some(key) = Key::decode(name) {
            return Ok(Some(Self::Record { key, record: Record::decode(content)?, until }));
        }
        let until = until.unwrap_or(Timestamp::MAX);
        if let Some(key) = SoftKey::decode(name) {
            let soft = Soft::decode(content).filter(|_| key.is_worth_keeping());
            return Ok(soft.map(|soft| Self::Soft { key, soft, until }));
        }
        let listed = name.split_last_chunk().and_then(|(list, member)| Some((List::decode(list)?, *member)));
        let (list, member) =
            listed.ok_or_else(|| Unavailable::because("an entry of a kind that this version of Gatepost does not know"))?;
        Ok(Some(Self::Member { list, member, until }))
    }
}

impl dyn Store {
    /// Writes entries of a dump over whatever lies there. They name nothing twice.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn restore(&self, entries: Vec<Entry>) -> Result<(), Unavailable> {
        let (mut changes, mut pieces) = (Vec::new(), Vec::new());
        for entry in entries {
            match entry {
                Entry::Record { key, record, until } => changes.push(Change::Put { key, expect: Expect::Any, record, until }),
                Entry::Member { list, member, until } => changes.push(Change::Link { list, member, until }),
                Entry::Soft { key, soft, until } => pieces.push((key, soft, until)),
            }
        }
        self.commit(changes).await.map_err(|error| match error {
            CommitError::Unavailable(unavailable) => unavailable,
            conflict @ CommitError::Conflict => Unavailable::because(conflict),
        })?;
        self.soft_save(pieces).await
    }
}
