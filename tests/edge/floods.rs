//! Peers who send what costs work and asks for nothing. Each is stopped by a limit of HTTP/2's
//! library or one of ours, as its test says, and callers on other connections are served.

use std::{io::ErrorKind, time::Duration};

use tokio::time::sleep;

use super::{
    Edge,
    frames::{
        ACK, CANCEL, CONTINUATION, Caller, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, HEADERS,
        PADDED, PING, PRIORITY, PROTOCOL_ERROR, REFUSED_STREAM, RST_STREAM, SETTINGS, WINDOW_UPDATE, block, frame, get, request,
        with_method,
    },
};
use crate::proxy::raw::Wire;

impl Edge {
    async fn caller(&self) -> Caller {
        Caller::to(self.stand.gateway.address).await
    }

    /// Somebody else is served.
    async fn serves(&self) {
        let mut honest = Wire::to(self.stand.gateway.address).await;
        honest.send("GET /health HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert_eq!(honest.head().await.status(), 200);
    }
}

/// Sends the same over and over, until the connection has ended or so many bytes are out. Reads
/// what is answered. Answers how many bytes went, and the code of the last GOAWAY.
async fn flood(mut caller: Caller, bytes: &[u8], most: usize) -> (usize, Option<u32>) {
    let piece = bytes.repeat((16 << 10) / bytes.len() + 1);
    let mut sent = 0;
    while sent < most {
        match caller.send_now(&piece) {
            Ok(count) => {
                sent += count;
                // The next begins where a frame does.
                let rest = (bytes.len() - count % bytes.len()) % bytes.len();
                if rest > 0 && !caller.try_send(&bytes[bytes.len() - rest..]).await {
                    break;
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => sleep(Duration::from_millis(1)).await,
            Err(_ended) => break,
        }
        caller.read_now();
    }
    (sent, caller.end().await)
}

/// More than anybody lets.
const A_LOT: usize = 64 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_reset_unseen_are_counted_by_the_library() {
    let edge = Edge::with("").await;
    let mut caller = edge.caller().await;
    let both = |stream: u32| [request(stream, END_STREAM, &get("/open/x")), frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes())].concat();
    let all: Vec<u8> = (0..1000).flat_map(|n| both(2 * n + 1)).collect();
    caller.try_send(&all).await;
    assert_eq!(caller.end().await, Some(ENHANCE_YOUR_CALM));
    edge.serves().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_reset_one_after_another_are_counted_by_us() {
    let edge = Edge::with("head_timeout = '200ms'").await;
    let mut caller = edge.caller().await;
    let mut passed_on = 0;
    for n in 0..1000 {
        let stream = 2 * n + 1;
        let taken = caller.try_send(&request(stream, END_STREAM, &get("/open/x"))).await;
        // So late that the library has handed it over.
        if !taken || !edge.upstream.is_asked(Duration::from_millis(300)).await {
            break;
        }
        passed_on += 1;
        caller.try_send(&frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes())).await;
    }
    assert!((50..200).contains(&passed_on), "{passed_on}");
    caller.end().await;
    edge.serves().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_without_an_end_is_stopped_by_the_library() {
    let edge = Edge::with("").await;
    let mut caller = edge.caller().await;
    caller.send(&frame(HEADERS, END_STREAM, 1, &block(&get("/open/x")))).await;
    let (sent, code) = flood(caller, &frame(CONTINUATION, 0, 1, &block(&[("x-more", &"x".repeat(1000))])), A_LOT).await;
    assert!(sent < 4 << 20, "{sent}");
    assert_eq!(code, Some(ENHANCE_YOUR_CALM));
    edge.serves().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_of_empty_pieces_is_stopped_by_the_library() {
    let edge = Edge::with("").await;
    let mut caller = edge.caller().await;
    caller.send(&frame(HEADERS, END_STREAM, 1, &block(&get("/open/x")))).await;
    let (sent, code) = flood(caller, &frame(CONTINUATION, 0, 1, &[]), A_LOT).await;
    assert!(sent < 4 << 20, "{sent}");
    assert_eq!(code, Some(ENHANCE_YOUR_CALM));
}

/// Many small references to a large field of the table (RFC 7541 section 7.3).
fn bomb(references: usize) -> Vec<u8> {
    let mut fields = block(&get("/open/x"));
    // A literal that the table learns, of nearly all that the table holds.
    fields.extend([0x40, 1, b'x', 127, 0x81, 0x1e]);
    fields.extend(vec![b'y'; 127 + 1 + 0x1e * 128]);
    fields.extend(vec![0x80 | 62; references]);
    fields
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_grows_when_it_is_unpacked_is_refused_by_the_library() {
    let edge = Edge::with("").await;
    // 40 KiB of 4 KiB, and 4 MiB of 5 KiB.
    for (references, expected) in [(9, Some(Ok(431))), (1000, None)] {
        let mut caller = edge.caller().await;
        caller.send(&frame(HEADERS, END_STREAM | END_HEADERS, 1, &bomb(references))).await;
        assert_eq!(caller.answer(1).await, expected);
    }
    edge.serves().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_is_too_long_is_refused_also_while_our_settings_are_not_acknowledged() {
    let edge = Edge::with("").await;
    let mut caller = edge.caller().await;
    let long = "x".repeat(12 << 10);
    let fields = block(&[get("/open/x"), vec![("x-1", &long), ("x-2", &long), ("x-3", &long)]].concat());
    let (first, rest) = fields.split_at(16 << 10);
    let (second, third) = rest.split_at(16 << 10);
    let frames = [frame(HEADERS, END_STREAM, 1, first), frame(CONTINUATION, 0, 1, second), frame(CONTINUATION, END_HEADERS, 1, third)];
    caller.send(&frames.concat()).await;
    assert_eq!(caller.answer(1).await, Some(Ok(431)));
}

#[tokio::test(flavor = "multi_thread")]
async fn pings_and_settings_without_end_are_stopped_by_our_count_of_what_serves_no_request() {
    let edge = Edge::with("").await;
    for bytes in [
        frame(PING, 0, 0, b"12345678"),
        frame(SETTINGS, 0, 0, &[]),
        frame(SETTINGS, 0, 0, &[0, 1, 0, 0, 0, 0].repeat(100)),
        frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 1]),
        frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]),
        // Of no kind that is known.
        frame(0xbe, 0, 0, &[0; 100]),
    ] {
        let (sent, _code) = flood(edge.caller().await, &bytes, A_LOT).await;
        // That and what lies in the sockets.
        assert!(sent < 16 << 20, "{:?}: {sent}", &bytes[..9]);
        edge.serves().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_opens_the_window_for_every_small_piece_floods_nobody() {
    let edge = Edge::with("").await;
    let mut caller = edge.caller().await;
    caller.send(&request(1, END_STREAM, &get("/open/x"))).await;
    let (mut upstream, _head) = edge.upstream.asked().await;
    upstream.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
    assert_eq!(caller.answer(1).await, Some(Ok(200)));
    let more = |stream| frame(WINDOW_UPDATE, 0, stream, &1_u32.to_be_bytes());
    let both = [more(0), more(1)].concat();
    // More than would be let by for nothing, and than a request explains.
    for _ in 0..20_000 {
        upstream.send_chunk("x").await;
        assert_eq!(caller.frame(DATA, 1).await.payload, b"x");
        caller.send(&both).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_nobody_takes_yet_is_no_flood() {
    let edge = Edge::with("").await;
    let mut caller = edge.caller().await;
    for stream in [1, 3, 5, 7] {
        caller.send(&request(stream, 0, &with_method("POST", "/open/x"))).await;
    }
    let mut upstreams = Vec::new();
    for _ in 0..4 {
        upstreams.push(edge.upstream.asked().await.0);
    }
    // Our settings, acknowledged: now each may send as much as we said. The servers read nothing.
    caller.send(&frame(SETTINGS, ACK, 0, &[])).await;
    for _ in 0..15 {
        for stream in [1, 3, 5, 7] {
            caller.send(&frame(DATA, 0, stream, &[b'x'; 16 << 10])).await;
        }
    }
    caller.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledgements_that_nobody_reads_do_not_pile_up() {
    let edge = Edge::with("send_timeout = '300ms'").await;
    for bytes in [frame(PING, 0, 0, b"12345678"), frame(SETTINGS, 0, 0, &[])] {
        let mut caller = edge.caller().await;
        let piece = bytes.repeat(1000);
        let mut sent = 0;
        // The library reads no frame before its answer to the one before is out. So either what lies
        // in both sockets is all, and we cut who takes nothing, or our count stops it before.
        loop {
            match caller.send_now(&piece) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => sleep(Duration::from_millis(5)).await,
                Err(_ended) => break,
            }
            assert!(sent < A_LOT);
        }
        edge.serves().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn data_that_is_none_is_stopped_by_the_library() {
    let edge = Edge::with("").await;
    for bytes in [frame(DATA, 0, 1, &[]), frame(DATA, PADDED, 1, &[0])] {
        let mut caller = edge.caller().await;
        caller.send(&request(1, 0, &with_method("POST", "/open/x"))).await;
        let _upstream = edge.upstream.asked().await;
        let (sent, code) = flood(caller, &bytes, A_LOT).await;
        assert!(sent < 4 << 20, "{sent}");
        assert_eq!(code, Some(ENHANCE_YOUR_CALM));
        edge.serves().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_streams_than_are_allowed_are_refused_and_then_the_connection() {
    let edge = Edge::with("").await;
    let mut caller = edge.caller().await;
    let mut upstreams = Vec::new();
    for n in 0..100 {
        caller.send(&request(2 * n + 1, END_STREAM, &get("/open/x"))).await;
        upstreams.push(edge.upstream.asked().await);
    }
    caller.send(&request(201, END_STREAM, &get("/open/x"))).await;
    assert_eq!(caller.answer(201).await, Some(Err(REFUSED_STREAM)));
    caller.stands().await;
    // A thousand more are too much for the library.
    let all: Vec<u8> = (101..1500).flat_map(|n| request(2 * n + 1, END_STREAM, &get("/open/x"))).collect();
    caller.try_send(&all).await;
    assert_eq!(caller.end().await, Some(ENHANCE_YOUR_CALM));
    edge.serves().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_count_as_connections_of_their_peer() {
    let edge = Edge::with("max_per_peer = 4").await;
    let (mut first, mut second) = (edge.caller().await, edge.caller().await);
    let ask = |stream| request(stream, END_STREAM, &get("/open/x"));
    first.send(&ask(1)).await;
    let (mut upstream, _head) = edge.upstream.asked().await;
    second.send(&ask(1)).await;
    let _upstream = edge.upstream.asked().await;
    // Two connections and two streams.
    first.send(&ask(3)).await;
    assert_eq!(first.answer(3).await, Some(Err(CANCEL)));
    upstream.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(first.answer(1).await, Some(Ok(200)));
    // On the connection that is free again.
    second.send(&ask(3)).await;
    assert_eq!(upstream.head().await.first, "GET /open/x HTTP/1.1");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_to_what_is_no_request_are_stopped_by_our_count_or_the_librarys() {
    let edge = Edge::with("").await;
    let mut caller = edge.caller().await;
    let bad = [get("/open/x"), vec![("connection", "close")]].concat();
    let mut stream = 1;
    while caller.try_send(&request(stream, END_STREAM, &bad)).await {
        caller.read_now();
        stream += 2;
        // Some of them lie in the sockets.
        assert!(stream < 200_000, "nobody stops it");
    }
    assert!(stream > 20, "a few are let by");
    edge.serves().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_cannot_be_opened_by_nothing_or_too_far() {
    let edge = Edge::with("").await;
    for (stream, by, code) in [(0, 0, PROTOCOL_ERROR), (0, 0x7fff_ffff, FLOW_CONTROL_ERROR)] {
        let mut caller = edge.caller().await;
        caller.send(&frame(WINDOW_UPDATE, 0, stream, &u32::to_be_bytes(by))).await;
        assert_eq!(caller.end().await, Some(code));
    }
    let mut caller = edge.caller().await;
    caller.send(&request(1, END_STREAM, &get("/open/x"))).await;
    let _upstream = edge.upstream.asked().await;
    caller.send(&frame(WINDOW_UPDATE, 0, 1, &0x7fff_ffff_u32.to_be_bytes())).await;
    assert_eq!(caller.answer(1).await, Some(Err(FLOW_CONTROL_ERROR)));
    caller.stands().await;
    let mut caller = edge.caller().await;
    caller.send(&request(1, END_STREAM, &get("/open/x"))).await;
    let _upstream = edge.upstream.asked().await;
    caller.send(&frame(SETTINGS, 0, 0, &[0, 4, 0x80, 0, 0, 0])).await;
    // FLOW_CONTROL_ERROR would be the word for it (section 6.5.2).
    assert_eq!(caller.end().await, Some(PROTOCOL_ERROR));
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_are_too_long_or_out_of_place_end_the_connection() {
    let edge = Edge::with("").await;
    let ask = |stream| request(stream, END_STREAM, &get("/health"));
    for bytes in [
        frame(DATA, 0, 1, &vec![0; (16 << 10) + 1]),
        frame(PING, 0, 0, b"short"),
        frame(SETTINGS, 0, 0, b"12345"),
        frame(PING, 0, 1, b"12345678"),
        frame(SETTINGS, 0, 1, &[]),
        ask(0),
        ask(2),
        [ask(5), ask(3)].concat(),
        frame(DATA, 0, 7, b"x"),
        frame(DATA, 0, 0, b"x"),
        frame(RST_STREAM, 0, 9, &CANCEL.to_be_bytes()),
        frame(CONTINUATION, END_HEADERS, 1, &block(&get("/health"))),
        // A head that another frame breaks into.
        [frame(HEADERS, END_STREAM, 1, &block(&get("/health"))), frame(PING, 0, 0, b"12345678")].concat(),
        // A push, which is not a caller's to make.
        frame(5, END_HEADERS, 1, &[0, 0, 0, 2]),
        frame(DATA, PADDED, 1, &[200, 1]),
    ] {
        let mut caller = edge.caller().await;
        caller.try_send(&bytes).await;
        // Which of the two the library says is not always what section 4.2 would have it say.
        let code = caller.end().await;
        assert!(matches!(code, Some(PROTOCOL_ERROR | FRAME_SIZE_ERROR)), "{code:?} {:?}", &bytes[..9]);
    }
}
