//! `[pages]`, and the scopes in words.

use std::{collections::BTreeMap, time::Duration};

use url::Url;

use super::{DAY, MINUTE, file, mount_prefix, nearest};
use crate::{
    config::{
        Accent, Colour, Language, Logo, Pages, Section, Sentence,
        branding::{LEAST_CONTRAST, MAX_LOGO},
        file::Sentences,
        problem::Flaw,
    },
    oauth::scope,
};

/// Reads the table.
pub(super) fn read(pages: &mut Section<'_>) -> Pages {
    let default = Pages::default();
    Pages {
        name: pages.text("name").unwrap_or(default.name),
        prefix: mount_prefix(pages),
        session: pages.duration("session", 5 * MINUTE..=400 * DAY).unwrap_or(default.session),
        sign_in_again: pages.scopes("sign_in_again").unwrap_or_default(),
        language: pages.choice("language", &Language::ALL).unwrap_or_default(),
        logo: logo(pages),
        accent: pages.table("accent", |accent| Accent {
            light: colour(accent, "light", Colour::LIGHT_GROUNDS),
            dark: colour(accent, "dark", Colour::DARK_GROUNDS),
        }),
        terms: link(pages, "terms"),
        privacy: link(pages, "privacy"),
    }
}

/// How long a browser stays signed in, unless the operator says otherwise.
pub(in crate::config) const SESSION: Duration = Duration::from_secs(7 * 24 * 60 * 60);

fn logo(pages: &mut Section<'_>) -> Option<Logo> {
    const KEY: &str = "logo";
    let bytes = match pages.bytes(KEY, MAX_LOGO)? {
        Ok(bytes) => bytes,
        Err((message, remedy)) => {
            pages.problem(KEY, message, remedy);
            return None;
        }
    };
    let logo = Logo::recognized(bytes);
    if logo.is_none() {
        pages.problem(KEY, "this is neither an SVG nor a PNG picture", "name a file in one of these formats");
    }
    logo
}

fn colour(accent: &mut Section<'_>, key: &'static str, grounds: [Colour; 2]) -> Option<Colour> {
    accent.parsed(key, |text| {
        let colour =
            Colour::parse(text).ok_or_else(|| ("this is no colour".to_owned(), "write red, green and blue like \"#0f5c4a\"".to_owned()))?;
        let (ground, contrast) = colour.hardest(grounds);
        if contrast >= LEAST_CONTRAST {
            return Ok(colour);
        }
        Err((
            // Cut, not rounded: 4.49 must not read as enough.
            format!(
                "{colour} on the pages' {ground} has a contrast of {:.1}:1 and would be hard to read",
                (contrast * 10.0).floor() / 10.0
            ),
            format!("take one with at least {LEAST_CONTRAST}:1, such as \"{}\"", colour.legible(grounds)),
        ))
    })
}

fn link(pages: &mut Section<'_>, key: &'static str) -> Option<Url> {
    let url = pages.url(key)?;
    if url.scheme() != "https" {
        pages.problem(key, "people follow this link, and it must be https", "write it like \"https://example.com/terms\"");
        return None;
    }
    Some(url)
}

/// The declared scopes. Whatever scope is named anywhere must be among them.
pub(super) fn scopes(root: &mut Section<'_>, declared: Vec<Sentences>, language: Language) -> BTreeMap<String, Sentence> {
    let mut scopes = BTreeMap::new();
    for Sentences { name, plain, translated, place } in declared {
        let plain = plain.or_else(|| translated.get(&language).cloned());
        if let Some((message, remedy)) = flaw(&name, plain.as_deref(), &translated, language) {
            root.problem_at(place, message, remedy);
        }
        scopes.insert(name, Sentence::new(plain.unwrap_or_default(), translated));
    }
    for (name, place) in root.named_scopes() {
        if scopes.contains_key(&name) {
            continue;
        }
        let (message, remedy) = if scope::OWN.contains(&name.as_str()) {
            (format!("the scope `{name}` is the gateway's own"), "leave it out: people give it to their personal tokens".to_owned())
        } else {
            let remedy = match nearest(&name, scopes.keys().map(String::as_str)) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => format!("declare it: `{name} = \"...\"` under [scopes]"),
            };
            (format!("the scope `{name}` is not declared"), remedy)
        };
        root.problem_at(place, message, remedy);
    }
    scopes
}

fn flaw(name: &str, plain: Option<&str>, translated: &BTreeMap<Language, String>, language: Language) -> Option<Flaw> {
    if let Err(flaw) = file::scope_name(name) {
        return Some(flaw);
    }
    if scope::OWN.contains(&name) {
        return Some((format!("the scope `{name}` is the gateway's own"), "give this one another name".to_owned()));
    }
    if plain.into_iter().chain(translated.values().map(String::as_str)).any(|sentence| sentence.trim().is_empty()) {
        return Some(("a scope needs a sentence for people".to_owned(), "write what an app may do with it".to_owned()));
    }
    let tag = language.tag();
    plain.is_none().then(|| (format!("the pages' own language is missing: `{tag}`"), format!("write `{tag} = \"...\"` as well")))
}
