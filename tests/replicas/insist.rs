//! What cannot be taken back because Redis is away is taken back once it can be.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use gatepost::engine::{Engine, Error, Unavailable};
use http::Method;
use serde_json::{Value, json};
use tokio::{sync::mpsc, task::block_in_place};

use super::{
    formats::log_in,
    good,
    outage::{BROKEN, Fault},
};
use crate::{
    proxy::raw::soon,
    support::{
        fault::FaultProxy,
        gateway::{Gateway, forwarding},
        http::{bearing, get, post_form, post_json, request, send},
        redis::Server,
        replicas::Replica,
        upstream::Upstream,
    },
    wire::together::credentials::{self, Kind, text},
};

const TRIED: &str = "could not be taken back yet";
const AFTER_ALL: &str = "taken back after all";

/// A gateway in a process of its own, and the network between it and Redis.
struct House {
    replica: Replica,
    proxy: FaultProxy,
    _redis: Server,
    _upstream: Upstream,
}

impl House {
    async fn start() -> Option<Self> {
        let redis = Server::start(&[])?;
        let upstream = Upstream::start().await;
        let proxy = FaultProxy::before(redis.address());
        let replica = Replica::start(&forwarding(upstream.address), proxy.address()).await;
        block_in_place(|| replica.add_user());
        Some(Self { replica, proxy, _redis: redis, _upstream: upstream })
    }

    /// A login's access token, and its grant.
    async fn login(&self) -> (String, String) {
        let access = text(&log_in(self.replica.address, self.replica.address).await, "access_token");
        let grants = block_in_place(|| self.replica.admin(&["grant", "list"]));
        let live = grants.as_array().unwrap().iter().find(|grant| grant["state"] == "live").unwrap();
        (access, text(live, "id"))
    }

    /// From now on Redis cannot be reached.
    async fn part(&self) {
        self.proxy.refuse().await;
        self.proxy.reset_all();
    }

    fn refused(&self, arguments: &[&str]) -> (Value, i32) {
        let (said, code) = block_in_place(|| self.replica.refused(arguments));
        (serde_json::from_str(&said).unwrap(), code)
    }

    /// Waits until something else than an outage is answered.
    async fn status(&self, access: &str) -> u16 {
        settled(async || send(self.replica.address, bearing(get("/v1/x"), access)).await.status.as_u16(), |status| *status != 503).await
    }
}

/// Asks until it is so.
async fn settled<T>(ask: impl AsyncFn() -> T, is_so: impl Fn(&T) -> bool) -> T {
    let began = Instant::now();
    loop {
        let answer = ask().await;
        if is_so(&answer) {
            return answer;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "it does not come to that");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_operator_took_back_in_an_outage_is_taken_back_after_it() {
    let Some(mut house) = House::start().await else { return };
    let (access, grant) = house.login().await;
    assert_eq!(house.status(&access).await, 200);
    house.part().await;
    // A second time is no mistake, and is not tried twice.
    for _ in 0..2 {
        let (error, code) = house.refused(&["grant", "revoke", &grant]);
        assert_eq!((error["error"]["code"].as_str(), code), (Some("pending"), 75), "{error}");
        let message = error["error"]["message"].as_str().unwrap();
        assert!(message.starts_with("the store is unavailable: "), "{message}");
        assert!(message.ends_with("; this replica keeps trying until it is taken back"), "{message}");
    }
    let shown = block_in_place(|| house.replica.admin(&["replica", "show"]));
    assert_eq!(shown["insisted"], 1, "{shown}");
    assert!(house.replica.logs(TRIED).await.contains(&grant));

    house.proxy.pass();
    let line = house.replica.logs(AFTER_ALL).await;
    assert!(line.contains(&grant), "{line}");
    assert_eq!(house.status(&access).await, 401);
    let shown = block_in_place(|| house.replica.admin(&["replica", "show"]));
    assert_eq!(shown["insisted"], 0, "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_that_takes_back_is_kept_and_no_other() {
    let Some(mut house) = House::start().await else { return };
    let (access, _) = house.login().await;
    let kid = text(&block_in_place(|| house.replica.admin(&["key", "list"]))[0], "kid");
    house.part().await;
    for (arguments, expected) in [
        (&["user", "show", "ada"][..], "unavailable"),
        (&["user", "enable", "ada"], "unavailable"),
        (&["key", "revoke", kid.as_str()], "pending"),
        (&["client", "disable", "bootspring-cli"], "pending"),
        (&["user", "revoke", "ada"], "pending"),
        (&["user", "disable", "ada"], "pending"),
    ] {
        let (error, code) = house.refused(arguments);
        assert_eq!((error["error"]["code"].as_str(), code), (Some(expected), 75), "{arguments:?}: {error}");
    }
    house.proxy.pass();
    for _ in 0..4 {
        house.replica.logs(AFTER_ALL).await;
    }
    let told = |arguments: &[&str]| block_in_place(|| house.replica.admin(arguments));
    assert_eq!(told(&["user", "show", "ada"])["enabled"], false);
    assert_eq!(told(&["client", "show", "bootspring-cli"])["enabled"], false);
    let keys = told(&["key", "list"]);
    assert!(keys.as_array().unwrap().iter().any(|key| key["kid"] == kid.as_str() && key["state"] == "revoked"), "{keys}");
    assert_eq!(house.status(&access).await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_gateway_nobody_keeps_trying() {
    let Some(house) = House::start().await else { return };
    let (_, grant) = house.login().await;
    let House { replica, proxy, .. } = &house;
    replica.tell(rustix::process::Signal::KILL);
    proxy.refuse().await;
    proxy.reset_all();
    let (said, code) = block_in_place(|| replica.refused(&["grant", "revoke", &grant]));
    assert!(code == 69 && !said.contains("keeps trying"), "{code}: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_app_or_a_person_takes_back_in_an_outage_is_taken_back_after_it() {
    let Some(house) = super::House::impatient().await else { return };
    let gateway = house.gateway(BROKEN);
    let got = credentials::one_of_each(gateway).await;
    let find = |dialect, kind| got.iter().find(|one| (one.dialect, one.kind) == (dialect, kind)).unwrap().text.as_str();
    let of = |dialect| find(dialect, Kind::Access);
    let current = bearing(get("/v1/tenants/acme/tokens/current"), of("fruxon"));
    let key = text(&good(gateway, current).await.json(), "id");
    // What is known here, a replica without Redis goes on with as long as its lease holds.
    let accesses = ["bootspring", "standard", "serble", "fruxon"].map(of);
    for access in accesses {
        assert_eq!(gateway.send(bearing(get("/models/x"), access)).await.status, 200);
    }
    Fault::Refused.begin(&house.replicas).await;
    let deletion = |at: &str, access| bearing(request(Method::DELETE, at, "", ""), access);
    for end in [
        post_json("/api/v1/auth/logout", &json!({"refreshToken": find("bootspring", Kind::Refresh)})),
        post_form("/oauth/revoke", &[("client_id", "both"), ("token", of("standard"))]),
        deletion("/api/v1/account/authorizedApps/photos", of("serble")),
        deletion(&format!("/v1/tenants/acme/tokens/{key}"), of("fruxon")),
    ] {
        let at = end.uri().path().to_owned();
        assert_eq!(gateway.send(end).await.status, 503, "{at}");
    }
    assert_eq!(gateway.engine.insisted(), accesses.len());
    Fault::Refused.end(&house.replicas);
    for (gateway, access) in house.replicas.gateways.iter().flat_map(|gateway| accesses.map(|access| (gateway, access))) {
        let status = async || gateway.send(bearing(get("/models/x"), access)).await.status.as_u16();
        assert_eq!(settled(status, |status| *status == 401).await, 401);
    }
    assert_eq!(settled(async || gateway.engine.insisted(), |left| *left == 0).await, 0);
}

fn away() -> Error {
    Unavailable::because("a test").into()
}

type Tried = std::future::Ready<Result<(), Error>>;

/// Something that fails as long as the store is away; each try is told.
fn told(is_away: &Arc<AtomicBool>) -> (mpsc::UnboundedReceiver<()>, impl Fn(Arc<Engine>) -> Tried + 'static) {
    let (tries, told) = mpsc::unbounded_channel();
    let is_away = Arc::clone(is_away);
    let verb = move |_| {
        // Nobody may listen any more.
        let _ = tries.send(());
        std::future::ready(if is_away.load(Ordering::SeqCst) { Err(away()) } else { Ok(()) })
    };
    (told, verb)
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_tried_until_it_is_done_and_no_more() {
    let gateway = Gateway::start().await;
    let is_away = Arc::new(AtomicBool::new(true));
    let (mut tries, verb) = told(&is_away);
    assert!(gateway.engine.insist("a".to_owned(), verb).await.is_err());
    for _ in 0..3 {
        soon(tries.recv()).await.unwrap();
    }
    is_away.store(false, Ordering::SeqCst);
    while soon(tries.recv()).await.is_some() {}
    assert_eq!(settled(async || gateway.engine.insisted(), |left| *left == 0).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_it_by_hand_ends_the_trying() {
    let gateway = Gateway::start().await;
    let (mut tries, verb) = told(&Arc::new(AtomicBool::new(true)));
    assert!(gateway.engine.insist("a".to_owned(), verb).await.is_err());
    let by_hand = gateway.engine.insist("a".to_owned(), |_| std::future::ready(Ok::<(), Error>(()))).await;
    assert!(by_hand.is_ok() && gateway.engine.insisted() == 0);
    while soon(tries.recv()).await.is_some() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_tried_for_an_hour() {
    let gateway = Gateway::start().await;
    let (mut tries, verb) = told(&Arc::new(AtomicBool::new(true)));
    assert!(gateway.engine.keep_trying("a".to_owned(), verb));
    gateway.time.advance(Duration::from_secs(3599));
    for _ in 0..2 {
        soon(tries.recv()).await.unwrap();
    }
    gateway.time.advance(Duration::from_secs(1));
    while soon(tries.recv()).await.is_some() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_not_tried_again() {
    let gateway = Gateway::start().await;
    let refused = || async { Err::<(), Error>(Error::Refused(gatepost::oauth::client::UNKNOWN)) };
    assert!(gateway.engine.insist("a".to_owned(), move |_| refused()).await.is_err());
    assert_eq!(gateway.engine.insisted(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_than_a_thousand_things_are_tried_at_a_time() {
    let gateway = Gateway::start().await;
    let keep = |what: usize| gateway.engine.keep_trying(what.to_string(), |_| std::future::ready(Err::<(), Error>(away())));
    assert!((0..1000).all(keep));
    assert!(!keep(1000), "one more is not taken");
    assert!(keep(7), "this one is tried already");
    assert_eq!(gateway.engine.insisted(), 1000);
}
