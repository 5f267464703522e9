//! Who calls: the address at the other end of the connection, unless a listed proxy is there and
//! says for whom it calls, in `X-Forwarded-For` or `Forwarded` (RFC 7239).
//!
//! Each proxy writes behind what it was sent, so both are read from their end. Listed addresses are
//! passed over; the first other one is the caller, since a listed proxy wrote it, and whatever stands
//! before it is the caller's own invention and is not looked at. Where all are listed, the first is
//! the caller: it is listed, so it is believed.
//!
//! Where this does not say it clearly (an entry that would have to be read is no address, or the two
//! fields disagree, as they do when a proxy writes one and passes on the other), the caller is counted
//! as the proxy itself: under an address that is nobody's else, and never under one of his choice.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::{HeaderMap, HeaderName, header::FORWARDED};
use ipnet::IpNet;

use crate::message::Peer;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The proxies whose word on who calls counts.
#[derive(Clone, Debug, Default)]
pub struct Proxies(Vec<IpNet>);

/// The fields do not say who calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
enum Unclear {
    #[error("an entry is no address")]
    NoAddress,
    #[error("the line cannot be taken apart")]
    Syntax,
    #[error("X-Forwarded-For and Forwarded disagree")]
    Disagreement,
}

impl Proxies {
    /// These, and no others.
    pub const fn new(listed: Vec<IpNet>) -> Self {
        Self(listed)
    }

    /// Who calls, where `socket` is at the other end of the connection.
    pub fn caller(&self, socket: Peer, headers: &HeaderMap) -> Peer {
        if !self.lists(socket.ip) {
            return socket;
        }
        match self.told(headers) {
            Ok(ip) => Peer { ip: ip.unwrap_or(socket.ip) },
            Err(unclear) => {
                tracing::debug!(proxy = %socket.ip, %unclear, "a listed proxy does not say who calls");
                socket
            }
        }
    }

    /// Whether this is one of them.
    pub fn lists(&self, ip: IpAddr) -> bool {
        self.0.iter().any(|net| net.contains(&ip))
    }

    /// What the fields say; nothing where there are none.
    fn told(&self, headers: &HeaderMap) -> Result<Option<IpAddr>, Unclear> {
        let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
        let plain = self.first_stranger(lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b',').map(address)))?;
        let lines = headers.get_all(FORWARDED).iter().rev();
        let standard = self.first_stranger(lines.flat_map(|line| from_the_end(line.as_bytes())))?;
        match (plain, standard) {
            (Some(plain), Some(standard)) if plain != standard => Err(Unclear::Disagreement),
            (plain, standard) => Ok(plain.or(standard)),
        }
    }

    /// The first address that is not listed; the last one, where all are.
    fn first_stranger(&self, addresses: impl Iterator<Item = Result<IpAddr, Unclear>>) -> Result<Option<IpAddr>, Unclear> {
        let mut last = None;
        for address in addresses {
            let address = address?;
            last = Some(address);
            if !self.lists(address) {
                break;
            }
        }
        Ok(last)
    }
}

/// An address, in brackets or not, with a port or not. `unknown` and `_hidden` are none.
fn address(text: &[u8]) -> Result<IpAddr, Unclear> {
    let text = std::str::from_utf8(text).map_err(|_no_text| Unclear::NoAddress)?.trim_matches([' ', '\t']);
    let bare = || text.parse::<IpAddr>().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::from);
    bare().or_else(with_port).or_else(in_brackets).map(|ip| ip.to_canonical()).ok_or(Unclear::NoAddress)
}

/// What the elements of a `Forwarded` line say of `for`, the last one first.
fn from_the_end(line: &[u8]) -> Vec<Result<IpAddr, Unclear>> {
    match split(line, b',') {
        Some(elements) => elements.into_iter().rev().map(for_whom).collect(),
        // A quote that is never closed: nobody can say where one element ends.
        None => vec![Err(Unclear::Syntax)],
    }
}

/// The one `for` of an element (RFC 7239 section 4).
fn for_whom(element: &[u8]) -> Result<IpAddr, Unclear> {
    let mut found = None;
    for pair in split(element, b';').ok_or(Unclear::Syntax)? {
        let pair = pair.trim_ascii();
        let at = pair.iter().position(|byte| *byte == b'=').ok_or(Unclear::Syntax)?;
        let (name, value) = (&pair[..at], &pair[at + 1..]);
        let value = match value {
            [b'"', inner @ .., b'"'] if !inner.contains(&b'"') => inner,
            bare if !bare.contains(&b'"') => bare,
            _ => return Err(Unclear::Syntax),
        };
        if name.eq_ignore_ascii_case(b"for") && found.replace(address(value)?).is_some() {
            return Err(Unclear::Syntax);
        }
    }
    found.ok_or(Unclear::NoAddress)
}

/// The parts between separators that do not stand in quotes; `None` where a quote stays open.
fn split(text: &[u8], separator: u8) -> Option<Vec<&[u8]>> {
    let (mut parts, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            byte if *byte == separator && !quoted => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    (!quoted).then_some(parts)
}

#[cfg(test)]
mod tests;
