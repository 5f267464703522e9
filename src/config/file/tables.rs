//! Sections within a section.

use std::collections::BTreeMap;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{Section, join, written};
use crate::config::{Language, problem::Place};

/// A sentence under a name that operators choose.
pub(in crate::config) struct Sentences {
    /// The name.
    pub(in crate::config) name: String,
    /// The sentence, where there is one for all languages.
    pub(in crate::config) plain: Option<String>,
    /// The sentence in each language that has one.
    pub(in crate::config) translated: BTreeMap<Language, String>,
    /// Where it stands.
    pub(in crate::config) place: Place,
}

impl<'a> Section<'a> {
    /// A table that may be left out, and is then read as an empty one.
    pub fn table<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Section<'_>) -> T) -> T {
        let empty = DeTable::new();
        let place = self.place_of(key);
        let found = match self.look_up(key).map(Spanned::get_ref) {
            Some(DeValue::Table(table)) => table,
            Some(other) => {
                self.wrong_type(place.clone(), &format!("a table: [{}]", place.key), other);
                &empty
            }
            None => &empty,
        };
        let pattern = join(&self.pattern, key);
        self.child(found, place, pattern, read)
    }

    /// A table without which something is off.
    pub fn optional_table<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Section<'_>) -> T) -> Option<T> {
        let there = self.look_up(key).is_some() || self.context.rehearsal;
        there.then(|| self.table(key, read))
    }

    /// A table, or `Some(None)` for `key = false`.
    pub fn table_or_false<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Section<'_>) -> T) -> Option<Option<T>> {
        match self.look_up(key).map(Spanned::get_ref) {
            Some(DeValue::Boolean(false)) => Some(None),
            Some(DeValue::Table(_)) | None => self.optional_table(key, read).map(Some),
            Some(other) => {
                let place = self.place_of(key);
                self.wrong_type(place.clone(), &format!("a table, [{}], or false", place.key), other);
                None
            }
        }
    }

    /// What is off unless it is turned on: by `key = true`, or by a table that says how. `true` is the
    /// table with nothing in it.
    pub fn table_or_true<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Section<'_>) -> T) -> Option<T> {
        let empty = DeTable::new();
        let place = self.place_of(key);
        let table = match self.look_up(key).map(Spanned::get_ref) {
            Some(DeValue::Table(table)) => table,
            Some(DeValue::Boolean(true)) => &empty,
            None if self.context.rehearsal => &empty,
            Some(DeValue::Boolean(false)) | None => return None,
            Some(other) => {
                self.wrong_type(place.clone(), &format!("true, false, or a table: [{}]", place.key), other);
                return None;
            }
        };
        let pattern = join(&self.pattern, key);
        Some(self.child(table, place, pattern, read))
    }

    /// A list of tables, `[[key]]`.
    pub fn tables<T>(&mut self, key: &'static str, mut read: impl FnMut(&mut Section<'_>) -> T) -> Vec<T> {
        let place = self.place_of(key);
        let pattern = join(&self.pattern, key);
        let expected = format!("a list of tables: [[{}]]", place.key);
        let elements = match self.look_up(key).map(Spanned::get_ref) {
            Some(DeValue::Array(elements)) => elements.as_ref(),
            Some(other) => {
                self.wrong_type(place, &expected, other);
                return Vec::new();
            }
            None if self.context.rehearsal => return vec![self.child(&DeTable::new(), place, pattern, read)],
            None => return Vec::new(),
        };
        let mut outcomes = Vec::with_capacity(elements.len());
        for (index, element) in elements.iter().enumerate() {
            let place = Place { key: format!("{}[{index}]", place.key), span: element.span() };
            match element.get_ref() {
                DeValue::Table(table) => outcomes.push(self.child(table, place, pattern.clone(), &mut read)),
                other => self.wrong_type(place, &expected, other),
            }
        }
        outcomes
    }

    /// Tables whose names operators choose, `[key.<name>]`, in the order of the names.
    pub fn named_tables<T>(&mut self, key: &'static str, mut read: impl FnMut(&str, &mut Section<'_>) -> T) -> Vec<T> {
        self.table(key, |names| {
            let pattern = join(&names.pattern, "*");
            if names.context.rehearsal {
                names.report.known.insert(pattern.clone());
                return vec![names.child(&DeTable::new(), names.place.clone(), pattern, |section| read("*", section))];
            }
            let mut outcomes = Vec::new();
            for (name, value) in names.named_values() {
                let place = Place { key: join(&names.place.key, &written(name)), span: value.span() };
                match value.get_ref() {
                    DeValue::Table(table) => outcomes.push(names.child(table, place, pattern.clone(), |section| read(name, section))),
                    other => names.wrong_type(place.clone(), &format!("a table: [{}]", place.key), other),
                }
            }
            outcomes
        })
    }

    /// Sentences under names that operators choose, in the order of the names: a text, or a table
    /// with a text for each language.
    pub(in crate::config) fn named_sentences(&mut self, key: &'static str) -> Vec<Sentences> {
        let translations = |section: &mut Section<'_>| {
            let texts = Language::ALL.map(|(tag, language)| section.parsed(tag, |text| Ok(text.to_owned())).map(|text| (language, text)));
            texts.into_iter().flatten().collect::<BTreeMap<_, _>>()
        };
        self.table(key, |names| {
            let pattern = join(&names.pattern, "*");
            if names.context.rehearsal {
                names.report.known.insert(pattern.clone());
                names.child(&DeTable::new(), names.place.clone(), pattern, translations);
                return Vec::new();
            }
            let mut sentences = Vec::new();
            for (name, value) in names.named_values() {
                let place = Place { key: join(&names.place.key, &written(name)), span: value.span() };
                let (plain, translated) = match value.get_ref() {
                    DeValue::String(text) => {
                        names.report.open_value(value);
                        (Some(text.to_string()), BTreeMap::new())
                    }
                    DeValue::Table(table) => (None, names.child(table, place.clone(), pattern.clone(), translations)),
                    other => {
                        names.wrong_type(place, "text in double quotes, or { en = \"...\", de = \"...\" }", other);
                        continue;
                    }
                };
                sentences.push(Sentences { name: name.to_owned(), plain, translated, place });
            }
            sentences
        })
    }

    /// What stands under names of the operator's choice.
    fn named_values(&mut self) -> impl Iterator<Item = (&'a str, &'a Spanned<DeValue<'a>>)> + use<'a> {
        self.any_key = true;
        self.table.iter().map(|(name, value)| (name.get_ref().as_ref(), value))
    }

    fn child<T>(&mut self, table: &DeTable<'_>, place: Place, pattern: String, read: impl FnOnce(&mut Section<'_>) -> T) -> T {
        Section::new(self.report, self.context, table, place, pattern).run(read)
    }
}
