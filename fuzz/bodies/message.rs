//! Inputs that are written like HTTP: a line, header fields, an empty line, a body. What cannot be
//! read as such is left out, so that every input means something.

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use http::{HeaderMap, HeaderName, HeaderValue};

pub(crate) struct Message<'a> {
    /// The first line, where the input has one.
    pub(crate) line: &'a str,
    pub(crate) headers: HeaderMap,
    pub(crate) body: &'a [u8],
}

impl<'a> Message<'a> {
    /// A first line, and what [`Message::without_line`] reads.
    pub(crate) fn read(data: &'a [u8]) -> Self {
        let (line, rest) = split(data, b"\n");
        Self { line: std::str::from_utf8(line).unwrap_or_default().trim_end_matches('\r'), ..Self::without_line(rest) }
    }

    /// Header fields, an empty line, a body.
    pub(crate) fn without_line(data: &'a [u8]) -> Self {
        let mut headers = HeaderMap::new();
        let mut rest = data;
        while !rest.is_empty() {
            let (line, after) = split(rest, b"\n");
            rest = after;
            let line = line.trim_ascii_end();
            if line.is_empty() {
                break;
            }
            let (name, value) = split(line, b":");
            if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value.trim_ascii())) {
                headers.append(name, value);
            }
        }
        Self { line: "", headers, body: rest }
    }
}

/// What stands before the first of these bytes, and what after it.
fn split<'a>(data: &'a [u8], separator: &[u8; 1]) -> (&'a [u8], &'a [u8]) {
    match data.iter().position(|byte| *byte == separator[0]) {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, &[]),
    }
}

/// The input with each `{name}` in it replaced by what it stands for, so that seeds can hold what is
/// made anew each time.
pub(crate) fn filled(data: &[u8], values: &[(&str, &str)]) -> Vec<u8> {
    let mut filled = Vec::with_capacity(data.len());
    let mut rest = data;
    'bytes: while let Some((byte, after)) = rest.split_first() {
        for (name, value) in values {
            if let Some(after) = rest.strip_prefix(name.as_bytes()) {
                filled.extend_from_slice(value.as_bytes());
                rest = after;
                continue 'bytes;
            }
        }
        filled.push(*byte);
        rest = after;
    }
    filled
}

/// The output of a future that waits for nothing.
pub(crate) fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("there is nothing to wait for"),
    }
}
