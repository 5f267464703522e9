//! How a record lies under its key: one string, of which the scripts read the beginning.
//!
//! ```text
//! byte    0        the layout, 1
//! bytes   1 ..  9  the version
//! bytes   9 .. 29  the deadline: nanoseconds since 1970 in 20 digits, or 20 nines for what stays
//! byte   29        how many names follow
//! for each         its length in one byte, then the name of a record that this one rests on, as it stands behind the tag
//! then             the record, as `record.rs` writes it
//! ```

use jiff::Timestamp;

use super::names::short;
use crate::store::{Loaded, Record, Unavailable, Version};

/// The layout that this build writes.
pub(super) const LAYOUT: u8 = 1;
/// Layout, version, deadline.
const HEAD: usize = 29;
/// A digit like the others: Lua compares text by the server's locale, and in many of them signs come before digits.
const NEVER: [u8; 20] = [b'9'; 20];

/// A deadline, or a time, as it is compared: text is in the same order as time, which ends in 5138.
pub(super) fn digits(time: Option<Timestamp>) -> [u8; 20] {
    let mut digits = NEVER;
    if let Some(time) = time {
        // Before 1970 nothing has been issued that could still be valid.
        let text = format!("{:020}", time.as_nanosecond().max(0));
        if text.len() == digits.len() {
            digits.copy_from_slice(text.as_bytes());
        }
    }
    digits
}

/// Writes a value.
pub(super) fn write<'a>(
    version: Version,
    until: Option<Timestamp>,
    rests_on: impl ExactSizeIterator<Item = &'a [u8]>,
    bytes: &[u8],
) -> Result<Vec<u8>, Unavailable> {
    let too_long = |_| Unavailable::because("a name is too long to be written down");
    let mut value = Vec::with_capacity(HEAD + 1 + 2 * 40 + bytes.len());
    value.push(LAYOUT);
    value.extend_from_slice(&version.0.to_be_bytes());
    value.extend_from_slice(&digits(until));
    value.push(u8::try_from(rests_on.len()).map_err(too_long)?);
    for name in rests_on {
        value.push(u8::try_from(name.len()).map_err(too_long)?);
        value.extend_from_slice(name);
    }
    value.extend_from_slice(bytes);
    Ok(value)
}

/// Writes a record and the names of those it rests on.
pub(super) fn of_record(version: Version, until: Option<Timestamp>, record: &Record) -> Result<Vec<u8>, Unavailable> {
    let names: Vec<Vec<u8>> = record.rests_on().iter().map(|key| short(&key.encode())).collect();
    write(version, until, names.iter().map(Vec::as_slice), &record.encode()?)
}

/// A value that was read.
pub(super) struct Value<'a> {
    pub(super) version: Version,
    /// As [`digits`].
    until: [u8; 20],
    pub(super) bytes: &'a [u8],
}

impl<'a> Value<'a> {
    /// Reads a value, whatever its deadline.
    ///
    /// # Errors
    /// [`Unavailable`] for another layout or damage.
    pub(super) fn read(value: &'a [u8]) -> Result<Self, Unavailable> {
        let damaged = || Unavailable::because("a damaged value");
        let (head, mut rest) = value.split_at_checked(HEAD + 1).ok_or_else(damaged)?;
        let (layout, version, until, names) = (head[0], &head[1..9], &head[9..HEAD], head[HEAD]);
        if layout != LAYOUT {
            return Err(unknown_layout(layout));
        }
        for _ in 0..names {
            let (length, after) = rest.split_first().ok_or_else(damaged)?;
            rest = after.get(usize::from(*length)..).ok_or_else(damaged)?;
        }
        let version = version.try_into().map(u64::from_be_bytes).map_err(Unavailable::because)?;
        Ok(Self { version: Version(version), until: until.try_into().map_err(Unavailable::because)?, bytes: rest })
    }

    /// Whether its time is over.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.until <= digits(Some(now))
    }

    /// When its time is over; `None` where it stays.
    ///
    /// # Errors
    /// [`Unavailable`] for damage.
    pub(super) fn until(&self) -> Result<Option<Timestamp>, Unavailable> {
        if self.until == NEVER {
            return Ok(None);
        }
        let text = std::str::from_utf8(&self.until).map_err(Unavailable::because)?;
        Timestamp::from_nanosecond(text.parse().map_err(Unavailable::because)?).map(Some).map_err(Unavailable::because)
    }

    /// The record.
    ///
    /// # Errors
    /// As [`Record::decode`].
    pub(super) fn record(&self) -> Result<Loaded<Record>, Unavailable> {
        Ok(Loaded { version: self.version, record: Record::decode(self.bytes)? })
    }
}

/// A value was written by a build that this one does not know.
pub(super) fn unknown_layout(found: u8) -> Unavailable {
    Unavailable::because(format_args!("a value has layout {found}, and this version of Gatepost knows layout {LAYOUT} only"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_is_after_every_time_in_whatever_locale_the_server_runs() {
        let stays = digits(None);
        assert!(stays.iter().all(u8::is_ascii_digit), "signs come before digits in some");
        let far = Timestamp::constant(90_000_000_000, 0);
        assert!(digits(Some(far)) < stays);
        assert_eq!(digits(Some(Timestamp::MAX)), stays);
    }
}
