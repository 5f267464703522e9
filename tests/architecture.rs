//! Holds the table in `src/lib.rs`: who may import whom.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use crate::support::gateway::root;

/// A room, and the rooms that it may import.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("clock", &[]),
    ("oauth", &[]),
    ("message", &["oauth"]),
    ("config", &["oauth"]),
    ("limit", &["clock", "config", "store", "oauth"]),
    ("net", &["clock", "message", "limit", "config"]),
    ("store", &["clock", "oauth", "config"]),
    ("verify", &["clock", "oauth", "store", "config"]),
    ("engine", &["clock", "oauth", "store", "verify", "limit", "config"]),
    ("dialects", &["clock", "oauth", "engine", "message", "limit", "config"]),
    ("web", &["clock", "oauth", "engine", "dialects", "message", "limit", "config"]),
    ("proxy", &["clock", "oauth", "verify", "net", "message", "limit", "config"]),
    ("ops", &["clock", "oauth", "store", "engine", "verify", "limit", "net", "message", "config"]),
];

/// Names of libraries, and the rooms that may use them.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("redb", &["store"]),
    ("redis", &["store"]),
    ("hyper", &["net", "proxy", "message", "cli"]),
    ("argon2", &["engine"]),
    ("jsonwebtoken", &["oauth"]),
    ("clap", &["cli"]),
    ("maud", &["web"]),
    ("Timestamp::now", &["clock"]),
    ("Instant::now", &[]),
    ("SystemTime::now", &[]),
];

fn sources() -> BTreeMap<PathBuf, String> {
    fn walk(folder: &Path, found: &mut BTreeMap<PathBuf, String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.insert(path.clone(), fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(&root().join("src"), &mut found);
    found
}

fn room(path: &Path) -> String {
    let first = path.strip_prefix(root().join("src")).unwrap().iter().next().unwrap();
    first.to_str().unwrap().trim_end_matches(".rs").to_owned()
}

/// The lines that are code, without tests: tests may look further.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//"))
}

/// The rooms named in `crate::…`, also within braces after `use crate::{`.
fn imports(text: &str) -> Vec<String> {
    let mut rooms = Vec::new();
    let code: String = code(text).flat_map(|line| [line, "\n"]).collect();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(list) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut name = String::new();
            for c in list.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => rooms.push(std::mem::take(&mut name)),
                    c if depth == 0 => name.push(c),
                    _ => {}
                }
            }
            rooms.push(name);
        } else {
            rooms.push(rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect());
        }
    }
    let first = |room: String| room.trim().split("::").next().unwrap_or_default().to_owned();
    rooms.into_iter().map(first).filter(|room| !room.is_empty()).collect()
}

#[test]
fn rooms_import_only_those_that_the_map_allows() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let room = room(&path);
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == room) else { continue };
        for import in imports(&text) {
            if import != room && !allowed.contains(&import.as_str()) {
                wrong.push(format!("{} imports {import}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn libraries_stay_in_their_rooms() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let room = room(&path);
        for (library, allowed) in MAY_NAME {
            let named = code(&text).any(|line| line.contains(&format!("{library}::")) || line.contains(&format!("{library}(")));
            if named && !allowed.contains(&room.as_str()) {
                wrong.push(format!("{} names {library}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_map_in_the_library_says_what_the_test_holds() {
    let map = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    for (room, _) in MAY_IMPORT {
        assert!(map.contains(&format!("[`{room}`]")), "{room} is not on the map");
    }
}
