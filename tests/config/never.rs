//! What must not happen, whatever the file says.

use proptest::prelude::*;

use super::support::{SECRET, load};

/// Lines that can be put together to files that are right here and wrong there.
fn line() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "public_url",
        "listen",
        "threads",
        "drain",
        "path",
        "root",
        "id",
        "secret",
        "format",
        "level",
        "inference",
        "default_scopes",
        "name",
        "prefix",
        "session",
        "url",
        "api_key",
        "credential",
        "header",
        "value",
        "connect_timeout",
        "host",
        "methods",
        "upstream",
        "auth",
        "scopes",
        "errors",
        "revoked_streams",
        "limit",
        "clients",
        "default_client",
        "access",
        "secert",
        "a.b",
    ]);
    let value = prop::sample::select(vec![
        "1",
        "-1",
        "99999999999999999999999999999999999999999",
        "1.5",
        "true",
        "false",
        "1979-05-27",
        "[]",
        "{}",
        "[[]]",
        "[{}]",
        "''",
        "'x'",
        "'/v1'",
        "'/{id}'",
        "'http://localhost'",
        "'env:ROOT'",
        "'env:'",
        "'file:'",
        "'30s'",
        "'9999999999 days'",
        "['inference']",
        "['GET']",
        "{ requests = 1, per = '1s' }",
        "\"\"\"\na\nb\"\"\"",
        "'unclosed",
        "\"ä→𝄞\"",
        "x y",
        "[1,",
        "{ a = 1",
    ]);
    let table = prop::sample::select(vec![
        "[store]",
        "[keys]",
        "[[keys.root]]",
        "[log]",
        "[scopes]",
        "[users]",
        "[pages]",
        "[upstreams]",
        "[upstreams.a]",
        "[upstreams.\"b c\"]",
        "[[routes]]",
        "[routes]",
        "[dialects.bootspring]",
        "[[dialects.bootspring.clients]]",
        "[dialects.other]",
        "[",
        "]",
        "# ä",
        "",
    ]);
    prop_oneof![3 => (key, value).prop_map(|(key, value)| format!("{key} = {value}")), 1 => table.prop_map(str::to_owned)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn no_lines_make_the_loader_panic(lines in prop::collection::vec(line(), 0..12)) {
        if let Err(problems) = load(&lines.join("\n")) {
            prop_assert!(problems.iter().next().is_some(), "a refusal has a reason");
            prop_assert!(problems.iter().all(|problem| problem.line >= 1 && problem.column >= 1 && !problem.remedy.is_empty()));
            prop_assert!(!problems.render(true).is_empty());
            for problem in &problems {
                let place = format!("gatepost.toml:{}:{}\n", problem.line, problem.column);
                prop_assert!(problems.to_string().contains(&place), "{} {}", place, problems);
            }
        }
    }

    #[test]
    fn no_text_makes_the_loader_panic(text in any::<String>()) {
        if let Err(problems) = load(&text) {
            prop_assert!(!problems.to_string().is_empty());
        }
    }

    #[test]
    fn no_secret_is_told_wherever_it_was_written(lines in prop::collection::vec(line(), 0..6), at in 0..6_usize, place in place()) {
        let mut lines = lines;
        lines.insert(at.min(lines.len()), place.replace("SECRET", SECRET));
        if let Err(problems) = load(&lines.join("\n")) {
            let told = format!("{problems} {problems:?} {}", problems.render(true));
            prop_assert!(SECRET.split('-').all(|part| !told.contains(part)), "{}", told);
        }
    }
}

/// Where a secret could be written by mistake.
fn place() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "secret = 'SECRET'",
        "secret = \"SECRET\"",
        "secret = SECRET",
        "secret = 'SECRET",
        "secret = ['SECRET']",
        "secret = { value = 'SECRET' }",
        "secret = 'env:SECRET'",
        "secert = 'SECRET'",
        "root = 'SECRET'",
        "root = [{ id = 'k2', secret = 'SECRET' }, 3]",
        "api_key = 'SECRET' # once SECRET",
        "api_key = \"\"\"SECRET",
        "credential = { value = 'SECRET', header = 3 }",
        "credential = { header = 'x', value = 'SECRET', header = 'y' }",
        "url = 'http://user:SECRET@host'",
        "url = 'http://host?key=SECRET'",
        "public_url = 'https://SECRET@host'",
        "upstream = { api_key = 'SECRET' }",
        "threads = 1 # SECRET",
        "keys.root = 'SECRET'",
        "[keys]\nroot = 'SECRET'",
        "[keys]\nroot = 'env:ROOT'\nroot = 'SECRET'",
        "[[dialects.bootspring.clients]]\nsecret = 'SECRET'",
        "[upstreams.c]\napi_key = 'SECRET'",
        "[upstreams]\nc = 'SECRET'",
        "[store]\nurl = 'redis://:SECRET@host'",
        "[store]\nurl = 'redis://:SECRET'",
        "[store]\nurl = 'SECRET'",
        "[store]\nurl = 'redis://host?password=SECRET'",
        "[store]\nurl = 'redis-cluster://host/SECRET'",
        "[store]\nurl = 'redis+sentinel://host/SECRET/x'",
        "[store]\nuser = 'env:SECRET'",
        "[store]\npassword = 'SECRET'",
        "[store]\nsentinel_password = 'SECRET'",
        "[store]\nkey = '''\n-----BEGIN PRIVATE KEY-----\nSECRET'''",
    ])
}
