//! What holds of every page.

use super::http::Reply;

/// Holds that an answer carries what keeps a page from being framed, cached, sniffed or told on.
pub(crate) fn check_guarded(reply: &Reply, at: &str) {
    check_guarded_towards(reply, at, "");
}

/// The same of a page whose form's answer leads on to this source, as its policy has to say.
pub(crate) fn check_guarded_towards(reply: &Reply, at: &str, source: &str) {
    let policy: Vec<&str> = reply.header("content-security-policy").split("; ").collect();
    let form_action = format!("form-action 'self' {source}");
    // Nothing from elsewhere, and nothing inline.
    let expected = [
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self'",
        form_action.trim_end(),
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ];
    assert_eq!(policy, expected, "{at}");
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
        for tag in tags {
            // One script, and it is ours.
            let is_ours = tag.starts_with("script src=\"/") && tag.ends_with("/gatepost.js\" defer") && !tag.contains("//");
            // Without the values of attributes, which are text.
            let names: String = tag.split('"').step_by(2).collect();
            for word in names.split_whitespace() {
                let is_handler = word.starts_with("on");
                assert!(!is_handler && (word != "script" || is_ours) && !word.starts_with("style"), "{at}: {word} in {text}");
            }
        }
        let is_place = |part: &str| part.split_once('}').is_some_and(|(place, _)| place.bytes().all(|byte| byte.is_ascii_lowercase()));
        let unfilled = text.replace("data-within=\"in {span}\"", "").split('{').skip(1).any(is_place);
        assert!(!unfilled, "{at}: a place is not filled in {text}");
    }
}
