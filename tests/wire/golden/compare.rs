//! What it means that an answer is as expected: the status is, the named header fields are, and the
//! body is, whole. A placeholder such as `{user_code}` stands for any value when it is seen first,
//! and for the same one from then on; in requests and directives it is that value. `{any}` stands
//! for any value each time. A header field that is `{absent}` is not there.

use std::collections::BTreeMap;

use serde_json::Value;

use super::scene::Expected;
use crate::support::http::Reply;

/// The values that placeholders stand for.
#[derive(Default)]
pub(super) struct Seen(BTreeMap<String, String>);

/// A piece of a text with placeholders.
enum Piece<'a> {
    Text(&'a str),
    Placeholder(&'a str),
}

/// A placeholder is a name in lower case in braces, which JSON cannot be.
fn pieces(mut text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut from = 0;
    while let Some(open) = text[from..].find('{').map(|at| from + at) {
        let name: &str = &text[open + 1..];
        let end = name.find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')).unwrap_or(name.len());
        if end > 0 && name[end..].starts_with('}') {
            pieces.extend([Piece::Text(&text[..open]), Piece::Placeholder(&name[..end])]);
            text = &name[end + 1..];
            from = 0;
        } else {
            from = open + 1;
        }
    }
    pieces.push(Piece::Text(text));
    pieces
}

impl Seen {
    /// A text with the values in it that have been seen.
    pub(super) fn filled(&self, text: &str) -> String {
        let piece = |piece| match piece {
            Piece::Text(text) => text.to_owned(),
            Piece::Placeholder(name) => self.0.get(name).cloned().unwrap_or_else(|| format!("{{{name}}}")),
        };
        pieces(text).into_iter().map(piece).collect()
    }

    /// Remembers the code that a page showed as `{code}`, and another one as `{wrong}`.
    pub(super) fn codes(&mut self, code: &str) {
        let number: u32 = code.parse().unwrap();
        self.remember("code", code);
        self.remember("wrong", &format!("{:06}", (number + 1) % 1_000_000));
    }

    /// From now on a placeholder stands for this.
    pub(super) fn remember(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), value.to_owned());
    }

    /// Compares an answer, and remembers what is new in it.
    pub(super) fn compare(&mut self, expected: &Expected, got: &Reply) -> Result<(), String> {
        if got.status.as_u16() != expected.status {
            return Err(format!("the status is {}", got.status));
        }
        for (name, value) in &expected.headers {
            let lines: Vec<&str> = got.headers.get_all(name).iter().map(|line| line.to_str().unwrap()).collect();
            let there = (!lines.is_empty()).then(|| lines.join(", "));
            let as_expected = match there {
                None => value == "{absent}",
                Some(there) => value != "{absent}" && self.text(value, &there),
            };
            if !as_expected {
                return Err(format!("{name} is different"));
            }
        }
        self.body(&expected.body, got)
    }

    fn body(&mut self, expected: &str, got: &Reply) -> Result<(), String> {
        if expected == "{any}" {
            return Ok(());
        }
        match serde_json::from_str::<Value>(expected) {
            Ok(expected) => match serde_json::from_slice(&got.body) {
                Ok(json) => self.json(&expected, &json, "the body"),
                Err(error) => Err(format!("the body is no JSON: {error}")),
            },
            Err(_no_json) if self.text(expected, &got.text()) => Ok(()),
            Err(_no_json) => Err("the body is different".to_owned()),
        }
    }

    fn json(&mut self, expected: &Value, got: &Value, at: &str) -> Result<(), String> {
        match (expected, got) {
            (Value::Object(expected), Value::Object(got)) => {
                if let Some(more) = got.keys().find(|name| !expected.contains_key(*name)) {
                    return Err(format!("{at} has {more} besides"));
                }
                for (name, value) in expected {
                    let got = got.get(name).ok_or_else(|| format!("{at} has no {name}"))?;
                    self.json(value, got, &format!("{at}.{name}"))?;
                }
                Ok(())
            }
            (Value::Array(expected), Value::Array(got)) if expected.len() == got.len() => {
                for (index, (expected, got)) in expected.iter().zip(got).enumerate() {
                    self.json(expected, got, &format!("{at}[{index}]"))?;
                }
                Ok(())
            }
            (Value::String(expected), Value::String(got)) if self.text(expected, got) => Ok(()),
            // A placeholder alone stands for any JSON.
            (Value::String(expected), got) if !got.is_string() && is_placeholder(expected) && self.text(expected, &got.to_string()) => {
                Ok(())
            }
            (expected, got) if expected == got => Ok(()),
            _ => Err(format!("{at} is different")),
        }
    }

    /// Whether a text is as expected. What is seen first ends where the text behind it begins.
    pub(super) fn text(&mut self, expected: &str, got: &str) -> bool {
        let filled = self.filled(expected);
        let mut rest = got;
        let mut open: Option<&str> = None;
        for piece in pieces(&filled) {
            match piece {
                Piece::Placeholder(name) => open = Some(name),
                Piece::Text(text) => {
                    let start = match open {
                        Some(_) if text.is_empty() => rest.len(),
                        Some(_) => match rest.find(text) {
                            Some(start) => start,
                            None => return false,
                        },
                        None if rest.starts_with(text) => 0,
                        None => return false,
                    };
                    if let Some(name) = open.take().filter(|name| *name != "any") {
                        self.0.insert(name.to_owned(), rest[..start].to_owned());
                    }
                    rest = &rest[start + text.len()..];
                }
            }
        }
        rest.is_empty()
    }
}

fn is_placeholder(text: &str) -> bool {
    matches!(pieces(text).as_slice(), [Piece::Text(""), Piece::Placeholder(_), Piece::Text("")])
}

#[test]
fn a_placeholder_is_anything_once_and_the_same_from_then_on() {
    let mut seen = Seen::default();
    assert!(seen.text("code={code}&x", "code=1&x") && seen.text("{code}", "1") && !seen.text("{code}", "2"));
    assert!(seen.text("{any}", "1") && seen.text("{any}", "2") && seen.text("a{any}", "a2") && !seen.text("a{any}", "b2"));
    assert_eq!(seen.filled("{code} {other} {\"a\":{}}"), "1 {other} {\"a\":{}}");
}

#[test]
fn json_is_compared_whole() {
    let compare = |expected: &str, got: &str| {
        let (expected, got): (Value, Value) = (serde_json::from_str(expected).unwrap(), serde_json::from_str(got).unwrap());
        Seen::default().json(&expected, &got, "the body")
    };
    assert_eq!(compare(r#"{"a": "{x}", "b": ["{x}", 2]}"#, r#"{"b": [1, 2], "a": 1}"#), Ok(()));
    for (expected, got, difference) in [
        (r#"{"a": 1}"#, r#"{"a": 1, "b": 2}"#, "the body has b besides"),
        (r#"{"a": 1, "b": 2}"#, r#"{"a": 1}"#, "the body has no b"),
        (r#"{"a": [1]}"#, r#"{"a": [2]}"#, "the body.a[0] is different"),
        (r#"{"a": "1"}"#, r#"{"a": 1}"#, "the body.a is different"),
        (r#"{"a": "{x}", "b": "{x}"}"#, r#"{"a": "1", "b": "2"}"#, "the body.b is different"),
        (r#"[1]"#, r#"[1, 2]"#, "the body is different"),
    ] {
        assert_eq!(compare(expected, got), Err(difference.to_owned()));
    }
}
