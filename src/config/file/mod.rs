//! The strict reader. A [`Section`] is a table of the file; whoever wants a key asks for it by name
//! and type. What is missing, of another type or out of bounds is noted and the reading goes on, so
//! that all mistakes of a file are found at once; in the end every key that nobody asked for is a
//! mistake too.
//!
//! Nothing is quoted in a report unless it was asked for as something that is no secret, so a
//! secret that was written in the wrong place or under a mistyped key stays out of it.

mod certificates;
mod clients;
mod nearest;
mod networks;
mod report;
mod secret;
mod syntax;
mod tables;
mod values;

use std::{collections::BTreeSet, path::Path};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    environment::Environment,
    problem::{Place, Problems},
};
use crate::oauth::scope::Scopes;
pub(super) use nearest::{instead, nearest};
use report::Report;
pub(super) use tables::Sentences;
pub(super) use values::scope_name;

/// A configuration as it was written. It has no `Debug`: there may be a secret in the text.
#[derive(Clone, Copy)]
pub struct Written<'a> {
    /// What reports call it.
    pub name: &'a str,
    /// The text.
    pub text: &'a str,
    /// Where relative paths in it start.
    pub folder: &'a Path,
}

/// Reads a whole file. `read` is handed the outermost section; what it returns counts only where
/// nothing is wrong.
///
/// # Errors
/// Everything that is wrong. What it *means* is looked at only where the text is TOML enough to
/// tell which value belongs to which key.
pub(super) fn read<T>(
    file: Written<'_>,
    environment: &Environment,
    read: impl FnOnce(&mut Section<'_>) -> Option<T>,
) -> Result<T, Problems> {
    let mut report = Report::default();
    let (tree, intact) = syntax::parse(file.text, &mut report);
    let context = Context { source: file.text, folder: file.folder, environment, rehearsal: false };
    let outcome = if intact { Section::outermost(&mut report, context, &tree).run(read) } else { None };
    match outcome {
        Some(outcome) if report.is_empty() => Ok(outcome),
        _ => Err(report.into_problems(file.name, file.text)),
    }
}

/// Every key that `read` asks for, in whatever file: dotted, without indices, and with `*` for a
/// name that operators choose.
pub(super) fn known_keys<T>(read: impl FnOnce(&mut Section<'_>) -> T) -> BTreeSet<String> {
    let mut report = Report::default();
    let environment = Environment::given([], []);
    let context = Context { source: "", folder: Path::new(""), environment: &environment, rehearsal: true };
    Section::outermost(&mut report, context, &DeTable::new()).run(read);
    report.known
}

/// What all sections of a file share.
#[derive(Clone, Copy)]
struct Context<'a> {
    source: &'a str,
    folder: &'a Path,
    environment: &'a Environment,
    /// Only to see which keys are asked for: every table there could be is taken to be there.
    rehearsal: bool,
}

/// A table of the file, while it is read.
///
/// A getter gives `None` where the key is absent and where its value is wrong; the latter has been
/// noted by then, so a default may take its place.
pub struct Section<'a> {
    report: &'a mut Report,
    context: Context<'a>,
    table: &'a DeTable<'a>,
    place: Place,
    /// The section's path as [`known_keys`] spells it.
    pattern: String,
    asked: Vec<&'static str>,
    /// Whether operators choose the keys of this table.
    any_key: bool,
}

impl<'a> Section<'a> {
    fn outermost(report: &'a mut Report, context: Context<'a>, table: &'a DeTable<'a>) -> Self {
        Self::new(report, context, table, Place { key: String::new(), span: 0..0 }, String::new())
    }

    fn new(report: &'a mut Report, context: Context<'a>, table: &'a DeTable<'a>, place: Place, pattern: String) -> Self {
        for key in table.keys() {
            report.open(key.span());
        }
        // The section's own header. An inline table's span is its text, values and all.
        if context.source.get(place.span.clone()).is_some_and(|text| text.starts_with('[')) {
            report.open(place.span.clone());
        }
        Self { report, context, table, place, pattern, asked: Vec::new(), any_key: false }
    }

    /// Reads the section and then looks for what nobody asked for.
    fn run<T>(mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        let outcome = read(&mut self);
        let known = |key: &str| self.any_key || self.asked.contains(&key);
        for key in self.table.keys().filter(|key| !known(key.get_ref())) {
            let name = key.get_ref();
            let place = Place { key: join(&self.place.key, &written(name)), span: key.span() };
            self.report.problem(place, format!("there is no key `{}`", written(name)), instead(name, self.asked.iter().copied()));
        }
        outcome
    }

    /// Where the section stands.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Where the value of a key stands: where the section does, if the key is absent.
    pub fn place_of(&self, key: &str) -> Place {
        let span = self.table.get(key).map_or_else(|| self.place.span.clone(), Spanned::span);
        Place { key: join(&self.place.key, key), span }
    }

    /// Whether the file has this key, with whatever value.
    pub fn holds(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// What surrounds the configuration.
    pub(super) fn environment(&self) -> &Environment {
        self.context.environment
    }

    /// Notes a mistake in the value of a key.
    pub fn problem(&mut self, key: &str, message: impl Into<String>, remedy: impl Into<String>) {
        let place = self.place_of(key);
        self.problem_at(place, message, remedy);
    }

    /// Notes a mistake somewhere in the file.
    pub fn problem_at(&mut self, place: Place, message: impl Into<String>, remedy: impl Into<String>) {
        self.report.problem(place, message, remedy);
    }

    /// From now on these scopes are known for declared.
    pub(super) fn declare_scopes(&mut self, scopes: Scopes) {
        self.report.declared = scopes;
    }

    /// The scopes that `[scopes]` declares, for what is made of all of them.
    pub fn declared_scopes(&self) -> Scopes {
        self.report.declared.clone()
    }

    /// Every scope that was named so far, and where.
    pub(super) fn named_scopes(&self) -> Vec<(String, Place)> {
        self.report.scopes.clone()
    }

    /// Every resource that was named so far, and where.
    pub(super) fn named_resources(&self) -> Vec<(String, Place)> {
        self.report.resources.clone()
    }

    /// The value of a key. The key is known from now on.
    fn look_up(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
            self.report.known.insert(join(&self.pattern, key));
        }
        self.table.get(key)
    }

    /// Notes that the value of a key is not what was asked for.
    fn wrong_type(&mut self, place: Place, expected: &str, found: &DeValue<'_>) {
        let found = match found {
            DeValue::String(_) => "text",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a fraction",
            DeValue::Boolean(true) => "`true`",
            DeValue::Boolean(false) => "`false`",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        let message = format!("`{}` cannot be {found}", place.key);
        self.report.problem(place, message, format!("write {expected}"));
    }
}

/// A key below a path.
fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// A key as it is written in TOML.
fn written(key: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if !key.is_empty() && key.bytes().all(bare) { key.to_owned() } else { format!("{key:?}") }
}
