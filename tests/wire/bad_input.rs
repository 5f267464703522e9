//! What no endpoint takes. A table holds every endpoint of the gateway; whatever is wrong with a
//! request, the answer has the right status and the endpoint's own shape, repeats nothing of what
//! was sent, and nothing was changed.

pub(in crate::wire) mod table;
mod world;

use std::collections::BTreeSet;

use bytes::Bytes;
use http::{HeaderValue, Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};

use self::{
    table::{ROWS, Row, Sends},
    world::World,
};
use crate::support::http::request;

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
/// Stands in what is sent, and in no answer.
const CANARY: &str = "canary-7f3a";

/// The requests that differ from a good one in one thing, each with a name.
type Bad = Vec<(String, Request<Full<Bytes>>)>;

/// Sends what `bad` makes of each row, and holds what is said above.
async fn refuses(bad: impl Fn(&Row, &World) -> Bad, status: u16) {
    let (gateway, store) = World::gateway().await;
    let world = World::at(&gateway).await;
    let before = store.counts().writes;
    let mut sent = 0;
    for row in ROWS {
        for (name, request) in bad(row, &world) {
            let at = format!("{} {}: {name}", row.method, row.path);
            let reply = world.send(row, request).await;
            // A form that does not say what it is for may not have been made here.
            let forged = row.is_page() && status == 400 && reply.status == 403;
            // Who does not say who he is may not ask what a token is worth (RFC 7662 section 2.1).
            let nobody = row.path == "/oauth/introspect" && status == 400 && reply.status == 401;
            assert!(reply.status == status || forged || nobody, "{at}: {} {}", reply.status, reply.text());
            if !nobody {
                row.says.check(&reply, &at);
            }
            let text = reply.text();
            for secret in world.secrets().chain([CANARY]) {
                assert!(!text.contains(secret), "{at}: {secret} is in {text}");
            }
            assert_eq!(store.counts().writes, before, "{at}: something was changed");
            sent += 1;
        }
    }
    assert!(sent > 0);
    gateway.end().await;
}

fn post(row: &Row, content_type: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    request(Method::POST, row.path, content_type, body)
}

/// The same where the fields stand in the query.
fn asked(row: &Row, query: &str) -> Request<Full<Bytes>> {
    request(row.method.parse().unwrap(), &format!("{}?{query}", row.path), "", "")
}

fn encoded(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

#[test]
fn the_table_holds_every_endpoint_of_the_gateway() {
    let claimed: BTreeSet<(String, String)> = table::claimed();
    let listed: BTreeSet<(String, String)> = ROWS.iter().map(|row| (row.method.to_owned(), row.path.to_owned())).collect();
    assert_eq!(listed, claimed);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_right_is_taken() {
    let (gateway, _) = World::gateway().await;
    let world = World::at(&gateway).await;
    for row in ROWS {
        let good = match row.sends {
            Sends::Nothing => request(row.method.parse().unwrap(), row.path, "", ""),
            Sends::Query | Sends::QueryOrForm => asked(row, &encoded(&world.form(row))),
            Sends::Form => post(row, FORM, encoded(&world.form(row))),
            Sends::Json | Sends::Either => post(row, JSON, world.json(row).to_string()),
        };
        let reply = world.send(row, good).await;
        // A poll of a pending code is one of these.
        let is_pending = ["authorization_pending", "slow_down"].iter().any(|word| reply.text().contains(word));
        let taken = is_pending || [200, 202, 204, 303].contains(&reply.status.as_u16());
        assert!(taken, "{} {}: {} {}", row.method, row.path, reply.status, reply.text());
    }
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_method_is_405_and_is_told_which_are_taken() {
    let (gateway, store) = World::gateway().await;
    let world = World::at(&gateway).await;
    let before = store.counts().writes;
    for row in ROWS {
        let taken: Vec<&str> = ROWS.iter().filter(|other| other.path == row.path).map(|other| other.method).collect();
        let mut taken: BTreeSet<&str> = taken.into_iter().collect();
        if row.is_page() {
            // Whoever opens a form's action is led to its page.
            taken.extend(["GET", "HEAD"]);
        }
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"] {
            if taken.contains(method) {
                continue;
            }
            let at = format!("{method} {}", row.path);
            let reply = world.send(row, request(method.parse().unwrap(), row.path, "", "")).await;
            assert_eq!(reply.status, 405, "{at}");
            let allowed: BTreeSet<&str> = reply.header("allow").split(", ").collect();
            assert_eq!(allowed, taken, "{at}");
            if method != "HEAD" {
                row.says.check(&reply, &at);
            }
        }
    }
    assert_eq!(store.counts().writes, before);
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_content_type_is_415() {
    let bad = |row: &Row, world: &World| -> Bad {
        let (form, json) = (encoded(&world.form(row)), world.json(row).to_string());
        let (good_type, good, other_type, other) = match row.sends {
            Sends::Nothing | Sends::Query | Sends::QueryOrForm => return Vec::new(),
            Sends::Form => (FORM, &form, JSON, &json),
            Sends::Json | Sends::Either => (JSON, &json, FORM, &form),
        };
        let types = ["", "text/plain", "multipart/form-data; boundary=x", "application/json, text/plain", "application/jsonp", ";"];
        let mut bad: Bad = types.iter().map(|other| (format!("\"{other}\""), post(row, other, good.clone()))).collect();
        if row.sends != Sends::Either {
            bad.push((other_type.to_owned(), post(row, other_type, other.clone())));
        }
        for (name, value) in [("content-type", "text/plain"), ("content-encoding", "gzip"), ("content-encoding", "identity")] {
            let mut request = post(row, good_type, good.clone());
            request.headers_mut().append(name, HeaderValue::from_static(value));
            bad.push((format!("{name}: {value} besides"), request));
        }
        bad
    };
    refuses(bad, 415).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_no_form_beside_a_query_is_400() {
    let bad = |row: &Row, world: &World| -> Bad {
        if row.sends != Sends::QueryOrForm {
            return Vec::new();
        }
        let query = encoded(&world.form(row));
        let body = |content_type: &str| {
            let mut request = asked(row, &query);
            if !content_type.is_empty() {
                request.headers_mut().insert("content-type", HeaderValue::from_str(content_type).unwrap());
            }
            *request.body_mut() = Full::new(Bytes::from_static(b"x=1"));
            request
        };
        let types = ["", JSON, "text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded, text/plain", ";"];
        let mut bad: Bad = types.iter().map(|other| (format!("\"{other}\""), body(other))).collect();
        let mut coded = body(FORM);
        coded.headers_mut().insert("content-encoding", HeaderValue::from_static("gzip"));
        bad.push(("content-encoding".to_owned(), coded));
        bad
    };
    refuses(bad, 400).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_is_413() {
    let bad = |row: &Row, world: &World| -> Bad {
        let padding = "x".repeat(64 * 1024);
        let mut form = world.form(row);
        form.push(("padding", &padding));
        let mut json = world.json(row);
        json["padding"] = padding.as_str().into();
        let form = || ("a form".to_owned(), post(row, FORM, encoded(&form)));
        let json = || ("JSON".to_owned(), post(row, JSON, json.to_string()));
        match row.sends {
            Sends::Nothing | Sends::Query => Vec::new(),
            Sends::Form | Sends::QueryOrForm => vec![form()],
            Sends::Json => vec![json()],
            Sends::Either => vec![form(), json()],
        }
    };
    refuses(bad, 413).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn json_that_is_malformed_is_400() {
    let bad = |row: &Row, world: &World| -> Bad {
        if !matches!(row.sends, Sends::Json | Sends::Either) {
            return Vec::new();
        }
        let good = world.json(row).to_string();
        let nested = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
        let mut bodies: Vec<Vec<u8>> =
            ["", " ", "{", "[]", "null", "true", "1", "\"text\"", "{'a':'b'}", "{\"a\":}", "{\"a\":NaN}", "{\"a\":\"\\ud800\"}", "\0"]
                .map(|body| body.as_bytes().to_vec())
                .into();
        bodies.extend([
            good.as_bytes()[..good.len() - 1].to_vec(),
            format!("{good}{good}").into(),
            format!("\u{feff}{good}").into(),
            format!("[{good}]").into(),
            nested.clone().into(),
            good.replacen('{', &format!("{{\"deep\":{nested},"), 1).into(),
            good.replacen('{', "{\"x\":\"\0\",", 1).into(),
            good.replacen('{', "{\"x\":\"\n\",", 1).into(),
            good.replacen('{', &format!("{{\"{CANARY}\":1,\"{CANARY}\":2,"), 1).into(),
            [b"{\"x\":\"\xff\",", &good.as_bytes()[1..]].concat(),
            [b"{\"x\":\"\xed\xa0\x80\",", &good.as_bytes()[1..]].concat(),
        ]);
        let named = |body: Vec<u8>| (String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned(), post(row, JSON, body));
        bodies.into_iter().map(named).collect()
    };
    refuses(bad, 400).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_of_json_that_is_no_text_is_400() {
    let bad = |row: &Row, world: &World| -> Bad {
        let mut bad = Vec::new();
        if matches!(row.sends, Sends::Json | Sends::Either) {
            let texts = row.fields.iter().map(|field| (*field, vec![json!("a\0b")]));
            let objects = row.objects().map(|object| (object, vec![json!(CANARY)]));
            for (field, mut wrong) in texts.chain(objects) {
                wrong.extend([json!(7), json!(1.5), json!(true), json!([]), json!([CANARY])]);
                if row.fields.contains(&field) {
                    wrong.extend([json!({}), json!({"x": CANARY}), json!({"x": {"y": [CANARY]}})]);
                }
                for value in wrong {
                    let body = changed(world.json(row), field, &value);
                    bad.push((body.clone(), post(row, JSON, body)));
                }
                let twice = repeated(&world.json(row), field);
                bad.extend(twice.map(|body| (body.clone(), post(row, JSON, body))));
            }
        }
        bad
    };
    refuses(bad, 400).await;
}

/// The object with another value under this name.
fn changed(mut object: Value, field: &str, value: &Value) -> String {
    let place = field.split('.').fold(&mut object, |object, name| &mut object[name]);
    *place = value.clone();
    object.to_string()
}

/// The object with this name twice, where it is one of its own.
fn repeated(object: &Value, field: &str) -> Option<String> {
    let value = object.get(field)?;
    Some(object.to_string().replacen('{', &format!("{{{}:{value},", json!(field)), 1))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_malformed_is_400() {
    let bad = |row: &Row, world: &World| -> Bad {
        if !matches!(row.sends, Sends::Form | Sends::Either | Sends::QueryOrForm) {
            return Vec::new();
        }
        let mut bad: Bad = bad_forms(row, world).map(|form| (String::from_utf8_lossy(&form).into_owned(), post(row, FORM, form))).collect();
        bad.extend(["", "&", "=", "&&=&", "%"].map(|body| (format!("\"{body}\""), post(row, FORM, body))));
        bad.push(("no body".to_owned(), post(row, "", "")));
        bad
    };
    refuses(bad, 400).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_is_malformed_is_400() {
    let bad = |row: &Row, world: &World| -> Bad {
        if !matches!(row.sends, Sends::Query | Sends::QueryOrForm) {
            return Vec::new();
        }
        // Bytes that no address can hold end in the parser, before there is an endpoint.
        let forms = bad_forms(row, world).filter(|form| form.iter().all(u8::is_ascii_graphic));
        let named = |form: Vec<u8>| String::from_utf8(form).unwrap();
        forms.map(named).map(|form| (form.clone(), asked(row, &form))).collect()
    };
    refuses(bad, 400).await;
}

/// A good form with one thing wrong in it.
fn bad_forms(row: &Row, world: &World) -> impl Iterator<Item = Vec<u8>> {
    let good = world.form(row);
    let whole = encoded(&good);
    let mut bad: Vec<Vec<u8>> = ["%FF", "%ed%a0%80", "%c0%80"].map(|bytes| format!("{whole}&x={CANARY}{bytes}").into()).into();
    bad.push([whole.as_bytes(), b"&x=\xff"].concat());
    bad.push(format!("{whole}&x%FF=1").into());
    bad.push(format!("{whole}&{CANARY}=1&{CANARY}=2").into());
    for (index, (name, value)) in good.iter().enumerate() {
        let rest: Vec<_> = good.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, field)| *field).collect();
        let rest = encoded(&rest);
        bad.push(format!("{whole}&{name}={value}").into());
        bad.push(format!("{whole}&{name}={CANARY}").into());
        bad.push(format!("{whole}&{name}").into());
        for wrong in ["%00", "\0", "%ff"] {
            bad.push(format!("{rest}&{name}={value}{wrong}").into());
        }
    }
    bad.into_iter()
}
