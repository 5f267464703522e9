use super::*;

/// Every way to cut a text into three pieces.
fn in_pieces(text: &str) -> impl Iterator<Item = [&[u8]; 3]> {
    let bytes = text.as_bytes();
    (0..=bytes.len())
        .flat_map(move |first| (first..=bytes.len()).map(move |second| [&bytes[..first], &bytes[first..second], &bytes[second..]]))
}

fn before_an_event(text: &str) -> Option<&'static str> {
    let mut all = in_pieces(text).map(|pieces| {
        let mut progress = Progress::default();
        pieces.into_iter().for_each(|piece| progress.passed(piece));
        progress.before_an_event()
    });
    let one = all.next().unwrap();
    assert!(all.all(|other| other == one), "{text:?} in other pieces means something else");
    one
}

#[test]
fn between_two_events_another_one_follows_at_once() {
    for ended in [
        "",
        "data: 1\n\n",
        "data: 1\r\n\r\n",
        "data: 1\r\r",
        "data: 1\n\r",
        "data: 1\n\r\n",
        "data: 1\r\n\n",
        "a\n\n: b\n",
        "\n",
        "\r",
        ": a\r\n",
    ] {
        assert_eq!(before_an_event(ended), Some(""), "{ended:?}");
    }
}

#[test]
fn half_of_a_comment_is_ended() {
    for comment in [":", ": ping", "data: 1\n\n: ping", ": ping\r: pong", "\r\n:\r\n:"] {
        assert_eq!(before_an_event(comment), Some("\n"), "{comment:?}");
    }
}

#[test]
fn nothing_follows_in_the_middle_of_an_event() {
    let begun = [
        "d",
        "data: 1",
        "data: 1\n",
        "data: 1\r",
        "data: 1\r\n",
        "data: 1\n: ping\n",
        "data: 1\n:",
        "event: a\n",
        "id: 7\r",
        "data: 1\n\ndata: 2",
        "data: 1\n\ndata: 2\r\n",
        "data\n\nid",
        "\u{feff}data: 1\n",
        " ",
    ];
    for begun in begun {
        assert_eq!(before_an_event(begun), None, "{begun:?}");
    }
}

#[test]
fn an_event_stream_is_known_by_its_type_alone() {
    let headers = |fields: &[(&'static str, &'static str)]| -> HeaderMap {
        fields.iter().map(|(name, value)| (http::HeaderName::from_static(name), http::HeaderValue::from_static(value))).collect()
    };
    for known in ["text/event-stream", "Text/Event-Stream", "text/event-stream; charset=utf-8", "text/event-stream ;x"] {
        assert!(takes_events(&headers(&[("content-type", known)])), "{known}");
    }
    for other in ["text/event-streams", "application/json; a=text/event-stream", "text/plain", ""] {
        assert!(!takes_events(&headers(&[("content-type", other)])), "{other}");
    }
    let stream = ("content-type", "text/event-stream");
    for (name, value) in [("content-length", "100"), ("content-encoding", "gzip"), ("content-type", "text/plain")] {
        let mut fields = headers(&[stream]);
        fields.append(name, value.parse().unwrap());
        assert!(!takes_events(&fields), "{name}: {value}");
    }
    assert!(!takes_events(&HeaderMap::new()));
}
