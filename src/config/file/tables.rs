//! Sections within a section.

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{Section, join, written};
use crate::config::problem::Place;

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

    /// Texts under names that operators choose, with their places, in the order of the names.
    pub fn named_texts(&mut self, key: &'static str) -> Vec<(String, String, Place)> {
        self.table(key, |names| {
            names.report.known.insert(join(&names.pattern, "*"));
            let mut texts = Vec::new();
            for (name, value) in names.named_values() {
                let place = Place { key: join(&names.place.key, &written(name)), span: value.span() };
                match value.get_ref() {
                    DeValue::String(text) => {
                        names.report.open_value(value);
                        texts.push((name.to_owned(), text.to_string(), place));
                    }
                    other => names.wrong_type(place, "text in double quotes", other),
                }
            }
            texts
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
