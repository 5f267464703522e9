//! Targets and routing: whoever reads the path differently comes to the same route.

use std::sync::LazyLock;

use gatepost::{
    clock::Manual,
    config::UnderscoreHeaders,
    proxy::{
        route::{Route, Routes},
        strict,
    },
};
use http::{HeaderMap, HeaderValue, Method, Request, Uri, header::HOST};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;

use super::{message::Message, world::load};

/// Exact paths, prefixes, segments that vary, one with a suffix, and hosts with paths of their own.
static TABLE: LazyLock<Routes> = LazyLock::new(|| {
    let routes = [
        "path = '/v1/models'\nmethods = ['GET']",
        "path = '/v1/things/{id}'",
        "path = '/v1/things/{id}:look'",
        "prefix = '/of/{team}'",
        "prefix = '/of/{team}/admin'",
        "path = '/v1/things/{id}/parts'",
        "path = '/caf%C3%A9'",
        "path = '/a%20b'",
        "prefix = '/v1'",
        "prefix = '/public'",
        "prefix = '/v1'\nhost = 'a.example'\nmethods = ['POST']",
        "path = '/admin'\nhost = 'a.example'",
        "prefix = '/'\nhost = 'all.example'",
    ];
    let routes: String = routes.iter().map(|route| format!("[[routes]]\nauth = 'none'\n{route}\n")).collect();
    let text = format!("public_url = 'http://localhost'\n[upstreams.one]\nurl = 'http://localhost:8000'\n{routes}");
    let (config, _) = load(&text).unwrap_or_else(|problems| panic!("{problems}"));
    Routes::new(Vec::new(), &config.routes, &Manual::starting_at(Timestamp::UNIX_EPOCH).clock()).unwrap()
});

/// The route, or the status of the refusal.
type Outcome = Result<*const Route, u16>;

pub fn body(data: &[u8]) {
    let Message { line, mut headers, .. } = Message::read(data);
    let Some((method, target)) = line.split_once(' ') else { return };
    let (Ok(method), Ok(target)) = (method.parse::<Method>(), target.parse::<Uri>()) else { return };
    if !headers.contains_key(HOST) {
        headers.insert(HOST, HeaderValue::from_static("b.example"));
    }
    let asked = find(&method, &target, &headers);
    assert_eq!(find(&method, &target, &headers), asked, "asked again");
    assert!(matches!(asked, Ok(_) | Err(400..=499)), "{asked:?}");
    hosts(&method, &target, &headers, asked);

    let path = target.path();
    let Ok(route) = asked else { return };
    for spelled in [encoded(path), decoded(path)] {
        let found = other(&method, &target, &spelled, &headers);
        assert!(found == Ok(route) || found == Err(400), "{path} and {spelled} lead to different routes");
    }
    let tidied = tidied(path);
    assert_eq!(other(&method, &target, &tidied, &headers), Ok(route), "{path} is {tidied} to a server that tidies up");
}

fn find(method: &Method, target: &Uri, headers: &HeaderMap) -> Outcome {
    let mut request = Request::builder().method(method).uri(target).body(()).unwrap();
    *request.headers_mut() = headers.clone();
    strict::check(&mut request, UnderscoreHeaders::Refuse)
        .and_then(|()| TABLE.find(&request))
        .map(|found| std::ptr::from_ref(found.route))
        .map_err(|rejection| rejection.status.as_u16())
}

/// With another path in the same target.
fn other(method: &Method, target: &Uri, path: &str, headers: &HeaderMap) -> Outcome {
    let mut parts = target.clone().into_parts();
    let query = target.query().map(|query| format!("?{query}")).unwrap_or_default();
    match format!("{path}{query}").parse() {
        Ok(path_and_query) => {
            parts.path_and_query = Some(path_and_query);
            find(method, &Uri::from_parts(parts).unwrap(), headers)
        }
        Err(_no_target) => Err(400),
    }
}

/// The case of a host counts for nothing, and neither does its port.
fn hosts(method: &Method, target: &Uri, headers: &HeaderMap, asked: Outcome) {
    let Some(name) = headers.get(HOST).and_then(|host| host.to_str().ok()).filter(|_| target.host().is_none()) else { return };
    if headers.get_all(HOST).iter().count() > 1 || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte)) {
        return;
    }
    for same in [name.to_ascii_uppercase(), format!("{name}:8080")] {
        let mut headers = headers.clone();
        headers.insert(HOST, HeaderValue::from_str(&same).unwrap());
        assert_eq!(find(method, target, &headers), asked, "{name} and {same}");
    }
}

/// Every letter and digit percent-encoded that is not yet.
fn encoded(path: &str) -> String {
    let mut spelled = String::new();
    let mut digits = 0;
    for c in path.chars() {
        if c == '%' {
            digits = 3;
        }
        if digits == 0 && c.is_ascii_alphanumeric() {
            spelled += &format!("%{:02x}", u32::from(c));
        } else {
            spelled.push(c);
        }
        digits = (digits - 1).max(0);
    }
    spelled
}

/// Nothing percent-encoded that may stand as it is (RFC 3986 section 2.3).
fn decoded(path: &str) -> String {
    percent_decode_str(path)
        .map(|byte| if is_unreserved(byte) || is_reserved(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// The path as a server takes it that decodes, turns backslashes, and resolves dots and empty
/// segments.
fn tidied(path: &str) -> String {
    let bytes: Vec<u8> = percent_decode_str(path).map(|byte| if byte == b'\\' { b'/' } else { byte }).collect();
    let mut segments: Vec<&[u8]> = Vec::new();
    for segment in bytes.split(|byte| *byte == b'/') {
        match segment {
            b"" | b"." => {}
            b".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    let spelled =
        |byte: &u8| if is_unreserved(*byte) || is_reserved(*byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") };
    let mut tidied: String =
        segments.iter().map(|segment| segment.iter().map(spelled).collect::<String>()).map(|segment| format!("/{segment}")).collect();
    if tidied.is_empty() || bytes.ends_with(b"/") {
        tidied.push('/');
    }
    tidied
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// What stands in a path besides, the slash included (RFC 3986 section 3.3).
fn is_reserved(byte: u8) -> bool {
    b"!$&'()*+,;=:@/".contains(&byte)
}
