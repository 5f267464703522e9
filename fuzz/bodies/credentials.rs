//! What callers show to prove who they are: nothing is taken for a credential that is none, and
//! nobody is let in who showed none.

use std::sync::LazyLock;

use data_encoding::BASE64;
use gatepost::{
    message::{Credential, Fields, Takes, body},
    oauth::{
        secret::{Keyring, RootId, Salt},
        token::{Kind, Presented, mint},
    },
};
use http::{
    HeaderMap, StatusCode,
    header::{AUTHORIZATION, COOKIE},
};
use secrecy::ExposeSecret;

use super::{
    message::{Message, filled, ready},
    world::{SERVICE, World, keyring},
};

const KINDS: [(&str, &str, Kind); 4] = [
    ("{access}", "bs_at_", Kind::Access),
    ("{refresh}", "bs_rt_", Kind::Refresh),
    ("{device_code}", "bs_dc_", Kind::DeviceCode),
    ("{cookie}", "", Kind::Session),
];
const ID: [u8; 16] = [7; 16];
static KEYRING: LazyLock<Keyring> = LazyLock::new(keyring);

pub fn body(data: &[u8]) {
    World::with(|world| {
        let session = world.session();
        let genuine = KINDS.map(|(name, prefix, kind)| (name, minted(prefix, kind, &ID, 3)));
        let mut values: Vec<(&str, &str)> = genuine.iter().map(|(name, value)| (*name, value.as_str())).collect();
        values.extend([("{session}", session.as_str()), ("{secret}", SERVICE)]);
        let data = filled(data, &values);
        let Message { headers, body, .. } = Message::without_line(&data);
        authorization(&headers);
        tokens(&String::from_utf8_lossy(&data));
        clients(world, &headers, body);
        cookies(world, headers, &session);
    });
}

fn salt() -> Salt {
    Salt::from_random([9; 32])
}

fn minted(prefix: &str, kind: Kind, id: &[u8; 16], number: u32) -> String {
    mint(&KEYRING, RootId::DEFAULT, prefix, kind, id, number, &salt()).unwrap().expose_secret().to_owned()
}

/// One line, one credential, whatever the case of its scheme.
fn authorization(headers: &HeaderMap) {
    let mut headers = headers.clone();
    apps(&headers);
    headers.remove("serbleauth");
    let lines: Vec<&[u8]> = headers.get_all(AUTHORIZATION).iter().map(http::HeaderValue::as_bytes).collect();
    let read = Credential::of(&headers);
    match (lines.as_slice(), read) {
        ([], read) => assert_eq!(read, Ok(Credential::None)),
        ([line], Ok(Credential::Token { text: token, .. } | Credential::Basic { text: token, .. })) => {
            assert!(!token.is_empty() && !token.contains([' ', ',', '\t']) && token.is_ascii(), "{token:?}");
            let (scheme, rest) = std::str::from_utf8(line).unwrap().split_once(' ').unwrap();
            assert_eq!(rest.trim_matches(' '), token);
            let mut other = headers.clone();
            for scheme in [scheme.to_ascii_lowercase(), scheme.to_ascii_uppercase()] {
                other.insert(AUTHORIZATION, format!("{scheme}   {token}").parse().unwrap());
                assert_eq!(Credential::of(&other), read);
            }
        }
        ([_], read) => assert!(matches!(read, Ok(Credential::Other(_)) | Err(_)), "{read:?}"),
        (_, read) => assert!(read.is_err(), "two lines: {read:?}"),
    }
}

/// What an app shows is written in one way, and nothing is beside it.
fn apps(headers: &HeaderMap) {
    let lines: Vec<&[u8]> = headers.get_all("serbleauth").iter().map(http::HeaderValue::as_bytes).collect();
    match Credential::of(headers) {
        Ok(Credential::Token { place, text }) if place.field == "serbleauth" => {
            assert_eq!(lines, [format!("App {text}").as_bytes()]);
            assert!(!headers.contains_key(AUTHORIZATION) && place.takes("serble") && !place.takes("bootspring"));
        }
        read => assert!(lines.is_empty() || matches!(read, Ok(Credential::Other(_)) | Err(_)), "{read:?}"),
    }
}

/// Whatever is read as ours, we made, letter by letter, and for one purpose.
fn tokens(text: &str) {
    for text in text.split([' ', '\n', '=', '&', ';', ',']).chain([text]) {
        let read = KINDS.map(|(_, prefix, kind)| (prefix, kind, Presented::read(&KEYRING, kind, text)));
        assert!(read.iter().filter(|(_, _, presented)| presented.is_some()).count() <= 1, "{text}");
        for (_, kind, presented) in read {
            let Some(presented) = presented else { continue };
            assert!(!format!("{presented:?}").contains(&text[text.len() - 60..]), "a secret is told");
            if let Some(proof) = presented.prove(&KEYRING, &salt()) {
                let id = if kind == Kind::Session { *presented.session().as_bytes() } else { *presented.grant().as_bytes() };
                let prefix = &text[..text.len() - 88];
                assert_eq!(minted(prefix, kind, &id, proof.number()), text);
            }
        }
    }
}

/// A client that has a secret showed it, in one way; one that has none showed none.
fn clients(world: &World, headers: &HeaderMap, sent: &[u8]) {
    let mut headers = headers.clone();
    headers.insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
    let answer = world.ask(world.endpoint("POST", "/auth/device/code").unwrap(), None, headers.clone(), sent);
    if answer.status() != StatusCode::OK {
        return;
    }
    let fields = ready(Fields::read(&headers, body::full(sent.to_vec()), Takes::Form)).unwrap();
    let basic = match Credential::of(&headers) {
        Ok(Credential::Basic { text, .. }) => Some(decoded(text)),
        _ => None,
    };
    let named: Vec<&str> = [basic.as_ref().map(|(id, _)| id.as_str()), fields.text("client_id").unwrap()].into_iter().flatten().collect();
    let in_basic = basic.as_ref().map(|(_, secret)| secret.as_str()).filter(|secret| !secret.is_empty());
    let secrets: Vec<&str> = [in_basic, fields.text("client_secret").unwrap()].into_iter().flatten().collect();
    match secrets.as_slice() {
        [] => assert!(named.iter().all(|id| *id == "bootspring-cli"), "{named:?} showed nothing"),
        [secret] => assert!(*secret == SERVICE && named.iter().all(|id| *id == "service"), "{named:?} showed {secret}"),
        _ => panic!("two ways"),
    }
    assert!(!named.is_empty(), "nobody");
}

fn decoded(basic: &str) -> (String, String) {
    let text = String::from_utf8(BASE64.decode(basic.as_bytes()).unwrap()).unwrap();
    let (id, secret) = text.split_once(':').unwrap();
    // `=` and `&` mean nothing here.
    let one = |part: &str| {
        let part = part.replace('=', "%3D").replace('&', "%26");
        form_urlencoded::parse(part.as_bytes()).map(|(name, _)| name.into_owned()).collect::<String>()
    };
    (one(id), one(secret))
}

/// Only the cookie of a signed-in browser, letter by letter, opens the pages.
fn cookies(world: &World, headers: HeaderMap, session: &str) {
    let shown = headers.get_all(COOKIE).iter().any(|line| String::from_utf8_lossy(line.as_bytes()).contains(session));
    let answer = world.ask(world.endpoint("GET", "/applications").unwrap(), None, headers, b"");
    match answer.status() {
        StatusCode::OK => assert!(shown, "nobody signed in here"),
        status => assert!(status == StatusCode::SEE_OTHER && answer.headers()["location"] == "/sign-in", "{status}"),
    }
}
