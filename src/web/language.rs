//! Which language a browser is spoken to in: the one it asks for, or the one that was chosen in the
//! footer. A choice changes nothing else, so a link will do.

use http::{HeaderMap, header, request::Parts};
use maud::{Markup, html};

use super::{Answer, Desk, LANGUAGE, Problem, browser, next::Next};
use crate::{
    config::Language,
    message::{BadInput, Fields, reply},
};

/// Remembers the choice, and leads back to where the person was.
pub(super) fn choose(desk: &Desk, head: &Parts) -> Answer {
    let query = Fields::from_query(head.uri.query())?;
    let (tag, back) = (query.required("lang")?, Next::read(&query)?);
    let known = Language::ALL.into_iter().find(|(known, _)| *known == tag);
    let (_, language) = known.ok_or_else(|| Problem::Input(BadInput::Malformed("There is no such language.".into())))?;
    Ok(browser::remember_language(desk, reply::see_other(&back.path(desk)), language))
}

/// A link for every language, each in its own words.
pub(super) fn links(desk: &Desk) -> Markup {
    html! {
        ul class="languages" aria-label=(desk.words().frame.languages) {
            @for (tag, language) in Language::ALL {
                @let name = &desk.languages.get(language).language;
                li {
                    @if language == desk.language {
                        span aria-current="true" lang=(tag) { (name) }
                    } @else {
                        @let query = desk.here.query();
                        a href={ (desk.path(LANGUAGE)) "?lang=" (tag) @if !query.is_empty() { "&" (query) } } hreflang=(tag) lang=(tag) { (name) }
                    }
                }
            }
        }
    }
}

/// The language that a browser asks for most and that there is (RFC 9110 section 12.5.4).
pub(super) fn preferred(headers: &HeaderMap) -> Option<Language> {
    let lines = headers.get_all(header::ACCEPT_LANGUAGE).iter().filter_map(|line| line.to_str().ok());
    let mut best: Option<(f32, Language)> = None;
    for range in lines.flat_map(|line| line.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let language = parts.next().and_then(Language::of_tag);
        let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |quality| quality.parse().ok());
        if let (Some(language), Some(quality)) = (language, quality)
            && quality > best.map_or(0.0, |(best, _)| best)
        {
            best = Some((quality, language));
        }
    }
    best.map(|(_, language)| language)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_one_that_is_asked_for_most() {
        use Language::{English, German};
        for (asked, language) in [
            ("de", Some(German)),
            ("de-AT,en;q=0.8", Some(German)),
            ("en;q=0.7, de;q=0.9", Some(German)),
            ("fr, DE;q=0.3, en;q=0.2", Some(German)),
            ("en-GB, de", Some(English)),
            ("de;q=0, en;q=0.1", Some(English)),
            ("de;q=0", None),
            ("de;q=nonsense", None),
            ("fr, *", None),
            ("deutsch", None),
            (", ;q=1,;", None),
            ("", None),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, asked.parse().unwrap())]);
            assert_eq!(preferred(&headers), language, "{asked}");
        }
    }
}
