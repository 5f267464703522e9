//! Values that are no secret.

use std::{ops::RangeInclusive, path::PathBuf, time::Duration};

use jiff::{SignedDuration, SpanRelativeTo, fmt::friendly::SpanParser};
use toml::{
    Spanned,
    de::{DeInteger, DeValue},
};
use url::Url;

use super::{Section, instead};
use crate::{
    config::problem::{Flaw, Place},
    oauth::{audience::Audience, scope::Scopes},
};

/// What is expected where nothing better can be said.
const TEXT: &str = "text in double quotes";

impl<'a> Section<'a> {
    /// A value without which there is nothing to do. `example` is a value as it is written in TOML.
    pub fn required<T>(&mut self, key: &'static str, example: &str, get: impl FnOnce(&mut Self, &'static str) -> Option<T>) -> Option<T> {
        if self.look_up(key).is_none() {
            self.problem(key, format!("`{key}` is missing"), format!("write `{key} = {example}`"));
        }
        get(self, key)
    }

    /// Text, and not an empty one.
    pub fn text(&mut self, key: &'static str) -> Option<String> {
        self.parsed(key, |text| {
            if text.trim().is_empty() {
                return Err(("the text is empty".to_owned(), "write something, or leave the key out".to_owned()));
            }
            Ok(text.to_owned())
        })
    }

    /// Text of some form.
    pub fn parsed<T>(&mut self, key: &'static str, parse: impl FnOnce(&str) -> Result<T, Flaw>) -> Option<T> {
        let place = self.place_of(key);
        let value = self.look_up(key)?;
        self.report.open_value(value);
        self.parse_value(value, place, TEXT, parse)
    }

    /// Text, `Some(None)` for `key = false`.
    pub fn text_or_false(&mut self, key: &'static str) -> Option<Option<String>> {
        match self.look_up(key)?.get_ref() {
            DeValue::Boolean(false) => Some(None),
            DeValue::String(_) => self.text(key).map(Some),
            other => {
                let place = self.place_of(key);
                self.wrong_type(place, "text in double quotes, or false", other);
                None
            }
        }
    }

    /// A path; a relative one starts at the folder of the file.
    pub fn path_or(&mut self, key: &'static str, default: &str) -> PathBuf {
        let path = self.text(key);
        self.context.folder.join(path.as_deref().unwrap_or(default))
    }

    /// A path, `Some(None)` for `key = false`; a relative one starts at the folder of the file.
    pub fn path_or_false(&mut self, key: &'static str) -> Option<Option<PathBuf>> {
        let path = self.text_or_false(key)?;
        Some(path.map(|path| self.context.folder.join(path)))
    }

    /// The bytes of a file, or why they cannot be had; a relative path starts at the folder of the
    /// configuration.
    pub(in crate::config) fn bytes(&mut self, key: &'static str, most: u64) -> Option<Result<Vec<u8>, Flaw>> {
        let path = self.context.folder.join(self.text(key)?);
        let remedy = || format!("name a file of at most {} KiB that the gateway may read", most / 1024);
        Some(match self.context.environment.bytes(&path, most) {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => Err((format!("the file {} is too large", path.display()), remedy())),
            Err(error) => Err((format!("the file {} cannot be read: {error}", path.display()), remedy())),
        })
    }

    /// One word out of a few.
    pub fn choice<T: Copy>(&mut self, key: &'static str, choices: &[(&'static str, T)]) -> Option<T> {
        self.parsed(key, |text| {
            let chosen = choices.iter().find(|(word, _)| *word == text);
            chosen.map(|(_, choice)| *choice).ok_or_else(|| {
                (format!("`{text}` is not one of the words that `{key}` knows"), instead(text, choices.iter().map(|(word, _)| *word)))
            })
        })
    }

    /// `true` or `false`.
    pub fn flag(&mut self, key: &'static str) -> Option<bool> {
        let place = self.place_of(key);
        let value = self.look_up(key)?;
        self.report.open_value(value);
        match value.get_ref() {
            DeValue::Boolean(flag) => Some(*flag),
            other => {
                self.wrong_type(place, "true or false", other);
                None
            }
        }
    }

    /// A whole number within bounds.
    pub fn integer(&mut self, key: &'static str, bounds: RangeInclusive<u32>) -> Option<u32> {
        let place = self.place_of(key);
        let value = self.look_up(key)?;
        self.report.open_value(value);
        let expected = format!("a whole number from {} to {}", bounds.start(), bounds.end());
        match value.get_ref() {
            DeValue::Integer(number) => {
                let number = in_bounds(number, &bounds);
                if number.is_none() {
                    self.problem_at(place, format!("`{key}` is out of bounds"), format!("write {expected}"));
                }
                number
            }
            other => {
                self.wrong_type(place, &expected, other);
                None
            }
        }
    }

    /// A length of time such as `"15m"` or `"7 days"`, within bounds.
    pub fn duration(&mut self, key: &'static str, bounds: RangeInclusive<Duration>) -> Option<Duration> {
        let place = self.place_of(key);
        let value = self.look_up(key)?;
        self.report.open_value(value);
        let (least, most) = (spelled(*bounds.start()), spelled(*bounds.end()));
        let expected = format!("a length of time from {least} to {most}, such as \"30s\", \"15m\", \"12h\" or \"7 days\"");
        self.parse_value(value, place, &expected, |text| {
            let remedy = || format!("write {expected}");
            let span = SpanParser::new().parse_span(text).map_err(|_form| ("this is no length of time".to_owned(), remedy()))?;
            let length = span
                .to_duration(SpanRelativeTo::days_are_24_hours())
                .map_err(|_calendar| ("a month or a year is no fixed length of time".to_owned(), "count in days".to_owned()))?;
            let length = Duration::try_from(length).ok().filter(|length| bounds.contains(length));
            length.ok_or_else(|| (format!("`{key}` is out of bounds"), remedy()))
        })
    }

    /// Text of some form, which is not quoted where it is wrong: there may be a secret in it.
    pub(in crate::config) fn discreet<T>(&mut self, key: &'static str, parse: impl FnOnce(&str) -> Result<T, Flaw>) -> Option<T> {
        let place = self.place_of(key);
        let value = self.look_up(key)?;
        let parsed = self.parse_value(value, place, TEXT, parse)?;
        self.report.open(value.span());
        Some(parsed)
    }

    /// A URL without user, password, query and fragment. One that has them is not quoted, since they
    /// are where people put keys.
    pub fn url(&mut self, key: &'static str) -> Option<Url> {
        self.discreet(key, |text| {
            let remedy = || "write it like \"https://host.example\"".to_owned();
            let url = Url::parse(text).map_err(|error| (format!("this is no URL: {error}"), remedy()))?;
            let secretive = !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some();
            if secretive { Err(("a URL has no user, password, query or fragment here".to_owned(), remedy())) } else { Ok(url) }
        })
    }

    /// A list of texts of some form.
    pub fn list<T>(&mut self, key: &'static str, mut parse: impl FnMut(&str) -> Result<T, Flaw>) -> Option<Vec<T>> {
        let elements = self.elements(key)?;
        let count = elements.len();
        let parsed: Vec<T> =
            elements.into_iter().filter_map(|(element, place)| self.parse_value(element, place, TEXT, &mut parse)).collect();
        (parsed.len() == count).then_some(parsed)
    }

    /// A list of scopes. Each must be declared in `[scopes]`, which is looked at in the end.
    pub fn scopes(&mut self, key: &'static str) -> Option<Scopes> {
        let elements = self.elements(key)?;
        let count = elements.len();
        let mut names = Vec::with_capacity(count);
        for (element, place) in elements {
            if let Some(name) = self.parse_value(element, place.clone(), TEXT, scope_name) {
                self.report.scopes.push((name.clone(), place));
                names.push(name);
            }
        }
        (names.len() == count).then(|| names.into_iter().collect())
    }

    /// The scopes of a list, or these, separated by spaces, where there is none; they must be declared
    /// like any other.
    pub fn scopes_or(&mut self, key: &'static str, default: &str) -> Scopes {
        let written = self.holds(key);
        let scopes = self.scopes(key);
        let default = default.split(' ').map(str::to_owned);
        if !written {
            let place = self.place().clone();
            self.report.scopes.extend(default.clone().map(|name| (name, place.clone())));
        }
        scopes.unwrap_or_else(|| default.collect())
    }

    /// A list of resources (RFC 8707). Each must be one that the gateway protects, which is looked at in
    /// the end.
    pub fn resources(&mut self, key: &'static str) -> Option<Audience> {
        let mut placed = Vec::new();
        for (element, place) in self.elements(key)? {
            placed.extend(self.parse_value(element, place.clone(), TEXT, |text| Ok((text.to_owned(), place))));
        }
        self.report.resources.extend(placed.iter().cloned());
        Some(placed.into_iter().map(|(resource, _)| resource).collect())
    }

    /// Whether a list stands where something else could, too. When only the keys are of interest,
    /// one does, since a list's elements may have keys.
    pub fn is_list(&mut self, key: &'static str) -> bool {
        self.context.rehearsal || self.look_up(key).is_some_and(|value| value.get_ref().is_array())
    }

    fn elements(&mut self, key: &'static str) -> Option<Vec<(&'a Spanned<DeValue<'a>>, Place)>> {
        let place = self.place_of(key);
        match self.look_up(key)?.get_ref() {
            DeValue::Array(elements) => {
                let placed = elements.iter().enumerate().map(|(index, element)| {
                    self.report.open_value(element);
                    (element, Place { key: format!("{}[{index}]", place.key), span: element.span() })
                });
                Some(placed.collect())
            }
            other => {
                self.wrong_type(place, "a list of texts: [\"...\", \"...\"]", other);
                None
            }
        }
    }

    fn parse_value<T>(
        &mut self,
        value: &Spanned<DeValue<'_>>,
        place: Place,
        expected: &str,
        parse: impl FnOnce(&str) -> Result<T, Flaw>,
    ) -> Option<T> {
        let flaw = match value.get_ref() {
            DeValue::String(text) => match parse(text) {
                Ok(parsed) => return Some(parsed),
                Err(flaw) => flaw,
            },
            other => {
                self.wrong_type(place, expected, other);
                return None;
            }
        };
        self.problem_at(place, flaw.0, flaw.1);
        None
    }
}

/// One scope token (RFC 6749 section 3.3).
pub(in crate::config) fn scope_name(text: &str) -> Result<String, Flaw> {
    let remedy = || "name it like \"inference\" or \"models:read\"".to_owned();
    let scopes = Scopes::parse(text).map_err(|error| (error.to_string(), remedy()))?;
    if scopes.iter().eq([text]) { Ok(text.to_owned()) } else { Err(("a scope is one word".to_owned(), remedy())) }
}

fn in_bounds(number: &DeInteger<'_>, bounds: &RangeInclusive<u32>) -> Option<u32> {
    // Whatever does not fit into 128 bits is out of bounds as well.
    let number = i128::from_str_radix(number.as_str(), number.radix()).ok()?;
    u32::try_from(number).ok().filter(|number| bounds.contains(number))
}

/// A length of time as [`Section::duration`] reads it.
fn spelled(length: Duration) -> String {
    const DAY: u64 = 24 * 60 * 60;
    match length.as_secs() {
        DAY => "1 day".to_owned(),
        seconds if seconds > DAY && seconds % DAY == 0 => format!("{} days", seconds / DAY),
        _ => SignedDuration::try_from(length).map_or_else(|_too_long| format!("{length:?}"), |length| format!("{length:#}")),
    }
}
