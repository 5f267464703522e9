//! Request lines, hosts, field names, expectations and sizes.

use super::bench::{Case, all_of, get, passes, post, refused};

/// A protected GET with these lines after the first, which say the host.
fn hosted(target: &str, fields: &str) -> String {
    format!("GET {target} HTTP/1.1\r\n{fields}Authorization: Bearer {{T}}\r\n\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_names_one_host() {
    let mut cases = vec![
        refused("no host", hosted("/v1/x", "")),
        refused("no host in HTTP/1.0", "GET /v1/x HTTP/1.0\r\nAuthorization: Bearer {T}\r\n\r\n").closing(),
        passes("HTTP/1.0", "GET /v1/x HTTP/1.0\r\nHost: a\r\nAuthorization: Bearer {T}\r\n\r\n", "GET /v1/x", &[], "").closing(),
        refused("two hosts", hosted("/v1/x", "Host: a\r\nHost: b\r\n")),
        refused("a host twice", hosted("/v1/x", "Host: a\r\nhost: a\r\n")),
        refused("a host and a field with whitespace before the colon", hosted("/v1/x", "Host: a\r\nHost : b\r\n")).closing(),
        refused("a host in a fold", hosted("/v1/x", "Host:\r\n a\r\n")).closing(),
        refused("a host with a fold", hosted("/v1/x", "Host: a\r\n b\r\n")).closing(),
        refused("a URL without a host field", hosted("http://a/v1/x", "")),
        refused("a URL for another host", hosted("http://b/v1/x", "Host: a\r\n")),
        refused("a URL for another port", hosted("http://a:81/v1/x", "Host: a\r\n")),
        refused("a URL of https and port 80", hosted("https://a/v1/x", "Host: a:80\r\n")),
        refused("a URL with a user", hosted("http://u@a/v1/x", "Host: a\r\n")),
        refused("a URL and a host with a user", hosted("http://u@a/v1/x", "Host: u@a\r\n")),
        refused("a URL with an empty user", hosted("http://@a/v1/x", "Host: a\r\n")),
        refused("a URL with a bad port", hosted("http://a:x/v1/x", "Host: a\r\n")),
        refused("a URL without a host", hosted("http:///v1/x", "Host: a\r\n")).closing(),
        refused("a URL of ftp", hosted("ftp://a/v1/x", "Host: a\r\n")),
        refused("a URL of ws", hosted("ws://a/v1/x", "Host: a\r\n")),
        refused("a URL of a file", hosted("file:///v1/x", "Host: a\r\n")).closing(),
        refused("a host as a target", hosted("a:80", "Host: a:80\r\n")),
        refused("a name as a target", hosted("a", "Host: a\r\n")),
        refused("CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nAuthorization: Bearer {T}\r\n\r\n"),
        refused("CONNECT with a path", "CONNECT /v1/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {T}\r\n\r\n"),
        refused("OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {T}\r\n\r\n"),
        refused("GET *", hosted("*", "Host: a\r\n")),
        passes("a URL", hosted("http://a/v1/x?y", "Host: a\r\n"), "GET /v1/x?y", &[], ""),
        passes("a URL in capitals", hosted("HTTP://A/v1/x", "Host: a\r\n"), "GET /v1/x", &[], ""),
        passes("a URL with its scheme's port", hosted("http://a:80/v1/x", "Host: a\r\n"), "GET /v1/x", &[], ""),
        passes("a URL of https", hosted("https://a/v1/x", "Host: a:443\r\n"), "GET /v1/x", &[], ""),
        passes("whitespace around a host", hosted("/v1/x", "Host: \t a \t\r\n"), "GET /v1/x", &[], ""),
        passes("TRACE", "TRACE /v1/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {T}\r\n\r\n", "", &[], "").nothing().with(405),
    ];
    for host in ["a", "A.example", "a-b.example:8080", "a_b", "127.0.0.1", "[::1]", "[::1]:8080", "a.example."] {
        cases.push(passes(&format!("the host {host}"), hosted("/v1/x", &format!("Host: {host}\r\n")), "GET /v1/x", &[], ""));
    }
    for host in [
        "",
        " ",
        ":80",
        "a:",
        "a:0",
        "a:x",
        "a:-1",
        "a:+1",
        "a:65536",
        "a:80:81",
        "a:80 ",
        "u@a",
        "u:p@a",
        "@a",
        "a b",
        "a,b",
        "a, b",
        "a/b",
        "/",
        "a/",
        "\\",
        "a\\b",
        "a?b",
        "a#b",
        "%61",
        "a%00",
        "[::1",
        "::1",
        "[]",
        "[::1]a",
        "[::1%25lo]",
        "[v1.x]",
        "http://a",
        "a\u{e9}",
        "\u{c3}\u{a9}",
        "*",
        "<a>",
        "a\"",
        "a;b",
        "a\tb",
        "a=b",
        "(a)",
    ] {
        let case = refused(&format!("the host {host:?}"), hosted("/v1/x", &format!("Host: {host}\r\n")));
        // Whitespace at the end belongs to no value.
        cases.push(if host == "a:80 " {
            passes("a host before whitespace", hosted("/v1/x", "Host: a:80 \r\n"), "GET /v1/x", &[], "")
        } else {
            case
        });
    }
    for host in ["a\0", "a\u{b}", "a\u{1}", "a\u{7f}", "a\rb"] {
        cases.push(refused(&format!("the host {host:?}"), hosted("/v1/x", &format!("Host: {host}\r\n"))).closing());
    }
    all_of("", cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_line_is_three_words() {
    let rest = "Host: a\r\nAuthorization: Bearer {T}\r\n\r\n";
    let mut cases: Vec<Case> = vec![
        passes("an empty line before", format!("\r\n{}", get("/v1/x")), "GET /v1/x", &[], ""),
        passes("lines that end in LF alone", get("/v1/x").replace("\r\n", "\n"), "GET /v1/x", &[], ""),
        passes("a method of one's own", format!("PROPFIND /v1/x HTTP/1.1\r\n{rest}"), "PROPFIND /v1/x", &[], ""),
        // As it came: a server that knows no such method says so.
        passes("a method in small letters", format!("get /v1/x HTTP/1.1\r\n{rest}"), "get /v1/x", &[], ""),
        refused("NUL before", format!("\0{}", get("/v1/x"))).closing(),
        refused("a BOM before", format!("\u{ef}\u{bb}\u{bf}{}", get("/v1/x"))).closing(),
        refused("no words", format!(" \r\n{rest}")).closing(),
    ];
    for line in [
        "GET  /v1/x HTTP/1.1",
        "GET /v1/x  HTTP/1.1",
        " GET /v1/x HTTP/1.1",
        "GET\t/v1/x HTTP/1.1",
        "GET /v1/x\tHTTP/1.1",
        "GET /v1/x HTTP/1.1 ",
        "GET /v1/x",
        "GET HTTP/1.1",
        "GET /v1/x HTTP/1.2",
        "GET /v1/x HTTP/2.0",
        "GET /v1/x HTTP/0.9",
        "GET /v1/x HTTP/1.10",
        "GET /v1/x HTTP/1,1",
        "GET /v1/x http/1.1",
        "GET /v1/x HTTPS/1.1",
        "GET /v1/x HTTP/1.1 x",
        "GET /v1/x /v1/y HTTP/1.1",
        "G\u{e9}T /v1/x HTTP/1.1",
        "GET: /v1/x HTTP/1.1",
        "G@T /v1/x HTTP/1.1",
        "GET /v1/x\0 HTTP/1.1",
        "GET /v1/\u{7f} HTTP/1.1",
        "GET /v1/x\rHTTP/1.1",
        "/v1/x HTTP/1.1",
    ] {
        cases.push(refused(&format!("{line:?}"), format!("{line}\r\n{rest}")).closing());
    }
    all_of("", cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_has_a_name_that_no_server_takes_for_another() {
    let mut cases = vec![
        passes("odd names", post("X-a!#$%&'*+.^`|~9: 1\r\n", ""), "POST /v1/x", &["x-a!#$%&'*+.^`|~9: 1"], ""),
        passes(
            "values",
            post("X-A: \t a\tb  \"c\" \r\nX-B:\r\nX-C: \u{e9}\r\n", ""),
            "POST /v1/x",
            &["x-a: a\tb  \"c\"", "x-b: ", "x-c: \u{e9}"],
            "",
        ),
        passes("an expectation", post("Expect: 100-continue\r\nContent-Length: 0\r\n", ""), "POST /v1/x", &["content-length: 0"], ""),
        passes("a field twice", post("X-A: 1\r\nx-a: 2\r\n", ""), "POST /v1/x", &["x-a: 1", "x-a: 2"], ""),
        passes("LF alone after a field", post("X-A: 1\nX-B: 2\r\n", ""), "POST /v1/x", &["x-a: 1", "x-b: 2"], ""),
    ];
    for name in ["X_A", "x_forwarded_for", "X_Gatepost_User", "Authorization_", "_", "x-forwarded_for", "host_", "api_key"] {
        cases.push(refused(&format!("the name {name}"), post(&format!("{name}: 0\r\n"), "")));
    }
    for name in ["content_length", "Content_Length", "transfer_encoding"] {
        cases.push(refused(&format!("the name {name}"), post(&format!("{name}: 0\r\n"), "")).closing());
    }
    for field in [
        ": x",
        " X: y",
        "\tX: y",
        "X : y",
        "X\t: y",
        "X",
        "X Y: z",
        "X(Y): z",
        "X\"Y: z",
        "X\u{e9}: y",
        "X\0: y",
        "X/Y: z",
        "X[a]: y",
        "X{a}: y",
        "X@: y",
        "X;: y",
        "X\u{b}: y",
        "X: y\0",
        "X: y\rZ: a",
        "X: \u{1}",
        "X: \u{b}",
        "X: \u{7f}",
        "X: a\r\n b",
        "X: a\r\n\tb",
        "X: a\r\n  Authorization: Bearer x",
        "X,Y: z",
        "X=Y",
        "X?: y",
        "X\\: y",
        "X<: y",
    ] {
        cases.push(refused(&format!("the field {field:?}"), post(&format!("{field}\r\n"), "")).closing());
    }
    for expected in ["", "x", "100", "100-continue, x", "100-continue=1", "100-continue;q=1", "200-ok", "\"100-continue\"", "100 continue"]
    {
        let case = refused(&format!("the expectation {expected:?}"), post(&format!("Expect: {expected}\r\nContent-Length: 2\r\n"), "hi"));
        cases.push(case.with(417).closing());
    }
    cases.push(refused("two expectations", post("Expect: x\r\nExpect: 100-continue\r\n", "")).with(417).closing());
    all_of("", cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_with_underscores_are_dropped_where_the_operator_says_so() {
    let fields = "X_A: 1\r\nX-B: 2\r\nx_forwarded_for: 1.2.3.4\r\nX_Gatepost-User: root\r\ncontent_length: 50\r\ntransfer_encoding: chunked\r\napi_key: x\r\n";
    let cases = vec![
        passes("several", post(fields, ""), "POST /v1/x", &["x-b: 2"], ""),
        passes("none", post("X-B: 2\r\n", ""), "POST /v1/x", &["x-b: 2"], ""),
        refused("a token", "GET /v1/x HTTP/1.1\r\nHost: a\r\nAuthorization_: Bearer {T}\r\n\r\n").with(401),
        refused("a host", "GET /v1/x HTTP/1.1\r\nHost_: a\r\nAuthorization: Bearer {T}\r\n\r\n"),
    ];
    all_of("underscore_headers = \"drop\"", cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_has_a_size() {
    let target = |length: usize| format!("/v1/{}", "x".repeat(length - 4));
    let query = |length: usize| format!("/v1/x?{}", "y".repeat(length - 6));
    let many = |count: usize| (0..count).map(|n| format!("X-{n}: {n}\r\n")).collect::<String>();
    let names: Vec<String> = (0..98).map(|n| format!("x-{n}: {n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let value = |length: usize| "v".repeat(length);
    let head = post("X-Long: \r\n", "").replace("{T}", &"t".repeat(0)).len();
    let cases = vec![
        passes("the longest target", get(&target(8192)), &format!("GET {}", target(8192)), &[], ""),
        refused("a longer target", get(&target(8193))).with(414),
        passes("the longest query", get(&query(8192)), &format!("GET {}", query(8192)), &[], ""),
        refused("a longer query", get(&query(8193))).with(414),
        refused("a target of 30000 bytes", get(&target(30000))).with(414),
        refused("a URL that is too long", get(&format!("http://a{}", target(8190)))).with(414),
        refused("a target that is longer than a head", get(&target(40_000))).with(431).closing(),
        passes("100 fields", post(&many(98), ""), "POST /v1/x", &names, ""),
        refused("101 fields", post(&many(99), "")).with(431).closing(),
        passes(
            "a long field",
            post(&format!("X-Long: {}\r\n", value(30_000)), ""),
            "POST /v1/x",
            &[&format!("x-long: {}", value(30_000))],
            "",
        ),
        refused("a field that is too long", post(&format!("X-Long: {}\r\n", value(32 * 1024 + 1 - head)), "")).with(431).closing(),
        refused("a name that is too long", post(&format!("{}: 1\r\n", value(33_000)), "")).with(431).closing(),
    ];
    all_of("", cases).await;
}
