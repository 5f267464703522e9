//! Calls at all replicas without a pause, and what became of each: the history that is checked.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::sleep};
use tokio_util::task::AbortOnDropHandle;

use super::House;
use crate::support::{
    gateway::{Gateway, forwarding},
    http::{bearing, get},
    upstream::Upstream,
};

/// So many callers at each replica.
const CALLERS: usize = 3;
/// So many calls are good at each replica before anything is taken back, and so many are refused after it.
const BEFORE: usize = 30;
const AFTER: usize = 150;

/// One call. The status is 0 where the connection ended without an answer.
#[derive(Clone, Copy, Debug)]
struct Call {
    number: u64,
    replica: usize,
    /// Before its first byte was sent.
    sent: Instant,
    answered: Instant,
    status: u16,
}

/// Callers who go on until this is dropped.
struct Hammer {
    calls: Arc<Mutex<Vec<Call>>>,
    _callers: Vec<AbortOnDropHandle<()>>,
}

impl Hammer {
    fn start(addresses: &[SocketAddr], token: &str) -> Self {
        let calls = Arc::default();
        let callers = addresses.iter().enumerate().flat_map(|at| [at; CALLERS]).map(|(replica, address)| {
            let call = call_on(replica, *address, token.to_owned(), Arc::clone(&calls));
            AbortOnDropHandle::new(tokio::spawn(call))
        });
        Self { _callers: callers.collect(), calls }
    }

    /// Waits until each replica has answered so many calls of this kind.
    async fn until(&self, count: usize, replicas: usize, kind: impl Fn(&Call) -> bool) {
        let began = Instant::now();
        loop {
            let calls = self.calls.lock().unwrap().clone();
            let of = |replica| calls.iter().filter(|call| call.replica == replica && kind(call)).count();
            if (0..replicas).all(|replica| of(replica) >= count) {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(120), "the replicas answer too little: {:?}", calls.last());
            sleep(Duration::from_millis(5)).await;
        }
    }
}

async fn call_on(replica: usize, address: SocketAddr, token: String, calls: Arc<Mutex<Vec<Call>>>) {
    /// Each call of the process has another.
    static NUMBERS: AtomicU64 = AtomicU64::new(0);
    let mut kept = None;
    loop {
        let connection = match kept.take() {
            Some(connection) => connection,
            None => connect(address).await,
        };
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let sent = Instant::now();
        let status = ask(connection, number, &token, &mut kept).await.unwrap_or(0);
        calls.lock().unwrap().push(Call { number, replica, sent, answered: Instant::now(), status });
    }
}

async fn connect(address: SocketAddr) -> SendRequest<Full<Bytes>> {
    let (sender, connection) = handshake(TokioIo::new(TcpStream::connect(address).await.unwrap())).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// The status; the connection is kept where it can be.
async fn ask(
    mut connection: SendRequest<Full<Bytes>>,
    number: u64,
    token: &str,
    kept: &mut Option<SendRequest<Full<Bytes>>>,
) -> hyper::Result<u16> {
    connection.ready().await?;
    let mut request = bearing(get(&format!("/models/x?n={number}")), token);
    request.headers_mut().insert("host", "a".parse().unwrap());
    let reply = connection.send_request(request).await?;
    let status = reply.status().as_u16();
    reply.into_body().collect().await?;
    *kept = Some(connection);
    Ok(status)
}

/// The numbers of the calls that came upstream.
fn forwarded(upstream: &Upstream) -> BTreeSet<u64> {
    let number = |target: &str| target.split_once("?n=").map(|(_, number)| number.parse().unwrap());
    upstream.seen().iter().filter_map(|seen| number(&seen.target)).collect()
}

/// Calls with this token at these addresses while it is taken back. Whatever is sent after that was answered is
/// refused everywhere, or nobody can say; and nothing of it comes upstream. Answers how often nobody could say.
pub(super) async fn check_in_any_weather(
    what: &str,
    addresses: &[SocketAddr],
    upstream: &Upstream,
    token: &str,
    take_back: impl Future<Output = ()>,
) -> usize {
    let hammer = Hammer::start(addresses, token);
    hammer.until(BEFORE, addresses.len(), |call| call.status == 200).await;
    let began = Instant::now();
    take_back.await;
    let returned = Instant::now();
    hammer.until(AFTER, addresses.len(), |call| call.sent >= returned).await;
    let calls = hammer.calls.lock().unwrap().clone();
    drop(hammer);
    let refused = calls.iter().find(|call| call.answered < began && !matches!(call.status, 200 | 503));
    assert!(refused.is_none(), "{what}: refused before anything was taken back: {refused:?}");
    let late: Vec<&Call> = calls.iter().filter(|call| call.sent >= returned).collect();
    let forwarded = forwarded(upstream);
    let violations: Vec<_> = late.iter().filter(|call| !matches!(call.status, 401 | 503) || forwarded.contains(&call.number)).collect();
    assert!(violations.is_empty(), "{what}: {} of {} calls after the answer: {:?}", violations.len(), late.len(), violations.first());
    let unsaid = calls.iter().filter(|call| call.status == 503).count();
    let took = returned - began;
    println!("{what}: answered in {took:?}; {} calls before it, {} after it; {unsaid} times 503", calls.len() - late.len(), late.len());
    unsaid
}

/// The same where nothing is wrong, and so everybody can say.
pub(super) async fn check(what: &str, addresses: &[SocketAddr], upstream: &Upstream, token: &str, take_back: impl Future<Output = ()>) {
    assert_eq!(check_in_any_weather(what, addresses, upstream, token, take_back).await, 0, "{what}");
}

impl House {
    /// The same at all replicas of the house.
    pub(super) async fn takes_back(&self, what: &str, token: &str, take_back: impl Future<Output = ()>) {
        check(what, &self.addresses(), &self.upstream, token, take_back).await;
    }

    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.replicas.gateways.iter().map(|gateway| gateway.address).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "calls after the answer")]
async fn a_call_that_is_admitted_after_the_answer_is_found() {
    let upstream = Upstream::start().await;
    let gateway = Gateway::with(&forwarding(upstream.address).replace("prefix = \"/v1\"", "prefix = \"/models\"")).await;
    let access = super::token(&gateway).await.access;
    check("nothing", &[gateway.address], &upstream, &access, async {}).await;
}
