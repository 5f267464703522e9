//! What stands in bodies. What is wrong is told of the member that it is about.

use super::{answers::Problem, presets::PRESETS};
use crate::message::Fields;

/// The longest id of a device.
const MAX_DEVICE_ID: usize = 64;
/// What a client says that does not say what it is.
const UNSPECIFIED: &str = "UNSPECIFIED";

/// What kinds of clients there are, and what people call them.
const CLIENT_TYPES: [(&str, Option<&str>); 6] = [
    (UNSPECIFIED, None),
    ("CLI", Some("Command line")),
    ("IDE", Some("Code editor")),
    ("DESKTOP", Some("Desktop app")),
    ("MCP", Some("MCP client")),
    ("OTHER", None),
];

/// A text of the body; `None` where it is absent or empty.
pub(super) fn text<'a>(fields: &'a Fields, name: &'static str) -> Result<Option<&'a str>, Problem> {
    fields.text(name).map_err(|bad| Problem::Field(name, bad.to_string()))
}

/// A text that may be left out, and is not empty.
pub(super) fn given<'a>(fields: &'a Fields, name: &'static str) -> Result<Option<&'a str>, Problem> {
    match text(fields, name)? {
        None if fields.holds(name) => Err(Problem::Field(name, format!("{name} is empty."))),
        text => Ok(text),
    }
}

/// The name of a preset, which has no default.
pub(super) fn preset(fields: &Fields) -> Result<&str, Problem> {
    text(fields, "preset")?.ok_or_else(|| Problem::Field("preset", format!("preset is required: one of {}.", PRESETS.join(", "))))
}

/// What kind of client it says that it is, and what people call that.
pub(super) fn client_type(fields: &Fields) -> Result<(&'static str, Option<&'static str>), Problem> {
    let absent = if fields.holds("clientType") { "" } else { UNSPECIFIED };
    let named = text(fields, "clientType")?.unwrap_or(absent);
    CLIENT_TYPES.into_iter().find(|(known, _)| *known == named).ok_or_else(|| {
        let known = CLIENT_TYPES.map(|(known, _)| known).join(", ");
        Problem::Field("clientType", format!("clientType must be one of {known}."))
    })
}

/// Which installation it says that it is.
pub(super) fn device_id(fields: &Fields) -> Result<Option<String>, Problem> {
    let Some(id) = text(fields, "deviceId")? else { return Ok(None) };
    let is_id = id.len() <= MAX_DEVICE_ID && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let why = || format!("deviceId has at most {MAX_DEVICE_ID} letters, digits and hyphens.");
    is_id.then(|| Some(id.to_owned())).ok_or_else(|| Problem::Field("deviceId", why()))
}
