//! REQUEST.

use std::{pin::pin, sync::Arc, time::Duration};

use tokio::task::JoinHandle;

use super::realm::{Realm, Replica, grant, id, waits};
use crate::{
    config::store::Mode,
    store::{Key, Record},
};

#[tokio::test]
async fn a_known_grant_is_let_in_without_a_read() {
    let realm = Realm::new().await;
    let replica = realm.joined("a", Mode::Cached).await;
    for _ in 0..3 {
        assert_eq!(replica.shown(&realm.token(1, 1)).await, 200);
        assert_eq!(replica.shown(&realm.token(1, 2)).await, 200);
    }
    assert_eq!(replica.site.reads(), 1);
}

#[tokio::test]
async fn without_a_lease_a_request_waits_and_is_told_that_nobody_can_say() {
    let realm = Realm::new().await;
    for mode in [Mode::Cached, Mode::Strict] {
        let replica = realm.joined("a", mode).await;
        assert_eq!(replica.shown(&realm.token(1, 1)).await, 200);
        realm.pass(1980);
        assert_eq!(replica.shown(&realm.token(1, 1)).await, 503, "{mode:?}");
        assert_eq!(replica.shown(&realm.token(2, 1)).await, 503, "{mode:?}");
    }
}

#[tokio::test]
async fn a_request_that_waits_for_a_lease_has_it_renewed() {
    let realm = Realm::new().await;
    let replica = realm.joined("a", Mode::Cached).await;
    realm.pass(10_000);
    let token = realm.token(1, 1);
    let renew = async {
        replica.verifier.lease_wanted().await;
        replica.lease().await;
    };
    assert_eq!(tokio::join!(replica.shown(&token), renew).0, 200);
}

#[tokio::test]
async fn a_number_that_is_ahead_of_what_is_known_is_read_anew() {
    let realm = Realm::new().await;
    let replica = realm.joined("a", Mode::Cached).await;
    assert_eq!(replica.shown(&realm.token(1, 2)).await, 200);
    assert_eq!(replica.shown(&realm.token(1, 3)).await, 401);
    realm.node.put(Key::Grant(id(1)), Record::Grant(Box::new(grant(1, 3)))).await;
    assert_eq!(replica.shown(&realm.token(1, 3)).await, 200);
    let reads = replica.site.reads();
    assert_eq!(replica.shown(&realm.token(1, 3)).await, 200);
    assert_eq!(replica.site.reads(), reads);
}

#[tokio::test]
async fn what_a_server_of_another_history_says_is_asked_again_and_then_nobody_can_say() {
    let realm = Realm::new().await;
    for mode in [Mode::Cached, Mode::Strict] {
        let replica = realm.joined("a", mode).await;
        let other = realm.another_node().await;
        // There it was taken back, and there is no such grant: whatever it says, it is not the one to ask.
        other.take_back(Realm::revocation(1)).await;
        replica.site.read_at(&other);
        assert_eq!(replica.shown(&realm.token(1, 1)).await, 503, "{mode:?}");
        assert_eq!(replica.shown(&realm.token(9, 1)).await, 503, "{mode:?}");
        assert_eq!((replica.site.reads(), replica.site.looks_elsewhere()), (4, 1), "{mode:?}");
    }
}

#[tokio::test]
async fn a_read_that_came_before_its_server_had_what_is_applied_is_asked_again() {
    let realm = Realm::new().await;
    let replica = realm.joined("a", Mode::Cached).await;
    let other = realm.another_node().await;
    replica.site.read_at(&other);
    let token = realm.token(1, 1);
    let renew = async {
        replica.verifier.lease_wanted().await;
        replica.site.renew_at(&other);
        assert!(replica.round().await.is_ok());
        replica.lease().await;
    };
    assert_eq!(tokio::join!(replica.shown(&token), renew).0, 200);
}

#[tokio::test]
async fn a_read_that_was_overtaken_is_good_for_its_request_and_is_not_kept() {
    let realm = Realm::new().await;
    let replica = realm.joined("a", Mode::Cached).await;
    let token = realm.token(1, 1);
    replica.site.hold_reads(true);
    let mut shown = pin!(replica.shown(&token));
    assert!(waits(shown.as_mut()).await);
    realm.revoke(2).await;
    replica.lease().await;
    replica.site.hold_reads(false);
    assert_eq!(shown.await, 200);
    assert!(!replica.knows(1), "who can say whether it was this one");
    assert_eq!(replica.shown(&token).await, 200);
    assert!(replica.knows(1));
}

#[tokio::test]
async fn a_request_whose_grant_is_revoked_while_it_is_read_is_cut_off() {
    let realm = Realm::new().await;
    let replica = realm.joined("a", Mode::Cached).await;
    let token = realm.token(1, 1);
    replica.site.hold_reads(true);
    let mut verified = pin!(replica.verifier.verify(&token, Duration::ZERO));
    assert!(waits(verified.as_mut()).await);
    realm.revoke(1).await;
    replica.lease().await;
    replica.site.hold_reads(false);
    let (_, stream) = verified.await.unwrap();
    assert!(stream.cut().is_cancelled() && !replica.knows(1));
    assert_eq!(replica.shown(&token).await, 401);
}

/// So many who show a token at once, and have come as far as they come.
async fn crowd(replica: &Arc<Replica>, token: &str, count: usize) -> Vec<JoinHandle<u16>> {
    let show = |_| {
        let (replica, token) = (Arc::clone(replica), token.to_owned());
        tokio::spawn(async move { replica.shown(&token).await })
    };
    let all = (0..count).map(show).collect();
    tokio::task::yield_now().await;
    all
}

async fn statuses(all: Vec<JoinHandle<u16>>) -> Vec<u16> {
    let mut statuses = Vec::new();
    for one in all {
        statuses.push(one.await.unwrap());
    }
    statuses
}

#[tokio::test]
async fn of_many_who_want_the_same_grant_few_read_it() {
    let realm = Realm::new().await;
    let replica = Arc::new(realm.joined("a", Mode::Cached).await);
    replica.site.hold_reads(true);
    let all = crowd(&replica, &realm.token(1, 1), 50).await;
    replica.site.hold_reads(false);
    assert_eq!(statuses(all).await, [200; 50]);
    assert_eq!(replica.site.reads(), 4);
}

#[tokio::test]
async fn who_comes_after_a_revocation_goes_by_no_read_from_before_it() {
    let realm = Realm::new().await;
    let replica = Arc::new(realm.joined("a", Mode::Cached).await);
    let token = realm.token(1, 1);
    replica.site.hold_reads(true);
    let early = crowd(&replica, &token, 4).await;
    assert_eq!(replica.site.reads(), 4);
    realm.revoke(1).await;
    replica.lease().await;
    let late = crowd(&replica, &token, 4).await;
    replica.site.hold_reads(false);
    assert_eq!((statuses(early).await, statuses(late).await), (vec![200; 4], vec![401; 4]));
}

#[tokio::test]
async fn strict_reads_each_time() {
    let realm = Realm::new().await;
    let replica = realm.joined("a", Mode::Strict).await;
    for reads in 1..=3 {
        assert_eq!(replica.shown(&realm.token(1, 1)).await, 200);
        assert_eq!(replica.site.reads(), reads);
    }
    realm.revoke(1).await;
    assert_eq!(replica.shown(&realm.token(1, 1)).await, 401, "it has heard of nothing, and asks");
}

const SERVE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_route_may_serve_tokens_that_were_seen_and_no_others_until_that_is_over() {
    let realm = Realm::new().await;
    for mode in [Mode::Cached, Mode::Strict] {
        let replica = realm.joined("a", mode).await;
        let (seen, other, stranger) = (realm.token(1, 1), realm.token(1, 2), realm.token(2, 1));
        assert_eq!(replica.shown(&seen).await, 200);
        replica.site.cut_off(true);
        assert!(replica.round().await.is_err());
        realm.pass(1980);
        let shown = async |token| (replica.shown_at(token, SERVE).await, replica.shown(token).await);
        assert_eq!(shown(&seen).await, (200, 503), "{mode:?}");
        assert_eq!(shown(&other).await, (503, 503), "{mode:?}: a known grant's other token");
        assert_eq!(shown(&stranger).await, (503, 503), "{mode:?}");
        realm.pass(59_999);
        assert_eq!(shown(&seen).await, (200, 503), "{mode:?}");
        realm.pass(1);
        assert_eq!(shown(&seen).await, (503, 503), "{mode:?}");
        replica.site.cut_off(false);
        replica.lease().await;
        assert_eq!(shown(&other).await, (200, 200), "{mode:?}");
    }
}

#[tokio::test]
async fn who_never_had_a_lease_serves_nobody() {
    let realm = Realm::new().await;
    let replica = realm.replica("a", Mode::Cached);
    assert_eq!(replica.shown_at(&realm.token(1, 1), SERVE).await, 503);
}

#[tokio::test]
async fn a_token_whose_key_is_not_known_is_no_stranger_where_there_is_no_lease() {
    let realm = Realm::new().await;
    let replica = realm.joined("a", Mode::Cached).await;
    let unknown = {
        let other = Realm::new().await;
        let mut keys = crate::oauth::signing::SigningKeys::default();
        keys.ensure(&other.keyring, other.time.clock().now()).unwrap();
        let jti = crate::oauth::jwt::Jti { grant: id(1), number: 1 };
        secrecy::ExposeSecret::expose_secret(&super::token(&keys, &other.keyring, other.time.clock().now(), jti)).to_owned()
    };
    assert_eq!(replica.shown(&unknown).await, 401);
    realm.pass(10_000);
    assert_eq!(replica.shown(&unknown).await, 503);
}
