//! What is read, and what is refused.

use super::*;

#[test]
fn a_form_and_an_object_say_the_same() {
    for fields in [Fields::from_form("a=1&b=&c=x%20y+z").unwrap(), Fields::from_json(r#"{"a":"1","b":null,"c":"x y z"}"#).unwrap()] {
        assert_eq!(fields.text("a"), Ok(Some("1")));
        assert_eq!(fields.text("b"), Ok(None));
        assert_eq!(fields.text("c"), Ok(Some("x y z")));
        assert!(fields.required("d").is_err());
    }
}

#[test]
fn there_are_not_more_fields_than_can_be_compared() {
    let names = |count| (0..count).map(|n| format!("f{n}"));
    let form = |count| Fields::from_form(&names(count).collect::<Vec<_>>().join("&"));
    let json =
        |count| Fields::from_json(&format!("{{{}}}", names(count).map(|name| format!("\"{name}\":1")).collect::<Vec<_>>().join(",")));
    assert!(form(MAX_FIELDS).is_ok() && json(MAX_FIELDS).is_ok());
    assert!(form(MAX_FIELDS + 1).is_err() && json(MAX_FIELDS + 1).is_err());
}

#[test]
fn values_do_not_show_in_debug() {
    assert_eq!(format!("{:?}", Fields::from_form("password=hunter2").unwrap()), "[\"password\"]");
}

#[test]
fn a_list_holds_texts_alone() {
    let list = |json: &str| Fields::from_json(json).unwrap().list("a").map(|list| list.map(|list| list.join("|")));
    for (json, read) in [(r#"{"a":["x","","y"]}"#, Some("x||y")), (r#"{"a":[]}"#, Some("")), (r#"{"a":null}"#, None), ("{}", None)] {
        assert_eq!(list(json), Ok(read.map(str::to_owned)), "{json}");
    }
    for json in [r#"{"a":"x"}"#, r#"{"a":["x",1]}"#, r#"{"a":[null]}"#, r#"{"a":["x\u0000"]}"#, r#"{"a":{"0":"x"}}"#] {
        assert!(list(json).is_err(), "{json}");
    }
}

#[test]
fn a_number_is_whole_and_within_its_bounds() {
    let read = |json: &str| Fields::from_json(json).unwrap().integer("a", 1..=30);
    for (json, number) in [(r#"{"a":1}"#, Some(1)), (r#"{"a":30}"#, Some(30)), (r#"{"a":null}"#, None), ("{}", None)] {
        assert_eq!(read(json), Ok(number), "{json}");
    }
    for value in ["0", "31", "-1", "1.5", "1e1", "4294967297", "99999999999999999999", "\"1\"", "\"\"", "true", "[1]", "{}"] {
        assert!(read(&format!("{{\"a\":{value}}}")).is_err(), "{value}");
    }
    let fields = Fields::from_json(r#"{"empty":"","null":null}"#).unwrap();
    assert!(fields.holds("empty") && !fields.holds("null") && !fields.holds("absent"));
}

#[test]
fn what_is_repeated_or_mistyped_is_refused() {
    assert!(Fields::from_form("a=1&a=1").is_err());
    assert!(Fields::from_json(r#"{"a":"1","a":"2"}"#).is_err());
    assert!(Fields::from_form("resource=a&resource=b").is_ok());
    assert!(Fields::from_form("a=%ff").is_err());
    for json in ["[]", "1", "\"a\"", "{", "{}x", "null", "", r#"{"a":1"#] {
        assert!(Fields::from_json(json).is_err(), "{json}");
    }
    let fields = Fields::from_json(r#"{"n":1,"o":{"x":[1]},"z":"a\u0000b"}"#).unwrap();
    assert!(fields.text("n").is_err() && fields.text("o").is_err() && fields.text("z").is_err());
    assert!(fields.object("n").is_err() && fields.object("o").is_ok());
}
