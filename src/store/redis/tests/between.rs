//! What stands between a link and its server: a proxy with faults, and a server that only pretends.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::sleep,
};
use tokio_util::task::AbortOnDropHandle;

use super::server::host;
use crate::config::store::Host;

/// What becomes of bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Pass,
    /// Nothing arrives any more, and nobody is told.
    Hole,
    /// So many bytes of what the server says next, then a reset; whoever connects then gets through.
    CutOnceAfter(usize),
}

/// Passes on to a server, until told otherwise.
pub(super) struct Proxy {
    pub(super) host: Host,
    mode: Arc<watch::Sender<Mode>>,
    _accepts: AbortOnDropHandle<()>,
}

impl Proxy {
    pub(super) async fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = host(listener.local_addr().unwrap().port());
        let mode = Arc::new(watch::Sender::new(Mode::Pass));
        let set = Arc::clone(&mode);
        let accepts = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let mode = Arc::clone(&set);
                tokio::spawn(async move {
                    mode.subscribe().wait_for(|mode| *mode != Mode::Hole).await.ok()?;
                    between(client, TcpStream::connect(("127.0.0.1", server)).await.ok()?, &mode).await
                });
            }
        });
        Self { host, mode, _accepts: AbortOnDropHandle::new(accepts) }
    }

    pub(super) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }
}

async fn between(mut client: TcpStream, mut server: TcpStream, mode: &watch::Sender<Mode>) -> Option<()> {
    let (mut up, mut down) = ([0; 4096], [0; 4096]);
    let mut modes = mode.subscribe();
    loop {
        // While there is a hole, nothing is read, so that senders meet full buffers.
        modes.wait_for(|mode| *mode != Mode::Hole).await.ok()?;
        tokio::select! {
            biased;
            changed = modes.changed() => changed.ok()?,
            read = client.read(&mut up) => match read.ok()? {
                0 => return None,
                length => server.write_all(&up[..length]).await.ok()?,
            },
            read = server.read(&mut down) => {
                let length = read.ok().filter(|length| *length > 0)?;
                let now = *modes.borrow();
                if let Mode::CutOnceAfter(kept) = now {
                    mode.send_replace(Mode::Pass);
                    client.write_all(&down[..kept.min(length)]).await.ok()?;
                    return client.set_zero_linger().ok();
                }
                client.write_all(&down[..length]).await.ok()?;
            }
        }
    }
}

/// Speaks as much RESP as a link needs to take it for a primary, and answers scripts as the test likes.
pub(super) struct Pretender {
    pub(super) host: Host,
    /// How often somebody connected.
    pub(super) connections: Arc<AtomicUsize>,
    _accepts: AbortOnDropHandle<()>,
}

impl Pretender {
    /// One that answers scripts after a pause, by what `answers` makes of the words.
    pub(super) async fn new(
        version: &'static str,
        pause: Duration,
        answers: impl Fn(&[Vec<u8>]) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on(listener, version, b"_\r\n".to_vec(), pause, answers)
    }

    /// One that says that all keys are at itself, where it was not asked.
    pub(super) async fn moving() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let moved = format!("-MOVED 1 :{}\r\n", listener.local_addr().unwrap().port());
        Self::on(listener, "7.0.0", moved.into_bytes(), Duration::ZERO, |_| Vec::new())
    }

    fn on(
        listener: TcpListener,
        version: &'static str,
        to_get: Vec<u8>,
        pause: Duration,
        answers: impl Fn(&[Vec<u8>]) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let host = host(listener.local_addr().unwrap().port());
        let connections = Arc::new(AtomicUsize::new(0));
        let (count, answers) = (Arc::clone(&connections), Arc::new(answers));
        let accepts = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                count.fetch_add(1, SeqCst);
                let (answers, to_get) = (Arc::clone(&answers), to_get.clone());
                tokio::spawn(async move {
                    let mut client = BufReader::new(client);
                    while let Some(words) = question(&mut client).await {
                        let answer = match words[0].as_slice() {
                            b"HELLO" => {
                                format!("%3\r\n+version\r\n+{version}\r\n+mode\r\n+standalone\r\n+role\r\n+master\r\n").into_bytes()
                            }
                            b"CLIENT" => b"+OK\r\n".to_vec(),
                            b"EVALSHA" => {
                                sleep(pause).await;
                                answers(&words)
                            }
                            _ => to_get.clone(),
                        };
                        client.write_all(&answer).await.ok()?;
                    }
                    Some(())
                });
            }
        });
        Self { host, connections, _accepts: AbortOnDropHandle::new(accepts) }
    }
}

/// `*<words>`, then `$<length>` and a word each.
async fn question(client: &mut BufReader<TcpStream>) -> Option<Vec<Vec<u8>>> {
    async fn number(client: &mut BufReader<TcpStream>) -> Option<usize> {
        let mut line = String::new();
        client.read_line(&mut line).await.ok()?;
        line.get(1..)?.trim().parse().ok()
    }
    let mut words = Vec::new();
    for _ in 0..number(client).await? {
        let mut word = vec![0; number(client).await? + 2];
        client.read_exact(&mut word).await.ok()?;
        word.truncate(word.len() - 2);
        words.push(word);
    }
    Some(words)
}

/// `[nonce, number]` as RESP.
pub(super) fn pair(nonce: &[u8], number: &[u8]) -> Vec<u8> {
    let mut answer = b"*2\r\n".to_vec();
    for word in [nonce, number] {
        answer.extend(format!("${}\r\n", word.len()).into_bytes());
        answer.extend(word);
        answer.extend(b"\r\n");
    }
    answer
}
