//! Plain sockets, on which a test says and reads every byte itself: a caller that leaves when it
//! likes, an upstream that stalls, breaks off or talks nonsense.

use std::{
    future::Future,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use bytes::BytesMut;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    time::timeout,
};

/// Waits for something that must happen. The time is for slow machines: nothing here takes it.
pub(crate) async fn soon<F: Future>(event: F) -> F::Output {
    timeout(Duration::from_secs(60), event).await.expect("what was waited for did not happen")
}

/// The first line and the fields of a message, in their order.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) first: String,
    pub(crate) fields: Vec<(String, String)>,
}

impl Head {
    pub(crate) fn status(&self) -> u16 {
        self.first.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// All values of a field.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.fields.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str()).collect()
    }

    /// The one value of a field; empty where there is none.
    pub(crate) fn field(&self, name: &str) -> &str {
        let all = self.all(name);
        assert!(all.len() < 2, "{name} twice in {self:?}");
        all.first().copied().unwrap_or_default()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.fields.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        names.sort_unstable();
        names
    }
}

/// One connection, seen from one of its ends.
pub(crate) struct Wire {
    socket: TcpStream,
    unread: BytesMut,
}

impl Wire {
    pub(crate) async fn to(address: SocketAddr) -> Self {
        Self::on(TcpStream::connect(address).await.unwrap())
    }

    /// From another address of this machine.
    pub(crate) async fn between(from: IpAddr, to: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        Self::on(socket.connect(to).await.unwrap())
    }

    pub(crate) fn on(socket: TcpStream) -> Self {
        socket.set_nodelay(true).unwrap();
        Self { socket, unread: BytesMut::new() }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        soon(self.socket.write_all(bytes.as_ref())).await.unwrap();
    }

    /// The same on a connection that may end at any time.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        soon(self.socket.write_all(bytes.as_ref())).await.is_ok()
    }

    /// Sends without an end, until the other side ends the connection.
    pub(crate) async fn send_until_closed(&mut self) {
        while self.try_send([b'x'; 64 * 1024]).await {}
    }

    /// Sends one chunk of a chunked body.
    pub(crate) async fn send_chunk(&mut self, text: &str) {
        self.send(format!("{:x}\r\n{text}\r\n", text.len())).await;
    }

    /// Sends until the other side takes no more.
    pub(crate) async fn flood(&mut self) {
        self.flood_with(b'x').await;
    }

    /// The same with nothing but this byte.
    pub(crate) async fn flood_with(&mut self, byte: u8) {
        let piece = vec![byte; 64 * 1024];
        // Both ends of a connection of the same machine: what is not taken now stays untaken.
        while timeout(Duration::from_millis(300), self.socket.write_all(&piece)).await.is_ok_and(|sent| sent.is_ok()) {}
    }

    /// Reads more; `false` where there is no more, orderly or not.
    async fn more(&mut self) -> bool {
        soon(self.socket.read_buf(&mut self.unread)).await.is_ok_and(|count| count > 0)
    }

    /// Reads to the empty line; `None` where the connection ends before it.
    pub(crate) async fn try_head(&mut self) -> Option<Head> {
        let end = loop {
            if let Some(end) = self.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            if !self.more().await {
                return None;
            }
        };
        let text = String::from_utf8(self.unread.split_to(end + 4).to_vec()).unwrap();
        let mut lines = text.trim_end().split("\r\n");
        let first = lines.next().unwrap().to_owned();
        let field = |line: &str| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned())).unwrap();
        Some(Head { first, fields: lines.map(field).collect() })
    }

    pub(crate) async fn head(&mut self) -> Head {
        self.try_head().await.expect("the connection ended before a head")
    }

    /// Reads this many bytes; fewer where the connection ends before.
    pub(crate) async fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.unread.len() < count && self.more().await {}
        self.unread.split_to(count.min(self.unread.len())).to_vec()
    }

    /// Reads one chunk; the last one is empty. `None` where the connection ends before its end.
    async fn raw_chunk(&mut self) -> Option<Vec<u8>> {
        let line = loop {
            if let Some(end) = self.unread.windows(2).position(|two| two == b"\r\n") {
                break self.unread.split_to(end + 2);
            }
            if !self.more().await {
                return None;
            }
        };
        let size = usize::from_str_radix(std::str::from_utf8(&line).unwrap().trim(), 16).unwrap();
        let mut chunk = self.bytes(size + 2).await;
        (chunk.len() == size + 2).then(|| {
            chunk.truncate(size);
            chunk
        })
    }

    /// The same for a chunk of text.
    pub(crate) async fn chunk(&mut self) -> Option<String> {
        self.raw_chunk().await.map(|chunk| String::from_utf8(chunk).unwrap())
    }

    /// Reads the event that says why an event stream is over, and the stream's proper end.
    pub(crate) async fn last_event(&mut self) -> String {
        let event = self.chunk().await.expect("the stream broke off");
        assert!(event.contains("\"code\":\"token_revoked\""), "{event:?}");
        assert_eq!(self.chunk().await.as_deref(), Some(""));
        event
    }

    /// Reads the body that belongs to a head, by its framing.
    pub(crate) async fn body(&mut self, head: &Head) -> Vec<u8> {
        if head.field("transfer-encoding") != "chunked" {
            return self.bytes(head.field("content-length").parse().unwrap_or(0)).await;
        }
        let mut body = Vec::new();
        loop {
            let chunk = self.raw_chunk().await.expect("the body broke off");
            if chunk.is_empty() {
                return body;
            }
            body.extend(chunk);
        }
    }

    /// Reads until the other side has gone.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        while self.more().await {}
        self.unread.split().to_vec()
    }

    /// Completes when the other side has closed the connection, having sent nothing more.
    pub(crate) async fn closed(&mut self) {
        let rest = self.rest().await;
        assert!(rest.is_empty(), "{:?}", String::from_utf8_lossy(&rest));
    }

    /// Whether the connection is open and nothing is to be read, as far as can be told now.
    pub(crate) fn is_quiet(&mut self) -> bool {
        let is_empty = matches!(self.socket.try_read_buf(&mut self.unread), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock);
        is_empty && self.unread.is_empty()
    }

    /// Says that nothing more is coming.
    pub(crate) async fn end(&mut self) {
        self.socket.shutdown().await.unwrap();
    }

    /// Ends the connection with a reset.
    pub(crate) fn reset(self) {
        socket2::SockRef::from(&self.socket).set_linger(Some(Duration::ZERO)).unwrap();
    }
}

/// A server whose connections the test serves itself.
pub(crate) struct RawUpstream {
    pub(crate) address: SocketAddr,
    listener: TcpListener,
}

impl RawUpstream {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { address: listener.local_addr().unwrap(), listener }
    }

    /// The next connection.
    pub(crate) async fn accept(&self) -> Wire {
        Wire::on(soon(self.listener.accept()).await.unwrap().0)
    }

    /// Whether there is a connection soon enough; it is dropped when the caller has left.
    pub(crate) async fn is_asked(&self, within: Duration) -> bool {
        match timeout(within, self.accept()).await {
            Ok(mut wire) => {
                tokio::spawn(async move { wire.rest().await });
                true
            }
            Err(_elapsed) => false,
        }
    }

    /// The next connection, with the head that comes first on it.
    pub(crate) async fn asked(&self) -> (Wire, Head) {
        let mut wire = self.accept().await;
        let head = wire.head().await;
        (wire, head)
    }
}
