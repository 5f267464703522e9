//! Clients with a document at their id, across sockets: the document lies behind TLS on this machine,
//! and the gateway fetches it as it does everywhere.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use gatepost::dialects::Documents;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::{Bench, Walk, inference};
use crate::proxy::tls::Certificate;

/// A host that shows the same to everybody.
struct Host {
    certificate: Certificate,
    port: u16,
    says: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
}

impl Host {
    async fn start() -> Self {
        let certificate = Certificate::new();
        let acceptor = certificate.acceptor();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (says, asked) = (Arc::new(Mutex::new(String::new())), Arc::new(AtomicUsize::new(0)));
        let (answer, count) = (Arc::clone(&says), Arc::clone(&asked));
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                // Whoever does not like the certificate hangs up.
                let Ok(mut tls) = acceptor.accept(socket).await else { continue };
                let mut head = Vec::new();
                while !head.windows(4).any(|four| four == b"\r\n\r\n") && tls.read_buf(&mut head).await.is_ok_and(|count| count > 0) {}
                let answer = answer.lock().unwrap().clone();
                // The other side may have read enough.
                let _ = tls.write_all(answer.as_bytes()).await;
                let _ = tls.shutdown().await;
            }
        });
        Self { certificate, port, says, asked }
    }

    fn id(&self) -> String {
        format!("https://localhost:{}/client.json", self.port)
    }

    fn document(&self) -> Value {
        json!({
            "client_id": self.id(), "client_name": "An app", "redirect_uris": [self.callback(), "http://localhost/cb"],
            "grant_types": ["authorization_code", "refresh_token"], "token_endpoint_auth_method": "none",
        })
    }

    fn callback(&self) -> String {
        format!("https://localhost:{}/cb", self.port)
    }

    fn shows(&self, document: &Value) {
        self.says("200 OK", &document.to_string());
    }

    fn says(&self, status: &str, body: &str) {
        let length = body.len();
        let answer = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}");
        *self.says.lock().unwrap() = answer;
    }

    /// A gateway whose operator lets it come here.
    async fn bench(&self) -> Bench {
        let networks = ["127.0.0.0/8", "::1/128"].map(|network| network.parse().unwrap()).to_vec();
        Self::bench_with(Documents { scopes: inference(), networks, roots: vec![self.certificate.root()] }).await
    }

    async fn bench_with(documents: Documents) -> Bench {
        Bench::new(Walk { registration: None, documents: Some(documents) }).await
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_nobody_registered_walks_through() {
    let host = Host::start().await;
    host.shows(&host.document());
    let bench = host.bench().await;
    let (id, callback) = (host.id(), host.callback());
    // Before anybody said yes it is unknown where nothing is fetched.
    assert_eq!(bench.redeem(&id, &callback, "wo_x").await.1["error"], "invalid_client");
    assert_eq!(host.asked(), 0);
    let code = bench.approve(&id, &callback).await;
    let (status, tokens) = bench.redeem(&id, &callback, &code).await;
    assert_eq!((status, &tokens["scope"]), (200, &"inference".into()), "{tokens}");
    let (status, tokens) = bench.refresh(&id, &tokens["refresh_token"]).await;
    assert_eq!(status, 200, "{tokens}");
    assert_eq!(host.asked(), 1);
    let grants = bench.allowed().await;
    let [grant] = grants.as_slice() else { panic!("{grants:?}") };
    assert_eq!((grant.app.name.as_str(), grant.app.verified, grant.client.as_str()), ("localhost", false, id.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_on_the_users_machine_takes_whatever_port_it_gets() {
    let host = Host::start().await;
    host.shows(&host.document());
    let bench = host.bench().await;
    let callback = "http://localhost:49152/cb";
    let code = bench.approve(&host.id(), callback).await;
    assert_eq!(bench.redeem(&host.id(), callback, &code).await.0, 200);
    assert_eq!(bench.unaskable(&host.id(), "http://localhost:49152/other").await.code.as_str(), "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_document_about_its_own_address_is_told_to_the_user_and_to_nobody_else() {
    let host = Host::start().await;
    let other = json!({"client_id": "https://other.example/client.json"});
    let mut wrong = host.document();
    wrong.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
    let moved = format!("302 Found\r\nlocation: {}", host.id());
    let good = host.document().to_string();
    for (status, body) in [
        ("200 OK", wrong.to_string()),
        ("200 OK", "{}".into()),
        ("200 OK", "hello".into()),
        ("200 OK", format!("{good}{}", " ".repeat(5 << 10))),
        (&moved, good.clone()),
        ("404 Not Found", good.clone()),
    ] {
        host.says(status, &body);
        let refusal = host.bench().await.unaskable(&host.id(), &host.callback()).await;
        assert_eq!(refusal.code.as_str(), "invalid_client", "{status} {body:.40}: {refusal}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn by_default_no_document_comes_from_an_address_inside_and_nothing_is_told_of_it() {
    let host = Host::start().await;
    host.shows(&host.document());
    let roots = vec![host.certificate.root()];
    let bench = Host::bench_with(Documents { scopes: inference(), networks: Vec::new(), roots }).await;
    let inside = bench.unaskable(&host.id(), &host.callback()).await;
    let nowhere = bench.unaskable("https://nowhere.invalid/client.json", &host.callback()).await;
    assert_eq!(inside, nowhere);
    assert_eq!((inside.code.as_str(), host.asked()), ("invalid_client", 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_documents_are_not_taken_nobody_is_asked_for_one() {
    let host = Host::start().await;
    host.shows(&host.document());
    let bench = Bench::new(Walk::default()).await;
    assert_eq!(bench.unaskable(&host.id(), &host.callback()).await.code.as_str(), "invalid_client");
    assert_eq!(host.asked(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_store_is_away_nobody_says_that_a_client_is_unknown() {
    let host = Host::start().await;
    host.shows(&host.document());
    let bench = host.bench().await;
    bench.stand.take_store_away();
    let asked = bench.page.read(Some(&super::query(&host.id(), &host.callback())), super::here()).await;
    assert!(matches!(asked, Err(gatepost::dialects::Unanswered::Engine(gatepost::engine::Error::Unavailable(_)))));
}
