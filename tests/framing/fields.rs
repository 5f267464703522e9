//! Which fields of a request reach the server, and which are the gateway's to say.

use super::bench::{all_of, passes, post};

const LINE: &str = "POST /v1/x";

#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_to_the_callers_connection_ends_at_the_gateway() {
    let mut cases = vec![
        passes("what Connection names", post("Connection: X-A, x-b\r\nX-A: 1\r\nX-B: 2\r\nX-C: 3\r\n", ""), LINE, &["x-c: 3"], ""),
        passes("what the second Connection names", post("Connection: X-A\r\nconnection: x-b\r\nX-A: 1\r\nX-B: 2\r\n", ""), LINE, &[], ""),
        passes("what Connection names in odd whitespace", post("Connection: ,\tX-A ,, \tx-b,\r\nX-A: 1\r\nX-B: 2\r\n", ""), LINE, &[], ""),
        passes("what Connection names beside other bytes", post("Connection: \u{ff}, X-A\r\nX-A: 1\r\n", ""), LINE, &[], ""),
        passes("a name that is named and sent twice", post("Connection: X-A\r\nX-A: 1\r\nx-a: 2\r\n", ""), LINE, &[], ""),
        passes("the body's length", post("Connection: Content-Length\r\nContent-Length: 2\r\n", "hi"), LINE, &["content-length: 2"], "hi"),
        passes(
            "the body's coding",
            post("Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n", "2\r\nhi\r\n0\r\n\r\n"),
            LINE,
            &["transfer-encoding: chunked"],
            "2\r\nhi\r\n0\r\n\r\n",
        ),
        passes("the host", post("Connection: Host\r\n", ""), LINE, &[], ""),
        passes("the credential", post("Connection: Authorization\r\n", ""), LINE, &[], ""),
        passes(
            "what the gateway sets",
            post(
                "Connection: X-Gatepost-User, X-Gatepost-Client, X-Gatepost-Grant, X-Gatepost-Scope, X-Forwarded-For, X-Forwarded-Host, \
                 X-Forwarded-Proto, X-Request-Id, Authorization, Host\r\n",
                "",
            ),
            LINE,
            &[],
            "",
        ),
        passes(
            "a body and what Connection says to close",
            post("Connection: close\r\nContent-Length: 2\r\n", "hi"),
            LINE,
            &["content-length: 2"],
            "hi",
        )
        .closing(),
        passes(
            "an upgrade to HTTP/2",
            post("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n", ""),
            LINE,
            &[],
            "",
        ),
        passes("an upgrade that Connection does not name", post("Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n", ""), LINE, &[], ""),
        passes(
            "an upgrade to a WebSocket",
            post("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n", ""),
            LINE,
            &["sec-websocket-version: 13"],
            "",
        ),
        passes(
            "an upgrade with a body",
            post("Connection: Upgrade\r\nUpgrade: TLS/1.0\r\nContent-Length: 2\r\n", "hi"),
            LINE,
            &["content-length: 2"],
            "hi",
        ),
    ];
    for field in [
        "Keep-Alive: timeout=5",
        "TE: trailers",
        "TE: gzip, trailers;q=0.5",
        "Trailer: X-A",
        "Upgrade: h2c",
        "HTTP2-Settings: x",
        "Proxy-Connection: keep-alive",
        "Proxy-Authenticate: Basic",
        "Proxy-Anything: x",
        "proxy-status: x",
        "Proxy.Connection: x",
        "Connection: close-not",
        "Connection:",
    ] {
        cases.push(passes(field, post(&format!("{field}\r\n"), ""), LINE, &[], ""));
    }
    all_of("", cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_calls_and_what_he_asks_for_is_said_by_the_gateway_alone() {
    let mut cases = Vec::new();
    for name in [
        "X-Gatepost-User",
        "x-gatepost-user",
        "X-GATEPOST-USER",
        "X-Gatepost-Client",
        "X-Gatepost-Grant",
        "X-Gatepost-Scope",
        "X-Gatepost-Admin",
        "X.Gatepost.User",
        "X-Gatepost.User",
        "X~Gatepost!User",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Forwarded-Port",
        "X-Forwarded-Prefix",
        "X-Forwarded-Server",
        "X-Forwarded-Scheme",
        "X-Forwarded-Ssl",
        "X-Forwarded-Uri",
        "X-Forwarded-Method",
        "X-Forwarded-User",
        "X-Forwarded-Email",
        "X-Forwarded-Client-Cert",
        "X-Forwarded-Access-Token",
        "X-Forwarded",
        "X.Forwarded.For",
        "Forwarded",
        "Forwarded-For",
        "Via",
        "X-Real-IP",
        "x.real.ip",
        "X-Request-Id",
        "X-Original-URL",
        "X-Original-URI",
        "X-Original-Host",
        "X-Original-Method",
        "X-Original-Forwarded-For",
        "X-Rewrite-URL",
        "X-HTTP-Method-Override",
        "X-HTTP-Method",
        "X-Method-Override",
        "X-Host",
        "X-HTTP-Host-Override",
        "X-HTTP-Path-Override",
        "X-Script-Name",
        "X-Url-Scheme",
        "X-Scheme",
        "Front-End-Https",
        "Base-Url",
        "CF-Connecting-IP",
        "CF-Connecting-IPv6",
        "True-Client-IP",
        "X-Client-IP",
        "Client-IP",
        "X-Cluster-Client-IP",
        "Fastly-Client-IP",
        "Fly-Client-IP",
        "X-Originating-IP",
        "X-Remote-IP",
        "X-Remote-Addr",
        "X-Remote-User",
        "Remote-User",
        "Remote-Addr",
        "X-Appengine-User-Ip",
        "X-Azure-ClientIP",
        "WL-Proxy-Client-IP",
        "X-ProxyUser-Ip",
        "X-Envoy-External-Address",
        "X-Envoy-Original-Path",
        "X-Auth-Request-User",
        "X-Auth-Request-Email",
        "X-WEBAUTH-USER",
        "Remote-Groups",
        "Remote-Email",
        "Remote-Name",
        "Client-Cert",
        "Client-Cert-Chain",
        "Proxy",
    ] {
        cases.push(passes(name, post(&format!("{name}: evil\r\nX-Kept: 1\r\n"), ""), LINE, &["x-kept: 1"], ""));
        let open = format!("POST /open/x HTTP/1.1\r\nHost: a\r\n{name}: evil\r\n{name}: evil\r\nX-Kept: 1\r\n\r\n");
        cases.push(passes(&format!("{name} twice, by nobody"), open, "POST /open/x", &["x-kept: 1"], ""));
    }
    for name in [
        "x-gateposts",
        "x-hosts",
        "forward",
        "x-forward",
        "viable",
        "x-original",
        "accept",
        "content-type",
        "traceparent",
        "x-stainless-os",
    ] {
        let kept = format!("{name}: kept");
        cases.push(passes(&kept, post(&format!("{kept}\r\n"), ""), LINE, &[&kept], ""));
    }
    all_of("", cases).await;
}
