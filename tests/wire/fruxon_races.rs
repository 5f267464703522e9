//! Many who want the same key at once, what breaks off in between, and who comes late with an old one.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use gatepost::{clock::Manual, store::memory::Memory};

use super::fruxon::{CONFIG, House, TOKENS, key, outcome, text};
use crate::{
    proxy::raw::{RawUpstream, Wire},
    support::{
        crowd::at_once,
        faulty::{Fault, Faulty, Weather},
        http::{bearing, get, try_send},
        records::START,
        upstream::Upstream,
        watched::Watched,
    },
};

const CROWD: usize = 64;

fn forwarding(upstream: std::net::SocketAddr) -> String {
    format!(
        "{CONFIG}[upstreams.model]\nurl = \"http://{upstream}\"\n[[routes]]\nprefix = \"/v1\"\nscopes = [\"inference\"]\nerrors = \"problem\"\n"
    )
}

/// An answer that has begun: the caller's end of it, and the upstream's.
async fn streaming(house: &House, upstream: &RawUpstream, key: &str) -> (Wire, Wire) {
    let mut caller = Wire::to(house.gateway.address).await;
    caller.send(format!("GET /v1/x HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {key}\r\n\r\n")).await;
    let (mut wire, _) = upstream.asked().await;
    wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
    assert_eq!(caller.head().await.status(), 200);
    (caller, wire)
}

/// A house over a store that fails as a test wants it to.
async fn faulty(seed: u64) -> (House, Arc<Faulty>) {
    let time = Manual::starting_at(START);
    let store = Faulty::over(Arc::new(Memory::new(time.clock())), Weather::FAIR, seed);
    (House::over(CONFIG, Arc::clone(&store) as _, time).await, store)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_all_polls_at_once_one_gets_the_key() {
    let house = House::start(CONFIG).await;
    // Once where the device has no key, then where it has one.
    for polls in [2, CROWD, CROWD] {
        let device_code = house.approved("d").await;
        let answers = at_once((0..polls).map(|_| house.poll(&device_code))).await;
        let (given, others): (Vec<_>, Vec<_>) = answers.iter().partition(|reply| reply.status == 200);
        let [given] = given.as_slice() else { panic!("{} of {polls} have a key", given.len()) };
        assert!(others.iter().all(|reply| outcome(reply) == (410, "consumed".to_owned())), "{others:?}");
        assert_eq!(house.current(&key(given)).await.0, 200);
    }
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_answer_on_the_old_secret_opens_nothing() {
    let upstream = Upstream::start().await;
    let house = House::start(&forwarding(upstream.address)).await;
    let mut old = house.key("d").await;
    let (_, id) = house.current(&old).await;
    for _ in 0..4 {
        let device_code = house.approved("d").await;
        let delivered = AtomicBool::new(false);
        let call = async || {
            loop {
                let is_late = delivered.load(Ordering::SeqCst);
                // One that was on its way is cut off.
                let Ok(reply) = try_send(house.gateway.address, bearing(get("/v1/models"), &old)).await else { continue };
                match reply.status.as_u16() {
                    200 => assert!(!is_late, "it opened something after the answer"),
                    401 => return assert_eq!(reply.json()["code"], "token_revoked"),
                    status => panic!("{status}: {}", reply.text()),
                }
            }
        };
        let poll = async || {
            let next = key(&house.poll(&device_code).await);
            delivered.store(true, Ordering::SeqCst);
            next
        };
        let (next, _) = tokio::join!(poll(), at_once((0..CROWD).map(|_| call())));
        assert_eq!(house.current(&next).await, (200, id.clone()));
        old = next;
    }
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_was_opened_with_the_old_secret_is_cut() {
    let upstream = RawUpstream::start().await;
    let house = House::start(&forwarding(upstream.address)).await;
    let (old, other) = (house.key("d").await, house.key("another").await);
    let mut streams = [streaming(&house, &upstream, &old).await, streaming(&house, &upstream, &other).await];
    house.key("d").await;
    let [(caller, wire), (on, goes_on)] = &mut streams;
    // Neither more data nor a clean end.
    assert_eq!(caller.chunk().await, None);
    wire.closed().await;
    goes_on.send_chunk("on").await;
    assert_eq!(on.chunk().await.as_deref(), Some("on"));
    drop(streams);
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wherever_a_replacement_breaks_off_the_next_poll_delivers() {
    let (house, store) = faulty(1).await;
    let mut old = house.key("d").await;
    let (_, id) = house.current(&old).await;
    let (mut broke_off, mut gave_up_the_old) = (0, 0);
    for skipped in 0.. {
        let device_code = house.approved("d").await;
        let before = store.failed();
        store.plan(skipped, Fault::Before);
        let reply = house.poll(&device_code).await;
        store.unplan();
        let next = if store.failed() == before {
            key(&reply)
        } else {
            assert_eq!((outcome(&reply), reply.header("retry-after")), ((503, String::new()), "1"));
            broke_off += 1;
            // Between the two commits nothing opens.
            gave_up_the_old += u32::from(house.current(&old).await == (401, "token_revoked".to_owned()));
            key(&house.poll(&device_code).await)
        };
        assert_eq!(house.current(&old).await, (401, "token_revoked".to_owned()));
        assert_eq!(house.current(&next).await, (200, id.clone()));
        assert_eq!(outcome(&house.poll(&device_code).await), (410, "consumed".to_owned()));
        old = next;
        if store.failed() == before {
            break;
        }
    }
    assert!(broke_off > gave_up_the_old && gave_up_the_old > 0, "{broke_off} {gave_up_the_old}");
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_lost_leaves_one_key_at_most() {
    let (house, store) = faulty(2).await;
    let mut old = house.key("d").await;
    for skipped in 0.. {
        let device_code = house.approved("d").await;
        let before = store.failed();
        store.plan(skipped, Fault::After);
        let reply = house.poll(&device_code).await;
        store.unplan();
        if store.failed() == before {
            break;
        }
        assert_eq!(outcome(&reply), (503, String::new()));
        match outcome(&house.poll(&device_code).await) {
            (200, _) => {}
            // It was delivered to nobody. The old one is over all the same, and the next login has a key.
            over => assert_eq!(over, (410, "consumed".to_owned())),
        }
        assert_eq!(house.current(&old).await, (401, "token_revoked".to_owned()));
        old = house.key("d").await;
    }
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_all_logins_of_one_device_at_once_one_secret_is_left() {
    for seed in 0..8 {
        let (house, store) = faulty(seed).await;
        house.key("d").await;
        let mut logins = Vec::new();
        for _ in 0..4 {
            logins.push(house.approved("d").await);
        }
        store.set(Weather::CROWDED);
        let keys = at_once(logins.iter().map(async |device_code| key(&house.poll(device_code).await))).await;
        store.set(Weather::FAIR);
        let mut open = 0;
        for key in &keys {
            open += usize::from(house.current(key).await.0 == 200);
        }
        assert_eq!(open, 1, "seed {seed}");
        house.gateway.end().await;
    }
}

/// One login has taken the device's key back, and before it has put another in its place, another login
/// of the device does.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_login_was_given_in_between_ends_once_the_other_has_its_key() {
    let upstream = RawUpstream::start().await;
    let time = Manual::starting_at(START);
    let store = Arc::new(Watched::new(time.clock()));
    let house = House::over(&forwarding(upstream.address), Arc::clone(&store) as _, time).await;
    let first = house.key("d").await;
    let (slow, quick) = (house.approved("d").await, house.approved("d").await);
    store.stop_commit(1);
    let between = async {
        store.commit_waits().await;
        let between = key(&house.poll(&quick).await);
        assert_eq!(house.current(&first).await, (401, "token_revoked".to_owned()));
        let stream = streaming(&house, &upstream, &between).await;
        store.let_through();
        (between, stream)
    };
    let (last, (between, (mut caller, mut wire))) = tokio::join!(house.poll(&slow), between);
    assert_eq!(house.current(&between).await, (401, "token_revoked".to_owned()));
    assert_eq!(house.current(&key(&last)).await.0, 200);
    assert_eq!(caller.chunk().await, None);
    wire.closed().await;
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_all_rotations_at_once_one_secret_is_left() {
    let house = House::start(CONFIG).await;
    let first = house.key("d").await;
    let (_, id) = house.current(&first).await;
    let answers = at_once((0..CROWD).map(|_| house.rotate(&first, &id))).await;
    let (mut given, mut refused) = (Vec::new(), BTreeSet::new());
    for reply in &answers {
        match reply.status.as_u16() {
            200 => given.push(text(&reply.json(), "token")),
            status => drop(refused.insert((status, text(&reply.json(), "code")))),
        }
    }
    assert!(!given.is_empty() && refused.iter().all(|no| *no == (401, "token_revoked".to_owned())), "{refused:?}");
    let mut open = 0;
    for secret in given.iter().chain([&first]) {
        open += usize::from(house.current(secret).await == (200, id.clone()));
    }
    assert_eq!(open, 1, "of {}", given.len());
    house.gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_and_a_login_at_once_leave_one_secret() {
    for seed in 0..12 {
        let (house, store) = faulty(seed).await;
        let first = house.key("d").await;
        let (_, id) = house.current(&first).await;
        let device_code = house.approved("d").await;
        store.set(Weather::CROWDED);
        let (rotated, polled) = tokio::join!(house.rotate(&first, &id), house.poll(&device_code));
        store.set(Weather::FAIR);
        let delivered = key(&polled);
        let mut open = u32::from(house.current(&first).await.0 == 200) + u32::from(house.current(&delivered).await == (200, id.clone()));
        match rotated.status.as_u16() {
            200 => open += u32::from(house.current(&text(&rotated.json(), "token")).await.0 == 200),
            // The login was faster: before the rotation was asked for, or while it was.
            status => assert!(matches!(status, 401 | 404), "{status}: {}", rotated.text()),
        }
        assert_eq!(open, 1, "seed {seed}");
        let listed = house.gateway.send(bearing(get(TOKENS), &delivered)).await;
        if listed.status == 200 {
            assert_eq!(listed.json().as_array().map(Vec::len), Some(1));
        }
        house.gateway.end().await;
    }
}
