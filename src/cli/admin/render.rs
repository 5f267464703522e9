//! Answers for people: words, aligned fields, aligned tables.

use serde_json::Value;

use super::receipt;
use crate::ops::admin::Says;

/// What stands between two columns.
const GAP: &str = "  ";

/// The answer, as its row says that it reads.
pub(super) fn render(says: Says, answer: &Value) -> String {
    match says {
        Says::Words(words) => filled(words, answer),
        Says::TakenBack(words) => {
            let words = filled(words, answer);
            match receipt::told(&answer["receipt"]) {
                Some(told) => format!("{words}\n{told}"),
                None => words,
            }
        }
        Says::Fields(fields) => {
            let rows = fields.iter().map(|field| vec![label(field), shown(&answer[field])]);
            aligned(&rows.collect::<Vec<_>>())
        }
        Says::Table { columns, none } => {
            let elements = answer.as_array().map(Vec::as_slice).unwrap_or_default();
            if elements.is_empty() {
                return none.to_owned();
            }
            let head = columns.iter().map(|column| label(column).to_uppercase()).collect();
            let rows = elements.iter().map(|element| columns.iter().map(|column| shown(&element[column])).collect());
            aligned(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
        }
    }
}

/// `words` with each `{field}` replaced.
fn filled(words: &str, answer: &Value) -> String {
    let mut text = String::new();
    let mut rest = words;
    while let Some((before, field, after)) = next_field(rest) {
        text.push_str(before);
        text.push_str(&shown(&answer[field]));
        rest = after;
    }
    text + rest
}

fn next_field(words: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = words.split_once('{')?;
    let (field, after) = rest.split_once('}')?;
    Some((before, field, after))
}

fn label(field: &str) -> String {
    field.replace('_', " ")
}

/// A value on one line. Some of them are strangers' words, and could turn the terminal.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) if text.is_empty() => "-".to_owned(),
        Value::String(text) => text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect(),
        other => other.to_string(),
    }
}

fn aligned(rows: &[Vec<String>]) -> String {
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or_default();
    let line = |row: &Vec<String>| {
        let cells = row.iter().enumerate().map(|(column, cell)| format!("{cell:<width$}", width = width(column)));
        cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_are_filled_in() {
        let answer = json!({"name": "ada", "scopes": "", "enabled": true});
        assert_eq!(render(Says::Words("{name}: {scopes}, {enabled}. {gone} {"), &answer), "ada: -, yes. - {");
    }

    #[test]
    fn columns_stand_below_each_other() {
        let answer = json!([{"id": "1", "last_used": "2027-01-15T08:00:00Z"}, {"id": "234", "last_used": null}]);
        let says = Says::Table { columns: &["id", "last_used"], none: "nothing" };
        assert_eq!(render(says, &answer), "ID   LAST USED\n1    2027-01-15T08:00:00Z\n234  -");
        assert_eq!(render(says, &json!([])), "nothing");
        assert_eq!(render(Says::Fields(&["id", "last_used"]), &answer[1]), "id         234\nlast used  -");
    }

    #[test]
    fn what_somebody_wrote_cannot_turn_the_terminal() {
        assert_eq!(shown(&json!("a\u{1b}[2Jb\r\nc\u{9b}")), "a\u{fffd}[2Jb\u{fffd}\u{fffd}c\u{fffd}");
    }
}
