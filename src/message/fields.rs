//! What callers send, as named fields: a form or a JSON object, each name at most once. A form may
//! name several resources (RFC 8707 section 2).

use std::{fmt, ops::RangeInclusive};

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use serde::{
    Deserialize,
    de::{self, MapAccess, Visitor},
};
use serde_json::Value;

use super::{
    Body,
    body::{self, ReadError},
};

/// More than any request of ours needs.
pub const MAX_BODY: usize = 64 * 1024;
/// More than any request of ours has. Each is compared with all before it.
const MAX_FIELDS: usize = 256;
/// The one parameter that may be repeated.
const RESOURCE: &str = "resource";
/// The type of a form.
const FORM: &str = "application/x-www-form-urlencoded";

/// Why a request could not be read. Nothing was changed by it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BadInput {
    /// Over [`MAX_BODY`].
    TooLarge,
    /// Neither of the types that the endpoint takes.
    WrongType,
    /// Anything else, as a sentence.
    Malformed(String),
}

impl BadInput {
    fn malformed(why: impl Into<String>) -> Self {
        Self::Malformed(why.into())
    }

    /// 400, 413 or 415.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::WrongType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
        }
    }
}

/// A sentence that may be shown to anybody: it never repeats a value that was sent.
impl fmt::Display for BadInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => write!(f, "The body is larger than {MAX_BODY} bytes."),
            Self::WrongType => f.write_str("The content type is not one that this endpoint takes."),
            Self::Malformed(why) => f.write_str(why),
        }
    }
}

/// Which bodies an endpoint takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Takes {
    /// A form.
    Form,
    /// A form or a JSON object.
    FormOrJson,
    /// A JSON object.
    Json,
}

/// The fields of a request. `null` and the empty text count as absent (RFC 6749 section 3.1).
#[derive(Default)]
pub struct Fields(Vec<(String, Value)>);

/// The names alone: values are passwords and codes.
impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl Fields {
    /// Reads a body. No body at all has no fields.
    ///
    /// # Errors
    /// [`BadInput`].
    pub async fn read(headers: &HeaderMap, body: Body, takes: Takes) -> Result<Self, BadInput> {
        let bytes = whole(body).await?;
        if headers.contains_key(header::CONTENT_ENCODING) {
            return Err(BadInput::WrongType);
        }
        if bytes.is_empty() && !headers.contains_key(header::CONTENT_TYPE) {
            return Ok(Self::default());
        }
        let text = utf8(&bytes)?;
        match (media_type(headers).as_deref(), takes) {
            (Some(FORM), Takes::Form | Takes::FormOrJson) => Self::from_form(text),
            (Some("application/json"), Takes::Json | Takes::FormOrJson) => Self::from_json(text),
            _ => Err(BadInput::WrongType),
        }
    }

    /// Reads a query and the form in the body as one, in which each name stands once. An empty body may
    /// be of any type, and is not looked at (Serble).
    ///
    /// # Errors
    /// [`BadInput::TooLarge`], [`BadInput::Malformed`].
    pub async fn from_query_and_form(query: Option<&str>, headers: &HeaderMap, body: Body) -> Result<Self, BadInput> {
        let bytes = whole(body).await?;
        if bytes.is_empty() {
            return Self::from_query(query);
        }
        if media_type(headers).as_deref() != Some(FORM) || headers.contains_key(header::CONTENT_ENCODING) {
            return Err(BadInput::malformed("The body is not a form."));
        }
        Self::from_form(&format!("{}&{}", query.unwrap_or_default(), utf8(&bytes)?))
    }

    /// Reads a query, which is written like a form.
    ///
    /// # Errors
    /// [`BadInput`].
    pub fn from_query(query: Option<&str>) -> Result<Self, BadInput> {
        Self::from_form(query.unwrap_or_default())
    }

    /// Reads what can be read of a query, and says what is wrong with the rest: names that stand
    /// there more than once are left out, since nobody can say which counts. For an endpoint that
    /// has to find out to whom it may complain (RFC 6749 section 4.1.2.1).
    pub fn from_query_in_part(query: Option<&str>) -> (Self, Option<BadInput>) {
        let query = query.unwrap_or_default();
        match Self::from_form(query) {
            Ok(fields) => (fields, None),
            Err(bad) => {
                let mut names: Vec<_> = form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name.into_owned()).collect();
                names.sort_unstable();
                let count = |name: &str| {
                    names.partition_point(|other| other.as_str() <= name) - names.partition_point(|other| other.as_str() < name)
                };
                let readable = |text: &str| !text.contains('\u{fffd}');
                let once =
                    form_urlencoded::parse(query.as_bytes()).filter(|(name, value)| count(name) == 1 && readable(name) && readable(value));
                let fields = once.take(MAX_FIELDS).map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())));
                (Self(fields.collect()), Some(bad))
            }
        }
    }

    fn from_form(text: &str) -> Result<Self, BadInput> {
        let mut fields: Vec<(String, Value)> = Vec::new();
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            // What was no UTF-8 behind its percent signs has become this character.
            if name.contains('\u{fffd}') || value.contains('\u{fffd}') {
                return Err(BadInput::malformed("A field is not UTF-8."));
            }
            if name != RESOURCE && fields.iter().any(|(known, _)| *known == name) {
                return Err(repeated(&name));
            }
            if fields.len() == MAX_FIELDS {
                return Err(BadInput::malformed("There are too many fields."));
            }
            fields.push((name.into_owned(), Value::String(value.into_owned())));
        }
        Ok(Self(fields))
    }

    fn from_json(text: &str) -> Result<Self, BadInput> {
        let object: Object = serde_json::from_str(text).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => {
                BadInput::malformed("The body is not a JSON object with distinct names, and not too many.")
            }
            _ => BadInput::malformed("The body is not valid JSON."),
        })?;
        Ok(Self(object.0))
    }

    /// A text; `None` where it is absent.
    ///
    /// # Errors
    /// [`BadInput::Malformed`] where it is something else, or holds a NUL.
    pub fn text(&self, name: &str) -> Result<Option<&str>, BadInput> {
        match self.value(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.contains('\0') => Err(BadInput::Malformed(format!("{name} holds a NUL character."))),
            Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
            Some(_) => Err(BadInput::Malformed(format!("{name} must be a string."))),
        }
    }

    /// A text that must be there.
    ///
    /// # Errors
    /// [`BadInput::Malformed`].
    pub fn required(&self, name: &str) -> Result<&str, BadInput> {
        self.text(name)?.ok_or_else(|| BadInput::Malformed(format!("{name} is missing.")))
    }

    /// All texts of a name that may be repeated; in JSON, a text or a list of texts.
    ///
    /// # Errors
    /// [`BadInput::Malformed`] where one is something else, or holds a NUL.
    pub fn texts(&self, name: &str) -> Result<Vec<&str>, BadInput> {
        let mut texts = Vec::new();
        for value in self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| value) {
            let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
            for value in values {
                match value {
                    Value::String(text) if !text.contains('\0') => texts.extend(Some(text.as_str()).filter(|text| !text.is_empty())),
                    Value::Null => {}
                    _ => return Err(BadInput::Malformed(format!("{name} must be a string, or several."))),
                }
            }
        }
        Ok(texts)
    }

    /// The texts of a list in JSON; `None` where it is absent.
    ///
    /// # Errors
    /// [`BadInput::Malformed`] where it is something else than a list of texts, or one holds a NUL.
    pub fn list(&self, name: &str) -> Result<Option<Vec<&str>>, BadInput> {
        let text = |value: &Value| value.as_str().is_some_and(|text| !text.contains('\0'));
        match self.value(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Array(values)) if values.iter().all(text) => Ok(Some(values.iter().filter_map(Value::as_str).collect())),
            Some(_) => Err(BadInput::Malformed(format!("{name} must be a list of strings."))),
        }
    }

    /// Whether something is so; `None` where it is absent.
    ///
    /// # Errors
    /// [`BadInput::Malformed`] where it is something else than `true` or `false`.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, BadInput> {
        match self.value(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(BadInput::Malformed(format!("{name} must be true or false."))),
        }
    }

    /// A whole number within bounds, in JSON; `None` where it is absent.
    ///
    /// # Errors
    /// [`BadInput::Malformed`] where it is something else.
    pub fn integer(&self, name: &str, bounds: RangeInclusive<u32>) -> Result<Option<u32>, BadInput> {
        let number = match self.value(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(value) => value.as_u64().and_then(|number| u32::try_from(number).ok()),
        };
        let (least, most) = (bounds.start(), bounds.end());
        let number = number.filter(|number| bounds.contains(number));
        number.map(Some).ok_or_else(|| BadInput::Malformed(format!("{name} must be a whole number from {least} to {most}.")))
    }

    /// Whether a field is there, be it an empty text, where that is not the same as none.
    pub fn holds(&self, name: &str) -> bool {
        self.value(name).is_some_and(|value| !value.is_null())
    }

    /// The fields of an object within; none where it is absent.
    ///
    /// # Errors
    /// [`BadInput::Malformed`] where it is something else.
    pub fn object(&self, name: &str) -> Result<Self, BadInput> {
        match self.value(name) {
            None | Some(Value::Null) => Ok(Self::default()),
            Some(Value::Object(map)) => Ok(Self(map.iter().map(|(name, value)| (name.clone(), value.clone())).collect())),
            Some(_) => Err(BadInput::Malformed(format!("{name} must be an object."))),
        }
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

fn repeated(name: &str) -> BadInput {
    // Names come from the caller: only those that look like ours are repeated back.
    let plain = name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'_')) && name.len() <= 40;
    BadInput::Malformed(if plain { format!("{name} is given more than once.") } else { "A field is given more than once.".into() })
}

async fn whole(body: Body) -> Result<Bytes, BadInput> {
    body::read(body, MAX_BODY).await.map_err(|error| match error {
        ReadError::TooLarge => BadInput::TooLarge,
        ReadError::Broken(_) => BadInput::malformed("The body broke off."),
    })
}

fn utf8(bytes: &[u8]) -> Result<&str, BadInput> {
    std::str::from_utf8(bytes).map_err(|_no_utf8| BadInput::malformed("The body is not UTF-8."))
}

fn media_type(headers: &HeaderMap) -> Option<String> {
    let mut lines = headers.get_all(header::CONTENT_TYPE).iter();
    let line = lines.next().filter(|_| lines.next().is_none())?;
    // A type that is no text is none that an endpoint takes.
    let text = line.to_str().ok()?;
    let essence = text.split(';').next()?;
    Some(essence.trim().to_ascii_lowercase())
}

/// A JSON object in which no name stands twice: the usual reader would take the last.
struct Object(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Distinct;
        impl<'de> Visitor<'de> for Distinct {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with distinct names")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut fields: Vec<(String, Value)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if fields.len() == MAX_FIELDS || fields.iter().any(|(known, _)| *known == name) {
                        return Err(de::Error::custom("too many names, or a repeated one"));
                    }
                    fields.push((name, value));
                }
                Ok(Object(fields))
            }
        }
        deserializer.deserialize_map(Distinct)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
