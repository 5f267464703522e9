//! The log: one line a request, which says what became of it and gives nothing away.

use std::{collections::BTreeMap, net::SocketAddr};

use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};

use super::{
    child::Ended,
    installation::Installation,
    login::{Login, log_in},
};
use crate::{
    proxy::{
        raw::{RawUpstream, Wire},
        streaming::{SSE, asking},
    },
    support::{
        gateway::forwarding,
        http::{bearing, get, post_form, post_json, request, send},
        upstream::Upstream,
    },
};

const PASSWORD: &str = "correct-horse-battery";

/// All lines about requests, by the request's name.
fn lines(ended: &Ended) -> BTreeMap<String, Value> {
    let all = ended.stderr.lines().map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}")));
    let about_requests = all.filter(|line| line["target"] == "gatepost::request");
    let mut lines = BTreeMap::new();
    for line in about_requests {
        let earlier = lines.insert(line["id"].as_str().unwrap().to_owned(), line.clone());
        assert!(earlier.is_none(), "two lines about one request: {line}");
    }
    lines
}

/// Sends a request and comes back with its name.
async fn named(address: SocketAddr, request: Request<Full<bytes::Bytes>>) -> String {
    send(address, request).await.header("x-request-id").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_request_has_one_line_with_what_became_of_it() {
    let upstream = Upstream::start().await;
    let installation = Installation::before(upstream.address);
    let token = installation.token().await;
    let (child, address) = installation.serve().await;
    let asked = || request(Method::POST, "/v1/x", "text/plain", "hello");
    let good = named(address, bearing(asked(), &token.access)).await;
    let bare = named(address, asked()).await;
    let bad = named(address, bearing(asked(), "junk")).await;
    let nowhere = named(address, get("/nowhere")).await;
    let head = named(address, request(Method::HEAD, "/nowhere", "text/plain", "")).await;
    let local = named(address, post_json("/api/v1/auth/logout", &json!({"refreshToken": token.refresh}))).await;
    let gone = named(address, bearing(asked(), &token.access)).await;
    let lines = lines(&child.end().await);
    assert_eq!(lines.len(), 7);

    let line = &lines[&good];
    assert_eq!((&line["level"], &line["method"], &line["route"]), (&"INFO".into(), &"POST".into(), &"/v1/*".into()));
    assert_eq!((&line["status"], &line["outcome"], &line["peer"]), (&200.into(), &"completed".into(), &"127.0.0.1".into()));
    assert_eq!((&line["grant"], &line["client"]), (&token.grant.to_string().into(), &"app".into()));
    assert_eq!((&line["bytes_in"], &line["bytes_out"]), (&5.into(), &11.into()));
    let micros = |phase: &str| line[phase].as_u64().unwrap();
    assert!(micros("authenticate_us") + micros("answer_us") <= micros("total_us") && micros("total_us") > 0, "{line}");
    assert!(line["timestamp"].is_string() && line.get("reason").is_none() && line.get("cause").is_none(), "{line}");

    let refused = [(&bare, 401, "missing_token"), (&bad, 401, "invalid_token"), (&nowhere, 404, "no_route"), (&head, 404, "no_route")];
    for (name, status, reason) in refused {
        let line = &lines[name];
        assert_eq!((&line["status"], &line["reason"], &line["fault"]), (&status.into(), &reason.into(), &"client".into()));
        assert!(line["outcome"] == "completed" && line.get("grant").is_none(), "{line}");
    }
    assert_eq!((&lines[&local]["route"], &lines[&local]["reason"]), (&"bootspring.cli.logout".into(), &"logged_out".into()));
    assert_eq!((&lines[&gone]["reason"], &lines[&gone]["grant"]), (&"token_revoked".into(), &token.grant.to_string().into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_line_says_who_broke_off() {
    let upstream = RawUpstream::start().await;
    let installation = Installation::before(upstream.address);
    let token = installation.token().await;
    let (child, address) = installation.serve().await;
    let mut told = Wire::to(address).await;
    told.send(asking(&token.access)).await;
    let (mut events, asked) = upstream.asked().await;
    events.send(SSE).await;
    told.head().await;
    let mut names = Vec::new();
    for how in ["before", "upstream", "caller", "taken_back"] {
        let mut caller = Wire::to(address).await;
        caller.send(asking(&token.access)).await;
        let (mut wire, head) = upstream.asked().await;
        names.push(head.field("x-request-id").to_owned());
        if how == "before" {
            drop(caller);
            wire.closed().await;
            continue;
        }
        wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
        wire.send_chunk("four").await;
        caller.head().await;
        assert_eq!(caller.chunk().await.as_deref(), Some("four"));
        match how {
            "upstream" => drop(wire),
            "caller" => {
                caller.reset();
                wire.closed().await;
                continue;
            }
            _ => {
                let logout = post_json("/api/v1/auth/logout", &json!({"refreshToken": token.refresh}));
                assert_eq!(send(address, logout).await.status, 200);
                wire.closed().await;
            }
        }
        assert_eq!(caller.chunk().await, None);
    }
    let event = told.last_event().await;
    let lines = lines(&child.end().await);
    let line = &lines[asked.field("x-request-id")];
    assert_eq!((&line["outcome"], &line["bytes_out"]), (&"taken_back".into(), &event.len().into()));
    let told: Vec<_> = names.iter().map(|name| (&lines[name]["outcome"], &lines[name]["status"], &lines[name]["bytes_out"])).collect();
    let [none, ok, zero, four] = [Value::Null, 200.into(), 0.into(), 4.into()];
    let [left, broke, back] = ["caller_left", "upstream_broke_off", "taken_back"].map(Value::from);
    assert_eq!(told, [(&left, &none, &zero), (&broke, &ok, &four), (&left, &ok, &four), (&back, &ok, &four)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_behind_a_failure_stands_in_the_log_alone() {
    let upstream = RawUpstream::start().await;
    let installation = Installation::before(upstream.address);
    let token = installation.token().await;
    drop(upstream);
    let (child, address) = installation.serve().await;
    let name = named(address, bearing(get("/v1/x"), &token.access)).await;
    let line = lines(&child.end().await).remove(&name).unwrap();
    assert_eq!((&line["status"], &line["fault"], &line["reason"]), (&502.into(), &"upstream".into(), &"upstream_unreachable".into()));
    assert!(line["cause"].as_str().unwrap().contains("refused"), "{line}");
}

/// Everything that was secret in a login, and what else must not be read anywhere.
fn secrets(login: &Login) -> Vec<&str> {
    let mut secrets = vec![login.access.as_str(), &login.refresh, &login.device_code, &login.user_code, PASSWORD];
    secrets.extend(login.cookies.split("; ").filter_map(|cookie| Some(cookie.split_once('=')?.1)));
    secrets.extend(["hidden-in-the-query", "sk-of-the-upstream", "said-in-the-body", "correct%2Dhorse", "referrer-with-a-code"]);
    secrets
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_secret_is_in_the_log_at_any_level() {
    let upstream = Upstream::start().await;
    let url = format!("url = \"http://{}\"", upstream.address);
    let config = forwarding(upstream.address).replace(&url, &format!("{url}\napi_key = \"file:key\""));
    let installation = Installation::with(&format!("{config}\n[log]\nlevel = \"trace\"\n"));
    std::fs::write(installation.data().with_file_name("key"), "sk-of-the-upstream").unwrap();
    let added = installation.done(&["admin", "user", "add", "grace", "--password-stdin"], PASSWORD).await;
    assert_eq!(added.code, Some(0), "{added:?}");
    let (child, address) = installation.serve().await;

    let login = log_in(address, "grace", PASSWORD, "app").await;
    let mut requests = login.requests.clone();
    let chat = request(Method::POST, "/v1/chat?key=hidden-in-the-query", "text/plain", "said-in-the-body");
    let mut chat = bearing(chat, &login.access);
    chat.headers_mut().insert("referer", "http://a/?code=referrer-with-a-code".parse().unwrap());
    requests.push(named(address, chat).await);
    let refresh = [("grant_type", "refresh_token"), ("client_id", "app"), ("refresh_token", login.refresh.as_str())];
    let refreshed = send(address, post_form("/auth/device/token", &refresh)).await;
    requests.push(refreshed.header("x-request-id").to_owned());
    let next = refreshed.json()["access_token"].as_str().unwrap().to_owned();
    // Mistakes are where secrets slip out.
    for mistaken in [
        bearing(get("/v1/x?key=hidden-in-the-query"), &format!("{}x", login.access)),
        bearing(get("/v1/x"), &login.refresh),
        get(&format!("/v1/{}/..", "hidden-in-the-query")),
        request(Method::POST, "/auth/device/token", "application/json", format!("{{\"device_code\": \"{}", login.device_code)),
        post_form("/auth/device/token", &[("grant_type", &login.refresh), ("client_id", &login.access)]),
        post_form("/sign-in", &[("form", "x"), ("name", "grace"), ("password", PASSWORD)]),
        post_json("/api/v1/auth/logout", &json!({"refreshToken": login.refresh, "accessToken": PASSWORD})),
    ] {
        requests.push(named(address, mistaken).await);
    }
    let ended = child.end().await;

    let mut about: Vec<String> = lines(&ended).into_keys().collect();
    about.sort_unstable();
    requests.sort_unstable();
    assert_eq!(about, requests);
    let root_key = std::fs::read_to_string(installation.data().join("root.key")).unwrap();
    for secret in secrets(&login).into_iter().chain([next.as_str(), root_key.trim()]) {
        // Not a part of it either.
        let part = &secret[secret.len() / 4..secret.len() - secret.len() / 4];
        assert!(!ended.stderr.contains(part) && !ended.stdout.contains(part), "{secret} is in {}", ended.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_listed_proxy_a_line_names_the_caller() {
    let upstream = Upstream::start().await;
    let installation =
        Installation::with(&forwarding(upstream.address).replace("threads = 1", "threads = 1\ntrusted_proxies = [\"127.0.0.1\"]"));
    let (child, address) = installation.serve().await;
    let mut request = get("/v1/x");
    request.headers_mut().insert("x-forwarded-for", "evil\"}, 198.51.100.9, 192.0.2.1".parse().unwrap());
    let id = named(address, request).await;
    let lines = lines(&child.end().await);
    assert_eq!(lines[&id]["peer"], "192.0.2.1");
}
