//! From text to TOML's tree, or to what is wrong with the text.

use toml::de::{DeTable, DeValue};

use super::{join, report::Report, written};
use crate::config::problem::Place;

/// The tree, as far as the text has one, and whether it can be relied on: whether every value still
/// stands under the key it was written for. One that cannot be would only add mistakes that nobody
/// made.
pub(super) fn parse<'a>(text: &'a str, report: &mut Report) -> (DeTable<'a>, bool) {
    let (tree, errors) = DeTable::parse_recoverable(text);
    let tree = tree.into_inner();
    let mut values = Vec::new();
    collect(&tree, "", &mut values);
    let mut intact = true;
    for error in errors {
        let span = error.span().unwrap_or_default();
        let at = values.iter().find(|value| value.span.start <= span.start && span.end <= value.span.end);
        let duplicate = error.message().starts_with("duplicate key");
        intact &= duplicate || at.is_some_and(|value| !text.get(value.span.clone()).is_some_and(|value| value.contains('\n')));
        let key = match at {
            _ if duplicate => first_of(&values, text.get(span.clone()).unwrap_or_default(), span.start),
            Some(value) => value.key.clone(),
            None => String::new(),
        };
        let message = error.message().trim_end_matches(", expected nothing");
        report.broken(Place { key, span }, format!("this is not TOML: {message}"), remedy(message));
    }
    (tree, intact)
}

/// The path of a key that stands in the file a second time: the one it has the first time.
fn first_of(values: &[Place], key: &str, second: usize) -> String {
    let below = format!(".{key}");
    let earlier = values.iter().filter(|value| value.span.start < second && (value.key == key || value.key.ends_with(&below)));
    earlier.max_by_key(|value| value.span.start).map_or_else(|| key.to_owned(), |value| value.key.clone())
}

/// All values that are neither tables nor in a list.
fn collect(table: &DeTable<'_>, path: &str, values: &mut Vec<Place>) {
    for (key, value) in table {
        let path = join(path, &written(key.get_ref()));
        match value.get_ref() {
            DeValue::Table(table) => collect(table, &path, values),
            DeValue::Array(list) => {
                for (index, element) in list.iter().enumerate() {
                    if let DeValue::Table(table) = element.get_ref() {
                        collect(table, &format!("{path}[{index}]"), values);
                    }
                }
            }
            _ => values.push(Place { key: path, span: value.span() }),
        }
    }
}

/// What helps against the mistakes that people make.
fn remedy(message: &str) -> &'static str {
    const ONCE: &str = "write each key and each table once; a list of tables is written [[like this]]";
    const QUOTES: &str = "put text in double quotes";
    const REMEDIES: [(&str, &str); 15] = [
        ("duplicate key", ONCE),
        ("cannot extend", ONCE),
        ("string values must be quoted", QUOTES),
        ("invalid float", QUOTES),
        ("invalid integer", QUOTES),
        ("unexpected leading zero", "write the number without it, or put text in double quotes"),
        ("invalid basic string", "end the text with double quotes on the line where it starts"),
        ("invalid literal string", "end the text with a single quote on the line where it starts"),
        ("invalid multi-line", "end the text with three quotes"),
        ("missing escaped value", "write a backslash as \\\\, or put the text in single quotes"),
        ("missing comma", "put commas between elements, and end lists with ] and inline tables with }"),
        ("unclosed array table", "end the table's name with ]]"),
        ("unclosed array", "end the list with ]"),
        ("unclosed table", "end the table's name with ]"),
        ("key with no value", "write key = value"),
    ];
    let known = REMEDIES.iter().find(|(start, _)| message.starts_with(start));
    known.map_or("write key = value, text in double quotes, lists in [ ] and the names of tables in [ ]", |(_, remedy)| remedy)
}
