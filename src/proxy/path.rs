//! How a path is spelled, and which paths are refused because servers read them differently.
//!
//! The path that decides is the path that is forwarded: the normal form of what the caller wrote.
//! A server may be more lenient than that, and takes `/v1/ADMIN`, `/v1/admin;x` or `/v1/admin/` for
//! `/v1/admin`. What such a server would read is the loose form, and a request whose two forms are
//! claimed by different routes is refused (see [`super::route`]).

use std::borrow::Cow;

use percent_encoding::{percent_decode_str, percent_encode_byte};

use crate::oauth::pattern::{self, Segment};

/// What may stand in a path as it is (RFC 3986 section 3.3).
const fn stands(byte: u8) -> bool {
    is_unreserved(byte) || matches!(byte, b'/' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b':' | b'@')
}

/// What means the same whether it is encoded or not (RFC 3986 section 2.3).
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// A path in its normal form (RFC 3986 section 6.2.2); `None` for one that servers read
/// differently whatever its form: with dot segments or empty ones, encoded separators, an encoded
/// `%`, control characters, bytes that are no UTF-8, or bytes that had to be encoded.
pub fn normal(path: &str) -> Option<Cow<'_, str>> {
    if !path.starts_with('/') {
        return None;
    }
    let path = if path.bytes().all(stands) {
        Cow::Borrowed(path)
    } else {
        let decodes_to_text = percent_decode_str(path).decode_utf8().is_ok_and(|text| !text.chars().any(char::is_control));
        Cow::Owned(spelled(path).filter(|_| decodes_to_text)?)
    };
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let ends_the_path = segment.is_empty() && segments.peek().is_none();
        if !ends_the_path && matches!(name(segment), "" | "." | "..") {
            return None;
        }
    }
    Some(path)
}

/// Encodes what has to be encoded, in capitals, and nothing else; `None` where that would not be
/// the same path.
fn spelled(path: &str) -> Option<String> {
    let mut spelled = String::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            spelled.push(stands(byte).then(|| char::from(byte))?);
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match digit()? << 4 | digit()? {
            b'/' | b'\\' | b'%' => return None,
            byte if is_unreserved(byte) => spelled.push(char::from(byte)),
            byte => spelled.push_str(percent_encode_byte(byte)),
        }
    }
    Some(spelled)
}

/// What is left of a segment for a server that knows parameters, or decodes before it looks for
/// the query.
fn name(segment: &str) -> &str {
    if !segment.contains([';', '%']) {
        return segment;
    }
    let end = [";", "%3B", "%3F", "%23"].into_iter().filter_map(|mark| segment.find(mark)).min();
    end.map_or(segment, |end| &segment[..end])
}

/// A path in normal form as the most lenient server would read it: decoded before it is taken
/// apart, without parameters and without a slash at its end, its case of no account. `None` where
/// that makes no difference.
pub fn loose(path: &str) -> Option<String> {
    let differs = |byte: u8| byte.is_ascii_uppercase() || matches!(byte, b';' | b'%');
    if path == "/" || !(path.ends_with('/') || path.bytes().any(differs)) {
        return None;
    }
    Some(loosened(path))
}

/// The same for servers that decode and take a `;`, or a `?` or `#` that was encoded, or all of them for
/// letters like any other. Nothing where the path has none of these, or nothing to decode.
pub fn looser(path: &str) -> Vec<String> {
    let has_marks = path.contains('%') && [";", "%3B", "%3F", "%23"].iter().any(|mark| path.contains(mark));
    let ends: [&[char]; 3] = [&[';'], &['?', '#'], &[]];
    if has_marks { ends.map(|ends| loosened_to(path, ends)).into() } else { Vec::new() }
}

fn loosened(path: &str) -> String {
    loosened_to(path, &[';', '?', '#'])
}

/// What a server reads for which a segment ends at `;`, if that is among these, and the path at `?` and `#`.
fn loosened_to(path: &str, ends: &[char]) -> String {
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    let ends_path = |c: char| c != ';' && ends.contains(&c);
    let path = decoded.split(ends_path).next().unwrap_or_default().to_lowercase();
    let mut spelled = String::with_capacity(path.len());
    for segment in path.split('/') {
        for byte in segment.split(|c: char| c == ';' && ends.contains(&c)).next().unwrap_or_default().bytes() {
            if stands(byte) {
                spelled.push(char::from(byte));
            } else {
                spelled.push_str(percent_encode_byte(byte));
            }
        }
        spelled.push('/');
    }
    let bare = spelled.trim_end_matches('/').len();
    // The root is its own slash.
    spelled.truncate(if path.starts_with('/') { bare.max(1) } else { bare });
    spelled
}

/// A configured path as requests are compared with it, in normal and in loose form. Two routes may
/// name the same varying segment differently; the tree wants one name.
pub fn patterns(path: &str) -> (String, String) {
    let form = |literal: fn(&str) -> String| {
        let segment = |(index, segment): (usize, Segment<'_>)| match segment {
            Segment::Fixed(text) => literal(text),
            // All that is below a prefix.
            Segment::Varies { name, .. } if name.starts_with('*') => format!("{{{name}}}"),
            Segment::Varies { suffix, .. } => format!("{{p{index}}}{}", literal(suffix)),
        };
        pattern::segments(path).enumerate().map(segment).collect::<Vec<_>>().join("/")
    };
    let mut loose = form(loosened);
    if loose.len() > 1 && loose.ends_with('/') {
        loose.pop();
    }
    (form(|segment| spelled(segment).unwrap_or_else(|| segment.to_owned())), loose)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_normal_form() {
        for (written, form) in [
            ("/", "/"),
            ("/v1/chat/completions", "/v1/chat/completions"),
            ("/v1/a;b=c/d:e@f,g'(h)*!$&+=~-._", "/v1/a;b=c/d:e@f,g'(h)*!$&+=~-._"),
            ("/%76%31/%6dodel%73/", "/v1/models/"),
            ("/caf%c3%a9/a%20b", "/caf%C3%A9/a%20b"),
            // Encoded, these may mean something else.
            ("/x%3alook/a%3bb/c%2Bd/e%40f%3f%23", "/x%3Alook/a%3Bb/c%2Bd/e%40f%3F%23"),
            ("/.../.a/a./..a", "/.../.a/a./..a"),
        ] {
            assert_eq!(normal(written).as_deref(), Some(form), "{written}");
        }
    }

    #[test]
    fn a_path_that_servers_read_differently_has_none() {
        for path in [
            "",
            "v1",
            "*",
            "//a",
            "/a//b",
            "/a//",
            "/.",
            "/..",
            "/a/../b",
            "/a/./b",
            "/a/..",
            "/%2e%2e/b",
            "/%2E./b",
            "/.%2e",
            "/..;/b",
            "/.;x/b",
            "/..%3b/b",
            "/..%3f",
            "/a/..%23",
            "/;x/b",
            "/a/;x",
            "/%3Fx",
            "/a%2fb",
            "/a%2Fb",
            "/a%5cb",
            "/a\\b",
            "/a%252eb",
            "/a%25",
            "/a%",
            "/a%4",
            "/a%zz",
            "/a%+1",
            "/a%u002fb",
            "/a%00",
            "/a%0d%0ab",
            "/a%7f",
            "/a%c2%85",
            "/a%c0%af",
            "/a%e0%80%af",
            "/a%c0%ae",
            "/a%ff",
            "/a%c3",
            "/é",
            "/a\"b",
            "/a{b}",
            "/a|b",
            "/a^b",
            "/a<b>",
            "/a`b",
            "/a#b",
            "/a b",
            "/a\u{7f}",
        ] {
            assert_eq!(normal(path), None, "{path:?}");
        }
    }

    #[test]
    fn the_loose_form_is_what_the_most_lenient_server_reads() {
        for path in ["/", "/v1", "/v1/x:look", "/v1/a,b=c+d"] {
            assert_eq!(loose(path), None, "{path}");
        }
        for (path, form) in [
            ("/V1/Models", "/v1/models"),
            ("/v1/models/", "/v1/models"),
            ("/v1;a=b/models;x/", "/v1/models"),
            ("/v1/x%3Alook", "/v1/x:look"),
            ("/v1/models%3Bx", "/v1/models"),
            ("/v1/models%3Fx/y", "/v1/models"),
            ("/v1/models%23x", "/v1/models"),
            ("/CAF%C3%89/a%20b", "/caf%C3%A9/a%20b"),
        ] {
            assert_eq!(loose(path).as_deref(), Some(form), "{path}");
        }
    }
}
