//! The credential that came with a request (RFC 9110 section 11.4, RFC 6750 section 2.1). Where one
//! may stand is a row of `PLACES`.

use http::{HeaderMap, HeaderName, header::AUTHORIZATION};

use super::header::{CREDENTIALS, SERBLE_AUTH};

/// Where a credential may stand, and how it is written there.
#[derive(PartialEq, Eq, Debug)]
pub struct Place {
    /// The field.
    pub field: HeaderName,
    /// The word before it.
    scheme: &'static str,
    /// Whether the word is read in any case.
    any_case: bool,
    /// Whether more than one space may stand around it.
    any_spaces: bool,
    /// Whether several of them, on two lines or in a list, are [`Ambiguous`]. Otherwise they are none.
    several_are_ambiguous: bool,
    /// What it may hold besides letters and digits; `=` at its end alone.
    symbols: &'static str,
    /// What it is.
    shows: Shows,
    /// How a token is shown in this field, for people.
    pub usage: &'static str,
}

/// What a credential is.
#[derive(PartialEq, Eq, Debug)]
enum Shows {
    /// An access token; of this dialect, where one is named.
    Token(Option<&'static str>),
    /// A client's id and secret.
    Client,
}

/// Every place. Of those in one field the first stands for whatever is not understood there.
pub static PLACES: [Place; 3] = [
    Place {
        field: AUTHORIZATION,
        scheme: "Bearer",
        any_case: true,
        any_spaces: true,
        several_are_ambiguous: true,
        symbols: TOKEN68,
        shows: Shows::Token(None),
        usage: BEARER,
    },
    Place {
        field: AUTHORIZATION,
        scheme: "Basic",
        any_case: true,
        any_spaces: true,
        several_are_ambiguous: true,
        symbols: TOKEN68,
        shows: Shows::Client,
        usage: BEARER,
    },
    Place {
        field: SERBLE_AUTH,
        scheme: "App",
        any_case: false,
        any_spaces: false,
        several_are_ambiguous: false,
        symbols: "-_.",
        shows: Shows::Token(Some("serble")),
        usage: "SerbleAuth must be: App <token>.",
    },
];

/// RFC 9110 section 11.2, RFC 6750 section 2.1.
const TOKEN68: &str = "-._~+/=";
const BEARER: &str = "Authorization must be: Bearer <token>.";

/// What a request shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Credential<'a> {
    /// Nothing.
    None,
    /// A token.
    Token {
        /// Where it stands.
        place: &'static Place,
        /// The token.
        text: &'a str,
    },
    /// A client's id and secret, as HTTP Basic has them.
    Basic {
        /// Where they stand.
        place: &'static Place,
        /// What follows the word.
        text: &'a str,
    },
    /// Something that is not understood here, in the field of this place.
    Other(&'static Place),
}

/// There is more than one: nobody can say which counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ambiguous;

impl Place {
    /// Whether tokens of this dialect are taken here.
    pub fn takes(&self, dialect: &str) -> bool {
        match self.shows {
            Shows::Token(only) => only.is_none_or(|only| only == dialect),
            Shows::Client => false,
        }
    }

    fn is_called(&self, scheme: &str) -> bool {
        if self.any_case { self.scheme.eq_ignore_ascii_case(scheme) } else { self.scheme == scheme }
    }

    fn is_credential(&self, text: &str) -> bool {
        let bare = if self.symbols.contains('=') { text.trim_end_matches('=') } else { text };
        let may_stand = |c: char| c.is_ascii_alphanumeric() || c != '=' && self.symbols.contains(c);
        !bare.is_empty() && bare.chars().all(may_stand)
    }
}

impl<'a> Credential<'a> {
    /// Reads the one credential of a request.
    ///
    /// # Errors
    /// [`Ambiguous`] for several, where they are not simply none, and for another field of credentials
    /// beside it.
    pub fn of(headers: &'a HeaderMap) -> Result<Self, Ambiguous> {
        let Some(tried) = PLACES.iter().find(|place| headers.contains_key(&place.field)) else { return Ok(Self::None) };
        if CREDENTIALS.iter().filter(|field| headers.contains_key(*field)).count() > 1 {
            return Err(Ambiguous);
        }
        let mut lines = headers.get_all(&tried.field).iter();
        let (Some(line), None) = (lines.next(), lines.next()) else {
            return if tried.several_are_ambiguous { Err(Ambiguous) } else { Ok(Self::Other(tried)) };
        };
        // Bytes that are no text are no credential that anybody gave out.
        let Ok(line) = line.to_str() else { return Ok(Self::Other(tried)) };
        let Some((scheme, rest)) = line.split_once(' ') else { return Ok(Self::Other(tried)) };
        // Parameters of other schemes are not for us to judge.
        let place = PLACES.iter().find(|place| place.field == tried.field && place.is_called(scheme));
        let Some(place) = place else { return Ok(Self::Other(tried)) };
        let text = if place.any_spaces { rest.trim_matches(' ') } else { rest };
        if place.several_are_ambiguous && text.contains(',') {
            return Err(Ambiguous);
        }
        Ok(match place.shows {
            _ if !place.is_credential(text) => Self::Other(tried),
            Shows::Token(_) => Self::Token { place, text },
            Shows::Client => Self::Basic { place, text },
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
