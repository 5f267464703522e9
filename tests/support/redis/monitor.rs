//! What a server is told, as `MONITOR` tells it.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    sync::{Arc, Mutex},
};

use super::{Server, until};

/// A command that came to a server, or that a script gave there.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// The connection that it came by; nothing where a script gave it.
    pub(crate) by: Option<String>,
    /// The words, with what MONITOR escapes in them as it was.
    pub(crate) words: Vec<u8>,
}

/// Listens from now on.
pub(crate) struct Monitor(Arc<Mutex<Vec<Told>>>);

impl Monitor {
    pub(crate) fn of(server: &Server) -> Self {
        let mut socket = TcpStream::connect(server.address()).unwrap();
        socket.write_all(b"MONITOR\r\n").unwrap();
        let mut lines = BufReader::new(socket).split(b'\n');
        assert_eq!(lines.next().unwrap().unwrap(), b"+OK\r");
        let told: Arc<Mutex<Vec<Told>>> = Arc::default();
        let heard = Arc::clone(&told);
        // It ends with the server.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| heard.lock().unwrap().push(read(&line))));
        Self(told)
    }

    /// All that came since it was asked last, but for what the test itself said.
    pub(crate) fn since(&self, server: &Server) -> Vec<Told> {
        let mark = format!("{:016x}", rand::random::<u64>());
        let _: String = server.command(&["ECHO", &mark]);
        let is_mark = |told: &Told| told.words.windows(mark.len()).any(|words| words == mark.as_bytes());
        until("the monitor has told all", || self.0.lock().unwrap().iter().any(is_mark));
        let mut all = std::mem::take(&mut *self.0.lock().unwrap());
        let own = all.iter().find(|told| is_mark(told)).and_then(|told| told.by.clone());
        // Whoever listens to notices sends a PING now and then, whatever a test does.
        let is_ping = |told: &Told| told.words.starts_with(b"\"PING\"");
        all.retain(|told| told.by.is_none() || told.by != own && !is_ping(told));
        all
    }
}

/// `+<time> [<db> <connection>] <words>`, where scripts are `lua` for a connection.
fn read(line: &[u8]) -> Told {
    let text = String::from_utf8_lossy(line);
    let by = text.split_once("] ").and_then(|(head, _)| head.rsplit(' ').next()).unwrap_or_else(|| panic!("{text}")).to_owned();
    let start = line.windows(2).position(|two| two == b"] ").unwrap() + 2;
    Told { by: (by != "lua").then_some(by), words: unescaped(&line[start..]) }
}

fn unescaped(mut text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    loop {
        let (byte, rest) = match text {
            [] => return bytes,
            [b'\\', b'x', high, low, rest @ ..] => (hex(*high) * 16 + hex(*low), rest),
            [b'\\', b'n', rest @ ..] => (b'\n', rest),
            [b'\\', b'r', rest @ ..] => (b'\r', rest),
            [b'\\', b't', rest @ ..] => (b'\t', rest),
            [b'\\', b'a', rest @ ..] => (7, rest),
            [b'\\', b'b', rest @ ..] => (8, rest),
            [b'\\', byte, rest @ ..] | [byte, rest @ ..] => (*byte, rest),
        };
        bytes.push(byte);
        text = rest;
    }
}

fn hex(digit: u8) -> u8 {
    char::from(digit).to_digit(16).unwrap().try_into().unwrap()
}

#[test]
fn what_is_told_is_heard_with_the_scripts_that_did_it() {
    let Some(server) = Server::start(&[]) else { return };
    let monitor = Monitor::of(&server);
    let mut other = ::redis::Client::open(server.url()).unwrap().get_connection().unwrap();
    let odd: &[u8] = b"a\"b\\c\n\x00\xff\x07";
    let script = "return redis.call('SET', 'b', ARGV[1])";
    ::redis::cmd("EVAL").arg(script).arg(0).arg(odd).exec(&mut other).unwrap();
    let told = monitor.since(&server);
    let has = |told: &Told| told.words.windows(odd.len()).any(|words| words == odd);
    let sets: Vec<&Told> = told.iter().filter(|told| has(told)).collect();
    assert!(sets.len() == 2 && sets[0].by.is_some() && sets[1].by.is_none(), "{told:?}");
    assert!(monitor.since(&server).is_empty());
}
