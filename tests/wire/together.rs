//! Dialects beside each other: any two can be on, on one host or apart, and of one that is off there
//! is nothing.

pub(crate) mod credentials;
mod endpoints;
mod matrix;

use std::path::Path;

use gatepost::{
    app::Plan,
    config::{Claim, Mounted, Paths, Written},
    oauth::pattern::{self, Segment},
};
use http::Method;

use crate::support::{gateway::Gateway, http::request};

/// Every dialect, switched on by its table.
const DIALECTS: [(&str, &str); 6] = [
    ("bootspring", "[dialects.bootspring]\nscopes = [\"inference\"]\n"),
    ("fruxon", "[dialects.fruxon]\n"),
    ("serble", "[dialects.serble]\nscopes = [\"inference\"]\n"),
    ("serechat", "[dialects.serechat]\n"),
    ("serika", "[dialects.serika]\nscopes = [\"inference\"]\n"),
    ("standard", "[dialects.standard]\nregistration = true\n"),
];

fn config(tables: &[&str]) -> String {
    let tables = tables.concat();
    format!(
        "public_url = \"http://127.0.0.1:8080\"\nlisten = \"127.0.0.1:0\"\nthreads = 1\n\
         [scopes]\ninference = \"Use the models.\"\n[users]\ndefault_scopes = [\"inference\"]\n{tables}"
    )
}

/// The configuration as `check` reads it, or what is wrong with it.
fn read(text: &str) -> Result<Plan, String> {
    let written = Written { name: "test", text, folder: Path::new("") };
    Plan::read(written).map_err(|problems| problems.render(false))
}

/// The paths that a dialect claims, with `one` where a segment varies.
fn claimed(table: &str) -> Vec<String> {
    let plan = read(&config(&[table])).unwrap_or_else(|problems| panic!("{problems}"));
    let segment = |segment: Segment<'_>| match segment {
        Segment::Fixed(text) => text.to_owned(),
        Segment::Varies { suffix, .. } => format!("one{suffix}"),
    };
    let path = |claim: Claim| {
        let (Paths::Exact(path) | Paths::Prefix(path)) = claim.paths;
        pattern::segments(&path).map(segment).collect::<Vec<_>>().join("/")
    };
    plan.dialects.iter().flat_map(Mounted::claims).map(path).collect()
}

#[test]
fn the_table_above_holds_every_dialect() {
    let names: Vec<&str> = gatepost::dialects::DIALECTS.iter().map(|row| row.name).collect();
    assert_eq!(DIALECTS.map(|(name, _)| name).as_slice(), names);
}

#[tokio::test(flavor = "multi_thread")]
async fn any_two_dialects_are_on_together_and_nothing_is_there_of_the_others() {
    let brew = Method::from_bytes(b"BREW").unwrap();
    for (at, (one, first)) in DIALECTS.iter().enumerate() {
        for (other, second) in &DIALECTS[at..] {
            let tables = if one == other { vec![*first] } else { vec![*first, *second] };
            let gateway = Gateway::with(&config(&tables)).await;
            // One address may be two dialects'.
            let on: Vec<_> = [first, second].into_iter().flat_map(|table| claimed(table)).collect();
            for path in DIALECTS.iter().flat_map(|(_, table)| claimed(table)) {
                // A method that nothing takes: what is there says so, whatever it would answer.
                let reply = gateway.send(request(brew.clone(), &path, "", "")).await;
                let expected = if on.contains(&path) { 405 } else { 404 };
                assert_eq!(reply.status, expected, "{one} and {other}: {path}");
            }
            gateway.end().await;
        }
    }
}

#[test]
fn a_dialect_is_mounted_elsewhere_by_prefix_or_by_host() {
    for (name, table) in DIALECTS {
        let others: Vec<&str> = DIALECTS.iter().filter(|(other, _)| *other != name).map(|(_, table)| *table).collect();
        for key in ["prefix = \"/elsewhere\"\n", "host = \"auth.example.com\"\n"] {
            let table = format!("{table}{key}");
            let text = config(&[&others[..], &[&table]].concat());
            assert!(read(&text).is_ok(), "{name}: {}", read(&text).err().unwrap_or_default());
        }
    }
}

#[test]
fn what_a_dialect_and_a_route_both_claim_is_refused_with_both_names() {
    for (name, table) in DIALECTS {
        let path = claimed(table).remove(0);
        let route = format!("[upstreams.model]\nurl = \"http://127.0.0.1:1\"\n[[routes]]\npath = \"{path}\"\nauth = \"none\"\n");
        let problems = read(&config(&[table, &route])).err().unwrap_or_else(|| panic!("{name} and a route share {path}"));
        assert!(problems.contains(&format!("dialect {name}")) && problems.contains("routes[0]"), "{problems}");
    }
}

#[test]
fn what_two_dialects_both_claim_is_refused_with_both_names() {
    // Serika's base, moved to where the standard's is: both have a token endpoint there.
    let serika = "[dialects.serika]\nscopes = [\"inference\"]\n";
    let standard = "[dialects.standard]\nprefix = \"/api/openai/v1\"\n";
    let problems = read(&config(&[serika, standard])).err().unwrap();
    assert!(problems.contains("dialect serika") && problems.contains("dialect standard"), "{problems}");
    assert!(problems.contains("/api/openai/v1/oauth/token"), "{problems}");
}
