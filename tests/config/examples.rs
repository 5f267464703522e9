//! The files that come with the gateway.

use std::{collections::BTreeSet, fs, path::Path};

use gatepost::{
    config::{
        Pages, Written, known_keys,
        limits::{ROWS, Rates},
        load, load_text,
    },
    dialects::DIALECTS,
    ops::health,
    web,
};
use toml::{Table, Value};

use super::support::{environment, repository};

fn reserved(pages: &Pages) -> Vec<gatepost::config::Claim> {
    web::claims(pages).into_iter().chain([health::claim()]).collect()
}

fn text(path: &str) -> String {
    fs::read_to_string(repository(path)).expect("the file is in the repository")
}

#[test]
fn the_examples_load_as_they_are() {
    for (path, dialects_on, clients) in [
        ("config/gatepost.toml", 6, 6),
        ("config/fruxon.toml", 1, 1),
        ("config/minimal.toml", 1, 1),
        ("config/redis.toml", 1, 1),
        ("config/serble.toml", 1, 0),
        ("config/serechat.toml", 1, 1),
        ("config/serika.toml", 1, 0),
        ("config/standard.toml", 1, 2),
    ] {
        let text = text(path);
        let written = Written { name: path, text: &text, folder: Path::new("/etc/gatepost") };
        let (config, dialects) = load_text(written, DIALECTS, reserved, &environment()).unwrap_or_else(|problems| panic!("\n{problems}"));
        assert_eq!((dialects.len(), config.clients.len()), (dialects_on, clients), "{path}");
        assert!(!config.routes.is_empty(), "{path}");
    }
}

#[test]
fn the_configuration_of_the_sidecar_loads() {
    let manifest = text("deploy/sidecar.yaml");
    let block = manifest.split("gatepost.toml: |\n").nth(1).unwrap().lines().take_while(|line| line.is_empty() || line.starts_with("    "));
    let text: String = block.flat_map(|line| [line.trim_start(), "\n"]).collect();
    let written = Written { name: "sidecar", text: &text, folder: Path::new("/etc/gatepost") };
    let (config, _) = load_text(written, DIALECTS, reserved, &environment()).unwrap_or_else(|problems| panic!("\n{problems}"));
    assert_eq!((config.store.folder(), config.routes.len()), (Some(Path::new("/data")), 1));
}

#[test]
fn the_minimal_one_needs_nothing_around_it() {
    let path = repository("config/minimal.toml");
    let (config, _) =
        load(&path, DIALECTS, reserved, &gatepost::config::Environment::system()).unwrap_or_else(|problems| panic!("\n{problems}"));
    assert_eq!(config.store.folder(), Some(repository("config/gatepost-data").as_path()), "relative paths start at the file's folder");
}

#[test]
fn the_commented_one_says_of_each_limit_what_holds_without_it() {
    let text = text("config/gatepost.toml");
    let written = Written { name: "gatepost.toml", text: &text, folder: Path::new("/etc/gatepost") };
    let (config, _) = load_text(written, DIALECTS, reserved, &environment()).unwrap_or_else(|problems| panic!("\n{problems}"));
    assert_eq!(config.limits, Rates::default());
    for row in &ROWS {
        let said = format!("# {}, {}", row.doc, row.key.words());
        let key = text.find(&format!("\n{} = {{", row.name)).or_else(|| text.find(&format!("\n# {} = {{", row.name)));
        let before = &text[..key.unwrap_or_else(|| panic!("no {}", row.name))];
        let comment = before.rfind(&said).unwrap_or_else(|| panic!("no {said:?} before {}", row.name));
        assert!(!before[comment..].contains(" = "), "something stands between {said:?} and {}", row.name);
    }
}

#[test]
fn the_commented_one_has_every_key_and_no_other() {
    let known = known_keys(DIALECTS);
    let mentioned = mentioned(&text("config/gatepost.toml"));
    let fits = |key: &str, pattern: &str| {
        let key: Vec<&str> = key.split('.').collect();
        let pattern: Vec<&str> = pattern.split('.').collect();
        key.len() == pattern.len() && key.iter().zip(&pattern).all(|(key, pattern)| key == pattern || *pattern == "*")
    };
    let missing: Vec<_> = known.iter().filter(|pattern| !mentioned.iter().any(|key| fits(key, pattern))).collect();
    assert!(missing.is_empty(), "the code knows these, and the file does not mention them: {missing:?}");
    let unknown: Vec<_> = mentioned.iter().filter(|key| !known.iter().any(|pattern| fits(key, pattern))).collect();
    assert!(unknown.is_empty(), "the file mentions these, and the code does not know them: {unknown:?}");
}

/// The dotted keys of all lines, commented-out ones included, with all tables they stand in.
fn mentioned(text: &str) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    let mut table = String::new();
    for line in text.lines() {
        let line = line.strip_prefix("# ").unwrap_or(line);
        if let Some(header) = line.strip_prefix('[').and_then(|rest| rest.trim_end().strip_suffix(']')) {
            table = header.trim_matches(['[', ']']).to_owned();
            let segments: Vec<&str> = table.split('.').collect();
            keys.extend((1..=segments.len()).map(|count| segments[..count].join(".")));
        } else if let Ok(table_of_one) = line.parse::<Table>() {
            collect(&table_of_one, &table, &mut keys);
        }
    }
    keys
}

fn collect(table: &Table, path: &str, keys: &mut BTreeSet<String>) {
    for (key, value) in table {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        let elements = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for table in elements.iter().filter_map(Value::as_table) {
            collect(table, &path, keys);
        }
        keys.insert(path);
    }
}

#[test]
fn what_a_commented_line_mentions_is_seen() {
    let keys = mentioned("# About it: x = y\n# a = [{ b = 1 }]\n[c.d]\n# e = true\n\"f:g\" = 2\n");
    assert_eq!(keys.iter().map(String::as_str).collect::<Vec<_>>(), ["a", "a.b", "c", "c.d", "c.d.e", "c.d.f:g"]);
}
