//! Bodies that two servers could end at two places.

use super::bench::{all_of, broken_off, get, passes, post, refused};

#[tokio::test(flavor = "multi_thread")]
async fn a_body_has_one_end_or_none() {
    let line = "POST /v1/x";
    let chunked = "Transfer-Encoding: chunked\r\n";
    let te = ["transfer-encoding: chunked"];
    let five = "5\r\nhello\r\n0\r\n\r\n";
    let mut cases = vec![
        passes("a length", post("Content-Length: 5\r\n", "hello"), line, &["content-length: 5"], "hello"),
        passes("the length 0", post("Content-Length: 0\r\n", ""), line, &["content-length: 0"], ""),
        passes("the same length twice", post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), line, &["content-length: 5"], "hello"),
        passes("whitespace around a length", post("Content-Length: \t5 \r\n", "hello"), line, &["content-length: 5"], "hello"),
        passes("chunks", post(chunked, five), line, &te, five),
        passes("the coding in capitals", post("Transfer-Encoding: CHUNKED\r\n", five), line, &te, five),
        passes("the coding in whitespace", post("Transfer-Encoding: \t chunked\t\r\n", five), line, &te, five),
        passes("no chunk but the last", post(chunked, "0\r\n\r\n"), line, &te, "0\r\n\r\n"),
        passes("a size in capitals", post(chunked, "A\r\n0123456789\r\n0\r\n\r\n"), line, &te, "A\r\n0123456789\r\n0\r\n\r\n"),
        passes("a size with zeros before it", post(chunked, "0005\r\nhello\r\n000\r\n\r\n"), line, &te, five),
        passes("a chunk extension", post(chunked, "5;a=b;c=\"d\"\r\nhello\r\n0;x\r\n\r\n"), line, &te, five),
        passes("whitespace before an extension", post(chunked, "5 \t;a\r\nhello\r\n0\r\n\r\n"), line, &te, five),
        passes("trailers", post(chunked, "5\r\nhello\r\n0\r\nX-A: 1\r\nAuthorization: Bearer x\r\n\r\n"), line, &te, five),
        passes(
            "announced trailers",
            post("TE: trailers\r\nTrailer: X-Gatepost-User\r\nTransfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\nX-Gatepost-User: root\r\n\r\n"),
            line,
            &te,
            five,
        ),
        passes(
            "a trailer that frames",
            post(chunked, "5\r\nhello\r\n0\r\nContent-Length: 50\r\nTransfer-Encoding: gzip\r\nHost: evil\r\n\r\n"),
            line,
            &te,
            five,
        ),
        // What comes before the next empty line is trailers, whatever it looks like.
        passes("an end of LF alone", post(chunked, "5\r\nhello\r\n0\r\n\nGET /v1/smuggled HTTP/1.1\r\nHost: a\r\n\r\n"), line, &te, five),
        // Without a method's leave a body travels too, and framed as it came.
        passes(
            "GET with a length",
            "GET /v1/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {T}\r\nContent-Length: 5\r\n\r\nhello",
            "GET /v1/x",
            &["content-length: 5"],
            "hello",
        ),
        passes(
            "GET with chunks",
            format!("GET /v1/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {{T}}\r\nTransfer-Encoding: chunked\r\n\r\n{five}"),
            "GET /v1/x",
            &te,
            five,
        ),
        passes(
            "DELETE with chunks",
            format!("DELETE /v1/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {{T}}\r\nTransfer-Encoding: chunked\r\n\r\n{five}"),
            "DELETE /v1/x",
            &te,
            five,
        ),
        passes(
            "OPTIONS with a length",
            "OPTIONS /v1/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {T}\r\nContent-Length: 2\r\n\r\nhi",
            "OPTIONS /v1/x",
            &["content-length: 2"],
            "hi",
        ),
        passes("POST without a body", post("", ""), line, &[], ""),
        // The coding wins, of the length nothing is left, and no request follows (RFC 9112 section 6.1).
        passes("a length, then a coding", post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", five), line, &te, five).closing(),
        passes("a coding, then a length", post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", five), line, &te, five).closing(),
        passes("a coding and the length 0", post("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", five), line, &te, five).closing(),
        passes(
            "a coding and a length with a request behind it",
            post("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", &format!("0\r\n\r\n{}", get("/v1/smuggled"))),
            line,
            &te,
            "0\r\n\r\n",
        )
        .closing(),
        passes("a coding and a length that is no number", post("Transfer-Encoding: chunked\r\nContent-Length: x\r\n", five), line, &te, five)
            .closing(),
        refused("a length that is no number and a coding", post("Content-Length: x\r\nTransfer-Encoding: chunked\r\n", five)).closing(),
        // The second of two requests is one whatever became of the first.
        passes("two requests at once", post("Content-Length: 5\r\n", &format!("hello{}", get("/v1/two"))), line, &["content-length: 5"], "hello")
            .and("GET /v1/two", "")
            .answers(&[200, 200]),
        refused("a request after one with a bad host", format!("GET /v1/x HTTP/1.1\r\nHost: u@a\r\n\r\n{}", get("/v1/two")))
            .and("GET /v1/two", "")
            .answers(&[400, 200]),
        refused(
            "a request after a refused body",
            format!("POST /v1//x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello{}", get("/v1/two")),
        )
        .and("GET /v1/two", "")
        .answers(&[400, 200]),
        refused(
            "a request after refused chunks",
            format!("POST /v1//x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{five}{}", get("/v1/two")),
        )
        .and("GET /v1/two", "")
        .answers(&[400, 200]),
        refused("a request in a refused body", {
            let inner = get("/v1/smuggled").replace("{T}", "x");
            format!("POST /v1//x HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{inner}", inner.len())
        }),
        refused("a request after an unknown coding", post("Transfer-Encoding: gzip, chunked\r\n", &format!("{five}{}", get("/v1/two")))).closing(),
        // Chunks in HTTP/1.0.
        refused(
            "chunks in HTTP/1.0",
            format!("POST /v1/x HTTP/1.0\r\nHost: a\r\nAuthorization: Bearer {{T}}\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n{five}"),
        )
        .closing(),
        refused(
            "another coding in HTTP/1.0",
            "POST /v1/x HTTP/1.0\r\nHost: a\r\nAuthorization: Bearer {T}\r\nTransfer-Encoding: gzip\r\nContent-Length: 0\r\n\r\n",
        )
        .closing(),
    ];
    for length in [
        "5, 5",
        "5,5",
        "5, 6",
        "+5",
        "-5",
        "- 5",
        "5 5",
        "5;",
        "0x5",
        "5.0",
        "5e0",
        "\"5\"",
        "",
        " ",
        "five",
        "5\u{b}",
        "\u{b}5",
        "\u{b2}",
        "99999999999999999999",
        "18446744073709551616",
        "05",
        "00",
        "0005",
        "5\0",
        "5\r",
        "\u{a0}5",
    ] {
        cases.push(refused(&format!("the length {length:?}"), post(&format!("Content-Length: {length}\r\n"), "hello")).closing());
    }
    for fields in [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 0\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\ncontent-length: 6\r\n",
    ] {
        cases.push(refused(&format!("lengths {fields:?}"), post(fields, "hello")).closing());
    }
    for coding in [
        "gzip",
        "gzip, chunked",
        "chunked, gzip",
        "chunked, chunked",
        "chunked,",
        ",chunked",
        "chunked;q=1",
        "chunked;",
        "\"chunked\"",
        "identity",
        "identity, chunked",
        "chunked, identity",
        "xchunked",
        "chunkedx",
        "chunked x",
        "x chunked",
        "chun ked",
        "",
        "\u{b}chunked",
        "chunked\u{b}",
        "chunked\u{c}",
        "\u{a0}chunked",
        "chunked\0",
        "chunk\u{e9}d",
        "cow",
        "'chunked'",
        "chunked/1",
        "trailers, chunked",
    ] {
        cases.push(refused(&format!("the coding {coding:?}"), post(&format!("Transfer-Encoding: {coding}\r\n"), five)).closing());
    }
    for fields in [
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip\r\nContent-Length: 5\r\n",
        "Transfer-Encoding:\r\n chunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        " Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding\t: chunked\r\n",
        "Transfer\u{1}-Encoding: chunked\r\n",
        "Transfer_Encoding: chunked\r\nTransfer-Encoding: gzip\r\n",
        "Content-Length : 5\r\n",
        "Content-Length\t: 5\r\n",
        "Content-Length: 5\r\n 6\r\n",
        "X: y\r\n Content-Length: 5\r\n",
        "X: y\r\n\tTransfer-Encoding: chunked\r\n",
        "X: a\rTransfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\nX\r\n",
    ] {
        cases.push(refused(&format!("{fields:?}"), post(fields, five)).closing());
    }
    for (name, bad) in [
        ("a size that is no number", "zz\r\nhello\r\n0\r\n\r\n"),
        ("a size with 0x", "0x5\r\nhello\r\n0\r\n\r\n"),
        ("a size with a plus", "+5\r\nhello\r\n0\r\n\r\n"),
        ("a size with a minus", "-5\r\nhello\r\n0\r\n\r\n"),
        ("whitespace before a size", " 5\r\nhello\r\n0\r\n\r\n"),
        ("whitespace within a size", "5 5\r\nhello\r\n0\r\n\r\n"),
        ("a size that overflows", "10000000000000005\r\nhello\r\n0\r\n\r\n"),
        ("an empty size", "\r\nhello\r\n0\r\n\r\n"),
        ("a size after ;", ";5\r\nhello\r\n0\r\n\r\n"),
        ("a size before LF alone", "5\nhello\r\n0\r\n\r\n"),
        ("a size before CR alone", "5\rhello\r\n0\r\n\r\n"),
        ("a size with an underscore", "0_5\r\nhello\r\n0\r\n\r\n"),
        ("LF in an extension", "5;a\nhello\r\n0\r\n\r\n"),
        ("CR in an extension", "5;a\rb\r\nhello\r\n0\r\n\r\n"),
        ("a chunk that is too long", "5\r\nhello!\r\n0\r\n\r\n"),
        ("a chunk that is too short", "5\r\nhell\r\n0\r\n\r\n"),
        ("a chunk before LF alone", "5\r\nhello\n0\r\n\r\n"),
        ("a chunk before CR alone", "5\r\nhello\r0\r\n\r\n"),
        ("a last chunk before LF alone", "5\r\nhello\r\n0\n\r\n"),
        ("a fold among trailers", "5\r\nhello\r\n0\r\nX: a\r\n b\r\n\r\n"),
        ("a trailer without a colon", "5\r\nhello\r\n0\r\nGET /v1/smuggled HTTP/1.1\r\n\r\n"),
        ("NUL after a size", "5\0\r\nhello\r\n0\r\n\r\n"),
    ] {
        cases.push(refused(name, post(chunked, bad)).closing());
    }
    all_of("", cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_breaks_off_does_not_arrive_as_a_whole_one() {
    let chunked = "Transfer-Encoding: chunked\r\n";
    let cases = vec![
        broken_off("nothing", "").answers(&[]),
        broken_off("half a line", "POST /v1").answers(&[]),
        broken_off("a head without its end", post("", "").trim_end_matches("\r\n").to_owned() + "\r\n").answers(&[]),
        broken_off("a body that is shorter than its length", post("Content-Length: 5\r\n", "hell")),
        broken_off("a length that nobody can keep", post("Content-Length: 18446744073709551613\r\n", "hello")),
        broken_off("no last chunk", post(chunked, "5\r\nhello\r\n")),
        broken_off("half a chunk", post(chunked, "5\r\nhel")),
        broken_off("half a size", post(chunked, "5\r\nhello\r\n1")),
        broken_off("a size that nobody can keep", post(chunked, "fffffffffffffff0\r\nhello\r\n0\r\n\r\n")),
        broken_off("a last chunk without its end", post(chunked, "5\r\nhello\r\n0\r\n")),
        broken_off("trailers without their end", post(chunked, "5\r\nhello\r\n0\r\nX-A: 1\r\n")),
        broken_off("a request that looks like one in a chunk", post(chunked, &format!("ffff\r\n{}", get("/v1/smuggled")))),
    ];
    all_of("", cases).await;
}
