//! What comes up while a file is read, and how its lines are quoted without giving a secret away.

use std::{collections::BTreeSet, ops::Range};

use toml::{Spanned, de::DeValue};

use crate::{
    config::problem::{Place, Problem, Problems, Quote},
    oauth::scope::Scopes,
};

/// What came up while a file was read.
#[derive(Default)]
pub(super) struct Report {
    /// What is not TOML. These lines are never quoted: nobody knows which part of them is a secret.
    broken: Vec<Finding>,
    findings: Vec<Finding>,
    /// What may be quoted: keys, and values that were asked for as something that is no secret.
    open: Vec<Range<usize>>,
    /// Every key that was asked for, with `*` for a name that operators choose.
    pub(super) known: BTreeSet<String>,
    /// Every scope that is declared.
    pub(super) declared: Scopes,
    /// Every scope that was named, and where.
    pub(super) scopes: Vec<(String, Place)>,
    /// Every resource that was named, and where.
    pub(super) resources: Vec<(String, Place)>,
}

struct Finding {
    place: Place,
    message: String,
    remedy: String,
}

impl Report {
    pub(super) fn problem(&mut self, place: Place, message: impl Into<String>, remedy: impl Into<String>) {
        self.findings.push(Finding { place, message: message.into(), remedy: remedy.into() });
    }

    /// A problem of the text itself.
    pub(super) fn broken(&mut self, place: Place, message: impl Into<String>, remedy: impl Into<String>) {
        self.broken.push(Finding { place, message: message.into(), remedy: remedy.into() });
    }

    /// Lets these bytes be quoted.
    pub(super) fn open(&mut self, span: Range<usize>) {
        self.open.push(span);
    }

    /// Lets a value be quoted. A table that stands where a plain value belongs may hold secrets.
    pub(super) fn open_value(&mut self, value: &Spanned<DeValue<'_>>) {
        match value.get_ref() {
            DeValue::Table(_) => {}
            DeValue::Array(elements) => elements.iter().for_each(|element| self.open_value(element)),
            _ => self.open(value.span()),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.broken.is_empty() && self.findings.is_empty()
    }

    /// Everything that came up, with lines and quotes. A line that is not TOML keeps its first problem
    /// only: the others follow from it.
    pub(super) fn into_problems(mut self, file: &str, source: &str) -> Problems {
        self.broken.sort_by_key(|finding| finding.place.span.start);
        let mut lines = BTreeSet::new();
        let mut list = Vec::with_capacity(self.broken.len() + self.findings.len());
        for finding in self.broken {
            let problem = finding.told(source, None);
            if lines.insert(problem.line) {
                list.push(problem);
            }
        }
        for finding in self.findings {
            let quote = quote(source, &finding.place.span, &self.open);
            let problem = finding.told(source, quote);
            if !lines.contains(&problem.line) {
                list.push(problem);
            }
        }
        Problems::new(file, list)
    }
}

impl Finding {
    fn told(self, source: &str, quote: Option<Quote>) -> Problem {
        let (line, column) = position(source, self.place.span.start);
        Problem { line, column, key: self.place.key, message: self.message, remedy: self.remedy, quote }
    }
}

/// Line and character, both from 1.
fn position(source: &str, at: usize) -> (usize, usize) {
    let before = source.get(..at).unwrap_or(source);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// The line in which the span starts. Whatever is neither TOML's own punctuation nor open is
/// blotted out, by no more than three stars, and comments are left out; no column moves.
fn quote(source: &str, span: &Range<usize>, open: &[Range<usize>]) -> Option<Quote> {
    let start = source.get(..span.start)?.rfind('\n').map_or(0, |newline| newline + 1);
    let line = source.get(start..)?.lines().next()?;
    let (mut text, mut marked) = (String::new(), None::<Range<usize>>);
    let mut blotted = 0;
    for (at, letter) in line.char_indices() {
        let at = start + at;
        if open.iter().any(|range| range.contains(&at)) {
            blotted = 0;
        } else if blotted == 0 && letter == '#' {
            break;
        } else if blotted > 0 || !(letter.is_whitespace() || "=[]{},.".contains(letter)) {
            blotted += 1;
        }
        let from = text.len();
        text.push(match blotted {
            0 => letter,
            1..=3 => '*',
            _ => ' ',
        });
        if span.contains(&at) {
            marked = Some(marked.map_or(from, |range| range.start)..text.len());
        }
    }
    text.truncate(text.trim_end().len());
    marked.filter(|range| range.end <= text.len()).map(|span| Quote { text, span })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quoted(source: &str, meant: &str, open: &[&str]) -> Option<(String, String)> {
        let span_of = |part: &str| source.find(part).map(|at| at..at + part.len());
        let open: Vec<_> = open.iter().filter_map(|part| span_of(part)).collect();
        let quote = quote(source, &span_of(meant)?, &open)?;
        Some((quote.text[quote.span].to_owned(), quote.text))
    }

    #[test]
    fn only_what_is_open_is_quoted() {
        let source = "a = 1\ncredential = { value = \"hünter, 2\", header = 3 } # was hunter1\n";
        let expected = "credential = { value = ***          header = 3 }";
        assert_eq!(quoted(source, "3", &["credential", "value", "header", "3"]), Some(("3".into(), expected.into())));
        assert_eq!(quoted("secret = \"x # y\"", "secret", &["secret"]), Some(("secret".into(), "secret = ***".into())));
    }

    #[test]
    fn columns_count_characters() {
        assert_eq!(position("", 0), (1, 1));
        assert_eq!(position("ä = 1\nzoë = 2", "ä = 1\nzoë".len()), (2, 4));
        assert_eq!(position("a\n", 99), (2, 1), "an end of file that lies behind it is its end");
    }
}
