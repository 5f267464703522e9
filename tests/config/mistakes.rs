//! What is said about a wrong file: where, of which key, what is wrong, and what to do.

use std::path::Path;

use gatepost::{
    config::{Environment, Written, load as load_file, load_text},
    dialects::DIALECTS,
};

use super::support::{ROWS, environment, load, mistakes, reserved, told};

#[test]
fn each_mistake_is_told_with_its_place_and_a_remedy() {
    assert_told(include_str!("mistakes.txt"), mistakes);
}

#[test]
fn each_mistake_about_the_store_is_told_too() {
    assert_told(include_str!("mistakes_of_store.txt"), mistakes);
}

#[test]
fn each_mistake_in_the_options_of_a_dialect_is_told_too() {
    assert_told(include_str!("mistakes_of_dialects.txt"), |text| {
        let written = Written { name: "gatepost.toml", text, folder: Path::new("/etc/gatepost") };
        told(load_text(written, DIALECTS, reserved, &environment()))
    });
}

/// Asserts that what is told of the files in this text is what stands below each.
fn assert_told(expected: &str, mistakes: impl Fn(&str) -> Vec<String>) {
    let mut before = String::new();
    let mut told = String::new();
    for block in expected.split_inclusive("\n\n") {
        let written = block.lines().filter_map(|line| line.strip_prefix('|'));
        let text: String = written.flat_map(|line| [line.strip_prefix(' ').unwrap_or(line), "\n"]).collect();
        if block.starts_with('#') {
            told.push_str(block);
            before = text;
        } else {
            told.extend(block.lines().filter(|line| line.starts_with('|')).flat_map(|line| [line, "\n"]));
            told.extend(mistakes(&format!("{before}{text}")).iter().flat_map(|line| [line, "\n"]));
            told.push('\n');
        }
    }
    assert_eq!(told.trim_end(), expected.trim_end());
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let text = "public_url = 'http://ai.example.com'
listen = 8080
threads = 0
drian = '30s'
[keys]
root = 'hunter2'
[log]
format = 'xml'
[scopes]
inference = 'Use the models.'
[users]
default_scopes = ['inferense']
[pages]
session = '1 month'
[upstreams.model]
api_key = 'env:MISSING'
[[routes]]
prefix = '/v1'
upstream = 'modle'
scopes = ['inference']
[[routes]]
prefix = '/v1'
scopes = ['models']
limit = { requests = 60, pre = '1m' }
[[routes]]
path = '/device'
auth = 'none'
[dialects.fruxon]
[dialects.bootspring]
access = 15
[[dialects.bootspring.clients]]
id = 'cli'
";
    let Err(problems) = load(text) else { panic!("it loaded") };
    let places: Vec<String> = problems.iter().map(|problem| format!("{} {}", problem.line, problem.key)).collect();
    let expected = [
        "1 public_url",
        "2 listen",
        "3 threads",
        "4 drian",
        "6 keys.root",
        "8 log.format",
        "12 users.default_scopes[0]",
        "14 pages.session",
        "15 upstreams.model.url",
        "16 upstreams.model.api_key",
        "19 routes[0].upstream",
        "23 routes[1].scopes[0]",
        "24 routes[1].limit.per",
        "24 routes[1].limit.pre",
        "25 routes[2]",
        "28 dialects.fruxon",
        "30 dialects.bootspring.access",
        "31 dialects.bootspring.clients[0].name",
        "31 dialects.bootspring.clients[0].scopes",
    ];
    assert_eq!(places, expected);
    assert!(problems.iter().all(|problem| !problem.message.is_empty() && !problem.remedy.is_empty()));
    assert!(problems.to_string().ends_with("error: 19 problems in gatepost.toml"));
}

#[test]
fn what_a_secret_was_is_not_told() {
    let Err(problems) = load("public_url = 'http://localhost'\n[keys]\nroot = \"hunter2\" # or hunter3\nrot = 'hunter4'") else {
        panic!("it loaded")
    };
    let expected = r#"error: secrets are given as env:NAME or file:PATH
 --> gatepost.toml:3:1
  |
3 | root = ***
  | ^^^^ keys.root
  |
  = help: put the secret into a file that only the gateway can read, and write `root = "file:PATH"`

error: there is no key `rot`
 --> gatepost.toml:4:1
  |
4 | rot = ***
  | ^^^ keys.rot
  |
  = help: did you mean `root`?

error: 2 problems in gatepost.toml"#;
    assert_eq!(problems.to_string(), expected);
}

#[test]
fn a_file_that_is_not_there_is_a_problem_too() {
    let Err(problems) = load_file(Path::new("/nowhere/gatepost.toml"), &ROWS, reserved, &Environment::given([], [])) else {
        panic!("it loaded")
    };
    assert_eq!(problems.file(), "/nowhere/gatepost.toml");
    assert!(problems.to_string().starts_with("error: the file cannot be read"), "{problems}");
}
