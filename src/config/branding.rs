//! How the pages look and speak: the operator's colours, mark and languages.

use std::{collections::BTreeMap, fmt};

use bytes::Bytes;

/// The least contrast between text and what lies behind it (WCAG 2.2, success criterion 1.4.3).
pub const LEAST_CONTRAST: f64 = 4.5;
/// The largest logo, in bytes.
pub const MAX_LOGO: u64 = 256 * 1024;

/// A language that the pages speak.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// German.
    German,
}

impl Language {
    /// Every language with its tag (RFC 5646).
    pub const ALL: [(&'static str, Self); 2] = [("en", Self::English), ("de", Self::German)];

    /// The language of a tag, whatever region it names: `de-AT` is German.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next()?;
        Self::ALL.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(primary)).map(|(_, language)| language)
    }

    /// Its tag.
    pub fn tag(self) -> &'static str {
        Self::ALL.into_iter().find(|(_, language)| *language == self).map_or("en", |(tag, _)| tag)
    }
}

/// A sentence of the operator's, in one language or in several.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sentence {
    plain: String,
    translated: BTreeMap<Language, String>,
}

impl Sentence {
    /// `plain` where the language has no words of its own.
    pub const fn new(plain: String, translated: BTreeMap<Language, String>) -> Self {
        Self { plain, translated }
    }

    /// The sentence for who reads this language.
    pub fn within(&self, language: Language) -> &str {
        self.translated.get(&language).unwrap_or(&self.plain)
    }
}

/// The operator's mark, which the pages show in their header.
#[derive(Clone, PartialEq, Eq)]
pub struct Logo {
    /// `image/svg+xml` or `image/png`.
    pub content_type: &'static str,
    /// The file.
    pub bytes: Bytes,
}

impl Logo {
    /// Recognizes a picture by what it begins with; `None` where it is neither SVG nor PNG.
    pub fn recognized(bytes: Vec<u8>) -> Option<Self> {
        let is_svg = || {
            std::str::from_utf8(&bytes)
                .is_ok_and(|text| text.trim_start_matches('\u{feff}').trim_start().starts_with('<') && text.contains("<svg"))
        };
        let content_type = if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            "image/png"
        } else if is_svg() {
            "image/svg+xml"
        } else {
            return None;
        };
        Some(Self { content_type, bytes: bytes.into() })
    }
}

impl fmt::Debug for Logo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Logo({}, {} bytes)", self.content_type, self.bytes.len())
    }
}

/// The colour of links and of the button that goes on; `None` for the pages' own.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Accent {
    /// On the light grounds.
    pub light: Option<Colour>,
    /// On the dark grounds.
    pub dark: Option<Colour>,
}

/// An sRGB colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Colour([u8; 3]);

impl Colour {
    /// What accents lie on in the light look: the page and its cards.
    pub const LIGHT_GROUNDS: [Self; 2] = [Self([0xf4, 0xf5, 0xf2]), Self([0xff; 3])];
    /// The same in the dark look.
    pub const DARK_GROUNDS: [Self; 2] = [Self([0x12, 0x16, 0x15]), Self([0x1b, 0x21, 0x1f])];
    const BLACK: Self = Self([0; 3]);
    const WHITE: Self = Self([0xff; 3]);

    /// Reads `#rrggbb`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#')?;
        let mut bytes = [0; 3];
        // Whatever cannot be read is no colour.
        let read = digits.len() == 6 && data_encoding::HEXLOWER_PERMISSIVE.decode_mut(digits.as_bytes(), &mut bytes).is_ok();
        read.then_some(Self(bytes))
    }

    /// The contrast ratio of two colours, from 1 to 21 (WCAG 2.2).
    pub fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// The ground on which this colour is hardest to read, and its contrast there.
    pub fn hardest(self, grounds: [Self; 2]) -> (Self, f64) {
        let [one, other] = grounds.map(|ground| (ground, self.contrast(ground)));
        if one.1 <= other.1 { one } else { other }
    }

    /// The nearest shade that can be read on these grounds.
    pub fn legible(self, grounds: [Self; 2]) -> Self {
        let towards = if grounds[0].luminance() > 0.5 { Self::BLACK } else { Self::WHITE };
        let shades = (0..=100_u16).map(|percent| self.mixed(towards, percent));
        shades.into_iter().find(|shade| shade.hardest(grounds).1 >= LEAST_CONTRAST).unwrap_or(towards)
    }

    /// Black or white, whichever is easier to read on this colour: at least 4.58.
    #[must_use]
    pub fn ink(self) -> Self {
        if self.contrast(Self::WHITE) >= self.contrast(Self::BLACK) { Self::WHITE } else { Self::BLACK }
    }

    fn mixed(self, towards: Self, percent: u16) -> Self {
        let mix = |from: u8, to: u8| (u16::from(from) * (100 - percent) + u16::from(to) * percent) / 100;
        let channel = |index: usize| u8::try_from(mix(self.0[index], towards.0[index])).unwrap_or(u8::MAX);
        Self([channel(0), channel(1), channel(2)])
    }

    fn luminance(self) -> f64 {
        let linear = |channel: u8| {
            let part = f64::from(channel) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        let [red, green, blue] = self.0.map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }
}

/// As CSS writes it.
impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_is_read_and_written_in_six_digits() {
        assert_eq!(Colour::parse("#0F5c4a").unwrap().to_string(), "#0f5c4a");
        for text in ["0f5c4a", "#fff", "#0f5c4a00", "#0f5c4g", "green", "#é5c4a", ""] {
            assert_eq!(Colour::parse(text), None, "{text}");
        }
    }

    #[test]
    fn contrasts_are_those_that_the_guidelines_give() {
        let contrast = |one, other| (Colour::parse(one).unwrap().contrast(Colour::parse(other).unwrap()) * 100.0).round();
        assert_eq!(contrast("#000000", "#ffffff"), 2100.0);
        assert_eq!(contrast("#767676", "#ffffff"), 454.0);
        assert_eq!(contrast("#ffffff", "#777777"), 448.0);
    }

    #[test]
    fn the_shade_that_is_named_instead_can_be_read_and_so_can_what_stands_on_it() {
        for text in ["#ffcc00", "#ff0000", "#777777", "#ffffff", "#00ffff", "#000000", "#1d4ed8"] {
            let colour = Colour::parse(text).unwrap();
            for grounds in [Colour::LIGHT_GROUNDS, Colour::DARK_GROUNDS] {
                let shade = colour.legible(grounds);
                assert!(shade.hardest(grounds).1 >= LEAST_CONTRAST, "{text}: {shade}");
                assert!(shade.contrast(shade.ink()) >= LEAST_CONTRAST, "{shade}");
            }
        }
    }

    #[test]
    fn a_sentence_falls_back_on_its_plain_words() {
        let sentence = Sentence::new("Use it.".into(), [(Language::German, "Es nutzen.".into())].into());
        assert_eq!((sentence.within(Language::English), sentence.within(Language::German)), ("Use it.", "Es nutzen."));
    }
}
