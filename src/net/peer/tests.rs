use http::HeaderValue;

use super::*;

const SOCKET: &str = "10.0.0.1";

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED))
}

fn proxies() -> Proxies {
    Proxies::new(["10.0.0.0/8", "2001:db8:ffff::/48"].iter().filter_map(|net| net.parse().ok()).collect())
}

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let field = |(name, value): &(&'static str, &str)| {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap_or(HeaderValue::from_static("unreadable"));
        (HeaderName::from_static(name), value)
    };
    lines.iter().map(field).collect()
}

fn caller(lines: &[(&'static str, &str)]) -> String {
    proxies().caller(Peer { ip: ip(SOCKET) }, &headers(lines)).ip.to_string()
}

#[test]
fn the_last_address_that_is_not_listed_is_the_caller() {
    for (line, expected) in [
        ("192.0.2.1", "192.0.2.1"),
        ("198.51.100.9, 192.0.2.1", "192.0.2.1"),
        ("192.0.2.1, 10.0.0.2", "192.0.2.1"),
        ("192.0.2.1,10.0.0.2,2001:db8:ffff::1", "192.0.2.1"),
        // What stands before it is the caller's invention, and hides nothing.
        ("10.0.0.9, 192.0.2.1", "192.0.2.1"),
        ("unknown, _x, , \"junk\u{e9}, 999.1.1.1, 192.0.2.1", "192.0.2.1"),
        (" \t192.0.2.1\t ", "192.0.2.1"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::ffff:10.0.0.2, 192.0.2.1, ::ffff:10.0.0.3", "192.0.2.1"),
        // All are listed: the first is believed.
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
    ] {
        assert_eq!(caller(&[("x-forwarded-for", line)]), expected, "{line}");
    }
}

#[test]
fn what_is_no_address_and_has_to_be_read_leaves_the_proxy_itself() {
    for line in [
        "",
        " ",
        ",",
        "192.0.2.1,",
        "192.0.2.1, , 10.0.0.2",
        "unknown",
        "192.0.2.1, unknown",
        "_x",
        "192.0.2.1, _hidden, 10.0.0.2",
        "192.0.2.1 198.51.100.1",
        "192.0.2",
        "192.0.2.1:",
        "192.0.2.1:99999",
        "[2001:db8::1",
        "2001:db8::1]",
        "[192.0.2.1]",
        "fe80::1%eth0",
        "\"192.0.2.1\"",
        "0x7f.1",
        "localhost",
        "192.0.2.1\u{e9}",
    ] {
        assert_eq!(caller(&[("x-forwarded-for", line)]), SOCKET, "{line:?}");
    }
}

#[test]
fn several_lines_are_one_list() {
    let field = "x-forwarded-for";
    assert_eq!(caller(&[(field, "198.51.100.9"), (field, "192.0.2.1")]), "192.0.2.1");
    assert_eq!(caller(&[(field, "198.51.100.9, 192.0.2.1"), (field, "10.0.0.2"), (field, "10.0.0.3, 10.0.0.4")]), "192.0.2.1");
    assert_eq!(caller(&[(field, "192.0.2.1"), (field, "")]), SOCKET);
}

#[test]
fn the_standard_field_says_the_same() {
    for (line, expected) in [
        ("for=192.0.2.1", "192.0.2.1"),
        ("For=\"192.0.2.1:4711\"", "192.0.2.1"),
        ("for=\"[2001:db8::1]:4711\"", "2001:db8::1"),
        ("for=\"[2001:db8::1]\";proto=https;by=10.0.0.1", "2001:db8::1"),
        ("proto=https; for=192.0.2.1 ;host=\"a,b;c\"", "192.0.2.1"),
        ("for=198.51.100.9, for=192.0.2.1, for=10.0.0.2", "192.0.2.1"),
        ("for=unknown;for=_x, proto=http, for=192.0.2.1", "192.0.2.1"),
        ("for=10.0.0.3,for=10.0.0.2", "10.0.0.3"),
        ("for=unknown", SOCKET),
        ("for=_hidden", SOCKET),
        ("for=\"_hidden\", for=10.0.0.2", SOCKET),
        ("proto=https", SOCKET),
        ("", SOCKET),
        ("192.0.2.1", SOCKET),
        ("for=192.0.2.1;for=198.51.100.9", SOCKET),
        ("for=192.0.2.1,", SOCKET),
        ("for=192.0.2.1;", SOCKET),
        ("for=\"192.0.2.1", SOCKET),
        ("for=192.0.2.1\"", SOCKET),
        ("for=\"192.0.2.1\"x", SOCKET),
        // A quote of the caller's swallows nothing of what a proxy wrote behind it.
        ("for=198.51.100.9;x=\", for=192.0.2.1", SOCKET),
        ("for=198.51.100.9;x=\", for=\"[2001:db8::1]\"", SOCKET),
        ("for=198.51.100.9;x=\"\\\", for=\"[2001:db8::1]\"", SOCKET),
    ] {
        assert_eq!(caller(&[("forwarded", line)]), expected, "{line}");
    }
    assert_eq!(caller(&[("forwarded", "for=198.51.100.9;x=\""), ("forwarded", "for=192.0.2.1")]), "192.0.2.1", "lines stay apart");
}

#[test]
fn two_fields_have_to_agree() {
    let both = |plain: &str, standard: &str| caller(&[("x-forwarded-for", plain), ("forwarded", standard)]);
    assert_eq!(both("198.51.100.9, 192.0.2.1", "for=192.0.2.1"), "192.0.2.1");
    assert_eq!(both("192.0.2.1", "for=198.51.100.9"), SOCKET, "one of them is the caller's own");
    assert_eq!(both("192.0.2.1", "for=unknown"), SOCKET);
    assert_eq!(both("unknown", "for=192.0.2.1"), SOCKET);
}

#[test]
fn a_proxy_that_says_nothing_calls_for_itself_and_others_are_not_asked() {
    assert_eq!(caller(&[]), SOCKET);
    let lines = [("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=192.0.2.1")];
    for socket in ["198.51.100.1", "11.0.0.1", "2001:db8::1"] {
        let peer = Peer { ip: ip(socket) };
        assert_eq!(proxies().caller(peer, &headers(&lines)), peer);
        assert_eq!(Proxies::default().caller(peer, &headers(&lines)), peer);
    }
}

#[test]
fn a_thousand_entries_are_read_as_far_as_needed() {
    let spoofed = vec!["10.9.9.9"; 1000].join(", ");
    assert_eq!(caller(&[("x-forwarded-for", &format!("{spoofed}, 192.0.2.1, 10.0.0.2"))]), "192.0.2.1");
    assert_eq!(caller(&[("x-forwarded-for", &spoofed)]), "10.9.9.9");
    let standard = vec!["for=10.9.9.9"; 1000].join(",");
    assert_eq!(caller(&[("forwarded", &format!("{standard}, for=\"192.0.2.1\""))]), "192.0.2.1");
}
