//! What several tests use.

pub(crate) mod authorize;
pub(crate) mod axe;
pub(crate) mod browser;
pub(crate) mod crowd;
pub(crate) mod fault;
pub(crate) mod faulty;
pub(crate) mod gateway;
pub(crate) mod house;
pub(crate) mod http;
pub(crate) mod lines;
pub(crate) mod login;
pub(crate) mod pages;
pub(crate) mod person;
pub(crate) mod records;
pub(crate) mod redirect;
pub(crate) mod redis;
pub(crate) mod replicas;
pub(crate) mod stores;
pub(crate) mod token_page;
pub(crate) mod upstream;
pub(crate) mod watched;

/// Whether the long suites are wanted too.
pub(crate) fn runs_all() -> bool {
    std::env::var_os("GATEPOST_TEST_ALL").is_some()
}

/// Says that a test cannot run here; `./test` counts these.
pub(crate) fn skipped(why: &str) {
    use std::io::Write;
    println!("skipped: {why}");
    if let Some(file) = std::env::var_os("GATEPOST_SKIPPED") {
        std::fs::File::options().append(true).open(file).unwrap().write_all(format!("{why}\n").as_bytes()).unwrap();
    }
}
