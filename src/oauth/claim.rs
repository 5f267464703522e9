//! What a stranger says of himself: names of apps and devices. Nobody verified it, and whoever
//! wrote it may be an attacker, so it is cut to size and cleaned of whatever could make a line
//! read as another one. Pages escape it besides.

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// A short, visible, one-line text from a stranger.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Claim(String);

/// The longest claim kept, in Unicode scalar values.
pub const MAX_CHARS: usize = 80;

impl Claim {
    /// Drops control, format, separator and private-use characters, what stands before the first
    /// that shows, and all beyond [`MAX_CHARS`]; `None` where nothing is left.
    pub fn cleaned(text: &str) -> Option<Self> {
        let clean: String = text.chars().filter(|c| visible(*c)).skip_while(|c| !shows(*c)).take(MAX_CHARS).collect();
        (!clean.is_empty()).then(|| Self(clean.trim().to_owned()))
    }

    /// Takes the text as it is, trimmed, for dialects that refuse what others mend.
    ///
    /// # Errors
    /// [`BadClaim`].
    pub fn exact(text: &str) -> Result<Self, BadClaim> {
        Self::exact_up_to(text, MAX_CHARS)
    }

    /// The same, of another length at most.
    ///
    /// # Errors
    /// [`BadClaim`].
    pub fn exact_up_to(text: &str, most: usize) -> Result<Self, BadClaim> {
        let trimmed = text.trim();
        match trimmed.chars().count() {
            _ if !trimmed.chars().any(shows) => Err(BadClaim::Empty),
            count if count > most => Err(BadClaim::TooLong(most)),
            _ if text.chars().any(misleads) => Err(BadClaim::Misleading),
            _ => Ok(Self(trimmed.to_owned())),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that is no name for people.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadClaim {
    /// Nothing that shows.
    #[error("is empty")]
    Empty,
    /// Over so many.
    #[error("is longer than {0} characters")]
    TooLong(usize),
    /// It holds what could make a line read as another one.
    #[error("holds a control, format, separator or private-use character")]
    Misleading,
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn visible(c: char) -> bool {
    use GeneralCategory as G;
    !matches!(
        c.general_category(),
        G::Control | G::Format | G::LineSeparator | G::ParagraphSeparator | G::PrivateUse | G::Surrogate | G::Unassigned
    )
}

/// Whether there is something to see, even alone: marks need a letter, and some letters are blanks.
fn shows(c: char) -> bool {
    use GeneralCategory as G;
    let is_mark = matches!(c.general_category(), G::NonspacingMark | G::SpacingMark | G::EnclosingMark);
    visible(c) && !c.is_whitespace() && !is_mark && !matches!(c, '\u{115f}' | '\u{1160}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}')
}

/// Fewer than what is not [`visible`]: a character that is not assigned yet is somebody's new emoji.
fn misleads(c: char) -> bool {
    use GeneralCategory as G;
    matches!(c.general_category(), G::Control | G::Format | G::LineSeparator | G::ParagraphSeparator | G::PrivateUse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_keeps_its_words_and_loses_what_could_turn_the_line() {
        let claim = Claim::cleaned("  lap\u{202e}top\u{200b}\n\0 of Zoë ").map(|claim| claim.to_string());
        assert_eq!(claim.as_deref(), Some("laptop of Zoë"));
        assert_eq!(Claim::cleaned("\u{200b}\u{feff} \t"), None);
        assert_eq!(Claim::cleaned("\u{3164}\u{2800}"), None);
        assert_eq!(Claim::cleaned(&"x".repeat(500)).map(|claim| claim.as_str().len()), Some(MAX_CHARS));
        assert_eq!(Claim::cleaned(&format!("{}laptop", " ".repeat(500))).as_ref().map(Claim::as_str), Some("laptop"));
    }

    #[test]
    fn a_claim_that_is_not_mended_is_taken_whole_or_not_at_all() {
        for name in ["Zoë's app", "  spaced  ", &"語".repeat(80), &format!(" {} ", "x".repeat(80)), "👩\u{fe0f}"] {
            assert_eq!(Claim::exact(name).as_ref().map(Claim::as_str), Ok(name.trim()));
        }
        for (name, why) in [
            ("", BadClaim::Empty),
            (" \u{3000}", BadClaim::Empty),
            ("\u{3164} \u{2800}", BadClaim::Empty),
            (&"\u{301}".repeat(80), BadClaim::Empty),
            (&"語".repeat(81), BadClaim::TooLong(MAX_CHARS)),
            ("a\nb", BadClaim::Misleading),
            ("a\n", BadClaim::Misleading),
            ("a\u{200b}b", BadClaim::Misleading),
            ("a\u{202e}b", BadClaim::Misleading),
            ("a\u{2028}b", BadClaim::Misleading),
            ("a\u{e000}b", BadClaim::Misleading),
            ("a\u{ad}b", BadClaim::Misleading),
        ] {
            assert_eq!(Claim::exact(name), Err(why), "{name:?}");
        }
    }
}
