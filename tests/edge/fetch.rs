//! Fetching the document that a stranger points at: from real servers with TLS, on this machine.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use gatepost::{
    clock::Manual,
    net::fetch::{FetchError, FetchSettings, Fetcher, Resolve},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::mpsc,
    task::JoinHandle,
};
use url::Url;

use crate::{
    proxy::{raw::soon, tls::Certificate},
    support::records::START,
};

const DOCUMENT: &str = "{\"client_id\":\"https://localhost/client\"}";

/// What a server does once it has read a request.
#[derive(Clone)]
enum Does {
    /// Says this and hangs up.
    Says(String),
    /// Says this, and then this over and over until nobody listens.
    GoesOn(&'static str, &'static str),
    /// Says this and no more.
    Stalls(&'static str),
}

fn answer(head: &str, body: &str) -> Does {
    Does::Says(format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()))
}

fn json(body: &str) -> Does {
    answer("200 OK\r\ncontent-type: application/json", body)
}

/// A server for one connection.
struct Server {
    certificate: Certificate,
    address: SocketAddr,
    /// The heads of the requests that came.
    asked: mpsc::UnboundedReceiver<String>,
    served: JoinHandle<()>,
}

impl Server {
    async fn that(does: Does) -> Self {
        let certificate = Certificate::new();
        let acceptor = certificate.acceptor();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, asked) = mpsc::unbounded_channel();
        let served = tokio::spawn(async move {
            let (socket, _) = listener.accept().await.unwrap();
            // Whoever does not like the certificate hangs up.
            let Ok(mut tls) = acceptor.accept(socket).await else { return };
            let mut head = Vec::new();
            while !head.windows(4).any(|four| four == b"\r\n\r\n") {
                if tls.read_buf(&mut head).await.unwrap_or(0) == 0 {
                    return;
                }
            }
            tell.send(String::from_utf8(head).unwrap()).unwrap();
            match does {
                Does::Says(text) => {
                    // The other side may have read enough.
                    let _ = tls.write_all(text.as_bytes()).await;
                    let _ = tls.shutdown().await;
                }
                Does::GoesOn(first, then) => {
                    let _ = tls.write_all(first.as_bytes()).await;
                    while tls.write_all(then.as_bytes()).await.is_ok() {}
                }
                Does::Stalls(text) => {
                    tls.write_all(text.as_bytes()).await.unwrap();
                    tls.flush().await.unwrap();
                    let _ = tls.read_to_end(&mut Vec::new()).await;
                }
            }
        });
        Self { certificate, address, asked, served }
    }

    /// A fetcher that may come here: the operator allows this machine, and trusts the server.
    fn fetcher(&self, time: &Manual) -> Fetcher {
        fetcher(&["127.0.0.0/8"], &[&self.certificate], time)
    }

    fn url(&self, path: &str) -> Url {
        format!("https://localhost:{}{path}", self.address.port()).parse().unwrap()
    }
}

/// A fetcher for which `localhost` and every other name is 127.0.0.1.
fn fetcher(networks: &[&str], trusted: &[&Certificate], time: &Manual) -> Fetcher {
    let networks = networks.iter().map(|network| network.parse().unwrap()).collect();
    let roots = trusted.iter().map(|certificate| certificate.root()).collect();
    Fetcher::new(FetchSettings { networks, roots }, time.clock()).unwrap().resolving(finding(&["127.0.0.1"]))
}

/// Finds these addresses for every name.
fn finding(addresses: &'static [&'static str]) -> Resolve {
    Arc::new(move |_, port| Box::pin(async move { Ok(addresses.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), port)).collect()) }))
}

fn time() -> Manual {
    Manual::starting_at(START)
}

/// What comes of a server's doing this.
async fn fetched(does: Does) -> Result<Bytes, FetchError> {
    let server = Server::that(does).await;
    soon(server.fetcher(&time()).get(&server.url("/client"))).await
}

#[tokio::test]
async fn a_document_is_fetched_with_nothing_said_but_what_is_needed() {
    let mut server = Server::that(json(DOCUMENT)).await;
    let document = soon(server.fetcher(&time()).get(&server.url("/a%20b/client.json?v=1"))).await.unwrap();
    assert_eq!(document, DOCUMENT);
    let head = soon(server.asked.recv()).await.unwrap();
    let mut lines: Vec<&str> = head.trim_end().split("\r\n").collect();
    assert_eq!(lines.remove(0), "GET /a%20b/client.json?v=1 HTTP/1.1");
    lines.sort_unstable();
    let host = format!("host: localhost:{}", server.address.port());
    let agent = concat!("user-agent: gatepost/", env!("CARGO_PKG_VERSION"));
    assert_eq!(lines, ["accept: application/json", "connection: close", &host, agent]);
}

#[tokio::test]
async fn json_may_be_of_any_kind_and_framed_in_any_way() {
    for content_type in ["application/json", "application/json; charset=utf-8", "Application/JSON", "application/client-metadata+json"] {
        let document = fetched(answer(&format!("200 OK\r\ncontent-type: {content_type}"), DOCUMENT)).await;
        assert_eq!(document.unwrap(), DOCUMENT, "{content_type}");
    }
    let chunked = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n";
    assert_eq!(fetched(Does::Says(chunked.to_owned())).await.unwrap(), "{}");
    let until_closed = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{}";
    assert_eq!(fetched(Does::Says(until_closed.to_owned())).await.unwrap(), "{}");
}

#[tokio::test]
async fn only_200_is_a_document_and_a_redirect_is_not_followed() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let location = format!("https://localhost:{}/client", elsewhere.local_addr().unwrap().port());
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent", "201 Created", "404 Not Found", "500 Oh"] {
        let told = fetched(answer(&format!("{status}\r\nlocation: {location}\r\ncontent-type: application/json"), DOCUMENT)).await;
        assert!(matches!(&told, Err(FetchError::Status(told)) if status.starts_with(told.as_str())), "{status}: {told:?}");
    }
    assert_nobody_came(elsewhere);
}

#[tokio::test]
async fn what_is_no_json_is_no_document() {
    for fields in [
        "",
        "\r\ncontent-type: text/html",
        "\r\ncontent-type: text/json",
        "\r\ncontent-type: application/jsonp",
        "\r\ncontent-type: application/x, application/json",
        "\r\ncontent-type: application/json\r\ncontent-type: text/html",
    ] {
        let told = fetched(answer(&format!("200 OK{fields}"), DOCUMENT)).await;
        assert!(matches!(told, Err(FetchError::ContentType)), "{fields:?}: {told:?}");
    }
}

#[tokio::test]
async fn five_kibibytes_are_a_document_and_one_byte_more_is_not() {
    let full = format!("\"{}\"", "x".repeat((5 << 10) - 2));
    assert_eq!(fetched(json(&full)).await.unwrap().len(), 5 << 10);
    assert!(matches!(fetched(json(&format!("{full} "))).await, Err(FetchError::TooLarge)));
}

#[tokio::test]
async fn a_body_without_an_end_is_read_no_further_than_it_may_be() {
    for head in [
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n",
    ] {
        let server = Server::that(Does::GoesOn(head, "3\r\nxxx\r\n")).await;
        let told = soon(server.fetcher(&time()).get(&server.url("/client"))).await;
        assert!(matches!(told, Err(FetchError::TooLarge)), "{told:?}");
        // The connection has ended, or the server would go on.
        soon(server.served).await.unwrap();
    }
}

#[tokio::test]
async fn a_head_without_an_end_is_given_up() {
    let server = Server::that(Does::GoesOn("HTTP/1.1 200 OK\r\n", "x-more: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n")).await;
    let told = soon(server.fetcher(&time()).get(&server.url("/client"))).await;
    assert!(matches!(told, Err(FetchError::Http(_))), "{told:?}");
    soon(server.served).await.unwrap();
}

#[tokio::test]
async fn a_document_that_breaks_off_is_none() {
    let says = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{}";
    let told = fetched(Does::Says(says.to_owned())).await;
    assert!(matches!(told, Err(FetchError::Broken(_))), "{told:?}");
}

#[tokio::test]
async fn after_five_seconds_nobody_waits_any_longer_wherever_it_hangs() {
    for says in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{"] {
        let time = time();
        let mut server = Server::that(Does::Stalls(says)).await;
        let (fetcher, url) = (server.fetcher(&time), server.url("/client"));
        let fetch = tokio::spawn(async move { fetcher.get(&url).await });
        soon(server.asked.recv()).await.unwrap();
        time.advance(Duration::from_millis(4999));
        // On one thread: whoever was woken has its turn before this goes on.
        tokio::task::yield_now().await;
        assert!(!fetch.is_finished(), "{says:?}");
        time.advance(Duration::from_millis(1));
        let told = soon(fetch).await.unwrap();
        assert!(matches!(told, Err(FetchError::TooSlow)), "{says:?}: {told:?}");
        soon(server.served).await.unwrap();
    }
}

#[tokio::test]
async fn a_look_up_that_hangs_is_within_the_five_seconds() {
    let time = time();
    let (tell, mut told) = mpsc::unbounded_channel();
    let hangs: Resolve = Arc::new(move |host, _| {
        tell.send(host).unwrap();
        Box::pin(std::future::pending())
    });
    let fetcher = fetcher(&[], &[], &time).resolving(hangs);
    let fetch = tokio::spawn(async move { fetcher.get(&"https://app.example/client".parse().unwrap()).await });
    assert_eq!(soon(told.recv()).await.unwrap(), "app.example");
    time.advance(Duration::from_secs(5));
    assert!(matches!(soon(fetch).await.unwrap(), Err(FetchError::TooSlow)));
}

/// Connections of this machine stand at once: whoever came is waiting here.
fn assert_nobody_came(listener: TcpListener) {
    let came = listener.into_std().unwrap().accept();
    assert!(matches!(&came, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock), "{came:?}");
}

#[tokio::test]
async fn by_default_nobody_knocks_at_an_address_that_is_not_on_the_open_network() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for host in ["localhost", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "0.0.0.0"] {
        let url: Url = format!("https://{host}:{port}/client").parse().unwrap();
        let told = soon(fetcher(&[], &[], &time()).get(&url)).await;
        assert!(matches!(told, Err(FetchError::Private(_))), "{host}: {told:?}");
    }
    // The system's own look-up too.
    let fetcher = Fetcher::new(FetchSettings::default(), time().clock()).unwrap();
    let told = soon(fetcher.get(&format!("https://localhost:{port}/client").parse().unwrap())).await;
    assert!(matches!(told, Err(FetchError::Private(_))), "{told:?}");
    assert_nobody_came(listener);
}

#[tokio::test]
async fn one_address_that_may_not_be_asked_spoils_all() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("https://localhost:{}/client", listener.local_addr().unwrap().port()).parse().unwrap();
    let lists: [&[&str]; 3] = [&["127.0.0.1", "10.0.0.1"], &["127.0.0.1", "1.1.1.1", "::1"], &["169.254.169.254", "127.0.0.1"]];
    for list in lists {
        let told = soon(fetcher(&["127.0.0.1/32"], &[], &time()).resolving(finding(list)).get(&url)).await;
        assert!(matches!(told, Err(FetchError::Private(_))), "{list:?}: {told:?}");
    }
    assert_nobody_came(listener);
}

#[tokio::test]
async fn the_address_that_was_looked_at_is_the_address_that_is_asked() {
    let server = Server::that(json(DOCUMENT)).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    // As one who answers for a short while with what may be asked, and then with what may not.
    let rebinding: Resolve = Arc::new(move |_, port| {
        let ip = if count.fetch_add(1, Ordering::Relaxed) == 0 { "127.0.0.1" } else { "169.254.169.254" };
        Box::pin(async move { Ok(vec![SocketAddr::new(ip.parse().unwrap(), port)]) })
    });
    // Were the name looked up by anybody else, there would be no address.
    let url: Url = format!("https://localhost:{}/client", server.address.port()).parse().unwrap();
    let document = soon(server.fetcher(&time()).resolving(rebinding).get(&url)).await.unwrap();
    assert_eq!((document.as_ref(), asked.load(Ordering::Relaxed)), (DOCUMENT.as_bytes(), 1));
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_is_told_nothing() {
    let mut server = Server::that(json(DOCUMENT)).await;
    let told = soon(fetcher(&["127.0.0.1/32"], &[], &time()).get(&server.url("/client"))).await;
    assert!(matches!(told, Err(FetchError::Tls(_))), "{told:?}");
    assert_eq!(soon(server.asked.recv()).await, None);
}

#[tokio::test]
async fn a_server_that_is_vouched_for_by_another_name_is_told_nothing() {
    for host in ["other.example", "127.0.0.1"] {
        let mut server = Server::that(json(DOCUMENT)).await;
        let url: Url = format!("https://{host}:{}/client", server.address.port()).parse().unwrap();
        let told = soon(server.fetcher(&time()).get(&url)).await;
        assert!(matches!(told, Err(FetchError::Tls(_))), "{host}: {told:?}");
        assert_eq!(soon(server.asked.recv()).await, None);
    }
}

#[tokio::test]
async fn an_address_of_another_kind_is_not_even_looked_up() {
    let never: Resolve = Arc::new(|host, _| panic!("{host} was looked up"));
    let fetcher = fetcher(&["0.0.0.0/0"], &[], &time()).resolving(never);
    for url in [
        "http://localhost/client",
        "ftp://localhost/client",
        "file:///etc/passwd",
        "data:application/json,{}",
        "https://localhost",
        "https://localhost/",
        "https://localhost/a/..",
        "https://u@localhost/client",
        "https://u:p@localhost/client",
        "https://localhost/client#a",
        "https://localhost/client#",
        "https://a_b.example!/client",
    ] {
        let told = soon(fetcher.get(&url.parse().unwrap())).await;
        assert!(matches!(told, Err(FetchError::Address)), "{url}: {told:?}");
    }
}

#[tokio::test]
async fn who_cannot_be_found_or_reached_is_told_apart() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let url: Url = format!("https://localhost:{}/client", gone.port()).parse().unwrap();
    let told = soon(fetcher(&["127.0.0.1/32"], &[], &time()).get(&url)).await;
    assert!(matches!(told, Err(FetchError::Unreachable(_))), "{told:?}");
    let told = soon(fetcher(&[], &[], &time()).resolving(finding(&[])).get(&url)).await;
    assert!(matches!(told, Err(FetchError::Unreachable(_))), "{told:?}");
    let unknown: Resolve = Arc::new(|_, _| Box::pin(async { Err(std::io::Error::other("no such host")) }));
    let told = soon(fetcher(&[], &[], &time()).resolving(unknown).get(&url)).await;
    assert!(matches!(told, Err(FetchError::Resolve(_))), "{told:?}");
}
