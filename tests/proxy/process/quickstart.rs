//! `gatepost quickstart`: what it says is true, and what it keeps is kept.

use std::{net::SocketAddr, path::Path};

use serde_json::json;

use super::{child::Child, installation::mode, login::log_in};
use crate::support::{
    http::{bearing, post_json, send},
    upstream::Upstream,
};

/// What a start says: where it runs, and the password if it is the first.
async fn start(data: &Path, more: &[&str]) -> (Child, SocketAddr, Option<String>) {
    let arguments = ["quickstart", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()];
    let mut child = Child::start(&[&arguments[..], more].concat());
    let running = child.says("Gatepost is running at ").await;
    let address: SocketAddr = running.rsplit_once("http://").unwrap().1.parse().unwrap();
    let sign_in = child.says("sign in as").await;
    assert!(sign_in.contains("demo"), "{sign_in}");
    let password = sign_in.split_once("with the password ").and_then(|(_, rest)| rest.split_once(" (shown this once)"));
    let password = password.map(|(password, _)| password.to_owned());
    // All the addresses that it tells are the one at which it runs.
    let mut told = 0;
    loop {
        let line = child.says("").await;
        for (_, rest) in line.match_indices("http://").map(|(at, _)| line.split_at(at)) {
            assert!(rest.starts_with(&format!("http://{address}")), "{line}");
            told += 1;
        }
        if line.contains("Ctrl-C") {
            assert!(told > 4);
            return (child, address, password);
        }
    }
}

fn hello() -> http::Request<http_body_util::Full<bytes::Bytes>> {
    post_json("/v1/chat/completions", &json!({"model": "sample", "messages": [{"role": "user", "content": "Hello!"}]}))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_start_shows_a_way_in_and_the_second_keeps_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (child, address, password) = start(&data, &[]).await;
    let password = password.unwrap();
    let login = log_in(address, "demo", &password, "my-app").await;
    assert_eq!(login.verification_uri, format!("http://{address}/device"));
    let reply = send(address, bearing(hello(), &login.access)).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let words = reply.json()["choices"][0]["message"]["content"].as_str().unwrap().to_owned();
    assert!(words.contains("Hello demo, calling with my-app!"), "{words}");
    assert_eq!(send(address, hello()).await.status, 401);

    assert_eq!(mode(&data), 0o700);
    for file in std::fs::read_dir(&data).unwrap() {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
    }
    child.tell("INT");
    let ended = child.ended().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.stderr.contains(&password), "{ended:?}");

    let (child, address, shown_again) = start(&data, &[]).await;
    assert_eq!(shown_again, None);
    assert_eq!(send(address, bearing(hello(), &login.access)).await.status, 200);
    log_in(address, "demo", &password, "bootspring-cli").await;
    assert_eq!(child.end().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_ones_own_may_stand_behind_it() {
    let upstream = Upstream::start().await;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("http://{}", upstream.address);
    let arguments = ["quickstart", "--listen", "127.0.0.1:0", "--data", folder.path().to_str().unwrap(), "--upstream", &url];
    let mut child = Child::start(&arguments);
    let running = child.says("Gatepost is running at ").await;
    assert!(child.says("in front of").await.contains(&url));
    let address: SocketAddr = running.rsplit_once("http://").unwrap().1.parse().unwrap();
    let sign_in = child.says("sign in as").await;
    let password = sign_in.split("password ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    let login = log_in(address, "demo", &password, "my-app").await;
    assert_eq!(send(address, bearing(hello(), &login.access)).await.text(), "{\"ok\":true}");
    assert_eq!(upstream.seen()[0].headers["x-gatepost-user"], "demo");
    child.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_of_them_do_not_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let (child, _, _) = start(folder.path(), &[]).await;
    let second = Child::start(&["quickstart", "--listen", "127.0.0.1:0", "--data", folder.path().to_str().unwrap()]).ended().await;
    assert_eq!(second.code, Some(75), "{second:?}");
    assert!(second.stderr.contains("in use: another Gatepost runs on it") && second.stdout.is_empty(), "{second:?}");
    child.end().await;
}
