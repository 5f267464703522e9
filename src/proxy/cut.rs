//! What ends an answer that is on its way when its access is taken back, and what is said then.
//!
//! An event stream (HTML Living Standard, section 9.2) gets one last event that says why, and a proper
//! end. Everything else breaks off:
//!
//! - another content type, since half of a document with a proper end looks like a whole one;
//! - a stream with a length or a content coding, since nothing can be put behind what is out;
//! - a stream in the middle of an event. Nothing takes back a line that is out: a blank line hands what
//!   there is of the event to the client, and further fields are added to it. Only a client whose stream
//!   breaks off throws the half away (section 9.2.6).

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{
    HeaderMap, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE},
};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::authenticate::TAKEN_BACK;
use crate::{
    message::{Refused, RequestId, refused::Event},
    verify::OpenStream,
};

/// An answer's entry in the table of open streams, and the signal that ends it.
pub struct Cut {
    entry: OpenStream,
    signal: Pin<Box<WaitForCancellationFutureOwned>>,
    event: Event,
    id: RequestId,
    /// How far an event stream is; `None` where no event can be put behind it.
    progress: Option<Progress>,
}

impl Cut {
    /// For the answer to this request with these header fields. `event` is how its route says no.
    pub fn new(entry: OpenStream, event: Event, id: RequestId, headers: &HeaderMap) -> Self {
        let signal = Box::pin(entry.cut().clone().cancelled_owned());
        Self { entry, signal, event, id, progress: takes_events(headers).then(Progress::default) }
    }

    /// Completes when the answer is to end.
    pub fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.signal.as_mut().poll(cx)
    }

    /// Whether the answer is to end.
    pub fn is_due(&self) -> bool {
        self.entry.cut().is_cancelled()
    }

    /// This piece is out.
    pub fn passed(&mut self, piece: &[u8]) {
        if let Some(progress) = &mut self.progress {
            progress.passed(piece);
        }
    }

    /// Counts the answer among those that were cut.
    pub fn count(&self) {
        self.entry.count_cut();
    }

    /// The event that says why the stream ends; `None` where it must break off, or nobody can say.
    pub fn last_event(&self) -> Option<Bytes> {
        if self.entry.is_unknown() {
            return None;
        }
        let before = self.progress.as_ref()?.before_an_event()?;
        let (code, message) = TAKEN_BACK;
        let event = (self.event)(&Refused::new(StatusCode::UNAUTHORIZED, code, message, self.id));
        Some(format!("{before}{event}").into())
    }
}

/// Whether an event can be put behind what is out.
fn takes_events(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(Ok(line)), None) = (types.next().map(|line| line.to_str()), types.next()) else { return false };
    let essence = line.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("text/event-stream") && !headers.contains_key(CONTENT_LENGTH) && !headers.contains_key(CONTENT_ENCODING)
}

/// How far an event stream is (HTML Living Standard, section 9.2.5).
struct Progress {
    /// No byte of the next line is out.
    at_line_start: bool,
    /// The line before ended with CR, to which an LF still belongs.
    after_cr: bool,
    /// A field is out, and the blank line behind it is not. Comments are no fields.
    in_event: bool,
}

impl Default for Progress {
    fn default() -> Self {
        Self { at_line_start: true, after_cr: false, in_event: false }
    }
}

impl Progress {
    fn passed(&mut self, piece: &[u8]) {
        // Nearly every piece ends with its event, and whatever came before does not matter then.
        if piece.ends_with(b"\n\n") || piece.ends_with(b"\n\r\n") {
            *self = Self::default();
        } else {
            piece.iter().for_each(|byte| self.byte(*byte));
        }
    }

    fn byte(&mut self, byte: u8) {
        let ends_crlf = byte == b'\n' && self.after_cr;
        self.after_cr = byte == b'\r';
        match byte {
            _ if ends_crlf => {}
            b'\n' | b'\r' => {
                self.in_event &= !self.at_line_start;
                self.at_line_start = true;
            }
            _ => {
                self.in_event |= self.at_line_start && byte != b':';
                self.at_line_start = false;
            }
        }
    }

    /// What must come before an event, so that it is one of its own; `None` where nothing helps.
    const fn before_an_event(&self) -> Option<&'static str> {
        match (self.in_event, self.at_line_start) {
            (true, _) => None,
            (false, true) => Some(""),
            // Half of a comment.
            (false, false) => Some("\n"),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
