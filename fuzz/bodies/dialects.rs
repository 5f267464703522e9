//! Whatever is sent to the endpoints of dialects and pages: they answer in their own words, and
//! nobody gets a token for whom nobody said yes.

use bytes::Bytes;
use gatepost::message::{Fields, Need, Takes, body};
use http::{HeaderMap, Response};
use serde_json::{Map, Value};

use super::{
    message::{Message, filled, ready},
    world::World,
};

pub fn body(data: &[u8]) {
    World::with(|world| {
        let values = values(world, data);
        let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let data = filled(data, &values);
        let Message { line, headers, body } = Message::read(&data);
        fields(&headers, body);
        // A first line that names none leads somewhere too.
        let (method, target) = line.split_once(' ').unwrap_or_default();
        let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let somewhere = || &world.endpoints[usize::from(data.first().copied().unwrap_or_default()) % world.endpoints.len()];
        let endpoint = world.endpoint(method, path).unwrap_or_else(somewhere);
        if endpoint.need != Need::Nothing {
            return;
        }
        let answer = world.ask(endpoint, query, headers, body);
        check(&format!("{:?} {}", endpoint.methods, endpoint.path), &answer);
    });
}

/// What there is to talk about: made only where an input speaks of it.
fn values(world: &World, data: &[u8]) -> Vec<(&'static str, String)> {
    let speaks_of = |name: &str| data.windows(name.len()).any(|part| part == name.as_bytes());
    let asked = |path: &str, sent: &str| -> Value {
        let headers = HeaderMap::from_iter([("content-type".parse().unwrap(), "application/json".parse().unwrap())]);
        let answer = world.ask(world.endpoint("POST", path).unwrap(), None, headers, sent.as_bytes());
        serde_json::from_slice(answer.body()).unwrap()
    };
    let mut values = Vec::new();
    if speaks_of("{session}") {
        values.push(("{session}", world.session()));
    }
    if speaks_of("{device_code}") || speaks_of("{user_code}") {
        let started = asked("/api/v1/auth/device", "{}");
        values.push(("{device_code}", started["device_code"].as_str().unwrap().to_owned()));
        values.push(("{user_code}", started["user_code"].as_str().unwrap().to_owned()));
    }
    if speaks_of("{request_id}") {
        let started = asked("/api/auth/app/request", r#"{"app_name": "An app"}"#);
        values.push(("{request_id}", started["request_id"].as_str().unwrap().to_owned()));
    }
    values
}

fn check(at: &str, answer: &Response<Bytes>) {
    let status = answer.status().as_u16();
    assert!(matches!(status, 200 | 303 | 400 | 401 | 403 | 404 | 405 | 410 | 413 | 415 | 429), "{at}: {status}");
    let header = |name: &str| answer.headers().get(name).map_or("", |value| value.to_str().unwrap());
    let text = std::str::from_utf8(answer.body()).unwrap();
    match header("content-type") {
        "application/json" => {
            let said: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{at}: {error}: {text}"));
            let kept_out = header("cache-control") == "no-store";
            assert!(kept_out || text == r#"{"success":true}"#, "{at}: {text}");
            assert!(said.get("access_token").is_none(), "{at}: nobody said yes: {text}");
            assert_eq!(said.get("error").is_some(), status != 200, "{at}: {text}");
            if let Some(words) = said["error_description"].as_str() {
                assert!(words.bytes().all(|byte| matches!(byte, b' '..=b'~') && !b"\"\\".contains(&byte)), "{at}: {words}");
            }
        }
        "text/html; charset=utf-8" => {
            assert_eq!(header("cache-control"), "no-store", "{at}");
            let tags = text.split('<').skip(1).map(|tag| tag.split([' ', '>', '/']).next().unwrap_or_default().to_ascii_lowercase());
            let strange: Vec<String> = tags.filter(|tag| ["base", "embed", "iframe", "img", "object"].contains(&tag.as_str())).collect();
            assert!(strange.is_empty(), "{at}: {strange:?} in {text}");
            // The pages' own script is a file of theirs.
            let foreign = text
                .to_ascii_lowercase()
                .split("<script")
                .skip(1)
                .any(|tag| !tag.split('>').next().unwrap_or_default().contains("src=\"/"));
            assert!(!foreign, "{at}: {text}");
        }
        "" => assert!(answer.body().is_empty(), "{at}: {text}"),
        // Style sheet, script, logo.
        other => assert!(status == 200 && is_a_file(other), "{at}: {status} {other}"),
    }
    if status == 303 {
        assert!(header("location").starts_with('/') && !header("location").starts_with("//"), "{at}: {}", header("location"));
    }
}

fn is_a_file(content_type: &str) -> bool {
    ["text/css", "text/javascript", "image/"].iter().any(|kind| content_type.starts_with(kind))
}

/// A form says what the same names and values say in JSON.
fn fields(headers: &HeaderMap, sent: &[u8]) {
    let read = |content_type: &str, sent: Vec<u8>| {
        let mut headers = headers.clone();
        headers.insert("content-type", content_type.parse().unwrap());
        ready(Fields::read(&headers, body::full(sent), Takes::FormOrJson))
    };
    // Any bytes, as JSON: no more than a refusal.
    let _ = read("application/json", sent.to_vec());
    let Ok(form) = read("application/x-www-form-urlencoded", sent.to_vec()) else { return };
    let pairs: Vec<_> = form_urlencoded::parse(sent).collect();
    let object: Map<String, Value> = pairs.iter().map(|(name, value)| (name.to_string(), Value::from(value.as_ref()))).collect();
    if object.len() < pairs.len() {
        return;
    }
    let Ok(json) = read("application/json", Value::from(object).to_string().into_bytes()) else { return };
    for (name, value) in &pairs {
        assert_eq!(form.text(name), json.text(name), "{name}");
        if let Ok(Some(text)) = form.text(name) {
            assert_eq!(text, value);
        }
    }
}
