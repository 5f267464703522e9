//! A Redis that cannot be asked: whoever needs it is told 503, now and in his own words; nobody else notices;
//! and once it is back all goes on without a restart.

mod asks;
mod held;
mod lost;
mod weather;

use std::time::{Duration, Instant};

use gatepost::{
    config::store::{Mode, Redis},
    verify::LEASE,
};

use self::asks::Known;
use super::{House, Way, good};
use crate::{
    proxy::raw::soon,
    support::{
        crowd::at_once,
        http::{bearing, get},
        replicas::Replicas,
        upstream::Upstream,
    },
    wire::together::credentials,
};

/// How long a call to Redis may take.
const TIMEOUT: Duration = Duration::from_secs(1);
/// So much later than that an answer may come on a busy machine.
const BUSY: Duration = Duration::from_secs(8);
/// The replica between which and Redis the network breaks; another is beside it.
pub(super) const BROKEN: usize = 1;

/// What goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    /// All is swallowed, each way.
    BlackHole,
    /// Connections end, and there are no new ones.
    Refused,
    /// Commands are carried out, and the answers wait.
    Held,
    /// Each way takes longer than a call may.
    Slow,
    /// Each answer breaks off in its middle, and the connection with it.
    Cut,
    /// Redis dies, as a machine without power does.
    Killed,
    /// Redis keeps its connections, and does nothing.
    Stopped,
}

impl Fault {
    /// Whether it is Redis itself, and so everybody's.
    fn is_everywhere(self) -> bool {
        matches!(self, Self::Killed | Self::Stopped)
    }

    pub(super) async fn begin(self, replicas: &Replicas) {
        let proxy = &replicas.proxies[BROKEN];
        match self {
            Self::BlackHole => proxy.black_hole(),
            Self::Refused => {
                proxy.refuse().await;
                proxy.reset_all();
            }
            Self::Held => proxy.hold_answers(),
            Self::Slow => proxy.delay(2 * TIMEOUT),
            Self::Cut => proxy.cut_after(7),
            Self::Killed => replicas.redis.kill(),
            Self::Stopped => replicas.redis.stop(),
        }
    }

    pub(super) fn end(self, replicas: &Replicas) {
        match self {
            Self::Killed => replicas.redis.restart(),
            Self::Stopped => replicas.redis.go_on(),
            _ => replicas.proxies[BROKEN].pass(),
        }
    }
}

impl House {
    /// Two replicas, whose calls to Redis may not take long.
    pub(super) async fn impatient() -> Option<Self> {
        Self::impatiently_going(Way::Cached).await
    }

    async fn impatiently_going(way: Way) -> Option<Self> {
        let upstream = Upstream::start().await;
        let config = credentials::config(&upstream.address.to_string());
        let set = |realm: &mut Redis| {
            realm.timeout = TIMEOUT;
            realm.mode = if way == Way::Strict { Mode::Strict } else { Mode::Cached };
        };
        Some(Self { replicas: Replicas::in_realm(2, &config, set).await?, upstream })
    }

    /// Waits until this replica admits the token again.
    async fn recovered(&self, replica: usize, token: &str) {
        let began = Instant::now();
        loop {
            let status = self.gateway(replica).send(bearing(get("/models/x"), token)).await.status.as_u16();
            match status {
                200 => return println!("replica {replica} admits again after {:?}", began.elapsed()),
                503 => tokio::time::sleep(Duration::from_millis(20)).await,
                status => panic!("an outage was taken for an answer: {status}"),
            }
            assert!(began.elapsed() < Duration::from_secs(60), "replica {replica} does not come back");
        }
    }
}

async fn is_survived(fault: Fault) {
    let Some(house) = House::impatient().await else { return };
    let known = Known::gather(&house).await;
    // A logout that is asked for meanwhile comes about once it can.
    let access = known.personal().to_owned();
    let gateway = house.gateway(BROKEN);
    let call = async || gateway.send(bearing(get("/models/x"), &access)).await.status;
    assert_eq!(call().await, 200);
    fault.begin(&house.replicas).await;
    assert_eq!(call().await, 200, "it has a lease still");
    house.replicas.time.advance(LEASE);
    let came = house.upstream.seen().len();

    let began = Instant::now();
    let asks = known.asks();
    let replies = soon(at_once(asks.iter().map(|ask| gateway.send(ask.request())))).await;
    println!("{fault:?}: {} questions were answered in {:?}", replies.len(), began.elapsed());
    assert!(began.elapsed() < TIMEOUT + BUSY, "they were not answered at once: {:?}", began.elapsed());
    let wrong: Vec<String> = asks.iter().zip(&replies).filter_map(|(ask, reply)| ask.wrong(reply)).collect();
    assert!(wrong.is_empty(), "{fault:?}:\n{}", wrong.join("\n"));
    assert_eq!(house.upstream.seen().len(), came, "something was forwarded");
    // What needs no store.
    for path in ["/health", "/.well-known/jwks.json", "/.well-known/oauth-authorization-server", "/sign-in"] {
        good(gateway, get(path)).await;
    }
    let other = if access.ends_with('a') { "b" } else { "a" };
    for forged in [format!("{}{other}", &access[..access.len() - 1]), "nothing".to_owned()] {
        assert_eq!(gateway.send(bearing(get("/models/x"), &forged)).await.status, 401);
    }
    let beside = house.gateway(0).send(bearing(get("/models/x"), &access)).await;
    assert_eq!(beside.status, if fault.is_everywhere() { 503 } else { 200 });

    fault.end(&house.replicas);
    // Whoever takes something back waits for the others, who renew by the clock.
    let _time = house.replicas.let_time_run();
    house.recovered(BROKEN, &access).await;
    house.recovered(0, &access).await;
    known.are_good(&house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_swallows_everything_is_an_outage_and_no_more() {
    is_survived(Fault::BlackHole).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_refuses_connections_is_an_outage_and_no_more() {
    is_survived(Fault::Refused).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_keeps_its_answers_is_an_outage_and_no_more() {
    is_survived(Fault::Held).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_too_slow_is_an_outage_and_no_more() {
    is_survived(Fault::Slow).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_break_off_are_an_outage_and_no_more() {
    is_survived(Fault::Cut).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_dies_and_comes_back_with_its_data_is_an_outage_and_no_more() {
    is_survived(Fault::Killed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_stands_still_is_an_outage_and_no_more() {
    is_survived(Fault::Stopped).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_of_all_connections_is_over_in_a_moment() {
    let Some(house) = House::impatiently_going(Way::Strict).await else { return };
    let access = house.token().await.access;
    for _ in 0..5 {
        house.replicas.proxies[BROKEN].reset_all();
        house.recovered(BROKEN, &access).await;
    }
}
