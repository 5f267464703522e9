//! What the scripts answer, read strictly.

use std::time::Duration;

use jiff::Timestamp;
use redis::Value as Reply;

use crate::store::{FeedEntry, Member, Position, Unavailable, record::decode_taken_back};

/// What [`score`](super::names::score) wrote.
pub(super) fn end(score: Option<Reply>) -> Result<Timestamp, Unavailable> {
    let score = bytes(score)?.and_then(|score| std::str::from_utf8(&score).ok()?.parse::<f64>().ok()).ok_or_else(unexpected)?;
    if score.is_infinite() {
        return Ok(Timestamp::MAX);
    }
    // Exact, as it says there.
    #[allow(clippy::cast_possible_truncation)]
    Timestamp::from_microsecond(score as i64).map_err(Unavailable::because)
}

/// A string, or nothing.
pub(super) fn bytes(reply: Option<Reply>) -> Result<Option<Vec<u8>>, Unavailable> {
    match reply {
        Some(Reply::BulkString(bytes)) => Ok(Some(bytes)),
        Some(Reply::Nil) | None => Ok(None),
        Some(_) => Err(unexpected()),
    }
}

/// An array.
pub(super) fn array(reply: Option<Reply>) -> Result<Vec<Reply>, Unavailable> {
    match reply {
        Some(Reply::Array(replies)) => Ok(replies),
        _ => Err(unexpected()),
    }
}

/// An id's bytes.
pub(super) fn sixteen(reply: Option<Reply>) -> Result<[u8; 16], Unavailable> {
    bytes(reply)?.and_then(|bytes| bytes.try_into().ok()).ok_or_else(unexpected)
}

/// An entry of the stream: its id, which is the sequence, and its fields.
pub(super) fn position(reply: Reply) -> Result<(Position, Vec<u8>), Unavailable> {
    let mut parts = array(Some(reply))?.into_iter();
    let sequence = bytes(parts.next())?.and_then(|id| std::str::from_utf8(&id).ok()?.split_once('-')?.0.parse().ok());
    let mut fields = array(parts.next())?.into_iter();
    let id = sixteen(fields.nth(1))?;
    let entry = bytes(fields.nth(1))?;
    Ok((Position { sequence: sequence.ok_or_else(unexpected)?, id }, entry.ok_or_else(unexpected)?))
}

/// An entry of the feed.
pub(super) fn entry(reply: Reply) -> Result<FeedEntry, Unavailable> {
    let (position, bytes) = position(reply)?;
    let takes_back = if bytes.is_empty() { None } else { Some(decode_taken_back(&bytes)?) };
    Ok(FeedEntry { position, takes_back })
}

/// The members: a name, then what is known of it.
pub(super) fn members(reply: Option<Reply>) -> Result<Vec<Member>, Unavailable> {
    // A hash comes as a map, or in a script's answer as an array.
    let parts = match reply {
        Some(Reply::Map(pairs)) => pairs.into_iter().flat_map(|(name, known)| [name, known]).collect(),
        other => array(other)?,
    };
    parts.chunks(2).map(|pair| member(pair).ok_or_else(unexpected)).collect()
}

fn member(pair: &[Reply]) -> Option<Member> {
    let [Reply::BulkString(name), Reply::BulkString(known)] = pair else { return None };
    // Whatever is no text is not ours.
    let (name, known) = (std::str::from_utf8(name).ok()?, std::str::from_utf8(known).ok()?);
    let mut numbers = known.split(' ').map(|number| number.parse().ok());
    let (renewal, applied, serve_known) = (numbers.next()??, numbers.next()??, numbers.next()??);
    Some(Member { name: name.to_owned(), renewal, applied, serve_known: Duration::from_millis(serve_known) })
}

/// It is no answer to what was asked.
pub(super) fn unexpected() -> Unavailable {
    Unavailable::because("Redis answered what no script of ours answers")
}
