//! HTTP/2 frame by frame (RFC 9113 section 4), so that a test can say what no library would.

use std::net::SocketAddr;

use bytes::BytesMut;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::proxy::raw::soon;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
pub(crate) const PADDED: u8 = 8;

/// Error codes (section 7).
pub(crate) const NO_ERROR: u32 = 0;
pub(crate) const PROTOCOL_ERROR: u32 = 1;
pub(crate) const FLOW_CONTROL_ERROR: u32 = 3;
pub(crate) const FRAME_SIZE_ERROR: u32 = 6;
pub(crate) const REFUSED_STREAM: u32 = 7;
pub(crate) const CANCEL: u32 = 8;
pub(crate) const ENHANCE_YOUR_CALM: u32 = 11;

/// A frame that came.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// The error code of a RST_STREAM or GOAWAY.
    pub(crate) fn code(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }

    /// The status of a HEADERS. The peer was told to keep no table, so it stands there in full: as
    /// an entry of the static table, or as three digits in Huffman's code.
    pub(crate) fn status(&self) -> u16 {
        let block = self.payload.iter().position(|byte| byte & 0xe0 != 0x20).map(|at| &self.payload[at..]).unwrap();
        match block[0] {
            indexed @ 0x88..=0x8e => [200, 204, 206, 304, 400, 404, 500][usize::from(indexed - 0x88)],
            _ => {
                let length = usize::from(block[1] & 0x7f);
                digits(&block[2..2 + length])
            }
        }
    }
}

/// RFC 7541 appendix B, of which digits are a small part.
fn digits(coded: &[u8]) -> u16 {
    let mut bits = coded.iter().flat_map(|byte| (0..8).rev().map(move |at| u16::from(byte >> at & 1)));
    let mut number = 0;
    for _ in 0..3 {
        let five = (0..5).fold(0, |bits_so_far, _| bits_so_far << 1 | bits.next().unwrap());
        let digit = if five < 3 { five } else { (five << 1 | bits.next().unwrap()) - 0x19 + 3 };
        number = number * 10 + digit;
    }
    number
}

/// A frame to send.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// Fields as literals that no table learns (RFC 7541 section 6.2.2).
pub(crate) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            integer(text.len(), &mut block);
            block.extend(text.as_bytes());
        }
    }
    block
}

/// An integer behind one bit (RFC 7541 section 5.1).
fn integer(number: usize, block: &mut Vec<u8>) {
    let Some(mut rest) = number.checked_sub(127) else { return block.push(u8::try_from(number).unwrap()) };
    block.push(127);
    while rest >= 128 {
        block.push(u8::try_from(rest % 128).unwrap() | 128);
        rest /= 128;
    }
    block.push(u8::try_from(rest).unwrap());
}

/// A request's HEADERS.
pub(crate) fn request(stream: u32, flags: u8, fields: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, flags | END_HEADERS, stream, &block(fields))
}

/// The pseudo-header fields of a GET to `path`.
pub(crate) fn get(path: &str) -> Vec<(&str, &str)> {
    with_method("GET", path)
}

pub(crate) fn with_method<'a>(method: &'a str, path: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![(":method", method), (":scheme", "http"), (":path", path), (":authority", "gate.example")]
}

/// A caller's connection.
pub(crate) struct Caller {
    socket: TcpStream,
    unread: BytesMut,
    /// The code of the last GOAWAY.
    goodbye: Option<u32>,
}

impl Caller {
    /// Said hello, with these settings more.
    pub(crate) async fn with(address: SocketAddr, settings: &[(u16, u32)]) -> Self {
        let mut caller = Self::silent(address).await;
        // No table of ours, so that every field comes in full.
        let all = [&[(1, 0)], settings].concat();
        let payload: Vec<u8> = all.iter().flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()[..]].concat()).collect();
        caller.send(&[&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &frame(SETTINGS, 0, 0, &payload)].concat()).await;
        caller
    }

    pub(crate) async fn to(address: SocketAddr) -> Self {
        Self::with(address, &[]).await
    }

    /// Connected, and no more.
    pub(crate) async fn silent(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).await.unwrap();
        socket.set_nodelay(true).unwrap();
        Self { socket, unread: BytesMut::new(), goodbye: None }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        assert!(self.try_send(bytes).await, "the connection has ended");
    }

    /// The same on a connection that may end at any time.
    pub(crate) async fn try_send(&mut self, bytes: &[u8]) -> bool {
        soon(self.socket.write_all(bytes)).await.is_ok()
    }

    /// What would be sent now, without waiting for room.
    pub(crate) fn send_now(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.socket.try_write(bytes)
    }

    /// Takes what is there, and keeps of it only what [`Caller::end`] tells.
    pub(crate) fn read_now(&mut self) {
        while self.socket.try_read_buf(&mut self.unread).is_ok_and(|count| count > 0) {
            while self.take().is_some() {}
        }
    }

    /// The first of the frames that are there.
    fn take(&mut self) -> Option<Frame> {
        let length = self.unread.get(..3)?.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        if self.unread.len() < 9 + length {
            return None;
        }
        let head = self.unread.split_to(9);
        let stream = u32::from_be_bytes(head[5..9].try_into().unwrap());
        let frame = Frame { kind: head[3], flags: head[4], stream, payload: self.unread.split_to(length).to_vec() };
        if frame.kind == GOAWAY {
            self.goodbye = Some(frame.code());
        }
        Some(frame)
    }

    /// The next frame; `None` where the connection ends.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.take() {
                return Some(frame);
            }
            if !soon(self.socket.read_buf(&mut self.unread)).await.is_ok_and(|count| count > 0) {
                return None;
            }
        }
    }

    /// The next frame of this kind on this stream.
    pub(crate) async fn frame(&mut self, kind: u8, stream: u32) -> Frame {
        loop {
            let frame = self.next().await.expect("the connection ended");
            if (frame.kind, frame.stream) == (kind, stream) {
                return frame;
            }
        }
    }

    /// How this stream is answered: with a status, or with the code of a reset, or `None` where the
    /// connection ends.
    pub(crate) async fn answer(&mut self, stream: u32) -> Option<Result<u16, u32>> {
        loop {
            let frame = self.next().await?;
            match frame.kind {
                HEADERS if frame.stream == stream => return Some(Ok(frame.status())),
                RST_STREAM if frame.stream == stream => return Some(Err(frame.code())),
                _ => {}
            }
        }
    }

    /// Reads to the end; the code of the last GOAWAY, if there was one.
    pub(crate) async fn end(&mut self) -> Option<u32> {
        while self.next().await.is_some() {}
        self.goodbye
    }

    /// Answered with a PONG: everything before it was looked at, and the connection stands.
    pub(crate) async fn stands(&mut self) {
        self.send(&frame(PING, 0, 0, b"standing")).await;
        while self.frame(PING, 0).await.payload != b"standing" {}
    }
}
