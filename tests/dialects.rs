//! What `docs/dialects.md` says is so: it quotes code that is there, names files that are there, and
//! tells of every method that a dialect may have.

use std::{fs, path::Path};

use crate::support::gateway::root;

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The blocks of a language, without the page's own indentation.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let open = format!("```{language}\n");
    let block = |(at, _): (usize, &str)| {
        let indent = at - page[..at].rfind('\n').map_or(0, |end| end + 1);
        let lines = page[at + open.len()..].lines().take_while(|line| line.trim_start() != "```");
        lines.map(|line| line.get(indent..).unwrap_or_default()).collect::<Vec<_>>().join("\n")
    };
    page.match_indices(&open).map(block).collect()
}

/// What the folder's files of that ending hold.
fn files(folder: &str, ending: &str) -> String {
    let paths = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|found| found == ending)).map(|path| fs::read_to_string(path).unwrap()).collect()
}

#[test]
fn the_page_quotes_what_is_there() {
    let page = read("docs/dialects.md");
    let (code, scenes) = (read("tests/wire/github.rs") + &read("tests/support/gateway.rs"), files("tests/wire/github", "http"));
    let (rust, http) = (blocks(&page, "rust"), blocks(&page, "http"));
    assert!(rust.len() > 4 && !http.is_empty(), "{rust:#?} {http:#?}");
    for (quotes, there) in [(&rust, &code), (&http, &scenes)] {
        for quote in quotes {
            assert!(!quote.is_empty() && there.contains(quote.as_str()), "this is not there any more:\n{quote}");
        }
    }
    assert_eq!(page.matches("```").count(), 2 * (rust.len() + http.len()), "a block is of another language");
}

#[test]
fn the_page_names_files_that_are_there() {
    let page = read("docs/dialects.md");
    let prose: String = page.split("```").step_by(2).collect();
    let named = prose.split('`').skip(1).step_by(2).filter(|name| name.contains('/') && !name.contains(['<', '*', '[', ' ']));
    let named: Vec<&str> = named.collect();
    assert!(named.len() > 8, "{named:?}");
    for name in named {
        assert!(root().join(name).exists(), "there is no {name}");
    }
    for link in prose.split("](").skip(1) {
        let target = link.split(')').next().unwrap();
        assert!(root().join("docs").join(Path::new(target)).exists(), "{target} leads nowhere");
    }
}

#[test]
fn the_page_tells_of_every_method_of_the_trait_and_of_no_other() {
    let (page, code) = (read("docs/dialects.md"), read("src/dialects/mod.rs"));
    let body = code.split("pub trait Dialect:").nth(1).unwrap().split("\n}\n").next().unwrap();
    let methods: Vec<&str> = body.split("    fn ").skip(1).map(|method| method.split('(').next().unwrap()).collect();
    let table = page.split("| method | says |").nth(1).unwrap().split("\n\n").next().unwrap();
    let told: Vec<&str> = table.split("\n| `").skip(1).map(|row| row.split('`').next().unwrap()).collect();
    assert_eq!(told, methods);
}
