//! The particulars of a request, as texts under names, and what they are read as. Any of them may
//! be a secret, so none is shown.

use std::{collections::BTreeMap, time::Duration};

use jiff::{SpanRelativeTo, fmt::friendly::SpanParser};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{AdminError, Argument, Form};
use crate::{
    engine::{MAX_PASSWORD_BYTES, MIN_PASSWORD_BYTES},
    oauth::{id::GrantId, user::UserName},
};

/// Texts under names. Silent in `Debug` but for the names.
#[derive(Clone, Default)]
pub struct Arguments(BTreeMap<String, SecretString>);

impl Arguments {
    /// Reads a JSON object whose values are texts.
    ///
    /// # Errors
    /// For anything else, in words that quote nothing.
    pub fn from_json(json: &[u8]) -> Result<Self, AdminError> {
        serde_json::from_slice(json).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            AdminError::invalid(format!("the body must be a JSON object whose values are texts; it is not at line {line}, column {column}"))
        })
    }

    /// Adds one.
    pub fn set(&mut self, name: &str, value: SecretString) {
        self.0.insert(name.to_owned(), value);
    }

    /// Whether there are all that are required, and none that are not known.
    pub(super) fn check(&self, known: &[Argument]) -> Result<(), AdminError> {
        if let Some(unknown) = self.0.keys().find(|name| !known.iter().any(|argument| argument.name == *name)) {
            return Err(AdminError::invalid(format!("there is no argument {unknown:?} here")));
        }
        let missing = |argument: &&Argument| !matches!(argument.form, Form::Optional | Form::Flag) && !self.0.contains_key(argument.name);
        match known.iter().find(missing) {
            Some(argument) => Err(AdminError::invalid(format!("`{}` is missing", argument.name))),
            None => Ok(()),
        }
    }

    /// A text, where there is one.
    pub(super) fn optional(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(ExposeSecret::expose_secret)
    }

    /// A text.
    pub(super) fn text(&self, name: &str) -> Result<&str, AdminError> {
        self.optional(name).ok_or_else(|| AdminError::invalid(format!("`{name}` is missing")))
    }

    /// Whether a flag was given.
    pub(super) fn flag(&self, name: &str) -> Result<bool, AdminError> {
        match self.optional(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(AdminError::invalid(format!("`{name}` is \"true\" or \"false\""))),
        }
    }

    /// A user's name.
    pub(super) fn user_name(&self, name: &str) -> Result<UserName, AdminError> {
        UserName::parse(self.text(name)?).map_err(|error| AdminError::invalid(error.to_string()))
    }

    /// A grant's id.
    pub(super) fn grant_id(&self, name: &str) -> Result<GrantId, AdminError> {
        GrantId::parse(self.text(name)?).ok_or_else(|| AdminError::invalid(format!("`{name}` has 32 hexadecimal digits")))
    }

    /// A new password.
    pub(super) fn password(&self, name: &str) -> Result<SecretString, AdminError> {
        let password = self.text(name)?;
        match password.len() {
            MIN_PASSWORD_BYTES..=MAX_PASSWORD_BYTES => Ok(SecretString::from(password)),
            _ => Err(AdminError::invalid(format!("a password has {MIN_PASSWORD_BYTES} to {MAX_PASSWORD_BYTES} bytes"))),
        }
    }

    /// A length of time within bounds, such as `90d`, where there is one.
    pub(super) fn duration(&self, name: &str, least: Duration, most: Duration) -> Result<Option<Duration>, AdminError> {
        let Some(text) = self.optional(name) else { return Ok(None) };
        let length = SpanParser::new().parse_span(text).and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()));
        let length =
            length.map_err(|error| AdminError::invalid(format!("`{name}` is no length of time such as \"12h\" or \"90d\": {error}")))?;
        let length = Duration::try_from(length).ok().filter(|length| (least..=most).contains(length));
        let bounds = || format!("`{name}` is {} minute to {} days", least.as_secs() / 60, most.as_secs() / (24 * 60 * 60));
        length.map(Some).ok_or_else(|| AdminError::invalid(bounds()))
    }
}

impl Serialize for Arguments {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value.expose_secret())))
    }
}

impl<'de> Deserialize<'de> for Arguments {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = BTreeMap::<String, String>::deserialize(deserializer)?;
        Ok(Self(texts.into_iter().map(|(name, value)| (name, SecretString::from(value))).collect()))
    }
}

impl std::fmt::Debug for Arguments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
