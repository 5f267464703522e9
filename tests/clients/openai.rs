//! `openai` for Python and for Node: calls that are forwarded, and what it makes of those that are not.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use gatepost::message::{Body, body};
use http::Response;
use serde_json::{Value, json};
use tokio::{net::TcpSocket, sync::mpsc};

use super::script::Script;
use crate::{
    proxy::stand::{Stand, Token, config},
    readme::Quickstart,
    support::{
        http::{post_form, send},
        person::Person,
        upstream::Upstream,
    },
};

const TOUR: &str = include_str!("openai_tour.py");
const STREAM: &str = include_str!("openai_stream.py");
const NODE_STREAM: &str = include_str!("openai_stream.mjs");
const ERRORS: &str = include_str!("openai_errors.py");

/// A token of the quickstart's user, by the device grant (RFC 8628).
async fn token(quickstart: &Quickstart) -> String {
    let post = async |path, fields: &[(&str, &str)]| send(quickstart.address, post_form(path, fields)).await.json();
    let codes = post("/auth/device/code", &[("client_id", "my-app")]).await;
    let person = Person::at_address(quickstart.address);
    assert_eq!(person.sign_in("demo", quickstart.password()).await.status, 303);
    person.approve(codes["user_code"].as_str().unwrap()).await;
    let grant_type = ("grant_type", "urn:ietf:params:oauth:grant-type:device_code");
    let device_code = ("device_code", codes["device_code"].as_str().unwrap());
    let tokens = post("/auth/device/token", &[grant_type, ("client_id", "my-app"), device_code]).await;
    tokens["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn openai_finds_all_that_it_asks_for_behind_the_quickstart() {
    let data = tempfile::tempdir().unwrap();
    let quickstart = Quickstart::start(data.path());
    let (url, token) = (format!("http://{}/v1", quickstart.address), token(&quickstart).await);
    let Some(mut script) = Script::python(TOUR, &[("OPENAI_BASE_URL", &url), ("OPENAI_API_KEY", &token)]) else { return };
    let seen = script.says().await;
    let hello = "Hello demo, calling with my-app! You said: Hello!";
    assert_eq!((&seen["chat"], &seen["tokens"]), (&json!(hello), &json!(9)));
    let mut pieces: Vec<Value> = hello.split_inclusive(' ').map(Value::from).collect();
    pieces.insert(0, json!(""));
    pieces.push(Value::Null);
    assert_eq!(seen["streamed"], json!(pieces));
    assert_eq!(seen["models"], json!(["gatepost-sample"]));
    // As every PNG begins.
    assert_eq!(seen["images"], json!(["89504e47", "89504e47"]));
    assert_eq!(seen["embeddings"], json!([8, 8]));
    script.ended().await;
}

/// A gateway before a server that streams an answer whose pieces the test sends.
async fn streaming() -> (Stand, mpsc::Sender<Bytes>) {
    let (sender, body) = body::channel(1);
    let body = Arc::new(Mutex::new(Some(body)));
    let upstream = Upstream::answering(move |_| {
        let body = body.lock().unwrap().take().unwrap();
        async { Response::builder().header("content-type", "text/event-stream").body(body).unwrap() }
    });
    (Stand::before(upstream.await.address).await, sender)
}

/// Starts the script that reads such an answer.
fn reader(stand: &Stand, token: &Token) -> Option<Script> {
    reader_in(Script::python, STREAM, stand, token)
}

fn reader_in(language: Run, script: &str, stand: &Stand, token: &Token) -> Option<Script> {
    let url = format!("http://{}/v1", stand.gateway.address);
    language(script, &[("OPENAI_BASE_URL", &url), ("OPENAI_API_KEY", &token.access)])
}

type Run = fn(&str, &[(&str, &str)]) -> Option<Script>;

/// The script in each language.
const READERS: [(Run, &str); 2] = [(Script::python, STREAM), (Script::node, NODE_STREAM)];

fn piece(content: &str) -> Bytes {
    let choices = json!([{"index": 0, "delta": {"content": content}, "finish_reason": null}]);
    format!("data: {}\n\n", json!({"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "any", "choices": choices})).into()
}

#[tokio::test(flavor = "multi_thread")]
async fn openai_hands_on_each_piece_of_a_stream_before_the_next_is_sent() {
    let (stand, stream) = streaming().await;
    let Some(mut script) = reader(&stand, &stand.token().await) else { return };
    for content in ["Once ", "upon ", "a ", "time."] {
        stream.send(piece(content)).await.unwrap();
        assert_eq!(script.says().await, content);
    }
    stream.send("data: [DONE]\n\n".into()).await.unwrap();
    assert_eq!(script.says().await, "the end");
    drop(stream);
    script.ended().await;
}

/// What the libraries raise when access is taken back, with this behind a piece that has arrived.
async fn raised_behind(more: &str) -> Vec<Value> {
    let mut raised = Vec::new();
    for (language, text) in READERS {
        let (stand, stream) = streaming().await;
        let token = stand.token().await;
        let Some(mut script) = reader_in(language, text, &stand, &token) else { continue };
        stream.send([&piece("Once "), more.as_bytes()].concat().into()).await.unwrap();
        assert_eq!(script.says().await, "Once ");
        stand.revoke(&token).await;
        raised.push(script.says().await);
        script.ended().await;
    }
    raised
}

#[tokio::test(flavor = "multi_thread")]
async fn openai_raises_what_a_stream_that_was_taken_back_says_last() {
    // The second is half of a comment.
    for more in ["", ": still th"] {
        for raised in raised_behind(more).await {
            assert_eq!(raised, json!({"raised": "APIError", "code": "token_revoked"}), "{more:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn openai_does_not_take_half_of_an_event_for_a_whole_one() {
    for half in ["data: {\"choices\": [", "data: {}\n"] {
        for raised in raised_behind(half).await {
            // In Python before its version 3 it is what httpx raised, in Node what fetch did.
            let known = ["APIConnectionError", "RemoteProtocolError", "TypeError"];
            assert!(known.iter().any(|known| raised["raised"] == *known), "{half:?}: {raised}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn openai_raises_the_error_that_it_has_for_each_refusal() {
    let upstream = Upstream::answering(|_| async { no_models() }).await;
    // Its port is nobody else's, and nobody listens there.
    let taken = TcpSocket::new_v4().unwrap();
    taken.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let nobody = taken.local_addr().unwrap();
    let routes = format!(
        r#"
        prefix = "/v1"
        upstream = "model"
        scopes = ["inference"]
        [[routes]]
        prefix = "/pictures"
        upstream = "model"
        scopes = ["inference", "images"]
        [[routes]]
        prefix = "/once"
        upstream = "model"
        scopes = ["inference"]
        limit = {{ requests = 1, per = "1m" }}
        [[routes]]
        prefix = "/down"
        upstream = "down"
        scopes = ["inference"]
        [upstreams.down]
        url = "http://{nobody}"
        "#
    );
    let stand = Stand::with(&config(&format!("url = \"http://{}\"", upstream.address), &routes)).await;
    let Some(mut script) = Script::python(ERRORS, &[]) else { return };
    let mut ask = async |path: &str, token: &str| {
        script.tell(&json!({"base_url": format!("http://{}{path}", stand.gateway.address), "api_key": token}));
        script.says().await
    };

    let narrow = stand.token_of("ada", "bootspring-cli").await.access;
    assert_eq!(ask("/v1", &narrow).await, "answered");
    assert_eq!(ask("/pictures", &narrow).await, json!(["PermissionDeniedError", 403, "insufficient_scope", null]));
    assert_eq!(ask("/v1", "sk-garbage").await, json!(["AuthenticationError", 401, "invalid_token", null]));
    assert_eq!(ask("/nowhere", &narrow).await, json!(["NotFoundError", 404, "not_found", null]));
    assert_eq!(ask("/once", &narrow).await, "answered");
    assert_eq!(ask("/once", &narrow).await, json!(["RateLimitError", 429, "rate_limited", "60"]));
    assert_eq!(ask("/down", &narrow).await, json!(["InternalServerError", 502, "upstream_unavailable", null]));

    let token = stand.token().await;
    assert_eq!(ask("/pictures", &token.access).await, "answered");
    stand.revoke(&token).await;
    assert_eq!(ask("/pictures", &token.access).await, json!(["AuthenticationError", 401, "token_revoked", null]));

    let unseen = stand.token().await.access;
    stand.take_store_away();
    assert_eq!(ask("/v1", &unseen).await, json!(["InternalServerError", 503, "store_unavailable", "1"]));
    script.ended().await;
}

/// A list of models with none in it.
fn no_models() -> Response<Body> {
    let list = json!({"object": "list", "data": []});
    Response::builder().header("content-type", "application/json").body(body::full(list.to_string())).unwrap()
}
