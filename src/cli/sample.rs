//! A stand-in for a model server, so that a first look at the gateway needs no model. It speaks as
//! much of OpenAI's API as its SDKs need, always answers the same, and repeats what the gateway told
//! it about the caller.

use std::time::Duration;

use bytes::Bytes;
use data_encoding::BASE64;
use http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::{
    clock::Clock,
    message::{
        Body, Call, Handler, Refused, RequestId,
        body::{self, ReadError},
        endpoint,
        header::identity,
        refused, reply,
    },
};

const MODEL: &str = "gatepost-sample";
/// The longest request that is read: room for a picture or two.
const MAX_BODY: usize = 4 << 20;
/// How much of a message is repeated, in characters.
const MAX_ECHO: usize = 400;
/// Between two pieces of a streamed answer.
const PAUSE: Duration = Duration::from_millis(60);
/// What every image request gets: a gate, 16 by 16 pixels.
const PICTURE: &str = "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQAQMAAAAlPW0iAAAABlBMVEX///8fTl/XlhndAAAAHklEQVR42mNgYGBIYIOi+n8MKdNQEFAELgtE//8DAAqmDKW+QV4HAAAAAElFTkSuQmCC";

/// A no: its status, its word for programs, its sentence for people.
type No = (StatusCode, &'static str, String);

/// Answers all that is sent to the sample server. `clock` paces what is streamed.
pub(super) fn handler(clock: Clock) -> Handler {
    endpoint::handler(move |call| answer(clock.clone(), call))
}

async fn answer(clock: Clock, call: Call) -> Response<Body> {
    let Call { head, body, id, .. } = call;
    let outcome = match (head.method.as_str(), head.uri.path()) {
        ("GET", "/health") => Ok(ok(&json!({"status": "ok"}))),
        ("GET", "/v1/models") => Ok(models(&clock)),
        ("POST", "/v1/chat/completions") => read(body).await.and_then(|asked| chat(clock, &head.headers, id, &asked)),
        ("POST", "/v1/images/generations") => read(body).await.and_then(|asked| images(&clock, &asked)),
        ("POST", "/v1/embeddings") => read(body).await.and_then(|asked| embeddings(&asked)),
        (method, path) => Err((StatusCode::NOT_FOUND, "not_found", format!("the sample server has no {method} {path}"))),
    };
    outcome.unwrap_or_else(|(status, code, message)| Refused::new(status, code, message, id).answer(refused::openai))
}

async fn read(body: Body) -> Result<Value, No> {
    let bytes = body::read(body, MAX_BODY).await.map_err(|error| match error {
        ReadError::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "request_too_large", error.to_string()),
        ReadError::Broken(_) => invalid(error.to_string()),
    })?;
    serde_json::from_slice(&bytes).map_err(|error| invalid(format!("the body is no JSON: {error}")))
}

fn invalid(message: impl Into<String>) -> No {
    (StatusCode::BAD_REQUEST, "invalid_request", message.into())
}

fn ok(value: &Value) -> Response<Body> {
    reply::json(StatusCode::OK, value)
}

fn models(clock: &Clock) -> Response<Body> {
    ok(&json!({"object": "list", "data": [{"id": MODEL, "object": "model", "created": clock.now().as_second(), "owned_by": "gatepost"}]}))
}

fn chat(clock: Clock, headers: &HeaderMap, id: RequestId, asked: &Value) -> Result<Response<Body>, No> {
    let messages = asked["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let Some(question) = messages.iter().rfind(|message| message["role"] == "user") else {
        return Err(invalid("`messages` holds no message of a user"));
    };
    let echo: String = text_of(question).chars().take(MAX_ECHO).collect();
    let text = format!("{} You said: {echo}", greeting(headers));

    let created = clock.now().as_second();
    let prompt = messages.iter().map(|message| words(&text_of(message))).sum::<usize>();
    let completion = words(&text);
    let usage = json!({"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion});
    let envelope = |object, choices, usage| {
        let id = format!("chatcmpl-{id}");
        json!({"id": id, "object": object, "created": created, "model": MODEL, "choices": choices, "usage": usage})
    };
    if asked["stream"] != true {
        let message = json!({"role": "assistant", "content": text, "refusal": null});
        let choices = json!([{"index": 0, "message": message, "logprobs": null, "finish_reason": "stop"}]);
        return Ok(ok(&envelope("chat.completion", choices, usage)));
    }

    let chunk = |choices, usage| format!("data: {}\n\n", envelope("chat.completion.chunk", choices, usage)).into();
    let delta = |delta, finish| chunk(json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]), Value::Null);
    let mut events: Vec<Bytes> = vec![delta(json!({"role": "assistant", "content": ""}), Value::Null)];
    events.extend(text.split_inclusive(' ').map(|word| delta(json!({"content": word}), Value::Null)));
    events.push(delta(json!({}), json!("stop")));
    if asked["stream_options"]["include_usage"] == true {
        events.push(chunk(json!([]), usage));
    }
    events.push("data: [DONE]\n\n".into());

    Ok(stream(clock, events))
}

/// An answer of server-sent events.
fn stream(clock: Clock, events: Vec<Bytes>) -> Response<Body> {
    let (sender, body) = body::channel(1);
    tokio::spawn(speak(clock, sender, events));
    let mut answer = Response::new(body);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    answer
}

/// Sends one event after the other, until the last or until nobody listens.
async fn speak(clock: Clock, sender: mpsc::Sender<Bytes>, events: Vec<Bytes>) {
    for event in events {
        tokio::select! {
            () = clock.sleep(PAUSE) => {}
            () = sender.closed() => return,
        }
        if sender.send(event).await.is_err() {
            return;
        }
    }
}

/// What the gateway said about the caller, as any server behind it may read it.
fn greeting(headers: &HeaderMap) -> String {
    let told = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    match (told(&identity::USER), told(&identity::CLIENT)) {
        (Some(user), Some(client)) => format!("Hello {user}, calling with {client}!"),
        (Some(user), None) => format!("Hello {user}!"),
        (None, _) => "Hello, whoever you are!".into(),
    }
}

/// A message's text: `content` is text, or parts of which some are text.
fn text_of(message: &Value) -> String {
    match &message["content"] {
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join(" "),
        content => content.as_str().unwrap_or_default().to_owned(),
    }
}

/// A sample server's idea of tokens.
fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

fn images(clock: &Clock, asked: &Value) -> Result<Response<Body>, No> {
    let count = if asked["n"].is_null() { Some(1) } else { asked["n"].as_u64() };
    let Some(count @ 1..=10) = count else { return Err(invalid("`n` must be 1 to 10")) };
    let data: Vec<Value> = (0..count).map(|_| json!({"b64_json": PICTURE})).collect();
    Ok(ok(&json!({"created": clock.now().as_second(), "data": data})))
}

fn embeddings(asked: &Value) -> Result<Response<Body>, No> {
    let texts: Option<Vec<&str>> = match &asked["input"] {
        Value::Array(texts) => texts.iter().map(Value::as_str).collect(),
        text => text.as_str().map(|text| vec![text]),
    };
    let Some(texts) = texts.filter(|texts| !texts.is_empty()) else { return Err(invalid("`input` must be a text or a list of texts")) };
    let in_base64 = match asked["encoding_format"].as_str() {
        None | Some("float") => false,
        Some("base64") => true,
        Some(_) => return Err(invalid("`encoding_format` must be `float` or `base64`")),
    };
    let entry = |(index, text)| {
        let vector = embed(text);
        let embedding = if in_base64 { json!(BASE64.encode(&vector.map(f32::to_le_bytes).concat())) } else { json!(vector) };
        json!({"object": "embedding", "index": index, "embedding": embedding})
    };
    let tokens = texts.iter().map(|text| words(text)).sum::<usize>();
    let data: Vec<Value> = texts.into_iter().enumerate().map(entry).collect();
    Ok(ok(&json!({"object": "list", "data": data, "model": MODEL, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}})))
}

/// A direction that depends on the text alone. It means nothing.
fn embed(text: &str) -> [f32; 8] {
    // FNV-1a, from another start for each of the eight numbers.
    let number = |axis: u32| {
        let start = 0x811c_9dc5_u32.rotate_left(4 * axis);
        let hash = text.bytes().fold(start, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        // Never 0, so there always is a direction.
        f32::from((hash >> 16) as u16) - 32_767.5
    };
    let vector = [0, 1, 2, 3, 4, 5, 6, 7].map(number);
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    vector.map(|x| x / length)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use http::Request;
    use http_body_util::BodyExt;
    use jiff::Timestamp;

    use super::*;
    use crate::{clock::Manual, message::Peer};

    async fn send(clock: &Manual, method: &str, path: &str, body: Value) -> Response<Body> {
        let request = Request::builder().method(method).uri(path).header("x-gatepost-user", "ada");
        let call = Call {
            head: request.body(()).unwrap().into_parts().0,
            body: body::full(if body.is_null() { String::new() } else { body.to_string() }),
            pattern: Default::default(),
            peer: Peer { ip: IpAddr::V4(Ipv4Addr::LOCALHOST) },
            id: RequestId::from_random(7),
            subject: None,
            gone: Default::default(),
        };
        handler(clock.clock())(call).await
    }

    async fn ask(method: &str, path: &str, body: Value) -> (u16, Value) {
        let answer = send(&Manual::starting_at(Timestamp::UNIX_EPOCH), method, path, body).await;
        let status = answer.status().as_u16();
        (status, serde_json::from_slice(&body::read(answer.into_body(), 1 << 20).await.unwrap()).unwrap())
    }

    #[tokio::test]
    async fn a_chat_greets_the_caller_by_name_and_repeats_the_last_question() {
        let parts = json!([{"type": "text", "text": "and now?"}, {"type": "image_url", "image_url": {"url": "data:,"}}]);
        let messages =
            json!([{"role": "user", "content": "hi"}, {"role": "assistant", "content": null}, {"role": "user", "content": parts}]);
        let (status, answer) = ask("POST", "/v1/chat/completions", json!({"model": "any", "messages": messages})).await;
        assert_eq!((status, &answer["choices"][0]["message"]["content"]), (200, &json!("Hello ada! You said: and now?")));
        assert_eq!(answer["usage"], json!({"prompt_tokens": 3, "completion_tokens": 6, "total_tokens": 9}));
    }

    #[tokio::test]
    async fn a_stream_brings_one_piece_a_beat_and_ends_with_reason_usage_and_done() {
        let clock = Manual::starting_at(Timestamp::UNIX_EPOCH);
        let asked = json!({"messages": [{"role": "user", "content": "hi"}], "stream": true, "stream_options": {"include_usage": true}});
        let mut body = send(&clock, "POST", "/v1/chat/completions", asked).await.into_body();
        let (mut events, mut said) = (Vec::new(), String::new());
        loop {
            let early = tokio::time::timeout(Duration::from_millis(5), body.frame()).await;
            assert!(early.is_err() || matches!(early, Ok(None)), "a piece came before its time");
            if matches!(early, Ok(None)) {
                break;
            }
            clock.advance(PAUSE);
            let event = String::from_utf8(body.frame().await.unwrap().unwrap().into_data().unwrap().to_vec()).unwrap();
            let data = event.strip_prefix("data: ").unwrap().strip_suffix("\n\n").unwrap();
            let event: Value = serde_json::from_str(data).unwrap_or_else(|_| json!(data));
            said += event["choices"][0]["delta"]["content"].as_str().unwrap_or_default();
            events.push(event);
        }
        assert_eq!(said, "Hello ada! You said: hi");
        let [.., finish, usage, done] = events.as_slice() else { unreachable!() };
        assert_eq!(finish["choices"][0]["finish_reason"], "stop");
        assert_eq!((&usage["choices"], &usage["usage"]["total_tokens"]), (&json!([]), &json!(6)));
        assert_eq!(done, "[DONE]");
    }

    #[tokio::test]
    async fn a_stream_stops_when_nobody_listens() {
        let (sender, body) = body::channel(1);
        drop(body);
        // This clock stands still: only the closed channel can end it.
        speak(Manual::starting_at(Timestamp::UNIX_EPOCH).clock(), sender, vec!["data: x\n\n".into()]).await;
    }

    #[tokio::test]
    async fn every_picture_is_a_png() {
        let (status, answer) = ask("POST", "/v1/images/generations", json!({"prompt": "a gate", "n": 2})).await;
        assert_eq!((status, answer["data"].as_array().unwrap().len()), (200, 2));
        let picture = BASE64.decode(answer["data"][1]["b64_json"].as_str().unwrap().as_bytes()).unwrap();
        assert!(picture.starts_with(b"\x89PNG\r\n\x1a\n") && picture.ends_with(b"IEND\xae\x42\x60\x82"));
    }

    #[tokio::test]
    async fn embeddings_have_length_one_and_are_the_same_in_both_encodings() {
        let (_, floats) = ask("POST", "/v1/embeddings", json!({"input": "a gate"})).await;
        let (_, packed) = ask("POST", "/v1/embeddings", json!({"input": ["a fence", "a gate"], "encoding_format": "base64"})).await;
        let floats: [f32; 8] = serde_json::from_value(floats["data"][0]["embedding"].clone()).unwrap();
        assert!((floats.iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-5);
        assert_eq!(packed["data"][1]["embedding"], BASE64.encode(&floats.map(f32::to_le_bytes).concat()));
        assert_ne!(packed["data"][0]["embedding"], packed["data"][1]["embedding"]);
    }

    #[tokio::test]
    async fn what_it_does_not_understand_is_refused_as_openai_does() {
        for (method, path, body, status, word) in [
            ("GET", "/v1/nothing", Value::Null, 404, "GET /v1/nothing"),
            ("GET", "/v1/embeddings", Value::Null, 404, "GET /v1/embeddings"),
            ("POST", "/v1/embeddings", Value::Null, 400, "JSON"),
            ("POST", "/v1/embeddings", json!({"input": [1, 2]}), 400, "`input`"),
            ("POST", "/v1/embeddings", json!({"input": "x", "encoding_format": "hex"}), 400, "`encoding_format`"),
            ("POST", "/v1/images/generations", json!({"prompt": "x", "n": 0}), 400, "`n`"),
            ("POST", "/v1/chat/completions", json!({"messages": []}), 400, "`messages`"),
        ] {
            let (got, answer) = ask(method, path, body).await;
            assert_eq!(got, status, "{method} {path}");
            let message = answer["error"]["message"].as_str().unwrap();
            assert!(message.contains(word), "{message}");
        }
    }
}
