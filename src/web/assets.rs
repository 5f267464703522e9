//! What pages consist of besides their text: the style sheet, the script and the logo. All of it
//! comes from here, and none of it is anybody's secret.

use std::fmt::Write;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use super::Desk;
use crate::{
    config::{Accent, Colour, Logo},
    message::{Body, reply},
};

const CSS: &str = include_str!("style.css");
const JAVASCRIPT: &str = include_str!("script.js");
/// Without an operator's logo: a gatepost, two posts and the bars between them.
const MARK: &[u8] = include_bytes!("mark.svg");
/// A picture may hold scripts of its own. Shown by `<img>` they do not run; opened by itself it may
/// do nothing but look as it does.
const PICTURE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

/// The style sheet with the operator's colours.
pub(super) fn style_sheet(accent: Accent) -> Bytes {
    let rule = |colour: Option<Colour>| colour.map(|colour| format!(":root {{ --accent: {colour}; --on-accent: {}; }}", colour.ink()));
    let mut css = CSS.to_owned();
    // Writing to a string does not fail.
    if let Some(light) = rule(accent.light) {
        let _ = writeln!(css, "@media (prefers-color-scheme: light) {{ {light} }}");
    }
    if let Some(dark) = rule(accent.dark) {
        let _ = writeln!(css, "@media (prefers-color-scheme: dark) {{ {dark} }}");
    }
    css.into()
}

/// The style sheet.
pub(super) fn style(desk: &Desk) -> Response<Body> {
    part("text/css; charset=utf-8", desk.style.clone())
}

/// The script, which only adds to what works without it.
pub(super) fn script() -> Response<Body> {
    part("text/javascript; charset=utf-8", Bytes::from_static(JAVASCRIPT.as_bytes()))
}

/// The operator's mark, or ours.
pub(super) fn logo(desk: &Desk) -> Response<Body> {
    let mut answer = match &desk.pages.logo {
        Some(Logo { content_type, bytes }) => part(content_type, bytes.clone()),
        None => part("image/svg+xml", Bytes::from_static(MARK)),
    };
    answer.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PICTURE_POLICY));
    answer
}

fn part(content_type: &'static str, bytes: Bytes) -> Response<Body> {
    let mut answer = reply::text(StatusCode::OK, content_type, bytes);
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    answer.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_grounds_that_colours_are_checked_against_are_those_of_the_style_sheet() {
        let (light, dark) = CSS.split_once("prefers-color-scheme: dark").unwrap();
        for (part, grounds) in [(light, Colour::LIGHT_GROUNDS), (dark, Colour::DARK_GROUNDS)] {
            for (name, ground) in ["--ground", "--card"].into_iter().zip(grounds) {
                assert!(part.contains(&format!("{name}: {ground};")), "{name}: {ground}");
            }
        }
    }

    #[test]
    fn an_operators_colours_come_after_ours() {
        let accent = Accent { light: Colour::parse("#1d4ed8"), dark: None };
        let css = String::from_utf8(style_sheet(accent).to_vec()).unwrap();
        assert!(css.starts_with(CSS) && css.ends_with("{ :root { --accent: #1d4ed8; --on-accent: #ffffff; } }\n"), "{css}");
        assert_eq!(style_sheet(Accent::default()), CSS);
    }
}
