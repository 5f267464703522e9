//! What the pages say, in each language: files with the same keys, read once at the start.

use std::fmt::Write;

use maud::{Markup, PreEscaped, Render};
use serde::{Deserialize, Deserializer};

use crate::config::Language;

/// Declares the texts, section by section. A file that lacks one, or has one too many, is refused.
macro_rules! texts {
    ($($(#[$doc:meta])* $section:ident { $($key:ident: $type:ty),+ $(,)? })+) => {
        $(
            $(#[$doc])*
            #[derive(Deserialize)]
            #[serde(deny_unknown_fields)]
            pub(super) struct $section { $(pub(super) $key: $type),+ }
        )+
    };
}

texts! {
    /// All that is said in one language.
    Messages {
        language: String, frame: Frame, sign_in: SignIn, device: Device, consent: Consent, login: Login, decided: Decided,
        code: Code, applications: Applications, apps: Apps, account: Account, tokens: Tokens, problem: Problems, time: Time,
    }
    Frame {
        skip: String, pages: String, languages: String, legal: String, applications: String, sign_out: String, terms: String, privacy: String,
    }
    SignIn {
        title: String, for_a_device: String, for_an_app: String, again: String, wrong: String, name: String, password: String, submit: String,
    }
    Device {
        title: String, enter: String, check: String, wrong: String, code: String, spelling: String, submit: String,
    }
    Consent {
        title: String, heading: Template, cannot: Template, as_you: Template, nothing_to_grant: Template, able_to: String,
        request: String, app: String, unverified: String, as_it_says: String, device: String, system: String,
        network: String, sent: String, expires: String, owner: String, answer_to: String, this_computer: String,
        this_device: Template, only_for: String, narrowed: String, warning: String, approve: String, deny: String,
    }
    Login {
        heading: Template, able_to: Template, no_tenant: Template, replaces: Template, tenant: String, ends: String, kind: String,
        cli: String, ide: String, desktop: String, mcp: String, other: String,
    }
    Decided {
        approved_title: String, denied_title: String, connected: Template, go_back: String, later: Template, denied: Template,
    }
    Code {
        title: String, enter: Template, copy: String, warning: String, go_back: String, elsewhere_title: Template,
        elsewhere: String, too_many_title: String, too_many: Template, void_title: String, void: String, blocked: Template,
    }
    Applications {
        title: String, none: String, lead: Template, access: String, website: String, connected: String, last_used: String, never: String,
        count: Counted, revoke: String, revoke_named: Template, revoke_all: String,
        revoke_all_named: Template,
    }
    Apps {
        title: String, lead: Template, none: String, kind: String, client_id: String, open: String, open_named: Template,
        disabled: String, public: String, confidential: String, create_title: String, create_for: Template, settings: String,
        name: String, name_note: Template, name_empty: String, name_long: Template, name_odd: String,
        description: String, description_note: String, description_odd: Template,
        redirect_uris: String, redirect_uris_note: Template, no_uri: String, too_many_uris: Template, uri_at: Template,
        uri_malformed: String, uri_long: Template, uri_fragment: String, uri_wildcard: String, uri_user_info: String, uri_answer: String,
        uri_plain: String, uri_scheme: String, scopes: String, scopes_missing: String, is_public: String,
        create: String, too_many: Template, created_title: String, created: Template, created_public: Template,
        secret: String, save: String, saved: String, reset: String, reset_title: Template, reset_words: String,
        reset_done: String, reset_told: Template, delete: String, delete_title: Template, delete_words: String,
        more_title: String, cancel: String,
    }
    Account {
        title: String, name: String, email: String, password: String, password_lead: String, no_password: String,
        current: String, new: String, again: String, rule: Template, change: String, changed: String,
        wrong_current: String, bad_length: Template, differ: String,
    }
    Tokens {
        title: String, lead: Template, none: String, made: String, expires: String, revoke_named: Template, create_title: String,
        name: String, name_note: String, name_missing: String, scopes: String, scopes_missing: String, expiry: String,
        create: String, too_many: Template, created_title: String, created: Template, copy: String, copied: String,
        copy_by_hand: String, done: String, clients: String, approve: String,
    }
    Problems {
        failed: String, not_a_form: String, too_large: String, forged: String, forged_words: String, too_late: String,
        too_late_words: String, nothing_to_grant: String, refused: String, unaskable: String, unaskable_words: String,
        unaskable_why: String, too_many: String, too_many_words: Template,
        away: String, away_words: String, not_found: String, not_found_words: String, method: String,
        method_words: String, back: String,
    }
    Time {
        seconds: Counted, minutes: Counted, hours: Counted, days: Counted, just_now: String, seconds_ago: Counted,
        minutes_ago: Counted, hours_ago: Counted, days_ago: Counted, within: Template, over: String, day: Template,
        moment: Template, months: [String; 12],
    }
}

/// A text with places for what only the page knows.
pub(super) struct Template(Vec<Part>);

enum Part {
    Words(String),
    Place(String),
}

impl Template {
    fn parse(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((words, after)) = rest.split_once('{')
            && let Some((place, after)) = after.split_once('}')
        {
            parts.extend([Part::Words(words.to_owned()), Part::Place(place.to_owned())]);
            rest = after;
        }
        parts.push(Part::Words(rest.to_owned()));
        Self(parts)
    }

    /// The text with its places filled. What is filled in escapes itself.
    pub(super) fn fill(&self, values: &[(&str, &dyn Render)]) -> Markup {
        let mut page = String::new();
        for part in &self.0 {
            match part {
                Part::Words(words) => words.render_to(&mut page),
                Part::Place(place) => values.iter().filter(|(name, _)| name == place).for_each(|(_, value)| value.render_to(&mut page)),
            }
        }
        PreEscaped(page)
    }

    /// The text with its places filled by numbers and words of ours, as plain text.
    pub(super) fn plain(&self, values: &[(&str, &dyn std::fmt::Display)]) -> String {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Words(words) => text.push_str(words),
                Part::Place(place) => values.iter().filter(|(name, _)| name == place).for_each(|(_, value)| {
                    // Writing to a string does not fail.
                    let _ = write!(text, "{value}");
                }),
            }
        }
        text
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::parse(&text))
    }
}

/// A text that counts. These two forms serve both languages.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Counted {
    one: Template,
    other: Template,
}

impl Counted {
    pub(super) fn of(&self, count: u64) -> String {
        if count == 1 { &self.one } else { &self.other }.plain(&[("n", &count)])
    }
}

/// The files cannot be used. They are a part of the program, and a test reads them.
#[derive(Debug, thiserror::Error)]
#[error("the texts of the pages cannot be read: {0}")]
pub struct BadMessages(#[from] toml::de::Error);

/// All languages.
pub(super) struct Languages {
    english: Messages,
    german: Messages,
}

const ENGLISH: &str = include_str!("messages/en.toml");
const GERMAN: &str = include_str!("messages/de.toml");

impl Languages {
    pub(super) fn read() -> Result<Self, BadMessages> {
        Ok(Self { english: toml::from_str(ENGLISH)?, german: toml::from_str(GERMAN)? })
    }

    pub(super) const fn get(&self, language: Language) -> &Messages {
        match language {
            Language::English => &self.english,
            Language::German => &self.german,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    /// Every text with its dotted key.
    fn flat(value: &toml::Value, key: &str, texts: &mut BTreeMap<String, String>) {
        match value {
            toml::Value::Table(table) => table.iter().for_each(|(name, value)| flat(value, &format!("{key}.{name}"), texts)),
            toml::Value::Array(list) => list.iter().enumerate().for_each(|(at, value)| flat(value, &format!("{key}.{at}"), texts)),
            value => drop(texts.insert(key.to_owned(), value.as_str().unwrap().to_owned())),
        }
    }

    fn texts(file: &str) -> BTreeMap<String, String> {
        let mut texts = BTreeMap::new();
        flat(&toml::Value::Table(file.parse().unwrap()), "", &mut texts);
        texts
    }

    fn places(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).filter_map(|part| part.split('}').next()).collect()
    }

    #[test]
    fn every_language_says_everything_with_the_same_places() {
        let (english, german) = (texts(ENGLISH), texts(GERMAN));
        assert_eq!(english.keys().collect::<Vec<_>>(), german.keys().collect::<Vec<_>>());
        for (key, text) in &english {
            assert_eq!(places(text), places(&german[key]), "{key}");
            assert!(!text.trim().is_empty() && !german[key].trim().is_empty(), "{key}");
        }
        Languages::read().unwrap();
    }

    #[test]
    fn what_is_filled_in_is_escaped_and_markup_is_not() {
        let template = Template::parse("<{app}> & {list}.");
        let list = maud::html! { a href="/x" { "x" } };
        let filled = template.fill(&[("app", &"<b>"), ("list", &list)]);
        assert_eq!(filled.into_string(), "&lt;&lt;b&gt;&gt; &amp; <a href=\"/x\">x</a>.");
    }
}
