//! All that lies in the realm, page by page.

use std::collections::HashSet;

use jiff::Timestamp;
use redis::Value as Reply;

use super::{
    Redis,
    link::Repeat,
    names::long,
    reply::{array, bytes, end, sixteen, unexpected},
    value::Value,
};
use crate::store::{Cursor, Entry, Page, Unavailable};

impl Redis {
    /// A page of a dump. The cursor is that of SCAN, and says of which server it is.
    ///
    /// # Errors
    /// [`Unavailable`], also where the dump has to begin again.
    pub(super) async fn page(&self, from: Option<Cursor>) -> Result<Page, Unavailable> {
        let args = [self.names.pattern(), from.map(|Cursor(cursor)| cursor).unwrap_or_default()];
        let mut answer = self.rest.run(&self.scripts.dump, &[], &args, Repeat::Safe).await?.into_iter();
        let next = bytes(answer.next())?.ok_or_else(unexpected)?;
        if next == b"moved" {
            return Err(Unavailable::because("Redis was started again or replaced by another while it was read; begin again"));
        }
        let mut page = Page { entries: Vec::new(), next: (!next.is_empty()).then_some(Cursor(next)) };
        let now = self.clock.now();
        // SCAN may name a key twice.
        let mut seen = HashSet::new();
        for found in answer {
            let mut found = array(Some(found))?.into_iter();
            let key = bytes(found.next())?.ok_or_else(unexpected)?;
            if seen.insert(key.clone()) {
                self.dumped(&key, found.next(), now, &mut page.entries)?;
            }
        }
        Ok(page)
    }

    /// A key with what lies there, as a dump has it.
    fn dumped(&self, key: &[u8], found: Option<Reply>, now: Timestamp, entries: &mut Vec<Entry>) -> Result<(), Unavailable> {
        // The feed and the tallies are not moved.
        let Some(name) = key.strip_prefix(self.names.tag()).and_then(long) else { return Ok(()) };
        match found {
            Some(Reply::BulkString(value)) => {
                let value = Value::read(&value)?;
                if !value.is_over(now) {
                    entries.extend(Entry::decode(&name, value.bytes, value.until()?)?);
                }
            }
            Some(Reply::Array(members)) => {
                let mut members = members.into_iter();
                while let Some(member) = members.next() {
                    let (member, until) = (sixteen(Some(member))?, end(members.next())?);
                    if now < until {
                        entries.extend(Entry::decode(&[name.as_slice(), &member].concat(), &[], Some(until))?);
                    }
                }
            }
            // Gone since it was found.
            Some(Reply::Nil) | None => {}
            Some(_) => return Err(unexpected()),
        }
        Ok(())
    }
}
