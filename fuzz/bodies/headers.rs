//! Header hygiene: afterwards nothing is left that a server behind the gateway would take for a
//! credential, for an identity, for word of a proxy, or for a matter of the connection.

use gatepost::message::header::{is_framed_plainly, remove_hop_by_hop, remove_trusted};
use http::{HeaderMap, header::TRANSFER_ENCODING};

use super::message::Message;

const HOP_BY_HOP: [&str; 8] =
    ["connection", "keep-alive", "proxy-authenticate", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"];
const CREDENTIALS: [&str; 6] = ["authorization", "proxy-authorization", "serbleauth", "x-api-key", "api-key", "x-goog-api-key"];
const FORWARDED: [&str; 3] = ["forwarded", "via", "x-real-ip"];
const TRUSTED: [&str; 2] = ["x-forwarded-", "x-gatepost-"];

pub fn body(data: &[u8]) {
    let before = Message::without_line(data).headers;
    framing(&before);
    let mut after = before.clone();
    remove_hop_by_hop(&mut after);
    remove_trusted(&mut after);

    let named = nominated(&before);
    for name in after.keys() {
        // As servers read it that make a variable of it.
        let read = name.as_str().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        assert!(!HOP_BY_HOP.contains(&read.as_str()), "{name} is the connection's");
        assert!(!CREDENTIALS.contains(&read.as_str()), "{name} is a credential");
        assert!(!FORWARDED.contains(&read.as_str()) && !TRUSTED.iter().any(|prefix| read.starts_with(prefix)), "{name} is trusted");
        assert!(!named.iter().any(|named| named == name.as_str()), "{name} was named by Connection");
    }
    // The message's own fields travel as they came.
    for name in ["accept", "content-length", "content-type", "cookie", "host", "x-a"] {
        let kept = before.get_all(name).iter().eq(after.get_all(name));
        assert!(kept || named.iter().any(|named| named == name), "{name} was lost");
    }
    let mut again = after.clone();
    remove_hop_by_hop(&mut again);
    remove_trusted(&mut again);
    assert_eq!(again, after, "once is enough");
}

/// The fields that `Connection` names, but for those that say where a message goes and ends.
fn nominated(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all("connection").iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    let names = lines.map(|name| String::from_utf8_lossy(name.trim_ascii()).to_ascii_lowercase());
    names.filter(|name| !["content-length", "host"].contains(&name.as_str())).collect()
}

fn framing(headers: &HeaderMap) {
    let codings: Vec<Vec<u8>> = headers.get_all(TRANSFER_ENCODING).iter().map(|line| line.as_bytes().to_ascii_lowercase()).collect();
    let plainly = codings.is_empty() || codings == [b"chunked".to_vec()];
    assert_eq!(is_framed_plainly(headers), plainly, "{codings:?}");
}
