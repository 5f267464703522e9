//! What a stream says last when its access is taken back, and which streams can say nothing.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{
    raw::{Wire, soon},
    streaming::{Bench, SSE, asking},
};

/// The data of an event of one line.
fn data(event: &str) -> Value {
    serde_json::from_str(event.strip_prefix("data: ").unwrap().strip_suffix("\n\n").unwrap()).unwrap()
}

/// A caller whose access is taken back when this much of an answer has arrived.
async fn cut(bench: &Bench, head: &str, body: &str) -> Wire {
    let token = bench.stand.token().await;
    let (mut caller, mut wire) = bench.asked(&token.access).await;
    wire.send(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{body}")).await;
    caller.head().await;
    if !body.is_empty() && head.contains("chunked") {
        caller.chunk().await.unwrap();
    }
    bench.stand.revoke(&token).await;
    wire.closed().await;
    caller
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_an_error_as_openai_says_it_and_the_connection_goes_on() {
    let bench = Bench::new("").await;
    let token = bench.stand.token().await;
    let (mut caller, mut wire) = bench.asked(&token.access).await;
    wire.send(SSE).await;
    let id = caller.head().await.field("x-request-id").to_owned();
    bench.stand.revoke(&token).await;
    wire.closed().await;
    let error = json!({
        "message": "The access was taken back.", "type": "authentication_error", "code": "token_revoked", "param": null, "request_id": id
    });
    assert_eq!(data(&caller.last_event().await), json!({"error": error}));
    caller.send(asking(&token.access)).await;
    assert_eq!(caller.head().await.status(), 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_a_problem_of_its_own_name_where_the_route_says_so() {
    let bench = Bench::on_route("errors = 'problem'").await;
    let token = bench.stand.token().await;
    let (mut caller, _wire) = bench.streaming(&token.access).await;
    bench.stand.revoke(&token).await;
    let event = caller.last_event().await;
    let problem = data(event.strip_prefix("event: error\n").unwrap());
    assert_eq!((&problem["status"], &problem["code"]), (&json!(401), &json!("token_revoked")));
}

#[tokio::test(flavor = "multi_thread")]
async fn half_of_a_comment_before_it_is_ended() {
    let bench = Bench::new("").await;
    let mut caller = cut(&bench, "content-type: text/event-stream\r\ntransfer-encoding: chunked", "6\r\n: ping\r\n").await;
    assert!(caller.last_event().await.starts_with("\ndata: {"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_in_the_middle_of_an_event_breaks_off() {
    let bench = Bench::new("").await;
    for half in ["data: {\"half", "data: {}\n", "data: {}\r\n", "event: a\n", "id: 7\n"] {
        let chunk = format!("{:x}\r\n{half}\r\n", half.len());
        let mut caller = cut(&bench, "content-type: text/event-stream\r\ntransfer-encoding: chunked", &chunk).await;
        assert_eq!(caller.chunk().await, None, "{half:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_event_stream_or_can_be_no_longer_breaks_off() {
    let bench = Bench::new("").await;
    let heads = [
        "transfer-encoding: chunked",
        "transfer-encoding: chunked\r\ncontent-type: application/json",
        "transfer-encoding: chunked\r\ncontent-type: text/event-stream\r\ncontent-encoding: gzip",
        "content-length: 1000\r\ncontent-type: text/event-stream",
    ];
    for head in heads {
        let mut caller = cut(&bench, head, "").await;
        assert_eq!(caller.rest().await, b"", "{head}");
    }
    assert_eq!(bench.stand.gateway.engine.gauges().streams_cut, heads.len() as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_comes_within_a_quarter_of_a_second_where_nothing_else_happens() {
    let bench = Bench::new("").await;
    let mut quickest = Duration::MAX;
    // The machine may be busy, and not each time.
    for _ in 0..5 {
        let token = bench.stand.token().await;
        let (mut caller, _wire) = bench.streaming(&token.access).await;
        let asked = Instant::now();
        bench.stand.revoke(&token).await;
        caller.last_event().await;
        quickest = quickest.min(asked.elapsed());
    }
    assert!(quickest < Duration::from_millis(250), "{quickest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_does_not_read_gets_it_behind_what_was_on_its_way() {
    let bench = Bench::new("").await;
    let token = bench.stand.token().await;
    let (mut caller, mut wire) = bench.asked(&token.access).await;
    wire.send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n").await;
    let head = caller.head().await;
    // Blank lines, so that wherever they end an event may follow.
    wire.flood_with(b'\n').await;
    bench.stand.revoke(&token).await;
    // Not when he reads: now.
    wire.closed().await;
    let all = String::from_utf8(caller.body(&head).await).unwrap();
    let event = all.trim_start_matches('\n');
    assert!(all.len() - event.len() > 64 * 1024);
    assert_eq!(data(event)["error"]["code"], "token_revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_whose_caller_left_without_reading_was_cut_all_the_same() {
    let bench = Bench::new("").await;
    let token = bench.stand.token().await;
    let (mut caller, mut wire) = bench.asked(&token.access).await;
    wire.send("HTTP/1.1 200 OK\r\n\r\n").await;
    caller.head().await;
    wire.flood().await;
    bench.stand.revoke(&token).await;
    wire.closed().await;
    caller.reset();
    let count = || bench.stand.gateway.engine.gauges().streams_cut;
    soon(async {
        while count() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert_eq!(count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_route_lets_streams_finish_they_end_by_themselves_and_nothing_new_begins() {
    let bench = Bench::on_route("revoked_streams = 'finish'").await;
    let token = bench.stand.token().await;
    let (mut caller, mut wire) = bench.streaming(&token.access).await;
    let (mut unanswered, mut called_off) = bench.asked(&token.access).await;
    bench.stand.revoke(&token).await;
    called_off.closed().await;
    assert_eq!(unanswered.head().await.status(), 401);
    let mut late = Wire::to(bench.stand.gateway.address).await;
    late.send(asking(&token.access)).await;
    assert_eq!(late.head().await.status(), 401);
    wire.send_chunk("data: 2\n\n").await;
    assert_eq!(caller.chunk().await.as_deref(), Some("data: 2\n\n"));
    wire.send("0\r\n\r\n").await;
    assert_eq!(caller.chunk().await.as_deref(), Some(""));
    assert_eq!(bench.stand.gateway.engine.gauges().streams_cut, 0);
    // Neither connection has suffered.
    caller.send(asking(&bench.stand.token().await.access)).await;
    wire.head().await;
}
