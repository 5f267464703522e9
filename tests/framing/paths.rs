//! Whatever path gets through: the route that decides is the route of what a server reads, however
//! lenient it is.

use std::sync::atomic::{AtomicU32, Ordering};

use gatepost::{
    clock::Manual,
    config::{Claim, Paths, Route, RouteAuth, UnderscoreHeaders},
    proxy::{route::Routes, strict},
};
use http::Request;
use proptest::{collection::vec, prelude::*, sample::select};

use crate::support::records::START;

fn routes() -> Routes {
    let route = |paths: Paths| {
        let claim = Claim { owner: String::new(), host: None, paths, methods: Vec::new(), only: None };
        Route::to(0, claim, RouteAuth::None)
    };
    let exact =
        ["/a", "/a/b", "/a/b/{id}", "/a/b/{id}:look", "/a/x:look", "/open", "/caf%C3%A9/{id}/d", "/a/s%20p", "/d/{id}", "/d/{id}/x"];
    let mut routes: Vec<Route> = exact.iter().map(|path| route(Paths::Exact((*path).to_owned()))).collect();
    routes.extend(["/a", "/a/admin", "/d", "/d/{id}/b"].iter().map(|path| route(Paths::Prefix((*path).to_owned()))));
    Routes::new(Vec::new(), &routes, &Manual::starting_at(START).clock()).unwrap()
}

/// What the gateway does with a target: the path that it forwards, and the route that decided.
fn through(routes: &Routes, target: &str) -> Option<(String, String)> {
    let mut request = Request::builder().uri(target).header("host", "a").body(()).ok()?;
    strict::check(&mut request, UnderscoreHeaders::Refuse).ok()?;
    let route = routes.find(&request).ok()?.route.name.to_string();
    Some((request.uri().path().to_owned(), route))
}

fn decoded(path: &str) -> String {
    percent_encoding::percent_decode_str(path).decode_utf8_lossy().into_owned()
}

fn without_parameters(path: &str) -> String {
    path.split('/').map(|segment| segment.split(';').next().unwrap()).collect::<Vec<_>>().join("/")
}

fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/').skip(1) {
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            other => kept.push(other),
        }
    }
    format!("/{}", kept.join("/"))
}

fn merged(path: &str) -> String {
    let mut merged = path.to_owned();
    while merged.contains("//") {
        merged = merged.replace("//", "/");
    }
    merged
}

fn without_slash(path: &str) -> String {
    if path.len() > 1 { path.strip_suffix('/').unwrap_or(path).to_owned() } else { path.to_owned() }
}

fn before_query(path: &str) -> String {
    path.split(['?', '#']).next().unwrap().to_owned()
}

type Habit = fn(&str) -> String;

/// What servers do with a path, in any order and as often as they like.
const HABITS: [(&str, Habit); 8] = [
    ("decodes", decoded),
    ("strips parameters", without_parameters),
    ("resolves dots", without_dots),
    ("merges slashes", merged),
    ("takes \\ for /", |path| path.replace('\\', "/")),
    ("has no case", str::to_lowercase),
    ("strips a slash", without_slash),
    ("splits at ? and #", before_query),
];

/// A path as a server has it in hand, written so that it is read as that. An escape's digits are
/// written in upper case, since their case says nothing (RFC 3986, section 6.2.2.1).
fn respelled(path: &str) -> String {
    let mut target = String::new();
    let mut digits = 0;
    for byte in path.bytes() {
        let is_digit = digits > 0 && byte.is_ascii_hexdigit();
        digits = if is_digit { digits - 1 } else { 0 };
        match byte {
            byte if is_digit => target.push(char::from(byte.to_ascii_uppercase())),
            b'%' => {
                digits = 2;
                target.push('%');
            }
            b'/' | b':' | b';' => target.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => target.push(char::from(byte)),
            byte => target.push_str(&format!("%{byte:02X}")),
        }
    }
    target
}

/// The route of what a server has in hand.
fn route_of(routes: &Routes, read: &str) -> Option<String> {
    let request = Request::builder().uri(respelled(read)).body(()).ok()?;
    routes.find(&request).ok().map(|found| found.route.name.to_string())
}

fn pieces() -> impl Strategy<Value = String> {
    let pieces = [
        "a",
        "b",
        "x",
        "admin",
        "ADMIN",
        "Admin",
        "open",
        "caf%C3%A9",
        "caf%c3%a9",
        "%61",
        "%41",
        "%6F",
        "x:look",
        "x%3Alook",
        ":look",
        "%3Alook",
        "LOOK",
        "d",
        "s%20p",
        "S%20P",
        ".",
        "..",
        "...",
        "%2e",
        "%2E%2e",
        ".%2e",
        "%252e",
        "/",
        "/",
        "/",
        "/",
        "//",
        "\\",
        "%2f",
        "%2F",
        "%5c",
        "%252f",
        "%c0%af",
        "%e0%80%af",
        "%00",
        "%0a",
        "%7f",
        "%u002f",
        "%",
        "%2",
        ";",
        ";x",
        ";x=y",
        "%3b",
        "%3Bx",
        "?",
        "%3f",
        "%3F/",
        "#",
        "%23",
        "%20",
        "+",
        "~",
        "é",
        "%C3%89",
        "%ff",
        ":",
        "@",
        "%40",
        "!",
    ];
    vec(select(pieces.to_vec()), 0..8).prop_map(|pieces| format!("/{}", pieces.concat()))
}

#[test]
fn the_route_that_decides_is_the_route_of_what_any_server_reads() {
    let routes = routes();
    let (tried, passed) = (AtomicU32::new(0), AtomicU32::new(0));
    let near = select(["/a/", "/a/b", "/a/b/", "/a/b/x", "/d/x/", "/a/admin", "/open", "/caf%C3%A9/"].to_vec());
    let targets = prop_oneof![pieces(), (near, pieces()).prop_map(|(near, rest)| format!("{near}{}", &rest[1..]))];
    let config = ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(target in targets, habits in vec(select(HABITS.to_vec()), 1..6))| {
        tried.fetch_add(1, Ordering::Relaxed);
        if let Some((forwarded, route)) = through(&routes, &target) {
            passed.fetch_add(1, Ordering::Relaxed);
            // What is forwarded is what decided, as it stands.
            prop_assert_eq!(through(&routes, &forwarded), Some((forwarded.clone(), route.clone())));
            let mut read = forwarded.clone();
            for (name, habit) in habits {
                read = habit(&read);
                let theirs = route_of(&routes, &read);
                prop_assert_eq!(theirs.as_ref(), Some(&route), "{} is forwarded as {}, and a server that {} has {}", target, forwarded, name, read);
            }
        }
    });
    let (tried, passed) = (tried.into_inner(), passed.into_inner());
    assert!(passed * 20 > tried, "only {passed} of {tried} got through, which proves little");
}
