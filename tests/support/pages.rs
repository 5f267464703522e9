//! What holds of every page.

use super::http::Reply;

/// Holds that an answer carries what keeps a page from being framed, cached, sniffed or told on.
pub(crate) fn check_guarded(reply: &Reply, at: &str) {
    let policy: Vec<&str> = reply.header("content-security-policy").split("; ").collect();
    for directive in ["default-src 'none'", "style-src 'self'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(policy.contains(&directive), "{at}: {policy:?}");
    }
    assert!(!policy.iter().any(|directive| directive.contains("script") || directive.contains("unsafe")), "{at}: {policy:?}");
    for (name, value) in [
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        assert_eq!(reply.header(name), value, "{at}: {name}");
    }
    if !reply.body.is_empty() {
        assert_eq!(reply.header("content-type"), "text/html; charset=utf-8", "{at}");
        let text = reply.text();
        assert!(text.starts_with("<!DOCTYPE html>"), "{at}: {text}");
        let tags = text.split('<').filter_map(|part| part.split('>').next());
        for word in tags.flat_map(str::split_whitespace) {
            let is_handler = word.starts_with("on") && word.contains('=');
            assert!(!is_handler && word != "script" && !word.starts_with("style="), "{at}: {word} in {text}");
        }
    }
}
