//! What is wrong with a configuration: all of it at once, each mistake with its place, its key and
//! what to do about it.

use std::{error::Error, fmt, io, ops::Range};

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

/// What is wrong with a text, and what to write instead.
pub type Flaw = (String, String);

/// Where something stands in the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The dotted path of the key, such as `routes[1].upstream`; empty for the file itself.
    pub key: String,
    /// The bytes that a report points at.
    pub span: Range<usize>,
}

/// One mistake.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
    /// The dotted path of the key, such as `routes[1].upstream`; empty for the file itself.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
    /// The line as it may be shown.
    pub(super) quote: Option<Quote>,
}

/// A line of the file in which everything that could be a secret is blotted out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Quote {
    /// The line.
    pub(super) text: String,
    /// The bytes of it that are meant.
    pub(super) span: Range<usize>,
}

/// Everything that is wrong with one file, in the order of its lines. There is at least one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problems {
    file: String,
    list: Vec<Problem>,
}

impl Problems {
    pub(super) fn new(file: &str, mut list: Vec<Problem>) -> Self {
        list.sort_by_key(|problem| (problem.line, problem.column));
        Self { file: file.to_owned(), list }
    }

    /// The file itself could not be had.
    pub(super) fn unreadable(file: &str, error: &io::Error) -> Self {
        let problem = Problem {
            line: 1,
            column: 1,
            key: String::new(),
            message: format!("the file cannot be read: {error}"),
            remedy: "name a file that the gateway may read, in UTF-8".to_owned(),
            quote: None,
        };
        Self::new(file, vec![problem])
    }

    /// The file, as the operator named it.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// One after the other.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.list.iter()
    }

    /// For a terminal, as a compiler reports, in colours or without. Logs want it plain.
    pub fn render(&self, coloured: bool) -> String {
        let renderer = if coloured { Renderer::styled() } else { Renderer::plain() };
        let mut text = String::new();
        for problem in &self.list {
            text.push_str(&renderer.render(&[problem.report(&self.file)]));
            text.push_str("\n\n");
        }
        let count = match self.list.len() {
            1 => format!("1 problem in {}", self.file),
            many => format!("{many} problems in {}", self.file),
        };
        text.push_str(&renderer.render(&[Group::with_title(Level::ERROR.primary_title(count))]));
        text
    }
}

impl Problem {
    fn report<'a>(&'a self, file: &'a str) -> Group<'a> {
        let title = Level::ERROR.primary_title(&self.message);
        let group = match &self.quote {
            Some(quote) => {
                let mark = AnnotationKind::Primary.span(quote.span.clone()).label(&self.key);
                title.element(Snippet::source(&quote.text).line_start(self.line).path(file).annotation(mark))
            }
            None => {
                let group = title.element(Origin::path(file).line(self.line).char_column(self.column));
                if self.key.is_empty() { group } else { group.element(Level::NOTE.message(format!("key `{}`", self.key))) }
            }
        };
        group.element(Level::HELP.message(&self.remedy))
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl Error for Problems {}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(quote: Option<Quote>) -> Problems {
        let problem = Problem {
            line: 12,
            column: 12,
            key: "routes[1].upstream".into(),
            message: "there is no upstream `modle`".into(),
            remedy: "did you mean `model`?".into(),
            quote,
        };
        Problems::new("gatepost.toml", vec![problem])
    }

    #[test]
    fn a_problem_reads_as_a_compilers() {
        let quote = Quote { text: "upstream = \"modle\"".into(), span: 11..18 };
        let expected = r#"error: there is no upstream `modle`
  --> gatepost.toml:12:12
   |
12 | upstream = "modle"
   |            ^^^^^^^ routes[1].upstream
   |
   = help: did you mean `model`?

error: 1 problem in gatepost.toml"#;
        assert_eq!(problems(Some(quote)).to_string(), expected);
    }

    #[test]
    fn without_a_quote_the_key_is_named() {
        let expected = r"error: there is no upstream `modle`
--> gatepost.toml:12:12
 = note: key `routes[1].upstream`
 = help: did you mean `model`?

error: 1 problem in gatepost.toml";
        assert_eq!(problems(None).to_string(), expected);
    }

    #[test]
    fn colours_are_for_who_wants_them() {
        assert!(problems(None).render(true).contains('\u{1b}'));
        assert!(!problems(None).render(false).contains('\u{1b}'));
    }
}
