//! One gateway, one server that writes down every byte, and the cases that are tried on them.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use crate::{
    proxy::{raw::Wire, stand::Stand},
    support::gateway::CONFIG,
};

/// What the server is shown instead of the caller's token.
const UPSTREAM_KEY: &str = "sk-upstream";

/// A case that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(3);

/// A request as it arrived.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Arrived {
    pub(super) first: String,
    /// In their order, as they were written.
    pub(super) fields: Vec<String>,
    /// With its chunks, if it has any.
    pub(super) body: String,
}

/// Bytes as text, each byte a character.
fn latin(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

/// Text as bytes, each character a byte.
fn bytes(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
}

/// Writes down what comes on one connection, and answers each request that is whole.
async fn record(mut socket: TcpStream, whole: Arc<Mutex<Vec<Arrived>>>) {
    let mut unread = Vec::new();
    loop {
        while let Some((arrived, length)) = take(&unread) {
            unread.drain(..length);
            whole.lock().unwrap().push(arrived);
            if socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.is_err() {
                return;
            }
        }
        if !socket.read_buf(&mut unread).await.is_ok_and(|count| count > 0) {
            return;
        }
    }
}

/// The first request in these bytes and its length, once it is whole.
fn take(unread: &[u8]) -> Option<(Arrived, usize)> {
    let find = |mark: &[u8], from: usize| unread[from..].windows(mark.len()).position(|part| part == mark).map(|at| from + at + mark.len());
    let start = find(b"\r\n\r\n", 0)?;
    let head = latin(&unread[..start - 4]);
    let mut lines = head.split("\r\n").map(str::to_owned);
    let (first, fields) = (lines.next().unwrap(), lines.collect::<Vec<_>>());
    let all = |name: &str| {
        let value = |line: &String| line.split_once(": ").filter(|(field, _)| *field == name).map(|(_, value)| value.to_owned());
        fields.iter().filter_map(value).collect::<Vec<_>>()
    };
    let end = match (all("transfer-encoding").as_slice(), all("content-length").as_slice()) {
        ([], []) => start,
        ([], [length]) => start.saturating_add(length.parse().unwrap()),
        ([coding], []) if coding == "chunked" => {
            let mut at = start;
            loop {
                let line_end = find(b"\r\n", at)?;
                let size = usize::from_str_radix(&latin(&unread[at..line_end - 2]), 16).unwrap();
                at = line_end.saturating_add(size).saturating_add(2);
                if at > unread.len() {
                    return None;
                }
                if size == 0 {
                    break at;
                }
            }
        }
        framings => panic!("framed in two ways: {framings:?}"),
    };
    (end <= unread.len()).then(|| (Arrived { first, fields: fields.clone(), body: latin(&unread[start..end]) }, end))
}

/// What is to arrive.
#[derive(Clone)]
pub(super) enum Arrives {
    /// Nothing that is whole.
    Nothing,
    /// These requests: the first line, the fields that the gateway did not set itself, the body.
    These(Vec<(String, Vec<String>, String)>),
}

/// The order of fields with different names says nothing (RFC 9110 section 5.3).
fn by_name(mut fields: Vec<String>) -> Vec<String> {
    fields.sort_by(|one, other| one.split(':').next().cmp(&other.split(':').next()));
    fields
}

/// One case: what is sent, what is answered, what arrives, and whether the connection goes on.
pub(super) struct Case {
    name: String,
    sent: String,
    answers: Vec<u16>,
    arrives: Arrives,
    open: bool,
    ends: bool,
}

/// The request does not get through: 400.
pub(super) fn refused(name: &str, sent: impl Into<String>) -> Case {
    Case { name: name.to_owned(), sent: sent.into(), answers: vec![400], arrives: Arrives::Nothing, open: true, ends: false }
}

/// The caller breaks off here.
pub(super) fn broken_off(name: &str, sent: impl Into<String>) -> Case {
    Case { open: false, ends: true, ..refused(name, sent) }
}

/// The request gets through, and this arrives: its first line, its fields but for those that the
/// gateway sets, and its body.
pub(super) fn passes(name: &str, sent: impl Into<String>, first: &str, fields: &[&str], body: &str) -> Case {
    let fields = by_name(fields.iter().map(|field| (*field).to_owned()).collect());
    let arrives = Arrives::These(vec![(format!("{first} HTTP/1.1"), fields, body.to_owned())]);
    Case { name: name.to_owned(), sent: sent.into(), answers: vec![200], arrives, open: true, ends: false }
}

impl Case {
    /// With this status.
    pub(super) fn with(mut self, status: u16) -> Self {
        self.answers = vec![status];
        self
    }

    /// But nothing arrives.
    pub(super) fn nothing(mut self) -> Self {
        self.arrives = Arrives::Nothing;
        self
    }

    /// With these answers, one after the other.
    pub(super) fn answers(mut self, statuses: &[u16]) -> Self {
        self.answers = statuses.to_vec();
        self
    }

    /// And another request arrives after it.
    pub(super) fn and(mut self, first: &str, body: &str) -> Self {
        let mut these = match self.arrives {
            Arrives::Nothing => Vec::new(),
            Arrives::These(these) => these,
        };
        these.push((format!("{first} HTTP/1.1"), Vec::new(), body.to_owned()));
        self.arrives = Arrives::These(these);
        self
    }

    /// The gateway closes the connection.
    pub(super) fn closing(mut self) -> Self {
        self.open = false;
        self
    }
}

/// The gateway and the server.
pub(super) struct Bench {
    pub(super) stand: Stand,
    pub(super) token: String,
    address: SocketAddr,
    whole: Arc<Mutex<Vec<Arrived>>>,
    _key: tempfile::TempDir,
}

impl Bench {
    /// `/v1` for tokens with one scope, `/v1/admin` for tokens with another, which the callers do
    /// not have, and `/open` for everybody. `more` goes before all tables.
    pub(super) async fn new(more: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let whole = Arc::new(Mutex::new(Vec::new()));
        let records = Arc::clone(&whole);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(record(socket, Arc::clone(&records)));
            }
        });
        let key = tempfile::tempdir().unwrap();
        let file = key.path().join("key");
        std::fs::write(&file, UPSTREAM_KEY).unwrap();
        let config = format!(
            "{more}\n{CONFIG}\n[upstreams.model]\nurl = \"http://{address}\"\napi_key = \"file:{}\"\n\
             [[routes]]\nprefix = \"/v1\"\nscopes = [\"inference\"]\n\
             [[routes]]\nprefix = \"/v1/admin\"\nscopes = [\"images\"]\n\
             [[routes]]\nprefix = \"/open\"\nauth = \"none\"\nerrors = \"problem\"\n",
            file.display()
        );
        let stand = Stand::with(&config).await;
        let token = stand.token_of("ada", "bootspring-cli").await.access;
        Self { stand, token, address, whole, _key: key }
    }

    /// Tries all of them, and fails with a line for each that went wrong.
    pub(super) async fn try_all(&self, cases: Vec<Case>) {
        let mut wrong = Vec::new();
        let mut names = std::collections::BTreeSet::new();
        for case in &cases {
            assert!(names.insert(case.name.as_str()), "{} twice", case.name);
            match timeout(PATIENCE, self.attempt(case)).await {
                Ok(Ok(())) => {}
                Ok(Err(why)) => wrong.push(format!("{}: {why}", case.name)),
                Err(_elapsed) => wrong.push(format!("{}: nothing happens any more", case.name)),
            }
        }
        assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    }

    async fn attempt(&self, case: &Case) -> Result<(), String> {
        self.whole.lock().unwrap().clear();
        let mut caller = Wire::to(self.stand.gateway.address).await;
        caller.send(bytes(&case.sent.replace("{T}", &self.token))).await;
        if case.ends {
            caller.end().await;
        }
        let mut statuses = Vec::new();
        for _ in &case.answers {
            let Some(head) = caller.try_head().await else { break };
            let body = caller.body(&head).await;
            if body.windows(self.token.len()).any(|part| part == self.token.as_bytes()) {
                return Err("the token came back".to_owned());
            }
            statuses.push(head.status());
        }
        // Whether anything is left on the connection that could be taken for a request or an answer.
        let probe = format!("GET /v1/probe HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\nconnection: close\r\n\r\n", self.token);
        if !case.ends {
            caller.try_send(probe).await;
        }
        let probed = match caller.try_head().await {
            Some(head) if head.status() == 200 => true,
            Some(head) => return Err(format!("the probe was answered {head:?} after {statuses:?}")),
            None => false,
        };
        let mut whole = std::mem::take(&mut *self.whole.lock().unwrap());
        if probed && whole.pop().is_none_or(|last| last.first != "GET /v1/probe HTTP/1.1") {
            return Err("the probe did not arrive last".to_owned());
        }
        if statuses != case.answers {
            return Err(format!("answered {statuses:?}, not {:?}; arrived {whole:?}", case.answers));
        }
        let arrived: Vec<_> = whole.iter().map(|arrived| self.stripped(arrived)).collect::<Result<_, _>>()?;
        let expected = match &case.arrives {
            Arrives::Nothing => Vec::new(),
            Arrives::These(these) => these.clone(),
        };
        if arrived != expected {
            return Err(format!("arrived {arrived:?}, not {expected:?}"));
        }
        if probed != case.open {
            return Err(format!("the connection is {}", if probed { "open" } else { "closed" }));
        }
        Ok(())
    }

    /// What arrived, without what the gateway has set, all of which must be right.
    fn stripped(&self, arrived: &Arrived) -> Result<(String, Vec<String>, String), String> {
        let is_open = arrived.first.contains(" /open");
        let mut fields = arrived.fields.clone();
        let mut ours = |name: &str, is_right: &dyn Fn(&str) -> bool| {
            let at = fields.iter().position(|field| field.starts_with(&format!("{name}: ")));
            let value = at.map(|at| fields.remove(at)[name.len() + 2..].to_owned());
            if value.as_deref().is_some_and(is_right) { Ok(()) } else { Err(format!("{name} is {value:?} in {arrived:?}")) }
        };
        ours("host", &|value| value == self.address.to_string())?;
        ours("authorization", &|value| value == format!("Bearer {UPSTREAM_KEY}"))?;
        ours("x-request-id", &|value| value.starts_with("req_") && value.len() == 20)?;
        ours("x-forwarded-for", &|value| value == "127.0.0.1")?;
        ours("x-forwarded-proto", &|value| value == "http")?;
        ours("x-forwarded-host", &|value| value.starts_with(['a', 'A', '[', '1']))?;
        if !is_open {
            ours("x-gatepost-user", &|value| value == "ada")?;
            ours("x-gatepost-client", &|value| value == "bootspring-cli")?;
            ours("x-gatepost-grant", &|value| !value.is_empty())?;
            ours("x-gatepost-scope", &|value| value == "inference")?;
        }
        if fields.iter().any(|field| field.contains(&self.token)) || arrived.first.contains(&self.token) {
            return Err(format!("the token arrived: {arrived:?}"));
        }
        Ok((arrived.first.clone(), by_name(fields), arrived.body.clone()))
    }
}

/// A protected GET of this target.
pub(super) fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {{T}}\r\n\r\n")
}

/// A protected POST with these lines after the first, and what comes after the empty line.
pub(super) fn post(fields: &str, body: &str) -> String {
    format!("POST /v1/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {{T}}\r\n{fields}\r\n{body}")
}

/// All of them on one gateway.
pub(super) async fn all_of(more: &str, cases: Vec<Case>) {
    Bench::new(more).await.try_all(cases).await;
}
