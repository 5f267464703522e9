//! What comes over the socket is not always what the command line would send.

use std::path::Path;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

use crate::{
    proxy::{process::installation::Installation, raw::soon},
    support::gateway::CONFIG,
};

/// Sends these bytes and answers with status, `Allow` and JSON.
async fn answer(socket: &Path, request: impl AsRef<[u8]>) -> (u16, String, Value) {
    let mut stream = UnixStream::connect(socket).await.unwrap();
    stream.write_all(request.as_ref()).await.unwrap();
    let mut text = String::new();
    soon(stream.read_to_string(&mut text)).await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{text:?}"));
    let allow = head.lines().find_map(|line| line.strip_prefix("allow: ")).unwrap_or_default().to_owned();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, allow, serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {text}")))
}

fn post(path: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused_in_json_and_quoted_nowhere() {
    let installation = Installation::with(CONFIG);
    let (child, _) = installation.serve().await;
    let socket = installation.data().join("admin.sock");
    let long = format!("{{\"name\": \"{}\"}}", "hunter2".repeat(10_000));
    for (request, status, code, words) in [
        ("GET /user/list HTTP/1.1\r\nhost: localhost\r\n\r\n".to_owned(), 405, "invalid_request", "POST"),
        (post("/", "{}"), 404, "not_found", "no such path"),
        (post("//", "{}"), 404, "not_found", "no such command"),
        (post("/user", "{}"), 404, "not_found", "no such path"),
        (post("/user/list/", "{}"), 404, "not_found", "no such command"),
        (post("/hunter2/hunter2", "{}"), 404, "not_found", "no such command"),
        (post("/user/list", ""), 400, "invalid_request", "JSON object"),
        (post("/user/list", "hunter2"), 400, "invalid_request", "JSON object"),
        (post("/user/list", "[]"), 400, "invalid_request", "JSON object"),
        (post("/user/list", "{} hunter2"), 400, "invalid_request", "JSON object"),
        (post("/user/show", "{\"name\": [\"hunter2\"]}"), 400, "invalid_request", "JSON object"),
        (post("/user/show", "{\"name\": \"\\ud800 hunter2\"}"), 400, "invalid_request", "JSON object"),
        (post("/user/show", "{}"), 400, "invalid_request", "`name` is missing"),
        (post("/user/show", "{\"name\": \"hunter2 \\u0000\"}"), 400, "invalid_request", "user name has"),
        (post("/user/show", "{\"name\": \"ada\", \"nmae\": \"hunter2\"}"), 400, "invalid_request", "no argument \"nmae\""),
        (post("/user/add", "{\"name\": \"ada\", \"password\": \"hunter2\"}"), 400, "invalid_request", "8 to 512"),
        (post("/user/show", &long), 413, "invalid_request", "too large"),
    ] {
        let (got, allow, body) = answer(&socket, &request).await;
        let request = &request[..request.len().min(200)];
        assert_eq!((got, body["error"]["code"].as_str()), (status, Some(code)), "{request} {body}");
        assert!(body["error"]["message"].as_str().unwrap().contains(words), "{request} {body}");
        assert!(!body.to_string().contains("hunter2"), "{body}");
        assert_eq!(allow.is_empty(), status != 405);
    }
    // What is no HTTP is no request, and neither that nor half of one hurts others.
    let mut half = UnixStream::connect(&socket).await.unwrap();
    half.write_all(b"POST /user/list HTTP/1.1\r\nhost: loc").await.unwrap();
    let mut garbage = UnixStream::connect(&socket).await.unwrap();
    garbage.write_all(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n").await.unwrap();
    let mut left = Vec::new();
    let _ = soon(garbage.read_to_end(&mut left)).await;
    assert!(left.is_empty() || left.starts_with(b"HTTP/1.1 400"), "{left:?}");
    assert_eq!(answer(&socket, post("/user/list", "{}")).await, (200, String::new(), json!([])));
    // The half one does not keep the gateway from ending.
    let ended = child.end().await;
    assert!(ended.code == Some(0) && !ended.stderr.contains("hunter2"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_is_done_although_the_asker_has_gone() {
    let installation = Installation::with(CONFIG);
    let (mut child, _) = installation.serve().await;
    let mut stream = UnixStream::connect(installation.data().join("admin.sock")).await.unwrap();
    stream.write_all(post("/user/add", "{\"name\": \"grace\", \"password\": \"a better password\"}").as_bytes()).await.unwrap();
    // Hashing a password takes long enough to be gone by then.
    drop(stream);
    assert_eq!(child.logs("\"administered\"").await["on"], "grace");
    assert_eq!(installation.told(&["user", "show", "grace"]).await["name"], "grace");
    child.end().await;
}
