//! The file that a store is moved in. Two lines in clear, then sealed frames, each with one byte that
//! says whether it is the last and four that say how long it is:
//!
//! ```text
//! gatepost export 1                       the format
//! k1 00112233445566778899aabbccddeeff     the root under which it is sealed, and the file's random id
//! frame 0                                 JSON: the roots of the gateway that it comes from
//! frame 1 …                               entries, a line of JSON each: name, deadline, content
//! ```

use std::io::{self, BufRead, Read, Write};

use data_encoding::{BASE64, HEXLOWER};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    oauth::{
        frame::Place,
        secret::{Keyring, RootId},
    },
    store::{Entry, Unavailable},
};

/// The format of the file that this version makes and knows.
pub const EXPORT_FORMAT: u32 = 1;

const FIRST_WORDS: &str = "gatepost export ";
/// No first line is longer.
const LONGEST_LINE: u64 = 64;
/// A frame is closed once it holds as much.
const FRAME: usize = 256 << 10;
/// No frame is longer: what is read of a damaged file stays bounded.
const LONGEST_FRAME: usize = 64 << 20;

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It begins otherwise.
    #[error("is no export of Gatepost's")]
    Foreign,
    /// It was made by another version.
    #[error("has format {0}, and this version of Gatepost knows format {EXPORT_FORMAT} only")]
    UnknownFormat(String),
    /// It cannot be opened here.
    #[error("is sealed under the root secret \"{0}\", which is not configured")]
    UnknownRoot(RootId),
    /// Its first frame does not open.
    #[error("is damaged, or sealed under another root secret than the one configured as \"{0}\"")]
    Unopened(RootId),
    /// A later frame does not.
    #[error("is damaged: frame {0} is not what was written there")]
    Damaged(u64),
    /// It ends before its last frame.
    #[error("is cut short: it ends in frame {0}, which is not the last one")]
    Cut(u64),
    /// It does not end there.
    #[error("is damaged: something stands behind its last frame")]
    Longer,
    /// It holds something of a later version.
    #[error("cannot be read: {0}")]
    Unreadable(Unavailable),
    /// The library of cryptography would not.
    #[error("could not be sealed")]
    Unsealed,
    /// A single entry is longer than any frame.
    #[error("could not be written: an entry is longer than {LONGEST_FRAME} bytes")]
    EntryTooLong,
    /// The disk or the file system said no.
    #[error("cannot be read or written: {0}")]
    Io(#[from] io::Error),
}

/// What frame 0 says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Head {
    /// Every root of the gateway that the file comes from, with its check value.
    pub(super) roots: Vec<(RootId, [u8; 16])>,
}

/// An entry as it is written down: its name in hexadecimal digits, its deadline, its content in base64.
#[derive(Serialize, Deserialize)]
struct Line(String, Option<Timestamp>, String);

/// Writes a file.
pub(super) struct Writer<'a, W> {
    to: W,
    keyring: &'a Keyring,
    header: Vec<u8>,
    number: u64,
    frame: Zeroizing<Vec<u8>>,
}

impl<'a, W: Write> Writer<'a, W> {
    pub(super) fn begin(mut to: W, keyring: &'a Keyring) -> Result<Self, FileError> {
        let id = HEXLOWER.encode(&rand::random::<[u8; 16]>());
        let header = format!("{FIRST_WORDS}{EXPORT_FORMAT}\n{} {id}\n", keyring.minting()).into_bytes();
        to.write_all(&header)?;
        let head = Head { roots: keyring.checks().collect() };
        let frame = Zeroizing::new(serde_json::to_vec(&head).map_err(io::Error::from)?);
        let mut writer = Self { to, keyring, header, number: 0, frame };
        writer.close_frame(false)?;
        Ok(writer)
    }

    pub(super) fn add(&mut self, name: &[u8], content: &[u8], until: Option<Timestamp>) -> Result<(), FileError> {
        let line = Line(HEXLOWER.encode(name), until, BASE64.encode(content));
        serde_json::to_writer(&mut *self.frame, &line).map_err(io::Error::from)?;
        self.frame.push(b'\n');
        if self.frame.len() >= FRAME { self.close_frame(false) } else { Ok(()) }
    }

    /// The last frame may be empty.
    pub(super) fn end(mut self) -> Result<W, FileError> {
        self.close_frame(true)?;
        self.to.flush()?;
        Ok(self.to)
    }

    fn close_frame(&mut self, last: bool) -> Result<(), FileError> {
        let place = Place { header: &self.header, number: self.number, last };
        let sealed = self.keyring.seal_frame(place, &self.frame).ok_or(FileError::Unsealed)?;
        let length = u32::try_from(sealed.len()).ok().filter(|_| sealed.len() <= LONGEST_FRAME).ok_or(FileError::EntryTooLong)?;
        self.to.write_all(&[u8::from(last)])?;
        self.to.write_all(&length.to_be_bytes())?;
        self.to.write_all(&sealed)?;
        self.number += 1;
        self.frame.clear();
        Ok(())
    }
}

/// Reads a file, and nothing out of it that was not written there.
pub(super) struct Reader<'a, R> {
    from: R,
    keyring: &'a Keyring,
    root: RootId,
    header: Vec<u8>,
    number: u64,
    ended: bool,
}

impl<'a, R: BufRead> Reader<'a, R> {
    pub(super) fn begin(mut from: R, keyring: &'a Keyring) -> Result<(Self, Head), FileError> {
        let first = read_line(&mut from)?;
        match first.strip_prefix(FIRST_WORDS) {
            Some(format) if *format == EXPORT_FORMAT.to_string() => {}
            Some(format) if format.bytes().all(|byte| byte.is_ascii_digit()) => {
                return Err(FileError::UnknownFormat(format.to_owned()));
            }
            _ => return Err(FileError::Foreign),
        }
        let second = read_line(&mut from)?;
        let root = second.split_once(' ').and_then(|(root, _)| RootId::parse(root)).ok_or(FileError::Foreign)?;
        if !keyring.has(root) {
            return Err(FileError::UnknownRoot(root));
        }
        let header = format!("{first}\n{second}\n").into_bytes();
        let mut reader = Self { from, keyring, root, header, number: 0, ended: false };
        let head = reader.frame()?.ok_or(FileError::Cut(0))?;
        // Nobody but us has sealed it: what is not read was written by another version.
        let head = serde_json::from_slice(&head).map_err(|_damage| FileError::Unreadable(Unavailable::because("its first frame")))?;
        Ok((reader, head))
    }

    /// The entries of the next frame; `None` behind the last one.
    pub(super) fn entries(&mut self) -> Result<Option<Vec<Entry>>, FileError> {
        let Some(frame) = self.frame()? else { return Ok(None) };
        let mut entries = Vec::new();
        for line in serde_json::Deserializer::from_slice(&frame).into_iter() {
            let unreadable = || FileError::Unreadable(Unavailable::because("a line that is none"));
            let Line(name, until, content) = line.map_err(|_damage| unreadable())?;
            let name = HEXLOWER.decode(name.as_bytes()).map_err(|_damage| unreadable())?;
            let content = BASE64.decode(content.as_bytes()).map_err(|_damage| unreadable())?;
            entries.extend(Entry::decode(&name, &content, until).map_err(FileError::Unreadable)?);
        }
        Ok(Some(entries))
    }

    fn frame(&mut self) -> Result<Option<Zeroizing<Vec<u8>>>, FileError> {
        if self.ended {
            return Ok(None);
        }
        let cut = |error: io::Error| match error.kind() {
            io::ErrorKind::UnexpectedEof => FileError::Cut(self.number),
            _ => FileError::Io(error),
        };
        let damaged = if self.number == 0 { FileError::Unopened(self.root) } else { FileError::Damaged(self.number) };
        let (mut last, mut length) = ([0; 1], [0; 4]);
        self.from.read_exact(&mut last).map_err(cut)?;
        self.from.read_exact(&mut length).map_err(cut)?;
        let length = u32::from_be_bytes(length) as usize;
        if last[0] > 1 || length > LONGEST_FRAME {
            return Err(damaged);
        }
        let mut sealed = Vec::new();
        if self.from.by_ref().take(length as u64).read_to_end(&mut sealed)? < length {
            return Err(FileError::Cut(self.number));
        }
        let place = Place { header: &self.header, number: self.number, last: last[0] == 1 };
        let frame = self.keyring.open_frame(self.root, place, &sealed).ok_or(damaged)?;
        self.number += 1;
        self.ended = place.last;
        if self.ended && self.from.read(&mut [0])? > 0 {
            return Err(FileError::Longer);
        }
        Ok(Some(frame))
    }
}

/// A line of the header, without its end.
fn read_line(from: &mut impl BufRead) -> Result<String, FileError> {
    let mut line = Vec::new();
    from.take(LONGEST_LINE).read_until(b'\n', &mut line)?;
    let line = line.strip_suffix(b"\n").ok_or(FileError::Foreign)?;
    String::from_utf8(line.to_vec()).map_err(|_no_text| FileError::Foreign)
}
