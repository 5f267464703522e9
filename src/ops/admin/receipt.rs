//! What is known once something is taken back: who has heard of it (docs/revocation.md, R6).

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::{AdminAnswer, AdminError, to_the_second};
use crate::verify::Receipt;

/// A receipt, as answers have it: `receipt`.
#[derive(Serialize)]
struct Shown {
    sequence: u64,
    acknowledged: Vec<String>,
    waited_out: Vec<String>,
    may_serve_until: Option<Timestamp>,
    ms: u64,
}

impl AdminAnswer {
    /// The same with the receipt, where something was taken back.
    ///
    /// # Errors
    /// [`AdminError`] where it cannot be written.
    pub(super) fn with(mut self, receipt: Option<Receipt>) -> Result<Self, AdminError> {
        let Some(Receipt { sequence, acknowledged, waited_out, may_serve_until, took }) = receipt else { return Ok(self) };
        let may_serve_until = may_serve_until.map(to_the_second);
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let Self(shown) = Self::of(&Shown { sequence, acknowledged, waited_out, may_serve_until, ms })?;
        if let Value::Object(fields) = &mut self.0 {
            fields.insert("receipt".to_owned(), shown);
        }
        Ok(self)
    }

    /// Whether a replica may still serve what was taken back, by its operator's choice.
    pub fn is_pending(&self) -> bool {
        self.0["receipt"]["may_serve_until"].is_string()
    }
}
