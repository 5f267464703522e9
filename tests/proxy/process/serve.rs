//! `gatepost serve` and `gatepost check`.

use super::{
    child::Child,
    installation::{Installation, mode},
};
use crate::{
    proxy::{
        raw::{RawUpstream, Wire, soon},
        streaming::asking,
        tls::{self, Certificate},
    },
    support::{
        gateway::{CONFIG, forwarding, root},
        http::{bearing, get, post_json, send},
        upstream::Upstream,
    },
};

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_in_order_when_told_to_and_knows_everybody_at_the_next_start() {
    let upstream = Upstream::start().await;
    let installation = Installation::before(upstream.address);
    let token = installation.token().await;
    for signal in ["TERM", "INT"] {
        let (child, address) = installation.serve().await;
        assert_eq!(send(address, bearing(get("/v1/x"), &token.access)).await.status, 200);
        child.tell(signal);
        let ended = child.ended().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stderr.contains("\"ended\"") && ended.stdout.is_empty(), "{ended:?}");
    }
    assert_eq!(upstream.seen().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_back_stays_so_after_a_kill() {
    let upstream = Upstream::start().await;
    let installation = Installation::before(upstream.address);
    let token = installation.token().await;
    let (child, address) = installation.serve().await;
    let out = bearing(post_json("/api/v1/auth/logout", &serde_json::json!({})), &token.access);
    assert_eq!(send(address, out).await.status, 200);
    child.tell("KILL");
    assert_eq!(child.ended().await.code, None);
    let (child, address) = installation.serve().await;
    let reply = send(address, bearing(get("/v1/x"), &token.access)).await;
    assert_eq!((reply.status.as_u16(), &reply.json()["error"]["code"]), (401, &"token_revoked".into()));
    child.end().await;
}

/// Waits long for whoever is still at it.
fn patient(upstream: &RawUpstream) -> String {
    forwarding(upstream.address).replace("drain = \"2s\"", "drain = \"1h\"")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_stream_may_finish_after_the_signal() {
    let upstream = RawUpstream::start().await;
    let installation = Installation::with(&patient(&upstream));
    let token = installation.token().await;
    let (mut child, address) = installation.serve().await;
    let mut caller = Wire::to(address).await;
    caller.send(asking(&token.access)).await;
    let (mut wire, _head) = upstream.asked().await;
    wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
    caller.head().await;
    child.tell("TERM");
    child.logs("\"ending: ").await;
    wire.send_chunk("last words").await;
    assert_eq!(caller.chunk().await.as_deref(), Some("last words"));
    wire.send("0\r\n\r\n").await;
    assert_eq!(caller.chunk().await.as_deref(), Some(""));
    assert_eq!(child.ended().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn told_twice_it_does_not_wait_for_anybody() {
    let upstream = RawUpstream::start().await;
    let installation = Installation::with(&patient(&upstream));
    let token = installation.token().await;
    let (mut child, address) = installation.serve().await;
    let mut caller = Wire::to(address).await;
    caller.send(asking(&token.access)).await;
    let (mut wire, _head) = upstream.asked().await;
    child.tell("TERM");
    child.logs("\"ending: ").await;
    child.tell("TERM");
    wire.closed().await;
    assert_eq!(child.ended().await.code, Some(0));
    // Nothing that was answered is lost.
    let (child, _) = installation.serve().await;
    child.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_same_store_is_refused() {
    let installation = Installation::with(CONFIG);
    let (child, _address) = installation.serve().await;
    let second = installation.done(&["serve"], "").await;
    assert_eq!(second.code, Some(75), "{second:?}");
    assert!(second.stderr.contains("gatepost.redb is in use: another Gatepost runs on it"), "{second:?}");
    assert_eq!(child.end().await.code, Some(0));
    let (third, _) = installation.serve().await;
    third.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_same_port_is_refused() {
    let installation = Installation::with(CONFIG);
    let (child, address) = installation.serve().await;
    let other = Installation::with(&CONFIG.replace("127.0.0.1:0", &address.to_string()));
    let second = other.done(&["serve"], "").await;
    assert_eq!(second.code, Some(69), "{second:?}");
    assert!(second.stderr.contains(&format!("cannot listen on {address}")), "{second:?}");
    child.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_wrong_with_a_file_is_said_at_once_and_nothing_is_made() {
    let bad = CONFIG.replace("listen = ", "lisen = ").replace("drain = \"2s\"", "drain = \"soon\"").replace("threads = 1", "threads = 0");
    let installation = Installation::with(&bad);
    let ended = installation.done(&["serve"], "").await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(78), ""));
    for word in ["lisen", "soon", "threads", "gatepost.toml"] {
        assert!(ended.stderr.contains(word), "{word}: {}", ended.stderr);
    }
    // On no terminal there are no colours.
    assert!(!ended.stderr.contains('\u{1b}') && !installation.data().exists());
    let checked = Child::start(&["check", installation.config().to_str().unwrap()]).ended().await;
    assert_eq!((checked.code, &checked.stderr), (Some(78), &ended.stderr));
    let missing = Child::start(&["serve", "--config", "/nowhere/gatepost.toml"]).ended().await;
    assert!(missing.code == Some(78) && missing.stderr.contains("/nowhere/gatepost.toml"), "{missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_configuration_is_good() {
    let minimal = root().join("config/minimal.toml");
    let ended = Child::start(&["check", minimal.to_str().unwrap()]).ended().await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert!(ended.stdout.contains("minimal.toml: good. 1 route, 1 dialect"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_on_the_machine_can_read_what_it_keeps() {
    let installation = Installation::with(CONFIG);
    let (child, _) = installation.serve().await;
    assert_eq!(mode(&installation.data()), 0o700);
    let mut names = Vec::new();
    for file in std::fs::read_dir(installation.data()).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
    }
    names.sort_unstable();
    assert_eq!(names, ["admin.sock", "gatepost.redb", "root.key"]);
    child.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_without_the_root_key_that_the_store_was_used_with_is_refused() {
    let installation = Installation::with(CONFIG);
    installation.serve().await.0.end().await;
    let key = installation.data().join("root.key");
    let secret = std::fs::read_to_string(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    let ended = installation.done(&["serve"], "").await;
    assert!(ended.code.is_some_and(|code| code != 0) && ended.stderr.contains("root.key is missing"), "{ended:?}");
    assert!(!key.exists());
    std::fs::write(&key, "x".repeat(64)).unwrap();
    let ended = installation.done(&["serve"], "").await;
    assert!(ended.code == Some(78) && ended.stderr.contains("another root secret") && !ended.stderr.contains("xxxx"), "{ended:?}");
    std::fs::write(&key, secret).unwrap();
    installation.serve().await.0.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_behind_tls_is_reached_under_a_name_that_the_machine_trusts() {
    let certificate = Certificate::new();
    let (address, mut told) = tls::upstream(&certificate).await;
    let trusted = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(trusted.path(), certificate.pem()).unwrap();
    let route = |host: &str, path: &str| {
        let port = address.port();
        format!(
            "[upstreams.{path}]\nurl = \"https://{host}:{port}\"\nconnect_timeout = \"1m\"\n[[routes]]\nprefix = \"/{path}\"\nupstream = \"{path}\"\nauth = \"none\"\n"
        )
    };
    let installation = Installation::with(&format!("{CONFIG}\n{}\n{}", route("localhost", "right"), route("127.0.0.1", "wrong")));
    let (child, gateway) = installation.serve_with(&[("SSL_CERT_FILE", trusted.path().to_str().unwrap())]).await;
    let reply = send(gateway, get("/right/x")).await;
    assert_eq!((reply.status.as_u16(), reply.text().as_str()), (200, "ok"));
    assert_eq!(soon(told.recv()).await.unwrap().as_deref(), Some("GET /right/x HTTP/1.1"));
    // The same certificate does not speak for another name.
    assert_eq!(send(gateway, get("/wrong/x")).await.status, 502);
    assert_eq!(soon(told.recv()).await.unwrap(), None);
    child.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_said_that_everybody_would_share_one_address_unless_that_is_meant() {
    let words = "every caller would be counted as one address: public_url is https";
    let https = CONFIG.replace("http://127.0.0.1:8080", "https://ai.example.com");
    let installation = Installation::with(&https);
    let checked = Child::start(&["check", installation.config().to_str().unwrap()]).ended().await;
    let warned = checked.stderr.starts_with("warning: ") && checked.stderr.contains(words) && checked.stderr.contains("trusted_proxies");
    assert!(checked.code == Some(0) && warned && checked.stdout.contains(": good. "), "{checked:?}");
    let (child, _) = installation.serve().await;
    let ended = child.end().await;
    let line = ended.stderr.lines().find(|line| line.contains(words)).unwrap_or_else(|| panic!("{ended:?}"));
    assert!(line.contains("\"WARN\""), "{line}");
    for meant in ["[]", "[\"10.0.0.0/8\"]"] {
        let installation = Installation::with(&https.replace("threads = 1", &format!("threads = 1\ntrusted_proxies = {meant}")));
        let checked = Child::start(&["check", installation.config().to_str().unwrap()]).ended().await;
        assert_eq!((checked.code, checked.stderr.as_str()), (Some(0), ""));
        let (child, _) = installation.serve().await;
        assert!(!child.end().await.stderr.contains(words));
    }
}
