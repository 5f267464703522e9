//! What `SECURITY.md` promises is held by tests that exist, in files that exist.

use std::{collections::BTreeSet, fs, path::Path};

use crate::support::gateway::root;

fn sources(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

/// What stands between backticks.
fn quoted(text: &str) -> BTreeSet<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_test_and_every_file_that_the_security_page_names_is_there() {
    let page = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let mut code = String::new();
    for folder in ["src", "tests"] {
        sources(&root().join(folder), &mut code);
    }
    let (mut tests, mut files) = (0, 0);
    for name in quoted(&page) {
        if name.matches('_').count() >= 3 {
            // A function, or a line of a macro that makes one.
            assert!(code.contains(&format!("fn {name}(")), "there is no test {name}");
            tests += 1;
        } else if name.ends_with(".rs") {
            assert!(root().join("src").join(name).is_file(), "there is no file src/{name}");
            files += 1;
        }
    }
    assert!(tests > 40 && files > 10, "{tests} tests and {files} files are named");
}
