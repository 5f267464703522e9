//! How paths and hosts are written in the configuration.
//!
//! A request's path is compared as it was sent, so there is one way to write each path here.

use percent_encoding::percent_decode_str;

use super::{Paths, problem::Flaw};
use crate::oauth::pattern::Segment;

/// Reads one path, with `{name}` where a segment varies. The last one may be `{name}:word`.
///
/// # Errors
/// What is wrong and what to write instead.
pub fn exact(text: &str) -> Result<Paths, Flaw> {
    match suffixed(text)? {
        Some(segment) if !text.ends_with(segment) => {
            Err((format!("`{segment}` does not end the path"), "let nothing follow the word after `:`".to_owned()))
        }
        _ => Ok(Paths::Exact(text.to_owned())),
    }
}

/// Reads a path that stands for all paths below it, too, with `{name}` where a segment varies.
///
/// # Errors
/// What is wrong and what to write instead.
pub fn prefix(text: &str) -> Result<Paths, Flaw> {
    if let Some(segment) = suffixed(text)? {
        return Err((format!("`{segment}` has nothing below it"), "write it as a `path`".to_owned()));
    }
    if text != "/" {
        without_slash(text)?;
    }
    Ok(Paths::Prefix(text.to_owned()))
}

/// Reads what is put before other paths; `""` for nothing.
///
/// # Errors
/// What is wrong and what to write instead.
pub fn mount(text: &str) -> Result<String, Flaw> {
    if text.is_empty() {
        return Ok(String::new());
    }
    for segment in segments(text)? {
        if let Segment::Varies { .. } = read(segment)? {
            return Err(("this prefix has no parameters".to_owned(), "write the segments as they are sent".to_owned()));
        }
    }
    without_slash(text).map(str::to_owned)
}

fn without_slash(text: &str) -> Result<&str, Flaw> {
    match text.strip_suffix('/') {
        None => Ok(text),
        Some("") => Err(("`/` is no prefix here".to_owned(), "leave the prefix out".to_owned())),
        Some(bare) => Err(("a prefix does not end with `/`".to_owned(), format!("write \"{bare}\""))),
    }
}

/// Reads the name of a host, in lower case and without a port.
///
/// # Errors
/// What is wrong and what to write instead.
pub fn host(text: &str) -> Result<String, Flaw> {
    let remedy = || "write the name only, like \"ai.example.com\"".to_owned();
    if text.contains('*') {
        return Err(("a host cannot be a pattern".to_owned(), "write the whole name, or leave `host` out for every host".to_owned()));
    }
    if text.contains([':', '/']) && !text.starts_with('[') {
        return Err(("a host is written without scheme, port and path".to_owned(), remedy()));
    }
    let host = url::Host::parse(text).map_err(|error| (format!("this is no host: {error}"), remedy()))?;
    Ok(host.to_string())
}

/// The segments of a path, each one fit to be compared as it was sent.
fn segments(text: &str) -> Result<impl Iterator<Item = &str>, Flaw> {
    let Some(path) = text.strip_prefix('/') else {
        return Err(("a path starts with `/`".to_owned(), format!("write \"/{text}\"")));
    };
    let flaw = if text.contains("//") {
        Some(("a path has no empty segments", "write one `/` between segments"))
    } else if text.contains(['?', '#']) {
        Some(("a path has no query and no fragment", "end it before `?` or `#`"))
    } else if path.split('/').any(|segment| matches!(segment, "." | "..")) {
        Some(("a path has no `.` and `..` segments", "write the path that they lead to"))
    } else if !text.bytes().all(|byte| byte.is_ascii_graphic() && !br#""<>\^`|"#.contains(&byte)) {
        Some(("the path has a character that no request could send", "percent-encode it"))
    } else if !encoding_is_needed(text) {
        Some((
            "the path has a percent-encoding that the gateway does not accept",
            "encode no letters, digits, `-`, `.`, `_`, `~` and slashes",
        ))
    } else {
        None
    };
    flaw.map_or_else(|| Ok(path.split('/')), |(message, remedy)| Err((message.to_owned(), remedy.to_owned())))
}

/// Whether whatever is percent-encoded could not be written plainly, and hides no separator.
fn encoding_is_needed(path: &str) -> bool {
    path.match_indices('%').all(|(at, _)| {
        let mut decoded = path.get(at..at + 3).map(percent_decode_str).into_iter().flatten();
        match (decoded.next(), decoded.next()) {
            (Some(byte), None) => !(byte.is_ascii_alphanumeric() || byte.is_ascii_control() || b"-._~/\\%".contains(&byte)),
            _ => false,
        }
    })
}

/// Whether all segments are well written, each parameter with a name of its own; the first one that
/// has a suffix.
fn suffixed(text: &str) -> Result<Option<&str>, Flaw> {
    let (mut names, mut found) = (Vec::new(), None);
    for segment in segments(text)? {
        let Segment::Varies { name, suffix } = read(segment)? else { continue };
        if names.contains(&name) {
            return Err((format!("the path names `{{{name}}}` twice"), "give each parameter a name of its own".to_owned()));
        }
        names.push(name);
        found = found.or((!suffix.is_empty()).then_some(segment));
    }
    Ok(found)
}

/// One segment: what it is, `{name}`, or `{name}:word`.
fn read(text: &str) -> Result<Segment<'_>, Flaw> {
    let segment = Segment::of(text);
    let is_read = match segment {
        Segment::Fixed(text) => !text.contains(['{', '}']),
        Segment::Varies { name, suffix } => is_name(name) && (suffix.is_empty() || suffix.strip_prefix(':').is_some_and(is_word)),
    };
    is_read.then_some(segment).ok_or_else(|| {
        (
            "a parameter is a whole segment, or what comes before `:` and a word".to_owned(),
            "write it like `/things/{id}` or `/things/{id}:check`; a parameter's name has letters, digits and `_`".to_owned(),
        )
    })
}

fn is_name(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') && text.starts_with(|first: char| !first.is_ascii_digit())
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_written_in_one_way() {
        for path in [
            "/",
            "/v1/models",
            "/v1/things/{id}",
            "/{a}/{b}/",
            "/a%20b",
            "/v1/x:lookup",
            "/caf%C3%A9",
            "/~me/a-b_c.d",
            "/{a}/{b}:rotate",
            "/models/{model}:batch-Embed_2",
        ] {
            assert_eq!(exact(path), Ok(Paths::Exact(path.to_owned())));
        }
        for path in [
            "",
            "v1",
            "//",
            "/v1//x",
            "/./x",
            "/x/..",
            "/x?y",
            "/x#y",
            "/a b",
            "/é",
            "/a%2Fb",
            "/a%2fb",
            "/a%5cb",
            "/%2e%2e/x",
            "/%41",
            "/%25",
            "/%",
            "/%4",
            "/%zz",
            "/%00",
            "/x{id}",
            "/{id}x",
            "/{}",
            "/{1}",
            "/{*rest}",
            "/{a b}",
            "/{a}/{a}",
            "/{{a}}",
            "/{a}:",
            "/{a}:b:c",
            "/{a}:b.c",
            "/{a}:b;c",
            "/{a}%3Ab",
            "/{a}{b}",
            "/{a}:{b}",
            "/b:{a}",
            "/{a}:b/",
            "/{a}:b/c",
            "/{a}:b/{c}:b",
            "/{a}/{a}:b",
            "/a\\b",
            "/<x>",
        ] {
            assert!(exact(path).is_err(), "{path:?}");
        }
    }

    #[test]
    fn prefixes_end_without_a_slash() {
        assert_eq!(prefix("/"), Ok(Paths::Prefix("/".into())));
        assert_eq!(prefix("/v1"), Ok(Paths::Prefix("/v1".into())));
        assert_eq!(prefix("/v1/{a}/x/{b}"), Ok(Paths::Prefix("/v1/{a}/x/{b}".into())));
        assert_eq!(prefix("/v1/").map_err(|(_, remedy)| remedy), Err("write \"/v1\"".to_owned()));
        for text in ["", "v1", "/v1//", "/v1/{id}/", "/v1/{id}:x", "/v1/{id}x", "/{a}/{a}"] {
            assert!(prefix(text).is_err(), "{text:?}");
        }
        assert_eq!(mount(""), Ok(String::new()));
        assert_eq!(mount("/auth"), Ok("/auth".to_owned()));
        for text in ["/", "auth", "/auth/", "/{id}"] {
            assert!(mount(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn hosts_are_names_in_lower_case() {
        for (written, read) in [
            ("AI.Example.com", "ai.example.com"),
            ("localhost", "localhost"),
            ("[::1]", "[::1]"),
            ("bücher.example", "xn--bcher-kva.example"),
        ] {
            assert_eq!(host(written), Ok(read.to_owned()));
        }
        for text in ["example.com:80", "https://example.com", "*.example.com", "a b", "", "example.com/x"] {
            assert!(host(text).is_err(), "{text:?}");
        }
    }
}
